"""People at moments of the past: what they had done by then, and the new home they turned to next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leads.ml.metrics import Values
from matching.ranking.past import Past
from matching.ranking.traits import Rows

MOST_MINE = 30
FADES = 365.0


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody at a moment: what they had done by then, and the first new home they turned to after it."""

    person: int
    at: float
    mine: Rows
    shares: Values
    """How much each of my homes counts: lately and strongly counts more; sums to 1."""
    seen: Rows
    done: int
    last: float
    target: int = -1
    met: float = np.nan


def cases_at(past: Past, moment: float, *, until: float = np.inf) -> Iterator[Case]:
    """Yield who had chosen a home before a moment and turned to a new one after it (and before `until`)."""
    for person, rows in past.persons():
        split = int(np.searchsorted(past.at[rows], moment, side="left"))
        if 0 < split < len(rows):
            case = case_of(past, person, rows[:split], moment)
            later = rows[split:]
            new = later[~np.isin(past.homes[later], case.seen) & (past.weights[later] > 0)]
            if len(new) and len(case.mine) and past.at[new[0]] < until:
                yield _met(case, int(past.homes[new[0]]), float(past.at[new[0]]))


def _met(case: Case, target: int, at: float) -> Case:
    return Case(
        case.person, case.at, case.mine, case.shares, case.seen, case.done, case.last, target=target, met=at
    )


def case_of(past: Past, person: int, rows: Rows, moment: float) -> Case:
    """Return somebody at a moment, by the rows of what they had done."""
    homes, places = np.unique(past.homes[rows], return_inverse=True)
    fading = 0.5 ** ((moment - past.at[rows]) / FADES) + 0.05
    said = np.bincount(places, past.weights[rows] * fading, minlength=len(homes))
    liked = np.flatnonzero(said > 0)
    liked = liked[np.argsort(-said[liked], kind="stable")[:MOST_MINE]]
    total = said[liked].sum()
    return Case(
        person=person,
        at=moment,
        mine=homes[liked],
        shares=np.asarray(said[liked] / total if total > 0 else said[liked], dtype=np.float64),
        seen=homes,
        done=len(rows),
        last=float(past.at[rows[-1]]) if len(rows) else moment,
    )
