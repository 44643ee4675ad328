"""A brokerage's past for tests of learning: leads whose talk foretells, as strongly as wanted, what came."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from leads.events import Kind
from leads.models import Event, Lead, ModelVersion, Tenant
from leads.services import models as registry
from scoring import services

SEGMENTS = ("first_time_buyer", "move_up", "seller")
_keys = count(1)
UNTRIED = {"state": ModelVersion.State.CANDIDATE, "promoted_at": None}


def make_past(
    tenant: Tenant,
    *,
    leads: int,
    now: datetime,
    seed: int = 7,
    effect: float = 0.8,
    days: int = 500,
    win: Kind = Kind.OPPORTUNITY_WON,
    steady: bool = False,
) -> list[Lead]:
    """Make leads that came over the last `days` and what became of those older than 100 days.

    A lead is keen or not; who is keen writes more and asks for showings. `effect` of the closings are the
    keen ones', the rest anybody's: at 0 the talk tells nothing. Closings come after 20 to 80 days; if
    `steady` everybody closes after 300 days on average, at any time alike: age tells nothing either.
    """
    rng = random.Random(seed)
    rows, stories = [], []
    for i in range(leads):
        came = now - timedelta(days=days * (1 - i / leads), minutes=rng.randrange(600))
        rows.append(
            Lead(
                tenant=tenant,
                contact_id=f"past{tenant.pk}-{i}",
                first_name="Past",
                last_name=str(i),
                segment=SEGMENTS[i % 3],
                created_at=came,
            )
        )
        is_keen = rng.random() < 0.35
        closes = rng.random() < (0.5 if is_keen else 0.03) if rng.random() < effect else rng.random() < 0.2
        after = rng.expovariate(1 / 300) if steady else rng.uniform(20, 80)
        stories.append((came, is_keen, closes or steady, came + timedelta(days=after)))
    made = Lead.objects.bulk_create(rows)
    events = list[Event]()
    for lead, (came, is_keen, closes, at) in zip(made, stories, strict=True):
        events += _talk(lead, came, is_keen, rng)
        if closes and at < now:
            events.append(_event(lead, win, at))
        elif not steady and rng.random() < 0.3 and (at := came + timedelta(days=rng.uniform(40, 85))) < now:
            events.append(_event(lead, Kind.OPPORTUNITY_LOST, at))
    Event.objects.bulk_create([event for event in events if event.occurred_at < now], batch_size=2_000)
    return made


def _talk(lead: Lead, came: datetime, is_keen: bool, rng: random.Random) -> list[Event]:
    found = [_event(lead, Kind.CONTACT_CREATED, came)]
    for _ in range(rng.randint(2, 6) if is_keen else rng.randint(0, 3)):
        text = "Can we see the house on Saturday?" if is_keen and rng.random() < 0.4 else "Thanks"
        at = came + timedelta(hours=rng.uniform(1, 30 * 24))
        found.append(_event(lead, Kind.MESSAGE_RECEIVED, at, text=text))
        found.append(
            _event(lead, Kind.MESSAGE_SENT, at + timedelta(minutes=rng.uniform(2, 300)), text="Hello")
        )
    return found


def _event(lead: Lead, kind: Kind, at: datetime, **data: object) -> Event:
    return Event(
        tenant_id=lead.tenant_id,
        lead=lead,
        kind=kind,
        occurred_at=at,
        source=Event.Source.GHL,
        dedupe_key=f"past:{next(_keys)}",
        data=data,
    )


_learned: dict[str, Any] = {}
"""The columns of the one model that tests share: learning takes some seconds, and the past is the same."""


def make_model(tenant: Tenant, *, now: datetime) -> ModelVersion:
    """Make a past of 320 leads and the model learned from it, serving; it is learned once for all tests."""
    make_past(tenant, leads=320, now=now)
    if not _learned:
        version = services.retrain(tenant=tenant, now=now, seed=3, promote=True)
        told = {field.name: getattr(version, field.name) for field in ModelVersion._meta.concrete_fields}
        _learned.update(
            deepcopy({name: value for name, value in told.items() if name not in ("id", "tenant")})
        )
        return version
    return registry.promote(
        version=ModelVersion.objects.create(tenant=tenant, **deepcopy(_learned) | UNTRIED)
    )
