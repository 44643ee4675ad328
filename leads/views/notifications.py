"""What the signed-in person was told."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from leads.access import UserRequest, get_notification, notifications_for, safe_next, sign_in_required
from leads.context import last_live_number
from leads.selectors import notifications as selectors
from leads.services import notifications

LARGEST_NUMBER = 2**63 - 1
SHOWS = {"all": "All", "unread": "Unread"}
LIST = "leads/_notification_list.html"


@sign_in_required
@require_GET
def notification_list(request: UserRequest) -> HttpResponse:
    """Show the person's notices, newest first, all or the unread ones."""
    live_after = last_live_number(request.tenant) if request.tenant is not None else 0
    context = _context(request)
    if request.htmx and request.GET.get("part") == "list":
        return _list(request, context)
    return render(request, "leads/notifications.html", context | {"live_after": live_after})


def _context(request: UserRequest) -> dict[str, Any]:
    show = request.GET.get("show", "")
    show = show if show in SHOWS else "all"
    notices = notifications_for(cast(HttpRequest, request))
    before = _number(request.GET.get("before", ""))
    counts = selectors.counts(notices)  # first: a notice that comes now is shown, yet not taken for read
    return {
        "notices": selectors.page_of(notices, before=before, only_unread=show == "unread"),
        "counts": counts,
        "shows": SHOWS,
        "show": show,
        "before": before,
        "now": timezone.now(),
    }


def _number(text: str) -> int | None:
    """Return where a page begins; an address that says nonsense leads nowhere."""
    if not text:
        return None
    if not text.isdecimal() or not text.isascii() or int(text) > LARGEST_NUMBER:
        raise Http404
    return int(text)


def _list(request: UserRequest, context: dict[str, Any]) -> HttpResponse:
    response = render(request, LIST, context)
    return trigger_client_event(response, "unread", {"value": context["counts"].unread})


@sign_in_required
@require_POST
def mark_read(request: UserRequest, pk: int) -> HttpResponse:
    """Mark one notice as read."""
    notice = notifications.mark_one_read(notification=get_notification(request, pk))
    if not request.htmx:
        return redirect(safe_next(request, "leads:notifications"))
    response = render(request, "leads/_notification_row.html", {"notice": notice, "now": timezone.now()})
    unread = selectors.counts(notifications_for(cast(HttpRequest, request))).unread
    return trigger_client_event(response, "unread", {"value": unread})


@sign_in_required
@require_POST
def mark_all_read(request: UserRequest) -> HttpResponse:
    """Mark as read all there was when the page was made; what came since stays unread."""
    upto = _number(request.POST.get("upto", ""))
    read = 0
    if request.tenant is not None:
        read = notifications.mark_read(user=request.user, tenant=request.tenant, upto=upto)
    if request.htmx:
        return _list(request, _context(request))
    messages.success(request, f"{read} marked as read." if read else "Nothing was unread.")
    return redirect("leads:notifications")
