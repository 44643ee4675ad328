"""Events in words."""

from __future__ import annotations

import lucide
import pytest

from leads.events import Kind
from leads.timeline import LOOKS, Line, describe


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_event_has_words_and_an_icon_that_exists(kind: Kind) -> None:
    line = describe(kind, {})

    assert line.title
    assert lucide._render_icon(LOOKS[kind][0], 16)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            Kind.LEAD_SCORED,
            {"score": 91.4, "previous_score": 78.0, "tier": "hot", "previous_tier": "warm"},
            Line("gauge", "Score rose from 78 to 91", "Warm → Hot", "good"),
        ),
        (
            Kind.LEAD_SCORED,
            {"score": 60, "previous_score": 70, "tier": "steady", "previous_tier": "steady"},
            Line("gauge", "Score fell from 70 to 60", "", "warn"),
        ),
        (
            Kind.LEAD_SCORED,
            {"score": 86.1, "previous_score": 86.1, "tier": "hot", "previous_tier": "warm"},
            Line("gauge", "Tier changed at score 86", "Warm → Hot", ""),
        ),
        (Kind.LEAD_SCORED, {"score": 40.2, "previous_score": None}, Line("gauge", "First score: 40")),
        (Kind.LEAD_SCORED, {}, Line("gauge", "Score changed")),
        (
            Kind.LEAD_SCORED,
            {"score": 27.0, "previous_score": 82.0, "tier": "warm", "previous_tier": "hot", "anew": True},
            Line("gauge", "Scored anew by other measures: 27", "Hot → Warm"),
        ),
        (Kind.CONTACT_TAGGED, {"tags": ["buyer", "open-house"]}, Line("tag", "Tagged", "buyer, open-house")),
        (
            Kind.CONTACT_UPDATED,
            {"fields": ["first_name", "custom.budget"]},
            Line("pencil", "Record updated", "first name, budget"),
        ),
        (
            Kind.CONTACT_UPDATED,
            {"fields": list("abcdefgh")},
            Line("pencil", "Record updated", "a, b, c, d, e, f…"),
        ),
        (
            Kind.OPPORTUNITY_VALUED,
            {"value": 580000},
            Line("circle-dollar-sign", "Opportunity value changed", "$580,000"),
        ),
        (Kind.NOTE_ADDED, {"text": "Wants a yard"}, Line("notebook-pen", "Note", "Wants a yard")),
        (
            Kind.OPPORTUNITY_MOVED,
            {"stage": "s2IzsdYAEuLhWymXilTd"},  # an id of GoHighLevel's says nothing
            Line("move-right", "Opportunity moved on"),
        ),
        ("unheard.of", {}, Line("dot", "Something happened")),
    ],
)
def test_events_read_as_a_person_would_tell_them(kind: str, data: dict[str, object], expected: Line) -> None:
    assert describe(kind, data) == expected
