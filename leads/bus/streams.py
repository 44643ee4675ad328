"""The streams: one per kind, entries of ids only, bounded; Redis is transport, PostgreSQL is the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from redis import Redis

from leads.bus.registry import DELIVERIES
from leads.models import Event, Tenant
from leads.redis import RedisAway, circuit

REALTIME = "realtime:"
BACKFILL = "backfill:"
LENGTH = 50_000
"""Entries a stream keeps, about; what is trimmed unread is published again by the sweep."""
PIPELINE = 500

Fields = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry to publish."""

    stream: str
    fields: Fields


def stream_of(kind: str, *, is_backfill: bool = False) -> str:
    """Return the stream of a kind."""
    return f"{BACKFILL if is_backfill else REALTIME}{kind}"


def kind_of(stream: str) -> str:
    """Return the kind a stream carries."""
    return stream.partition(":")[2]


def publish(events: Sequence[Event]) -> bool:
    """Put events on their streams and note it in the outbox; False when Redis is away."""
    sent = _publish(events)
    if sent and events:
        mark_published(events)
    return sent


def publish_recorded(events: Sequence[Event]) -> bool:
    """Put events just committed on their streams; False, and back in the outbox, when Redis is away.

    They were recorded as published: in the good case no further statement is needed. A process that dies
    between its commit and here leaves them unconsumed, on no stream: the sweep finds them.
    """
    sent = _publish(events)
    if not sent:
        _of(events).update(published_at=None)
    return sent


def _publish(events: Sequence[Event]) -> bool:
    places = locations(event.tenant_id for event in events)
    return _send(
        Outgoing(
            stream_of(event.kind, is_backfill=event.is_backfill),
            {"e": event.pk, "l": places.get(event.tenant_id, ""), "c": event.correlation_id},
        )
        for event in events
    )


def publish_deliveries(rows: Sequence[tuple[int, str, str]], *, is_backfill: bool = False) -> bool:
    """Put accepted deliveries (id, location_id, correlation_id) on the stream; False when Redis is away."""
    stream = stream_of(DELIVERIES, is_backfill=is_backfill)
    return _send(
        Outgoing(stream, {"d": pk, "l": location_id, "c": correlation_id})
        for pk, location_id, correlation_id in rows
    )


def mark_published(events: Sequence[Event]) -> None:
    """Note in the outbox that events are on their streams."""
    _of(events).update(published_at=timezone.now())


def _of(events: Sequence[Event]) -> QuerySet[Event]:
    return Event.objects.filter(
        pk__in=[event.pk for event in events],
        recorded_at__gte=min(event.recorded_at for event in events),  # lets PostgreSQL skip older partitions
    )


def _send(entries: Iterable[Outgoing]) -> bool:
    waiting = list(entries)
    try:
        for start in range(0, len(waiting), PIPELINE):
            _send_some(waiting[start : start + PIPELINE])
    except RedisAway:
        return False
    return True


def _send_some(entries: Sequence[Outgoing]) -> None:
    def run(redis: Redis) -> None:
        pipeline = redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.xadd(entry.stream, entry.fields, maxlen=LENGTH, approximate=True)
        pipeline.execute()

    circuit.call(run)


_locations: dict[int, str] = {}


def locations(tenant_ids: Iterable[int]) -> dict[int, str]:
    """Return the location id of each tenant; it never changes, so it is remembered."""
    wanted = set(tenant_ids)
    missing = wanted - _locations.keys()
    if missing:
        _locations.update(Tenant.objects.filter(pk__in=missing).values_list("pk", "location_id"))
    return {pk: _locations[pk] for pk in wanted if pk in _locations}
