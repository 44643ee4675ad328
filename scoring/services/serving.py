"""Which model scores whom: held in memory, swapped without a restart, and the rules where one fails.

A process looks every two seconds which versions serve; their bytes are read once. A version that cannot be
read, fails or is slow is put aside and the rules answer; people are told in the registry and by health.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from leads.errors import DomainError
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import FeatureVector
from leads.models import AlertSettings, Lead, ModelVersion
from leads.services.models import clear_fault, note_fault
from scoring import engine, selectors
from scoring.engine import Case, Score, Thresholds, Tier, Weights
from scoring.experiments.assignment import variant_of
from scoring.experiments.exploration import explore
from scoring.models import Experiment, TierCuts, WeightSet, WeightSettings
from scoring.pillars import Pillar
from scoring.selectors.weights import MARKET, PERSONAL
from scoring.weights import PLAIN as NEUTRAL
from scoring.weights import Adjustment, combine

if TYPE_CHECKING:
    from scoring.training import Trained

logger = logging.getLogger(__name__)

ENGINE = ModelVersion.Engine.SCORES
PLAIN = Weights()
LOOK_EVERY = 2.0
SLOW = 0.05
SLOW_A_LEAD = 0.005
"""Seconds a batch may take, and each lead of it; the issue's limit for one lead is 5 ms."""
SLOW_TIMES = 3
"""Slow batches on end after which the rules answer for a while."""
REST = 60.0


CONTROL, TREATED = "control", "treated"


@dataclass(frozen=True, slots=True)
class Trial:
    """The experiment that runs with a tenant: how leads are divided, and what scores the treated."""

    experiment_id: int
    shares: Mapping[str, float]
    treated: Served

    def treats(self, lead_id: int) -> bool:
        """Tell whether a lead is one of the treated; always the same for the same lead."""
        return variant_of(lead_id, key=str(self.experiment_id), shares=self.shares) == TREATED


@dataclass(frozen=True, slots=True)
class Served:
    """What scores a tenant's leads: a model or the rules, the weights, and where tiers begin."""

    version: str = ""
    model: Trained | None = None
    weight_set: str = PLAIN.name
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cuts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    market: Adjustment = NEUTRAL
    uses_personal: bool = False
    """Whether a lead's own past turns its weights."""
    tried_cuts: Thresholds | None = None
    """Where tiers begin with the treated of an experiment, whatever scores them."""
    trial: Trial | None = None
    explore_share: float = 0.0
    """Leads for which chance decides if they are hot."""

    def explored(self, lead_id: int, score: Score, now: datetime) -> Score:
        """Return a score with what chance has to say of its tier: one draw a lead and week."""
        if not self.explore_share:
            return score
        year, week, _ = now.isocalendar()
        draw = explore(lead_id, is_hot=score.tier is Tier.HOT, key=f"{year}-{week}", share=self.explore_share)
        return engine.explored(score, draw)

    def of(self, lead_id: int) -> Served:
        """Return what scores one lead: what is tried, for the treated of an experiment that runs."""
        if self.trial is not None and self.trial.treats(lead_id):
            return self.trial.treated
        return self

    def weights_of(self, segment: str, personal: Adjustment = NEUTRAL) -> Weights:
        """Return the weights that hold for a segment, turned by the market and by a lead's own past.

        Their name says what was applied. Those for all hold where a segment has none of its own.
        """
        own = self.weights.get(segment, self.weights.get(""))
        turns = [
            word
            for word, turn in ((MARKET, self.market), (PERSONAL, personal))
            if turn is not NEUTRAL and not turn.is_neutral
        ]
        if own is None and not turns:
            return PLAIN
        learned = {Pillar(name): value for name, value in (own or {}).items()}
        name = "+".join([self.weight_set, *turns])
        return combine(name, learned=learned, market=self.market, personal=personal).weights

    def tiers_of(self, segment: str, settings: AlertSettings) -> Thresholds:
        """Return where tiers begin: by the chosen cuts under a model, else where the broker set them."""
        if self.tried_cuts is not None:
            return self.tried_cuts
        own = self.cuts.get(segment, self.cuts.get("")) if self.model is not None else None
        if own is None:
            return selectors.tiers(settings)
        return Thresholds(own["hot"], own["warm"], own["steady"], own["margin"])

    def case(
        self,
        lead: Lead,
        vector: FeatureVector,
        settings: AlertSettings,
        personal: Mapping[int, Adjustment] | None = None,
    ) -> Case:
        """Return a lead as the engine takes it; `personal` is what `personal_of` knows of it."""
        if is_ended(vector):
            return Case(vector, PLAIN, selectors.tiers(settings))
        weights = self.weights_of(lead.segment, (personal or {}).get(lead.pk, NEUTRAL))
        return Case(vector, weights, self.tiers_of(lead.segment, settings))

    def personal_of(self, leads: Iterable[Lead]) -> dict[int, Adjustment]:
        """Return what leads' own past does to their weights; nothing, unread, where that is not used."""
        return selectors.personal_weights(lead.pk for lead in leads) if self.uses_personal else {}


@dataclass(slots=True)
class _Held:
    """What a process knows of the versions that serve."""

    looked_at: float = float("-inf")
    serving: dict[int | None, ModelVersion] = field(default_factory=dict)
    models: dict[int, Trained | None] = field(default_factory=dict)
    weights: dict[int, WeightSet] = field(default_factory=dict)
    markets: dict[int, tuple[object, Adjustment]] = field(default_factory=dict)
    personal: frozenset[int] = frozenset()
    cuts: dict[int, TierCuts] = field(default_factory=dict)
    trials: dict[int, Experiment] = field(default_factory=dict)
    slow: dict[int, int] = field(default_factory=dict)
    resting: dict[int, float] = field(default_factory=dict)


_held = _Held()


def is_ended(vector: FeatureVector) -> bool:
    """Tell whether a lead's deal is won or lost: models learn from open leads only, so the rules answer."""
    return bool(vector["won"] or vector["lost"])


def forget() -> None:
    """Forget what is held, so that the next look is at the rows."""
    global _held
    _held = _Held()


def look_again() -> None:
    """Let the next look be at the rows; models that were read are kept."""
    _held.looked_at = float("-inf")


def served_for(tenant_ids: Iterable[int]) -> dict[int, Served]:
    """Return what scores each tenant's leads: its own model, else the market's, else the rules."""
    _look()
    return {pk: _served(pk) for pk in tenant_ids}


def _served(tenant_id: int) -> Served:
    row, weights = _serving(tenant_id), _held.weights.get(tenant_id)
    model, chosen = _model(row), _held.cuts.get(tenant_id)
    version = model.version if model is not None else ""
    cuts = row.cuts if row is not None else {}
    if chosen is not None and chosen.model == version:
        cuts = chosen.cuts
    served = Served(
        version=version,
        model=model,
        weight_set=weights.name if weights is not None else PLAIN.name,
        weights=weights.weights if weights is not None else {},
        cuts=cuts,
        explore_share=chosen.explore_share if chosen is not None else 0.0,
        market=_held.markets[tenant_id][1] if tenant_id in _held.markets else NEUTRAL,
        uses_personal=tenant_id in _held.personal,
    )
    tried = _held.trials.get(tenant_id)
    return served if tried is None else replace(served, trial=_trial(tried, served))


def _trial(tried: Experiment, served: Served) -> Trial:
    """Return an experiment as scoring needs it; what it tries is the only difference to what serves."""
    treated = served
    if tried.weight_set is not None:
        treated = replace(served, weight_set=tried.weight_set.name, weights=tried.weight_set.weights)
    elif tried.model_version is not None:
        model = _model(tried.model_version)
        if model is not None:  # else it has a fault of its own by now: what serves scores all
            treated = replace(
                served, version=model.version, model=model, cuts={"": tried.cuts} if tried.cuts else {}
            )
    else:
        treated = replace(served, tried_cuts=Thresholds(**tried.cuts))
    return Trial(tried.pk, tried.plan["shares"], treated)


def score_cases(cases: Sequence[Case], model: Trained | None, *, now: datetime) -> list[Score]:
    """Return the scores of cases under one model; by the rules where there is none or it fails.

    Leads whose deal has ended are scored by the rules.
    """
    if model is None:
        return engine.score_many(cases, now=now)
    ended = [is_ended(case.vector) for case in cases]
    if any(ended):
        over = iter(engine.score_many([case for case, end in zip(cases, ended, strict=True) if end], now=now))
        still = iter(_by_model([case for case, end in zip(cases, ended, strict=True) if not end], model, now))
        return [next(over if end else still) for end in ended]
    return _by_model(cases, model, now)


def _by_model(cases: Sequence[Case], model: Trained, now: datetime) -> list[Score]:
    """Return the scores of cases under a model, or by the rules when it fails."""
    if not cases:
        return []
    began = perf_counter()
    try:
        scores = engine.score_many(cases, now=now, model=model)
    except Exception as error:  # whatever a damaged model does: scoring goes on, by the rules, and it is told
        _put_aside(model.version, f"It failed while scoring ({type(error).__name__}).")
        logger.exception("model failed", extra={"model_version": model.version})
        return engine.score_many(cases, now=now)
    _note_time(model.version, perf_counter() - began, len(cases))
    return scores


def load(version: ModelVersion) -> Trained:
    """Return a version's model, or raise what is wrong with it."""
    from scoring.training import Trained  # XGBoost takes 100 MB, which the rules do not need

    model = Trained.from_bytes(bytes(version.artifact), sha256=version.sha256, feature_version=VERSION)
    if model.names != (*NAMES, *model.further):
        raise DomainError("The model reads other features than there are: train again.", "features")
    return model


def _look() -> None:
    """See which versions serve, at most every two seconds, and forget those that no longer do."""
    now = monotonic()
    if now - _held.looked_at < LOOK_EVERY:
        return
    rows = ModelVersion.objects.serving().filter(engine=ENGINE).only("tenant_id", "name", "cuts", "shift")
    _held.serving = {row.tenant_id: row for row in rows}
    _held.weights = {row.tenant_id: row for row in WeightSet.objects.filter(state=WeightSet.State.SERVING)}
    _held.cuts = {row.tenant_id: row for row in TierCuts.objects.all()}
    turned = list(WeightSettings.objects.filter(Q(uses_market=True) | Q(uses_personal=True)))
    _held.markets = _markets([row for row in turned if row.uses_market], timezone.now().date())
    _held.personal = frozenset(row.tenant_id for row in turned if row.uses_personal)
    running = Experiment.objects.filter(state=Experiment.State.RUNNING)
    running = running.select_related("weight_set", "model_version").defer(
        "model_version__artifact", "model_version__metrics", "reading", "course"
    )
    _held.trials = {row.tenant_id: row for row in running}
    _held.looked_at = now
    wanted = {row.pk for row in _rows()}
    _held.models = {pk: model for pk, model in _held.models.items() if pk in wanted}


def _markets(rows: Iterable[WeightSettings], day: date) -> dict[int, tuple[object, Adjustment]]:
    """Return what the market does where it turns the weights; its rows are read only if they changed."""
    found: dict[int, tuple[object, Adjustment]] = {}
    for row in rows:
        mark = (row.area, row.market_at, day)
        held = _held.markets.get(row.tenant_id)
        if held is None or held[0] != mark:
            held = mark, selectors.market_of(row.tenant_id, chosen=row.area, day=day).adjustment
        found[row.tenant_id] = held
    return found


def _serving(tenant_id: int) -> ModelVersion | None:
    return _held.serving.get(tenant_id) or _held.serving.get(None)


def _rows() -> Iterator[ModelVersion]:
    """Yield the versions that score somebody."""
    yield from _held.serving.values()
    yield from (row.model_version for row in _held.trials.values() if row.model_version is not None)


def _model(found: ModelVersion | None) -> Trained | None:
    if found is None:
        return None
    pk, name = found.pk, found.name
    if pk not in _held.models:
        _held.models[pk] = _read(pk, name)
    if pk in _held.resting:
        if _held.resting[pk] > monotonic():
            return None
        del _held.resting[pk]
        clear_fault(version_id=pk)
    model = _held.models[pk]
    if model is None or not found.shift:
        return model
    return replace(model, calibrator=model.calibrator.shifted(found.shift))


def _read(pk: int, name: str) -> Trained | None:
    """Return a version's model; None, and a note in the registry, when it cannot be read."""
    version = ModelVersion.objects.filter(pk=pk).first()
    if version is None:
        return None
    try:
        model = load(version)
    except DomainError as error:
        note_fault(version_id=pk, fault=error.message)
        logger.error("model cannot be read", extra={"model_version": name, "reason": error.code})
        return None
    clear_fault(version_id=pk)
    return model


def _put_aside(name: str, fault: str) -> None:
    for row in _rows():
        if row.name == name:
            _held.models[row.pk] = None
            note_fault(version_id=row.pk, fault=fault)


def _note_time(name: str, seconds: float, count: int) -> None:
    """Let the rules answer for a minute after several slow batches on end."""
    pk = next((row.pk for row in _rows() if row.name == name), None)
    if pk is None:
        return
    if seconds <= max(SLOW, SLOW_A_LEAD * count):
        _held.slow[pk] = 0
        return
    _held.slow[pk] = _held.slow.get(pk, 0) + 1
    if _held.slow[pk] >= SLOW_TIMES:
        _held.slow[pk] = 0
        _held.resting[pk] = monotonic() + REST
        note_fault(version_id=pk, fault="It was slow: the rules answer for a minute.")
        logger.warning("model is slow: the rules answer for a minute", extra={"model_version": name})
