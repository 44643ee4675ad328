"""Find columns and kinds of events that give the outcome away.

A level (a word in a column, a column being filled, an event having happened) is decisive when nearly all who
have it ended alike: the odds at the near end of Wilson's interval are still a multiple of the usual ones. A
column is named when decisive levels decide a good share of the leads of that outcome; few such leads, and it
is an honest strong sign. A kind of event needs no share: what happens only to those who convert, or never to
them, is the outcome's own record. Judged on training rows alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from leads.ml.columns import Codes, Column, plain
from leads.ml.metrics import Flags, Values, auc, wilson

SURE = 0.95
"""Share that ended alike among those who have a level."""

TIMES = 12.0
"""How many times the usual odds the near end of the interval is."""

DECIDED = 0.10
"""Share of the leads of an outcome that a column's decisive levels decide."""

DECIDED_RARELY = 0.25
RARE = 0.2
"""Below this base rate a level without conversions says less, and has to decide more."""

TOLD_APART = 0.975
"""AUC of a column alone, on rows its rates were not taken from."""

SURE_KIND = 0.97
LEAST_HELD = 12
LEAST_EACH = 30
FEW = 20
"""Different numbers up to which each is a level of its own."""

MODE = 0.05


@dataclass(frozen=True, slots=True)
class Leak:
    """What gives the outcome away, and by which figures."""

    name: str
    of: Literal["column", "event kind"]
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON."""
        return {"name": self.name, "of": self.of, "why": self.why}


def leaking_columns(columns: Mapping[str, Column], outcomes: Flags) -> tuple[Leak, ...]:
    """Return the columns that give the outcomes (n,) away."""
    found = [_judge(name, column, outcomes) for name, column in columns.items()]
    return tuple(leak for leak in found if leak is not None)


def leaking_kinds(names: Sequence[str], before: Values, ever: Values, outcomes: Flags) -> tuple[Leak, ...]:
    """Return the kinds that give the outcomes (n,) away.

    `before` and `ever` count the events of each kind (n, kinds) up to the moment a lead is scored at, and in
    all: what decides in the end and already happened to some by then is a leak too.
    """
    found = list[Leak]()
    for place, name in enumerate(names):
        if not before[:, place].any():
            continue
        for when, counts in (("by then", before[:, place]), ("ever", ever[:, place])):
            held = counts > 0
            size, hits = int(held.sum()), int(outcomes[held].sum())
            if _decisive(size, hits, outcomes, SURE_KIND):
                why = (
                    f"Of {size} leads to whom it happened {when}, {hits} converted; of all, "
                    f"{outcomes.mean():.1%} did."
                )
                found.append(Leak(name, "event kind", why))
                break
    return tuple(found)


def _decisive(size: int, hits: int, outcomes: Flags, sure: float) -> bool:
    """Tell whether nearly all of these ended alike, beyond chance and far from the usual."""
    if size < LEAST_HELD:
        return False
    usual = _odds(float(outcomes.mean()))
    low, high = wilson(hits, size)
    if hits >= sure * size:
        return _odds(low) >= TIMES * usual
    return hits <= (1.0 - sure) * size and _odds(high) * TIMES <= usual


def _odds(share: float) -> float:
    return math.inf if share >= 1.0 else share / (1.0 - share)


def _judge(name: str, column: Column, outcomes: Flags) -> Leak | None:
    """Return why a column gives the outcome away, or nothing."""
    yes = int(outcomes.sum())
    no = len(outcomes) - yes
    if min(yes, no) < LEAST_HELD:
        return None
    for levels, codes in _groupings(column):
        sizes = np.bincount(codes, minlength=len(levels))
        hits = np.bincount(codes, weights=outcomes, minlength=len(levels)).astype(np.int64)
        told = [
            place
            for place in np.flatnonzero(sizes >= LEAST_HELD)
            if _decisive(int(sizes[place]), int(hits[place]), outcomes, SURE)
        ]
        sure_yes = [place for place in told if 2 * hits[place] > sizes[place]]
        sure_no = [place for place in told if 2 * hits[place] <= sizes[place]]
        of_yes = hits[sure_yes].sum() / yes
        of_no = (sizes - hits)[sure_no].sum() / no
        if of_yes >= DECIDED or of_no >= (DECIDED if yes >= RARE * len(outcomes) else DECIDED_RARELY):
            chosen = sure_yes if of_yes >= of_no else sure_no
            best = max(chosen, key=lambda place: int(sizes[place]))
            why = (
                f"Of {sizes[best]} leads with {levels[best]}, {hits[best]} converted; of all, "
                f"{outcomes.mean():.1%} did. Such values decide {of_yes:.0%} of the conversions and "
                f"{of_no:.0%} of the others."
            )
            return Leak(name, "column", why)
    alone = _alone(column, outcomes)
    if alone >= TOLD_APART:
        return Leak(name, "column", f"By itself it tells outcomes apart with an AUC of {alone:.3f}.")
    return None


def _groupings(column: Column) -> list[tuple[list[str], Codes]]:
    """Return the ways to sort rows by a column: filled or not, by level, by its commonest number."""
    missing = column.missing
    ways = [(["nothing in it", "something in it"], (~missing).astype(np.int64))]
    if column.kind == "text":
        ways.append((["nothing in it", *(f"“{level[:40]}”" for level in column.levels)], column.codes + 1))
    elif column.kind == "number":
        values, places, counts = np.unique(column.numbers[~missing], return_inverse=True, return_counts=True)
        codes = np.zeros(len(column), dtype=np.int64)
        if 0 < len(values) <= FEW:
            codes[~missing] = places + 1
            ways.append((["nothing in it", *(plain(value) for value in values)], codes))
        elif len(values) and counts.max() >= MODE * len(column):
            top = int(counts.argmax())
            codes[~missing] = np.where(places == top, 1, 2)
            name = plain(values[top])
            ways.append((["nothing in it", name, f"another number than {name}"], codes))
    return ways


def _alone(column: Column, outcomes: Flags) -> float:
    """Return how well a column alone ranks one half of the rows by the rates of the other; 0 if too few."""
    codes = _binned(column)
    # drawn, for a file may be in a pattern; always the same draw
    learn, judge = np.array_split(np.random.default_rng(0).permutation(len(codes)), 2)
    hits = int(outcomes[judge].sum())
    if min(hits, len(judge) - hits) < LEAST_EACH:
        return 0.0
    size = int(codes.max()) + 1
    rate = float(outcomes[learn].mean())
    sizes = np.bincount(codes[learn], minlength=size)
    shares = (np.bincount(codes[learn], weights=outcomes[learn], minlength=size) + 5.0 * rate) / (sizes + 5.0)
    return auc(outcomes[judge], shares[codes[judge]])


def _binned(column: Column) -> Codes:
    if column.kind == "text":
        return np.asarray(column.codes + 1)
    known = column.numbers[~column.missing]
    if column.kind == "moment" or len(known) == 0:
        return (~column.missing).astype(np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, 21)[1:-1]))
    return np.where(column.missing, 0, 1 + np.searchsorted(edges, column.numbers, side="right"))
