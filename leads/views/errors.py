"""The pages of what went wrong."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token

from leads.ops.logs import current_correlation_id


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Say that it failed, and by which id the log knows of it; needs no database and no session."""
    page = render_to_string("500.html", {"correlation_id": current_correlation_id()})
    return HttpResponse(page, status=500)
