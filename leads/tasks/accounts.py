"""Mail to people about their accounts."""

from __future__ import annotations

from celery import shared_task

from leads.models import User
from leads.services import accounts


@shared_task(ignore_result=True, autoretry_for=(OSError,), retry_backoff=True, max_retries=3)
def mail_password_reset(user_id: int) -> None:
    """Mail a user the link to set a new password."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        accounts.mail_password_reset(user=user)
