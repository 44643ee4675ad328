"""Let webhooks past the middleware of pages: the door has no session, no form and no browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from leads.ghl.webhooks import receive_webhook, receive_workflow

DOORS = {
    "/webhooks/ghl/": receive_webhook,
    "/webhooks/ghl": receive_webhook,
    "/webhooks/ghl/workflow/": receive_workflow,
    "/webhooks/ghl/workflow": receive_workflow,
}


@sync_and_async_middleware
def doors(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Answer what is posted to a door at once; everything else goes on as before."""
    if iscoroutinefunction(get_response):

        async def aanswer(request: HttpRequest) -> HttpResponseBase:
            view = DOORS.get(request.path_info)
            if view is not None:
                return await sync_to_async(view)(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return aanswer

    def answer(request: HttpRequest) -> HttpResponseBase:
        view = DOORS.get(request.path_info)
        response: HttpResponseBase = get_response(request) if view is None else view(request)
        return response

    return answer
