"""Where tiers begin under a model, from the tenant's capacity, and how a lead leaves its tier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, Lead, ModelVersion, Tenant, User
from leads.services import models as registry
from scoring import services, tasks
from scoring.engine import Mode, Score, Thresholds, Tier, settled
from scoring.models import LeadScore, TierCuts
from scoring.services import serving
from scoring.services.previews import tenant_scores
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
    """A model trained on a past whose talk foretells closings, serving; every open lead is scored by it."""
    version = make_model(tenant, now=NOW)
    Lead.objects.filter(tenant=tenant).update(score=0.0, tier="quiet", last_event_at=NOW)
    return version


def scores_of(tenant: Tenant) -> list[float]:
    served = serving.served_for([tenant.pk])[tenant.pk]
    told = tenant_scores(tenant=tenant, served=served, now=NOW)
    return sorted((score.score for _, score in told if score.mode == "model"), reverse=True)


def test_a_model_has_cuts_of_its_own_until_the_tenant_has(version: ModelVersion, tenant: Tenant) -> None:
    cuts = version.cuts[""]
    graded = version.metrics["graded"]
    above = [score >= cuts["hot"] for score in graded["scores"]]
    served = serving.served_for([tenant.pk])[tenant.pk]

    assert 0 < sum(above) <= 0.2 * len(above)
    assert cuts["hot"] > cuts["warm"] > cuts["steady"]
    assert f"of the {len(above):,} earlier leads the model was tried on lie above." in cuts["reasons"][0]
    assert served.cuts == version.cuts
    assert len(graded["scores"]) == len(graded["came"]) == len(graded["segments"])


def test_tiers_begin_where_the_capacity_ends(version: ModelVersion, tenant: Tenant, broker: User) -> None:
    """Tiers begin where the team's capacity ends: with twice the time, twice as many leads are hot."""
    scores = scores_of(tenant)
    services.set_capacity(tenant=tenant, hot_a_week=4, least_precision=0.0, by=broker)
    assert services.choose_tiers(tenant=tenant, now=NOW)
    few = TierCuts.objects.get().cuts[""]
    services.set_capacity(tenant=tenant, hot_a_week=8, least_precision=0.0, by=broker)
    assert services.choose_tiers(tenant=tenant, now=NOW)
    row = TierCuts.objects.get()
    more = row.cuts[""]

    assert row.model == version.name
    assert (few["hot_a_week"] <= 4, more["hot_a_week"] <= 8) == (True, True)
    assert sum(score >= few["hot"] for score in scores) == few["hot_a_week"] * 4
    assert sum(score >= more["hot"] for score in scores) == more["hot_a_week"] * 4
    assert few["hot"] > more["hot"]
    assert "can call 8 leads a week" in more["reasons"][0]
    assert serving.served_for([tenant.pk])[tenant.pk].cuts == row.cuts
    assert not services.choose_tiers(tenant=tenant, now=NOW)
    changed = Event.objects.filter(kind=Kind.THRESHOLDS_CHANGED).order_by("pk")
    assert [event.data["hot_a_week"] for event in changed] == [4, 8]
    assert {event.actor_id for event in changed} == {broker.pk}


def test_a_score_by_another_model_is_no_fall(
    tenant: Tenant, version: ModelVersion, broker: User, freeze: Freeze
) -> None:
    """The rules said 82 of a lead and the model says its odds: nobody fell, and nothing points down."""
    lead = Lead.objects.filter(tenant=tenant).latest("pk")
    registry.rollback(engine="scores", tenant=tenant)
    serving.forget()
    services.rescore(lead_ids=[lead.pk])
    by_rules = LeadScore.objects.get(lead=lead)
    freeze(NOW + timedelta(minutes=1))
    registry.promote(version=version)
    serving.forget()
    services.rescore(lead_ids=[lead.pk])
    by_model = LeadScore.objects.filter(lead=lead).latest("pk")
    lead.refresh_from_db()
    told = Event.objects.filter(lead=lead, kind=Kind.LEAD_SCORED).latest("pk")

    assert (by_rules.mode, by_model.mode) == ("rules", "model")
    assert (lead.score, lead.previous_score) == (by_model.score, None)
    assert (told.data["anew"], told.data["previous_score"]) == (True, by_rules.score)


def test_a_new_capacity_reaches_every_lead(
    version: ModelVersion, tenant: Tenant, broker: User, django_capture_on_commit_callbacks: Any
) -> None:
    services.set_capacity(tenant=tenant, hot_a_week=5, least_precision=0.0, by=broker)
    event = Event.objects.get(kind=Kind.THRESHOLDS_CHANGED)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.follow_changes([event.pk])
    tasks.rescore_tenant(tenant.pk)

    cuts = TierCuts.objects.get().cuts
    hot = Lead.objects.filter(tenant=tenant, tier="hot")
    assert hot.count() > 0
    for lead in hot:
        own = cuts.get(lead.segment, cuts[""])
        assert lead.score is not None
        assert lead.score >= own["hot"]


def test_a_lead_leaves_its_tier_only_below_the_margin(version: ModelVersion, lead: Lead) -> None:
    row = say(lead, "Can we see the house on Saturday?")
    cuts = {"hot": row.score - 1, "warm": row.score - 20, "steady": row.score - 30, "margin": 3.0}
    TierCuts.objects.create(tenant=lead.tenant, model=version.name, cuts={"": cuts})
    serving.forget()
    hot = say(lead, "Can we see the house on Saturday?")
    cut = hot.score + 1
    TierCuts.objects.update(cuts={"": cuts | {"hot": cut}})
    serving.forget()
    still = say(lead, "Can we see the house on Saturday?")
    TierCuts.objects.update(cuts={"": cuts | {"hot": still.score + 4}})
    serving.forget()
    left = say(lead, "Can we see the house on Saturday?")

    assert hot.tier == "hot"
    assert cut - 3 < still.score < cut
    assert still.tier == "hot"
    assert left.tier == "warm"


def say(lead: Lead, text: str) -> LeadScore:
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": text})
    return services.score_leads(event_ids=[event.pk])[0]


@pytest.mark.parametrize(
    ("score", "previous", "tier"),
    [
        (84.0, None, "warm"),
        (84.0, Tier.HOT, "hot"),
        (81.9, Tier.HOT, "warm"),
        (63.0, Tier.HOT, "warm"),
        (61.0, Tier.HOT, "steady"),
        (86.0, Tier.QUIET, "hot"),
    ],
)
def test_a_settled_score_differs_in_its_tier_alone(score: float, previous: Tier | None, tier: str) -> None:
    thresholds = Thresholds(margin=3.0)
    plain = _score(score, thresholds)

    assert settled(plain, thresholds, previous) == replace(plain, tier=Tier(tier))


def _score(score: float, thresholds: Thresholds) -> Score:

    return Score(score, thresholds.tier(score), 50.0, (), (), Mode.MODEL, "m", "w", (), "")


def test_under_the_rules_nothing_is_chosen(tenant: Tenant, broker: User) -> None:
    services.set_capacity(tenant=tenant, hot_a_week=None, least_precision=0.2, by=broker)
    tasks.choose_tiers(tenant.pk)
    tasks.choose_tiers(0)
    tasks.rescore_tenant(0)

    assert services.tenants_with_models() == []
    assert TierCuts.objects.get().cuts == {}
    capacity = services.capacity_of(tenant)
    assert (capacity.hot_a_week, capacity.warm_a_week, capacity.least_precision) == (10.0, 20.0, 0.2)


def test_what_no_team_can_do_is_refused(tenant: Tenant, broker: User) -> None:
    with pytest.raises(DomainError, match="1 to 10,000"):
        services.set_capacity(tenant=tenant, hot_a_week=0, least_precision=0.0, by=broker)
    with pytest.raises(DomainError, match="0 to 100%"):
        services.set_capacity(tenant=tenant, hot_a_week=5, least_precision=1.5, by=broker)
    assert not TierCuts.objects.exists()


def test_every_hour_the_tenants_with_a_model_choose_anew(version: ModelVersion, tenant: Tenant) -> None:
    assert services.tenants_with_models() == [tenant.pk]
    tasks.choose_all_tiers()
    tasks.choose_tiers(tenant.pk)

    assert TierCuts.objects.get().model == version.name
