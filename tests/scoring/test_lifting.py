"""What would lift a lead, on its panel and over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.models import AlertSettings, FeatureState, Lead, Membership, User
from leads.services.merging import merge_leads
from scoring import services
from scoring.levers import INFLUENCED, LEVERS, Lift
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.leads.api import caller
from tests.scoring.test_levers import FIXED, PROTECTED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def happen(lead: Lead, kind: Kind, days: float = 0.0, **data: str) -> None:
    at = NOW - timedelta(days=days)
    event = EventFactory(lead=lead, kind=kind, occurred_at=at, recorded_at=at, data=data)
    services.score_leads(event_ids=[event.pk])
    lead.refresh_from_db()


@pytest.fixture
def waiting(lead: Lead) -> Lead:
    """A lead who has waited for a reply for two days, a little below steady."""
    happen(lead, Kind.MESSAGE_RECEIVED, 3, text="Around 580k")
    happen(lead, Kind.MESSAGE_RECEIVED, 2, text="Hello?")
    services.rescore(lead_ids=[lead.pk])
    lead.refresh_from_db()
    assert lead.score is not None
    AlertSettings.objects.create(
        tenant=lead.tenant, hot_score=90, warm_score=80, steady_score=int(lead.score) + 1
    )
    return lead


def panel(client: Client, lead: Lead) -> str:
    return client.get(
        reverse("scoring:lead-panel", args=[lead.pk]), headers={"HX-Request": "true"}
    ).content.decode()


def lifted(lead: Lead) -> list[Lift]:
    found = services.lifts_of(lead)
    assert found is not None
    return found


def test_the_panel_says_what_would_lift_the_lead(agent_client: Client, waiting: Lead) -> None:
    shown = panel(agent_client, waiting)

    first, *others = lifted(waiting)
    assert first.keys == ("reply",)
    assert len(others) == 2
    assert first.sentence.startswith("Reply within the hour: from ")
    assert first.sentence.endswith(", steady")
    assert first.score == pytest.approx(waiting.score)
    assert "What would lift this lead" in shown
    assert shown.index(first.sentence) < shown.index(others[0].sentence) < shown.index(others[1].sentence)
    assert "3 min of your time" in shown
    assert "The rules say what usually goes with closings, not what causes them." in shown


def test_programs_read_the_same(waiting: Lead, agent: User) -> None:
    program = caller(Membership.objects.get(user=agent))

    told = program.get(f"leads/{waiting.pk}/explanation/").json()["levers"]

    assert [one["sentence"] for one in told] == [lift.sentence for lift in lifted(waiting)]
    assert told[0] == {
        "keys": ["reply"],
        "sentence": lifted(waiting)[0].sentence,
        "minutes": 3.0,
        "score": lifted(waiting)[0].score,
        "new_score": lifted(waiting)[0].new_score,
        "tier": "quiet",
        "new_tier": "steady",
    }


def test_what_it_promises_is_what_the_score_becomes(waiting: Lead) -> None:
    first = lifted(waiting)[0]

    happen(waiting, Kind.MESSAGE_SENT, text="Hello")

    assert waiting.score == pytest.approx(first.new_score, abs=0.5)


def test_a_lead_whose_state_is_not_remembered_is_replayed(waiting: Lead) -> None:
    remembered = lifted(waiting)

    FeatureState.objects.all().delete()

    assert [one.keys for one in lifted(waiting)] == [one.keys for one in remembered]


def test_where_nothing_lifts_the_page_says_so(agent_client: Client, waiting: Lead) -> None:
    AlertSettings.objects.update(hot_score=100, warm_score=99, steady_score=98)

    assert services.lifts_of(waiting) == []
    assert "No single step, nor any two together, would lift its tier now." in panel(agent_client, waiting)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.OPPORTUNITY_WON, {"opportunity_id": "a"}),
        (Kind.OPPORTUNITY_LOST, {"opportunity_id": "a"}),
        (Kind.MESSAGE_RECEIVED, {"text": "not interested, stop texting me"}),
    ],
)
def test_who_has_ended_or_refused_is_not_to_be_lifted(
    agent_client: Client, waiting: Lead, kind: Kind, data: dict[str, str]
) -> None:
    happen(waiting, kind, 0.0, **data)

    assert services.lifts_of(waiting) is None
    assert "What would lift this lead" not in panel(agent_client, waiting)


def test_who_is_hot_needs_no_lift(agent_client: Client, waiting: Lead, agent: User) -> None:
    AlertSettings.objects.update(hot_score=3, warm_score=2, steady_score=1)
    services.rescore(lead_ids=[waiting.pk])
    waiting.refresh_from_db()

    assert waiting.tier == "hot"
    assert services.lifts_of(waiting) is None
    assert "What would lift this lead" not in panel(agent_client, waiting)
    program = caller(Membership.objects.get(user=agent))
    assert program.get(f"leads/{waiting.pk}/explanation/").json()["levers"] == []


def test_a_lead_without_a_score_and_one_merged_away_have_none(waiting: Lead, agent: User) -> None:
    other = LeadFactory(tenant=waiting.tenant)
    assert services.lifts_of(other) is None

    merge_leads(survivor=other, absorbed=waiting, by=agent, reason="the same person")
    waiting.refresh_from_db()

    assert services.lifts_of(waiting) is None


def test_no_lever_is_about_who_somebody_is() -> None:
    assert not INFLUENCED & FIXED
    assert not [lever.label for lever in LEVERS if PROTECTED.search(lever.label)]
