"""Connect a tenant to GoHighLevel and keep its tokens good."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import httpx
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from leads.errors import DomainError
from leads.ghl import oauth
from leads.ghl.client import GHLClient
from leads.ghl.errors import GHLError, NotConnected, TokenRefused
from leads.ghl.ratelimit import Limiter, Limits, LocalBucket, SharedBucket, Usage, bucket_key
from leads.ghl.transport import TIMEOUT, Transport
from leads.models import GHLConnection, Membership, Tenant, User
from leads.ops.logs import get_logger
from leads.redis import circuit
from leads.services import team

log = get_logger("ghl")

RENEW_BEFORE = timedelta(minutes=10)
BACKGROUND_RESERVE = 20  # permits a back-fill leaves to calls somebody waits for
USAGE_SECONDS = 60.0

_told_at: dict[int, float] = {}


def our_app() -> oauth.App:
    """Return our app with the address GoHighLevel sends the admin back to."""
    return oauth.App(
        client_id=settings.GHL_CLIENT_ID,
        client_secret=settings.GHL_CLIENT_SECRET,
        redirect_uri=settings.BASE_URL + reverse("leads:ghl-callback"),
    )


@lru_cache(maxsize=1)
def http_client() -> httpx.Client:
    """Return this process's connections to GoHighLevel; safe to share between threads."""
    return httpx.Client(base_url=settings.GHL_API_BASE_URL, timeout=TIMEOUT, follow_redirects=False)


@lru_cache(maxsize=1)
def limiter() -> Limiter:
    """Return the rate limit shared with all other processes."""
    limits = Limits()
    return Limiter(SharedBucket(circuit.call, limits), LocalBucket(limits))


class ConnectionTokens:
    """The tokens of a connection row, renewed by one process at a time."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id

    def current(self) -> str:
        row = _row(self._connection_id)
        if row.expires_at - RENEW_BEFORE > timezone.now():
            return str(row.access_token)
        return self.renew(row.access_token)

    def renew(self, refused: str) -> str:
        return renew_tokens(connection_id=self._connection_id, refused=refused)


def client_for(tenant: Tenant, *, in_background: bool = False) -> GHLClient:
    """Return a client for the tenant's location, or raise NotConnected."""
    row = GHLConnection.objects.filter(tenant=tenant).first()
    if row is None:
        raise NotConnected(
            "This tenant is not connected to GoHighLevel. Connect it on the integrations page."
        )
    transport = _transport(row, tenant.location_id, reserve=BACKGROUND_RESERVE if in_background else 0)
    return GHLClient(transport, tenant.location_id)


def renew_tokens(*, connection_id: int, refused: str) -> str:
    """Renew a connection's tokens unless another process just did, and return the access token.

    The row is locked while GoHighLevel is asked, for a refresh token is good once; the new tokens are
    committed before anyone uses them.
    """
    try:
        with transaction.atomic(durable=True):
            row = GHLConnection.objects.select_for_update().filter(pk=connection_id).first()
            if row is None:
                raise NotConnected("The connection was removed.")
            if row.access_token != refused:
                return str(row.access_token)
            grant = _new_grant(row)
            _store(row, grant, refreshed=True)
    except GHLError as error:
        note_error(connection_id=connection_id, error=error)
        raise
    log.info("ghl.tokens_renewed", connection_id=connection_id)
    return grant.access_token


def _new_grant(row: GHLConnection) -> oauth.Grant:
    """Return new tokens: by the refresh token, else (or when it is dead) through the agency."""
    now = timezone.now()
    through_agency = row.tenant is not None and bool(row.company_id)
    if row.refresh_token:
        try:
            return oauth.refresh(
                http_client(), our_app(), row.refresh_token, user_type=row.user_type, now=now
            )
        except TokenRefused:
            if not through_agency:
                raise
    if row.tenant is None or not through_agency:
        raise TokenRefused("There is no refresh token: connect the location again.")
    return _exchange(row.company_id, row.tenant.location_id, now)


def _exchange(company_id: str, location_id: str, now: datetime) -> oauth.Grant:
    """Exchange the agency's token for one of a location."""
    company = GHLConnection.objects.filter(
        company_id=company_id, user_type=GHLConnection.UserType.COMPANY
    ).first()
    if company is None:
        raise NotConnected("The agency above this location is not connected to GoHighLevel.")
    return oauth.location_grant(_transport(company, company_id), company_id, location_id, now=now)


def _transport(row: GHLConnection, place_id: str, *, reserve: int = 0) -> Transport:
    pk = row.pk
    return Transport(
        http=http_client(),
        tokens=ConnectionTokens(pk),
        limiter=limiter(),
        key=bucket_key(settings.GHL_APP_ID, place_id),
        reserve=reserve,
        on_usage=lambda usage: _keep_usage(pk, usage),
    )


def _keep_usage(connection_id: int, usage: Usage) -> None:
    """Keep how many calls are left today, once a minute for each process."""
    if usage.daily_remaining is None:
        return
    now = time.monotonic()
    if now - _told_at.get(connection_id, -USAGE_SECONDS) < USAGE_SECONDS:
        return
    _told_at[connection_id] = now
    GHLConnection.objects.filter(pk=connection_id).update(daily_remaining=usage.daily_remaining)


def _row(connection_id: int) -> GHLConnection:
    row = GHLConnection.objects.filter(pk=connection_id).first()
    if row is None:
        raise NotConnected("The connection was removed.")
    return row


def _store(row: GHLConnection, grant: oauth.Grant, *, refreshed: bool = False) -> None:
    """Write new tokens into a row; a grant that tells no scopes keeps the old ones."""
    now = timezone.now()
    row.access_token = grant.access_token
    row.refresh_token = grant.refresh_token or (
        "" if row.tenant_id and not row.refresh_token else row.refresh_token
    )
    row.expires_at = grant.expires_at
    row.scopes = list(grant.scopes) or row.scopes
    row.company_id = grant.company_id or row.company_id
    row.last_error = ""
    row.last_error_at = None
    if refreshed:
        row.refreshed_at = now
    else:
        row.connected_at = now
    row.save()


@transaction.atomic
def _save_grant(*, grant: oauth.Grant, tenant: Tenant | None) -> GHLConnection:
    """Keep a grant as the connection of a tenant, or of the agency when there is none."""
    if tenant is None:
        found = GHLConnection.objects.select_for_update().filter(
            company_id=grant.company_id, user_type=GHLConnection.UserType.COMPANY
        )
        user_type = GHLConnection.UserType.COMPANY
    else:
        found = GHLConnection.objects.select_for_update().filter(tenant=tenant)
        user_type = GHLConnection.UserType.LOCATION
    row = found.first() or GHLConnection(tenant=tenant, user_type=user_type)
    row.refresh_token = ""
    _store(row, grant)
    if tenant is not None:
        Tenant.objects.filter(pk=tenant.pk).update(
            company_id=grant.company_id or tenant.company_id,
            is_active=True,
            installed_at=tenant.installed_at or timezone.now(),
            uninstalled_at=None,
        )
    return row


def finish_connect(*, tenant: Tenant, code: str) -> GHLConnection:
    """Turn the callback's code into the tenant's connection."""
    grant = oauth.exchange_code(http_client(), our_app(), code, now=timezone.now())
    if grant.user_type == GHLConnection.UserType.COMPANY:
        if not grant.company_id or tenant.company_id not in ("", grant.company_id):
            raise DomainError(
                "You signed in for another agency. Sign in to GoHighLevel for the agency of this location.",
                "wrong_company",
            )
        _save_grant(grant=grant, tenant=None)
        grant = _exchange(grant.company_id, tenant.location_id, timezone.now())
    elif grant.location_id != tenant.location_id:
        raise DomainError(
            f"You chose location {grant.location_id or 'none'}, but this brokerage is location "
            f"{tenant.location_id}. Connect again and choose that one.",
            "wrong_location",
        )
    row = _save_grant(grant=grant, tenant=tenant)
    log.info("ghl.connected", tenant_id=tenant.pk, connection_id=row.pk)
    return row


def connect_new_location(*, code: str, by: User) -> Membership | None:
    """Turn a superuser's code into a connection of whichever location they chose, and make them its admin.

    Its tenant is made when new. None when the code is an agency's: its locations are announced one by one.
    """
    grant = oauth.exchange_code(http_client(), our_app(), code, now=timezone.now())
    if grant.user_type == GHLConnection.UserType.COMPANY:
        if not grant.company_id:
            raise DomainError("GoHighLevel named no agency. Connect again.", "no_company")
        _save_grant(grant=grant, tenant=None)
        log.info("ghl.agency_connected", user_id=by.pk)
        return None
    if not grant.location_id:
        raise DomainError("GoHighLevel named no location. Connect again and choose one.", "no_location")
    with transaction.atomic():
        tenant, is_new = Tenant.objects.get_or_create(
            location_id=grant.location_id,
            defaults={"name": f"Location {grant.location_id[-6:]}", "company_id": grant.company_id},
        )
        row = _save_grant(grant=grant, tenant=tenant)
        membership = team.join_as_admin(tenant=tenant, user=by)
    log.info("ghl.connected", tenant_id=tenant.pk, connection_id=row.pk)
    if is_new:
        _learn_name(tenant)
    return membership


def _learn_name(tenant: Tenant) -> None:
    """Call a new tenant what its location is called; it can do without until a webhook tells."""
    try:
        location = client_for(tenant).get_location()
    except GHLError as error:
        note_tenant_error(tenant=tenant, error=error)
        return
    known = {"name": location.name or tenant.name}
    if location.time_zone in available_timezones():
        known["time_zone"] = location.time_zone
    Tenant.objects.filter(pk=tenant.pk).update(**known)
    tenant.name = known["name"]


def connect_location(*, tenant: Tenant) -> GHLConnection | None:
    """Connect a newly installed tenant through its agency; None when the agency is not connected."""
    known = GHLConnection.objects.filter(tenant=tenant).first()
    if known is not None and known.expires_at > timezone.now():
        return known
    has_agency = GHLConnection.objects.filter(
        company_id=tenant.company_id, user_type=GHLConnection.UserType.COMPANY
    ).exists()
    if not tenant.company_id or not has_agency:
        return None
    grant = _exchange(tenant.company_id, tenant.location_id, timezone.now())
    return _save_grant(grant=grant, tenant=tenant)


def reconnect_location(*, tenant: Tenant) -> GHLConnection:
    """Get new tokens for an install whose tokens were lost, without anyone signing in."""
    code = oauth.reconnect(http_client(), our_app(), location_id=tenant.location_id)
    return finish_connect(tenant=tenant, code=code)


@transaction.atomic
def disconnect(*, tenant: Tenant) -> bool:
    """Forget the tenant's tokens; GoHighLevel keeps the app installed until it is removed there."""
    deleted, _ = GHLConnection.objects.filter(tenant=tenant).delete()
    return deleted > 0


def note_error(*, connection_id: int, error: GHLError) -> None:
    """Keep the latest error for the integrations page; a passing one does not hide one that needs a hand."""
    rows = GHLConnection.objects.filter(pk=connection_id)
    if not error.permanent:
        rows = rows.filter(last_error="")
    rows.update(last_error=error.message[:300], last_error_at=timezone.now())


def note_tenant_error(*, tenant: Tenant, error: GHLError) -> None:
    """Keep the latest error of a tenant's connection."""
    row = GHLConnection.objects.filter(tenant=tenant).first()
    if row is not None:
        note_error(connection_id=row.pk, error=error)


def check_connection(*, tenant: Tenant) -> str:
    """Ask GoHighLevel for the location itself and return the name it goes by there."""
    client = client_for(tenant)
    try:
        location = client.get_location()
    except GHLError as error:
        note_tenant_error(tenant=tenant, error=error)
        raise
    GHLConnection.objects.filter(tenant=tenant).update(last_error="", last_error_at=None)
    if location.company_id and not tenant.company_id:
        Tenant.objects.filter(pk=tenant.pk).update(company_id=location.company_id)
    return location.name
