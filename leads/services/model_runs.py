"""Long work on models that people wait for: begun once, told of on the page, given up when silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from leads.models import ModelRun, ModelVersion, Tenant, User

State = ModelRun.State
SILENT = timedelta(minutes=10)
"""Time without a word after which a run is taken for lost: its worker was stopped."""


@transaction.atomic
def begin_run(
    *,
    tenant: Tenant,
    engine: str,
    work: str,
    by: User | None,
    version: ModelVersion | None = None,
    about: str = "",
) -> tuple[ModelRun, bool]:
    """Return the run that is open, or a new one, and whether it is new."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    now = timezone.now()
    runs = ModelRun.objects.filter(tenant=tenant, engine=engine, work=work, state=State.OPEN)
    runs.filter(heard_at__lt=now - SILENT).update(
        state=State.FAILED, told="Its worker was stopped. Begin anew."
    )
    found = runs.first()
    if found is not None:
        return found, False
    made = ModelRun.objects.create(
        tenant=tenant, engine=engine, work=work, by=by, version=version, about=about
    )
    return made, True


def tell_run(*, run: ModelRun) -> Callable[[str], None]:
    """Return what tells how far a run is; it is kept at once, so that the page sees it."""

    def tell(text: str) -> None:
        ModelRun.objects.filter(pk=run.pk).update(told=text[:300], heard_at=timezone.now())

    return tell


def end_run(
    *,
    run: ModelRun,
    told: str,
    version: ModelVersion | None = None,
    about: str = "",
    failed: bool = False,
) -> None:
    """Close a run with what came of it."""
    ModelRun.objects.filter(pk=run.pk).update(
        state=State.FAILED if failed else State.DONE,
        told=told[:300],
        version=version or run.version,
        about=about or run.about,
        heard_at=timezone.now(),
    )
