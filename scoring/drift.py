"""Whether leads still look like those a model learned from.

The population stability index of a feature is Σ (a − e)·ln(a / e) over its bins, e being the shares then and
a those now (Siddiqi 2006); from 0.25 the two are taken for different. Few leads give a high index by chance:
it is (1/n + 1/m)·χ² then (Yurdakul 2018), so only what chance would hardly give, all features counted
(Bonferroni, 5%), is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leads.ml.metrics import Values
from scoring.experiments.assignment import chi_square_tail

BINS = 10
GREAT = 0.25
ERROR = 0.05
HALF = 0.5
"""A lead added to every bin, so that an empty one gives no infinite index."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a feature was: bounds of its bins, and the leads in each, those where it is missing last."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"edges": list(self.edges), "counts": list(self.counts)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Reference:
        """Return what `as_json` wrote."""
        return cls(
            tuple(float(edge) for edge in told["edges"]), tuple(int(count) for count in told["counts"])
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a feature is from what it was, and whether that is more than chance and more than a little."""

    feature: str
    index: float
    is_drifted: bool


def reference(values: Values) -> Reference:
    """Return what a feature (n,) is: up to ten bins of like count, or one for each of few values."""
    known = values[~np.isnan(values)]
    singles = np.unique(known)
    if len(singles) <= BINS:
        edges = (singles[1:] + singles[:-1]) / 2.0
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
        edges = edges[edges > singles[0]]
    return Reference(tuple(edges.tolist()), tuple(_counts(values, edges).tolist()))


def drifts(references: Mapping[str, Reference], matrix: Values, names: Sequence[str]) -> list[Drift]:
    """Return how far each feature of leads (n, k) is from what it was, the farthest first."""
    found = []
    for j, name in enumerate(names):
        if name not in references:
            continue
        then = references[name]
        now = _counts(matrix[:, j], np.array(then.edges))
        index = _index(np.array(then.counts), now)
        if len(matrix) == 0:
            chance = 1.0
        else:
            spread = 1.0 / max(1, sum(then.counts)) + 1.0 / len(matrix)
            chance = chi_square_tail(index / spread, max(1, len(then.counts) - 1))
        found.append(Drift(name, index, index >= GREAT and chance < ERROR / len(references)))
    return sorted(found, key=lambda one: -one.index)


def _counts(values: Values, edges: Values) -> np.ndarray[Any, np.dtype[np.int64]]:
    places = np.where(
        np.isnan(values), len(edges) + 1, np.searchsorted(edges, np.nan_to_num(values), side="right")
    )
    return np.bincount(places, minlength=len(edges) + 2).astype(np.int64)


def _index(then: np.ndarray[Any, Any], now: np.ndarray[Any, Any]) -> float:
    first = (then + HALF) / (then.sum() + HALF * len(then))
    second = (now + HALF) / (now.sum() + HALF * len(now))
    return float(((second - first) * np.log(second / first)).sum())
