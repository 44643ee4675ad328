"""What is told of a trained model: forward figures with intervals, baselines, reliability, importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.ml import calibration, metrics
from leads.ml.calibration import Past
from leads.ml.metrics import Flags, Groups, Values
from scoring.training.learners import fit_line, fit_naive
from scoring.training.selection import THINNED, varying, within
from scoring.training.trained import Trained

ROUNDS = 200
EXPLAINED = 2_000
"""Leads that global importance is averaged over at most, the latest ones."""

LEAST_SEGMENT = 50
GRADED = 4_000
"""Forward predictions that are kept one by one at most, the latest ones."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Leads in the order of time, and what was said of those from `bounds[0]` on before they were known."""

    matrix: Values
    outcomes: Flags
    times: Values
    segments: NDArray[np.str_] | None
    bounds: tuple[int, ...]
    said: Values
    constant: Values
    past: Past
    groups: Groups | None

    def groups_in(self, rows: slice) -> Groups | None:
        """Return which of these rows are of one lead."""
        return None if self.groups is None else self.groups[rows]


def describe(model: Trained, forward: Forward, *, seed: int) -> dict[str, Any]:
    """Return the figures of a model as plain JSON."""
    outcomes, bounds, inner = forward.outcomes, forward.bounds, within(forward.bounds)
    held = outcomes[bounds[0] :]
    first = inner[1] if len(inner) > 2 else 0
    judged, said = held[first:], forward.said[first:]
    groups = forward.groups_in(slice(bounds[0] + first, None))
    return {
        "rows": len(outcomes),
        "conversions": int(outcomes.sum()),
        "base_rate": float(outcomes.mean()),
        "window": [float(forward.times[0]), float(forward.times[-1])],
        "verdict": model.verdict,
        "own_share": model.own_share,
        "folds": [
            {
                "from": float(forward.times[begin]),
                "until": float(forward.times[end - 1]),
                "learned_from": len(rows),
                "rows": end - begin,
                "conversions": int(outcomes[begin:end].sum()),
                **metrics.summary(
                    outcomes[begin:end],
                    forward.said[begin - bounds[0] : end - bounds[0]],
                    seed=seed,
                    rounds=ROUNDS,
                    groups=forward.groups_in(slice(begin, end)),
                ),
            }
            for begin, end, rows in zip(bounds[:-1], bounds[1:], forward.past, strict=True)
        ],
        "forward": metrics.summary(judged, said, seed=seed, rounds=ROUNDS, groups=groups),
        "baselines": {
            name: metrics.summary(judged, told[first:], seed=seed, rounds=ROUNDS, groups=groups)
            for name, told in baselines(forward).items()
        },
        "reliability": [row.as_json() for row in metrics.reliability(judged, said)],
        "gains": [row.as_json() for row in metrics.gains(judged, said)],
        "importance": importance(model, forward.matrix),
        "segments": _segments(model, forward, first, seed),
        "graded": _graded(forward, first),
    }


def _graded(forward: Forward, first: int) -> dict[str, Any]:
    """Return what was said of the latest leads before it was known, and what came; tiers are cut by it."""
    begin = max(forward.bounds[0] + first, forward.bounds[-1] - GRADED)
    said = forward.said[begin - forward.bounds[0] :]
    segments = [] if forward.segments is None else forward.segments[begin:].tolist()
    return {
        "scores": np.round(100.0 * said, 2).tolist(),
        "came": forward.outcomes[begin:].astype(int).tolist(),
        "segments": segments or [""] * len(said),
    }


def baselines(forward: Forward) -> dict[str, Values]:
    """Return what simple models say forward in time: the base rate, naive Bayes, logistic regression."""
    bounds, count = forward.bounds, forward.bounds[-1] - forward.bounds[0]
    told = {"constant": forward.constant, "naive_bayes": np.zeros(count), "logistic": np.zeros(count)}
    for begin, end, past in zip(bounds[:-1], bounds[1:], forward.past, strict=True):
        rows = past[:: max(1, -(-len(past) // THINNED))]
        seen, known = forward.matrix[rows], forward.outcomes[rows]
        part = slice(begin - bounds[0], end - bounds[0])
        said = simple(seen, known, forward.matrix[begin:end])
        for name in ("naive_bayes", "logistic"):
            told[name][part] = said.get(name, forward.constant[part])
    return told


def simple(matrix: Values, outcomes: Flags, later: Values) -> dict[str, Values]:
    """Return what naive Bayes and logistic regression say of later rows (m, k), as they come.

    Nothing is returned where only one outcome was seen or nothing varies.
    """
    columns: Sequence[int] = varying(matrix)
    if outcomes.all() or not outcomes.any() or not columns:
        return {}
    weights = np.ones(len(matrix))
    models = {
        "naive_bayes": fit_naive(matrix, outcomes, weights, columns),
        "logistic": fit_line(matrix, outcomes, weights, columns, strength=1.0),
    }
    return {name: calibration.sigmoid(model.margins(later)) for name, model in models.items()}


def importance(model: Trained, matrix: Values) -> list[dict[str, Any]]:
    """Return the mean size of each feature's margin (|SHAP|) over the latest leads, the greatest first."""
    _, parts = model.explain(matrix[-EXPLAINED:])
    sizes = np.abs(parts).mean(axis=1)
    told = [
        {"feature": name, "pillar": pillar.value, "mean_abs": float(size)}
        for (name, pillar), size in zip(model.features, sizes, strict=True)
    ]
    return sorted(told, key=lambda one: -float(str(one["mean_abs"])))


def _segments(model: Trained, forward: Forward, first: int, seed: int) -> dict[str, Any]:
    """Return the figures of each segment with enough leads."""
    if forward.segments is None:
        return {}
    begin = forward.bounds[0] + first
    segments = forward.segments[begin:]
    held, said, groups = forward.outcomes[begin:], forward.said[first:], forward.groups_in(slice(begin, None))
    told = {}
    for segment in np.unique(segments).tolist():
        inside = segments == segment
        if inside.sum() < LEAST_SEGMENT:
            continue
        told[segment] = {
            "rows": int(inside.sum()),
            "conversions": int(held[inside].sum()),
            **metrics.summary(
                held[inside],
                said[inside],
                seed=seed,
                rounds=ROUNDS,
                groups=None if groups is None else groups[inside],
            ),
            "reliability": [row.as_json() for row in metrics.reliability(held[inside], said[inside], 5)],
            "importance": importance(model, forward.matrix[begin:][inside])[:20],
        }
    return told
