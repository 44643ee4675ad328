from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.events import Kind
from leads.models import Lead
from scoring import selectors, services
from scoring.models import LeadScore
from tests.factories import EventFactory


@pytest.mark.parametrize(
    ("unit", "value", "told"),
    [
        ("yes or no", 1.0, "yes"),
        ("yes or no", 0.0, "no"),
        ("days", 365.0, "a year or more, or never"),
        ("days", 1.0, "1 day"),
        ("days", 2.5, "2.5 days"),
        ("days", 0.25, "6 hours"),
        ("days", 0.0, "under a minute"),
        ("hours, −1 unknown", -1.0, "not known yet"),
        ("hours, −1 unknown", 2.0, "2 hours"),
        ("minutes, −1 unknown", -1.0, "not known yet"),
        ("minutes, −1 unknown", 5.0, "5 minutes"),
        ("share", 0.5, "50%"),
        ("percent", 1.75, "1.75% usually close"),
        ("0 to 1", 0.9, "0.9 of 1"),
        ("0 to 1", 0.00073, "0 of 1"),
        ("−1, 0 or 1", -1.0, "not yet"),
        ("−1, 0 or 1", 1.0, "in place"),
        ("acts a day", 0.5, "0.5 a day"),
        ("count, fading over 30 days", 3.0, "3"),
        ("count, fading over 30 days", 14.15, "14.2"),
        ("−1 to 1", -0.001, "0"),
        ("−1 to 1", -0.96, "−0.96"),
    ],
)
def test_values_are_told_as_people_say_them(unit: str, value: float, told: str) -> None:
    assert selectors.told_value(unit, value) == told


@pytest.mark.django_db
def test_a_feature_and_a_pillar_of_old_are_told_by_their_names(lead: Lead) -> None:
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, data={"text": "Hello"})
    row = services.score_leads(event_ids=[event.pk])[0]
    row.contributions, row.pillars = [["moon_phase", 0.5, 1.0]], [["astrology", 1.0, 1.0]]

    told = selectors.explanation(row)

    assert told.contributions[0].label == "Moon phase"
    assert told.contributions[0].detail == "0.5"
    assert told.pillars == (("astrology", "Astrology", 1.0, 1.0),)


@pytest.mark.django_db
def test_the_last_score_is_the_latest(lead: Lead) -> None:
    now = timezone.now()
    for days in (3, 1):
        at = now - timedelta(days=days)
        event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=at, data={"text": "Hello"})
        services.score_leads(event_ids=[event.pk])
    newer = LeadScore.objects.latest("event_at")

    assert selectors.last_scores([lead.pk]) == {lead.pk: (newer.score, newer.tier, ("", newer.weight_set))}
