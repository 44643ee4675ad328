"""Reads of a lead's past: since when it is known, how long its history is, and what happened in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from leads.events import BEHAVIOR
from leads.models import Event, Lead
from leads.selectors.leads import family_ids
from leads.timeline import Line, describe

ROWS = 20


@dataclass(frozen=True, slots=True)
class Happened:
    """An event in words, and the cursor from which a timeline begins with it."""

    event: Event
    line: Line
    cursor: str


@dataclass(frozen=True, slots=True)
class Between:
    """What happened between two moments: the latest of it, and how much there was."""

    latest: Sequence[Happened]
    count: int


def known_since(lead: Lead) -> datetime:
    """Return the first moment of which a score can be told."""
    first: datetime | None = _behavior(lead).aggregate(first=Min("occurred_at"))["first"]
    return lead.created_at if first is None else min(first, lead.created_at)


def has_long_history(lead: Lead, *, until: datetime, most: int) -> bool:
    """Tell whether more happened up to a moment than so many events."""
    past = _behavior(lead).filter(_by(until)).order_by().values("pk")
    return past[: most + 1].count() > most


def between(lead: Lead, start: datetime, end: datetime) -> Between:
    """Return what a lead did, and what was done with it, after one moment and up to another."""
    events = _behavior(lead).filter(_by(end), occurred_at__gt=start, recorded_at__gt=start)
    latest = events.select_related("actor").order_by("-occurred_at", "-id")[:ROWS]
    return Between(
        [
            Happened(
                event, describe(event.kind, event.data), f"{event.occurred_at.isoformat()}_{event.pk + 1}"
            )
            for event in latest
        ],
        events.order_by().count(),
    )


def _behavior(lead: Lead) -> QuerySet[Event]:
    return Event.objects.filter(tenant_id=lead.tenant_id, lead_id__in=family_ids(lead), kind__in=BEHAVIOR)


def _by(moment: datetime) -> Q:
    """Return what had happened by a moment: nothing can have happened after it was recorded."""
    return Q(occurred_at__lte=moment) | Q(recorded_at__lte=moment)
