"""Score leads: 0–100, a tier, and the points every feature added or took.

The points are exact. Margins m_i with the total M move the score from the base B to S along the curve of the
link, and each gets its part of the way: points_i = m_i · (S − B) / M (the integrated gradient along the
straight path). So base + Σ points = score, every point has the sign of its margin, and as M → 0 the factor
goes to the slope of the curve. The curve stays inside 0–100, so there is no clipping to account for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np

from leads.ml import custom
from leads.ml.catalogue import BY_NAME, VERSION
from leads.ml.features import FeatureVector
from scoring import reasons
from scoring.experiments.exploration import Draw
from scoring.pillars import Pillar
from scoring.reasons import Reason
from scoring.rules import RULES, START, Values, margins
from scoring.rules import link as rules_link

FLAT = 1e-9
"""Total margin below which the chord of the link is its tangent."""


_LEAST_SHARE = 0.05
"""Share of all points moved that makes a reason worth a line under a model, whose scores may lie close."""


class Tier(StrEnum):
    HOT = "hot"
    WARM = "warm"
    STEADY = "steady"
    QUIET = "quiet"


class Mode(StrEnum):
    RULES = "rules"
    MODEL = "model"


class Model(Protocol):
    """A learned model: margins by feature, and the link that turns their sum into a probability."""

    @property
    def version(self) -> str: ...

    @property
    def feature_version(self) -> str: ...

    @property
    def features(self) -> Sequence[tuple[str, Pillar]]:
        """Return the features the margins belong to, with their pillars."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Return the names of the columns: the catalogue's, then those of the tenant's own."""
        ...

    def matrix(self, vectors: Sequence[FeatureVector]) -> Values:
        """Return the features (n, k) of leads, in the order of the names."""
        ...

    def explain(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start, and each feature's margin (rows) for each lead (columns)."""
        ...

    def probability(self, margin: Values) -> Values:
        """Return the calibrated probability of a total margin; never falling."""
        ...

    def interval(self, margin: Values) -> tuple[Values, Values]:
        """Return the ends of the 95% interval of that probability."""
        ...


@dataclass(frozen=True, slots=True)
class Weights:
    """How strongly each pillar counts; all ones is the plain engine. A pillar not named counts once."""

    name: str = "standard"
    pillars: Mapping[Pillar, float] = field(default_factory=dict)

    def of(self, pillar: Pillar) -> float:
        return self.pillars.get(pillar, 1.0)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores from which the tiers begin, and how far below its cut a lead stays in its tier."""

    hot: float = 85.0
    warm: float = 65.0
    steady: float = 40.0
    margin: float = 0.0

    def tier(self, score: float, previous: Tier | None = None) -> Tier:
        """Return the tier of a score; who was in a higher one leaves it only `margin` below its cut."""
        now = self._plain(score)
        if previous is None or not self.margin:
            return now
        held = self._plain(score + self.margin)
        # who was hot was warm and steady, too: each of these is left at its own cut
        return _RANKED[min(_RANK[now], max(_RANK[held], _RANK[previous]))]

    def _plain(self, score: float) -> Tier:
        if score >= self.hot:
            return Tier.HOT
        if score >= self.warm:
            return Tier.WARM
        return Tier.STEADY if score >= self.steady else Tier.QUIET


_RANKED = tuple(Tier)
_RANK = {tier: rank for rank, tier in enumerate(_RANKED)}


@dataclass(frozen=True, slots=True)
class Case:
    """One lead to score: features, and the weights and thresholds that hold for it."""

    vector: FeatureVector
    weights: Weights = Weights()
    thresholds: Thresholds = Thresholds()


@dataclass(frozen=True, slots=True)
class Contribution:
    """The points one feature added to a score or took from it."""

    feature: str
    value: float | None
    """None where the lead's own field does not tell it."""
    points: float

    @property
    def label(self) -> str:
        known = BY_NAME.get(self.feature)
        return custom.label_of(self.feature) if known is None else known.label


@dataclass(frozen=True, slots=True)
class PillarShare:
    """The points of one pillar and the weight it was given."""

    pillar: Pillar
    points: float
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """What the engine says of one lead; base + Σ points = score."""

    score: float
    tier: Tier
    base: float
    contributions: tuple[Contribution, ...]
    pillars: tuple[PillarShare, ...]
    mode: Mode
    model_version: str
    weight_set: str
    reasons: tuple[Reason, ...]
    next_action: str
    interval: tuple[float, float] | None = None
    propensity: float | None = None
    """The chance the lead had of being hot, where chance decides for some leads."""
    is_explored: bool = False
    """Whether chance, and not the score, decided if the lead is hot."""


def score(
    vector: FeatureVector,
    *,
    now: datetime,
    weights: Weights = Weights(),  # noqa: B008 frozen
    thresholds: Thresholds = Thresholds(),  # noqa: B008 frozen
    model: Model | None = None,
) -> Score:
    """Return the score of one lead: a batch of one."""
    return score_many([Case(vector, weights, thresholds)], now=now, model=model)[0]


def score_many(cases: Sequence[Case], *, now: datetime, model: Model | None = None) -> list[Score]:
    """Return the scores of leads; without a model, by the rules."""
    if not cases:
        return []
    wanted = VERSION if model is None else model.feature_version
    for case in cases:
        if case.vector.version != wanted:
            raise ValueError(f"Features of version {case.vector.version} given, {wanted} expected.")
    vectors = [case.vector for case in cases]
    matrix = np.stack([one.values for one in vectors]) if model is None else model.matrix(vectors)
    features = _RULE_FEATURES if model is None else tuple(model.features)
    start, parts = (START, margins(matrix)) if model is None else model.explain(matrix)
    weights = np.array([[case.weights.of(pillar) for case in cases] for _, pillar in features])
    parts = parts * weights
    total = _sum(parts)
    link = rules_link if model is None else model.probability
    base = 100.0 * float(link(np.array([start]))[0])
    factors = _chords(start, total, base, link)
    points: Values = parts * factors
    # The curve stays inside 0–100; only the rounding of the sum may leave it, by less than 1e-12.
    scores = np.clip(base + _sum(points), 0.0, 100.0)
    intervals = [None] * len(cases) if model is None else _intervals(model, start + total, scores)
    return [
        _score(case, own, features, points[:, i].tolist(), float(scores[i]), base, intervals[i], now, model)
        for i, (case, own) in enumerate(zip(cases, _own(matrix, model), strict=True))
    ]


def _own(matrix: Values, model: Model | None) -> list[Mapping[str, float | None]]:
    """Return what the features beyond the catalogue's tell a model of each lead; None is not known."""
    count = len(BY_NAME)
    if model is None or matrix.shape[1] == count:
        return [{}] * len(matrix)
    told = [[None if value != value else value for value in row] for row in matrix[:, count:].tolist()]
    return [dict(zip(model.names[count:], row, strict=True)) for row in told]


def _intervals(model: Model, margin: Values, scores: Values) -> list[tuple[float, float] | None]:
    """Return the 95% interval of each score; it holds the score itself."""
    lows, highs = model.interval(margin)
    return [
        (min(low, score), max(high, score))
        for low, high, score in zip(
            (100.0 * lows).tolist(), (100.0 * highs).tolist(), scores.tolist(), strict=True
        )
    ]


_RULE_FEATURES = tuple((rule.feature, rule.pillar) for rule in RULES)


def _sum(rows: Values) -> Values:
    """Add rows one after another, so that a lead's sum has the same bits alone and in a batch."""
    return np.asarray(np.cumsum(rows, axis=0)[-1])


def _chords(start: float, total: Values, base: float, link: Callable[[Values], Values]) -> Values:
    """Return the points one unit of margin is worth to each lead."""
    flat = np.abs(total) < FLAT
    reach = np.where(flat, FLAT, total)
    return np.asarray((100.0 * link(start + reach) - base) / reach)


def _score(
    case: Case,
    own: Mapping[str, float | None],
    features: Sequence[tuple[str, Pillar]],
    points: Sequence[float],
    score: float,
    base: float,
    interval: tuple[float, float] | None,
    now: datetime,
    model: Model | None,
) -> Score:
    """Put one lead's score into words."""
    vector = case.vector
    sums: dict[Pillar, float] = {}
    contributions = []
    for (name, pillar), share in zip(features, points, strict=True):
        sums[pillar] = sums.get(pillar, 0.0) + share
        if share:
            value = own[name] if name in own else vector[name]
            contributions.append(Contribution(name, value, share))
    contributions.sort(key=lambda one: -abs(one.points))
    tier = case.thresholds.tier(score)
    told = [(one.feature, one.points) for one in contributions]
    least = reasons.LEAST_POINTS if model is None else _LEAST_SHARE * sum(abs(share) for share in points)
    return Score(
        score=score,
        tier=tier,
        base=base,
        contributions=tuple(contributions),
        pillars=tuple(PillarShare(pillar, share, case.weights.of(pillar)) for pillar, share in sums.items()),
        mode=Mode.RULES if model is None else Mode.MODEL,
        model_version="" if model is None else model.version,
        weight_set=case.weights.name,
        reasons=reasons.reasons_for(vector, told, own=own, now=now, least=least),
        next_action=reasons.next_action(vector),
        interval=interval,
    )


def settled(score: Score, thresholds: Thresholds, previous: Tier | None) -> Score:
    """Return the score of a lead that was in a tier, which it leaves only where its margin is used up."""
    tier = thresholds.tier(score.score, previous)
    return score if tier is score.tier else replace(score, tier=tier)


def explored(score: Score, draw: Draw) -> Score:
    """Return a score in the tier that chance gave the lead, if chance decided, with the chance it had."""
    tier = score.tier
    if draw.explored and draw.hot is not (tier is Tier.HOT):
        tier = Tier.HOT if draw.hot else Tier.WARM
    return replace(score, tier=tier, propensity=draw.propensity, is_explored=draw.explored)


def fingerprint(vector: FeatureVector) -> str:
    """Return a short hash of what went into a score."""
    digest = hashlib.sha256(vector.version.encode())
    digest.update(vector.values.tobytes())
    if vector.source or vector.declared:
        digest.update(json.dumps([vector.source, *vector.declared]).encode())
    if vector.custom:
        digest.update(json.dumps([vector.custom, vector.at], sort_keys=True).encode())
    return digest.hexdigest()[:16]


__all__ = [
    "Case",
    "Contribution",
    "Mode",
    "Model",
    "Pillar",
    "PillarShare",
    "Score",
    "Thresholds",
    "Tier",
    "Weights",
    "explored",
    "fingerprint",
    "score",
    "score_many",
    "settled",
]
