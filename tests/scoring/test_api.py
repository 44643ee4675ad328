from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leads.events import Kind
from leads.models import Lead, Membership, Tenant, User
from scoring import services
from scoring.models import LeadScore
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory, ModelVersionFactory
from tests.leads.api import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def say(lead: Lead, text: str, days: float = 0.0) -> LeadScore:
    at = NOW - timedelta(days=days)
    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=at, recorded_at=at, data={"text": text}
    )
    return services.score_leads(event_ids=[event.pk])[0]


def program(user: User) -> Caller:
    return caller(Membership.objects.get(user=user))


PATHS = ["leads/{lead}/explanation/"]


@pytest.mark.parametrize("path", [*PATHS, "predictions/", "models/"])
def test_a_stranger_is_refused(path: str, lead: Lead) -> None:
    assert Caller().get(path.format(lead=lead.pk)).status_code == 401


@pytest.mark.parametrize("path", [*PATHS, "predictions/", "models/"])
def test_the_wrong_role_is_refused(path: str, lead: Lead, buyer: User) -> None:
    assert program(buyer).get(path.format(lead=lead.pk)).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_another_tenants_lead_does_not_exist(path: str, lead: Lead, other_agent: User) -> None:
    say(lead, "Hello")

    assert program(other_agent).get(path.format(lead=lead.pk)).status_code == 404


def test_the_explanation_adds_up(lead: Lead, agent: User) -> None:
    row = say(lead, "Can we see the house tomorrow?")

    told = program(agent).get(f"leads/{lead.pk}/explanation/").json()

    assert told["score"] == row.score
    assert abs(told["base"] + sum(one["points"] for one in told["contributions"]) - told["score"]) < 1e-6
    assert abs(told["base"] + sum(one["points"] for one in told["pillars"]) - told["score"]) < 1e-6
    assert (told["mode"], told["model_version"], told["weight_set"]) == ("rules", "", "standard")
    first = told["contributions"][0]
    assert first == {
        "feature": "days_since_showing",
        "label": "Asked for a showing",
        "value": 0.0,
        "points": row.contributions[0][2],
    }
    assert {one["pillar"] for one in told["pillars"]} == {
        "engagement", "intent", "urgency", "financing", "fit", "relationship", "context",
    }  # fmt: skip
    assert all(one["weight"] == 1 for one in told["pillars"])


def test_a_lead_without_a_score_has_no_explanation(lead: Lead, agent: User) -> None:
    assert program(agent).get(f"leads/{lead.pk}/explanation/").status_code == 404


def test_predictions_are_an_audit_trail(lead: Lead, other_lead: Lead, agent: User) -> None:
    older, newer = say(lead, "Hello", days=2), say(lead, "Can we see the house?")
    say(other_lead, "Hello")

    told = program(agent).get("predictions/").json()

    assert told["count"] == 2
    assert [one["id"] for one in told["results"]] == [newer.pk, older.pk]
    first = told["results"][0]
    assert first["lead"] == lead.pk
    assert first["event_id"] == newer.event_id
    assert first["inputs_hash"] == newer.inputs_hash
    assert first["score_interval"] is None
    assert first["contributions"][0]["label"] == "Asked for a showing"


def test_a_prediction_with_an_interval_shows_it(lead: Lead, agent: User) -> None:
    say(lead, "Hello")
    LeadScore.objects.update(low=10.0, high=30.0)

    assert program(agent).get("predictions/").json()["results"][0]["score_interval"] == [10.0, 30.0]


def test_predictions_are_found_by_lead_and_time(lead: Lead, agent: User, freeze: Freeze) -> None:
    other = LeadFactory(tenant=lead.tenant)
    say(lead, "Hello")
    freeze(NOW + timedelta(hours=1))
    late = say(other, "Hello")

    def ids(**asked: str) -> list[int]:
        return [one["id"] for one in program(agent).get("predictions/", **asked).json()["results"]]

    assert ids(lead=str(other.pk)) == [late.pk]
    assert ids(since="2026-03-10T15:30:00Z") == [late.pk]
    assert len(ids()) == 2


# Models


def test_models_are_told_with_their_figures_and_without_single_predictions(
    tenant: Tenant, other_tenant: Tenant, agent: User
) -> None:
    metrics = {
        "verdict": "signal",
        "forward": {"auc": {"value": 0.81, "low": 0.77, "high": 0.85}},
        "graded": {"scores": [41.0], "came": [1], "segments": [""]},
    }
    first = ModelVersionFactory(tenant=tenant, metrics=metrics, state="serving")
    second = ModelVersionFactory(tenant=tenant)
    theirs = ModelVersionFactory(tenant=other_tenant)

    told = program(agent).get("models/").json()
    one = program(agent).get(f"models/{first.pk}/").json()

    assert [row["id"] for row in told["results"]] == [second.pk, first.pk]
    assert told["results"][1] == one
    assert one["metrics"] == {"verdict": "signal", "forward": metrics["forward"]}
    assert (one["sha256"], one["features"]) == (first.sha256, first.features)
    assert "artifact" not in one
    assert [row["id"] for row in program(agent).get("models/", state="serving").json()["results"]] == [
        first.pk
    ]
    assert program(agent).get(f"models/{theirs.pk}/").status_code == 404
