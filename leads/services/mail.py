"""Mail from the templates in `emails/`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


def send_mail(*, name: str, to: str, context: dict[str, Any]) -> None:
    """Send `emails/<name>-{subject.txt,body.txt,body.html}` to one person; OSError when mail is down."""
    context = {"base_url": settings.BASE_URL, **context}
    subject = " ".join(render_to_string(f"emails/{name}-subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject=subject, body=render_to_string(f"emails/{name}-body.txt", context).strip() + "\n", to=[to]
    )
    message.attach_alternative(render_to_string(f"emails/{name}-body.html", context), "text/html")
    message.send()
