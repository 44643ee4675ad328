from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.errors import DomainError
from leads.events import Kind
from leads.ml.catalogue import VERSION
from leads.models import Event, Lead, ModelVersion, Tenant
from leads.services import models as registry
from scoring import services, tasks
from scoring.health import check_scoring
from scoring.models import LeadScore
from scoring.services import serving
from scoring.services.learning import decide
from scoring.services.previews import preview
from tests.conftest import Freeze
from tests.factories import EventFactory
from tests.past import make_model, make_past

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
State = ModelVersion.State


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def version(tenant: Tenant) -> ModelVersion:
    """A model trained on a past whose talk foretells closings, serving."""
    return make_model(tenant, now=NOW)


def say(lead: Lead, text: str) -> LeadScore:
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": text})
    return services.score_leads(event_ids=[event.pk])[0]


def test_a_model_learns_serves_and_falls_back_to_the_rules(
    version: ModelVersion, tenant: Tenant, lead: Lead, other_lead: Lead
) -> None:
    assert (version.state, version.target, version.feature_version) == (State.SERVING, "closing", VERSION)
    assert version.metrics["forward"]["auc"]["low"] > 0.5
    assert version.reason.startswith("The first model: it saves ")
    row = say(lead, "Can we see the house on Saturday?")

    assert (row.mode, row.model_version) == ("model", version.name)
    assert row.low is not None
    assert row.high is not None
    assert 0 <= row.low <= row.score <= row.high <= 100
    assert abs(row.base + sum(points for _, _, points in row.contributions) - row.score) < 1e-6
    assert say(other_lead, "Hello").mode == "rules"
    assert check_scoring().figures["mode"] == "model"
    assert services.score_at(lead, NOW).score == pytest.approx(row.score, abs=1e-6)
    assert services.score_at(lead, NOW, model="rules").model_version == ""
    assert services.score_at(lead, NOW, model=version.name).model_version == version.name

    ModelVersion.objects.filter(pk=version.pk).update(sha256="0" * 64)
    serving.forget()
    broken = say(lead, "Hello again")
    health = check_scoring()

    assert (broken.mode, broken.model_version) == ("rules", "")
    assert (health.status, health.figures["mode"]) == ("degraded", "rules")
    assert "it was changed or cut short" in ModelVersion.objects.get().fault
    assert Event.objects.filter(kind=Kind.MODEL_CHANGED, tenant=tenant).count() == 1


def test_a_lead_whose_deal_has_ended_is_scored_by_the_rules(version: ModelVersion, lead: Lead) -> None:
    event = EventFactory(
        lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW, data={"opportunity_id": "one"}
    )
    row = services.score_leads(event_ids=[event.pk])[0]

    assert (row.mode, row.tier) == ("rules", "quiet")


def test_a_preview_tells_what_would_change_and_changes_nothing(
    version: ModelVersion, tenant: Tenant, lead: Lead
) -> None:
    Lead.objects.filter(tenant=tenant).update(score=90.0, tier="hot")
    told = preview(tenant=tenant, served=serving.served_for([tenant.pk])[tenant.pk], now=NOW)

    assert told.leads == Lead.objects.active().filter(tenant=tenant).count()
    assert told.tiers == {"hot": told.leads, "warm": 0, "steady": 0, "quiet": 0}
    assert sum(told.new_tiers.values()) == told.leads
    assert told.changed == told.leads - told.new_tiers["hot"]
    assert len(told.as_json()["moved"]) == 30
    assert Lead.objects.filter(tenant=tenant).exclude(score=90.0).count() == 0


def test_without_signal_nothing_serves(tenant: Tenant) -> None:
    make_past(tenant, leads=320, now=NOW, effect=0.0, seed=11, steady=True)
    version = services.retrain(tenant=tenant, now=NOW, promote=True)

    assert (version.state, version.reason) == (
        State.REFUSED,
        "No signal: on later leads it is no better than the base rate alone.",
    )
    assert not ModelVersion.objects.serving().exists()


def test_too_little_to_learn_from_is_told(tenant: Tenant) -> None:
    make_past(tenant, leads=20, now=NOW)

    with pytest.raises(
        DomainError, match="Too little to learn from: .* leads that closed, 0 leads that kept"
    ):
        services.retrain(tenant=tenant, now=NOW)
    with pytest.raises(CommandError, match="Import older leads with their opportunities, or wait"):
        call_command("retrain", "scores", "--tenant", tenant.location_id)
    tasks.retrain_scores(tenant.pk)
    tasks.retrain_scores(0)
    assert not ModelVersion.objects.exists()
    assert services.tenants_to_train() == [tenant.pk]


def figures(loss: float, ece: float = 0.01) -> dict[str, Any]:
    return {
        "forward": {"log_loss": {"value": loss}, "ece": {"value": ece}},
        "baselines": {"constant": {"log_loss": {"value": 0.5}}},
    }


@pytest.mark.parametrize(
    ("mine", "theirs", "days", "promoted", "reason"),
    [
        (figures(0.40), figures(0.45), 1, True, "Better: it saves 20.0% of the base rate's log loss"),
        (figures(0.45), figures(0.45), 1, False, "Not better by 0.5%: it saves 10.0%"),
        (figures(0.45), figures(0.45), 31, True, "As good and newer: it saves 10.0%"),
        (figures(0.47), figures(0.45), 31, False, "Not better by 0.5%"),
        (figures(0.40, ece=0.2), figures(0.45), 1, False, "Its probabilities are off by 20.0% on average"),
    ],
)
def test_the_better_model_serves(
    mine: dict[str, Any], theirs: dict[str, Any], days: int, promoted: bool, reason: str
) -> None:
    before = ModelVersion(
        metrics=theirs,
        feature_version=VERSION,
        target="closing",
        promoted_at=NOW - timedelta(days=days),
    )
    found = decide(mine, True, "closing", before, NOW)

    assert found.promote is promoted
    assert found.reason.startswith(reason)


def test_what_cannot_be_used_or_foretells_something_else_gives_way() -> None:
    broken = ModelVersion(metrics=figures(0.1), feature_version=VERSION, target="closing", fault="Cut short.")
    other = ModelVersion(metrics=figures(0.1), feature_version=VERSION, target="showing")

    assert decide(figures(0.45), True, "closing", broken, NOW).promote
    assert decide(figures(0.45), True, "closing", other, NOW).promote


def test_a_small_tenant_borrows_the_markets_model(tenant: Tenant, other_tenant: Tenant, lead: Lead) -> None:
    make_past(other_tenant, leads=320, now=NOW)
    market = services.retrain(tenant=None, now=NOW, promote=True)
    served = say(lead, "Can we see the house?")
    make_past(tenant, leads=12, now=NOW, seed=5)
    own = services.retrain(tenant=tenant, now=NOW)

    assert (market.state, market.tenant) == (State.SERVING, None)
    assert served.model_version == market.name
    assert own.metrics["own_share"] == 0.0
    assert registry.rollback(engine="scores", tenant=None) is None


def test_a_slow_model_rests_and_comes_back(
    version: ModelVersion, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SLOW", -1.0)
    monkeypatch.setattr(serving, "SLOW_A_LEAD", 0.0)
    rows = [say(lead, f"Hello {i}") for i in range(4)]

    assert [row.mode for row in rows] == ["model", "model", "model", "rules"]
    assert ModelVersion.objects.get().fault == "It was slow: the rules answer for a minute."
    serving._held.resting = dict.fromkeys(serving._held.resting, 0.0)
    assert say(lead, "Hello").mode == "model"
    assert ModelVersion.objects.get().fault == ""
