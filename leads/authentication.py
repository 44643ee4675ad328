"""Who calls the API, in which tenant, and how often they may."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis import Redis
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from leads.access import memberships_of
from leads.models import APIKey, Membership, User
from leads.redis import RedisAway, circuit

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself loads this module from the settings

MEMBERSHIP_CLAIM = "membership"
STAMP_CLAIM = "stamp"


# Tokens


def issue_tokens(membership: Membership) -> RefreshToken:
    """Return the refresh token of a membership; its `access_token` carries the same claims."""
    token = RefreshToken.for_user(membership.user)
    token[MEMBERSHIP_CLAIM] = membership.pk
    token[STAMP_CLAIM] = _stamp(membership.user)
    return token


def member_of(token: Token) -> Membership | None:
    """Return the membership a valid token acts under, unless it, its user or its tenant was ended."""
    user_id = str(token.get("user_id", ""))
    if not user_id.isdecimal():
        return None
    if token.get(MEMBERSHIP_CLAIM) is None:
        user = User.objects.filter(pk=int(user_id), is_active=True).first()
        held = memberships_of(user) if user else []
        membership = next((m for m in held if m.is_team), None)
    else:
        membership = (
            Membership.objects.select_related("user", "tenant")
            .filter(
                pk=token[MEMBERSHIP_CLAIM],
                user_id=int(user_id),
                is_active=True,
                user__is_active=True,
                tenant__is_active=True,
            )
            .first()
        )
    if membership is None or token.get(STAMP_CLAIM, stamp := _stamp(membership.user)) != stamp:
        return None
    return membership


def member_of_access_token(raw: str) -> Membership | None:
    """Return the membership an access token in text acts under; None when it is no good."""
    try:
        return member_of(AccessToken(raw))  # type: ignore[arg-type]
    except TokenError:
        return None


def _stamp(user: User) -> str:
    """Change with the password, so that a new password ends every token."""
    return user.get_session_auth_hash()[:16]


def _act_as(request: Request, membership: Membership) -> None:
    request._request.membership = membership  # type: ignore[attr-defined]
    request._request.tenant = membership.tenant  # type: ignore[attr-defined]


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        raw = _credential(request, b"bearer")
        if raw is None:
            return None
        try:
            token = AccessToken(raw)  # type: ignore[arg-type]
        except TokenError as error:
            raise AuthenticationFailed("The token is not valid or has expired.", "token") from error
        membership = member_of(token)
        if membership is None:
            raise AuthenticationFailed("The token's access was ended. Ask for a new one.", "token")
        _act_as(request, membership)
        return membership.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class APIKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>`."""

    def authenticate(self, request: Request) -> tuple[User, APIKey] | None:
        raw = _credential(request, b"api-key")
        if raw is None:
            return None
        key = (
            APIKey.objects.select_related("membership__user", "membership__tenant")
            .filter(
                prefix=raw.partition(".")[0],
                revoked=False,
                membership__is_active=True,
                membership__user__is_active=True,
                membership__tenant__is_active=True,
            )
            .first()
        )
        if key is None or key.has_expired or not key.is_valid(raw):
            raise AuthenticationFailed("The API key is not valid, was revoked or has expired.", "api_key")
        _act_as(request, key.membership)
        return key.membership.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


def _credential(request: Request, scheme: bytes) -> str | None:
    parts = get_authorization_header(request).split()
    if not parts or parts[0].lower() != scheme:
        return None
    if len(parts) != 2 or not parts[1].isascii() or b"\0" in parts[1]:
        raise AuthenticationFailed("The Authorization header must be a scheme and one credential.", "header")
    return parts[1].decode()


class IsTeam(BasePermission):
    """Let in agents, brokers and admins."""

    message = "The API is for agents, brokers and admins."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.successful_authenticator is None:
            return False  # a browser's session is no credential here: it would bring no CSRF token
        membership: Membership | None = getattr(request, "membership", None)
        return membership is not None and membership.is_team


# How often

_SLIDE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return tonumber(oldest[2]) + window - now
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 0
"""


class CallerThrottle(SimpleRateThrottle):
    """So many requests in any minute per key or user, counted for all processes together on Redis.

    While Redis is away each process counts for itself.
    """

    scope = "caller"
    num_requests: int | None
    duration: int | None
    wait_seconds: float = 0.0

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if isinstance(request.auth, APIKey):
            return f"key:{request.auth.prefix}"
        if request.user and not isinstance(request.user, AnonymousUser):
            return f"user:{request.user.pk}"
        return self.address_key(request)

    def address_key(self, request: Request | HttpRequest) -> str:
        """Return what stands for the address a request came from; the address itself is kept nowhere."""
        address = salted_hmac("throttle", self.get_ident(cast(Request, request))).hexdigest()[:24]
        return f"address:{address}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = self.get_cache_key(request, view)
        if caller is None or self.num_requests is None or self.duration is None:
            return True
        key = f"throttle:{self.scope}:{caller}"
        try:
            wait = circuit.call(
                lambda redis: _count(redis, key, float(self.duration or 60), self.num_requests or 1)
            )
        except RedisAway:
            wait = _here.count(key, self.duration, self.num_requests, time.monotonic())
        self.wait_seconds = wait
        return wait <= 0

    def wait(self) -> float | None:
        return self.wait_seconds


class TokenThrottle(CallerThrottle):
    """How often an address may ask for tokens."""

    scope = "token"


class PageThrottle(CallerThrottle):
    """How often an address may open pages that ask nobody to sign in."""

    scope = "page"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return self.address_key(request)


def seconds_to_wait(request: HttpRequest) -> float:
    """Count a call of such a page and return 0, or return how long the caller is to wait."""
    throttle = PageThrottle()
    return (
        0.0
        if throttle.allow_request(cast(Request, request), cast("APIView", None))
        else throttle.wait_seconds
    )


def _count(redis: Redis, key: str, window: float, limit: int) -> float:
    wait = cast(int, redis.eval(_SLIDE, 1, key, str(int(window * 1000)), str(limit), uuid.uuid4().hex))
    return wait / 1000


class _Windows:
    """Sliding windows of this process, the least recently used forgotten."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, key: str, window: float, limit: int, now: float) -> float:
        """Count a call and return 0, or return how long the caller is to wait."""
        with self._lock:
            times = self._windows.setdefault(key, deque())
            self._windows.move_to_end(key)
            if len(self._windows) > self._size:
                self._windows.popitem(last=False)
            while times and times[0] <= now - window:
                times.popleft()
            if len(times) >= limit:
                return times[0] + window - now
            times.append(now)
            return 0.0


_here = _Windows()
