"""Feed stored events to the engines again; the ledger keeps a repeat from doing anything twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from leads.bus import Subscription, consumers_of, lag, publish, subscriptions
from leads.errors import DomainError, ServiceError
from leads.models import DeadLetter, Event, Tenant
from leads.redis import RedisAway

CHUNK = 500
CROWDED = 5_000
"""Entries a group may have waiting before the replay lets it catch up: streams are bounded."""
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events were looked at, and how many of them a group had not done."""

    seen: int = 0
    fed: int = 0
    total: int = 0


def replay_events(
    *,
    tenant: Tenant | None,
    since: datetime | None,
    until: datetime | None,
    group: str,
    pause: Callable[[float], object],
) -> Iterator[Replayed]:
    """Publish again, behind live work, what the groups (or one) have not done; yield progress."""
    known = _listening(group)
    kinds = {kind for subscription in known for kind in subscription.kinds}
    events = Event.objects.filter(kind__in=kinds)
    if tenant is not None:
        events = events.filter(tenant=tenant)
    if since is not None:
        events = events.filter(recorded_at__gte=since)
    if until is not None:
        events = events.filter(recorded_at__lt=until)
    total, seen, fed, last = events.count(), 0, 0, 0
    yield Replayed(total=total)
    while chunk := list(events.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        waiting = _not_done(chunk, known)
        _feed(waiting, [subscription.group for subscription in known])
        seen, fed = seen + len(chunk), fed + len(waiting)
        yield Replayed(seen, fed, total)
        _let_catch_up([subscription.group for subscription in known], pause)


def _listening(group: str) -> list[Subscription]:
    found = subscriptions()
    if not group:
        return list(found.values())
    if group not in found:
        raise DomainError(f"No group is called {group}; there are {', '.join(found)}.", "group")
    return [found[group]]


def _not_done(events: Sequence[Event], known: Sequence[Subscription]) -> list[Event]:
    """Return the events that a group listens to and has not consumed."""
    done = consumers_of([event.pk for event in events])
    return [
        event
        for event in events
        if any(
            event.kind in subscription.tasks and subscription.group not in done.get(event.pk, set())
            for subscription in known
        )
    ]


@transaction.atomic
def _feed(events: Sequence[Event], groups: Sequence[str]) -> None:
    """Publish events on the streams read when nothing live waits; their dead letters get another chance."""
    DeadLetter.objects.filter(
        event_id__in=[event.pk for event in events], group__in=groups, resolved_at__isnull=True
    ).update(resolved_at=timezone.now())
    for event in events:
        event.is_backfill = True  # on the stream only; the row stays as it is
    if not publish(events):
        raise ServiceError("Redis cannot be reached: start it and run the command again.", "redis")


def _let_catch_up(groups: Sequence[str], pause: Callable[[float], object]) -> None:
    """Wait while a group has too much before it."""
    waited, least = 0.0, None
    while True:
        try:
            held = lag()
        except RedisAway:
            raise ServiceError(
                "Redis cannot be reached: start it and run the command again.", "redis"
            ) from None
        waiting = max((held[group].waiting for group in groups if group in held), default=0)
        if waiting < CROWDED:
            return
        if least is not None and waiting < least:
            waited = 0.0
        least = waiting if least is None else min(least, waiting)
        if waited >= PATIENCE_SECONDS:
            raise ServiceError("No worker takes the events: start one and run the command again.", "workers")
        pause(PAUSE_SECONDS)
        waited += PAUSE_SECONDS
