"""Versions of the tenant's model as people handle them: trained, looked at, published, rolled back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from leads.errors import DomainError
from leads.models import ModelRun, ModelVersion, Tenant, User
from leads.services import model_runs
from leads.services import models as registry
from scoring.services import learning, previews, serving, tiers
from scoring.services.serving import ENGINE, Served


def begin_training(*, tenant: Tenant, by: User | None) -> tuple[ModelRun, bool]:
    """Return the training that runs, or a new one to be queued, and whether it is new."""
    return model_runs.begin_run(tenant=tenant, engine=ENGINE, work=ModelRun.Work.TRAIN, by=by)


def begin_version_preview(*, version: ModelVersion, by: User) -> tuple[ModelRun, bool]:
    """Return the preview that runs, or a new one to be queued, and whether it is new."""
    if version.tenant is None:
        raise DomainError("The market's model is looked at by the operator.", "market")
    return model_runs.begin_run(
        tenant=version.tenant, engine=ENGINE, work=ModelRun.Work.PREVIEW, by=by, version=version
    )


def preview_version(
    *, version: ModelVersion, now: datetime, tell: Callable[[str], None] | None = None
) -> ModelVersion:
    """Score every open lead as it would be under a version, and keep what would change."""
    if version.tenant is None:
        raise DomainError("The market's model is looked at by the operator.", "market")
    tenant = version.tenant
    served = served_as(tenant=tenant, version=version)
    if tell is not None:
        tell("Choosing where tiers would begin")
    found = tiers.cuts_for(tenant=tenant, served=served, version=version, now=now)
    cuts = {segment: one.as_json() for segment, one in found.items()}

    def progress(done: int, total: int) -> None:
        if tell is not None:
            tell(f"{done} of {total} leads scored")

    told = previews.preview(tenant=tenant, served=replace(served, cuts=cuts), now=now, progress=progress)
    version.preview = {**told.as_json(), "cuts": cuts.get("", {}), "at": now.isoformat()}
    version.save(update_fields=["preview"])
    return version


def served_as(*, tenant: Tenant, version: ModelVersion) -> Served:
    """Return what would score a tenant's leads if a version served."""
    now = serving.served_for([tenant.pk])[tenant.pk]
    if now.version == version.name:
        return now
    full = ModelVersion.objects.get(pk=version.pk)
    return replace(now, version=version.name, model=serving.load(full), cuts=version.cuts)


def publish_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Let a version serve that was looked at within a day; DomainError tells why not."""
    check_untried(version.tenant)
    previews.check_looked_at(version, timezone.now())
    return registry.promote(version=version, by=by, reason=f"Published by hand. {version.reason}")


def roll_back_version(*, tenant: Tenant, by: User) -> ModelVersion | None:
    """Return to the version that served the tenant before; None where that is the market's, or the rules."""
    check_untried(tenant)
    return registry.rollback(engine=ENGINE, tenant=tenant, by=by)


def check_untried(tenant: Tenant | None) -> None:
    """Refuse to change what serves while an experiment compares something with it."""
    if learning.is_tried(tenant):
        raise DomainError(
            "An experiment runs. End it first: what serves must stay as it is until then.", "runs"
        )
