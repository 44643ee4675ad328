"""Rank homes as of moments of the past, ours and in simpler ways, and see where the next home stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from leads.backtest.engines import Tell
from leads.ml.metrics import Values
from matching.ranking.cases import Case, cases_at
from matching.ranking.measures import place_of
from matching.ranking.past import Past, Standing, standing_at
from matching.ranking.ranker import (
    Ranker,
    Recipe,
    learn,
    likeness,
    place,
    plain_scores,
    unseen,
)
from matching.ranking.traits import Rows, Traits

Scorer = Callable[[Case, Standing, Traits, Rows], Values]

TIE = 1e-6

OURS, ALIKE = "ours", "alike_for_everybody"


def _together(case: Case, standing: Standing, traits: Traits, homes: Rows) -> Values:
    return (standing.together(case.mine)[0] + TIE * standing.lately)[homes]


SIMPLE: Mapping[str, Scorer] = {
    "popularity": lambda case, standing, traits, homes: standing.ever[homes],
    "recent_popularity": lambda case, standing, traits, homes: standing.lately[homes],
    "item_knn": _together,
    "content": lambda case, standing, traits, homes: likeness(case, traits, homes),
    "content_and_recent_popularity": plain_scores,
}
"""Rankings that learn nothing."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment: who was looked at, and where each ranking put the home they turned to next."""

    at: float
    history: int
    people: Rows
    places: Mapping[str, Values]
    ranker: Ranker


def measure_at(
    past: Past, traits: Traits, moment: float, *, least: int, seed: int, tell: Tell
) -> Moment | None:
    """Return how rankings learned before a moment did after it; nothing if too few turned to a new home."""
    before = past.before(moment)
    cases = list(cases_at(past, moment))
    if len(cases) < least:
        return None
    ranker = learn(before, traits, seed=seed)
    alike = learn(before, traits, seed=seed, recipes=[Recipe(personal=False)])
    standing = standing_at(before, traits, moment)
    tell(f"ranking for {len(cases):,} people by what happened before, {len(before):,} interactions")
    places = {
        OURS: np.array([place(ranker, case, standing) for case in cases]),
        ALIKE: np.array([place(alike, case, standing) for case in cases]),
        **{name: _places(scorer, cases, standing, traits) for name, scorer in SIMPLE.items()},
    }
    return Moment(moment, len(before), np.array([case.person for case in cases]), places, ranker)


def _places(scorer: Scorer, cases: list[Case], standing: Standing, traits: Traits) -> Values:
    told = list[float]()
    for case in cases:
        homes = unseen(case, traits.count)
        target = int(np.flatnonzero(homes == case.target)[0])
        told.append(place_of(scorer(case, standing, traits, homes), target))
    return np.array(told)
