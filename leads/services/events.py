"""Record facts: the audit trail, the timeline and the outbox are one row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone

from leads import bus
from leads.events import Kind
from leads.models import Event, Lead, Tenant
from leads.ops import metrics
from leads.ops.logs import current_correlation_id
from leads.tables import prepared

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
        return ask_to_record(events)()


def ask_to_record(events: Sequence[NewEvent]) -> Callable[[], list[Event]]:
    """Send what `record_events` sends and return what waits, in the same transaction, for the rows."""
    now = timezone.now()
    rows = [_row(event, now) for event in _firsts(events)]
    if not rows:
        return lambda: []
    cursor = prepared()
    cursor.execute(_INSERT, [_payload(rows)])

    def answer() -> list[Event]:
        recorded = _recorded(rows, cursor.fetchall())
        for kind, count in Counter(event.kind for event in recorded).items():
            metrics.EVENTS.labels(kind=kind).inc(count)
        if recorded:
            transaction.on_commit(partial(bus.publish_recorded, recorded), robust=True)
        return recorded

    return answer


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


def _firsts(events: Sequence[NewEvent]) -> list[NewEvent]:
    """Return the events without those that share their dedupe key with one before them."""
    seen: set[tuple[int, str]] = set()
    kept = []
    for event in events:
        place = (event.tenant_id, event.dedupe_key)
        if not event.dedupe_key or place not in seen:
            kept.append(event)
        seen.add(place)
    return kept


_COLUMNS = {
    "tenant_id": "bigint",
    "lead_id": "bigint",
    "kind": "text",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "published_at": "timestamptz",
    "source": "text",
    "actor_id": "bigint",
    "is_backfill": "boolean",
    "dedupe_key": "text",
    "correlation_id": "text",
    "data": "jsonb",
}
_INSERT = f"""
WITH fresh AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(%s::jsonb)
  AS fresh (place integer, {", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
), claimed AS (
  INSERT INTO leads_eventkey (tenant_id, key, recorded_at)
  SELECT tenant_id, dedupe_key, recorded_at FROM fresh WHERE dedupe_key <> ''
  ORDER BY tenant_id, dedupe_key  -- one order for all, so that two batches cannot wait for each other
  ON CONFLICT (tenant_id, key) DO NOTHING
  RETURNING tenant_id, key
)
INSERT INTO leads_event ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM fresh
WHERE dedupe_key = '' OR (tenant_id, dedupe_key) IN (SELECT tenant_id, key FROM claimed)
ORDER BY place
RETURNING id, tenant_id, dedupe_key
"""
"""Claims the keys and inserts the rows whose key was not known, in their order."""


def _payload(rows: Sequence[Event]) -> str:
    columns = [
        {"place": place, **{name: getattr(row, name) for name in _COLUMNS}} for place, row in enumerate(rows)
    ]
    return orjson.dumps(columns, option=orjson.OPT_NON_STR_KEYS).decode()


def _recorded(rows: Sequence[Event], inserted: Sequence[tuple[int, int, str]]) -> list[Event]:
    """Return the rows that were inserted, with their ids."""
    recorded = []
    waiting = iter(rows)
    for pk, tenant_id, key in inserted:  # in the order of the rows, those known left out
        row = next(row for row in waiting if (row.tenant_id, row.dedupe_key) == (tenant_id, key))
        row.pk, row._state.adding, row._state.db = pk, False, DEFAULT_DB_ALIAS
        recorded.append(row)
    return recorded
