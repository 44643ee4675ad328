"""One home against many searches says the same as each search against the home."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import engine
from matching.homes import homes_of
from matching.searches import searches_hit, searches_of
from matching.wants import Wants
from tests.matching.cases import patient, simulated, wanted
from tests.matching.test_engine import MARKET


@patient(80)
@given(st.lists(wanted(), max_size=12), st.integers(0, 2**16), st.booleans())
def test_a_home_meets_the_searches_that_would_not_exclude_it(
    wants: list[Wants], seed: int, saved: bool
) -> None:
    wants = [each.as_filter() for each in wants] if saved else wants
    homes = simulated(8, seed, stated=0.7, living=False)
    searches = searches_of(wants)
    for row in range(len(homes)):
        one = homes.take([row])
        hit = searches_hit(one, searches, market=MARKET)
        assert hit.tolist() == [not engine.match(one, each, market=MARKET).excluded[0] for each in wants]
        unknown_market = [not engine.match(one, each).excluded[0] for each in wants]
        assert searches_hit(one, searches).tolist() == unknown_market


def test_a_home_that_states_nothing_meets_every_search() -> None:
    wants = Wants(price_max=1.0, beds_min=9, must_haves=("garage",)).as_filter()

    assert searches_hit(homes_of({"pk": [1]}), searches_of([wants, Wants()])).tolist() == [True, True]
    sold = homes_of({"pk": [1], "standard_status": ["Closed"]})
    assert searches_hit(sold, searches_of([wants, Wants()])).tolist() == [False, False]


def test_one_home_is_looked_at() -> None:
    with pytest.raises(ValueError, match="One home is looked at, not 2"):
        searches_hit(homes_of({"pk": np.arange(2)}), searches_of([]))
