"""Lists hold homes that differ, and one in ten from beyond what the buyer looks at: marked, inside musts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching import diversity, engine
from matching.homes import homes_of
from matching.wants import Wants
from tests.matching.cases import patient, simulated, wanted
from tests.matching.test_engine import MARKET, WANTS


def test_reranking_is_the_worked_one() -> None:
    relevance = np.array([0.92, 0.9, 0.85, 0.8])
    pairs = {(0, 1): 0.95, (0, 2): 0.3, (0, 3): 0.2, (1, 2): 0.35, (1, 3): 0.25, (2, 3): 0.6}
    alike = np.eye(4)
    for (a, b), value in pairs.items():
        alike[a, b] = alike[b, a] = value

    assert diversity.reranked(relevance, alike, 4).tolist() == [0, 2, 3, 1]
    assert diversity.reranked(relevance, alike, 2).tolist() == [0, 2]
    assert diversity.reranked(relevance, alike, 4, trade=1.0).tolist() == [0, 1, 2, 3]


def test_homes_are_alike_by_their_own_facts() -> None:
    homes = homes_of(
        {
            "pk": range(4),
            "list_price": [4e5, 4e5, 8e5, None],
            "bedrooms_total": [3, 3, 5, None],
            "property_sub_type": ["Townhouse", "Townhouse", "Condominium", None],
            "latitude": [30.27, 30.27, 30.4, None],
            "longitude": [-97.7, -97.7, -97.9, None],
        }
    )
    alike = diversity.similarity(homes)

    assert alike[0, 1] == 1.0
    assert alike[0, 2] < 0.05
    assert (alike[3] == 0).all()
    assert (alike == alike.T).all()


@patient(40)
@given(wanted(), st.integers(0, 2**16), st.integers(1, 30))
def test_a_shelf_stays_inside_the_musts_and_marks_what_it_explores(
    wants: Wants, seed: int, count: int
) -> None:
    homes = simulated(200, seed)
    matches = engine.match(homes, wants, market=MARKET)
    band = diversity.band_of(homes.take(matches.top(8)))
    slots = diversity.shelf(homes, matches, count, seed=seed, band=band)
    rows = [slot.row for slot in slots]

    assert len(rows) == len(set(rows)) == min(count, len(rows))
    assert not matches.excluded[rows].any()
    assert slots == diversity.shelf(homes, matches, count, seed=seed, band=band)
    explored = [place for place, slot in enumerate(slots) if slot.explored]
    assert all(place % 10 >= 3 for place in explored)
    assert len({place // 10 for place in explored}) == len(explored)
    if band is not None:
        outside = band.outside(homes)
        assert all(outside[slot.row] for slot in slots if slot.explored)


def test_one_of_every_ten_is_there_to_explore() -> None:
    homes = simulated(2000, 5)
    matches = engine.match(homes, WANTS, market=MARKET)
    band = diversity.band_of(homes.take(matches.top(12)))
    slots = diversity.shelf(homes, matches, 30, seed=7, band=band)

    assert [sum(slot.explored for slot in slots[k : k + 10]) for k in (0, 10, 20)] == [1, 1, 1]
    other = diversity.shelf(homes, matches, 30, seed=8, band=band)
    assert [slot.row for slot in slots if slot.explored] != [slot.row for slot in other if slot.explored]


def test_who_looked_at_little_explores_after_the_best() -> None:
    homes = simulated(500, 5)
    matches = engine.match(homes, WANTS, market=MARKET)
    slots = diversity.shelf(homes, matches, 10, seed=1)
    explored = next(slot.row for slot in slots if slot.explored)

    assert diversity.band_of(homes.take([1, 2])) is None
    assert explored not in matches.top(50)
    assert explored in matches.top(100)


def test_a_shelf_explores_by_drawn_weights_and_leaves_out_what_it_is_told() -> None:
    homes = simulated(500, 5)
    matches = engine.match(homes, WANTS, market=MARKET)
    drawn = np.zeros(500)
    drawn[matches.top(300)[250:]] = 1.0
    best = int(matches.top(1)[0])
    slots = diversity.shelf(homes, matches, 10, seed=1, exploring=drawn, leave_out=[best])

    assert drawn[next(slot.row for slot in slots if slot.explored)] == 1.0
    assert best not in [slot.row for slot in slots]


def test_a_shelf_differs_more_than_the_plain_order() -> None:
    homes = simulated(2000, 5)
    twins = homes.take(np.repeat(np.arange(500), 4))
    twins = replace(twins, pk=np.arange(len(twins)))
    matches = engine.match(twins, WANTS, market=MARKET)
    plain = diversity.similarity(twins.take(matches.top(10))).mean()
    shown = [slot.row for slot in diversity.shelf(twins, matches, 10, seed=1)]

    assert diversity.similarity(twins.take(shown)).mean() < 0.7 * plain


def test_nothing_open_is_an_empty_shelf() -> None:
    homes = homes_of({"pk": [1], "standard_status": ["Closed"]})

    assert diversity.shelf(homes, engine.match(homes, Wants()), 10, seed=1) == ()
