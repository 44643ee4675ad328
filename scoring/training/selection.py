"""Let models compete on leads that came after those they learned from.

Rows are in the order of time throughout. A model is judged by the log loss of its calibrated probabilities,
each fold's calibration fitted on the folds before it: of two that rank alike, the better calibrated wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from leads.ml import calibration
from leads.ml.boosting import Shape, grow
from leads.ml.calibration import Past
from leads.ml.metrics import Flags, Values, log_loss
from scoring.training.learners import Blend, Learner, Trees, fit_bins, fit_line

FOLDS = 5
FIRST = 0.3
"""Share of the rows the first fold's model learns from."""

THINNED = 16_000
"""Rows the competition runs on at most, evenly taken; the winner learns from all."""

CLOCKWISE = 0.5
"""Share of a column's order that the order in time explains, from which it counts as a clock."""

HALF_LIFE = 0.25

ALIKE = 0.02
"""Share of the best one's log loss within which another kind of model may join it."""

WORTH = 0.01
"""Share of the best one's log loss that both together may cost."""


@dataclass(frozen=True, slots=True)
class Learning:
    """What every recipe is told: the seed, how columns may move the margin, and which of them are clocks."""

    seed: int
    monotone: tuple[int, ...] | None = None
    timely: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to learn: the kind, its strength, how recent rows count, and whether clocks are left out."""

    kind: Literal["trees", "line", "bins", "blend"]
    depth: int = 3
    rounds: int = 200
    strength: float = 0.1
    half_life: float | None = None
    timeless: bool = False
    parts: tuple[Recipe, ...] = ()

    @property
    def name(self) -> str:
        if self.kind == "blend":
            return " + ".join(part.name for part in self.parts)
        told = (
            f"trees {self.depth}×{self.rounds}" if self.kind == "trees" else f"{self.kind} {self.strength:g}"
        )
        return told + (", recent" if self.half_life else "") + (", timeless" if self.timeless else "")


def fold_bounds(times: Values) -> tuple[int, ...]:
    """Return the rows at which folds begin, and the end; rows of one moment stay in one fold."""
    count = len(times)
    wanted = np.round(np.linspace(FIRST, 1.0, FOLDS + 1) * count)
    bounds = list[int]()
    for place in wanted[:-1]:
        begin = int(np.searchsorted(times, times[min(int(place), count - 1)], side="left"))
        bounds.append(begin if begin > 0.5 * place else int(place))
    return tuple(sorted({max(1, bound) for bound in bounds} | {count}))


def clocks(matrix: Values, columns: Sequence[int]) -> frozenset[int]:
    """Return the columns that tell when a row came rather than who it is.

    The share of the rows' order explained by a column's twenty bins (correlation ratio, Pearson 1905). What a
    model learns from such a column is how an earlier time differed, which says nothing of a time to come.
    """
    order = np.arange(len(matrix)) / len(matrix)
    total = float(((order - order.mean()) ** 2).sum())
    found = set[int]()
    for column in columns:
        values = np.nan_to_num(matrix[:, column], nan=-math.inf)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 21)[1:-1], method="nearest"))
        groups = np.searchsorted(edges, values, side="left")
        counts = np.maximum(np.bincount(groups), 1)
        means = np.bincount(groups, weights=order) / counts
        if float((counts * (means - order.mean()) ** 2).sum()) >= CLOCKWISE * total:
            found.add(column)
    return frozenset(found)


def past_of(times: Values, known_at: Values, bounds: Sequence[int]) -> Past:
    """Return, for each fold, the rows before it whose outcome was known when it began.

    An outcome takes weeks to come: what a row of last week became was not known to whoever trained today, and
    rows of one lead share it.
    """
    return [np.flatnonzero(known_at[:begin] <= times[begin]) for begin in bounds[:-1]]


def inner_past(past: Past, first: int) -> Past:
    """Return the same counted from the first fold's beginning."""
    return [rows[rows >= first] - first for rows in past]


def learn(recipe: Recipe, matrix: Values, outcomes: Flags, weights: Values, how: Learning) -> Learner:
    """Return the recipe's model of weighted rows, in the order of time, by the columns that vary."""
    if recipe.kind == "blend":
        told = [learn(part, matrix, outcomes, weights, how) for part in recipe.parts]
        return Blend(tuple(1.0 / len(told) for _ in told), tuple(told))
    columns = [j for j in varying(matrix) if not (recipe.timeless and j in how.timely)]
    if recipe.half_life is not None:
        weights = weights * calibration.recency(len(matrix), recipe.half_life)
    if recipe.kind == "trees":
        shape = Shape(depth=recipe.depth, rounds=recipe.rounds)
        rules = None if how.monotone is None else [how.monotone[j] for j in columns]
        booster = grow(
            matrix[:, columns], outcomes, seed=how.seed, shape=shape, weights=weights, monotone=rules
        )
        return Trees(tuple(columns), matrix.shape[1], booster)
    fit = fit_line if recipe.kind == "line" else fit_bins
    return fit(matrix, outcomes, weights, columns, recipe.strength)


def varying(matrix: Values) -> list[int]:
    """Return the columns that hold more than one value, a missing one counted as one."""
    first = matrix[:1]
    same = (matrix == first) | (np.isnan(matrix) & np.isnan(first))
    return [int(j) for j in np.flatnonzero(~same.all(axis=0))]


def forward_margins(
    recipe: Recipe,
    matrix: Values,
    outcomes: Flags,
    bounds: Sequence[int],
    past: Past,
    weights: Values,
    how: Learning,
) -> Values:
    """Return the log odds each row from `bounds[0]` on got from a model of its fold's past."""
    if recipe.kind == "blend":
        told = [forward_margins(part, matrix, outcomes, bounds, past, weights, how) for part in recipe.parts]
        return np.asarray(np.mean(told, axis=0))
    margins = np.zeros(bounds[-1] - bounds[0])
    for begin, end, rows in zip(bounds[:-1], bounds[1:], past, strict=True):
        seen = outcomes[rows]
        if seen.all() or not seen.any() or not varying(matrix[rows]):
            rate = (seen.sum() + 1.0) / (len(seen) + 2.0)
            margins[begin - bounds[0] : end - bounds[0]] = math.log(rate / (1.0 - rate))
            continue
        model = learn(recipe, matrix[rows], seen, weights[rows], how)
        margins[begin - bounds[0] : end - bounds[0]] = model.margins(matrix[begin:end])
    return margins


def within(bounds: Sequence[int]) -> tuple[int, ...]:
    """Return the folds' bounds counted from the first fold's beginning."""
    return tuple(bound - bounds[0] for bound in bounds)


def forward_loss(margins: Values, outcomes: Flags, bounds: Sequence[int], past: Past) -> float:
    """Return the log loss of margins calibrated forward, from the second fold on."""
    inner = within(bounds)
    rare = min(int(outcomes.sum()), int((~outcomes).sum()))
    way = calibration.Manner("beta" if rare >= calibration.LEAST_FOR_BETA else "identity")
    said = calibration.forward(way, margins, outcomes, inner, inner_past(past, bounds[0]))
    first = inner[1] if len(inner) > 2 else 0
    return log_loss(outcomes[first:], said[first:])


@dataclass(frozen=True, slots=True)
class Choice:
    """The recipe that won, and the forward log loss of every one that took part."""

    recipe: Recipe
    losses: dict[str, float]


TREES = (Recipe("trees", depth=2, rounds=250), Recipe("trees", depth=3), Recipe("trees", depth=4))
ADDITIVE = (
    Recipe("line", strength=0.01),
    Recipe("line", strength=0.3),
    Recipe("bins", strength=0.003),
    Recipe("bins", strength=0.1),
)


def compete(
    matrix: Values,
    outcomes: Flags,
    times: Values,
    known_at: Values,
    weights: Values,
    how: Learning,
) -> Choice:
    """Return the recipe with the least forward log loss, found step by step.

    First trees against trees and additive against additive; then the better of each with recent rows counting
    more, without clocks, and with both. The two together are taken unless that costs: they err in different
    ways, and when times change the mean of both goes less astray than either.
    """
    step = -(-len(matrix) // THINNED)
    matrix, outcomes, times, weights = matrix[::step], outcomes[::step], times[::step], weights[::step]
    bounds = fold_bounds(times)
    past = past_of(times, known_at[::step], bounds)
    held = outcomes[bounds[0] :]
    losses: dict[str, float] = {}
    margins: dict[str, Values] = {}

    def judge(recipe: Recipe) -> float:
        if recipe.name not in losses:
            if recipe.kind == "blend":
                told = np.asarray(np.mean([margins[part.name] for part in recipe.parts], axis=0))
            else:
                told = forward_margins(recipe, matrix, outcomes, bounds, past, weights, how)
            margins[recipe.name] = told
            losses[recipe.name] = forward_loss(told, held, bounds, past)
        return losses[recipe.name]

    winners = list[Recipe]()
    for field in (TREES, ADDITIVE):
        best = min(field, key=judge)
        variants = [best, replace(best, half_life=HALF_LIFE)]
        if how.timely:
            variants += [replace(one, timeless=True) for one in variants]
        winners.append(min(variants, key=judge))
    both = Recipe("blend", parts=tuple(winners))
    best, other = sorted(winners, key=judge)
    fits = judge(other) <= (1.0 + ALIKE) * judge(best) and judge(both) <= (1.0 + WORTH) * judge(best)
    return Choice(both if fits or judge(both) < judge(best) else best, losses)
