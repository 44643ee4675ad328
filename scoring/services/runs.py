"""Long work that brokers ask for: trainings, weights learned, and what publishing would change."""

from __future__ import annotations

from django.utils import timezone

from leads.errors import DomainError
from leads.models import ModelRun
from leads.services import model_runs
from scoring.models import WeightSet
from scoring.services import learning, versions, weight_sets

Work = ModelRun.Work


def carry_out_run(*, run: ModelRun) -> None:
    """Do what a run is for, and keep what came of it; a run that has ended is left alone."""
    if run.state != ModelRun.State.OPEN:
        return
    try:
        if run.work == Work.TRAIN:
            _train(run)
        elif run.work == Work.LEARN:
            _learn(run)
        elif run.work == Work.WEIGH:
            _weigh(run)
        elif run.version is not None:
            tell = model_runs.tell_run(run=run)
            versions.preview_version(version=run.version, now=timezone.now(), tell=tell)
            model_runs.end_run(run=run, told="Every open lead was scored as it would be.")
    except DomainError as error:
        model_runs.end_run(run=run, told=error.message, failed=True)
    except Exception:  # told on the page, and raised on for the worker to log
        model_runs.end_run(run=run, told="It failed; the log of the worker says why.", failed=True)
        raise


def _train(run: ModelRun) -> None:
    tell = model_runs.tell_run(run=run)
    # what nobody asked for is decided like a night's training
    made = learning.retrain(tenant=run.tenant, now=timezone.now(), progress=tell, promote=run.by is None)
    model_runs.end_run(run=run, told=f"{made.get_state_display()}. {made.reason}", version=made)


def _learn(run: ModelRun) -> None:
    tell = model_runs.tell_run(run=run)
    made = weight_sets.learn_weights(tenant=run.tenant, now=timezone.now(), by=run.by, tell=tell)
    model_runs.end_run(run=run, told=f"{made.name} is a draft. {made.reason}", about=made.name)


def _weigh(run: ModelRun) -> None:
    found = WeightSet.objects.filter(tenant=run.tenant).select_related("tenant")
    row = next((one for one in found if one.name == run.about), None)
    if row is None:
        raise DomainError("The draft was discarded.", "gone")
    weight_sets.preview_weights(weight_set=row, now=timezone.now(), tell=model_runs.tell_run(run=run))
    model_runs.end_run(run=run, told="Every open lead was scored as it would be, and earlier ones too.")
