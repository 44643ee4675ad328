"""How right probabilities were: discrimination, calibration, gain, each with an interval.

Outcomes are booleans (n,), probabilities or scores float64 (n,); natural logarithms. A measure that needs
both outcomes (AUC, recall) is NaN where only one is there; nothing here raises for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = NDArray[np.int64]
Measure = Callable[[Flags, Values], float]

BINS = 10
ROUNDS = 400
Z95 = 1.959963984540054
LEAST = 1e-6
"""Probabilities are held this far from 0 and 1 in logarithms."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its 95% interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """Return the figure as plain JSON; what could not be computed is null."""
        named = {"value": self.value, "low": self.low, "high": self.high}
        return {name: _number(value) for name, value in named.items()}


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a reliability table: what was said and what happened, with Wilson's 95% interval."""

    count: int
    said: float
    happened: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | int]:
        """Return the row as plain JSON."""
        return {
            "count": self.count,
            "said": self.said,
            "happened": self.happened,
            "low": self.low,
            "high": self.high,
        }


@dataclass(frozen=True, slots=True)
class Gain:
    """What taking the best-scored share of the leads reaches."""

    share: float
    count: int
    rate: float
    lift: float
    reached: float

    def as_json(self) -> dict[str, float | int | None]:
        """Return the row as plain JSON."""
        return {
            "share": self.share,
            "count": self.count,
            "rate": self.rate,
            "lift": _number(self.lift),
            "reached": _number(self.reached),
        }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def auc(outcomes: Flags, scores: Values) -> float:
    """Return the chance that one who converted was scored above one who did not; ties count half."""
    return _weighted_auc(outcomes, scores, np.ones(len(scores)))


def _weighted_auc(outcomes: Flags, scores: Values, weights: Values) -> float:
    if len(scores) == 0:
        return math.nan
    order = np.argsort(scores, kind="stable")
    return _sorted_auc(outcomes[order], scores[order], weights[order])


def _sorted_auc(outcomes: Flags, scores: Values, weights: Values) -> float:
    """Return the AUC of rows in the order of their scores (Mann-Whitney, ties by groups)."""
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    yes = np.add.reduceat(np.where(outcomes, weights, 0.0), starts)
    no = np.add.reduceat(np.where(outcomes, 0.0, weights), starts)
    below = np.cumsum(no) - no
    total = float(yes.sum() * no.sum())
    return float((yes * (below + 0.5 * no)).sum()) / total if total > 0 else math.nan


def brier(outcomes: Flags, probabilities: Values) -> float:
    """Return the mean squared error of probabilities."""
    return float(np.mean((probabilities - outcomes) ** 2)) if len(outcomes) else math.nan


def log_losses(outcomes: Flags, probabilities: Values) -> Values:
    """Return each row's −log of the probability given to what happened (n,)."""
    held = np.clip(probabilities, LEAST, 1.0 - LEAST)
    return np.asarray(-np.log(np.where(outcomes, held, 1.0 - held)))


def log_loss(outcomes: Flags, probabilities: Values) -> float:
    """Return the mean of −log of the probability given to what happened."""
    return float(log_losses(outcomes, probabilities).mean()) if len(outcomes) else math.nan


def _cuts(ordered: Values, bins: int) -> NDArray[np.int64]:
    """Return where bins of like count begin (≤ bins,) in rising values; none is empty.

    What is alike stays in one bin: split, a tie would look wrong on both sides of the cut.
    """
    count = len(ordered)
    begins = np.linspace(0, count, min(bins, count) + 1).astype(np.int64)[:-1]
    return np.unique(np.searchsorted(ordered, ordered[begins], side="left"))


def ece(outcomes: Flags, probabilities: Values, bins: int = BINS) -> float:
    """Return the expected calibration error: mean |said − happened| over bins of like count, by count."""
    if len(outcomes) == 0:
        return math.nan
    order = np.argsort(probabilities, kind="stable")
    said = probabilities[order]
    gaps = np.add.reduceat(said - outcomes[order], _cuts(said, bins))
    return float(np.abs(gaps).sum()) / len(order)


def wilson(hits: float, count: float) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share (Wilson 1927)."""
    if count <= 0:
        return 0.0, 1.0
    share, square = hits / count, Z95 * Z95
    middle = (share + square / (2.0 * count)) / (1.0 + square / count)
    reach = Z95 * math.sqrt(share * (1.0 - share) / count + square / (4.0 * count * count))
    reach /= 1.0 + square / count
    return max(0.0, middle - reach), min(1.0, middle + reach)


def reliability(outcomes: Flags, probabilities: Values, bins: int = BINS) -> tuple[Bin, ...]:
    """Return what was said against what happened, in bins of like count from low to high."""
    order = np.argsort(probabilities, kind="stable")
    rows = []
    for part in np.split(order, _cuts(probabilities[order], bins)[1:]) if len(order) else ():
        hits, count = int(outcomes[part].sum()), len(part)
        low, high = wilson(hits, count)
        rows.append(Bin(count, float(probabilities[part].mean()), hits / count, low, high))
    return tuple(rows)


def gains(outcomes: Flags, scores: Values, steps: int = 10) -> tuple[Gain, ...]:
    """Return the lift and gain table: the best-scored 1/steps, 2/steps, … of the leads."""
    reached = np.cumsum(outcomes[np.argsort(-scores, kind="stable")])
    count, total = len(outcomes), int(outcomes.sum())
    rows = []
    for step in range(1, steps + 1):
        taken = round(count * step / steps)
        if taken == 0:
            continue
        hits = int(reached[taken - 1])
        rate = hits / taken
        lift = rate * count / total if total else math.nan
        rows.append(Gain(step / steps, taken, rate, lift, hits / total if total else math.nan))
    return tuple(rows)


def recall_at(outcomes: Flags, scores: Values, share: float = 0.2) -> float:
    """Return the share of all conversions among the best-scored `share` of the leads."""
    taken, total = round(len(outcomes) * share), int(outcomes.sum())
    if total == 0 or taken == 0:
        return math.nan
    return int(outcomes[np.argsort(-scores, kind="stable")[:taken]].sum()) / total


def interval(
    outcomes: Flags,
    scores: Values,
    measure: Measure,
    *,
    seed: int,
    rounds: int = ROUNDS,
    groups: Groups | None = None,
) -> Interval:
    """Return a measure with its 95% percentile interval over resampled rows (Efron's bootstrap).

    Rows of one group (n,) are drawn together: moments of one lead are no independent evidence. The error of
    calibration is a sum of sizes, which resampling only adds to: its interval is moved back by that bias.
    """
    value = measure(outcomes, scores)
    if len(outcomes) == 0:
        return Interval(value, math.nan, math.nan)
    order = np.argsort(scores, kind="stable")
    outcomes, scores = outcomes[order], scores[order]
    places, size = _places(len(scores), None if groups is None else groups[order])
    rng = np.random.default_rng(seed)
    found = np.empty(rounds)
    for i in range(rounds):
        counts = np.bincount(rng.integers(0, size, size), minlength=size)[places]
        if measure is auc:
            found[i] = _sorted_auc(outcomes, scores, counts.astype(np.float64))
        else:
            taken = np.repeat(np.arange(len(scores)), counts)
            found[i] = measure(outcomes[taken], scores[taken])
    low, high = _ends(found)
    if measure is ece:
        bias = float(found.mean()) - value
        low, high = max(0.0, min(value, low - bias)), max(value, high - bias)
    return Interval(value, low, high)


def _places(count: int, groups: Groups | None) -> tuple[NDArray[np.int64], int]:
    """Return the group of each row, counted from nought, and how many there are; by itself a row is one."""
    if groups is None:
        return np.arange(count), count
    names, places = np.unique(groups, return_inverse=True)
    return places, len(names)


def mean_interval(
    values: Values, *, seed: int, rounds: int = ROUNDS, groups: Groups | None = None
) -> Interval:
    """Return the mean of rows with its 95% bootstrap interval; for paired differences of two models."""
    if len(values) == 0:
        return Interval(math.nan, math.nan, math.nan)
    places, size = _places(len(values), groups)
    sums, sizes = np.bincount(places, weights=values), np.bincount(places)
    rng = np.random.default_rng(seed)
    found = np.empty(rounds)
    for i in range(rounds):
        taken = rng.integers(0, size, size)
        found[i] = sums[taken].sum() / sizes[taken].sum()
    return Interval(float(values.mean()), *_ends(found))


def _ends(found: Values) -> tuple[float, float]:
    known = found[np.isfinite(found)]
    if len(known) == 0:
        return math.nan, math.nan
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def summary(
    outcomes: Flags,
    probabilities: Values,
    *,
    seed: int,
    rounds: int = ROUNDS,
    groups: Groups | None = None,
) -> dict[str, dict[str, float | None]]:
    """Return the measures of probabilities with their intervals, as plain JSON."""
    measures: dict[str, Measure] = {
        "auc": auc,
        "log_loss": log_loss,
        "brier": brier,
        "ece": ece,
        "recall_top_20": recall_at,
    }
    return {
        name: interval(outcomes, probabilities, measure, seed=seed, rounds=rounds, groups=groups).as_json()
        for name, measure in measures.items()
    }
