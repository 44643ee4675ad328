"""A small tenant borrows from the market, by segment and by source within it."""

from __future__ import annotations

import hashlib
import json
import math
import random
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.ml import calibration
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import FeatureVector, replay, vector
from leads.ml.metrics import Flags, Values
from leads.models import Event, Lead, ModelVersion, Tenant, User
from leads.selectors.histories import facts_of, histories_of
from leads.services import models as registry
from scoring import engine, selectors, services
from scoring.cohorts import Cohort, Level, Levels, choose_levels, cohort_of
from scoring.outcomes import Target
from scoring.own import OwnField, OwnFields
from scoring.services import serving
from scoring.services.unseen import unseen_of
from scoring.training import ModelRefused, Trained
from scoring.training.learners import Blend
from scoring.training.pooling import choose, heights, tell
from tests.conftest import Freeze
from tests.factories import EventFactory
from tests.leads.api import caller
from tests.past import UNTRIED, make_past
from tests.scoring.test_training import leads as leads_of
from tests.scoring.test_training import trained

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TRUE = 1.2
"""Log odds by which leads of source A convert oftener than the market's, in the simulated truth."""


# With a known truth


@lru_cache
def market() -> Trained:
    return trained(*leads_of(2500, 99))


def simulated(count: int, seed: int, effect: float) -> tuple[Values, Flags, Values, list[Cohort]]:
    """Return leads as the market's, half of them of source A, which differ by an effect."""
    matrix, _, times = leads_of(count, seed)
    rng = np.random.default_rng(seed + 1000)
    is_a = rng.random(count) < 0.5
    margins = -1.0 + 1.2 * matrix[:, 0] + 0.8 * matrix[:, 0] * matrix[:, 1] + effect * is_a
    outcomes = rng.random(count) < calibration.sigmoid(margins)
    return matrix, outcomes, times, [Cohort("", "A" if one else "B") for one in is_a]


def told_of(model: Trained) -> dict[str, Any]:
    return {row["source"]: row for row in model.metrics["pooling"]["levels"]["rows"]}


def said_of(model: Trained, matrix: Values, source: str) -> float:
    """Return what a model says on average of the leads of a matrix, were they all of one source."""
    assert model.levels is not None
    of = model.levels.encode([Cohort("", source)] * len(matrix))
    return float(model.predict(np.hstack([matrix, of])).mean())


def test_few_leads_lie_between_the_market_and_ones_own_and_many_near_ones_own() -> None:
    unseen, _, _ = leads_of(4000, 5)
    truly = calibration.sigmoid(-1.0 + TRUE + 1.2 * unseen[:, 0] + 0.8 * unseen[:, 0] * unseen[:, 1])
    theirs = float(market().predict(unseen).mean())
    found, shares = dict[int, float](), list[float]()
    for count in (150, 2500):
        matrix, outcomes, times, cohorts = simulated(count, 1, TRUE)
        model = trained(matrix, outcomes, times, prior=market(), cohorts=cohorts)
        found[count] = said_of(model, unseen, "A")
        told = told_of(model)
        shares.append(told["A"]["own_share"])
        assert shares[-1] > model.own_share
        assert told["A"]["odds"] > 1.0 > told["B"]["odds"]
        assert found[count] > said_of(model, unseen, "C") > said_of(model, unseen, "B")
    true = float(truly.mean())

    assert theirs < found[150] < true
    assert shares[0] < shares[1]
    assert found[2500] == pytest.approx(true, abs=0.03)


def test_a_source_without_leads_is_its_parent() -> None:
    matrix, outcomes, times, cohorts = simulated(150, 1, TRUE)
    model = trained(matrix, outcomes, times, prior=market(), cohorts=cohorts)
    assert model.levels is not None
    assert isinstance(model.learner, Blend)
    rows = np.hstack([matrix[:5], model.levels.encode([Cohort("", "new"), *[Cohort()] * 4])])
    blend = model.learner.learners[0]

    assert not rows[:, 4:].any()
    assert model.margins(rows).tolist() == blend.margins(rows).tolist()
    plain = trained(matrix, outcomes, times, prior=market())
    assert blend.margins(rows).tolist() == plain.margins(matrix[:5]).tolist()


def test_levels_that_bring_nothing_leave_the_model_as_it_was() -> None:
    matrix, outcomes, times, cohorts = simulated(400, 3, 0.0)
    plain = trained(matrix, outcomes, times, prior=market())
    model = trained(matrix, outcomes, times, prior=market(), cohorts=cohorts)
    told = model.metrics["pooling"]["levels"]

    assert told["pool"] is None
    assert {row["own_share"] for row in told["rows"]} == {model.own_share}
    assert {row["odds"] for row in told["rows"]} == {1.0}
    assert sum(row["leads"] for row in told["rows"]) == 280
    assert replace(model, metrics={}).to_bytes() == replace(plain, metrics={}).to_bytes()
    alone = trained(matrix, outcomes, times, cohorts=cohorts)
    assert alone.levels is None
    assert alone.to_bytes() == trained(matrix, outcomes, times).to_bytes()


def test_a_model_is_kept_with_its_levels_and_refused_without() -> None:
    matrix, outcomes, times, cohorts = simulated(150, 1, TRUE)
    model = trained(matrix, outcomes, times, prior=market(), cohorts=cohorts)
    data = model.to_bytes()
    again = Trained.from_bytes(data, sha256=hashlib.sha256(data).hexdigest(), feature_version=VERSION)
    rows = np.hstack([matrix, again.levels.encode(cohorts)]) if again.levels is not None else matrix

    assert (again.levels, again.names) == (model.levels, ("f0", "f1", "f2", "f3", *again.further))
    assert again.further == ("cohort:Source = A", "cohort:Source = B")
    assert again.predict(rows).tolist() == model.predict(rows).tolist()
    assert again.to_bytes() == data
    start, parts = again.explain(rows)
    assert np.abs(start + parts.sum(axis=0) - again.margins(rows)).max() < 1e-6
    other = replace(model, levels=Levels((Level("", "A"),))).to_bytes()
    with pytest.raises(ModelRefused, match="cannot be read"):
        Trained.from_bytes(other, sha256=hashlib.sha256(other).hexdigest(), feature_version=VERSION)


# Levels, exactly


def logit(rate: float) -> float:
    return math.log(rate / (1.0 - rate))


LEVELS = Levels((Level("seller"), Level("investor"), Level("seller", "Zillow")))


def test_a_level_is_ones_own_rate_and_the_parents_by_their_leads() -> None:
    cohorts = [Cohort("seller", "zillow")] * 10 + [Cohort("seller")] * 10
    held, margins = LEVELS.encode(cohorts), np.full(20, logit(0.3))
    outcomes = np.array([True] * 8 + [False] * 12)
    found = heights(held, margins, outcomes, np.arange(20), 20.0)

    # 8 of 20 came, of which 0.3 was said, which counts as much as 20: (8 + 6) / 40
    assert found[0] == pytest.approx(logit(0.35) - logit(0.3), abs=1e-9)
    assert found[1] == 0.0
    # of 10 from Zillow 8 came, 0.35 was said by now, which counts as 20: (8 + 7) / 30
    assert found[2] == pytest.approx(logit(0.5) - logit(0.35), abs=1e-9)


def test_a_lead_counts_once_however_often_it_was_looked_at() -> None:
    outcomes, margins = np.array([True, False, False, False]), np.full(4, logit(0.5))
    one = np.ones((4, 1))
    # 0.25 of the looks came, of which 0.5 was said: by two leads of six, and by four of eight
    twice = heights(one, margins, outcomes, np.array([1, 2, 2, 2]), 4.0)
    assert twice[0] == pytest.approx(logit(2.5 / 6), abs=1e-9)
    assert heights(one, margins, outcomes, np.arange(4), 4.0)[0] == pytest.approx(logit(3 / 8), abs=1e-9)


@pytest.mark.parametrize("came", [True, False])
def test_a_level_of_leads_that_all_ended_alike_is_finite(came: bool) -> None:
    margins = np.array([-8.0, 0.0, 9.0])
    (found,) = heights(np.ones((3, 1)), margins, np.array([came] * 3), np.arange(3), 1.0)
    rate = float(calibration.sigmoid(margins).mean())

    assert calibration.sigmoid(margins + found).mean() == pytest.approx((3 * came + rate) / 4, abs=1e-9)


def test_shares_go_from_the_tenant_over_the_segment_to_the_source() -> None:
    cohorts = [Cohort("seller", "Zillow")] * 10 + [Cohort("seller")] * 30
    held, leads = LEVELS.encode(cohorts), np.arange(40)
    outcomes, margins = np.arange(40) % 2 == 0, np.zeros(40)
    pooled = choose(held, margins, outcomes, leads, (0, 20, 40), [np.arange(0), np.arange(20)])
    assert pooled.pool is None  # half of each came, as was said
    rows = tell(LEVELS, replace(pooled, pool=10.0), held, outcomes, leads, 0.5)

    # 40/50 of one's own and the rest as the tenant; no investors; 10/20 and the rest as sellers
    assert [row["own_share"] for row in rows] == pytest.approx([0.8 + 0.2 * 0.5, 0.5, 0.5 + 0.5 * 0.9])
    assert [(row["leads"], row["came"]) for row in rows] == [(40, 20), (0, 0), (10, 5)]


# Which there are


def test_levels_have_enough_leads_and_none_speaks_of_people_or_places() -> None:
    told = {
        ("", "Zillow"): 8,
        ("", "zillow "): 5,
        ("", "Parish newsletter"): 20,
        ("", "Zip 60629"): 20,
        ("", "Landing page 60629"): 20,
        ("", "Spanish radio"): 20,
        ("", "rare"): 9,
        ("seller", "Sign call"): 12,
        ("seller", ""): 3,
        ("investor", "Zillow"): 30,
        ("move_up", "Zillow"): 9,
    }
    cohorts = [Cohort(*key) for key, count in told.items() for _ in range(count)]
    found = choose_levels(cohorts, np.arange(len(cohorts)))

    assert found.names == (
        "cohort:Segment = none known",
        "cohort:Segment = investors",
        "cohort:Segment = sellers",
        "cohort:Source = Zillow",
        "cohort:Source, sellers = Sign call",
    )
    assert Levels.from_json(found.as_json()) == found
    assert found.encode([Cohort("seller", "SIGN  call"), Cohort("luxury", "Zillow")]).tolist() == [
        [0, 0, 1, 0, 1],
        [0, 0, 0, 0, 0],
    ]
    assert [found.parent(place) for place in range(5)] == [None, None, None, 0, 2]
    assert choose_levels(cohorts, np.zeros(len(cohorts), dtype=np.int64)) == Levels(())


def test_a_cohort_is_what_was_said_and_done_by_then() -> None:
    values = np.zeros(len(NAMES))
    assert cohort_of(FeatureVector(values, source=" Open  house ")) == Cohort("", "Open house")
    assert cohort_of(FeatureVector(values, declared=("sell",))) == Cohort("seller")
    before, after = FeatureVector(values, source="a"), FeatureVector(values, source="b")
    assert engine.fingerprint(before) != engine.fingerprint(after)


# In a tenant's model

_learned: list[dict[str, Any]] = []


def make_sources(tenant: Tenant) -> None:
    """Make a past in which leads of one source convert much oftener, and some say that they sell."""
    leads = make_past(tenant, leads=240, now=NOW, seed=5)
    closed = set(
        Event.objects.filter(tenant=tenant, kind=Kind.OPPORTUNITY_WON).values_list("lead", flat=True)
    )
    rng = random.Random(5)
    said = []
    for lead in leads:
        is_team = rng.random() < (0.85 if lead.pk in closed else 0.25)
        lead.source = "Team page" if is_team else rng.choice(["Web form", "Parish newsletter"])
        if rng.random() < 0.3:
            said.append((lead, lead.created_at + timedelta(days=rng.randrange(20))))
    Lead.objects.bulk_update(leads, ["source"])
    Event.objects.bulk_create(
        Event(
            tenant=tenant,
            lead=lead,
            kind=Kind.MESSAGE_RECEIVED,
            occurred_at=at,
            source="ghl",
            dedupe_key=f"sells:{lead.pk}",
            data={"text": "We want to sell our house"},
        )
        for lead, at in said
        if at < NOW
    )


@pytest.fixture
def version(tenant: Tenant, other_tenant: Tenant, freeze: Freeze, db: None) -> ModelVersion:
    """A model that pools by segment and source, serving, and the market's; learned once for all tests."""
    freeze(NOW)
    if not _learned:
        make_past(other_tenant, leads=320, now=NOW)
        versions = [services.retrain(tenant=None, now=NOW, seed=3, promote=True)]
        make_sources(tenant)
        versions.append(registry.promote(version=services.retrain(tenant=tenant, now=NOW, seed=3)))
        for one in versions:
            told = {field.name: getattr(one, field.name) for field in ModelVersion._meta.concrete_fields}
            _learned.append({name: told[name] for name in told if name not in ("id", "tenant")})
        return versions[-1]
    make_sources(tenant)
    market, mine = (deepcopy(told) | UNTRIED for told in _learned)
    registry.promote(version=ModelVersion.objects.create(tenant=None, **market))
    return registry.promote(version=ModelVersion.objects.create(tenant=tenant, **mine))


def test_a_lead_is_told_what_its_source_adds(version: ModelVersion, tenant: Tenant) -> None:
    lead = Lead.objects.create(
        tenant=tenant, contact_id="new", first_name="New", source="team page", created_at=NOW
    )
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": "Hello"})
    (row,) = services.score_leads(event_ids=[event.pk])
    points = {name: (value, share) for name, value, share in row.contributions}

    assert (row.mode, row.model_version) == ("model", version.name)
    assert abs(row.base + sum(share for _, share in points.values()) - row.score) < 1e-6
    assert points["cohort:Source = Team page"][0] == 1.0
    assert points["cohort:Source = Team page"][1] > 0
    told = {one.feature: one for one in selectors.explanation(row).contributions}
    assert (told["cohort:Source = Team page"].label, told["cohort:Source = Team page"].detail) == (
        "Source: Team page",
        "yes",
    )


def test_training_and_serving_see_the_same_cohorts(version: ModelVersion, tenant: Tenant) -> None:
    model = serving.load(version)
    assert model.levels is not None
    rows = selectors.training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    matrix = model.matrix(rows.vectors())[:, -len(model.levels.names) :]
    assert np.array_equal(matrix, model.levels.encode(rows.cohorts()))
    assert {one.segment for one in rows.cohorts()} == {"", "seller"}
    rng = random.Random(8)
    for row in rng.sample(range(len(rows)), 40):
        lead = Lead.objects.get(pk=int(rows.lead_ids[row]))
        at = datetime.fromtimestamp(float(rows.at[row]), tz=UTC)
        served = vector(replay(histories_of([lead], until=at)[lead.pk], at), at, facts_of(lead))
        assert np.array_equal(model.matrix([served])[0, -len(model.levels.names) :], matrix[row])
    assert not [name for name in model.further if "Parish" in name]


def test_programs_are_told_the_same(version: ModelVersion, broker: User) -> None:
    told = caller(broker.memberships.get()).get(f"models/{version.pk}/").json()
    assert told["metrics"]["pooling"] == json.loads(json.dumps(version.metrics["pooling"]))


def test_a_tenants_fields_come_before_its_levels() -> None:
    own = OwnFields((OwnField("key", "Thing", "number"),))
    matrix, outcomes, times, cohorts = simulated(150, 1, TRUE)
    model = replace(trained(matrix, outcomes, times, prior=market(), cohorts=cohorts), own=own)
    seen = FeatureVector(np.zeros(len(NAMES)), custom={"key": "7"}, at=1.0, source="a")

    assert model.further == ("custom:Thing", "cohort:Source = A", "cohort:Source = B")
    assert model.matrix([seen])[0, len(NAMES) :].tolist() == [7.0, 1.0, 0.0]


def test_contributions_add_up_for_every_lead(version: ModelVersion, tenant: Tenant) -> None:
    model = serving.load(version)
    rows = selectors.training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    scores = serving.score_cases([engine.Case(one) for one in rows.vectors()[:60]], model, now=NOW)

    gaps = [one.base + sum(part.points for part in one.contributions) - one.score for one in scores]
    assert max(map(abs, gaps)) < 1e-6
    assert len({one.base for one in scores}) == 1
    assert any(part.feature.startswith("cohort:") for one in scores for part in one.contributions)


def test_pages_tell_market_and_own_by_segment_and_source(version: ModelVersion, agent_client: Client) -> None:
    told = version.metrics["pooling"]["levels"]
    row = next(row for row in told["rows"] if (row["segment"], row["source"]) == ("", "Team page"))
    own = round(100 * row["own_share"])
    for page in (reverse("scoring:version", args=[version.pk]), reverse("scoring:overview")):
        words = " ".join(agent_client.get(page).content.decode().split())
        assert "Market and your data" in words
        assert (
            f'Team page <span class="text-xs text-ink-3 font-normal">Without a segment</span></th>'
            f'<td class="num text-right">{row["leads"]}</td><td class="num text-right">{row["came"]}</td>'
            f'<td class="num text-right">{100 - own}%</td><td class="num text-right">{own}%</td>'
        ) in words
        assert "Parish" not in words

    version.metrics = {**version.metrics, "pooling": {"levels": {**told, "pool": None}}}
    version.save()
    page = agent_client.get(reverse("scoring:overview")).content.decode()
    assert "later leads were foretold no better by them" in page
    version.metrics = {**version.metrics, "pooling": {"own_share": 0.5}}
    version.save()
    assert "Market and your data" not in agent_client.get(reverse("scoring:overview")).content.decode()


def test_weights_are_learned_of_models_with_levels(version: ModelVersion, tenant: Tenant) -> None:
    served = serving.served_for([tenant.pk])[tenant.pk]
    unseen = unseen_of(tenant=tenant, served=served, now=NOW, seed=3, tell=lambda text: None)

    assert len(unseen.stretches) >= 1
