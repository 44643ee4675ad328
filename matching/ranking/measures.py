"""How high the home a person turned to next stood in a ranking; places are counted from nought."""

from __future__ import annotations

import numpy as np

from leads.ml.metrics import Flags, Values


def place_of(scores: Values, target: int) -> float:
    """Return the place of one of the scored homes; those scored alike share the middle of their places."""
    mine = scores[target]
    return float((scores > mine).sum()) + 0.5 * (float((scores == mine).sum()) - 1.0)


def ndcg(places: Values, k: int) -> Values:
    """Return the discounted gain of each place (n,): with one right home, the ideal is 1."""
    return np.where(places < k, 1.0 / np.log2(np.floor(places) + 2.0), 0.0)


def hits(places: Values, k: int) -> Flags:
    """Tell of each place whether it is among the first k."""
    return np.asarray(places < k)


def reciprocal(places: Values) -> Values:
    """Return one over each rank (n,)."""
    return np.asarray(1.0 / (places + 1.0))
