"""The registry of models: which version serves whom, and the way back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.models import ModelVersion, Tenant, User
from leads.services.events import NewEvent, record_events

State = ModelVersion.State


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training gave, as the registry keeps it."""

    target: str
    kind: str
    feature_version: str
    features: tuple[str, ...]
    leads: int
    rows: int
    positives: int
    data_from: datetime
    data_until: datetime
    seed: int
    metrics: Mapping[str, Any]
    artifact: bytes
    has_signal: bool
    cuts: Mapping[str, Any] = field(default_factory=dict)


Retrain = Callable[..., ModelVersion]
_trainers: dict[str, Retrain] = {}


def register_trainer(engine: str, retrain: Retrain) -> None:
    """Let an engine be retrained by its name: `retrain(tenant=, now=, seed=, progress=)`."""
    _trainers[engine] = retrain


def trainer(engine: str) -> Retrain:
    """Return what retrains an engine."""
    if engine not in _trainers:
        known = ", ".join(sorted(_trainers))
        raise DomainError(f"{engine} cannot be trained; what can: {known}.", "unknown_engine")
    return _trainers[engine]


def version_name(*, engine: str, tenant: Tenant | None, now: datetime, data: bytes) -> str:
    """Return the name of a version: whose it is, when it was trained and a mark of what on."""
    whose = tenant.pk if tenant is not None else "market"
    return f"{engine}-{whose}-{now:%Y%m%d-%H%M%S}-{hashlib.sha256(data).hexdigest()[:8]}"


def store_version(
    *, engine: str, name: str, tenant: Tenant | None, learned: Learned, reason: str, now: datetime
) -> ModelVersion:
    """Keep a trained model; one without signal is kept as evidence and can never serve."""
    return ModelVersion.objects.create(
        tenant=tenant,
        engine=engine,
        name=name,
        state=State.CANDIDATE if learned.has_signal else State.REFUSED,
        target=learned.target,
        kind=learned.kind,
        feature_version=learned.feature_version,
        features=list(learned.features),
        leads=learned.leads,
        rows=learned.rows,
        positives=learned.positives,
        data_from=learned.data_from,
        data_until=learned.data_until,
        seed=learned.seed,
        metrics=dict(learned.metrics),
        artifact=learned.artifact,
        sha256=hashlib.sha256(learned.artifact).hexdigest(),
        cuts=dict(learned.cuts),
        reason=reason[:300],
        made_at=now,
    )


@transaction.atomic
def promote(*, version: ModelVersion, by: User | None = None, reason: str = "") -> ModelVersion:
    """Let a version serve from now on; the one that served is retired and can be rolled back to."""
    version = _locked(version)
    if version.state == State.SERVING:
        return version
    if version.state == State.REFUSED:
        raise DomainError(f"{version.name} found no signal: it would not beat chance.", "no_signal")
    _retire(version.engine, version.tenant_id, State.SERVING)
    version.state = State.SERVING
    version.promoted_at, version.promoted_by, version.retired_at = timezone.now(), by, None
    version.fault, version.fault_at = "", None
    version.reason = (reason or version.reason)[:300]
    version.save()
    _tell(version.engine, version.tenant, version.name, by)
    return version


@transaction.atomic
def shadow(*, version: ModelVersion) -> ModelVersion:
    """Let a version score beside the one that serves, seen by nobody."""
    version = _locked(version)
    if version.state not in (State.CANDIDATE, State.RETIRED):
        state = version.get_state_display().lower()
        raise DomainError(f"{version.name} is {state}: it cannot shadow.", "not_a_candidate")
    _retire(version.engine, version.tenant_id, State.SHADOW)
    version.state = State.SHADOW
    version.save(update_fields=["state"])
    return version


@transaction.atomic
def rollback(*, engine: str, tenant: Tenant | None, by: User | None = None) -> ModelVersion | None:
    """Return to the version that served before, or to none when there was none before."""
    versions = ModelVersion.objects.select_for_update().filter(engine=engine, tenant=tenant)
    serving = versions.filter(state=State.SERVING).first()
    if serving is None:
        raise DomainError("No model serves, so there is nothing to roll back.", "nothing_serves")
    earlier = (
        versions.filter(state=State.RETIRED, promoted_at__lt=serving.promoted_at)
        .order_by("-promoted_at")
        .first()
    )
    serving.state, serving.retired_at = State.RETIRED, timezone.now()
    serving.reason = "Rolled back."
    serving.save(update_fields=["state", "retired_at", "reason"])
    if earlier is not None:
        earlier.state, earlier.retired_at = State.SERVING, None  # promoted_at stays: the way back goes on
        earlier.save(update_fields=["state", "retired_at"])
    _tell(engine, tenant, earlier.name if earlier is not None else "", by)
    return earlier


def note_fault(*, version_id: int, fault: str) -> None:
    """Keep why a version could not be used, for people and for health."""
    ModelVersion.objects.filter(pk=version_id, fault="").update(fault=fault[:300], fault_at=timezone.now())


def clear_fault(*, version_id: int) -> None:
    """Forget why a version could not be used: it works again."""
    ModelVersion.objects.filter(pk=version_id).exclude(fault="").update(fault="", fault_at=None)


def _locked(version: ModelVersion) -> ModelVersion:
    """Lock every version of the same engine and tenant, so that two promotions follow each other."""
    rows = ModelVersion.objects.select_for_update().filter(engine=version.engine, tenant=version.tenant_id)
    return {row.pk: row for row in rows.order_by("pk")}[version.pk]


def _retire(engine: str, tenant_id: int | None, state: str) -> None:
    rows = ModelVersion.objects.filter(engine=engine, tenant=tenant_id, state=state)
    if state == State.SERVING:
        rows.update(state=State.RETIRED, retired_at=timezone.now())
    else:
        rows.update(state=State.CANDIDATE)


def _tell(engine: str, tenant: Tenant | None, name: str, by: User | None) -> None:
    """Record the change with every tenant it is about: the engine scores their leads anew."""
    tenants = [tenant] if tenant is not None else _without_own(engine)
    now = timezone.now()
    record_events(
        events=[
            NewEvent(
                tenant_id=one.pk,
                kind=Kind.MODEL_CHANGED,
                occurred_at=now,
                data={"engine": engine, "model": name},
                actor_id=by.pk if by is not None else None,
            )
            for one in tenants
        ]
    )


def _without_own(engine: str) -> list[Tenant]:
    own = ModelVersion.objects.serving().filter(engine=engine, tenant__isnull=False)
    return list(Tenant.objects.exclude(pk__in=own.values("tenant")).order_by("pk"))
