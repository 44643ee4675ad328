"""Shallow boosted trees (XGBoost) with exact contributions (TreeSHAP), stored in XGBoost's own format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from leads.ml.metrics import Flags, Values

LARGE = 400_000
"""Values from which two threads pay; on fewer they wait for one another, above all on a busy machine."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a booster grows. Shallow and slow: 200 trees of depth 3 explain in a millisecond."""

    depth: int = 3
    rounds: int = 200
    rate: float = 0.05
    least_weight: float = 5.0
    ridge: float = 3.0
    rows: float = 0.8
    columns: float = 0.7


@dataclass(frozen=True, slots=True)
class Booster:
    """Grown trees: margins are log odds, NaN is a value of its own."""

    trees: xgboost.Booster

    def margins(self, matrix: Values) -> Values:
        """Return the log odds of each row (n,) of a matrix (n, k)."""
        told = self.trees.predict(xgboost.DMatrix(matrix, nthread=1), output_margin=True)
        return np.asarray(told, dtype=np.float64)

    def contributions(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start and what each feature adds (k, n): exact TreeSHAP."""
        told = self.trees.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True)
        parts = np.asarray(told, dtype=np.float64)
        return float(parts[0, -1]), np.ascontiguousarray(parts[:, :-1].T)

    def to_bytes(self) -> bytes:
        """Return the trees as XGBoost's binary JSON."""
        return bytes(self.trees.save_raw(raw_format="ubj"))

    @staticmethod
    def from_bytes(data: bytes) -> Booster:
        """Return the trees `to_bytes` wrote; ValueError if it did not."""
        trees = xgboost.Booster({"nthread": 1})
        try:
            trees.load_model(bytearray(data))
        except xgboost.core.XGBoostError as error:
            raise ValueError("These are no trees of XGBoost.") from error
        return Booster(trees)


def grow(
    matrix: Values,
    outcomes: Flags,
    *,
    seed: int,
    shape: Shape = Shape(),  # noqa: B008 frozen
    weights: Values | None = None,
    monotone: Sequence[int] | None = None,
) -> Booster:
    """Return trees grown on a matrix (n, k) with outcomes (n,) and row weights (n,).

    `monotone` says of each column whether the margin may only rise (1), only fall (−1) or both (0).
    """
    threads = 2 if matrix.size >= LARGE else 1
    settings: dict[str, Any] = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": shape.depth,
        "eta": shape.rate,
        "min_child_weight": shape.least_weight,
        "lambda": shape.ridge,
        "subsample": shape.rows,
        "colsample_bytree": shape.columns,
        "max_bin": 128,
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }
    if monotone is not None:
        settings["monotone_constraints"] = tuple(monotone)
    data = xgboost.DMatrix(matrix, label=outcomes.astype(np.float64), weight=weights, nthread=threads)
    trees = xgboost.train(settings, data, num_boost_round=shape.rounds)
    trees.set_param({"nthread": 1})
    return Booster(trees)
