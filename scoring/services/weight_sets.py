"""Sets of weights as people handle them: learned or made by hand, looked at, published and rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from leads.errors import DomainError
from leads.models import ModelRun, ModelVersion, Tenant, User
from leads.models.leads import Segment
from leads.services import model_runs
from scoring import weights as engine
from scoring.models import Experiment, WeightSet
from scoring.pillars import Pillar
from scoring.services import previews, serving, tiers
from scoring.services.market import locked_settings, tell_weights
from scoring.services.serving import ENGINE, Served
from scoring.services.unseen import unseen_of
from scoring.services.versions import check_untried
from scoring.weights import HIGHEST, LOWEST, Estimate, Learned
from scoring.weights.measured import compare

State, Origin = WeightSet.State, WeightSet.Origin
SEED = 1
STEP = 0.05
WORSE_ECE = 0.01
"""Calibration error by which weights may worsen the scores before publishing them must be confirmed."""

Table = Mapping[str, Mapping[str, float]]
Progress = Callable[[str], None]


def begin_learning_weights(*, tenant: Tenant, by: User) -> tuple[ModelRun, bool]:
    """Return the learning that runs, or a new one to be queued, and whether it is new."""
    return model_runs.begin_run(tenant=tenant, engine=ENGINE, work=ModelRun.Work.LEARN, by=by)


def begin_weights_preview(*, weight_set: WeightSet, by: User) -> tuple[ModelRun, bool]:
    """Return the preview that runs, or a new one to be queued, and whether it is new."""
    return model_runs.begin_run(
        tenant=weight_set.tenant, engine=ENGINE, work=ModelRun.Work.WEIGH, by=by, about=weight_set.name
    )


def learn_weights(
    *, tenant: Tenant, now: datetime, by: User | None = None, tell: Progress | None = None
) -> WeightSet:
    """Learn from what became of a tenant's leads how strongly parts count, and keep it as a draft.

    Every weight stays at one unless a difference is proven. Raises DomainError where there is too little.
    """
    say = tell or _silent
    served = serving.served_for([tenant.pk])[tenant.pk]
    unseen = unseen_of(tenant=tenant, served=served, now=now, seed=SEED, tell=say)
    say("Weighing parts of the score by segment")
    base, margins = unseen.log_odds()
    rows = unseen.one_each(SEED)
    found = engine.learn(
        margins[rows],
        base[rows],
        unseen.outcomes[rows],
        unseen.segments[rows].tolist(),
        times=unseen.times[rows],
        fit_steepness=True,
        target=unseen.target,
    )
    return _store(
        tenant=tenant,
        origin=Origin.LEARNED,
        weights={
            segment: {str(one.pillar): one.weight for one in told} for segment, told in found.segments.items()
        },
        evidence=_evidence(found, served),
        reason=found.reason,
        by=by,
    )


def draft_weights(*, tenant: Tenant, by: User, like: WeightSet | None = None) -> WeightSet:
    """Return a broker's new draft, which begins as another set or as the plain model."""
    return _store(
        tenant=tenant,
        origin=Origin.BROKER,
        weights=like.weights if like is not None else {"": {str(pillar): 1.0 for pillar in Pillar}},
        evidence={},
        reason=f"Set by hand, beginning as {like.name}." if like is not None else "Set by hand.",
        by=by,
    )


@transaction.atomic
def edit_weights(*, weight_set: WeightSet, weights: Table, reason: str, by: User) -> WeightSet:
    """Keep other weights in a broker's draft; it has to be looked at anew."""
    row = _locked(weight_set)
    if row.state != State.DRAFT or row.origin != Origin.BROKER:
        raise DomainError("Only drafts set by hand are changed; make one that begins as this set.", "state")
    if row.experiments.exclude(state=Experiment.State.DRAFT).exists():
        raise DomainError("An experiment has tried this set; make a draft that begins as it.", "tried")
    _check(weights)
    row.weights = {segment: dict(told) for segment, told in weights.items()}
    row.reason, row.preview = reason[:300] or "Set by hand.", {}
    row.made_by, row.made_at = by, timezone.now()
    row.save(update_fields=["weights", "reason", "preview", "made_by", "made_at"])
    return row


@transaction.atomic
def discard_weights(*, weight_set: WeightSet) -> None:
    """Forget a draft; what served once is kept."""
    row = _locked(weight_set)
    if row.state != State.DRAFT:
        raise DomainError(f"{row.name} served: it is kept.", "state")
    if row.experiments.exists():
        raise DomainError("An experiment tries this set: discard that first.", "tried")
    row.delete()


def preview_weights(*, weight_set: WeightSet, now: datetime, tell: Progress | None = None) -> WeightSet:
    """Score every open lead as it would be, measure the weights on the past, and keep what was found."""
    say, tenant = tell or _silent, weight_set.tenant
    served = served_with(weight_set)
    cuts: dict[str, Any] = {}
    if served.model is not None:
        say("Choosing where tiers would begin")
        version = ModelVersion.objects.defer("artifact").get(name=served.version)
        found = tiers.cuts_for(tenant=tenant, served=served, version=version, now=now)
        cuts = {segment: one.as_json() for segment, one in found.items()}
    told = previews.preview(
        tenant=tenant,
        served=replace(served, cuts=cuts) if cuts else served,
        now=now,
        progress=lambda done, total: say(f"{done} of {total} leads scored"),
    )
    kept = {**told.as_json(), "at": now.isoformat(), "model": served.version}
    kept |= _back_test(weight_set, served, now, say)
    with transaction.atomic():
        row = _locked(weight_set)
        if row.weights != weight_set.weights:
            raise DomainError("The weights were changed meanwhile. Look again.", "changed")
        row.preview = kept
        row.save(update_fields=["preview"])
    return row


def served_with(weight_set: WeightSet) -> Served:
    """Return what would score the tenant's leads if a set served."""
    now = serving.served_for([weight_set.tenant_id])[weight_set.tenant_id]
    return replace(now, weight_set=weight_set.name, weights=weight_set.weights)


def worsens(weight_set: WeightSet) -> bool:
    """Tell whether a set was seen to worsen calibration by more than is published without a word."""
    change = weight_set.preview.get("back_test", {}).get("ece_change")
    return change is not None and change > WORSE_ECE


@transaction.atomic
def publish_weights(*, weight_set: WeightSet, by: User, despite: bool = False) -> WeightSet:
    """Let a set serve that was looked at within a day; DomainError tells why not.

    One that worsens calibration is published only `despite` that.
    """
    row = _locked(weight_set)
    now = timezone.now()
    if row.state == State.SERVING:
        return row
    check_untried(row.tenant)
    previews.check_looked_at(row, now)
    if worsens(row) and not despite:
        change = row.preview["back_test"]["ece_change"]
        raise DomainError(
            f"Scores would be off by {change:.1%} more on average than without weights. "
            "Confirm that you publish them despite that.",
            "worse",
        )
    return serve_weights(weight_set=row, by=by, now=now)


@transaction.atomic
def serve_weights(*, weight_set: WeightSet, by: User, now: datetime, reason: str = "") -> WeightSet:
    """Let a set serve in place of the one that does, which can be returned to."""
    row = _locked(weight_set)
    _retire(row.tenant_id, now)
    row.state, row.published_at, row.published_by, row.retired_at = State.SERVING, now, by, None
    row.despite_calibration, row.reason = worsens(row), (reason or row.reason)[:300]
    row.save()
    tell_weights(tenant=row.tenant, by=by, data={"set": row.name, "despite": row.despite_calibration})
    serving.look_again()
    return row


@transaction.atomic
def roll_back_weights(*, tenant: Tenant, by: User) -> WeightSet | None:
    """Return to the set that served before; None where that is the plain model."""
    locked_settings(tenant)
    sets = WeightSet.objects.filter(tenant=tenant)
    row = sets.filter(state=State.SERVING).first()
    if row is None:
        raise DomainError("No set serves, so there is nothing to roll back.", "nothing_serves")
    check_untried(tenant)
    earlier = (
        sets.filter(state=State.RETIRED, published_at__lt=row.published_at).order_by("-published_at").first()
    )
    _retire(tenant.pk, timezone.now())
    if earlier is not None:
        earlier.state, earlier.retired_at = State.SERVING, None  # published_at stays: the way back goes on
        earlier.save(update_fields=["state", "retired_at"])
    tell_weights(tenant=tenant, by=by, data={"set": earlier.name if earlier else "", "rolled_back": row.name})
    serving.look_again()
    return earlier


def _back_test(weight_set: WeightSet, served: Served, now: datetime, say: Progress) -> dict[str, Any]:
    """Return how right scores were with the weights and without, or why that cannot be told."""
    plain = replace(served, weights={}, weight_set="")
    try:
        unseen = unseen_of(tenant=weight_set.tenant, served=plain, now=now, seed=SEED, tell=say)
    except DomainError as error:
        return {"unmeasured": error.message}
    told = {
        segment: {Pillar(name): float(value) for name, value in own.items()}
        for segment, own in weight_set.weights.items()
    }
    say("Measuring the weights on what became of earlier leads")
    return {"back_test": compare(unseen, told, seed=SEED)}


def _check(weights: Table) -> None:
    """Refuse weights of nobody, of nothing, or out of bounds."""
    if "" not in weights:
        raise DomainError("Say how strongly parts count for all leads.", "weights")
    for segment, told in weights.items():
        if segment and segment not in Segment.values:
            raise DomainError("There is no such segment.", "weights")
        for name, value in told.items():
            if name not in set(Pillar) or not LOWEST <= value <= HIGHEST:
                raise DomainError(f"A weight lies between {LOWEST:g} and {HIGHEST:g}.", "weights")


@transaction.atomic
def _store(
    *,
    tenant: Tenant,
    origin: str,
    weights: Table,
    evidence: Mapping[str, Any],
    reason: str,
    by: User | None,
) -> WeightSet:
    locked_settings(tenant)  # numbers follow each other
    last = WeightSet.objects.filter(tenant=tenant).aggregate(last=Max("number"))["last"] or 0
    return WeightSet.objects.create(
        tenant=tenant,
        number=last + 1,
        origin=origin,
        weights={segment: dict(told) for segment, told in weights.items()},
        evidence=dict(evidence),
        reason=reason[:300],
        made_by=by,
        made_at=timezone.now(),
    )


def _locked(weight_set: WeightSet) -> WeightSet:
    """Lock what turns the tenant's weights, and return the set as it is now."""
    locked_settings(weight_set.tenant)
    return WeightSet.objects.select_related("tenant").get(pk=weight_set.pk)


def _retire(tenant_id: int, now: datetime) -> None:
    rows = WeightSet.objects.filter(tenant_id=tenant_id, state=State.SERVING)
    rows.update(state=State.RETIRED, retired_at=now)


def _evidence(found: Learned, served: Served) -> dict[str, Any]:
    """Return what learned weights rest on, as plain JSON."""
    return {
        "model": served.version,
        "leads": dict(found.leads),
        "came": dict(found.conversions),
        "forward_gain": found.forward_gain,
        "segments": {
            segment: {
                str(one.pillar): {
                    "estimate": one.estimate,
                    "low": one.low,
                    "high": one.high,
                    "basis": str(one.basis),
                    "sentence": sentence,
                }
                for one, sentence in _with_sentences(told, found.sentences.get(segment, ()))
            }
            for segment, told in found.segments.items()
        },
    }


def _with_sentences(told: tuple[Estimate, ...], sentences: tuple[str, ...]) -> list[tuple[Estimate, str]]:
    """Return each estimate with its sentence; there is one for each weight that is not one."""
    left = iter(sentences)
    return [(one, next(left) if one.weight != 1.0 and sentences else "") for one in told]


def _silent(text: str) -> None:
    """Tell nobody."""
