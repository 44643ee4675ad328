"""A weighted sum of features that ranks homes within one case: a softmax over the homes, shrunk to a prior.

Each feature is told against the other homes of the case (standardised), so that a sum of them means the same
for everybody. The homes somebody turned to should have the largest share of the softmax (Plackett and Luce's
first choice; conditional logit). Without enough cases the weights stay at the prior.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leads.ml.metrics import Values

Rows = NDArray[np.int64]

STRENGTH = 2_000.0
"""Ridge towards the prior, in cases."""

MOST_STEPS = 20
CLOSE = 1e-6
"""Change of the weights below which they stand."""
FAR = 5.0
"""Standard deviations beyond which a home is not further from the others of its case."""


def standardized(matrix: NDArray[np.float32], groups: Rows) -> Values:
    """Return features (r, k) as deviations from their case's mean, in its deviations; not known is 0.

    `groups` says how many rows, one after the other, each case has.
    """
    starts = np.cumsum(groups) - groups
    places = np.repeat(np.arange(len(groups)), groups)
    told = matrix.astype(np.float64)
    known = ~np.isnan(told)
    count = np.maximum(np.add.reduceat(known, starts, axis=0, dtype=np.float64), 1.0)
    filled = np.where(known, told, 0.0)
    apart = np.where(known, filled - (np.add.reduceat(filled, starts, axis=0) / count)[places], 0.0)
    spread = np.sqrt(np.add.reduceat(apart * apart, starts, axis=0) / count)
    scaled: Values = np.clip(apart / (spread[places] + 1e-6), -FAR, FAR)
    return scaled


def fit_line(
    scaled: Values, groups: Rows, weights: Values, prior: Values, strength: float = STRENGTH
) -> Values:
    """Return the weights of features (k,); the first row of each case is the home that was turned to."""
    starts = np.cumsum(groups) - groups
    places = np.repeat(np.arange(len(groups)), groups)
    chosen = scaled[starts]

    line = prior.copy()
    for _ in range(MOST_STEPS):  # Newton's; the ridge keeps every step short
        sums = scaled @ line
        parts = np.exp(sums - np.maximum.reduceat(sums, starts)[places])
        shares = parts / np.add.reduceat(parts, starts)[places]
        middles = np.add.reduceat(shares[:, None] * scaled, starts, axis=0)
        slope = weights @ (middles - chosen) + strength * (line - prior)
        bend = (scaled * (shares * weights[places])[:, None]).T @ scaled
        bend -= (middles * weights[:, None]).T @ middles
        step = np.linalg.solve(bend + strength * np.eye(len(line)), slope)
        line -= step
        if np.abs(step).max(initial=0.0) < CLOSE:
            break
    return line
