"""Two buyers keep two weightings; the shortlist holds what neither need give up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import engine
from matching.homes import homes_of
from matching.household import Person, shared, undominated
from matching.wants import Wants
from tests.matching.cases import patient, simulated
from tests.matching.test_engine import MARKET, WANTS

QUIET = {"walkability": "ignore", "market": "ignore"}
ROOMS = Person("Ana", Wants(beds_min=4, sqft_min=2000, importance=QUIET | {"beds": "must", "size": 5}))
WALKS = Person("Ben", Wants(beds_min=2, sqft_min=2000, importance=QUIET | {"beds": 1, "walkability": 5}))


def test_each_person_has_a_score_of_their_own() -> None:
    homes = simulated(50)
    both = shared(homes, [ROOMS, WALKS])

    assert both.totals.shape == (2, 50)
    assert (both.totals[0] == engine.match(homes, ROOMS.wants).totals).all()
    assert (both.totals[1] == engine.match(homes, WALKS.wants).totals).all()


def test_the_shortlist_is_the_front_inside_everybodys_musts() -> None:
    homes = homes_of(
        {
            "pk": [1, 2, 3, 4, 5],
            "bedrooms_total": [4, 4, 4, 3, 4],
            "living_area": [2000, 1700, 1700, 2000, 1900],
            "walkability": [10, 90, 80, 99, 50],
        }
    )
    both = shared(homes, [ROOMS, WALKS])

    assert both.refused_by(3) == ("Ana",)
    assert both.refused_by(0) == ()
    assert sorted(both.shortlist(9).tolist()) == [0, 1, 4]
    assert both.shortlist(1).tolist() == [4]


@patient()
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_the_front_is_what_nothing_is_better_than(pairs: list[tuple[int, int]]) -> None:
    totals = np.array(pairs, dtype=float).reshape(-1, 2).T
    front = undominated(totals).tolist()

    plain = [
        k
        for k, (a, b) in enumerate(pairs)
        if not any(x >= a and y >= b and (x, y) != (a, b) for x, y in pairs)
    ]
    assert front == plain


def test_where_they_disagree_is_told_by_factor() -> None:
    homes = simulated(20)
    both = shared(homes, [ROOMS, WALKS])
    by_weight = both.gaps()
    over_one = both.gaps(3)

    assert {gap.factor for gap in by_weight} == {"beds", "size", "walkability"}
    assert [gap.size for gap in by_weight] == sorted((gap.size for gap in by_weight), reverse=True)
    assert sum(gap.shares[0] for gap in by_weight) == pytest.approx(1.0)
    told = {gap.factor: gap for gap in over_one}
    assert told["walkability"].scores is not None
    assert told["walkability"].shares[0] == 0.0
    signed = sum(g.shares[0] * g.scores[0] - g.shares[1] * g.scores[1] for g in over_one if g.scores)
    assert signed == pytest.approx(both.totals[0, 3] - both.totals[1, 3])


def test_who_wants_the_same_disagrees_over_nothing() -> None:
    homes = simulated(200)
    both = shared(homes, [Person("Ana", WANTS), Person("Ben", WANTS)], market=MARKET)

    assert both.gaps() == ()
    best = both.matches[0].top(1)
    assert both.shortlist(3)[0] == best[0]
