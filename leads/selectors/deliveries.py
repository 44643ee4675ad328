"""What came through the webhook doors, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from leads.models import Event, WebhookDelivery

SEARCH_LENGTH = 80
PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
COUNTED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries a page shows, as its address says."""

    state: str = ""
    door: str = ""
    type: str = ""
    period: str = ""
    place: str = ""
    q: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> DeliveryQuery:
        """Return the query of an address; what it does not know it leaves out."""
        state, door, period = (params.get(name, "") for name in ("state", "door", "period"))
        return cls(
            state=state if state in WebhookDelivery.State.values else "",
            door=door if door in WebhookDelivery.Door.values else "",
            type=params.get("type", "")[:60].replace("\x00", ""),
            period=period if period in PERIODS else "",
            place="unknown" if params.get("place") == "unknown" else "",
            q=params.get("q", "").strip()[:SEARCH_LENGTH].replace("\x00", ""),
        )

    @property
    def is_narrowed(self) -> bool:
        return any((self.state, self.door, self.type, self.period, self.place, self.q))


def find_deliveries(
    rows: QuerySet[WebhookDelivery], query: DeliveryQuery, *, now: datetime
) -> QuerySet[WebhookDelivery]:
    """Return the deliveries of a query, newest first, without their bodies."""
    rows = rows.filter(tenant=None) if query.place == "unknown" else rows.exclude(tenant=None)
    if query.state:
        rows = rows.filter(state=query.state)
    if query.door:
        rows = rows.filter(door=query.door)
    if query.type:
        rows = rows.filter(type=query.type)
    if query.period:
        rows = rows.filter(received_at__gte=now - PERIODS[query.period])
    if query.q:
        named = Q(webhook_id=query.q) | Q(correlation_id=query.q) | Q(location_id=query.q)
        rows = rows.filter(named | Q(reason__icontains=query.q))
    return rows.defer("body").order_by("-pk")


def count_states(rows: QuerySet[WebhookDelivery], *, now: datetime) -> dict[str, int]:
    """Return how many deliveries of the last day are in each state."""
    recent = rows.filter(received_at__gte=now - COUNTED)
    found = dict(recent.order_by().values_list("state").annotate(count=Count("pk")))
    return {state: found.get(state, 0) for state in WebhookDelivery.State.values}


def types_seen(rows: QuerySet[WebhookDelivery], *, now: datetime) -> list[str]:
    """Return the types that came in the last week."""
    recent = rows.filter(received_at__gte=now - PERIODS["week"]).exclude(type="")
    return sorted(recent.order_by().values_list("type", flat=True).distinct())


def events_of(delivery: WebhookDelivery) -> QuerySet[Event]:
    """Return the events a delivery became, through its correlation id."""
    if not delivery.correlation_id or delivery.tenant_id is None:
        return Event.objects.none()
    return (
        Event.objects.filter(
            tenant=delivery.tenant_id,
            correlation_id=delivery.correlation_id,
            recorded_at__gte=delivery.received_at,
            source__in=(Event.Source.GHL, Event.Source.WORKFLOW),
        )
        .select_related("lead")
        .order_by("pk")[:20]
    )


def readable_body(delivery: WebhookDelivery) -> str:
    """Return the body with line breaks, or as it came when it cannot be read."""
    try:
        return json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return delivery.body
