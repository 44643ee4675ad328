"""Live messages without a WebSocket: a stream of events, or asking again and again."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from leads.access import UserRequest, sign_in_required
from leads.models import Membership
from leads.realtime import sse, viewers
from leads.realtime.groups import TOPICS
from leads.realtime.messages import Viewer, Wants, wanted, without_superseded
from leads.selectors import live

LARGEST_NUMBER = 2**63 - 1


@require_GET
@sign_in_required
def since(request: UserRequest) -> HttpResponse:
    """Answer with the messages after a number, or ask for a reload of the page."""
    viewer, wants, after = _asked(request)
    if after is None:
        found = live.Missed(live.heads([viewer.tenant_id])[viewer.tenant_id])
    else:
        found = live.missed(viewer.tenant_id, after)
    messages = without_superseded(wanted(found.messages, wants, viewer.audiences))
    listed = ",".join(message.text(with_html=wants.html) for message in messages)
    reset = "true" if found.is_reset else "false"
    return HttpResponse(
        f'{{"last":{found.last},"reset":{reset},"messages":[{listed}]}}', content_type="application/json"
    )


@require_GET
@sign_in_required
async def stream(request: UserRequest) -> HttpResponseBase:
    """Send messages as they come, as server-sent events."""
    if not isinstance(request, ASGIRequest):
        return HttpResponse(
            "This server does not stream; ask /live/since/ instead.", status=501, content_type="text/plain"
        )
    viewer, wants, after = await sync_to_async(_asked)(request)
    response = StreamingHttpResponse(
        sse.stream(viewer, wants, after),
        content_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _asked(request: UserRequest) -> tuple[Viewer, Wants, int | None]:
    """Return who asks, for what, after which number."""
    membership: Membership | None = request.membership
    if membership is None:
        raise PermissionDenied("You are not a member of a brokerage any more.")
    viewer = viewers.viewer_of_membership(
        membership, request.user, session_key=request.session.session_key or ""
    )
    topics = [topic for topic in request.GET.get("topics", "").split(",") if topic]
    if not TOPICS.issuperset(topics):
        raise BadRequest("Unknown topic.")
    wants = Wants(frozenset(topics) or TOPICS, html=request.GET.get("html") == "1", batch=True)
    return viewer, wants, _number(request)


def _number(request: HttpRequest) -> int | None:
    """Return the number of the last message seen: in the address, or as a reconnecting browser tells it."""
    told = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    if not told:
        return None
    if not told.isdecimal() or not told.isascii() or int(told) > LARGEST_NUMBER:
        raise BadRequest("The number of the last message must be a whole number.")
    return int(told)
