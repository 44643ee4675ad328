"""Record facts: the audit trail, the timeline and the outbox are one row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from leads import bus
from leads.events import Kind
from leads.models import Event, Lead, Tenant
from leads.ops import metrics
from leads.ops.logs import current_correlation_id
from leads.tables import insert

KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A fact to record; with a dedupe key it is recorded once."""

    tenant_id: int
    kind: str
    occurred_at: datetime
    lead_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    dedupe_key: str = ""
    source: str = Event.Source.HEARTHLINE
    correlation_id: str = ""
    backfill: bool = False
    actor_id: int | None = None


def record_events(*, events: Sequence[NewEvent]) -> list[Event]:
    """Record facts in their order, leave out those known already, and publish them once committed."""
    for event in events:
        Kind(event.kind)  # refused before anything is written
    with transaction.atomic(savepoint=False):
        return _record(events)


def _record(events: Sequence[NewEvent]) -> list[Event]:
    now = timezone.now()
    fresh = _claim_keys(events, now)
    if not fresh:
        return []
    recorded = insert([_row(event, now) for event in fresh])
    for kind, count in Counter(event.kind for event in recorded).items():
        metrics.EVENTS.labels(kind=kind).inc(count)
    transaction.on_commit(partial(bus.publish_recorded, recorded), robust=True)
    return recorded


def record_event(
    *,
    tenant: Tenant,
    kind: str,
    occurred_at: datetime | None = None,
    lead: Lead | None = None,
    data: dict[str, Any] | None = None,
    dedupe_key: str = "",
    source: str = Event.Source.HEARTHLINE,
    actor_id: int | None = None,
) -> Event | None:
    """Record one fact; None when its dedupe key is known already."""
    recorded = record_events(
        events=[
            NewEvent(
                tenant_id=tenant.pk,
                kind=kind,
                occurred_at=occurred_at or timezone.now(),
                lead_id=lead.pk if lead is not None else None,
                data=data or {},
                dedupe_key=dedupe_key,
                source=source,
                actor_id=actor_id,
            )
        ]
    )
    return recorded[0] if recorded else None


def _row(event: NewEvent, now: datetime) -> Event:
    return Event(
        tenant_id=event.tenant_id,
        lead_id=event.lead_id,
        kind=Kind(event.kind),
        occurred_at=event.occurred_at,
        recorded_at=now,
        published_at=now,  # taken back when Redis turns out to be away
        source=Event.Source(event.source),
        actor_id=event.actor_id,
        is_backfill=event.backfill,
        dedupe_key=_fit(event.dedupe_key),
        correlation_id=event.correlation_id or current_correlation_id(),
        data=event.data,
    )


def _fit(key: str) -> str:
    """Return a key as it is stored: one too long is kept as its digest."""
    return key if len(key) <= KEY_LENGTH else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _claim_keys(events: Sequence[NewEvent], now: datetime) -> list[NewEvent]:
    """Return the events whose dedupe key was not known; of two with one key the first."""
    firsts: dict[tuple[int, str], NewEvent] = {}
    for event in events:
        if event.dedupe_key:
            firsts.setdefault((event.tenant_id, _fit(event.dedupe_key)), event)
    if not firsts:
        return list(events)
    keys = sorted(firsts)  # one order for all, so that two batches cannot wait for each other
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_eventkey (tenant_id, key, recorded_at)"
            " SELECT tenant_id, key, %s FROM unnest(%s::bigint[], %s::text[]) AS fresh (tenant_id, key)"
            " ON CONFLICT (tenant_id, key) DO NOTHING RETURNING tenant_id, key",
            [now, [tenant_id for tenant_id, _ in keys], [key for _, key in keys]],
        )
        claimed = {(tenant_id, key) for tenant_id, key in cursor.fetchall()}
    return [
        event
        for event in events
        if not event.dedupe_key
        or ((place := (event.tenant_id, _fit(event.dedupe_key))) in claimed and firsts[place] is event)
    ]
