"""Who may open a page: decorators of views, and where refusals lead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from leads.access.requests import MemberRequest, UserRequest, manages, membership_of
from leads.models import Role
from leads.models.tenants import TEAM_ROLES

P = ParamSpec("P")


def sign_in_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in whoever is signed in."""
    return _guarded(view, _refuse_stranger)


def agent_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in the team: agents, brokers and admins."""
    return _role_required(view, TEAM_ROLES, "This page is for the agents of a brokerage.")


def broker_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in brokers and admins."""
    return _role_required(view, (Role.BROKER, Role.ADMIN), "This page is for the broker who runs the team.")


def admin_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in admins."""
    return _role_required(view, (Role.ADMIN,), "This page is for admins.")


def connector_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in who may connect a location: its broker and admins, and superusers, who may have none yet."""
    why = "This page is for the broker who runs the team."
    return _required(view, lambda request: request.user.is_superuser or manages(request), why)


def superuser_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in who runs this server."""
    why = "This page is for whoever runs this server."
    return _required(view, lambda request: request.user.is_superuser, why)


def buyer_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in buyers."""
    return _role_required(view, (Role.BUYER,), "This page is for buyers.")


def seller_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in sellers."""
    return _role_required(view, (Role.SELLER,), "This page is for sellers.")


def _role_required(view: Callable[..., Any], roles: tuple[Role, ...], why: str) -> Callable[..., Any]:
    def may(request: HttpRequest) -> bool:
        membership = membership_of(request)
        return membership is not None and membership.role in roles

    return _required(view, may, why)


def _required(view: Callable[..., Any], may: Callable[[HttpRequest], bool], why: str) -> Callable[..., Any]:
    def refuse(request: HttpRequest) -> HttpResponseBase | None:
        answer = _refuse_stranger(request)
        if answer is None and not may(request):
            raise PermissionDenied(why)
        return answer

    return _guarded(view, refuse)


def _guarded(
    view: Callable[..., Any], refuse: Callable[[HttpRequest], HttpResponseBase | None]
) -> Callable[..., Any]:
    if iscoroutinefunction(view):

        @wraps(view)
        async def aguarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer = refuse(request) or await view(request, *args, **kwargs)
            return _private(answer)

        return aguarded

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _private(refuse(request) or view(request, *args, **kwargs))

    return guarded


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Keep pages about people out of shared and browser caches unless the view said otherwise."""
    if not response.has_header("Cache-Control"):
        add_never_cache_headers(response)
    return response


def _refuse_stranger(request: HttpRequest) -> HttpResponseBase | None:
    if request.user.is_authenticated:
        return None
    htmx = getattr(request, "htmx", None)
    if htmx:
        current = urlsplit(htmx.current_url_abs_path or resolve_url("leads:landing"))
        came_from = current._replace(scheme="", netloc="").geturl()
        answer = HttpResponse("Sign in again to go on.", status=401, content_type="text/plain; charset=utf-8")
        answer.headers["HX-Redirect"] = redirect_to_login(came_from).url
        return answer
    if wants_json(request):
        return JsonResponse(
            {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Sign in first."},
            status=401,
            content_type="application/problem+json",
        )
    came_from = request.get_full_path() if request.method in ("GET", "HEAD") else resolve_url("leads:landing")
    return redirect_to_login(came_from)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the caller is a program that asked for JSON, not a page."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def safe_next(request: HttpRequest, default: str = "leads:landing") -> str:
    """Return the posted or queried `next` if it stays on this site, else the default page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return resolve_url(default)
