"""Between trainings: leads that no longer look as they did are told of, and the base rate is shifted."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.ml import calibration
from leads.models import Event, Lead, ModelRun, ModelVersion, Tenant
from scoring import drift, selectors, services, tasks
from scoring.drift import Reference, drifts, reference
from scoring.outcomes import HORIZON, Outcome, Target, looks, recent_looks
from scoring.services import serving
from tests.conftest import Freeze
from tests.factories import EventFactory, GHLConnectionFactory, LeadFactory, ModelVersionFactory
from tests.past import make_model, make_past

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


# The index


def test_the_index_is_nought_for_the_same_and_known_for_a_shift() -> None:
    values = np.repeat([0.0, 1.0], [500, 500])
    then = {"kept": reference(values)}
    same = drifts(then, values[:, None], ["kept"])
    turned = drifts(then, np.repeat([0.0, 1.0], [100, 900])[:, None], ["kept"])

    first, second = np.array([500.5, 500.5, 0.5]), np.array([100.5, 900.5, 0.5])
    first, second = first / first.sum(), second / second.sum()
    assert then["kept"].counts == (500, 500, 0)
    assert (same[0].index, same[0].is_drifted) == (0.0, False)
    assert turned[0].index == pytest.approx(float(((second - first) * np.log(second / first)).sum()))
    assert turned[0].is_drifted


def test_what_chance_gives_is_no_drift() -> None:
    """With 100 leads and ten bins chance alone gives some index; of 200 features none is told of."""
    rng = np.random.default_rng(3)
    names = [f"f{j}" for j in range(200)]
    then, now = rng.normal(size=(300, 200)), rng.normal(size=(100, 200))
    found = drifts({name: reference(then[:, j]) for j, name in enumerate(names)}, now, names)

    assert max(one.index for one in found) > 0.2
    assert not any(one.is_drifted for one in found)
    moved = drifts({name: reference(then[:, j]) for j, name in enumerate(names)}, now + 1.5, names)
    assert sum(one.is_drifted for one in moved) > 190
    assert [one.index for one in moved] == sorted((one.index for one in moved), reverse=True)


def test_missing_values_are_a_bin_and_nothing_breaks_on_little() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan])
    kept = reference(values)

    assert kept.counts[-1] == 1
    assert sum(kept.counts) == 4
    assert Reference.from_json(kept.as_json()) == kept
    assert reference(np.array([np.nan, np.nan])).counts == (0, 2)
    assert drifts({"a": kept}, np.zeros((0, 1)), ["a"])[0].is_drifted is False
    assert drifts({"a": kept}, values[:, None], ["b"]) == []
    assert drift.GREAT == 0.25


def test_recent_looks_are_those_whose_outcome_nobody_knows_yet() -> None:
    acts = [NOW - 200 * DAY, NOW - 20 * DAY]
    lost = [Outcome(NOW - 25 * DAY, Kind.OPPORTUNITY_LOST)]
    known = [look.at for look in looks(acts, [], target=Target.CLOSING, now=NOW)]
    recent = recent_looks(acts, [], target=Target.CLOSING, now=NOW)

    assert known == [NOW - 199 * DAY, NOW - 169 * DAY, NOW - 139 * DAY]
    assert recent == [NOW - 19 * DAY]
    assert min(recent) + HORIZON > NOW
    assert recent_looks(acts, lost, target=Target.CLOSING, now=NOW) == []
    assert recent_looks([], [], target=Target.CLOSING, now=NOW) == []


# The night's look


@pytest.fixture
def version(tenant: Tenant, freeze: Freeze) -> ModelVersion:
    freeze(NOW)
    row = make_model(tenant, now=NOW)
    Lead.objects.filter(tenant=tenant).update(last_event_at=NOW)
    return row


@pytest.mark.django_db
def test_leads_like_those_before_are_told_as_such(
    version: ModelVersion, tenant: Tenant, agent_client: Client
) -> None:
    watched = services.watch(tenant=tenant, now=NOW)
    seen = " ".join(agent_client.get(reverse("scoring:overview")).content.decode().split())

    assert watched is not None
    found = selectors.recent_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    assert watched.watched["rows"] == len(found) > 100
    told = watched.watched["drifted"]
    assert watched.watched["features"] > len(told)
    assert "Since it learned" in seen


@pytest.mark.django_db
def test_leads_that_write_otherwise_are_told_of(
    version: ModelVersion, tenant: Tenant, agent_client: Client
) -> None:
    recent = Lead.objects.filter(tenant=tenant, created_at__gt=NOW - 100 * DAY)
    for lead in recent:
        EventFactory.create_batch(
            5,
            lead=lead,
            kind=Kind.MESSAGE_RECEIVED,
            occurred_at=lead.created_at + timedelta(hours=2),
            data={"text": "Are you there? Why does nobody answer? What now?"},
        )
    watched = services.watch(tenant=tenant, now=NOW)
    seen = " ".join(agent_client.get(reverse("scoring:overview")).content.decode().split())

    assert watched is not None
    named = {one["feature"] for one in watched.watched["drifted"]}
    assert {"inbound_30d", "message_sentences"} <= named
    assert "season" not in named
    assert f'in <b class="num text-ink">{len(named)}</b> of' in seen


@pytest.mark.django_db
def test_the_base_rate_is_shifted_only_where_that_was_proved_to_help(
    version: ModelVersion, tenant: Tenant, agent_client: Client
) -> None:
    model = serving.load(version)
    watched = services.watch(tenant=tenant, now=NOW)
    assert watched is not None
    assert not model.adapts
    assert watched.shift == 0.0

    ModelVersion.objects.filter(pk=version.pk).update(shift=0.4, watched=watched.watched)
    serving.forget()
    served = serving.served_for([tenant.pk])[tenant.pk].model
    seen = agent_client.get(reverse("scoring:overview")).content.decode()
    margins = np.array([-1.0, 0.0, 1.0])
    assert served is not None
    assert served.calibrator.log_odds(margins) == pytest.approx(model.calibrator.log_odds(margins) + 0.4)
    assert f"{math.exp(0.4):.2f}" in seen


@pytest.mark.django_db
def test_a_model_that_adapts_gets_the_shift_of_the_leads_it_meets(
    version: ModelVersion, tenant: Tenant
) -> None:
    model = replace(serving.load(version), adapts=True)
    told = model.to_bytes()
    ModelVersion.objects.filter(pk=version.pk).update(artifact=told, sha256=hashlib.sha256(told).hexdigest())
    watched = services.watch(tenant=tenant, now=NOW)
    matrix = model.matrix(selectors.recent_rows(tenant=tenant, now=NOW, target=Target.CLOSING))
    by = calibration.prior_shift(model.calibrator.log_odds(model.margins(matrix)), model.base_rate)

    assert watched is not None
    assert watched.shift == pytest.approx(max(-1.0, min(1.0, by)))
    assert watched.shift != 0.0


@pytest.mark.django_db
def test_few_leads_say_nothing_and_no_model_is_no_fault(
    tenant: Tenant, version: ModelVersion, agent_client: Client
) -> None:
    Lead.objects.filter(tenant=tenant).update(last_event_at=NOW - 400 * DAY)
    few = services.watch(tenant=tenant, now=NOW)
    seen = agent_client.get(reverse("scoring:overview")).content.decode()

    assert few is not None
    assert few.watched == {"at": NOW.isoformat(), "rows": 0}
    assert "too few to say whether they look like those it learned from" in seen
    ModelVersion.objects.update(artifact=b"nonsense")
    assert services.watch(tenant=tenant, now=NOW) is None
    ModelVersion.objects.update(metrics={})
    assert services.watch(tenant=tenant, now=NOW) is None


# The first training


@pytest.mark.django_db
def test_a_history_that_came_in_is_learned_from_without_being_asked(
    tenant: Tenant, other_tenant: Tenant, freeze: Freeze
) -> None:
    freeze(NOW)
    make_past(tenant, leads=320, now=NOW)
    for lead in LeadFactory.create_batch(29, tenant=other_tenant):
        EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW - DAY)
    connection = GHLConnectionFactory(tenant=tenant, backfill_cursor={"state": "running"})

    assert services.tenants_to_begin() == []
    connection.backfill_cursor = {"state": "done"}
    connection.save()
    assert services.tenants_to_begin() == [tenant.pk]
    tasks.begin_trainings()
    run, version = ModelRun.objects.get(), ModelVersion.objects.get()
    assert (run.state, run.by, run.version) == ("done", None, version)
    assert version.state == "serving"
    assert services.tenants_to_begin() == []


@pytest.mark.django_db
def test_a_first_training_that_found_too_little_is_not_tried_again_within_a_day(
    tenant: Tenant, freeze: Freeze
) -> None:
    freeze(NOW)
    for lead in LeadFactory.create_batch(30, tenant=tenant):
        EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW - DAY)
    tasks.begin_trainings()

    assert ModelRun.objects.get().state == "failed"
    assert services.tenants_to_begin() == []
    freeze(NOW + 2 * DAY)
    assert services.tenants_to_begin() == [tenant.pk]
    ModelVersionFactory(tenant=tenant)
    assert services.tenants_to_begin() == []
    assert Event.objects.count() == 30
