from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.market import (
    RULES,
    Funnel,
    MarketType,
    Period,
    absorption_rate,
    cumulative_days,
    days_on_market,
    market_type,
    months_of_inventory,
    price_drop_share,
    price_per_square_foot,
    sale_chance,
    sale_to_list,
    seasonal_index,
    share_under,
)
from matching.market.metrics import rules_of

DAYS = [3, 5, 6, 8, 9, 12, 14, 15, 21, 27, 33, 48, 61, 75, 118]
TOLD: dict[str, dict[str, object]] = {
    "types": {"seller_below": 4, "buyer_above": 6},
    "supply": {"windows": [3]},
    "counts": {"least": 5},
    "cumulative": {"reset_gap_days": 90},
}


def percent(share: float | None) -> float:
    assert share is not None
    return round(100 * share, 2)


def test_months_of_inventory_rest_on_six_months_of_closed_sales() -> None:
    per_month = 90 / 6

    assert per_month == 15.0
    assert round(months_of_inventory(62, per_month) or 0, 2) == 4.13
    assert percent(absorption_rate(62, per_month)) == 24.19


def test_months_of_inventory_may_rest_on_new_contracts() -> None:
    assert round(months_of_inventory(62, 28) or 0, 2) == 2.21


def test_without_sales_or_homes_nothing_is_said() -> None:
    assert months_of_inventory(62, 0) is None
    assert absorption_rate(0, 3) is None
    assert sale_chance(0, 3, 30) is None
    assert sale_to_list([], [], []) is None
    assert price_drop_share([], []) is None
    assert share_under([], 15) is None
    assert price_per_square_foot([400_000], [np.nan]) is None


def test_sale_to_list_is_told_five_ways() -> None:
    told = sale_to_list(
        [500_000, 420_000, 615_000, 389_000, 450_000],
        [515_000, 420_000, 640_000, 389_000, 465_000],
        [497_500, 428_400, 600_000, 389_000, 441_000],
    )

    assert told is not None
    assert told.count == 5
    assert percent(told.mean) == 99.41
    assert percent(told.median) == 99.5
    assert percent(told.aggregate) == 99.24
    assert percent(told.mean_to_original) == 97.44
    assert percent(told.share_above) == 20.0


def test_days_on_market_are_told_by_their_median() -> None:
    assert np.median(DAYS) == 15
    assert round(float(np.mean(DAYS)), 2) == 30.33
    assert percent(share_under(DAYS, 15)) == 46.67


def test_a_home_listed_again_soon_goes_on_counting() -> None:
    first = Period(date(2026, 1, 10), date(2026, 3, 11), days_on_market(date(2026, 1, 10), date(2026, 3, 11)))
    again = Period(date(2026, 4, 5), date(2026, 5, 5), days_on_market(date(2026, 4, 5), date(2026, 5, 5)))

    assert (first.days, again.days, (again.begin - first.end).days) == (60, 30, 25)
    assert cumulative_days([again, first], 60) == 90
    assert cumulative_days([first, again], 25) == 30


def test_a_sale_ends_the_count_whatever_the_gap() -> None:
    sold = Period(date(2026, 1, 10), date(2026, 3, 11), 60, is_sold=True)
    again = Period(date(2026, 3, 20), date(2026, 4, 5), 16)

    assert cumulative_days([sold, again], 60) == 16
    assert cumulative_days([], 60) == 0


def test_pauses_do_not_count() -> None:
    hold = (date(2026, 5, 20), date(2026, 6, 3))

    assert days_on_market(date(2026, 5, 1), date(2026, 6, 20), [hold]) == 36
    assert days_on_market(date(2026, 5, 1), date(2026, 6, 20), [hold, hold]) == 36
    assert days_on_market(date(2026, 5, 1), date(2026, 5, 25), [hold]) == 19


def test_price_drops_are_a_share_of_homes_for_sale() -> None:
    listed = np.full(62, 400_000.0)
    listed[:19] = 390_000.0

    assert percent(price_drop_share(listed, np.full(62, 400_000.0))) == 30.65


def test_the_type_of_market_follows_the_months() -> None:
    types = [market_type(months) for months in (2.1, 4.99, 5.0, 6.0, 6.01)]

    assert types == ["seller", "seller", "balanced", "balanced", "buyer"]
    assert market_type(4.5, rules_of(TOLD)) == MarketType.BALANCED
    assert (RULES.windows, RULES.least, RULES.reset_gap_days) == ((6, 3, 1), 10, 60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": {"seller_below": 7, "buyer_above": 6}},
        {"types": {"seller_below": True, "buyer_above": 6}},
        {"supply": {"windows": []}},
        {"supply": {"windows": 6}},
    ],
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="no number|no list|contradict"):
        rules_of({**TOLD, **wrong})


@pytest.mark.parametrize(("days", "chance"), [(30, 0.2149), (60, 0.3836), (90, 0.5161)])
def test_the_chance_of_a_sale_follows_absorption(days: int, chance: float) -> None:
    assert round(sale_chance(62, 15, days) or 0, 4) == chance


def test_the_seasonal_index_leaves_trend_and_odd_years_out() -> None:
    shape = np.array([76, 78, 98, 104, 114, 117, 110, 111, 101, 100, 96, 95], dtype=float)
    assert shape.mean() == 100
    five_years = np.tile(shape, 5) * 3
    odd = five_years.copy()
    odd[24:36] *= np.where(np.arange(12) == 3, 4.0, 1.0)  # one April that was four times itself

    told = seasonal_index(five_years, 1)
    assert told is not None
    np.testing.assert_allclose(told, shape)
    shifted = seasonal_index(np.roll(five_years, -3), 4)
    assert shifted is not None
    np.testing.assert_allclose(shifted, shape)
    despite = seasonal_index(odd, 1)
    assert despite is not None
    assert abs(despite - shape).max() < 6
    assert despite.mean() == pytest.approx(100)


def test_a_season_needs_two_years_and_every_month() -> None:
    assert seasonal_index(np.ones(23), 1) is None
    assert seasonal_index(np.full(24, np.nan), 1) is None
    assert seasonal_index(np.zeros(24), 1) is None
    flat = seasonal_index(np.full(24, 7.0), 6)
    assert flat is not None
    np.testing.assert_allclose(flat, 100.0)


def test_the_showing_funnel_tells_where_people_stop() -> None:
    funnel = Funnel(views=2400, saves=96, inquiries=30, showings=18, second_showings=4, offers=2)

    assert percent(funnel.save_rate) == 4.0
    assert percent(funnel.inquiry_rate) == 1.25
    assert percent(funnel.showings_per_inquiry) == 60.0
    assert percent(funnel.offers_per_showing) == 11.11
    assert Funnel(0, 0, 0, 0, 0, 0).save_rate is None


def test_a_square_foot_is_told_by_its_median_where_size_is_known() -> None:
    assert price_per_square_foot([400_000, 600_000, 900_000, 1], [2_000, 2_000, 2_000, 0]) == 300.0


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 90), st.booleans()), max_size=6),
    st.integers(0, 120),
)
def test_days_add_up_to_no_more_than_all_of_them(told: list[tuple[int, int, bool]], gap: int) -> None:
    begin = date(2026, 1, 1)
    periods = [
        Period(begin + timedelta(at), begin + timedelta(at + days), days, sold) for at, days, sold in told
    ]

    total = cumulative_days(periods, gap)

    assert 0 <= total <= sum(one.days for one in periods)
    if periods:
        assert total >= max(periods, key=lambda one: (one.begin, one.end)).days
