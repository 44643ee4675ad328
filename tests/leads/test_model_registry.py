from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, ModelVersion, Tenant, User
from leads.services import models as registry
from leads.services.models import Learned
from tests.conftest import Freeze

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
State = ModelVersion.State


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> Any:
    return freeze(NOW)


def learned(artifact: bytes = b"figures", *, has_signal: bool = True) -> Learned:
    return Learned(
        target="closing",
        kind="trees 3×200",
        feature_version="2026.2",
        features=("urgency", "sentiment"),
        leads=120,
        rows=300,
        positives=40,
        data_from=NOW - timedelta(days=400),
        data_until=NOW - timedelta(days=90),
        seed=1,
        metrics={"forward": {"auc": {"value": 0.81, "low": 0.76, "high": 0.86}}},
        artifact=artifact,
        has_signal=has_signal,
    )


def store(tenant: Tenant | None, artifact: bytes = b"figures", *, has_signal: bool = True) -> ModelVersion:
    return registry.store_version(
        engine="scores",
        name=registry.version_name(engine="scores", tenant=tenant, now=NOW, data=artifact),
        tenant=tenant,
        learned=learned(artifact, has_signal=has_signal),
        reason="First model.",
        now=NOW,
    )


def changes(tenant: Tenant) -> list[dict[str, Any]]:
    rows = Event.objects.filter(tenant=tenant, kind=Kind.MODEL_CHANGED).order_by("pk")
    return list(rows.values_list("data", flat=True))


def test_a_version_is_kept_with_its_checksum_and_waits(tenant: Tenant) -> None:
    version = store(tenant)

    version.refresh_from_db()
    assert version.state == State.CANDIDATE
    assert version.sha256 == hashlib.sha256(b"figures").hexdigest()
    assert version.name == f"scores-{tenant.pk}-20260601-120000-{version.sha256[:8]}"
    assert bytes(version.artifact) == b"figures"
    assert changes(tenant) == []


def test_promoting_retires_what_served_and_tells_the_engine(tenant: Tenant, broker: User) -> None:
    first, second = store(tenant), store(tenant, b"better")
    registry.promote(version=first, by=broker)
    registry.promote(version=second, by=broker, reason="Log loss 0.31, was 0.35.")

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.retired_at) == (State.RETIRED, NOW)
    assert (second.state, second.promoted_at, second.promoted_by) == (State.SERVING, NOW, broker)
    assert second.reason == "Log loss 0.31, was 0.35."
    assert [told["model"] for told in changes(tenant)] == [first.name, second.name]


def test_promoting_what_serves_changes_nothing(tenant: Tenant) -> None:
    version = registry.promote(version=store(tenant))
    registry.promote(version=version)

    assert len(changes(tenant)) == 1


def test_a_model_without_signal_never_serves(tenant: Tenant) -> None:
    version = store(tenant, has_signal=False)

    with pytest.raises(DomainError, match="found no signal: it would not beat chance"):
        registry.promote(version=version)
    with pytest.raises(DomainError, match="is no signal: it cannot shadow"):
        registry.shadow(version=version)
    assert ModelVersion.objects.get().state == State.REFUSED


def test_rolling_back_goes_step_by_step_down_to_the_rules(tenant: Tenant, freeze: Freeze) -> None:
    first, second = store(tenant), store(tenant, b"better")
    registry.promote(version=first)
    freeze(NOW + timedelta(days=1))
    registry.promote(version=second)

    assert registry.rollback(engine="scores", tenant=tenant) == first
    assert ModelVersion.objects.serving().get() == first
    assert registry.rollback(engine="scores", tenant=tenant) is None
    with pytest.raises(DomainError, match="No model serves, so there is nothing to roll back"):
        registry.rollback(engine="scores", tenant=tenant)
    assert [told["model"] for told in changes(tenant)] == [first.name, second.name, first.name, ""]


def test_a_shadow_gives_way_to_the_next_and_leaves_what_serves(tenant: Tenant) -> None:
    serving, one, two = store(tenant), store(tenant, b"one"), store(tenant, b"two")
    registry.promote(version=serving)
    registry.shadow(version=one)
    registry.shadow(version=two)

    states = dict(ModelVersion.objects.values_list("pk", "state"))
    assert states == {serving.pk: State.SERVING, one.pk: State.CANDIDATE, two.pk: State.SHADOW}


def test_the_market_model_is_told_to_tenants_without_one_of_their_own(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    registry.promote(version=store(tenant))
    market = registry.promote(version=store(None, b"market"))

    assert [told["model"] for told in changes(other_tenant)] == [market.name]
    assert len(changes(tenant)) == 1
    assert market.name.startswith("scores-market-")


@pytest.mark.parametrize("whose", ["tenant", "market"])
def test_two_versions_never_serve_at_once(tenant: Tenant, whose: str) -> None:
    owner = tenant if whose == "tenant" else None
    registry.promote(version=store(owner))

    with pytest.raises(IntegrityError, match="model_serves_alone"), transaction.atomic():
        ModelVersion.objects.filter(pk=store(owner, b"other").pk).update(state=State.SERVING)


def test_the_first_fault_is_kept_until_the_version_is_promoted_anew(tenant: Tenant) -> None:
    version = registry.promote(version=store(tenant))
    registry.note_fault(version_id=version.pk, fault="The checksum is another.")
    registry.note_fault(version_id=version.pk, fault="Something later.")

    version.refresh_from_db()
    assert (version.fault, version.fault_at) == ("The checksum is another.", NOW)
    registry.rollback(engine="scores", tenant=tenant)
    version = registry.promote(version=version)
    assert (version.fault, version.fault_at) == ("", None)


# The commands


def test_the_command_lists_promotes_and_rolls_back(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("models", "list")
    assert "No model has been trained yet" in capsys.readouterr().out
    version = store(tenant)

    call_command("models", "promote", version.name)
    call_command("models", "list", "--tenant", tenant.location_id)
    call_command("models", "rollback", "scores", "--tenant", tenant.location_id)

    assert capsys.readouterr().out.splitlines() == [
        f"{version.name} serves",
        f"{version.name}\t{tenant.location_id}\tserving\tAUC 0.810\t2026-06-01 12:00\tPromoted by hand.",
        "no model serves: the rules answer",
    ]


def test_the_command_puts_a_version_in_the_shadow(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    version = store(tenant)
    call_command("models", "shadow", version.name)

    assert capsys.readouterr().out == f"{version.name} scores unseen beside what serves\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["promote", "nobody"], "No model is called nobody: `manage.py models list` shows them."),
        (["rollback", "scores"], "No model serves"),
        (["list", "--tenant", "nowhere"], "No tenant has the location nowhere"),
    ],
)
def test_the_command_says_what_cannot_be_done(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("models", *arguments)


def test_an_engine_that_cannot_learn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_trainers", {"scores": registry.store_version})

    with pytest.raises(CommandError, match="lapse cannot be trained; what can: scores"):
        call_command("retrain", "lapse")
