"""Experiments as a broker runs them: planned, started, read every hour, ended, and taken over when won."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from leads.errors import DomainError
from leads.events import Kind
from leads.models import ModelVersion, Tenant, User
from leads.selectors.alerts import settings_of
from leads.services import models as registry
from leads.services.alerts import change_settings
from leads.services.events import record_event
from scoring import selectors
from scoring.engine import Thresholds
from scoring.experiments.planning import Plan, plan
from scoring.experiments.results import Reading, Stop, read
from scoring.models import Experiment, TierCuts, WeightSet
from scoring.outcomes import HORIZON, Target
from scoring.services import previews, serving, weight_sets
from scoring.services.serving import CONTROL, TREATED

State = Experiment.State
Tries = Experiment.Tries
MOST_COURSE = 400
"""Days of readings kept."""
TAKEN_OVER = "Taken over from the experiment “{name}”, which it won."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a broker wants to tell: the usual rate, the gain that matters, leads a day, and the split."""

    base_rate: float
    least_effect: float
    leads_a_day: float
    treated_share: float = 0.5

    def planned(self) -> Plan:
        """Return what it takes; DomainError where the figures cannot be."""
        shares = {CONTROL: 1.0 - self.treated_share, TREATED: self.treated_share}
        try:
            return plan(
                base_rate=self.base_rate,
                least_effect=self.least_effect,
                leads_a_day=self.leads_a_day,
                shares=shares,
                horizon_days=HORIZON.days,
            )
        except ValueError as error:
            raise DomainError(str(error), "plan") from error


def plan_of(experiment: Experiment) -> Plan:
    """Return what an experiment was planned to tell."""
    return Plan(**experiment.plan)


def plan_experiment(
    *,
    tenant: Tenant,
    by: User,
    name: str,
    tries: str,
    target: str,
    wanted: Wanted,
    weight_set: WeightSet | None = None,
    model_version: ModelVersion | None = None,
    cuts: Thresholds | None = None,
) -> Experiment:
    """Keep an experiment that is yet to start; what it tries must be the tenant's own."""
    _check_tried(tenant, tries, weight_set, model_version, cuts)
    return Experiment.objects.create(
        tenant=tenant,
        name=name,
        tries=tries,
        target=target,
        weight_set=weight_set,
        model_version=model_version,
        cuts=asdict(cuts) if cuts is not None else {},
        plan=asdict(wanted.planned()),
        made_by=by,
    )


def _check_tried(
    tenant: Tenant,
    tries: str,
    weight_set: WeightSet | None,
    model_version: ModelVersion | None,
    cuts: Thresholds | None,
) -> None:
    """Refuse what cannot be tried."""
    given = {Tries.WEIGHTS: weight_set, Tries.MODEL: model_version, Tries.TIERS: cuts}
    if [key for key, one in given.items() if one is not None] != [tries]:
        raise DomainError(
            "Say which weight set, which version or which cuts are tried, and only that.", "tries"
        )
    for row in (weight_set, model_version):
        if row is not None and row.tenant_id != tenant.pk:
            raise DomainError("Only what is the team's own can be tried.", "tries")
    if cuts is not None and not 100.0 >= cuts.hot > cuts.warm > cuts.steady >= 0.0:
        raise DomainError("Hot must begin above warm and warm above steady, between 0 and 100.", "cuts")


@transaction.atomic
def start_experiment(*, experiment: Experiment, by: User, now: datetime) -> Experiment:
    """Let an experiment run: leads are divided from now on, and enter as they are scored."""
    Tenant.objects.select_for_update().get(pk=experiment.tenant_id)
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if row.state != State.DRAFT:
        raise DomainError(f"It is {row.get_state_display().lower()} already.", "state")
    if Experiment.objects.filter(tenant=row.tenant_id, state=State.RUNNING).exists():
        raise DomainError(
            "Another experiment runs. End it first: two at once could not be told apart.", "runs"
        )
    if row.weight_set is not None and row.weight_set.state == WeightSet.State.SERVING:
        raise DomainError("This weight set serves already: there is nothing to compare it with.", "tries")
    if row.model_version is not None:
        row.cuts = _cuts_to_try(row.model_version, now)
    if row.tries == Tries.TIERS:
        row.cuts |= {"margin": _margin(row.tenant)}
    row.state, row.started_at = State.RUNNING, now
    row.save(update_fields=["state", "started_at", "cuts"])
    _tell(row, Kind.EXPERIMENT_STARTED, by)
    return row


def _cuts_to_try(version: ModelVersion, now: datetime) -> dict[str, Any]:
    """Return where tiers of a version begin for the team's time, as its preview found; say why it cannot."""
    if version.state == ModelVersion.State.SERVING:
        raise DomainError("This version serves already: there is nothing to compare it with.", "tries")
    if version.state == ModelVersion.State.REFUSED:
        raise DomainError("This version found no signal: no lead is to be scored by it.", "tries")
    if version.fault:
        raise DomainError(f"This version could not be used: {version.fault}", "tries")
    previews.check_looked_at(version, now)
    found = version.preview.get("cuts") or version.cuts.get("", {})
    return {key: found[key] for key in ("hot", "warm", "steady", "margin")} if found else {}


def _margin(tenant: Tenant) -> float:
    """Return how far below its cut a lead stays in its tier now; the treated are to be no steadier."""
    served = serving.served_for([tenant.pk])[tenant.pk]
    return served.tiers_of("", settings_of([tenant.pk])[tenant.pk]).margin


def running_experiments() -> list[int]:
    """Return the experiments that run."""
    return list(
        Experiment.objects.filter(state=State.RUNNING, tenant__is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def read_experiment(*, experiment: Experiment, now: datetime) -> Reading:
    """Read how an experiment stands, keep it, and end it where its stop rule says so."""
    planned = plan_of(experiment)
    control, treated = selectors.experiment_counts(experiment, now=now)
    begun = experiment.started_at or now
    reading = read(
        planned,
        control.arm("as it is"),
        treated.arm(experiment.name),
        days=(now - begun).total_seconds() / 86_400,
        guards=selectors.guards_of(control, treated),
        target=Target(experiment.target),
    )
    with transaction.atomic():
        row = Experiment.objects.select_for_update().get(pk=experiment.pk)
        if row.state != State.RUNNING:
            return reading
        row.reading, row.read_at = as_json(reading), now
        row.course = _course(row.course, row.reading, now)
        row.save(update_fields=["reading", "read_at", "course"])
        if reading.is_over:
            _end(row, None, now)
    return reading


def as_json(reading: Reading) -> dict[str, Any]:
    """Return a reading as it is kept; an end of an interval that is not known yet is None."""
    return {
        "stop": reading.stop.value,
        "sentence": reading.sentence,
        "ratio_chance": reading.ratio_chance,
        "difference": {
            "value": reading.difference.value,
            "low": _finite(reading.difference.low),
            "high": _finite(reading.difference.high),
            "chance": reading.difference.chance,
        },
        "variants": [
            {
                "name": arm.name,
                "assigned": arm.assigned,
                "known": arm.known,
                "closed": arm.closed,
                "rate": arm.rate if arm.known else None,
                "low": arm.interval[0] if arm.known else None,
                "high": arm.interval[1] if arm.known else None,
            }
            for arm in (reading.control, reading.treated)
        ],
        "guards": [
            {"name": one.guard.name, "broken": one.broken, "sentence": one.sentence} for one in reading.guards
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _course(
    before: list[Mapping[str, Any]], reading: Mapping[str, Any], now: datetime
) -> list[Mapping[str, Any]]:
    """Return the readings day by day with today's; nothing is drawn before there is a difference."""
    found = reading["difference"]
    if found["low"] is None:
        return before
    day = now.date().isoformat()
    today = {"day": day, "value": found["value"], "low": found["low"], "high": found["high"]}
    return [*(one for one in before if one["day"] != day), today][-MOST_COURSE:]


@transaction.atomic
def end_experiment(*, experiment: Experiment, by: User, now: datetime) -> Experiment:
    """End an experiment by hand: what serves scores every lead again."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if row.state != State.RUNNING:
        raise DomainError("It does not run.", "state")
    _end(row, by, now)
    return row


def _end(row: Experiment, by: User | None, now: datetime) -> None:
    row.state, row.ended_at, row.ended_by = State.ENDED, now, by
    row.save(update_fields=["state", "ended_at", "ended_by"])
    _tell(row, Kind.EXPERIMENT_ENDED, by)


def discard_experiment(*, experiment: Experiment) -> None:
    """Forget an experiment that never ran."""
    gone, _ = Experiment.objects.filter(pk=experiment.pk, state=State.DRAFT).delete()
    if not gone:
        raise DomainError("It has run: what it found is kept.", "state")


def may_take_over(experiment: Experiment) -> bool:
    """Tell whether what was tried has won, and does not serve yet."""
    return (
        experiment.state == State.ENDED
        and experiment.reading.get("stop") == Stop.WON
        and experiment.served_at is None
    )


@transaction.atomic
def take_over(*, experiment: Experiment, by: User, now: datetime) -> Experiment:
    """Let what won score every lead from now on."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if not may_take_over(row):
        raise DomainError("Only what has won, and does not serve yet, can be taken over.", "state")
    told = TAKEN_OVER.format(name=row.name)
    if row.model_version is not None:
        registry.promote(version=row.model_version, by=by, reason=told)
    elif row.weight_set is not None:
        weight_sets.serve_weights(weight_set=row.weight_set, by=by, now=now, reason=told)
    else:
        _serve_cuts(row.tenant, Thresholds(**row.cuts), told, by, now)
    row.served_at = now
    row.save(update_fields=["served_at"])
    serving.forget()
    return row


def _serve_cuts(tenant: Tenant, cuts: Thresholds, told: str, by: User, now: datetime) -> None:
    """Let tiers begin there for all; they stay until the broker says anew what the team can do."""
    served = serving.served_for([tenant.pk])[tenant.pk]
    if served.model is None:
        values = {"hot_score": cuts.hot, "warm_score": cuts.warm, "steady_score": cuts.steady}
        change_settings(tenant=tenant, values=values, by=by)
        return
    TierCuts.objects.update_or_create(
        tenant=tenant,
        defaults={
            "model": served.version,
            "cuts": {"": asdict(cuts) | {"reasons": [told]}},
            "is_held": True,
            "set_by": by,
            "made_at": now,
        },
    )
    record_event(
        tenant=tenant,
        kind=Kind.THRESHOLDS_CHANGED,
        data={"hot": cuts.hot, "warm": cuts.warm, "steady": cuts.steady},
        actor_id=by.pk,
    )


def _tell(row: Experiment, kind: Kind, by: User | None) -> None:
    record_event(
        tenant=row.tenant,
        kind=kind,
        data={"experiment": row.pk, "tries": row.tries},
        actor_id=by.pk if by is not None else None,
    )
    transaction.on_commit(serving.forget)
