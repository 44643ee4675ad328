"""Each factor gives the exact figures it is specified by, and knows what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from matching import commute, factors
from matching.factors import Market
from matching.homes import AMENITIES, Homes, baths_of, homes_of
from matching.wants import Area, Investor, Mode, Setting, Target, Urgency, Wants
from tests.matching.cases import SQUARE, home


def of(column: str, values: list[float | None]) -> Homes:
    return homes_of({"pk": range(len(values)), column: values})


def test_a_drive_at_the_morning_peak_takes_its_minutes_and_scores() -> None:
    """Distance, speed band, peak and terminal minutes."""
    here, work = home(latitude=30.2672, longitude=-97.7431), (30.4021, -97.7265)
    straight = commute.straight_miles(here.latitude, here.longitude, work)
    miles = commute.road_miles(here.latitude, here.longitude, work)
    wants = Wants(commute_targets=(Target("work", *work, Mode.DRIVE, 8.0, 35.0),))

    assert round(straight[0], 3) == 9.373
    assert round(miles[0], 3) == 12.185
    assert round(commute.minutes(miles, "drive", 12.0)[0], 1) == 27.8
    assert round(commute.minutes(miles, "drive", 8.0)[0], 1) == 35.8
    assert round(factors.commutes(here, wants)[0][0], 4) == 0.4759
    assert commute.between(35.8) == (27, 45)


def test_an_evening_drive_is_slower_than_a_morning_one() -> None:
    miles = np.array([10.0])

    assert commute.minutes(miles, "drive", 17.5)[0] == pytest.approx(10 / 32 * 60 * 1.45 + 5)
    assert [commute.peak_multiplier(hour) for hour in (6.9, 7.0, 9.9, 10.0, 16.0, 19.0)] == [
        *(1.0, 1.35, 1.35, 1.0, 1.45, 1.0)
    ]


def test_feet_wheels_and_buses_have_their_own_speeds() -> None:
    miles = np.array([1.3])

    assert commute.minutes(miles, "walk", 8.0)[0] == pytest.approx(26.0)
    assert commute.minutes(miles, "bike", 8.0)[0] == pytest.approx(9.8)
    assert np.isnan(commute.minutes(miles, "transit", 8.0)[0])
    ride = commute.minutes(
        miles, "transit", 8.0, stop_miles=np.array([0.25]), headway_minutes=np.array([20.0])
    )
    assert ride[0] == pytest.approx(6.5 + 10.0 + 5.2 + 8.0)


def test_two_ways_to_go_count_by_their_days() -> None:
    here = home(latitude=30.27, longitude=-97.74)
    near = Target("gym", 30.27, -97.74, Mode.WALK, 8.0, 10.0, 1.0)
    far = Target("work", 31.5, -97.74, Mode.DRIVE, 8.0, 30.0, 4.0)
    by_bus = Target("class", 30.3, -97.74, Mode.TRANSIT, 8.0, 30.0, 5.0)

    assert factors.commutes(here, Wants(commute_targets=(near, far)))[0][0] == pytest.approx(0.2)
    assert factors.commutes(here, Wants(commute_targets=(near, by_bus)))[0][0] == 1.0
    assert not factors.commutes(here, Wants(commute_targets=(by_bus,)))[1][0]


def test_price_falls_from_the_target_to_the_maximum() -> None:
    homes = of("list_price", [420_000, 450_000, 475_000, 500_000, 505_000, None])
    scores, known = factors.price(homes, Wants(price_target=450_000, price_max=500_000))

    assert scores.tolist() == pytest.approx([1.0, 1.0, 0.6, 0.2, 0.0, 0.5])
    assert known.tolist() == [True] * 5 + [False]


@pytest.mark.parametrize("wants", [Wants(price_max=500_000), Wants(price_target=500_000)])
def test_who_states_one_price_means_it_as_the_limit(wants: Wants) -> None:
    scores, _ = factors.price(of("list_price", [400_000, 500_000, 500_001, None]), wants)

    assert scores.tolist() == [1.0, 1.0, 0.0, 0.5]


def test_size_is_a_trapezoid() -> None:
    homes = of("living_area", [1300, 1500, 1800, 2400, 3000, 3400, None])
    scores, _ = factors.size(homes, Wants(sqft_min=1800, sqft_max=2400))

    assert [round(score, 4) for score in scores] == [0, 0.3333, 1.0, 1.0, 0.375, 0, 0.5]


def test_size_without_one_end_is_open_there() -> None:
    homes = of("living_area", [900, 1500, 9000])

    assert factors.size(homes, Wants(sqft_min=1500))[0].tolist() == [0.0, 1.0, 1.0]
    assert factors.size(homes, Wants(sqft_max=1500))[0].tolist() == [1.0, 1.0, 0.0]


def test_bedrooms() -> None:
    homes = of("bedrooms_total", [0, 1, 2, 3, 5, 6, None])

    assert factors.beds(homes, Wants(beds_min=3))[0].tolist() == [0.0, 0.1, 0.4, 1.0, 1.0, 0.9, 0.5]
    must = Wants(beds_min=3, importance={"beds": "must"})
    assert factors.beds(homes, must)[0].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 0.9, 0.5]


def test_baths() -> None:
    homes = of("baths", [3.0, 2.5, 2.25, 2.0, 1.5, 1.25, None])
    scores, known = factors.baths(homes, Wants(baths_min=2.5))

    assert scores.tolist() == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.2, 0.0, 0.5])
    assert known.tolist() == [True] * 6 + [False]


def test_baths_are_counted_by_their_parts() -> None:
    nan = np.nan
    assert baths_of([2, 1, nan], [1, nan, nan], [1, nan, nan], [nan, 1, nan])[:2].tolist() == [3.25, 1.25]
    assert np.isnan(baths_of(nan, nan, nan, nan))


def test_types_close_to_the_wanted_one_count_half() -> None:
    named = ["Townhouse", "Condominium", "Single Family Residence", "Duplex", None]
    homes = homes_of({"pk": range(5), "property_sub_type": named})

    assert factors.property_type(homes, Wants(types=("Townhouse",)))[0].tolist() == [1.0, 0.5, 0.5, 0.0, 0.5]
    both = Wants(types=("Condominium", "Townhouse"))
    assert factors.property_type(homes, both)[0].tolist() == [1.0, 1.0, 0.5, 0.0, 0.5]


def test_lot_age_and_condition_are_the_mean_of_what_is_stated() -> None:
    wants = Wants(lot_min=8000, year_min=2000, condition="move-in")

    def score(**facts: object) -> float:
        return float(factors.lot_age_condition(home(**facts), wants)[0][0])

    assert score(lot_size_square_feet=4000, year_built=1980, condition="Fixer") == pytest.approx(1 / 3)
    assert score(lot_size_square_feet=4000, year_built=1990) == pytest.approx((0.5 + 0.75) / 2)
    assert score(condition="Updated/Remodeled") == 1.0
    assert score(year_built=1950) == 0.0
    assert not factors.lot_age_condition(home(), wants)[1][0]


def test_wished_features_count_by_their_importance() -> None:
    wants = Wants(nice_to_haves={"pool": 3, "garage": 1})

    def scored(has: tuple[str, ...] = (), lacks: tuple[str, ...] = ()) -> tuple[float, bool]:
        scores, known = factors.wished_features(home(has=has, lacks=lacks), wants)
        return float(scores[0]), bool(known[0])

    assert scored(("pool",), ("garage",)) == (0.75, True)
    assert scored(("pool",)) == (0.875, True)
    assert scored((), ("pool", "garage")) == (0.0, True)
    assert scored() == (0.5, False)


def test_small_schools_are_drawn_to_the_middle() -> None:
    drawn = factors.shrunk(np.array([0.9, 0.9, 0.2]), np.array([400.0, 30.0, 30.0]))

    assert [round(score, 4) for score in drawn] == [0.8556, 0.65, 0.3875]


def test_a_named_school_matches_what_the_listing_states() -> None:
    wants = Wants(schools=("high-1",), importance={"schools": 3})
    rows = [["e", "m", "high-1", None], ["e", "m", "high-2", "d"], ["e", None, "high-2", "d"], [None] * 4]
    homes = homes_of({"pk": range(4), "schools": rows, "school_percentile": [0.1, 0.9, 0.9, None]})
    scores, known = factors.schools(homes, wants)

    assert (scores.tolist(), known.tolist()) == ([1.0, 0.0, 0.5, 0.5], [True, True, False, False])
    unnamed = Wants(importance={"schools": 3})
    assert factors.schools(homes, unnamed)[0].tolist() == [0.1, 0.9, 0.9, 0.5]


def test_amenities_fade_by_their_own_miles() -> None:
    miles = np.full((1, 15), np.nan)
    kinds = list(AMENITIES)
    miles[0, kinds.index("park")], miles[0, kinds.index("gym")] = 0.5, 2.0
    homes = homes_of({"pk": [1], "amenity_miles": miles})

    assert round(factors.amenities(homes, Wants(amenities=("park", "gym")))[0][0], 4) == 0.4872
    assert factors.amenities(homes, Wants(amenities=("park", "library")))[0][0] == pytest.approx(np.exp(-0.5))
    assert not factors.amenities(homes, Wants(amenities=("library",)))[1][0]
    miles[0, kinds.index("library")] = np.inf
    none_near = homes_of({"pk": [1], "amenity_miles": miles})
    assert factors.amenities(none_near, Wants(amenities=("library",)))[0][0] == 0.0


def test_a_cap_rate_lies_between_the_least_and_the_target() -> None:
    here = home(list_price=300_000, net_operating_income=18_000)
    wants = Wants(investor=Investor(4.0, 7.0))

    assert factors.cap_rates(here, Investor(4.0, 7.0))[0] == pytest.approx(6.0)
    assert round(factors.financial_fit(here, wants)[0][0], 4) == 0.6667
    unstated = home(list_price=300_000)
    assert not factors.financial_fit(unstated, wants)[1][0]
    own = Investor(4.0, 7.0, rent_month=2500, expense_share=0.4)
    assert factors.cap_rates(unstated, own)[0] == pytest.approx(6.0)
    assert factors.cap_rates(here, own)[0] == pytest.approx(6.0)


def test_a_monthly_cost_is_loan_tax_insurances_and_fees() -> None:
    market = Market(0.0675, insurance_share=0.004, mortgage_insurance_share=0.0055, tax_share=0.0125)
    here = home(list_price=450_000, association_fee_monthly=75)
    wants = Wants(monthly_max=3506.20, down_payment=45_000)

    assert round(factors.monthly_costs(here, wants, market)[0], 2) == 3506.20
    assert factors.financial_fit(here, wants, market)[0][0] == pytest.approx(1.0, abs=1e-4)
    tight = Wants(monthly_max=3506.20 / 1.1, down_payment=45_000)
    assert factors.financial_fit(here, tight, market)[0][0] == pytest.approx(0.5, abs=1e-4)
    assert not factors.financial_fit(here, wants)[1][0]
    assert not factors.financial_fit(here, Wants(monthly_max=3000), market)[1][0]


def test_cash_pays_no_loan_and_a_refused_way_to_pay_is_no_fit() -> None:
    here = home(list_price=450_000, tax_annual=6000, listing_terms=0b11)

    assert factors.monthly_costs(here, Wants(financing="cash"), Market())[0] == 500.0
    assert factors.financial_fit(here, Wants(financing="cash", monthly_max=500))[0][0] == 1.0
    scores, known = factors.financial_fit(here, Wants(financing="FHA", monthly_max=500))
    assert (scores[0], known[0]) == (0.0, True)
    interest_free = Market(0.0, down_share=0.2)
    assert factors.monthly_costs(here, Wants(), interest_free)[0] == pytest.approx(500 + 1000)


def test_relaxed_buyers_gain_by_days_urgent_ones_by_what_stays() -> None:
    homes = homes_of(
        {
            "pk": range(3),
            "days_on_market": [30, 0, None],
            "saves": [10, None, 10],
            "standard_status": ["Active", "Active", "Pending"],
        }
    )
    urgent = Wants(urgency=Urgency.URGENT)

    assert factors.competition(homes, Wants())[0].tolist() == pytest.approx([1 - np.exp(-1), 0.0, 0.5])
    scores, known = factors.competition(homes, urgent, Market(median_days=7.0, usual_saves=5.0))
    assert scores.tolist() == pytest.approx([0.625, 0.75, 0.5])
    assert known.all()
    assert factors.competition(homes, urgent)[1].tolist() == [False, False, True]


def test_walkability_and_hazards() -> None:
    here = homes_of(
        {"pk": [1, 2], "walkability": [53.65, None], "hazards": [[0.8, 0.0] + [np.nan] * 4, [np.nan] * 6]}
    )

    assert factors.walkability(here, Wants())[0].tolist() == [0.5365, 0.5]
    scores, known = factors.safety(here, Wants())
    assert (scores.tolist(), known.tolist()) == ([0.6, 0.5], [True, False])


def test_location_fades_from_the_nearest_edge() -> None:
    north = SQUARE.polygon[2][0]
    one_mile = 1 / 69.0934
    homes = homes_of(
        {"pk": range(3), "latitude": [30.27, north + one_mile, None], "longitude": [-97.74, -97.74, -97.74]}
    )

    for setting, miles in ((Setting.URBAN, 3), (Setting.SUBURBAN, 6), (Setting.RURAL, 12)):
        scores, known = factors.location(homes, Wants(areas=(SQUARE,), setting=setting))
        assert scores.tolist() == pytest.approx([1.0, np.exp(-1 / miles), 0.5], abs=1e-5)
        assert known.tolist() == [True, True, False]
    must = Wants(areas=(SQUARE,), importance={"location": "must"})
    assert factors.location(homes, must)[0].tolist() == [1.0, 0.0, 0.5]
    both = Area("North", ((north + 0.5, -97.8), (north + 0.5, -97.7), (north + 1, -97.7)))
    assert factors.location(homes, Wants(areas=(both, SQUARE)))[0][0] == 1.0
