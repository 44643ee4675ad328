"""Sets of weights: learned, set by hand, looked at, published, rolled back, explained; through the door."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.authentication import issue_tokens
from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, Lead, Membership, ModelRun, ModelVersion, Tenant, User
from scoring import services, tasks
from scoring.models import LeadScore, WeightSet
from scoring.pillars import Pillar
from scoring.services import serving, unseen
from scoring.weights.measured import compare
from tests.conftest import Freeze
from tests.factories import EventFactory, ExperimentFactory
from tests.past import make_model, make_past

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ONES = {str(pillar): 1.0 for pillar in Pillar}
TEXT = "We must move by next month, our lease is ending. Can we see the house on Saturday?"


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def version(tenant: Tenant) -> ModelVersion:
    """A model trained on a past whose talk foretells closings, serving; every open lead has a score."""
    version = make_model(tenant, now=NOW)
    Lead.objects.filter(tenant=tenant).update(score=0.0, tier="quiet", last_event_at=NOW)
    return version


def page(name: str = "weights", *args: int) -> str:
    return reverse(f"scoring:{name}", args=args)


def read(browser: Client, address: str) -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def cells(weights: dict[str, dict[str, float]], **more: str) -> dict[str, str]:
    """Return what the form posts: a cell a weight, such as all-urgency."""
    return {
        f"{segment or 'all'}-{pillar}": f"{value:g}"
        for segment, own in weights.items()
        for pillar, value in own.items()
    } | more


def make_set(tenant: Tenant, **fields: Any) -> WeightSet:
    weights = {"": ONES | {"urgency": 1.5}}
    row: WeightSet = WeightSet.objects.create(
        **{"tenant": tenant, "number": 1, "origin": "broker", "weights": weights} | fields
    )
    return row


def look_at(row: WeightSet, browser: Client) -> WeightSet:
    """Preview a set as its page and the worker do."""
    browser.post(page("weight-set-preview", row.number))
    tasks.carry_out_run(ModelRun.objects.filter(work="weigh").latest("pk").pk)
    row.refresh_from_db()
    return row


# By hand


def test_without_a_set_the_page_says_that_all_count_once(agent_client: Client, broker_client: Client) -> None:
    seen = read(agent_client, page())

    assert "No set serves: every part counts once, as the model or the rules have it." in seen
    assert seen.count("× 1.00") == 7
    assert "Estimate (95%)" not in seen
    assert "No sets yet" in seen
    assert "No market figures yet" in seen
    assert "Your broker decides which weights serve." in seen
    assert "Set by hand" not in seen
    assert "Learn weights" in read(broker_client, page())


def test_a_draft_is_made_changed_and_discarded(tenant: Tenant, broker: User, broker_client: Client) -> None:
    made = broker_client.post(page("weights-draft"))
    row = WeightSet.objects.get()
    assert made["Location"] == page("weight-set", 1)
    assert (row.name, row.state, row.origin, row.weights) == ("set-1", "draft", "broker", {"": ONES})
    assert "publishing it changes nothing" in read(broker_client, page("weight-set", 1))

    posted = cells({"": ONES | {"urgency": 1.3}, "investor": {"financing": 1.5}}, reason="Winter")
    kept = broker_client.post(page("weight-set-edit", 1), posted)
    row.refresh_from_db()
    assert told(kept)[-1] == "Kept. Look at what it would change before you publish it."
    assert row.weights == {
        "": ONES | {"urgency": 1.3},
        "investor": ONES | {"urgency": 1.3, "financing": 1.5},
    }
    assert (row.reason, row.made_by) == ("Winter", broker)
    seen = read(broker_client, page("weight-set", 1) + "?segment=investor")
    assert "× 1.50" in seen
    assert "Set by hand to 1.3." in seen
    assert 'aria-label="Financing, investor leads"' in seen

    gone = broker_client.post(page("weight-set-discard", 1))
    assert (told(gone)[-1], gone["Location"]) == ("The draft is discarded.", page())
    assert not WeightSet.objects.exists()


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("all-urgency", "2.05", "Ensure this value is less than or equal to 2.0."),
        ("all-urgency", "0.4", "Ensure this value is greater than or equal to 0.5."),
        ("all-urgency", "1.01", "Ensure this value is a multiple of step size 0.05, starting from 0.5"),
        ("all-urgency", "", "Urgency, all leads: write 1 to let it count as in the plain model."),
        ("seller-fit", "much", "Enter a number."),
    ],
)
def test_a_wrong_weight_is_told_and_not_kept(
    tenant: Tenant, broker_client: Client, cell: str, value: str, said: str
) -> None:
    row = make_set(tenant)
    response = broker_client.post(page("weight-set-edit", 1), cells({"": ONES}) | {cell: value})

    assert response.status_code == 422
    assert said in response.content.decode()
    row.refresh_from_db()
    assert row.weights == {"": ONES | {"urgency": 1.5}}


def test_what_served_or_was_learned_is_not_changed(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    served = make_set(tenant, state="retired", published_at=NOW)
    learned = make_set(tenant, number=2, origin="learned")
    for row in (served, learned):
        response = broker_client.post(page("weight-set-edit", row.number), cells({"": ONES}))
        assert told(response)[-1] == (
            "Only drafts set by hand are changed; make one that begins as this set."
        )
    kept = broker_client.post(page("weight-set-discard", 1))
    assert (told(kept)[-1], kept["Location"]) == ("set-1 served: it is kept.", page("weight-set", 1))

    broker_client.post(page("weights-draft"), {"like": "1"})
    copy = WeightSet.objects.get(number=3)
    assert (copy.weights, copy.reason) == (served.weights, "Set by hand, beginning as set-1.")
    for weights in ({}, {"": {"urgency": 3.0}}, {"": {"nothing": 1.0}}, {"": ONES, "nobody": ONES}):
        with pytest.raises(DomainError):
            services.edit_weights(weight_set=copy, weights=weights, reason="", by=broker)


# Learned


def test_weights_are_learned_by_models_that_had_not_seen_the_leads(
    tenant: Tenant, version: ModelVersion, broker: User, broker_client: Client
) -> None:
    begun = broker_client.post(page("weights-learn"))
    again = broker_client.post(page("weights-learn"))
    run = ModelRun.objects.get(work="learn")
    assert told(begun)[-1] == "Weights are being learned. You can leave this page."
    assert told(again)[-1] == "Weights are being learned already."
    assert f'hx-get="{page("run", run.pk)}"' in read(broker_client, page())

    tasks.carry_out_run(run.pk)
    row = WeightSet.objects.get()
    run.refresh_from_db()
    assert (run.state, run.about, run.told) == ("done", "set-1", f"set-1 is a draft. {row.reason}")
    assert (row.state, row.origin, row.made_by) == ("draft", "learned", broker)
    assert row.evidence["model"] == version.name
    assert row.evidence["leads"][""] < 320
    assert set(row.evidence["segments"]) == {"", "first_time_buyer", "move_up", "seller"}
    for segment, own in row.evidence["segments"].items():
        for pillar, one in own.items():
            assert 0.5 <= one["low"] <= one["estimate"] <= one["high"] <= 2.0
            assert (row.weights[segment][pillar] == 1.0) == (one["basis"] == "plain")
    assert broker_client.get(page("run", run.pk))["Location"] == page("weight-set", 1)
    seen = read(broker_client, page("weight-set", 1))
    assert row.reason in seen
    assert f"models like {version.name}" in seen
    assert "Weights to change" not in seen


def test_too_little_to_learn_from_is_told(tenant: Tenant, broker_client: Client) -> None:
    broker_client.post(page("weights-learn"))
    tasks.carry_out_run(ModelRun.objects.get().pk)

    assert "Too little to go by: the outcome came for 0 leads, 20 are needed" in read(broker_client, page())
    assert not WeightSet.objects.exists()


def test_the_rules_are_weighed_by_what_became_of_leads(tenant: Tenant) -> None:
    make_past(tenant, leads=320, now=NOW)
    row = services.learn_weights(tenant=tenant, now=NOW)

    assert row.evidence["model"] == ""
    assert row.reason.startswith("Learned from ")
    assert row.evidence["leads"][""] > 200
    again = services.learn_weights(tenant=tenant, now=NOW)
    assert (again.number, again.weights, again.evidence) == (2, row.weights, row.evidence)


def make_lopsided_past(tenant: Tenant) -> None:
    """Make leads of whom those who ask for a showing close, however much anybody else looks around."""
    rng = random.Random(11)
    made = Lead.objects.bulk_create(
        Lead(
            tenant=tenant,
            contact_id=f"lopsided-{i}",
            first_name="Past",
            segment="seller",
            created_at=NOW - timedelta(days=500 - i / 3),
        )
        for i in range(1_000)
    )
    events = list[Event]()
    for lead in made:
        looks, asks = rng.random() < 0.5, rng.random() < 0.4
        acts = [(Kind.CONTACT_CREATED, 0.0)]
        acts += [(Kind.LISTING_VIEWED, rng.uniform(1, 23)) for _ in range(8 if looks else 0)]
        acts += [(Kind.SHOWING_REQUESTED, rng.uniform(1, 23)) for _ in range(2 if asks else 0)]
        if rng.random() < (0.6 if asks else 0.05):
            acts.append((Kind.OPPORTUNITY_WON, 24.0 * rng.uniform(20, 80)))
        else:
            acts.append((Kind.OPPORTUNITY_LOST, 24.0 * 29))
        events += [
            Event(
                **{"tenant": tenant, "lead": lead, "kind": kind, "source": Event.Source.GHL, "data": {}},
                occurred_at=lead.created_at + timedelta(hours=hours),
                dedupe_key=f"lopsided:{lead.pk}:{place}",
            )
            for place, (kind, hours) in enumerate(acts)
        ]
    Event.objects.bulk_create(events, batch_size=2_000)


def test_what_tells_more_than_the_rules_think_counts_more(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    """Looking around tells nothing with this team and asking for showings all: so it is learned and told."""
    make_lopsided_past(tenant)
    row = services.learn_weights(tenant=tenant, now=NOW, by=broker)
    learned = row.evidence["segments"][""]

    assert row.weights[""]["engagement"] < 1.0 < row.weights[""]["intent"]
    assert learned["intent"]["basis"] == "all leads"
    assert learned["intent"]["low"] > 1.0 > learned["engagement"]["high"]
    assert row.evidence["forward_gain"] > 0.0
    look_at(row, broker_client)
    test = row.preview["back_test"]
    assert test["weighted"]["auc"]["value"] > test["plain"]["auc"]["value"]
    seen = read(broker_client, page("weight-set", 1))
    assert learned["intent"]["sentence"] in seen
    assert learned["intent"]["sentence"].startswith("Buying signals of all leads counts ")
    assert f"{row.evidence['forward_gain']:.4f} log loss saved a lead" in seen
    assert "this flatters them" in seen


def test_no_lead_is_scored_by_a_model_that_saw_it(tenant: Tenant, version: ModelVersion) -> None:
    served = serving.served_for([tenant.pk])[tenant.pk]
    seen: list[str] = []
    found = unseen.unseen_of(tenant=tenant, served=served, now=NOW, seed=1, tell=seen.append)
    plain = compare(found, {}, seed=1)

    assert found.is_probability
    assert sum(len(one.margins) for one in found.stretches) == len(found.outcomes)
    assert "Training 3 of 3 on what was known before" in seen
    assert plain["ece_change"] == plain["saved"]["value"] == 0.0
    assert plain["plain"] == plain["weighted"]
    base, margins = found.log_odds()
    said = 1.0 / (1.0 + np.exp(-(base + margins.sum(axis=1))))
    assert said == pytest.approx(found.said({}), abs=1e-9)
    each = found.one_each(1)
    assert len(each) == found.leads == len(np.unique(found.lead_ids[each]))


# Looked at and published


def test_a_set_is_looked_at_published_and_rolled_back(
    tenant: Tenant,
    version: ModelVersion,
    broker: User,
    broker_client: Client,
    agent_client: Client,
    freeze: Freeze,
) -> None:
    row = make_set(tenant, weights={"": ONES | {"engagement": 1.2, "relationship": 0.9}})
    refused = broker_client.post(page("weight-set-publish", 1))
    assert told(refused)[-1] == (
        "Look first at what it would change: the preview is missing or over a day old."
    )
    assert "Not looked at yet" in read(broker_client, page("weight-set", 1))

    look_at(row, broker_client)
    kept = row.preview
    seen = read(broker_client, page("weight-set", 1))
    assert kept["model"] == version.name
    assert f'Of {kept["leads"]} leads <b class="num text-ink">{kept["changed"]}</b> change tier.' in seen
    assert seen.count('class="row-link"') == len(kept["moved"]) == 30
    test = kept["back_test"]
    assert test["plain"]["auc"]["value"] != test["weighted"]["auc"]["value"]
    assert f"On {test['leads']} earlier leads" in seen
    for name in ("plain", "weighted"):
        assert f"{test[name]['log_loss']['value']:.3f} ({test[name]['log_loss']['low']:.3f}" in seen
        assert f"{test[name]['ece']['value']:.1%} ({test[name]['ece']['low']:.1%}" in seen
    assert page("weight-set-publish", 1) not in read(agent_client, page("weight-set", 1))

    despite = {"despite": "on"} if services.worsens(row) else {}
    published = broker_client.post(page("weight-set-publish", 1), despite)
    row.refresh_from_db()
    assert told(published)[-1] == "set-1 serves. Leads are scored anew."
    assert (row.state, row.published_by, row.published_at) == ("serving", broker, NOW)
    assert serving.served_for([tenant.pk])[tenant.pk].weight_set == "set-1"
    listed = read(agent_client, page())
    assert "set-1 serves since 1 Jun 2026, 12:00 UTC, published by Blake Broker" in listed
    assert "Roll back" not in listed

    freeze(NOW + timedelta(hours=1))
    second = make_set(tenant, number=2, preview={"at": NOW.isoformat()})
    services.publish_weights(weight_set=second, by=broker, despite=True)
    back = broker_client.post(page("weights-roll-back"))
    assert told(back)[-1] == "set-1 serves again. Leads are scored anew."
    plain = broker_client.post(page("weights-roll-back"))
    assert told(plain)[-1] == "Every part counts once again. Leads are scored anew."
    assert told(broker_client.post(page("weights-roll-back")))[-1] == (
        "No set serves, so there is nothing to roll back."
    )
    assert set(WeightSet.objects.values_list("state", flat=True)) == {"retired"}
    changes = Event.objects.filter(kind=Kind.WEIGHTS_CHANGED).order_by("pk")
    assert [event.data["set"] for event in changes] == ["set-1", "set-2", "set-1", ""]
    assert {event.actor_id for event in changes} == {broker.pk}


def test_a_preview_lasts_a_day_and_until_the_draft_is_changed(
    tenant: Tenant, broker: User, broker_client: Client, freeze: Freeze
) -> None:
    row = look_at(make_set(tenant), broker_client)
    assert "Not measured on earlier leads. Too little to go by" in read(broker_client, page("weight-set", 1))
    freeze(NOW + timedelta(days=1, seconds=1))
    assert "The preview is over a day old." in read(broker_client, page("weight-set", 1))
    with pytest.raises(DomainError, match="Look first"):
        services.publish_weights(weight_set=row, by=broker)

    look_at(row, broker_client)
    assert services.is_looked_at(row, NOW + timedelta(days=1))
    services.edit_weights(weight_set=row, weights={"": ONES}, reason="", by=broker)
    row.refresh_from_db()
    assert (row.preview, row.reason) == ({}, "Set by hand.")


def test_weights_that_make_scores_less_right_are_published_only_on_ones_word(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    figure = {"value": 0.1, "low": 0.05, "high": 0.2}
    measures = dict.fromkeys(("auc", "recall_top_20", "log_loss", "ece"), figure)
    preview = {
        "at": NOW.isoformat(),
        "leads": 0,
        "tiers": {},
        "back_test": {
            **{"rows": 90, "leads": 60, "came": 20, "plain": measures, "weighted": measures},
            **{"saved": {"value": -0.02, "low": -0.03, "high": -0.01}, "ece_change": 0.034},
        },
    }
    row = make_set(tenant, preview=preview)
    seen = read(broker_client, page("weight-set", 1))
    assert "With the weights the scores foretold worse, beyond chance." in seen
    assert "off by 3.4 points of a hundred more" in seen
    assert "Publish although scores get less right" in seen

    refused = broker_client.post(page("weight-set-publish", 1))
    row.refresh_from_db()
    assert told(refused)[-1] == (
        "Scores would be off by 3.4% more on average than without weights. "
        "Confirm that you publish them despite that."
    )
    assert row.state == "draft"
    broker_client.post(page("weight-set-publish", 1), {"despite": "on"})
    row.refresh_from_db()
    assert (row.state, row.despite_calibration) == ("serving", True)
    assert "although scores are off by more with it" in read(broker_client, page())
    event = Event.objects.get(kind=Kind.WEIGHTS_CHANGED)
    assert event.data == {"set": "set-1", "despite": True}


def test_of_the_rules_only_the_order_is_measured(tenant: Tenant, broker_client: Client) -> None:
    make_past(tenant, leads=320, now=NOW)
    row = look_at(make_set(tenant), broker_client)

    assert set(row.preview["back_test"]["plain"]) == {"auc", "recall_top_20"}
    assert not services.worsens(row)
    seen = read(broker_client, page("weight-set", 1))
    assert "The rules claim no probability: only the order of leads is measured." in seen
    assert "Log loss" not in seen


def test_one_preview_at_a_time(tenant: Tenant, broker: User, broker_client: Client) -> None:
    first, second = make_set(tenant), make_set(tenant, number=2)
    broker_client.post(page("weight-set-preview", 1))
    answer = broker_client.post(page("weight-set-preview", 2))
    assert told(answer)[-1] == "Another set is being looked at. Try again when that is done."

    services.discard_weights(weight_set=first)
    run = ModelRun.objects.get()
    tasks.carry_out_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.told) == ("failed", "The draft was discarded.")
    assert second.preview == {}


# At serving


def say(lead: Lead, text: str = TEXT) -> LeadScore:
    serving.forget()
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": text})
    return services.score_leads(event_ids=[event.pk])[0]


@pytest.mark.parametrize("with_model", [False, True])
def test_weights_of_one_are_exactly_the_plain_model(tenant: Tenant, lead: Lead, with_model: bool) -> None:
    """A set of ones, and no set, give every lead the same score to the last digit."""
    if with_model:
        make_model(tenant, now=NOW)
    plain = say(lead)
    make_set(tenant, state="serving", weights={"": ONES, "seller": ONES}, published_at=NOW)
    LeadScore.objects.all().delete()
    Lead.objects.filter(pk=lead.pk).update(score=None)
    serving.forget()
    again = services.score_at(lead, NOW)

    assert again.weight_set == "set-1"
    assert again.score == pytest.approx(plain.score, abs=1e-12)
    assert [one.points for one in again.contributions] == pytest.approx(
        [points for _, _, points in plain.contributions], abs=1e-12
    )


@pytest.mark.parametrize("with_model", [False, True])
def test_points_add_up_with_weights_and_the_panel_says_why(
    tenant: Tenant, lead: Lead, agent: User, agent_client: Client, with_model: bool
) -> None:
    if with_model:
        make_model(tenant, now=NOW)
    evidence = {"segments": {"": {"urgency": {"sentence": "Urgency of all leads counts 1.60 times."}}}}
    weights = {"": ONES | {"urgency": 1.6, "engagement": 0.7, "relationship": 1.25}}
    make_set(tenant, state="serving", weights=weights, evidence=evidence, published_at=NOW)
    row = say(lead)
    token = issue_tokens(Membership.objects.get(user=agent)).access_token
    body = (
        Client()
        .get(
            reverse("scoring-lead-explanation", args=[lead.pk]), headers={"Authorization": f"Bearer {token}"}
        )
        .json()
    )

    assert row.weight_set == body["weight_set"] == "set-1"
    assert body["base"] + sum(one["points"] for one in body["contributions"]) == pytest.approx(
        body["score"], abs=1e-6
    )
    assert body["base"] + sum(one["points"] for one in body["pillars"]) == pytest.approx(
        body["score"], abs=1e-6
    )
    told_weights = {one["pillar"]: one["weight"] for one in body["pillars"]}
    assert told_weights["engagement"] == 0.7
    seen = read(agent_client, reverse("scoring:lead-panel", args=[lead.pk]))
    assert "weight × 0.7" in seen
    assert "Engagement counts 0.7 times: your broker set it by hand." in seen
    if "urgency" in told_weights:
        assert "Urgency of all leads counts 1.60 times." in seen
    assert "Buying signals counts" not in seen


def test_published_weights_reach_every_lead_as_no_rise(
    tenant: Tenant, lead: Lead, broker: User, django_capture_on_commit_callbacks: Any
) -> None:
    plain = say(lead)
    row = make_set(tenant, preview={"at": NOW.isoformat()})
    services.publish_weights(weight_set=row, by=broker)
    event = Event.objects.get(kind=Kind.WEIGHTS_CHANGED)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.follow_changes([event.pk])
    tasks.rescore_tenant(tenant.pk)
    newest = LeadScore.objects.filter(lead=lead).latest("pk")
    lead.refresh_from_db()

    assert (plain.weight_set, newest.weight_set) == ("standard", "set-1")
    assert newest.score > plain.score
    assert (lead.score, lead.previous_score) == (newest.score, None)


def test_sets_of_another_tenant_are_not_ours(
    tenant: Tenant, other_tenant: Tenant, broker_client: Client
) -> None:
    make_set(other_tenant, state="serving", published_at=NOW)

    assert "No set serves" in read(broker_client, page())
    assert broker_client.get(page("weight-set", 1)).status_code == 404
    assert broker_client.post(page("weights-draft"), {"like": "1"}).status_code == 404


def test_the_list_costs_the_same_however_many(tenant: Tenant, agent_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(agent_client, page())
        return len(captured)

    make_set(tenant)
    few = queries()
    for number in range(2, 12):
        make_set(tenant, number=number)

    assert queries() == few


def test_while_an_experiment_runs_what_serves_stays(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    row = make_set(tenant, preview={"at": NOW.isoformat()})
    serving_set = make_set(tenant, number=2, state="serving", published_at=NOW)
    ExperimentFactory(tenant=tenant, tries="weights", weight_set=row, state="running", started_at=NOW)
    runs = "An experiment runs. End it first: what serves must stay as it is until then."

    assert told(broker_client.post(page("weight-set-publish", 1)))[-1] == runs
    assert told(broker_client.post(page("weights-roll-back")))[-1] == runs
    changed = broker_client.post(page("weight-set-edit", 1), cells({"": ONES}))
    assert told(changed)[-1] == "An experiment has tried this set; make a draft that begins as it."
    discarded = broker_client.post(page("weight-set-discard", 1))
    assert told(discarded)[-1] == "An experiment tries this set: discard that first."
    row.refresh_from_db()
    serving_set.refresh_from_db()
    assert (row.state, serving_set.state) == ("draft", "serving")


def test_weights_learned_of_kept_appointments_say_so(tenant: Tenant) -> None:
    make_past(tenant, leads=200, now=NOW, win=Kind.APPOINTMENT_SHOWED)

    row = services.learn_weights(tenant=tenant, now=NOW)

    assert row.reason.startswith(f"Learned from {row.evidence['leads']['']:,} leads, ")
    assert f"{row.evidence['came']['']:,} of whom kept an appointment" in row.reason
