"""Bring a location's past in, page by page: it can stop anywhere and goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from leads.ghl import sync
from leads.ghl.errors import GHLError, NotConnected
from leads.models import GHLConnection, Tenant, WebhookDelivery
from leads.ops.logs import get_logger
from leads.services.ghl.connection import client_for
from leads.services.ghl.mapping import match_users, refresh_custom_fields
from leads.services.ingest import ingest

log = get_logger("ghl")

RUNNING, STOPPED, DONE, FAILED = "running", "stopped", "done", "failed"
LEASE = timedelta(minutes=3)
CHUNK = 64


@transaction.atomic
def start_backfill(*, tenant: Tenant) -> bool:
    """Begin a back-fill, or go on with one that stopped; False when one is running."""
    row = _locked(tenant)
    cursor = row.backfill_cursor
    if cursor.get("state") == RUNNING:
        return False
    now = timezone.now()
    if cursor.get("state") not in (STOPPED, FAILED):
        cursor = {"phase": sync.PHASES[0], "after": None, "counts": {}, "started_at": now.isoformat()}
    cursor |= {"state": RUNNING, "error": "", "lease": 0, "ended_at": ""}
    row.backfill_cursor = cursor
    row.save(update_fields=["backfill_cursor"])
    return True


@transaction.atomic
def stop_backfill(*, tenant: Tenant) -> bool:
    """Stop a running back-fill after the page it is at."""
    row = _locked(tenant)
    if row.backfill_cursor.get("state") != RUNNING:
        return False
    row.backfill_cursor |= {"state": STOPPED}
    row.save(update_fields=["backfill_cursor"])
    return True


def run_backfill(*, tenant: Tenant, pages: int = 50) -> bool:
    """Bring in up to so many pages; True when there is more to do.

    One worker at a time works on a tenant: it holds a lease that it renews with every page.
    """
    cursor = _take_lease(tenant)
    if cursor is None:
        return False
    try:
        client = client_for(tenant, in_background=True)
        if cursor["phase"] == sync.PHASES[0] and cursor["after"] is None:
            refresh_custom_fields(tenant=tenant)
            match_users(tenant=tenant)
        for _ in range(pages):
            step = sync.read_step(client, cursor["phase"], cursor["after"], now=_started(cursor))
            _keep(tenant, step.told)
            following = _advance(tenant, cursor, step)
            if following is None:
                return False
            cursor = following
    except GHLError as error:
        _note_failure(tenant, error)
        return False
    _give_lease_back(tenant)
    return True


def waiting_backfills() -> list[Tenant]:
    """Return the tenants whose back-fill runs but is in nobody's hands."""
    rows = GHLConnection.objects.filter(backfill_cursor__state=RUNNING, tenant__is_active=True)
    now = timezone.now().timestamp()
    return [
        row.tenant
        for row in rows.select_related("tenant").order_by("pk")
        if row.tenant is not None and row.backfill_cursor.get("lease", 0) < now
    ]


def _started(cursor: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(cursor["started_at"])


def _keep(tenant: Tenant, told: Sequence[sync.Told]) -> None:
    """Put a page through the door the webhooks use; what is known already changes nothing."""
    now = timezone.now()
    rows = [
        WebhookDelivery(
            webhook_id=each.webhook_id,
            tenant=tenant,
            location_id=tenant.location_id,
            type=each.type,
            body=orjson.dumps({**each.body, "webhookId": each.webhook_id}).decode(),
            sent_at=each.at,
            received_at=now,
            is_backfill=True,
        )
        for each in told
    ]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        WebhookDelivery.objects.bulk_create(chunk, ignore_conflicts=True)
        ids = WebhookDelivery.objects.filter(
            webhook_id__in=[row.webhook_id for row in chunk], state=WebhookDelivery.State.ACCEPTED
        ).order_by("pk")
        ingest(delivery_ids=list(ids.values_list("pk", flat=True)))


@transaction.atomic
def _advance(tenant: Tenant, seen: dict[str, Any], step: sync.Step) -> dict[str, Any] | None:
    """Note the page as done and return where to go on; None at the end or when somebody stopped it."""
    row = _locked(tenant)
    cursor = row.backfill_cursor
    phase = seen["phase"]
    counts = cursor.setdefault("counts", {})
    counts[phase] = counts.get(phase, 0) + len(step.told)
    if step.total:
        cursor.setdefault("totals", {})[phase] = step.total
    cursor["after"] = step.after
    if step.after is None:
        place = sync.PHASES.index(phase) + 1
        if place == len(sync.PHASES):
            cursor |= {"state": DONE, "ended_at": timezone.now().isoformat(), "lease": 0}
        else:
            cursor["phase"] = sync.PHASES[place]
    going_on = cursor["state"] == RUNNING
    cursor["lease"] = _lease_end() if going_on else 0
    row.save(update_fields=["backfill_cursor"])
    return cursor if going_on else None


@transaction.atomic
def _take_lease(tenant: Tenant) -> dict[str, Any] | None:
    row = _locked(tenant)
    cursor: dict[str, Any] = row.backfill_cursor
    if cursor.get("state") != RUNNING or cursor.get("lease", 0) > timezone.now().timestamp():
        return None
    cursor["lease"] = _lease_end()
    row.save(update_fields=["backfill_cursor"])
    return cursor


@transaction.atomic
def _give_lease_back(tenant: Tenant) -> None:
    row = _locked(tenant)
    row.backfill_cursor["lease"] = 0
    row.save(update_fields=["backfill_cursor"])


@transaction.atomic
def _note_failure(tenant: Tenant, error: GHLError) -> None:
    """End on what needs a hand; go on in a while after what passes."""
    row = GHLConnection.objects.select_for_update().filter(tenant=tenant).first()
    if row is None:
        return
    cursor = row.backfill_cursor
    cursor["error"] = error.message[:300]
    if error.permanent:
        cursor |= {"state": FAILED, "lease": 0}
    else:
        cursor["lease"] = int(timezone.now().timestamp() + min(error.retry_after or 60.0, 3600.0))
    row.save(update_fields=["backfill_cursor"])
    log.warning("ghl.backfill_paused", tenant_id=tenant.pk, code=error.code)


def _lease_end() -> int:
    return int((timezone.now() + LEASE).timestamp())


def _locked(tenant: Tenant) -> GHLConnection:
    row = GHLConnection.objects.select_for_update().filter(tenant=tenant).first()
    if row is None:
        raise NotConnected(
            "This tenant is not connected to GoHighLevel. Connect it on the integrations page."
        )
    return row
