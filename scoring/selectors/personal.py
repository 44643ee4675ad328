"""Weeks of leads' own past: what the score was made of, and whether they took a step in the week after."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from leads.events import Kind
from leads.ml.metrics import Flags, Values
from leads.models import Event, Lead, Tenant
from scoring.models import LeadScore
from scoring.pillars import Pillar

WEEK = timedelta(days=7)
WEEKS = 26
CHUNK = 200
ACTIVE_WITHIN = timedelta(days=90)
EDGE = 1e-6
STEPS = (
    Kind.MESSAGE_RECEIVED,
    Kind.CALL_RECEIVED,
    Kind.FORM_SUBMITTED,
    Kind.SURVEY_SUBMITTED,
    Kind.LISTING_SAVED,
    Kind.LISTING_SHARED,
    Kind.SHOWING_REQUESTED,
    Kind.VALUATION_REQUESTED,
    Kind.APPOINTMENT_BOOKED,
    Kind.APPOINTMENT_SHOWED,
)
"""What a lead does of their own accord; what the team does, or a mail client, is no step."""

_PILLARS = tuple(Pillar)
_Row = tuple[datetime, float, float, list[list[Any]]]


@dataclass(frozen=True, slots=True)
class OwnPast:
    """One lead's weeks, the earliest first: margins by pillar (k, p) as they count now, and steps (k,)."""

    lead_id: int
    segment: str
    margins: Values
    steps: Flags


def own_pasts(tenant: Tenant, *, now: datetime, mode: str, least: int) -> Iterator[OwnPast]:
    """Yield the leads with enough weeks scored in one mode, their margins counting once, as yet.

    A week begins with the latest score before it; weeks do not overlap, so that each is an observation.
    """
    leads = Lead.objects.active().for_tenant(tenant)
    leads = leads.filter(score__isnull=False, last_event_at__gte=now - ACTIVE_WITHIN)
    waiting = leads.filter(created_at__lte=now - (least + 1) * WEEK)
    begins = [now - WEEK * (weeks + 1) for weeks in reversed(range(WEEKS))]
    last = 0
    while chunk := list(waiting.filter(pk__gt=last).order_by("pk").values_list("pk", "segment")[:CHUNK]):
        last = chunk[-1][0]
        keys = [pk for pk, _ in chunk]
        rows, steps = _rows(keys, begins[0], now, mode), _steps(tenant, keys, begins[0], now)
        for pk, segment in chunk:
            if found := _past(pk, segment, rows[pk], steps[pk], begins, least):
                yield found


def _rows(keys: Sequence[int], since: datetime, until: datetime, mode: str) -> defaultdict[int, list[_Row]]:
    found: defaultdict[int, list[_Row]] = defaultdict(list)
    told = LeadScore.objects.filter(
        lead__in=keys, event_at__gt=since - WEEK * WEEKS, event_at__lte=until, mode=mode
    )
    columns = told.order_by("event_at", "pk").values_list("lead_id", "event_at", "score", "base", "pillars")
    for lead_id, at, score, base, pillars in columns.iterator(chunk_size=2_000):
        found[lead_id].append((at, score, base, pillars))
    return found


def _steps(
    tenant: Tenant, keys: Sequence[int], since: datetime, until: datetime
) -> defaultdict[int, list[datetime]]:
    found: defaultdict[int, list[datetime]] = defaultdict(list)
    told = Event.objects.filter(
        tenant=tenant, lead__in=keys, kind__in=STEPS, occurred_at__gt=since, occurred_at__lte=until
    )
    for lead_id, at in told.order_by("occurred_at").values_list("lead_id", "occurred_at"):
        found[lead_id].append(at)
    return found


def _past(
    pk: int,
    segment: str,
    rows: Sequence[_Row],
    steps: Sequence[datetime],
    begins: Sequence[datetime],
    least: int,
) -> OwnPast | None:
    times = [at for at, *_ in rows]
    margins, taken = list[Values](), list[bool]()
    for begin in begins:
        place = bisect_right(times, begin) - 1
        if place < 0:
            continue
        _, score, base, pillars = rows[place]
        margins.append(_margins(score, base, pillars))
        taken.append(bisect_right(steps, begin + WEEK) > bisect_right(steps, begin))
    if len(taken) < least:
        return None
    return OwnPast(pk, segment, np.array(margins), np.array(taken, dtype=np.bool_))


def _margins(score: float, base: float, pillars: list[list[Any]]) -> Values:
    """Return a stored score's log odds by pillar (p,), each counting once.

    Points are the pillars' parts of the way from base to score, so their log odds are the same parts of it.
    """
    end, start = (min(1.0 - EDGE, max(EDGE, one / 100.0)) for one in (score, base))
    way = np.log(end / (1.0 - end)) - np.log(start / (1.0 - start))
    slope = way / (score - base) if abs(score - base) > EDGE else 0.01 / (start * (1.0 - start))
    found = np.zeros(len(_PILLARS))
    for name, points, weight in pillars:
        if name in set(Pillar) and weight:
            found[_PILLARS.index(Pillar(name))] = points * slope / weight
    return found
