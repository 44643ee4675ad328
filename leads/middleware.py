"""What every request carries: a correlation id, and the membership its user acts under."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from leads.access import MEMBERSHIP_KEY, memberships_of
from leads.models import Membership, User
from leads.ops.logs import bind_correlation_id
from leads.sessions import SessionStore

CORRELATION_HEADER = "X-Correlation-ID"

Handler = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def correlation(
    get_response: Handler,
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Give each request an id, the caller's if it sent a fit one, and return it with the answer."""
    if iscoroutinefunction(get_response):

        async def acorrelate(request: HttpRequest) -> HttpResponseBase:
            return _answered(await get_response(_bound(request)), request)

        return acorrelate

    def correlate(request: HttpRequest) -> HttpResponseBase:
        return _answered(get_response(_bound(request)), request)

    return correlate


def _bound(request: HttpRequest) -> HttpRequest:
    given = request.headers.get(CORRELATION_HEADER, "")
    request.correlation_id = bind_correlation_id(given)  # type: ignore[attr-defined]
    return request


def _answered(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    response.headers[CORRELATION_HEADER] = request.correlation_id  # type: ignore[attr-defined]
    return response


@sync_and_async_middleware
def membership(
    get_response: Handler,
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Set `request.membership` and `request.tenant`, both None for a stranger."""
    if iscoroutinefunction(get_response):

        async def aset_membership(request: HttpRequest) -> HttpResponseBase:
            if settings.SESSION_COOKIE_NAME in request.COOKIES:
                await sync_to_async(_set_membership)(request)
            else:
                _clear(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return aset_membership

    def set_membership(request: HttpRequest) -> HttpResponseBase:
        _set_membership(request)
        response: HttpResponseBase = get_response(request)
        return response

    return set_membership


def _clear(request: HttpRequest) -> None:
    request.membership = None  # type: ignore[attr-defined]
    request.tenant = None  # type: ignore[attr-defined]


def _set_membership(request: HttpRequest) -> None:
    _clear(request)
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not isinstance(request.user, User):
        return
    if isinstance(request.session, SessionStore):
        request.session.touch(timezone.now())
    chosen = choose_membership(memberships_of(request.user), request.session.get(MEMBERSHIP_KEY))
    if chosen is not None:
        request.membership = chosen  # type: ignore[attr-defined]
        request.tenant = chosen.tenant  # type: ignore[attr-defined]


def choose_membership(held: list[Membership], wanted: int | None) -> Membership | None:
    """Return the membership picked in this session, else the first that works in the agent portal."""
    picked = next((m for m in held if m.pk == wanted), None)
    return picked or next((m for m in held if m.is_team), None) or next(iter(held), None)
