"""OAuth with GoHighLevel: where to send the admin, and the exchange of codes and refresh tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx

from leads.ghl.errors import GHLError, Rejected, TokenRefused, Unavailable
from leads.ghl.payloads.reader import PayloadError, Reader
from leads.ghl.ratelimit import Usage
from leads.ghl.transport import Endpoint, Transport, read_answer

SCOPES = (
    "contacts.readonly",
    "contacts.write",
    "conversations.readonly",
    "conversations/message.readonly",
    "conversations/message.write",
    "calendars.readonly",
    "calendars/events.readonly",
    "calendars/events.write",
    "opportunities.readonly",
    "opportunities.write",
    "workflows.readonly",
    "campaigns.readonly",
    "locations.readonly",
    "locations/customFields.readonly",
    "locations/customFields.write",
    "locations/tags.readonly",
    "locations/tasks.readonly",
    "users.readonly",
    "forms.readonly",
    "surveys.readonly",
    "oauth.readonly",
    "oauth.write",
)
"""What Hearthline asks for; the last two are only granted to, and needed by, an agency's install."""

AGENCY_SCOPES = frozenset({"oauth.readonly", "oauth.write"})

TOKEN = Endpoint("POST", "/oauth/token")
LOCATION_TOKEN = Endpoint("POST", "/oauth/locationToken", "oauth.write", repeatable=True)
RECONNECT = Endpoint("POST", "/oauth/reconnect")


@dataclass(frozen=True, slots=True)
class App:
    """Our app, as GoHighLevel knows it."""

    client_id: str
    client_secret: str
    redirect_uri: str

    @property
    def is_configured(self) -> bool:
        return bool(self.client_id and self.client_secret)


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens, and whom they stand for."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    scopes: tuple[str, ...]
    user_type: str
    company_id: str
    location_id: str

    def __repr__(self) -> str:
        return f"Grant({self.user_type} {self.location_id or self.company_id})"


def authorize_url(base: str, app: App, *, state: str) -> str:
    """Return the page on which an admin of the location or agency lets Hearthline in."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
    }
    return f"{base}?{urlencode(query)}"


def exchange_code(
    http: httpx.Client, app: App, code: str, *, now: datetime, user_type: str = "Location"
) -> Grant:
    """Turn the code of the callback into tokens."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "user_type": user_type,
        "redirect_uri": app.redirect_uri,
    }
    return _token(http, app, form, now=now)


def refresh(http: httpx.Client, app: App, refresh_token: str, *, user_type: str, now: datetime) -> Grant:
    """Turn a refresh token, good once, into new tokens."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "user_type": user_type}
    try:
        return _token(http, app, form, now=now)
    except Unavailable:  # for 30 s GoHighLevel answers the same refresh token with the same tokens
        return _token(http, app, form, now=now)


def reconnect(http: httpx.Client, app: App, *, location_id: str = "", company_id: str = "") -> str:
    """Ask for a new authorization code for an install whose tokens were lost."""
    place = {"locationId": location_id} if location_id else {"companyId": company_id}
    body = {"clientKey": app.client_id, "clientSecret": app.client_secret, **place}
    answer = _post(http, RECONNECT, json=body)
    code = Reader(answer).loose("authorizationCode", 2_000)
    if not code:
        raise TokenRefused("GoHighLevel gave no new code for this install: connect the location again.")
    return code


def location_grant(transport: Transport, company_id: str, location_id: str, *, now: datetime) -> Grant:
    """Exchange an agency's token for one of a location."""
    answer = transport.call(LOCATION_TOKEN, form={"companyId": company_id, "locationId": location_id})
    grant = _grant(answer, now=now, user_type="Location")
    if grant.location_id not in ("", location_id):
        raise Rejected(
            f"{LOCATION_TOKEN.name}: the answer is for another location.", call=LOCATION_TOKEN.name
        )
    return Grant(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        expires_at=grant.expires_at,
        scopes=grant.scopes,
        user_type="Location",
        company_id=company_id,
        location_id=location_id,
    )


def _token(http: httpx.Client, app: App, form: dict[str, str], *, now: datetime) -> Grant:
    answer = _post(http, TOKEN, data={"client_id": app.client_id, "client_secret": app.client_secret, **form})
    return _grant(answer, now=now, user_type=form["user_type"])


def _post(
    http: httpx.Client,
    endpoint: Endpoint,
    *,
    data: dict[str, str] | None = None,
    json: dict[str, str] | None = None,
) -> dict[str, object]:
    try:
        response = http.request(
            endpoint.method, endpoint.path, data=data, json=json, headers={"Accept": "application/json"}
        )
    except httpx.TransportError:
        raise Unavailable(f"{endpoint.name}: GoHighLevel cannot be reached.", call=endpoint.name) from None
    if response.status_code in (400, 401, 403, 422):
        raise TokenRefused(
            f"{endpoint.name}: GoHighLevel does not accept the code or refresh token (or the app's client id "
            "and secret): connect the location again.",
            call=endpoint.name,
            status=response.status_code,
        )
    if response.status_code >= 500:
        raise Unavailable(
            f"{endpoint.name}: answered {response.status_code}.",
            call=endpoint.name,
            status=response.status_code,
        )
    answer = read_answer(endpoint, response, Usage.of(response.headers))
    if isinstance(answer, GHLError):
        raise answer
    return answer


def _grant(answer: dict[str, object], *, now: datetime, user_type: str) -> Grant:
    reader = Reader(answer)
    try:
        access = reader.text("access_token", 10_000)
        seconds = reader.whole("expires_in")
        refresh_token = reader.text("refresh_token", 10_000)
    except PayloadError as error:
        raise Unavailable(f"{TOKEN.name}: the answer has a wrong {error.field}.", call=TOKEN.name) from None
    if not access or not seconds or seconds < 0:
        raise Unavailable(f"{TOKEN.name}: the answer holds no token.", call=TOKEN.name)
    return Grant(
        access_token=access,
        refresh_token=refresh_token,
        expires_at=now + timedelta(seconds=seconds),
        scopes=tuple(reader.loose("scope", 10_000).split()),
        user_type=reader.loose("userType", 10) or user_type,
        company_id=reader.loose("companyId", 64),
        location_id=reader.loose("locationId", 64),
    )


def missing_scopes(granted: Iterable[str]) -> tuple[str, ...]:
    """Return what a location's connection was not granted of what we use."""
    have = set(granted)
    return tuple(scope for scope in SCOPES if scope not in have and scope not in AGENCY_SCOPES)
