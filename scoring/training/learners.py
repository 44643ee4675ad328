"""What can learn: shallow trees and two additive logistic models. Margins are log odds.

Each learner tells a row's margin exactly as a start plus one part for every feature.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from sklearn.linear_model import LogisticRegression

from leads.ml.boosting import Booster
from leads.ml.calibration import Calibrator
from leads.ml.metrics import Flags, Values

TAILS = (0.005, 0.995)
"""Quantiles a logistic model holds its values to, so that it never goes beyond what it has seen."""

FLAT = 1e-9
"""Total margin below which a chord is the tangent."""

BINS = 10
PRIOR_ROWS = 20.0
"""Rows at the base rate each bin's evidence is shrunk by."""


class Learner(Protocol):
    """A fitted model of the outcome's log odds."""

    def margins(self, matrix: Values) -> Values:
        """Return the log odds of each row (n,) of a matrix (n, k)."""
        ...

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start and each feature's part (k, n)."""
        ...

    def to_bytes(self) -> bytes:
        """Return the learner in a form that holds no code."""
        ...


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted trees on some of the columns."""

    columns: tuple[int, ...]
    width: int
    booster: Booster

    def margins(self, matrix: Values) -> Values:
        """Return the log odds of each row (n,)."""
        return self.booster.margins(matrix[:, self.columns])

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start and each feature's part (k, n)."""
        start, parts = self.booster.contributions(matrix[:, self.columns])
        return start, _spread(parts, self.columns, self.width)

    def to_bytes(self) -> bytes:
        """Return the trees as XGBoost's binary JSON; the columns are kept beside them."""
        return self.booster.to_bytes()


@dataclass(frozen=True, slots=True)
class Additive:
    """Logistic regression on a shape of each column: evidence by bins, or the value itself.

    `edges[j]` bounds the bins of column j and `heights[j]` holds the margin of each, that of a missing value
    last. Without edges column j's margin is `slopes[j]` times its distance from `centres[j]`, held to
    `lows[j]`…`highs[j]`; a missing value is at the centre.
    """

    columns: tuple[int, ...]
    width: int
    start: float
    slopes: Values
    centres: Values
    lows: Values
    highs: Values
    edges: tuple[Values, ...] = ()
    heights: tuple[Values, ...] = ()

    def margins(self, matrix: Values) -> Values:
        """Return the log odds of each row (n,)."""
        return np.asarray(self.start + self._parts(matrix).sum(axis=0))

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start and each feature's part (k, n)."""
        return self.start, _spread(self._parts(matrix), self.columns, self.width)

    def _parts(self, matrix: Values) -> Values:
        values = matrix[:, self.columns].T
        if self.edges:
            return np.stack(
                [
                    height[_places(value, edges)]
                    for value, edges, height in zip(values, self.edges, self.heights, strict=True)
                ]
            )
        held = np.clip(values, self.lows[:, None], self.highs[:, None])
        return np.nan_to_num((held - self.centres[:, None]) * self.slopes[:, None], nan=0.0)

    def to_bytes(self) -> bytes:
        """Return the figures as JSON."""
        return json.dumps(
            {
                "start": self.start,
                "slopes": self.slopes.tolist(),
                "centres": self.centres.tolist(),
                "lows": self.lows.tolist(),
                "highs": self.highs.tolist(),
                "edges": [edges.tolist() for edges in self.edges],
                "heights": [heights.tolist() for heights in self.heights],
            }
        ).encode()


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted sum of learners' margins; so are its parts."""

    weights: tuple[float, ...]
    learners: tuple[Learner, ...]

    def margins(self, matrix: Values) -> Values:
        """Return the log odds of each row (n,)."""
        told = [weight * one.margins(matrix) for weight, one in zip(self.weights, self.learners, strict=True)]
        return np.asarray(np.sum(told, axis=0))

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start and each feature's part (k, n)."""
        told = [one.contributions(matrix) for one in self.learners]
        start = float(sum(weight * first for weight, (first, _) in zip(self.weights, told, strict=True)))
        parts = sum(weight * part for weight, (_, part) in zip(self.weights, told, strict=True))
        return start, np.asarray(parts)

    def to_bytes(self) -> bytes:
        """Refuse: the learners of a blend are stored one by one."""
        raise TypeError("Store the learners of a blend one by one.")


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A learner whose margins are calibrated log odds, so that it may be blended with another tenant's."""

    learner: Learner
    calibrator: Calibrator

    def margins(self, matrix: Values) -> Values:
        """Return the calibrated log odds of each row (n,)."""
        return self.calibrator.log_odds(self.learner.margins(matrix))

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the start and each feature's part (k, n), carried along the chord of the calibrator.

        As in `scoring.engine`: a part keeps its share of the way from the start to the row's own log odds.
        """
        start, parts = self.learner.contributions(matrix)
        begin = float(self.calibrator.log_odds(np.array([start]))[0])
        way = parts.sum(axis=0)
        reach = np.where(np.abs(way) < FLAT, FLAT, way)
        return begin, parts * ((self.calibrator.log_odds(start + reach) - begin) / reach)

    def to_bytes(self) -> bytes:
        """Refuse: the learner is stored, and its calibrator beside it."""
        raise TypeError("Store the learner and its calibrator one by one.")


def widened(learner: Learner, width: int) -> Learner:
    """Return a learner for rows of so many columns; it looks at the ones it knows, which come first."""
    if isinstance(learner, Blend):
        return replace(learner, learners=tuple(widened(one, width) for one in learner.learners))
    if isinstance(learner, Calibrated):
        return replace(learner, learner=widened(learner.learner, width))
    if isinstance(learner, Trees | Additive):
        return replace(learner, width=width)
    raise TypeError(f"{type(learner).__name__} cannot be widened.")


def _spread(parts: Values, columns: Sequence[int], width: int) -> Values:
    spread = np.zeros((width, parts.shape[1]))
    spread[list(columns)] = parts
    return spread


def _places(values: Values, edges: Values) -> Any:
    """Return the bin of each value; the last one is for missing values."""
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


def fit_line(
    matrix: Values, outcomes: Flags, weights: Values, columns: Sequence[int], strength: float
) -> Additive:
    """Return ridge logistic regression on the columns' values, held to the tails they were seen in."""
    values = matrix[:, columns]
    lows, highs = np.nanquantile(values, TAILS, axis=0)
    # a column that is nearly always the same would be flat between its tails: it keeps its full range
    flat = lows >= highs
    lows = np.where(flat, np.nanmin(values, axis=0), lows)
    highs = np.where(flat, np.nanmax(values, axis=0), highs)
    held = np.clip(values, lows, highs)
    centres, spreads = np.nanmean(held, axis=0), np.nanstd(held, axis=0)
    spreads = np.where(spreads > 0, spreads, 1.0)
    scaled = np.nan_to_num((held - centres) / spreads, nan=0.0)
    model = LogisticRegression(C=strength, max_iter=500, tol=1e-5).fit(
        scaled, outcomes, sample_weight=weights
    )
    return Additive(
        columns=tuple(columns),
        width=matrix.shape[1],
        start=float(model.intercept_[0]),
        slopes=np.asarray(model.coef_[0] / spreads),
        centres=centres,
        lows=lows,
        highs=highs,
    )


def fit_bins(
    matrix: Values, outcomes: Flags, weights: Values, columns: Sequence[int], strength: float
) -> Additive:
    """Return ridge logistic regression on weight of evidence: each bin's shrunk log odds against the usual.

    Weight of evidence is what naive Bayes adds up (Good 1950); the regression learns how far to trust each.
    """
    edges, evidence, usual = _evidence(matrix, outcomes, weights, columns)
    scaled = [told[_places(matrix[:, c], e)] for c, e, told in zip(columns, edges, evidence, strict=True)]
    model = LogisticRegression(C=strength, max_iter=500, tol=1e-5)
    model.fit(np.stack(scaled, axis=1), outcomes, sample_weight=weights)
    # a slope below nought would turn a column's own evidence round: that is noise, and the column is silent
    slopes = np.maximum(model.coef_[0], 0.0)
    heights = [slope * told for slope, told in zip(slopes, evidence, strict=True)]
    return _binned(matrix, weights, columns, edges, heights, float(model.intercept_[0]))


def fit_naive(matrix: Values, outcomes: Flags, weights: Values, columns: Sequence[int]) -> Additive:
    """Return naive Bayes: the usual log odds and every column's weight of evidence, believed in full."""
    edges, evidence, usual = _evidence(matrix, outcomes, weights, columns)
    return _binned(matrix, weights, columns, edges, evidence, usual)


def _evidence(
    matrix: Values, outcomes: Flags, weights: Values, columns: Sequence[int]
) -> tuple[list[Values], list[Values], float]:
    """Return each column's bins, the evidence of each bin, and the usual log odds."""
    rate = float(np.average(outcomes, weights=weights))
    usual = math.log(rate / (1.0 - rate))
    edges, evidence = list[Values](), list[Values]()
    for column in columns:
        cuts = _edges(matrix[:, column])
        places = _places(matrix[:, column], cuts)
        size = np.bincount(places, weights=weights, minlength=len(cuts) + 2)
        hits = np.bincount(places, weights=weights * outcomes, minlength=len(cuts) + 2)
        share = (hits + PRIOR_ROWS * rate) / (size + PRIOR_ROWS)
        edges.append(cuts)
        evidence.append(np.log(share / (1.0 - share)) - usual)
    return edges, evidence, usual


def _binned(
    matrix: Values,
    weights: Values,
    columns: Sequence[int],
    edges: Sequence[Values],
    heights: Sequence[Values],
    start: float,
) -> Additive:
    """Return the learner of bins; it starts at the average lead, so that parts are above or below that."""
    middles = [
        float(np.average(height[_places(matrix[:, c], e)], weights=weights))
        for c, e, height in zip(columns, edges, heights, strict=True)
    ]
    nothing = np.zeros(len(columns))
    return Additive(
        columns=tuple(columns),
        width=matrix.shape[1],
        start=start + sum(middles),
        slopes=nothing,
        centres=nothing,
        lows=nothing,
        highs=nothing,
        edges=tuple(edges),
        heights=tuple(height - middle for height, middle in zip(heights, middles, strict=True)),
    )


def _edges(values: Values) -> Values:
    """Return the bounds of up to ten bins of like count; a value seen often has one of its own."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.zeros(0)
    singles = np.unique(known)
    if len(singles) <= BINS:
        return np.asarray((singles[1:] + singles[:-1]) / 2.0)
    cuts = np.unique(np.quantile(known, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    return np.asarray(cuts[cuts > singles[0]])


def additive_from_bytes(data: bytes, columns: Sequence[int], width: int) -> Additive:
    """Return the figures `Additive.to_bytes` wrote; ValueError or KeyError if it did not."""
    told: Mapping[str, Any] = json.loads(data)
    return Additive(
        columns=tuple(columns),
        width=width,
        start=float(told["start"]),
        slopes=np.array(told["slopes"], dtype=np.float64),
        centres=np.array(told["centres"], dtype=np.float64),
        lows=np.array(told["lows"], dtype=np.float64),
        highs=np.array(told["highs"], dtype=np.float64),
        edges=tuple(np.array(edges, dtype=np.float64) for edges in told["edges"]),
        heights=tuple(np.array(heights, dtype=np.float64) for heights in told["heights"]),
    )
