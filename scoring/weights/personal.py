"""Fit the weights to one lead: which pillars foretold their own steps.

One lead gives few observations, so the fit is held to the weights everybody has by a prior (see `posterior`,
one group): without observations it stays there, and it moves as theirs add up. Moving by hardly anything is
not moving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leads.ml.metrics import Flags, Values
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.weights.combined import Adjustment
from scoring.weights.posterior import LEVEL, Sample, Spreads, fit

MOST = 0.2
"""How far a multiplier may lie from one."""

SPREAD = 0.15
"""How much weights differ between leads, as a standard deviation: nobody's own weight is known exactly."""

LEAST = 4
"""Own observations below which nothing is said."""

LEAST_CHANGE = 0.01

LEAST_MOMENTS = 100
LEAST_STEPS = 20
"""Moments of all leads, and of the rarer outcome, below which nothing is known of what is usual."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a score tells of a step within a week, with all leads alike: log odds = level + slope · margin."""

    level: float
    slope: float

    def base(self, count: int) -> Values:
        return np.full(count, self.level)

    def margins(self, margins: Values) -> Values:
        return np.asarray(self.slope * margins)


def common_course(margins: Values, steps: Flags) -> Course | None:
    """Return how margins (n, p) of all leads' moments tell of steps (n,); None where they do not.

    A model says who closes within 90 days; who takes a step within a week is another matter.
    """
    if len(steps) < LEAST_MOMENTS or min(int(steps.sum()), int((~steps).sum())) < LEAST_STEPS:
        return None
    total = margins.sum(axis=1)
    sample = Sample(np.zeros(len(steps)), total[:, None], steps, np.zeros(len(steps), dtype=np.int64), 0)
    level, slope = fit(sample, Spreads(10.0, 1.0)).mode[0]
    return Course(float(level), float(slope)) if slope > 0 else None


def personal_weights(
    margins: Values,
    base: Values,
    steps: Flags,
    *,
    pillars: Sequence[Pillar] = tuple(Pillar),
) -> Adjustment:
    """Return what a lead's own past multiplies each pillar with, within ±20%.

    `margins` (k, p) are the pillars' log odds at k past moments of the lead, with the weights of segment and
    market in them, `base` (k,) the log odds at the start, `steps` (k,) whether they took a step soon after.
    The lead's own level is left to itself (prior of spread LEVEL), so that who is simply keener than others
    does not look as if every pillar counted more.
    """
    margins, base, steps = np.asarray(margins, float), np.asarray(base, float), np.asarray(steps, bool)
    count = len(base)
    if margins.shape != (count, len(pillars)) or len(steps) != count:
        raise ValueError(f"Margins and steps of {count} moments and {len(pillars)} pillars are needed.")
    if not (np.isfinite(margins).all() and np.isfinite(base).all()):
        raise ValueError("Margins must be finite numbers.")
    if count < LEAST:
        return Adjustment()
    plain = base + margins.sum(axis=1)
    sample = Sample(plain, margins, steps, np.zeros(count, dtype=np.int64), 0)
    found = fit(sample, Spreads(SPREAD, SPREAD), level=LEVEL).mode[0, 1:]
    moved = np.clip(found, -MOST, MOST)
    multipliers = {
        pillar: 1.0 + float(change) if abs(change) >= LEAST_CHANGE else 1.0
        for pillar, change in zip(pillars, moved, strict=True)
    }
    reasons = {pillar: _sentence(pillar, one, count) for pillar, one in multipliers.items() if one != 1.0}
    return Adjustment(multipliers, reasons)


def _sentence(pillar: Pillar, multiplier: float, count: int) -> str:
    percent, side = round(100.0 * abs(multiplier - 1.0)), "more" if multiplier > 1.0 else "less"
    return (
        f"{PILLAR_LABELS[pillar]} counts {percent}% {side} with them:"
        f" in {count} moments of their own past it told {side} than with others."
    )
