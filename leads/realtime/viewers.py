"""Who is at the other end of a live connection: a session with the right origin, or a token."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from leads.access import MEMBERSHIP_KEY, memberships_of
from leads.authentication import member_of
from leads.middleware import choose_membership
from leads.models import Membership, User
from leads.realtime.messages import Viewer
from leads.selectors.live import stamp_of
from leads.sessions import SessionStore

PROTOCOL = "hearthline.v1"
BEARER = "bearer."

Headers = Iterable[tuple[bytes, bytes]]


def session_key_of(headers: Headers) -> str:
    """Return the session key in a connection's cookies."""
    cookies: dict[str, str] = parse_cookie(header(headers, b"cookie"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def token_of(subprotocols: Iterable[str]) -> str:
    """Return the access token among the offered subprotocols; tokens never travel in an address."""
    return next((each.removeprefix(BEARER) for each in subprotocols if each.startswith(BEARER)), "")


def header(headers: Headers, name: bytes) -> str:
    """Return a header of a connection, empty when it has none."""
    return next((value.decode("latin1") for key, value in headers if key == name), "")


def is_own_origin(headers: Headers) -> bool:
    """Tell whether a browser's page of ours opened the connection: cookies alone do not prove it."""
    origin = header(headers, b"origin").lower()
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    host = header(headers, b"host").lower()
    name, _ = split_domain_port(host)
    if parts.netloc == host and validate_host(name, settings.ALLOWED_HOSTS):
        return parts.scheme == "https" or not settings.IS_HTTPS
    return any(_is_trusted(parts.scheme, parts.netloc, each) for each in settings.CSRF_TRUSTED_ORIGINS)


def _is_trusted(scheme: str, netloc: str, pattern: str) -> bool:
    trusted = urlsplit(pattern.lower())
    return trusted.scheme == scheme and is_same_domain(netloc, trusted.netloc.lstrip("*"))


def viewer_of_session(session_key: str) -> Viewer | None:
    """Return who is signed in with a session, in the membership picked there; None for a stranger."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    membership = choose_membership(memberships_of(user), request.session.get(MEMBERSHIP_KEY))
    if membership is None:
        return None
    return viewer_of_membership(membership, user, session_key=session_key)


def viewer_of_token(raw: str) -> Viewer | None:
    """Return who an access token stands for; None when it is no good or has expired."""
    try:
        token = AccessToken(raw)  # type: ignore[arg-type]
    except TokenError:
        return None
    membership = member_of(token)
    if membership is None:
        return None
    until = datetime.fromtimestamp(int(token["exp"]), UTC)
    return viewer_of_membership(membership, membership.user, expires_at=until)


def viewer_of_membership(membership: Membership, user: User, **more: Any) -> Viewer:
    """Return a member as a viewer."""
    return Viewer(
        user_id=user.pk,
        membership_id=membership.pk,
        tenant_id=membership.tenant_id,
        role=membership.role,
        stamp=stamp_of(user),
        **more,
    )
