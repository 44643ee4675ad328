"""Histories of leads for tests of features: short ones by hand, and any at all by hypothesis."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from leads.events import Kind
from leads.ml import features
from leads.ml.features import EventFact, FeatureVector, LeadFacts, State

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""A Sunday."""

TEXTS = [
    "Not pre-approved yet, our budget is around $580k",
    "¿Podemos ver la casa el sábado?",
    "We're pre-approved! Looking near downtown, move by June 1",
    "not interested, stop texting me",
    "I love it, thanks!",
    "This is terrible, I am not sure. Would they take 500k?",
    "Nuestro contrato termina en mayo, tenemos que pensarlo",
    "We pay all cash",
    "ok",
]


def fact(kind: Kind, days: float, event_id: int = 1, **data: Any) -> EventFact:
    return EventFact(kind, START + timedelta(days=days), data, event_id)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def of(*facts: EventFact, days: float, **lead: Any) -> FeatureVector:
    return features.vector(features.replay(facts), at(days), LeadFacts(**lead))


def said(*texts: str, days: float | None = None, **lead: Any) -> FeatureVector:
    """Return the features of a lead who wrote each text a day after the one before, then or on a day."""
    facts = [fact(Kind.MESSAGE_RECEIVED, i, i, text=text) for i, text in enumerate(texts)]
    return of(*facts, days=len(texts) - 1 if days is None else days, **lead)


@st.composite
def histories(draw: st.DrawFn) -> list[EventFact]:
    count = draw(st.integers(0, 25))
    minutes = draw(st.lists(st.integers(0, 120 * 24 * 60), min_size=count, max_size=count))
    facts = []
    for i, minute in enumerate(minutes):
        data = {
            "text": draw(st.sampled_from(TEXTS)),
            "channel": draw(st.sampled_from(["SMS", "Email", "WhatsApp"])),
            "seconds": draw(st.integers(0, 600)),
            "is_automatic": draw(st.booleans()),
            "opportunity_id": draw(st.sampled_from("abcdefghij")),
            "appointment_id": draw(st.sampled_from("abcdefghij")),
            "starts_at": draw(st.sampled_from(["2026-04-01T10:00:00+00:00", "", "2026-03-09T10:00:00"])),
            "channels": draw(st.sampled_from([{"SMS": "denied"}, {"SMS": "unknown", "CALL": "denied"}])),
            "denied": ["Email"],
            "listing_key": draw(st.sampled_from(["MLS1", "MLS2", "MLS3", None])),
            "list_price": draw(st.sampled_from([450_000, "$1.2M", "585,000", "on request", None, True, -1])),
            "living_area": draw(st.sampled_from([1_850, "2,400 sq ft", "roomy", None])),
            "postal_code": draw(st.sampled_from(["98101", "98052", "78701", ""])),
        }
        facts.append(EventFact(draw(st.sampled_from(Kind)), START + timedelta(minutes=minute), data, i))
    return facts


def stored(state: State) -> State:
    """Return the state as the database gives it back: the same values, the keys in another order."""
    return json.loads(json.dumps(state, sort_keys=True))  # type: ignore[no-any-return]
