"""A lead's page where a model serves: what moved its score, what would lift it, and an agent's own view."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.models import Lead, ModelVersion, Tenant, User
from scoring import services
from scoring.models import TierCuts
from scoring.overrides import Reason
from scoring.services import serving
from tests.conftest import Freeze
from tests.factories import EventFactory
from tests.past import make_model

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def version(tenant: Tenant) -> ModelVersion:
    """A model learned from a past whose talk foretells closings, serving."""
    version = make_model(tenant, now=NOW)
    serving.forget()
    return version


def happen(lead: Lead, kind: Kind, days: float = 0.0, **data: str) -> int:
    at = NOW - timedelta(days=days)
    event = EventFactory(lead=lead, kind=kind, occurred_at=at, recorded_at=at, data=data)
    services.score_leads(event_ids=[event.pk])
    lead.refresh_from_db()
    return int(event.pk)


def test_the_parts_of_a_change_add_up_and_an_ended_deal_has_another_start(
    agent_client: Client, version: ModelVersion, lead: Lead
) -> None:
    Lead.objects.filter(pk=lead.pk).update(created_at=NOW - timedelta(days=9))
    happen(lead, Kind.MESSAGE_RECEIVED, 9, text="Thanks")
    happen(lead, Kind.MESSAGE_RECEIVED, 2, text="Can we see the house on Saturday?")
    address = reverse("scoring:lead-change", args=[lead.pk])

    open_still = agent_client.get(address, {"days": "7"}).context["change"]
    won = happen(lead, Kind.OPPORTUNITY_WON, 1, opportunity_id="a")
    response = agent_client.get(address, {"from": "2026-05-25T12:00", "to": "2026-06-01T11:00"})
    ended = response.context["change"]

    assert open_still.is_by_one_measure
    assert open_still.after.model_version == version.name
    assert open_still.base == 0.0
    assert open_still.points > 0
    for found in (open_still, ended):
        total = found.base + sum(move.points for move in found.moves)
        assert total == pytest.approx(found.points, abs=1e-6)
    assert (ended.before.mode, ended.after.mode) == ("model", "rules")
    assert ended.base == pytest.approx(ended.after.base - ended.before.base)
    assert "Another start: " in response.content.decode()
    moved = response.context["moved"]
    assert moved[won] < 0
    assert sum(moved.values()) + response.context["meanwhile"] == pytest.approx(ended.points)


def test_what_serves_a_lead_reckons_its_lifts(
    agent_client: Client, version: ModelVersion, tenant: Tenant, lead: Lead
) -> None:
    happen(lead, Kind.MESSAGE_RECEIVED, 3, text="Thanks")
    assert lead.score is not None
    cut = lead.score + 0.01
    told = {"hot": 99.9, "warm": 99.0, "steady": cut, "margin": 0.0, "reasons": []}
    TierCuts.objects.create(tenant=tenant, model=version.name, cuts={"": told})
    serving.forget()
    services.rescore(lead_ids=[lead.pk])
    lead.refresh_from_db()

    panel = reverse("scoring:lead-panel", args=[lead.pk])
    shown = agent_client.get(panel, headers={"HX-Request": "true"}).content.decode()

    lifts = services.lifts_of(lead)
    assert lifts
    assert (lifts[0].tier, lifts[0].new_tier) == ("quiet", "steady")
    assert lifts[0].score == pytest.approx(lead.score)
    assert lifts[0].new_score >= cut
    assert lifts[0].sentence in shown
    assert "The model knows what goes with the outcome it foretells, not what causes it." in shown


def test_a_view_beside_a_models_score_is_graded_by_what_the_model_foretells(
    version: ModelVersion, lead: Lead, agent: User
) -> None:
    happen(lead, Kind.MESSAGE_RECEIVED, 3, text="Thanks")

    row = services.set_override(lead=lead, score=50.0, reason=Reason.TALKED, note="", by=agent)

    assert (row.model_version, row.target) == (version.name, version.target)
    assert row.model_score == lead.score
