"""Partial pooling: how often leads of a segment, and of a source within it, convert against what was said.

A level is the log odds by which such leads convert more or less often than their parent says: a source's
parent is its segment, a segment's the tenant's blended model. A level is worth its own leads, the parent
`pool` leads: of n leads whose looks came at the rate r, and of which the parent said p on average, it says

    (n · r + pool · p) / (n + pool)

on average. So one's own share is n / (n + pool), and a level without leads is its parent. `pool` is chosen
forward in time, against no levels at all. Parents are first brought to the rate of all rows at hand: outcomes
that came are known before those that did not, and how often leads come as a whole is the calibrator's to say.
A lead counts once in n, however often it was looked at; rates are
of looks, as the parent's probabilities are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.ml import calibration, metrics
from leads.ml.calibration import Past
from leads.ml.metrics import Flags, Groups, Values
from scoring.cohorts import Levels

POOLS = (5.0, 20.0, 80.0, 320.0, 1_280.0)
"""Leads that what the parent says may be worth; validation chooses."""

LEAST_POOL = 1.0
"""The same where only finite log odds are wanted."""

NONE = "none"
STEEPEST = 30.0
ROUNDS = 100
ENOUGH = 1e-12


@dataclass(frozen=True, slots=True)
class Pooled:
    """The pool that was chosen, None where levels bring nothing, and what follows from it.

    `heights` (k,) are the levels learned from all rows; `shifts` (n,) what each row's cohort was known to add
    when its fold began; `losses` the forward log loss by pool.
    """

    pool: float | None
    heights: Values
    shifts: Values
    losses: dict[str, float]


def choose(
    held: Values, margins: Values, outcomes: Flags, leads: Groups, bounds: Sequence[int], past: Past
) -> Pooled:
    """Return the levels of rows (n,) with forward margins; `held` (n, k) says which row is of which level.

    Levels are taken where they save more log loss than its standard error, which lies between leads.
    """
    first = bounds[1] if len(bounds) > 2 else 0
    before = metrics.log_losses(outcomes, calibration.sigmoid(margins))[first:]
    losses, tried = {NONE: float(before.mean())}, dict[float, Values]()
    for pool in POOLS:
        shifts = np.zeros(len(margins))
        for begin, end, rows in zip(bounds[:-1], bounds[1:], past, strict=True):
            if len(rows):
                said = _brought(margins[rows], outcomes[rows], leads[rows])
                found = heights(held[rows], said, outcomes[rows], leads[rows], pool)
                shifts[begin:end] = held[begin:end] @ found
        tried[pool] = shifts
        losses[f"{pool:g}"] = metrics.log_loss(
            outcomes[first:], calibration.sigmoid(margins + shifts)[first:]
        )
    best = min(POOLS, key=lambda pool: losses[f"{pool:g}"])
    after = metrics.log_losses(outcomes, calibration.sigmoid(margins + tried[best]))[first:]
    saved = before - after
    if saved.mean() <= _error_of_mean(saved, leads[first:]):
        return Pooled(None, np.zeros(held.shape[1]), np.zeros(len(margins)), losses)
    found = heights(held, _brought(margins, outcomes, leads), outcomes, leads, best)
    return Pooled(best, found, tried[best], losses)


def heights(held: Values, margins: Values, outcomes: Flags, leads: Groups, pool: float) -> Values:
    """Return the log odds (k,) each level adds to its parent's; segments come before their sources."""
    said, found = margins.copy(), np.zeros(held.shape[1])
    for j in range(held.shape[1]):
        rows = np.flatnonzero(held[:, j])
        if len(rows):
            count = len(np.unique(leads[rows]))
            found[j] = _height(said[rows], outcomes[rows], count, pool)
            said[rows] += found[j]
    return found


def tell(
    levels: Levels, pooled: Pooled, held: Values, outcomes: Flags, leads: Groups, share: float
) -> list[dict[str, Any]]:
    """Return each level as plain JSON: its leads, how many came, one's own share, and its odds' multiple.

    `share` is one's own in the blended model. Of what is not one's own, the parent's share is.
    """
    told = list[dict[str, Any]]()
    for j, level in enumerate(levels.levels):
        rows = held[:, j] > 0
        count, above = len(np.unique(leads[rows])), levels.parent(j)
        own = 0.0 if pooled.pool is None else count / (count + pooled.pool)
        rest = share if above is None else float(told[above]["own_share"])
        height = float(pooled.heights[j]) + (0.0 if above is None else float(pooled.heights[above]))
        told.append(
            {
                "segment": level.segment,
                "source": level.source,
                "leads": count,
                "came": len(np.unique(leads[rows & outcomes])),
                "own_share": own + (1.0 - own) * rest,
                "odds": math.exp(height),
            }
        )
    return told


def _brought(margins: Values, outcomes: Flags, leads: Groups) -> Values:
    """Return margins brought to the rate of their rows."""
    return margins + _height(margins, outcomes, len(np.unique(leads)), LEAST_POOL)


def _height(said: Values, outcomes: Flags, count: int, pool: float) -> float:
    """Return what is added to the log odds of `count` leads' looks, so that their mean is the pooled one."""
    rate = float(calibration.sigmoid(said).mean())
    wanted = (count * float(outcomes.mean()) + pool * rate) / (count + pool)
    low, high, found = -STEEPEST, STEEPEST, 0.0
    for _ in range(ROUNDS):
        told = calibration.sigmoid(said + found)
        off = float(told.mean()) - wanted
        if abs(off) < ENOUGH:
            break
        low, high = (low, found) if off > 0 else (found, high)
        slope = float((told * (1.0 - told)).mean())
        step = found - off / slope if slope > 0 else math.inf
        found = step if low < step < high else 0.5 * (low + high)
    return found


def _error_of_mean(values: Values, leads: Groups) -> float:
    """Return the standard error of a mean over rows, those of one lead being no independent ones."""
    places: NDArray[np.int64] = np.unique(leads, return_inverse=True)[1]
    sums = np.bincount(places, weights=values - values.mean())
    return math.sqrt(float((sums**2).sum())) / len(values)
