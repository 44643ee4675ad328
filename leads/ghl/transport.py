"""One call to GoHighLevel: its version, its permit, its token, its retries, its error."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from leads.ghl.errors import (
    GHLError,
    LocationRefused,
    NotFound,
    OutcomeUnknown,
    Rejected,
    ScopeMissing,
    TokenRefused,
    TooManyCalls,
    Unavailable,
)
from leads.ghl.ratelimit import Limiter, Usage
from leads.ops import metrics
from leads.ops.logs import get_logger

log = get_logger("ghl")

CONTACTS_VERSION = "2021-07-28"
CONVERSATIONS_VERSION = "2021-04-15"  # the only one the conversation and calendar calls declare
TIMEOUT = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call: where, in which version, under which scope, and whether repeating it is harmless."""

    method: str
    path: str
    scope: str = ""
    version: str = CONTACTS_VERSION
    repeatable: bool = False

    @property
    def name(self) -> str:
        """Return what an error calls it; never holds an id, let alone a person."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long to try again."""

    tries: int = 5
    first: float = 0.5
    longest: float = 30.0


class Tokens(Protocol):
    """Where access tokens come from."""

    def current(self) -> str:
        """Return an access token that is good now, renewing it when it is about to end."""

    def renew(self, refused: str) -> str:
        """Return a newer access token than the refused one, or raise TokenRefused."""


class StaticToken:
    """A token that nobody renews: a Private Integration Token, or one at hand."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self, refused: str) -> str:
        raise TokenRefused("GoHighLevel refuses the access token: connect the location again.", status=401)


@dataclass(slots=True)
class Transport:
    """Carry calls for one location or company."""

    http: httpx.Client
    tokens: Tokens
    limiter: Limiter
    key: str
    reserve: int = 0
    retries: Retries = field(default_factory=Retries)
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float], float] = lambda most: random.uniform(0.0, most)  # noqa: E731
    on_usage: Callable[[Usage], None] | None = None

    def call(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make the call and return the JSON object of its answer."""
        token = self.tokens.current()
        renewed = False
        tried = 0
        while True:
            tried += 1
            self.limiter.acquire(self.key, reserve=self.reserve)
            with metrics.timed(metrics.GHL_SECONDS):
                failure = self._attempt(endpoint, token, path or {}, query, body, form)
            outcome = "ok" if isinstance(failure, dict) else failure.code
            metrics.GHL_CALLS.labels(outcome=outcome).inc()
            if isinstance(failure, dict):
                return failure
            if isinstance(failure, TokenRefused) and not renewed:
                token, renewed = self.tokens.renew(token), True
                continue
            if failure.permanent or tried >= self.retries.tries:
                raise failure
            wait = failure.retry_after or 0.0
            if wait > self.retries.longest:
                raise failure
            if failure.retry_after is None or tried > 1:
                wait += self._backoff(tried)
            log.info("ghl.call_again", call=endpoint.name, tried=tried, code=failure.code)
            self.sleep(wait)

    def _backoff(self, tried: int) -> float:
        """Return a wait with full jitter."""
        return self.jitter(min(self.retries.longest, self.retries.first * 2 ** (tried - 1)))

    def _attempt(
        self,
        endpoint: Endpoint,
        token: str,
        path: Mapping[str, str],
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
    ) -> dict[str, Any] | GHLError:
        """Send once; return the answer or what went wrong."""
        headers = {
            "Accept": "application/json",
            "Version": endpoint.version,
            "Authorization": f"Bearer {token}",
        }
        try:
            response = self.http.request(
                endpoint.method,
                endpoint.path.format_map({name: _segment(value) for name, value in path.items()}),
                params=None if query is None else {k: v for k, v in query.items() if v not in (None, "")},
                json=body,
                data=form,
                headers=headers,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Unavailable(f"{endpoint.name}: GoHighLevel cannot be reached.", call=endpoint.name)
        except httpx.TransportError:
            return _doubtful(endpoint, None, "the connection broke before the answer")
        usage = Usage.of(response.headers)
        self.limiter.learn(self.key, usage)
        if self.on_usage is not None:
            self.on_usage(usage)
        return read_answer(endpoint, response, usage)


def _segment(value: str) -> str:
    """Return an id for a path; anything that could change the path is refused."""
    if (
        not value
        or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in value)
        or set(value) == {"."}
    ):
        raise Rejected("An id that GoHighLevel cannot have given was to be used in an address.")
    return value


def read_answer(endpoint: Endpoint, response: httpx.Response, usage: Usage) -> dict[str, Any] | GHLError:
    """Return the JSON object of a good answer, or the error a bad one stands for."""
    status = response.status_code
    if 200 <= status < 300:
        answer = _json(response)
        if isinstance(answer, dict):
            return answer
        return {} if not response.content else _doubtful(endpoint, status, "the answer cannot be read")
    return _failure(endpoint, response, usage)


def _failure(endpoint: Endpoint, response: httpx.Response, usage: Usage) -> GHLError:
    status, name = response.status_code, endpoint.name
    if status == 429:
        after = _retry_after(response.headers.get("retry-after"))
        after = after if after is not None else usage.interval
        if usage.daily_remaining == 0:
            after = max(after or 0.0, 3600.0)
        return TooManyCalls(f"{name}: too many calls.", call=name, status=status, retry_after=after)
    if status in (401, 403):
        return _refusal(endpoint, response)
    if status == 404:
        return NotFound(f"{name}: not found.", call=name, status=status)
    if status >= 500:
        return _doubtful(endpoint, status, f"answered {status}")
    fields = ", ".join(_field_names(_json(response)))
    told = f" (it names {fields})" if fields else ""
    return Rejected(f"{name}: refused with {status}{told}.", call=name, status=status, named=fields)


def _refusal(endpoint: Endpoint, response: httpx.Response) -> GHLError:
    """Tell a token that ended from one that never had the right."""
    status, name = response.status_code, endpoint.name
    said = _message(_json(response)).lower()
    if "scope" in said:
        need = f"the scope {endpoint.scope}" if endpoint.scope else "a scope"
        return ScopeMissing(
            f"{name}: the connection lacks {need}. Add it to the app, then connect again.",
            call=name,
            status=status,
        )
    if "authclass" in said or "user type" in said:
        return ScopeMissing(
            f"{name}: this call needs a token of the location, not of the agency (or the reverse).",
            call=name,
            status=status,
        )
    if "access to this location" in said or status == 403:
        return LocationRefused(
            f"{name}: the connection has no access to this location.", call=name, status=status
        )
    if "version" in said:
        return Rejected(
            f"{name}: GoHighLevel does not know version {endpoint.version}.", call=name, status=status
        )
    return TokenRefused(
        f"{name}: GoHighLevel refuses the access token: connect the location again.", call=name, status=status
    )


def _doubtful(endpoint: Endpoint, status: int | None, what: str) -> GHLError:
    """Return an error that invites a repeat only where a repeat is harmless."""
    if endpoint.repeatable:
        return Unavailable(f"{endpoint.name}: {what}.", call=endpoint.name, status=status)
    return OutcomeUnknown(
        f"{endpoint.name}: {what}; it may have been carried out and is not repeated.",
        call=endpoint.name,
        status=status,
    )


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header; its date form is not used by GoHighLevel."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _message(answer: object) -> str:
    """Return what an error answer says, for telling classes apart only: it may quote the person."""
    if not isinstance(answer, Mapping):
        return ""
    said = answer.get("message") or answer.get("error_description") or answer.get("error") or ""
    if isinstance(said, Sequence) and not isinstance(said, str):
        return " ".join(str(part) for part in said)
    return str(said)


_FIELDS = frozenset(
    {
        "assignedTo", "body", "calendarId", "channel", "contactId", "customFields", "dueDate", "email",
        "html", "locationId", "message", "monetaryValue", "name", "pageLimit", "phone", "pipelineId",
        "pipelineStageId", "searchAfter", "startTime", "status", "subject", "tags", "title", "type",
    }
)  # fmt: skip


def _field_names(answer: object) -> list[str]:
    """Return the names of known fields an error answer mentions; its values stay out."""
    words = set(_message(answer).replace(".", " ").replace(",", " ").split())
    return sorted(words & _FIELDS)
