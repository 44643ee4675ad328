"""Train a model of a tenant's own history, weigh it against what serves, and publish it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.ml.catalogue import NAMES, VERSION
from leads.models import Event, GHLConnection, Lead, ModelRun, ModelVersion, Tenant, User
from leads.services import models as registry
from leads.services.models import Learned
from leads.services.tracking import log_version
from scoring import selectors
from scoring.models import Experiment
from scoring.outcomes import HORIZON, WORDS, Target
from scoring.own import Chosen, OwnFields
from scoring.pillars import OWN, PILLARS
from scoring.selectors import Rows
from scoring.services import serving, tiers

if TYPE_CHECKING:
    from scoring.training import Trained

logger = logging.getLogger(__name__)

ENGINE = serving.ENGINE
LEAST_CAME = 30
"""Leads for whom the outcome came, below which another target, or the market's model, is learned from."""
LEAST_GAIN = 0.005
"""Skill (share of the base rate's log loss saved) by which a new model must beat the one that serves."""
OLD_DAYS = 30
"""Days after which a model that is no worse replaces the one that serves: the newer data count."""
WORST_ECE = 0.08
"""Calibration error above which no model serves: its scores would not be probabilities."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a model may serve, and why in one sentence."""

    promote: bool
    reason: str


def retrain(
    *,
    tenant: Tenant | None,
    now: datetime,
    seed: int = 1,
    promote: bool = False,
    by: User | None = None,
    progress: Progress | None = None,
) -> ModelVersion:
    """Train on what became of a tenant's leads (or of everybody's), keep the model, and let the better serve.

    Raises DomainError where there is too little to learn from.
    """
    tell = progress or _silent
    market = _market(tenant)
    rows = _rows(tenant, now, market, tell)
    tell(f"{len(rows)} moments of {rows.leads} leads; it came for {rows.leads_that_came}")
    chosen = selectors.own_fields(tenant=tenant, rows=rows) if tenant is not None and rows.has_own else None
    data = rows.matrix if chosen is None else rows.with_own(chosen.own)
    name = registry.version_name(engine=ENGINE, tenant=tenant, now=now, data=data.tobytes())
    prior = serving.load(market) if market is not None else None
    trained = _best(rows, chosen, prior, seed, name, tell)
    before = ModelVersion.objects.serving().filter(engine=ENGINE, tenant=tenant).defer("artifact").first()
    has_signal = trained.verdict == "signal"
    decision = decide(trained.metrics, has_signal, rows.target, before, now)
    if decision.promote and before is not None and is_tried(tenant):
        decision = Decision(
            False, f"An experiment runs: nothing serves anew until it ends. {decision.reason}"
        )
    version = registry.store_version(
        engine=ENGINE,
        name=name,
        tenant=tenant,
        learned=Learned(
            target=rows.target,
            kind=str(trained.metrics.get("recipe", "market"))[:120],
            feature_version=VERSION,
            features=tuple(feature for feature, _ in trained.features),
            leads=rows.leads,
            rows=len(rows),
            positives=int(rows.came.sum()),
            data_from=datetime.fromtimestamp(rows.at[0], tz=UTC),
            data_until=datetime.fromtimestamp(rows.at[-1], tz=UTC),
            seed=seed,
            metrics=trained.metrics,
            artifact=trained.to_bytes(),
            has_signal=has_signal,
            cuts=tiers.model_cuts(trained.metrics, rows.target),
        ),
        reason=decision.reason,
        now=now,
    )
    if promote and decision.promote:
        version = registry.promote(version=version, by=by)
    log_version(version)
    return version


def _best(
    rows: Rows, chosen: Chosen | None, prior: Trained | None, seed: int, name: str, tell: Progress
) -> Trained:
    """Return the model with the tenant's own fields, where it foretold later leads better than without."""
    plain = learn(rows, OwnFields(()), prior=prior, seed=seed, name=name)
    if chosen is None:
        return plain
    told: dict[str, Any] = {"used": [], "left_out": dict(chosen.left_out)}
    best = plain
    if chosen.own.fields:
        tell(f"Own fields are tried: {len(chosen.own.fields)}")
        wide = learn(rows, chosen.own, prior=prior, seed=seed, name=name)
        losses = [one.metrics["forward"]["log_loss"]["value"] for one in (plain, wide)]
        told["log_loss"] = {"without": losses[0], "with": losses[1]}
        if wide.own is not None and losses[1] < losses[0]:
            best = wide
        labels = list(dict.fromkeys(one.label for one in chosen.own.fields))
        if best is wide:
            told["used"] = labels
        else:
            told["left_out"] |= dict.fromkeys(labels, "does not make later scores any better")
    return replace(best, metrics={**best.metrics, "own_fields": told})


def learn(rows: Rows, own: OwnFields, *, prior: Trained | None, seed: int, name: str) -> Trained:
    """Return a model of these rows, and of what the tenant's own fields held."""
    from scoring.training import train  # XGBoost and scikit-learn take 150 MB, which only training needs

    trained = train(
        rows.with_own(own),
        rows.came,
        rows.at,
        known_at=rows.known_at,
        groups=rows.lead_ids,
        weights=rows.weights,
        names=(*NAMES, *own.names),
        pillars=[PILLARS.get(feature, OWN) for feature in (*NAMES, *own.names)],
        seed=seed,
        feature_version=VERSION,
        version=name,
        segments=rows.segments.tolist(),
        cohorts=None if prior is None else rows.cohorts(),
        prior=prior,
    )
    is_wide = own.fields and len(trained.names) > len(NAMES)
    return replace(trained, own=own) if is_wide else trained


def tenants_to_train() -> list[int]:
    """Return the tenants with leads old enough to have an outcome."""
    old = Lead.objects.active().filter(created_at__lt=timezone.now() - HORIZON)
    return sorted(set(old.values_list("tenant_id", flat=True)))


def tenants_to_begin() -> list[int]:
    """Return the tenants that no training was tried for since their outcomes came in: after an import, say.

    Enough closings or kept appointments are there, what is imported is imported, and no version is.
    """
    told = Event.objects.filter(kind__in=(Kind.OPPORTUNITY_WON, Kind.APPOINTMENT_SHOWED))
    enough = told.values("tenant").annotate(count=Count("lead", distinct=True)).filter(count__gte=LEAST_CAME)
    tried = ModelRun.objects.filter(
        engine=ENGINE, work=ModelRun.Work.TRAIN, begun_at__gt=timezone.now() - timedelta(days=1)
    )
    busy = GHLConnection.objects.filter(backfill_cursor__state="running")
    tenants = Tenant.objects.filter(is_active=True, pk__in=enough.values("tenant"))
    learned = ModelVersion.objects.filter(engine=ENGINE, tenant__isnull=False)
    tenants = tenants.exclude(pk__in=learned.values("tenant"))
    tenants = tenants.exclude(pk__in=tried.values("tenant")).exclude(pk__in=busy.values("tenant"))
    return list(tenants.order_by("pk").values_list("pk", flat=True))


def retrain_nightly(*, tenant_id: int | None) -> ModelVersion | None:
    """Train and let the better model serve; that there is too little to learn from is no fault."""
    tenant = None if tenant_id is None else Tenant.objects.filter(pk=tenant_id).first()
    if tenant_id is not None and tenant is None:
        return None
    try:
        return retrain(tenant=tenant, now=timezone.now(), promote=True)
    except DomainError as error:
        logger.info("not retrained", extra={"tenant": tenant_id, "reason": error.code})
        return None


def decide(
    metrics: Mapping[str, Any],
    has_signal: bool,
    target: str,
    before: ModelVersion | None,
    now: datetime,
) -> Decision:
    """Return whether a model should take the place of the one that serves."""
    if not has_signal:
        return Decision(False, "No signal: on later leads it is no better than the base rate alone.")
    error = metrics["forward"]["ece"]["value"]
    if error > WORST_ECE:
        return Decision(
            False, f"Its probabilities are off by {error:.1%} on average; {WORST_ECE:.0%} is the most."
        )
    mine = skill(metrics)
    if before is None:
        return Decision(True, f"The first model: it saves {mine:.1%} of the base rate's log loss.")
    if before.fault:
        return Decision(True, "The model that serves cannot be used.")
    if before.feature_version != VERSION or before.target != target:
        return Decision(True, "The model that serves foretells something else, or reads other features.")
    theirs = skill(before.metrics)
    compared = f"it saves {mine:.1%} of the base rate's log loss, the one that serves {theirs:.1%}"
    if mine >= theirs + LEAST_GAIN:
        return Decision(True, f"Better: {compared}.")
    is_old = before.promoted_at is not None and (now - before.promoted_at).days >= OLD_DAYS
    if is_old and mine >= theirs - LEAST_GAIN:
        return Decision(True, f"As good and newer: {compared}.")
    return Decision(False, f"Not better by {LEAST_GAIN:.1%}: {compared}.")


def is_tried(tenant: Tenant | None) -> bool:
    """Tell whether an experiment runs, under which what serves must stay as it is."""
    running = Experiment.objects.filter(state=Experiment.State.RUNNING)
    return tenant is not None and running.filter(tenant=tenant).exists()


def skill(metrics: Mapping[str, Any]) -> float:
    """Return the share of the base rate's log loss a model saved forward in time; 1 is perfect, 0 useless."""
    ours = float(metrics["forward"]["log_loss"]["value"])
    constant = float(metrics["baselines"]["constant"]["log_loss"]["value"])
    return 1.0 - ours / constant


def _market(tenant: Tenant | None) -> ModelVersion | None:
    """Return the market's model a tenant borrows from."""
    if tenant is None:
        return None
    pooled = ModelVersion.objects.serving().filter(engine=ENGINE, tenant=None, feature_version=VERSION)
    return pooled.filter(fault="").first()


def _rows(tenant: Tenant | None, now: datetime, market: ModelVersion | None, tell: Progress) -> Rows:
    """Return the rows of closings; of kept appointments where too few closed and nothing is borrowed."""

    def read(target: Target) -> Rows:
        return selectors.training_rows(
            tenant=tenant,
            now=now,
            target=target,
            progress=lambda done, total: tell(f"{done} of {total} leads read"),
        )

    if market is not None:
        rows = read(Target(market.target))
        if len(rows):
            return rows
        raise DomainError("No lead is older than 90 days: there is no outcome to learn from yet.", "too_few")
    counts = {}
    for target in Target:
        rows = read(target)
        if rows.leads_that_came >= LEAST_CAME:
            return rows
        counts[target] = rows.leads_that_came
    told = ", ".join(f"{count} leads that {WORDS[target].did}" for target, count in counts.items())
    raise DomainError(
        f"Too little to learn from: {told}; {LEAST_CAME} are needed, each first seen more than 90 days ago. "
        "Import older leads with their opportunities, or wait.",
        "too_few",
    )


def _silent(text: str) -> None:
    """Tell nobody."""
