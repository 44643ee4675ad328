"""Penalised logistic regression of outcomes on pillar margins, and what it leaves unknown.

log odds of lead i of group s = base_i + Σ_p m_ip + α + a_s + Σ_p (g_p + d_sp) m_ip, with normal priors:
g_p of spread `common` around 0, so that the weights 1 + g_p are drawn towards one; d_sp of spread `own`, so
that a group's weights are drawn towards those of all; a_s of spread LEVEL. That is a hierarchical ridge
(Gelman and Hill 2007, chapter 14). The posterior is taken as normal around its mode, and the evidence of the
spreads as its volume (Laplace's method; MacKay 1992).

Group 0 is of leads without a segment: for them the weights of all hold, d = 0 and a = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.ml.calibration import sigmoid
from leads.ml.metrics import Flags, Values

Groups = NDArray[np.int64]

FREE = 10.0
"""Spread of the level of all, in log odds: as good as free."""

LEVEL = 0.5
"""Spread of a group's level around that of all, in log odds."""

ROUNDS = 60
ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Spreads:
    """How far weights may lie from one, and a group's from those of all; standard deviations."""

    common: float
    own: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Leads in one order: plain log odds (n,), pillar margins (n, p), outcomes (n,), groups 0…count (n,)."""

    plain: Values
    margins: Values
    outcomes: Flags
    groups: Groups
    count: int

    def ordered(self, order: NDArray[np.int64]) -> Sample:
        """Return the leads in another order."""
        return Sample(
            self.plain[order], self.margins[order], self.outcomes[order], self.groups[order], self.count
        )

    def until(self, row: int) -> Sample:
        """Return the first rows."""
        return self.part(slice(0, row))

    def part(self, rows: slice) -> Sample:
        return Sample(
            self.plain[rows], self.margins[rows], self.outcomes[rows], self.groups[rows], self.count
        )

    @property
    def sides(self) -> Values:
        """Return a one and the margins of each lead (n, p + 1)."""
        return np.column_stack([np.ones(len(self.margins)), self.margins])


@dataclass(frozen=True, slots=True)
class Posterior:
    """The mode (count + 1, p + 1) of level and weights' deviations, their covariance, and the log evidence.

    Row 0 of the mode is what all have in common; the covariance is of the rows one after another.
    """

    mode: Values
    covariance: Values
    evidence: float

    def log_odds(self, sample: Sample) -> Values:
        """Return the log odds (n,) of leads."""
        return np.asarray(sample.plain + (sample.sides * self.rows()[sample.groups]).sum(axis=1))

    def rows(self) -> Values:
        """Return level and deviations of each group (count + 1, p + 1), those of all added in."""
        rows = self.mode + self.mode[0]
        rows[0] = self.mode[0]
        return np.asarray(rows)


def fit(sample: Sample, spreads: Spreads, *, level: float = FREE) -> Posterior:
    """Return the posterior of levels and weights by damped Newton steps; the loss is convex.

    `level` is the spread of the level that all have in common.
    """
    pillars = sample.margins.shape[1]
    width = pillars + 1
    sides = sample.sides
    members = [np.flatnonzero(sample.groups == group) for group in range(sample.count + 1)]
    pull = np.full((sample.count + 1, width), 1.0 / spreads.own**2)
    pull[:, 0] = 1.0 / LEVEL**2
    pull[0] = 1.0 / spreads.common**2
    pull[0, 0] = 1.0 / level**2

    def told(mode: Values) -> Values:
        rows = mode + mode[0]
        rows[0] = mode[0]
        return np.asarray(sample.plain + (sides * rows[sample.groups]).sum(axis=1))

    def loss(odds: Values, mode: Values) -> float:
        misses = np.logaddexp(0.0, np.where(sample.outcomes, -odds, odds)).sum()
        return float(misses + 0.5 * (pull * mode * mode).sum())

    mode = np.zeros((sample.count + 1, width))
    odds = told(mode)
    value = loss(odds, mode)
    for _ in range(ROUNDS):
        slope, curve = _derivatives(sides, members, sample.outcomes, odds)
        step = np.linalg.solve(curve + np.diag(pull.ravel()), slope + (pull * mode).ravel())
        size, change = 1.0, step.reshape(mode.shape)
        while True:
            tried = mode - size * change
            new_odds = told(tried)
            new_value = loss(new_odds, tried)
            if new_value <= value or size < 1e-4:
                break
            size *= 0.5
        gained = value - new_value
        if gained > 0:
            mode, odds, value = tried, new_odds, new_value
        if gained < ENOUGH * max(1.0, value):
            break
    _, curve = _derivatives(sides, members, sample.outcomes, odds)
    curve += np.diag(pull.ravel())
    evidence = -value + 0.5 * float(np.log(pull).sum()) - 0.5 * float(np.linalg.slogdet(curve)[1])
    return Posterior(mode, np.asarray(np.linalg.inv(curve), dtype=np.float64), evidence)


def _derivatives(
    sides: Values, members: list[NDArray[np.intp]], outcomes: Flags, odds: Values
) -> tuple[Values, Values]:
    """Return slope (k,) and curvature (k, k) of the log loss; what all have in common comes first."""
    width, count = sides.shape[1], len(members)
    said = sigmoid(odds)
    slope = np.zeros((count, width))
    curve = np.zeros((count, width, count, width))
    for group, rows in enumerate(members):
        own = sides[rows]
        pushed = own.T @ (said[rows] - outcomes[rows])
        bent = (own * (said[rows] * (1.0 - said[rows]))[:, None]).T @ own
        slope[0] += pushed
        curve[0, :, 0] += bent
        if group:
            slope[group] = pushed
            curve[group, :, group] = curve[0, :, group] = curve[group, :, 0] = bent
    return slope.ravel(), curve.reshape(count * width, count * width)


def log_likelihood(posterior: Posterior, sample: Sample) -> float:
    """Return the log probability the mode gives to outcomes."""
    odds = posterior.log_odds(sample)
    return -float(np.logaddexp(0.0, np.where(sample.outcomes, -odds, odds)).sum())


def shares(evidence: Values) -> Values:
    """Return how much each of several posteriors counts, all having been as likely before."""
    counted = np.exp(evidence - evidence.max())
    return np.asarray(counted / counted.sum())


def two_sided(z: float) -> float:
    """Return the chance that a normal deviate is further from 0 than z."""
    return math.erfc(abs(z) / math.sqrt(2.0))
