"""Let chance decide for a few leads, so that what is learned is not only what was believed.

Whom the score calls hot is called, and who is called closes more often: a model that learns from this finds
its own belief confirmed. A small share of leads therefore gets a random priority; the chance each lead had of
being hot is kept, and what was seen is weighed by its inverse (Horvitz and Thompson 1952; Rosenbaum and Rubin
1983), as if all had been drawn alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leads.ml.metrics import Z95, Flags, Interval, Values
from scoring.experiments.assignment import drawn

SHARE = 0.05
"""Leads for which chance decides."""

HOT_SHARE = 0.5
"""Of those, leads that are hot."""

CLIP = 50.0
"""Weight of a lead at most: a few very unlikely ones would drown the rest (Ionides 2008)."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Whether a lead is treated as hot, whether chance decided, and the chance it had of being hot."""

    hot: bool
    explored: bool
    propensity: float
    priority: float | None = None
    """Between 0 and 1, drawn for an explored lead; None where the score decides."""


def explore(
    lead_id: int, *, is_hot: bool, key: str, share: float = SHARE, hot_share: float = HOT_SHARE
) -> Draw:
    """Return how a lead is treated; the same key (a tenant and a week, say) and lead give the same draw."""
    if not (0.0 <= share <= 1.0 and 0.0 < hot_share < 1.0):
        raise ValueError("The share must lie between 0 and 1, and that of hot leads strictly between.")
    propensity = share * hot_share + (1.0 - share) * is_hot
    if drawn(f"explore:{key}", lead_id) >= share:
        return Draw(is_hot, False, propensity)
    priority = drawn(f"priority:{key}", lead_id)
    return Draw(priority >= 1.0 - hot_share, True, propensity, priority)


def inverse_propensity_weights(treated: Flags, propensity: Values, *, clip: float = CLIP) -> Values:
    """Return 1 / the chance of what happened to each lead (n,), at most `clip`.

    `propensity` (n,) is the chance of being treated. ValueError if it is not strictly between 0 and 1: where
    nothing was left to chance, no weight can make up for it.
    """
    chance = np.asarray(propensity, dtype=np.float64)
    if len(chance) != len(treated):
        raise ValueError("A propensity is needed for each lead.")
    if not ((chance > 0.0) & (chance < 1.0)).all():
        raise ValueError("Propensities must lie strictly between 0 and 1.")
    return np.asarray(np.minimum(clip, 1.0 / np.where(treated, chance, 1.0 - chance)))


def learning_weights(treated: Flags, propensity: Values, *, clip: float = CLIP) -> Values:
    """Return weights (n,) of rows to learn from, as if all had had the same chance of being treated.

    `propensity` (n,) is NaN where chance decided nothing: such a row counts once. The others count by the
    share treated as they were over their own chance of it (stabilised: Robins, Hernán and Brumback 2000), so
    that on average they count once, too.
    """
    found = np.ones(len(treated))
    known = np.isfinite(np.asarray(propensity, dtype=np.float64))
    if not known.any():
        return found
    hot, chance = treated[known], propensity[known]
    share = np.where(hot, hot.mean(), 1.0 - hot.mean())
    found[known] = share * inverse_propensity_weights(hot, chance, clip=clip)
    return found


def effect_of_treatment(
    outcomes: Flags, treated: Flags, propensity: Values, *, clip: float = CLIP
) -> Interval:
    """Return the difference treatment makes to the share that closes, with its 95% interval.

    Weighted means (Hájek 1971) and the variance of their linearisation; ValueError if an arm is empty.
    """
    weights = inverse_propensity_weights(treated, propensity, clip=clip)
    value, variance = 0.0, 0.0
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        if not arm.any():
            raise ValueError("Treated leads and others are needed.")
        own, came = weights[arm], outcomes[arm].astype(np.float64)
        mean = float((own * came).sum() / own.sum())
        value += sign * mean
        variance += float(((own * (came - mean)) ** 2).sum() / own.sum() ** 2)
    reach = Z95 * variance**0.5
    return Interval(value, value - reach, value + reach)
