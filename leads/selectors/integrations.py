"""What the integrations page shows of a tenant's connection to GoHighLevel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from leads.ghl import oauth, sync
from leads.models import GHLConnection, Membership, Role, Tenant, User, WorkflowSecret

LOCATION_ROWS = 30
PHASE_LABELS = {
    "contacts": "Contacts",
    "opportunities": "Opportunities",
    "appointments": "Appointments",
    "conversations": "Messages",
}
DAILY_CALLS = 200_000


def locations(tenants: QuerySet[Tenant], *, user: User, q: str) -> QuerySet[Tenant]:
    """Return tenants by name, each with whether it is connected and whether the user manages it."""
    if q:
        tenants = tenants.filter(Q(name__istartswith=q) | Q(location_id=q) | Q(company_id=q))
    held = Membership.objects.filter(
        user=user, tenant=OuterRef("pk"), is_active=True, role__in=(Role.BROKER, Role.ADMIN)
    )
    return tenants.annotate(
        is_connected=Exists(GHLConnection.objects.filter(tenant=OuterRef("pk"))), is_mine=Exists(held)
    ).order_by("name", "pk")


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as its broker sees it."""

    state: str  # none, ok, expired, error
    connected_at: datetime | None = None
    refreshed_at: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    through_agency: bool = False
    missing_scopes: tuple[str, ...] = ()
    calls_left: int | None = None
    calls_left_share: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a back-fill."""

    label: str
    count: int
    share: int
    state: str  # done, running, waiting


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a back-fill is."""

    state: str
    phases: tuple[Phase, ...]
    error: str
    started_at: datetime | None
    ended_at: datetime | None


def describe_connection(tenant: Tenant, *, now: datetime) -> Connection:
    row = GHLConnection.objects.filter(tenant=tenant).first()
    if row is None:
        return Connection("none")
    can_renew = bool(row.refresh_token) or bool(row.company_id)
    state = "error" if row.last_error else "ok"
    if row.expires_at <= now and not can_renew:
        state = "expired"
    left = row.daily_remaining
    return Connection(
        state=state,
        connected_at=row.connected_at,
        refreshed_at=row.refreshed_at,
        last_error=row.last_error,
        last_error_at=row.last_error_at,
        through_agency=not row.refresh_token,
        missing_scopes=oauth.missing_scopes(row.scopes),
        calls_left=left,
        calls_left_share=0 if left is None else min(100, round(100 * left / DAILY_CALLS)),
    )


def describe_backfill(tenant: Tenant) -> Backfill | None:
    row = GHLConnection.objects.filter(tenant=tenant).only("backfill_cursor").first()
    if row is None or not row.backfill_cursor:
        return None
    cursor: Mapping[str, Any] = row.backfill_cursor
    return Backfill(
        state=cursor.get("state", ""),
        phases=tuple(_phase(cursor, name) for name in sync.PHASES),
        error=cursor.get("error", ""),
        started_at=_moment(cursor.get("started_at")),
        ended_at=_moment(cursor.get("ended_at")),
    )


def _phase(cursor: Mapping[str, Any], name: str) -> Phase:
    count = cursor.get("counts", {}).get(name, 0)
    total = cursor.get("totals", {}).get(name, 0)
    place, present = sync.PHASES.index(name), sync.PHASES.index(cursor.get("phase", sync.PHASES[0]))
    if place < present or cursor.get("state") == "done":
        return Phase(PHASE_LABELS[name], count, 100, "done")
    state = "running" if place == present and cursor.get("state") == "running" else "waiting"
    return Phase(PHASE_LABELS[name], count, min(99, round(100 * count / total)) if total else 0, state)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def valid_secrets(tenant: Tenant, *, now: datetime) -> list[WorkflowSecret]:
    """Return the workflow secrets that open the door now, newest first."""
    still = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return list(WorkflowSecret.objects.filter(tenant=tenant).filter(still).order_by("-pk"))


def webhook_urls() -> tuple[tuple[str, str], ...]:
    """Return the addresses to paste into GoHighLevel."""
    return (
        ("App webhooks", settings.BASE_URL + reverse("leads:webhook")),
        ("Workflow action “Custom Webhook”", settings.BASE_URL + reverse("leads:workflow-webhook")),
        ("OAuth redirect", settings.BASE_URL + reverse("leads:ghl-callback")),
    )
