"""Read a RESO Web API server: OData pages by ModificationTimestamp, with renewed tokens and patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from leads.errors import ServiceError
from leads.ops.logs import get_logger
from matching.listings import web
from matching.listings.web import Blocked

log = get_logger("reso")

OVERLAP = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXPANDED = "Media,OpenHouses"
MOST_BYTES = 200 * 1024 * 1024
PLAIN = "$'(),:"  # signs of OData that need no escape in a query
TOKEN_MARGIN = timedelta(minutes=1)

KEYS = {
    "Property": "ListingKey",
    "Member": "MemberKey",
    "Office": "OfficeKey",
    "Media": "MediaKey",
    "OpenHouse": "OpenHouseKey",
}
"""The resources we read, and their keys."""


class ResoError(ServiceError):
    """A server could not be read; the message says why and holds no secret."""

    def __init__(
        self,
        message: str,
        code: str,
        *,
        permanent: bool = True,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep how it was answered, and when another try makes sense."""
        super().__init__(message, code, permanent=permanent)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Access:
    """Where a server is and how we are let in."""

    url: str
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    access_token: str = ""
    token_expires_at: datetime | None = None
    only: str = ""
    page_size: int = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and the address of those that follow."""

    records: list[Any]
    next_link: str = ""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long to try again."""

    tries: int = 5
    first: float = 0.5
    longest: float = 30.0


@dataclass(slots=True)
class Server:
    """One RESO server; `spend` is asked before each request, `keep_token` told of each new token."""

    http: httpx.Client
    access: Access
    may_be_private: bool = False
    spend: Callable[[], None] = lambda: None
    keep_token: Callable[[str, datetime | None], None] = lambda token, ends: None
    retries: Retries = field(default_factory=Retries)
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float], float] = lambda most: random.uniform(0.0, most)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _token: str = ""
    _ends: datetime | None = None

    def __post_init__(self) -> None:
        """Start with the token at hand."""
        self._token, self._ends = self.access.access_token, self.access.token_expires_at

    def first_page(self, resource: str, *, since: datetime | None, expand: bool = False) -> Page:
        """Return the first page of what changed since; the overlap is taken off here."""
        start = EPOCH if since is None else max(EPOCH, since - OVERLAP)
        wanted = f"ModificationTimestamp ge {start.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"
        if resource == "Property" and self.access.only:
            wanted = f"{wanted} and ({self.access.only})"
        options = {
            "$filter": wanted,
            "$orderby": f"ModificationTimestamp asc,{KEYS[resource]} asc",
            "$top": str(self.access.page_size),
        }
        if expand:
            options["$expand"] = EXPANDED
        return self._page(self._address(resource, options))

    def first_keys(self) -> Page:
        """Return the first page of the keys of all listings we may read."""
        options = {"$select": "ListingKey,ModificationTimestamp", "$top": str(self.access.page_size)}
        if self.access.only:
            options["$filter"] = self.access.only
        return self._page(self._address("Property", options))

    def look(self) -> Page:
        """Return one listing, to see whether we are let in."""
        return self._page(self._address("Property", {"$top": "1"}))

    def follow(self, link: str) -> Page:
        """Return the page behind a link of the server, taken as it is; only its own origin is called."""
        if web.origin_of(link) != web.origin_of(self.access.url):
            raise ResoError("The server's next page is at another server: it is not read.", "reso_elsewhere")
        return self._page(link)

    def _address(self, resource: str, options: dict[str, str]) -> str:
        query = "&".join(f"{name}={quote(value, safe=PLAIN)}" for name, value in options.items())
        return f"{self.access.url.rstrip('/')}/{resource}?{query}"

    def _page(self, url: str) -> Page:
        answer = self._get(url)
        records = answer.get("value")
        if not isinstance(records, list):
            raise ResoError("The server's answer has no list of records.", "reso_answer", permanent=False)
        link = answer.get("@odata.nextLink") or answer.get("odata.nextLink")
        return Page(records, link if isinstance(link, str) else "")

    def _get(self, url: str) -> dict[str, Any]:
        """Ask with a good token, again where that makes sense."""
        self._check(url)
        renewed = False
        tried = 0
        while True:
            tried += 1
            token = self._current()
            self.spend()
            outcome = self._attempt("GET", url, headers={"Authorization": f"Bearer {token}"} if token else {})
            if isinstance(outcome, dict):
                return outcome
            if outcome.status == 401 and not renewed and self.access.token_url:
                self._token, renewed = "", True
                continue
            self._wait(outcome, tried)

    def _current(self) -> str:
        """Return a token that is good now; one is fetched where that can be done."""
        is_over = self._ends is not None and self.clock() >= self._ends - TOKEN_MARGIN
        if (self._token and not is_over) or not self.access.token_url:
            return self._token
        self._check(self.access.token_url)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.access.client_id,
            "client_secret": self.access.client_secret,
            "scope": "api",
        }
        tried = 0
        while True:
            tried += 1
            outcome = self._attempt("POST", self.access.token_url, data=form)
            if isinstance(outcome, dict):
                break
            if outcome.status in (400, 401, 403):
                raise ResoError(
                    "The server refuses the client id or secret. Check both.",
                    "reso_credentials",
                    status=outcome.status,
                )
            self._wait(outcome, tried)
        token, seconds = outcome.get("access_token"), outcome.get("expires_in")
        if not isinstance(token, str) or not token:
            raise ResoError("The server's token answer has no token.", "reso_credentials")
        good_for = seconds if isinstance(seconds, int | float) and 0 < seconds < 10**8 else 3_600
        self._token, self._ends = token, self.clock() + timedelta(seconds=float(good_for))
        self.keep_token(self._token, self._ends)
        return self._token

    def _check(self, url: str) -> None:
        if not web.is_acceptable(url, may_be_private=self.may_be_private):
            raise ResoError(
                "The address is not one we call: write https://… of a public server.", "reso_address"
            )

    def _wait(self, failure: ResoError, tried: int) -> None:
        """Wait before the next try, or give up."""
        if failure.permanent or tried >= self.retries.tries:
            raise failure
        wait = failure.retry_after or 0.0
        if wait > self.retries.longest:
            raise failure
        if failure.retry_after is None or tried > 1:
            wait += self.jitter(min(self.retries.longest, self.retries.first * 2 ** (tried - 1)))
        log.info("reso.call_again", tried=tried, code=failure.code)
        self.sleep(wait)

    def _attempt(self, method: str, url: str, **options: Any) -> dict[str, Any] | ResoError:
        """Send once; return the answer or what went wrong."""
        headers = {"Accept": "application/json", **options.pop("headers", {})}
        try:
            with self.http.stream(method, url, headers=headers, **options) as response:
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES:
                        return ResoError(
                            "The server's page is too large. Lower the page size.", "reso_answer"
                        )
        except Blocked as error:
            return ResoError(f"{error} Only public servers are read.", "reso_address")
        except (httpx.TransportError, httpx.InvalidURL, httpx.StreamError) as error:
            return ResoError(
                f"The server cannot be reached ({type(error).__name__}).", "reso_unavailable", permanent=False
            )
        if 200 <= response.status_code < 300:
            answer = _json(content)
            if isinstance(answer, dict):
                return answer
            return ResoError("The server's answer is no JSON object.", "reso_answer", permanent=False)
        return self._failure(response, content)

    def _failure(self, response: httpx.Response, content: bytes) -> ResoError:
        """Return what a bad answer stands for; of what the server wrote only its short message is told."""
        status = response.status_code
        said = _message(content)
        if status == 429 or status >= 500:
            after = _retry_after(response.headers.get("retry-after"), self.clock())
            what = "asks us to slow down" if status == 429 else f"fails ({status})"
            return ResoError(
                f"The server {what}.",
                "reso_busy" if status == 429 else "reso_unavailable",
                permanent=status == 501,
                status=status,
                retry_after=after,
            )
        if status == 401:
            return ResoError(
                "The server refuses our token. Enter a new one, or check client id and secret.",
                "reso_token",
                status=status,
            )
        if status == 403:
            return ResoError("The server does not let us read this.", "reso_forbidden", status=status)
        if status in (404, 410):
            return ResoError("The server has no such page.", "reso_not_found", status=status)
        if 300 <= status < 400:
            return ResoError(
                "The server sends us elsewhere, which is not followed. Enter the address it means.",
                "reso_elsewhere",
                status=status,
            )
        told = f": {said}" if said else ""
        return ResoError(f"The server refuses the request ({status}){told}.", "reso_rejected", status=status)


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _message(content: bytes) -> str:
    """Return the server's own short message, which is about the request and names nobody."""
    answer = _json(content)
    error = answer.get("error") if isinstance(answer, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    return " ".join(said.split())[:150].rstrip(".") if isinstance(said, str) else ""


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None
