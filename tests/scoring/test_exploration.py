"""Chance decides for a few leads whether they are hot; the chance each had is kept with its score."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Alert, Lead, Membership, Tenant, User
from leads.services.alerts import change_settings
from scoring import services
from scoring.experiments import explore, learning_weights
from scoring.models import LeadScore, TierCuts
from scoring.outcomes import Target
from scoring.selectors import training_rows
from scoring.services import serving
from scoring.training.learners import Additive
from scoring.training.selection import Learning, Recipe, learn
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.leads.api import caller

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WEEK = "2026-23"
SET_BACK = "By its score this lead is hot. Chance set it back for this week, as part of exploration"
NOTHING_TO_DO = "Nothing needs to: its score is that of a hot lead."


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def leads(tenant: Tenant) -> list[Lead]:
    """Leads of whom little is known: none is hot by its score."""
    rows: list[Lead] = LeadFactory.create_batch(60, tenant=tenant, created_at=NOW - timedelta(days=2))
    for lead in rows:
        EventFactory(
            lead=lead,
            kind=Kind.MESSAGE_RECEIVED,
            occurred_at=NOW - timedelta(hours=3),
            data={"text": "Thanks"},
        )
    return rows


def score(leads: list[Lead]) -> dict[int, LeadScore]:
    services.rescore(lead_ids=[lead.pk for lead in leads])
    return {row.lead_id: row for row in LeadScore.objects.order_by("pk")}


def panels(client: Client, leads: list[Lead]) -> dict[int, str]:
    """Return each lead's explanation as its agent reads it."""
    pages = {lead.pk: client.get(reverse("scoring:lead-panel", args=[lead.pk])) for lead in leads}
    return {pk: page.content.decode() for pk, page in pages.items()}


def switch_on(tenant: Tenant, by: User, share: float = 0.1) -> None:
    services.set_exploration(tenant=tenant, share=share, by=by)
    serving.forget()


def test_without_exploration_the_score_decides_and_no_chance_is_kept(leads: list[Lead]) -> None:
    rows = score(leads).values()

    assert {(row.propensity, row.is_explored) for row in rows} == {(None, False)}
    assert "hot" not in {row.tier for row in rows}


def test_chance_decides_for_some_and_each_lead_keeps_its_chance(
    tenant: Tenant, broker: User, leads: list[Lead]
) -> None:
    switch_on(tenant, broker)
    rows = score(leads)
    draws = {lead.pk: explore(lead.pk, is_hot=False, key=WEEK, share=0.1) for lead in leads}

    assert {pk: row.is_explored for pk, row in rows.items()} == {pk: d.explored for pk, d in draws.items()}
    assert {pk for pk, row in rows.items() if row.tier == "hot"} == {pk for pk, d in draws.items() if d.hot}
    assert {round(row.propensity or 0.0, 9) for row in rows.values()} == {0.05}
    assert services.set_exploration(tenant=tenant, share=0.0, by=broker).explore_share == 0.0


def test_a_hot_lead_may_be_left_out_for_a_week(
    tenant: Tenant, broker: User, agent_client: Client, leads: list[Lead], freeze: Freeze
) -> None:
    change_settings(tenant=tenant, values={"hot_score": 2, "warm_score": 1, "steady_score": 0})
    switch_on(tenant, broker)
    rows = score(leads)
    draws = {lead.pk: explore(lead.pk, is_hot=True, key=WEEK, share=0.1) for lead in leads}
    left_out = {pk for pk, d in draws.items() if not d.hot}

    assert {pk for pk, row in rows.items() if row.tier == "warm"} == left_out
    assert {round(row.propensity or 0.0, 9) for row in rows.values()} == {0.95}
    freeze(NOW + timedelta(hours=2))
    services.rescore(lead_ids=[lead.pk for lead in leads])
    assert set(Lead.objects.filter(tier="warm").values_list("pk", flat=True)) == left_out
    assert left_out == {pk for pk, told in panels(agent_client, leads).items() if SET_BACK in told}
    assert left_out == {pk for pk, told in panels(agent_client, leads).items() if NOTHING_TO_DO in told}


def test_a_standing_moved_by_time_still_says_that_chance_set_it_back(
    tenant: Tenant, broker: User, agent_client: Client, leads: list[Lead]
) -> None:
    change_settings(tenant=tenant, values={"hot_score": 2, "warm_score": 1, "steady_score": 0})
    switch_on(tenant, broker)
    score(leads)
    chosen = Lead.objects.filter(tier="warm").first()
    assert chosen is not None
    LeadScore.objects.filter(lead=chosen).update(score=1.0)

    shown = panels(agent_client, [chosen])[chosen.pk]

    assert SET_BACK in shown
    assert "tier-warm" in shown


def test_a_lead_whose_deal_has_ended_is_not_left_to_chance(tenant: Tenant, broker: User) -> None:
    lead = LeadFactory(tenant=tenant)
    EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW - timedelta(hours=1))
    switch_on(tenant, broker)

    assert score([lead])[lead.pk].propensity is None


def test_an_alert_says_that_chance_made_a_lead_hot(
    tenant: Tenant, broker: User, agent_client: Client, leads: list[Lead], agent: User
) -> None:
    switch_on(tenant, broker)
    chosen = next(lead for lead in leads if explore(lead.pk, is_hot=False, key=WEEK, share=0.1).hot)
    event = EventFactory(lead=chosen, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": "Hello"})
    services.score_leads(event_ids=[event.pk])
    row = LeadScore.objects.get(lead=chosen)
    panel = agent_client.get(reverse("scoring:lead-panel", args=[chosen.pk])).content.decode()
    told = caller(Membership.objects.get(user=agent)).get("predictions/", lead=str(chosen.pk)).json()

    assert (row.tier, row.is_explored) == ("hot", True)
    assert Alert.objects.get(kind="hot_lead").reason == f"Hot this week by chance: score {round(row.score)}."
    assert "This week chance, not the score, decided that this lead is hot" in panel
    assert (told["results"][0]["is_explored"], told["results"][0]["propensity"]) == (True, 0.05)


def test_the_broker_says_for_how_many_on_the_page(
    tenant: Tenant, broker: User, broker_client: Client, agent_client: Client, leads: list[Lead]
) -> None:
    list_page = reverse("scoring:experiment-list")
    kept = broker_client.post(reverse("scoring:exploration"), {"percent": "10"})
    score(leads)
    count = LeadScore.objects.filter(is_explored=True).count()
    seen = " ".join(agent_client.get(list_page).content.decode().split())
    refused = broker_client.post(reverse("scoring:exploration"), {"percent": "11"})

    assert kept.headers["Location"] == list_page
    assert TierCuts.objects.get().explore_share == 0.1
    assert count > 0
    assert f'chance decided for <b class="num text-ink">{count}</b> lead' in seen
    assert "Your broker says for how many." in seen
    assert 'value="10"' in broker_client.get(list_page).content.decode()
    assert refused.status_code == 422
    assert "less than or equal to 10" in refused.content.decode()
    with pytest.raises(DomainError, match="from 0 to 10%"):
        services.set_exploration(tenant=tenant, share=0.2, by=broker)


# What learning makes of it


def test_rows_count_by_the_chance_they_had() -> None:
    treated = np.array([True, True, False, False, True])
    propensity = np.array([0.9, 0.1, 0.1, 0.9, np.nan])
    share = 0.5

    assert learning_weights(treated, propensity) == pytest.approx(
        [share / 0.9, share / 0.1, share / 0.9, share / 0.1, 1.0]
    )
    assert learning_weights(treated, np.full(5, np.nan)).tolist() == [1.0] * 5


def test_what_only_got_a_lead_called_is_not_taken_for_what_closes() -> None:
    """Who is called closes at 40%, others at 10%, whatever x is; x decides who is called, mostly.

    A model of all rows alike takes x for a cause; weighed by the chance of being called it finds none.
    """
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, 1))
    chance = np.where(x[:, 0] > 0, 0.8, 0.2)
    called = rng.random(len(x)) < chance
    closed = rng.random(len(x)) < np.where(called, 0.4, 0.1)
    recipe, how = Recipe("line", strength=1.0), Learning(seed=1)
    naive = learn(recipe, x, closed, np.ones(len(x)), how)
    weighed = learn(recipe, x, closed, learning_weights(called, chance), how)

    assert isinstance(naive, Additive)
    assert isinstance(weighed, Additive)
    assert naive.slopes[0] > 0.35
    assert abs(weighed.slopes[0]) < 0.05


def test_training_rows_carry_their_weights(tenant: Tenant) -> None:
    leads = LeadFactory.create_batch(4, tenant=tenant, created_at=NOW - timedelta(days=200))
    for number, lead in enumerate(leads):
        EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW - timedelta(days=120))
        tier, chance = (("hot", 0.975), ("hot", 0.025), ("warm", 0.025), ("warm", None))[number]
        LeadScore.objects.create(
            tenant=tenant,
            lead=lead,
            score=50,
            tier=tier,
            base=40,
            contributions=[],
            pillars=[],
            mode="rules",
            weight_set="standard",
            feature_version="1",
            inputs_hash="0",
            event_at=NOW - timedelta(days=120),
            scored_at=NOW - timedelta(days=120),
            propensity=chance,
        )
    rows = training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    found = dict(zip(rows.lead_ids.tolist(), rows.weights.tolist(), strict=True))

    assert [found[lead.pk] for lead in leads] == pytest.approx(
        [2 / 3 / 0.975, 2 / 3 / 0.025, 1 / 3 / 0.975, 1.0]
    )
    assert rows.only(rows.weights > 2).weights.tolist() == pytest.approx([2 / 3 / 0.025])
