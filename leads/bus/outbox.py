"""Work as PostgreSQL knows it: what a group has not done yet, with or without Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from leads.bus.fairness import Entry
from leads.bus.registry import DELIVERIES, Subscription
from leads.bus.streams import locations
from leads.models import Consumed, DeadLetter, Event, WebhookDelivery


def unconsumed(subscription: Subscription) -> QuerySet[Event]:
    """Return the events a group hears, has not consumed and has not given up."""
    mine = Consumed.objects.filter(event_id=OuterRef("pk"), group=subscription.group)
    dead = DeadLetter.objects.filter(
        event_id=OuterRef("pk"), group=subscription.group, resolved_at__isnull=True
    )
    kinds = [kind for kind in subscription.kinds if kind != DELIVERIES]
    return Event.objects.filter(~Exists(mine), ~Exists(dead), kind__in=kinds)


def waiting_deliveries() -> QuerySet[WebhookDelivery]:
    """Return the deliveries nobody has worked on yet, oldest first."""
    return WebhookDelivery.objects.filter(state=WebhookDelivery.State.ACCEPTED).order_by("pk")


def poll(subscription: Subscription, *, since: datetime, most: int) -> list[Entry]:
    """Return a group's waiting work: what was never published, and what Redis took with it since `since`."""
    found: list[Entry] = []
    if DELIVERIES in subscription.tasks:
        rows = waiting_deliveries().values_list("pk", "location_id", "correlation_id", "is_backfill")
        ordered = sorted(rows[:most], key=lambda row: row[3])
        found += [_entry(DELIVERIES, pk, place, correlation) for pk, place, correlation, _ in ordered]
    if set(subscription.tasks) - {DELIVERIES}:
        events = unconsumed(subscription).filter(Q(published_at__isnull=True) | Q(recorded_at__gte=since))
        found += entries_of(
            events.only("kind", "tenant_id", "correlation_id").order_by("is_backfill", "pk")[:most]
        )
    return found


def entries_of(events: Sequence[Event] | QuerySet[Event]) -> list[Entry]:
    """Return events as polled work."""
    held = list(events)
    places = locations(event.tenant_id for event in held)
    return [
        _entry(event.kind, event.pk, places.get(event.tenant_id, ""), event.correlation_id) for event in held
    ]


def _entry(kind: str, pk: int, location_id: str, correlation_id: str) -> Entry:
    return Entry(
        kind=kind, pk=pk, tenant=location_id, correlation_id=correlation_id, entry_id=f"{kind}:{pk}".encode()
    )
