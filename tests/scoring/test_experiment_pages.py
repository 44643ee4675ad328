"""The pages of experiments and their part of the API, through the door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from leads.models import Membership, Tenant, User
from scoring.models import Experiment, WeightSet
from tests.conftest import Freeze
from tests.factories import ExperimentFactory, LeadFactory, ModelVersionFactory
from tests.leads.api import caller

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
READING = {
    "stop": "stop: won",
    "sentence": "“Sooner hot” won: 22.0% of 100 leads closed.",
    "ratio_chance": 0.4,
    "difference": {"value": 0.12, "low": 0.021, "high": 0.214, "chance": 0.01},
    "variants": [
        {
            "name": "as it is",
            "assigned": 110,
            "known": 100,
            "closed": 10,
            "rate": 0.1,
            "low": 0.06,
            "high": 0.17,
        },
        {
            "name": "Sooner hot",
            "assigned": 108,
            "known": 0,
            "closed": 0,
            "rate": None,
            "low": None,
            "high": None,
        },
    ],
    "guards": [{"name": "Alerts a lead", "broken": True, "sentence": "Alerts a lead worse by 2 alerts."}],
}
COURSE = [
    {"day": "2026-05-30", "value": 0.1, "low": -0.05, "high": 0.25},
    {"day": "2026-05-31", "value": 0.12, "low": 0.021, "high": 0.214},
]
FILLED = {
    "name": "Sooner hot",
    "target": "closing",
    "tries": "tiers",
    "hot": "60",
    "warm": "40",
    "steady": "20",
    "base_percent": "10",
    "least_points": "5",
    "treated_percent": "50",
    "leads_a_day": "10",
}


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def page(name: str, *args: int) -> str:
    return reverse(f"scoring:{name}", args=args)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_an_empty_list_says_what_experiments_are_for(agent_client: Client, broker_client: Client) -> None:
    seen = text(agent_client.get(page("experiment-list")))

    assert "No experiment yet" in seen
    assert page("experiment-new") not in seen
    assert page("experiment-new") in text(broker_client.get(page("experiment-list")))


def test_the_list_tells_how_each_stands(agent_client: Client, tenant: Tenant, other_tenant: Tenant) -> None:
    ExperimentFactory(tenant=tenant)
    ExperimentFactory(tenant=tenant, name="Done", state="ended", reading=READING)
    ExperimentFactory(tenant=tenant, name="By hand", state="ended")
    ExperimentFactory(tenant=tenant, name="Goes on", state="running", started_at=NOW)
    ExperimentFactory(tenant=other_tenant, name="Not ours")
    seen = text(agent_client.get(page("experiment-list")))

    for words in ("Planned", "Won", "Ended by hand", "Running", READING["sentence"], "1 Jun 2026"):
        assert str(words) in seen
    assert "Not ours" not in seen


def test_the_form_starts_with_the_teams_own_figures(broker_client: Client, tenant: Tenant) -> None:
    first = text(broker_client.get(page("experiment-new")))
    ModelVersionFactory(tenant=tenant, state="serving", target="showing", rows=400, positives=50)
    LeadFactory.create_batch(9, tenant=tenant, created_at=NOW)
    then = text(broker_client.get(page("experiment-new")))

    assert 'name="base_percent" value="5.0"' in first
    assert 'name="leads_a_day" value="0.1"' in first
    assert 'name="base_percent" value="12.5"' in then
    assert 'name="least_points" value="3.1"' in then
    assert '<option value="showing" selected>' in then


def test_it_is_reckoned_before_it_is_kept(broker_client: Client) -> None:
    seen = broker_client.post(page("experiment-new"), FILLED | {"reckon": "1"})

    assert seen.status_code == 200
    assert "To tell 10.0% from 15.0% with 80% power takes" in text(seen)
    assert not Experiment.objects.exists()
    kept = broker_client.post(page("experiment-new"), FILLED)
    row = Experiment.objects.get()
    assert kept.headers["Location"] == page("experiment", row.pk)
    assert row.cuts == {"hot": 60.0, "warm": 40.0, "steady": 20.0, "margin": 0.0}
    assert (row.plan["base_rate"], row.plan["least_effect"]) == (0.1, 0.05)
    assert row.plan["shares"] == {"control": 0.5, "treated": 0.5}


def test_only_what_is_tried_is_kept(broker_client: Client, tenant: Tenant, other_tenant: Tenant) -> None:
    chosen = WeightSet.objects.create(tenant=tenant, number=3, origin="broker", weights={})
    theirs = WeightSet.objects.create(tenant=other_tenant, number=1, origin="broker", weights={})
    version = ModelVersionFactory(tenant=tenant)
    broker_client.post(page("experiment-new"), FILLED | {"tries": "weights", "weight_set": chosen.pk})
    broker_client.post(page("experiment-new"), FILLED | {"tries": "model", "model_version": version.pk})
    refused = broker_client.post(
        page("experiment-new"), FILLED | {"tries": "weights", "weight_set": theirs.pk}
    )

    assert list(Experiment.objects.order_by("pk").values_list("weight_set", "model_version", "cuts")) == [
        (chosen.pk, None, {}),
        (None, version.pk, {}),
    ]
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tries": "weights"}, "Choose which is tried."),
        ({"tries": "model"}, "Choose which is tried."),
        ({"hot": ""}, "Say from which score."),
        ({"hot": "30"}, "Hot must begin above warm and warm above steady, between 0 and 100."),
        ({"base_percent": "98", "least_points": "50"}, "Both rates must lie between 0 and 1, and apart."),
        ({"leads_a_day": "many"}, "Enter a number."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_kept(
    broker_client: Client, changed: dict[str, str], words: str
) -> None:
    response = broker_client.post(page("experiment-new"), FILLED | changed)

    assert response.status_code == 422
    assert words in text(response)
    assert not Experiment.objects.exists()


def test_a_plan_is_started_and_ended(broker_client: Client, agent_client: Client, tenant: Tenant) -> None:
    row = ExperimentFactory(tenant=tenant)
    planned = text(broker_client.get(page("experiment", row.pk)))
    begun = broker_client.post(page("experiment-start", row.pk))
    runs = text(broker_client.get(page("experiment", row.pk)))
    again = broker_client.post(page("experiment-start", row.pk))
    seen = text(agent_client.get(page("experiment", row.pk)))
    over = broker_client.post(page("experiment-end", row.pk))
    done = text(broker_client.get(page("experiment", row.pk)))

    assert "It has not begun. To tell 10.0% from 15.0%" in planned
    assert page("experiment-discard", row.pk) in planned
    assert told(begun) == ["It runs. Leads enter as they are scored."]
    assert "It has just begun" in runs
    assert told(again) == ["It is running already."]
    assert page("experiment-end", row.pk) not in seen
    assert told(over)[-1:] == ["Ended. Every lead is scored by what serves again."]
    assert "It was ended before it was read." in done
    assert page("experiment-take-over", row.pk) not in done


def test_a_plan_is_discarded(broker_client: Client, tenant: Tenant) -> None:
    row, done = ExperimentFactory(tenant=tenant), ExperimentFactory(tenant=tenant, state="ended")
    gone = broker_client.post(page("experiment-discard", row.pk))
    stays = broker_client.post(page("experiment-discard", done.pk))

    assert gone.headers["Location"] == page("experiment-list")
    assert told(stays)[-1:] == ["It has run: what it found is kept."]
    assert stays.headers["Location"] == page("experiment", done.pk)
    assert list(Experiment.objects.all()) == [done]


def test_what_won_is_shown_with_intervals_and_taken_over(broker_client: Client, tenant: Tenant) -> None:
    row = ExperimentFactory(
        tenant=tenant,
        state="ended",
        cuts={"hot": 60.0, "warm": 40.0, "steady": 20.0, "margin": 0.0},
        reading=READING,
        course=COURSE,
        read_at=NOW,
        started_at=NOW,
        ended_at=NOW,
    )
    seen = text(broker_client.get(page("experiment", row.pk)))
    over = broker_client.post(page("experiment-take-over", row.pk))
    after = text(broker_client.get(page("experiment", row.pk)))

    assert 'between <span class="num">+2.1</span> and <span class="num">+21.4</span>' in seen
    assert '10.0% <span class="text-ink-3">(6.0 to 17.0)</span>' in seen
    assert "Alerts a lead worse by 2 alerts." in seen
    assert "by its stop rule" in seen
    assert 'id="experiment-' in seen
    assert "Difference from +10.0 (30 May) to +12.0 (31 May)" in seen
    assert told(over) == ["It serves from now on. Leads are scored anew."]
    assert "Taken over" in after
    assert page("experiment-take-over", row.pk) not in after


def test_programs_read_experiments(agent: User, tenant: Tenant, other_tenant: Tenant) -> None:
    program = caller(Membership.objects.get(user=agent))
    chosen = WeightSet.objects.create(tenant=tenant, number=3, origin="broker", weights={})
    row = ExperimentFactory(
        tenant=tenant, tries="weights", weight_set=chosen, cuts={}, state="ended", reading=READING
    )
    ExperimentFactory(tenant=tenant)
    ExperimentFactory(tenant=other_tenant)
    listed = program.get("experiments/").json()
    ended = program.get("experiments/", state="ended").json()["results"]
    one = program.get(f"experiments/{row.pk}/").json()

    assert len(listed["results"]) == 2
    assert ended == [one]
    assert one["weight_set"] == "set-3"
    assert one["model_version"] is None
    assert one["results"]["difference"] == READING["difference"]
    assert one["plan"]["leads"] == row.plan["leads"]
