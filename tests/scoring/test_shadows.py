"""A version in shadow scores unseen, and is graded beside what served by what became of the leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Lead, ModelVersion, Tenant, User
from leads.services import models as registry
from scoring import services, tasks
from scoring.models import LeadScore, ShadowScore
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory, ModelVersionFactory
from tests.past import make_model

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=91)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def version(tenant: Tenant, broker: User) -> ModelVersion:
    """A model learned from a past, in shadow: the rules serve."""
    row = make_model(tenant, now=NOW)
    registry.rollback(engine="scores", tenant=tenant, by=broker)
    row.refresh_from_db()
    Lead.objects.filter(tenant=tenant).update(score=20.0, tier="quiet")
    return services.shadow_version(version=row)


def page(name: str, row: ModelVersion) -> str:
    return reverse(f"scoring:{name}", args=[row.pk])


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_it_scores_every_open_lead_once_in_thirty_days_and_nobody_sees_it(
    version: ModelVersion, tenant: Tenant, freeze: Freeze
) -> None:
    kept = services.score_in_shadow(tenant=tenant, now=NOW)
    again = services.score_in_shadow(tenant=tenant, now=NOW + timedelta(days=29))
    then = services.score_in_shadow(tenant=tenant, now=NOW + timedelta(days=31))
    row = ShadowScore.objects.order_by("pk").first()

    assert 0 < kept < Lead.objects.count()
    assert (again, then) == (0, kept)
    assert not LeadScore.objects.exists()
    assert set(ShadowScore.objects.values_list("standing_model", flat=True)) == {""}
    assert set(Lead.objects.values_list("score", flat=True)) == {20.0}
    assert row is not None
    assert (row.standing_score, row.standing_tier, row.standing_model) == (20.0, "quiet", "")
    assert str(row) == f"shadow score {row.pk} of lead {row.lead_id}"


def test_it_keeps_which_model_served_beside_it(tenant: Tenant, broker: User) -> None:
    serves = make_model(tenant, now=NOW)
    Lead.objects.filter(tenant=tenant).update(score=20.0, tier="quiet")
    services.rescore(lead_ids=list(Lead.objects.values_list("pk", flat=True)))
    told = {field.name: getattr(serves, field.name) for field in ModelVersion._meta.concrete_fields}
    other = ModelVersion.objects.create(**told | {"id": None, "name": "scores-other", "state": "candidate"})
    services.shadow_version(version=other)
    services.score_in_shadow(tenant=tenant, now=NOW)

    assert set(ShadowScore.objects.values_list("standing_model", flat=True)) == {serves.name}


def test_it_is_graded_once_the_ninety_days_are_over(tenant: Tenant) -> None:
    """Of 60 leads 20 close, all scored 90 in shadow; what served said 50 of everybody."""
    version = ModelVersionFactory(tenant=tenant, state="shadow")
    leads = LeadFactory.create_batch(60, tenant=tenant)
    for i, lead in enumerate(leads):
        closes = i < 20
        ShadowScore.objects.create(
            version=version,
            lead=lead,
            score=90.0 if closes else 10.0,
            tier="hot" if closes else "quiet",
            standing_score=50.0,
            standing_tier="quiet",
            standing_model="scores-old",
            scored_at=NOW,
        )
        if closes:
            EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW + timedelta(days=30))
    services.grade_shadows(tenant=tenant, now=NOW + timedelta(days=60))
    version.refresh_from_db()
    early = dict(version.shadow)
    services.grade_shadows(tenant=tenant, now=LATER)
    version.refresh_from_db()
    late = version.shadow

    assert (early["scored"], early["other_tier"], early["known"], early["came"]) == (60, 20, 0, 0)
    assert "shadow" not in early
    assert (late["known"], late["came"]) == (60, 20)
    assert (late["shadow"]["auc"]["value"], late["standing"]["auc"]["value"]) == (1.0, 0.5)
    assert late["shadow"]["ece"]["value"] == pytest.approx(0.1)
    assert late["standing"]["ece"]["value"] == pytest.approx(1 / 6)
    assert late["saved"]["value"] == pytest.approx(0.693147 - 0.105361, abs=1e-5)
    assert late["saved"]["low"] > 0


def test_the_points_of_the_rules_are_measured_by_rank_alone(tenant: Tenant) -> None:
    version = ModelVersionFactory(tenant=tenant, state="shadow")
    for i, lead in enumerate(LeadFactory.create_batch(40, tenant=tenant)):
        ShadowScore.objects.create(
            version=version,
            lead=lead,
            score=10.0,
            tier="quiet",
            standing_score=float(i),
            standing_tier="quiet",
            scored_at=NOW,
        )
        if i >= 25:
            EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW + timedelta(days=30))
    services.grade_shadows(tenant=tenant, now=LATER)
    version.refresh_from_db()

    assert version.shadow["standing"]["auc"]["value"] == 1.0
    assert set(version.shadow["standing"]) == {"auc", "recall_top_20"}
    assert "saved" not in version.shadow


def test_a_broker_puts_a_version_in_shadow_and_takes_it_out(
    tenant: Tenant, broker_client: Client, agent_client: Client
) -> None:
    row = ModelVersionFactory(tenant=tenant)
    before = text(broker_client.get(page("version", row)))
    began = broker_client.post(page("version-shadow", row))
    row.refresh_from_db()
    state = row.state
    during = text(broker_client.get(page("version", row)))
    seen = text(agent_client.get(page("version", row)))
    ended = broker_client.post(page("version-shadow", row))
    row.refresh_from_db()

    assert "Score in shadow" in before
    assert told(began) == ["It scores every lead from now on, unseen."]
    assert state == "shadow"
    assert "Its first scores are being made." in during
    assert "End the shadow" not in seen
    assert told(ended)[-1] == "It scores no longer. What it said is still graded."
    assert row.state == "candidate"
    with pytest.raises(DomainError, match="not in shadow"):
        services.leave_shadow(version=row)


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ((0.2, 0.1, 0.3), "It was surely better than what served."),
        ((-0.2, -0.3, -0.1), "It was surely worse than what served."),
        ((0.1, -0.1, 0.3), "Neither was surely better."),
        (None, 'after <span class="num">20</span> it came.</p>'),
    ],
)
def test_the_page_tells_which_was_right(
    tenant: Tenant, agent_client: Client, saved: tuple[float, float, float] | None, words: str
) -> None:
    figure = {"value": 0.8, "low": 0.7, "high": 0.9}
    shadow: dict[str, Any] = {
        "at": NOW.isoformat(),
        "since": NOW.isoformat(),
        "scored": 60,
        "other_tier": 7,
        "known": 60,
        "came": 20,
        "shadow": {"auc": figure, "ece": {"value": 0.02, "low": 0.01, "high": 0.04}},
        "standing": {"auc": {"value": 0.6, "low": 0.5, "high": 0.7}},
    }
    if saved is not None:
        shadow["saved"] = dict(zip(("value", "low", "high"), saved, strict=True))
    row = ModelVersionFactory(tenant=tenant, shadow=shadow)
    seen = text(agent_client.get(page("version", row)))

    assert words in seen
    assert '0.800 <span class="text-ink-3">(0.700–0.900)</span>' in seen  # noqa: RUF001
    assert "2.0%" in seen


def test_too_few_outcomes_say_nothing(tenant: Tenant, agent_client: Client) -> None:
    shadow = {"at": NOW.isoformat(), "since": None, "scored": 4, "other_tier": 0, "known": 2, "came": 1}
    row = ModelVersionFactory(tenant=tenant, shadow=shadow)

    assert "That is too few to say which is better." in text(agent_client.get(page("version", row)))


def test_each_night_shadows_score_and_are_graded(
    version: ModelVersion, tenant: Tenant, other_tenant: Tenant
) -> None:
    assert services.tenants_with_shadows() == [tenant.pk]
    tasks.score_all_in_shadow()
    version.refresh_from_db()

    assert version.shadow["scored"] == ShadowScore.objects.count() > 0
    with pytest.raises(DomainError, match="operator"):
        services.shadow_version(version=ModelVersionFactory(tenant=None))
    assert services.score_in_shadow(tenant=other_tenant, now=NOW) == 0
