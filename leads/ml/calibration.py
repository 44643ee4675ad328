"""Turn a model's margins (log odds) into probabilities that come true; never falling.

A calibrator is fitted on margins a model gave to leads it had not learned from, later than those it had. It
is plain arrays, so it is stored as JSON. Sources: beta calibration, Kull, Silva Filho and Flach 2017
(AISTATS), logit p = a·ln s − b·ln(1 − s) + c with a, b ≥ 0 and s the logistic of the margin; isotonic
regression by pooling adjacent violators (Zadrozny and Elkan 2002), linear between the means of its blocks;
prior shift by adding to the log odds (Saerens, Latinne and Decaestecker 2002).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leads.ml.metrics import Flags, Values, log_loss

Kind = Literal["identity", "beta", "isotonic"]

PULL = 2.0
"""Rows' worth of log loss with which beta calibration is held to the margins as they are."""

LEAST_FOR_ISOTONIC = 500
"""Rarer outcomes wanted for isotonic regression, below which it follows noise (Niculescu-Mizil 2005)."""

LEAST_FOR_BETA = 10
RECENT = 0.2
"""Share of the rows after which one counts half where recent rows count more."""

LATEST = 0.1
"""Share of the rows, the last ones, on which the level is fitted once more."""

LEAST_FOR_LATEST = 200
"""Rarer outcomes wanted for that, so that about twenty are among the last rows."""

WORTH = 0.005
"""Share of the log loss a level of late may cost: the leads to come follow the last ones."""

LEAST_SLOPE = 1e-3
NEWTON_ROUNDS = 50
EM_ROUNDS = 200
EM_ENOUGH = 1e-7


def sigmoid(margins: Values) -> Values:
    """Return the logistic of margins, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -margins)))


def logit(probabilities: Values) -> Values:
    """Return log odds; probabilities are strictly between 0 and 1."""
    return np.asarray(np.log(probabilities) - np.log1p(-probabilities))


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A never falling map from margin to probability: knots of log odds, or the three figures of beta."""

    kind: Kind = "identity"
    beta: tuple[float, float, float] = (1.0, 1.0, 0.0)
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    shift: float = 0.0

    def apply(self, margins: Values) -> Values:
        """Return the probability of each margin (n,), in the open interval 0–1."""
        return sigmoid(self.log_odds(margins))

    def log_odds(self, margins: Values) -> Values:
        """Return the calibrated log odds of each margin (n,)."""
        if self.kind == "beta":
            return _beta(margins, self.beta) + self.shift
        if self.kind == "isotonic":
            return np.asarray(np.interp(margins, self.knots, self.heights)) + self.shift
        return np.asarray(margins + self.shift)

    def shifted(self, by: float) -> Calibrator:
        """Return the same map with `by` added to its log odds."""
        return replace(self, shift=self.shift + by)

    def as_json(self) -> dict[str, Any]:
        """Return the map as plain JSON."""
        return {
            "kind": self.kind,
            "beta": list(self.beta),
            "knots": list(self.knots),
            "heights": list(self.heights),
            "shift": self.shift,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Calibrator:
        """Return the map `as_json` wrote."""
        a, b, c = (float(value) for value in data["beta"])
        return Calibrator(
            kind=data["kind"],
            beta=(a, b, c),
            knots=tuple(float(value) for value in data["knots"]),
            heights=tuple(float(value) for value in data["heights"]),
            shift=float(data["shift"]),
        )


def _beta(margins: Values, figures: tuple[float, float, float]) -> Values:
    a, b, c = figures
    # a·ln s − b·ln(1 − s) + c, with ln s = −ln(1 + e^−m) and −ln(1 − s) = ln(1 + e^m)
    return np.asarray(b * np.logaddexp(0.0, margins) - a * np.logaddexp(0.0, -margins) + c)


def fit_beta(
    margins: Values, outcomes: Flags, weights: Values | None = None, *, pull: float = PULL
) -> Calibrator:
    """Return beta calibration of margins (n,), held to a = b = 1 and c = 0 by `pull` rows' worth."""
    rows = np.ones(len(margins)) if weights is None else weights
    sides = np.column_stack([-np.logaddexp(0.0, -margins), np.logaddexp(0.0, margins), np.ones(len(margins))])
    found = _newton(sides, outcomes, rows, pull, np.ones(3, dtype=np.bool_))
    if found[0] < LEAST_SLOPE or found[1] < LEAST_SLOPE:
        # the bound holds at the optimum of a convex loss: what would fall stays flat, the rest is refitted
        free = np.array([found[0] >= LEAST_SLOPE, found[1] >= LEAST_SLOPE, True])
        found = _newton(sides, outcomes, rows, pull, free)
        found[:2] = np.maximum(found[:2], LEAST_SLOPE)
    return Calibrator(kind="beta", beta=(float(found[0]), float(found[1]), float(found[2])))


def _newton(sides: Values, outcomes: Flags, rows: Values, pull: float, free: Flags) -> Values:
    """Return the three figures of least penalised log loss; those not free stay at the least slope."""
    held = np.array([1.0, 1.0, 0.0])
    found = np.where(free, held, LEAST_SLOPE)

    def loss(figures: Values) -> float:
        z = sides @ figures
        return float(
            (rows * np.logaddexp(0.0, np.where(outcomes, -z, z))).sum()
            + 0.5 * pull * ((figures - held) ** 2).sum()
        )

    value = loss(found)
    for _ in range(NEWTON_ROUNDS):
        said = sigmoid(sides @ found)
        slope = sides.T @ (rows * (said - outcomes)) + pull * (found - held)
        curve = (sides * (rows * said * (1.0 - said))[:, None]).T @ sides + pull * np.eye(3)
        step = np.zeros(3)
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        size = 1.0
        while (told := loss(found - size * step)) > value and size > 1e-4:
            size *= 0.5
        if value - told < 1e-10 * max(1.0, value):
            break
        found, value = found - size * step, told
    return found


def _pool(heights: Values, weights: Values) -> tuple[Values, Values, NDArray[np.int64]]:
    """Pool adjacent violators: return the blocks' means, weights and lengths."""
    means, sizes, lengths = list[float](), list[float](), list[int]()
    for height, weight in zip(heights.tolist(), weights.tolist(), strict=True):
        mean, size, length = height, weight, 1
        while means and means[-1] >= mean:
            total = sizes[-1] + size
            mean = (means.pop() * sizes.pop() + mean * size) / total
            size, length = total, length + lengths.pop()
        means.append(mean)
        sizes.append(size)
        lengths.append(length)
    return np.array(means), np.array(sizes), np.array(lengths)


def fit_isotonic(margins: Values, outcomes: Flags, weights: Values | None = None) -> Calibrator:
    """Return isotonic calibration of margins (n,): flat within a block, straight in log odds between blocks.

    A block of w rows is held inside 1/(w + 2) and 1 − 1/(w + 2) (Laplace), so that no log odds is infinite.
    """
    rows = np.ones(len(margins)) if weights is None else weights
    places, groups = np.unique(margins, return_inverse=True)
    sizes = np.bincount(groups, weights=rows)
    hits = np.bincount(groups, weights=rows * outcomes)
    kept = sizes > 0
    places, sizes, hits = places[kept], sizes[kept], hits[kept]
    means, weight, lengths = _pool(np.asarray(hits / sizes, dtype=np.float64), np.asarray(sizes))
    held = np.maximum.accumulate(np.clip(means, 1.0 / (weight + 2.0), 1.0 - 1.0 / (weight + 2.0)))
    ends = np.cumsum(lengths) - 1
    starts = ends - lengths + 1
    knots, heights = list[float](), list[float]()
    for start, end, height in zip(starts, ends, logit(held), strict=True):
        knots += [float(places[start])] if start == end else [float(places[start]), float(places[end])]
        heights += [float(height)] * (1 if start == end else 2)
    return Calibrator(kind="isotonic", knots=tuple(knots), heights=tuple(heights))


Past = Sequence[NDArray[np.int64]]
"""For each part of the rows, which rows before it had a known outcome when it began."""


@dataclass(frozen=True, slots=True)
class Manner:
    """A way to calibrate: the kind of map, after which share of the rows one counts half, and a last shift.

    With `latest` the level, not the shape, is fitted once more on that share of the rows, the last ones.
    """

    kind: Kind
    half_life: float | None = None
    latest: float | None = None

    @property
    def name(self) -> str:
        told = self.kind if self.half_life is None else f"{self.kind}, recent"
        return told if self.latest is None else f"{told}, latest"

    def fit(self, margins: Values, outcomes: Flags) -> Calibrator:
        """Return the calibrator of margins (n,) in the order of time."""
        weights = None if self.half_life is None else recency(len(margins), self.half_life)
        found = fit(self.kind, margins, outcomes, weights)
        if self.latest is None:
            return found
        begin = len(margins) - max(1, round(self.latest * len(margins)))
        return found.shifted(level_shift(found.log_odds(margins[begin:]), outcomes[begin:]))


def level_shift(log_odds: Values, outcomes: Flags, *, pull: float = PULL) -> float:
    """Return what to add to log odds (n,) for their mean to be right, held to 0 by `pull` rows' worth."""
    shift = 0.0
    for _ in range(NEWTON_ROUNDS):
        said = sigmoid(log_odds + shift)
        step = (float((said - outcomes).sum()) + pull * shift) / (float((said * (1.0 - said)).sum()) + pull)
        # the loss is convex but flat far out: a long step would overshoot
        step = min(1.0, max(-1.0, step))
        shift -= step
        if abs(step) < EM_ENOUGH:
            break
    return shift


def recency(count: int, half_life: float) -> Values:
    """Return weights (n,) that halve every `half_life` share of the rows, counted back from the last."""
    return np.asarray(np.exp2(-np.arange(count)[::-1] / max(1.0, half_life * count)))


def manners(outcomes: Flags) -> tuple[Manner, ...]:
    """Return the ways these outcomes are enough for."""
    rare = min(int(outcomes.sum()), int((~outcomes).sum()))
    found = [Manner("identity")]
    if rare >= LEAST_FOR_BETA:
        found += [Manner("beta"), Manner("beta", RECENT)]
    if rare >= LEAST_FOR_LATEST:
        found += [Manner("identity", latest=LATEST), Manner("beta", latest=LATEST)]
    if rare >= LEAST_FOR_ISOTONIC:
        found.append(Manner("isotonic"))
    return tuple(found)


def forward(manner: Manner, margins: Values, outcomes: Flags, bounds: Sequence[int], past: Past) -> Values:
    """Return probabilities (n,) of rows in the order of time, each part's map fitted on its past.

    The first part, and one before which only one outcome was seen, has the margins as they are.
    """
    said = sigmoid(margins)
    for begin, end, rows in zip(bounds[1:-1], bounds[2:], past[1:], strict=True):
        seen = outcomes[rows]
        if seen.any() and not seen.all():
            said[begin:end] = manner.fit(margins[rows], seen).apply(margins[begin:end])
    return said


def choose(
    margins: Values, outcomes: Flags, bounds: Sequence[int], past: Past
) -> tuple[Manner, dict[str, float]]:
    """Return the way to calibrate margins (n,) in the order of time, and each one's forward log loss.

    It is the one of least loss, but one with the level of late when that costs next to nothing.
    """
    ways, first = manners(outcomes), bounds[1]
    losses = {
        way.name: log_loss(outcomes[first:], forward(way, margins, outcomes, bounds, past)[first:])
        for way in ways
    }
    best = min(ways, key=lambda way: losses[way.name])
    fresh = [way for way in ways if way.latest and losses[way.name] <= (1.0 + WORTH) * losses[best.name]]
    return min(fresh, key=lambda way: losses[way.name], default=best), losses


def fit(kind: Kind, margins: Values, outcomes: Flags, weights: Values | None = None) -> Calibrator:
    """Return a calibrator of the kind."""
    if kind == "beta":
        return fit_beta(margins, outcomes, weights)
    if kind == "isotonic":
        return fit_isotonic(margins, outcomes, weights)
    return Calibrator()


def prior_shift(log_odds: Values, base_rate: float) -> float:
    """Return what to add to log odds (n,) for the base rate of these leads, learned without their outcomes.

    Expectation maximisation of Saerens, Latinne and Decaestecker 2002 from the base rate the log odds were
    fitted at. It supposes that only the base rate moved; who converts still looks as before.
    """
    start = math.log(base_rate / (1.0 - base_rate))
    rate = base_rate
    for _ in range(EM_ROUNDS):
        shift = math.log(rate / (1.0 - rate)) - start
        told = min(max(float(sigmoid(log_odds + shift).mean()), 1e-4), 1.0 - 1e-4)
        if abs(told - rate) < EM_ENOUGH:
            break
        rate = told
    return math.log(rate / (1.0 - rate)) - start
