"""Reasons are plain words, true of the row, and fit to be said."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.fair_housing import Severity, check_text
from matching import engine, features, reasons
from matching.advice import break_words, why_not
from matching.homes import AMENITIES, SUB_TYPES, homes_of
from matching.wants import FACTORS, Area, Investor, Mode, Target, Urgency, Wants
from tests.matching.cases import SQUARE, WORK, home, patient, simulated, wanted
from tests.matching.test_engine import MARKET, WANTS


def said(factor: str, wants: Wants, **facts: Any) -> str:
    return reasons.fact(factor, home(**facts), wants, market=MARKET)


def test_a_home_is_told_in_one_sentence() -> None:
    wants = Wants(
        beds_min=3,
        areas=(SQUARE,),
        commute_targets=(WORK,),
        must_haves=("garage",),
        urgency=Urgency.URGENT,
        importance={"walkability": "ignore", "market": 1},
    )
    here = home(latitude=30.2672, longitude=-97.7431, bedrooms_total=2, days_on_market=48)
    matches = engine.match(here, wants)
    told = reasons.explained(here, matches, 0, wants)

    assert told.sentence() == (
        "Fits: inside your Riverside area. Watch: 2 bedrooms, 1 fewer than you ask for. "
        "Not stated: garage, time on market."
    )
    assert reasons.ask_for("garage") == "garage: not stated - ask listing agent"
    assert reasons.Explained((), (), ()).sentence() == ""


def test_at_most_three_reasons_and_one_concern() -> None:
    homes = simulated(50, 9)
    matches = engine.match(homes, WANTS, market=MARKET)
    for row in range(50):
        told = reasons.explained(homes, matches, row, WANTS, market=MARKET)
        assert len(told.fits) <= 3
        assert len(told.watch) <= 2
        assert len(told.unknown) <= 4
        assert all(reason.strength > 0 for reason in told.fits)
        strengths = [round(reason.strength, 9) for reason in told.fits]
        assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (420_000, "$420,000, within your target of $450,000"),
        (475_000, "$475,000, between your target of $450,000 and your limit of $500,000"),
        (505_000, "$505,000, $5,000 above your limit of $500,000"),
    ],
)
def test_price(asked: float, text: str) -> None:
    assert said("price", Wants(price_target=450_000, price_max=500_000), list_price=asked) == text


def test_facts_of_the_home() -> None:
    wants = Wants(
        price_max=5e5,
        beds_min=3,
        baths_min=2,
        sqft_min=1800,
        sqft_max=2400,
        types=("Townhouse", "Condominium"),
        lot_min=5000,
        year_min=1980,
        condition="move-in",
        nice_to_haves={"pool": 1, "garage": 5, "porch": 2},
    )

    assert said("price", wants, list_price=4e5) == "$400,000, within your limit of $500,000"
    assert said("beds", wants, bedrooms_total=1) == "1 bedroom, 2 fewer than you ask for"
    assert said("baths", wants, baths=2.5) == "2.5 baths (you ask for 2)"
    assert said("size", wants, living_area=1850) == "1,850 sq ft (you ask for 1,800 to 2,400)"
    assert said("size", wants, living_area=1500) == "1,500 sq ft, under your 1,800"
    assert said("size", wants, living_area=2500) == "2,500 sq ft, over your 2,400"
    assert said("size", Wants(sqft_min=900), living_area=1000) == "1,000 sq ft (you ask for at least 900)"
    assert said("size", Wants(sqft_max=900), living_area=800) == "800 sq ft (you ask for at most 900)"
    assert said("property_type", wants, property_sub_type="Townhouse") == "townhouse, as you ask"
    assert said("property_type", wants, property_sub_type="Single Family Residence") == (
        "single-family residence; you ask for townhouse or condominium"
    )
    assert said(
        "lot_age_condition", wants, year_built=1998, lot_size_square_feet=4200, condition="Fixer"
    ) == ("built 1998 (1980 or newer), 4,200 sq ft lot, under your 5,000, a fixer")
    assert said("features", wants, has=["garage", "porch"], lacks=["pool"]) == (
        "has garage, porch; no private pool"
    )


def test_facts_of_the_place() -> None:
    miles = np.full(len(AMENITIES), np.nan)
    miles[list(AMENITIES).index("park")], miles[list(AMENITIES).index("gym")] = 0.5, np.inf
    wants = Wants(
        areas=(Area("North", ((31, -97.8), (31, -97.7), (31.1, -97.7))), SQUARE),
        amenities=("park", "gym", "library"),
        importance={"safety": 2, "schools": 2},
    )
    here = {"latitude": 30.2, "longitude": -97.74}

    assert said("location", wants, **here) == "3.5 mi from your Riverside area"
    assert said("amenities", wants, amenity_miles=miles) == "park 0.5 mi, no gym found nearby"
    assert said("walkability", wants, walkability=53.65) == "walkability estimate 54 of 100"
    assert said("safety", wants, hazards=[0.8, 0.5, np.nan, 0.1, np.nan, np.nan]) == (
        "flood hazard high, wildfire hazard moderate, radon hazard low"
    )
    assert said("schools", wants, school_percentile=0.62) == "school growth figure 62 of 100 in the state"
    named = Wants(schools=("a",), importance={"schools": 2})
    assert said("schools", named, schools=["a", None, None, None]) == "the listing states a school you named"
    assert said("schools", named, schools=["b", "c", "d", "e"]) == (
        "the listing states other schools than you named"
    )


def test_ways_to_go_are_told_with_their_range_and_limit() -> None:
    gym = Target("the gym", 30.27, -97.74, Mode.WALK, 17.5, 10.0, 2.0)
    wants = Wants(commute_targets=(gym, WORK))

    assert said("commute", wants, latitude=30.2672, longitude=-97.7431) == (
        "27-45 min to work at 8 am (limit 35) and 5-9 min to the gym on foot at 5:30 pm (limit 10)"
    )
    assert [reasons.clock(hour) for hour in (0.0, 12.0, 23.99)] == ["12 am", "12 pm", "11:59 pm"]


def test_money_and_time() -> None:
    owner = Wants(monthly_max=3000, down_payment=1e5, financing="conventional")
    investor = Wants(investor=Investor(4, 7))
    urgent = Wants(urgency=Urgency.URGENT)

    assert said("financial_fit", owner, list_price=4e5, tax_annual=4800) == (
        "about $2,296 a month, within your $3,000"
    )
    assert said("financial_fit", owner, list_price=6e5, tax_annual=4800) == (
        "about $3,560 a month, above your $3,000"
    )
    assert said("financial_fit", owner, list_price=4e5, listing_terms=1) == (
        "conventional is not among the ways to pay the listing states"
    )
    assert said("financial_fit", investor, list_price=3e5, net_operating_income=18_000) == (
        "cap rate 6.0 % (you look for 4 to 7 %)"
    )
    assert said("market", Wants(), days_on_market=1) == "on market 1 day"
    assert said("market", Wants(), days_on_market=48, price_cut=10_000) == (
        "on market 48 days, price cut by $10,000"
    )
    assert said("market", urgent) == "still for sale in a week with a chance of 85 %"
    assert said("market", urgent, standard_status="Pending") == "no longer for sale"


def test_a_stale_home_is_to_watch() -> None:
    here = home(days_on_market=96)
    told = reasons.explained(here, engine.match(here, Wants(), market=MARKET), 0, Wants(), market=MARKET)

    assert (
        told.sentence() == "Watch: on market 96 days, over twice the median of 30. Not stated: walkability."
    )


def test_a_name_unfit_to_be_said_is_left_out() -> None:
    away = Wants(
        areas=(Area("Hispanic", SQUARE.polygon),), commute_targets=(Target("no Muslims", 30.3, -97.7),)
    )
    here = {"latitude": 30.27, "longitude": -97.74}

    assert said("location", away, **here) == "inside an area you chose"
    assert said("commute", away, **here) == "14-24 min to a place you named at 8 am (limit 30)"


@pytest.mark.parametrize("factor", FACTORS)
def test_what_is_not_stated_is_not_said(factor: str) -> None:
    wants = Wants(
        **{name: getattr(WANTS, name) for name in Wants.__slots__ if name != "importance"},
        importance={"schools": 3, "safety": 3},
    )

    assert reasons.fact(factor, homes_of({"pk": [1]}), wants) == ""
    assert reasons.fact(factor, homes_of({"pk": [1]}), Wants()) == ""


@patient(60)
@given(wanted(), st.integers(0, 2**16))
def test_every_sentence_passes_the_text_check(wants: Wants, seed: int) -> None:
    homes = simulated(6, seed, stated=0.8, living=False)
    matches = engine.match(homes, wants, market=MARKET)
    for row in range(len(homes)):
        told = reasons.explained(homes, matches, row, wants, market=MARKET)
        assert check_text(told.sentence()).severity is Severity.PASS
        refused = why_not(homes, matches, row, wants, market=MARKET)
        assert all(text for _, text in refused.breaks)
        for text in (*(text for _, text in refused.breaks), *(cost.text for cost in refused.costs)):
            assert check_text(text).severity is Severity.PASS
        for reason in (*told.fits, *told.watch):
            _true_of(reason, homes.take([row]))


def _true_of(reason: reasons.Reason, one: Any) -> None:
    """Tell that the figure a reason begins with is the one of the row."""
    first = re.search(r"\d[\d,]*(\.\d+)?", reason.text)
    number = float(first[0].replace(",", "")) if first else np.nan
    columns = {"price": "list_price", "beds": "bedrooms_total", "baths": "baths", "size": "living_area"}
    if reason.factor in columns:
        assert number == pytest.approx(getattr(one, columns[reason.factor])[0], abs=0.5)
    if reason.factor == "property_type":
        assert reason.text.startswith(reasons.type_name(int(one.property_sub_type[0])))


def test_names_of_types_and_features_are_fit_to_be_said() -> None:
    for word in (*map(reasons.type_name, range(len(SUB_TYPES))), *features.WORDS.values()):
        assert check_text(f"has {word}, no {word}").severity is Severity.PASS


def test_limits_broken_are_told_one_by_one() -> None:
    wants = Wants(lot_min=5000, year_min=1980, must_haves=("garage",), deal_breakers=("hoa",)).as_filter()
    here = home(
        lot_size_square_feet=900, year_built=1940, lacks=["garage"], has=["hoa"], standard_status="Pending"
    )
    matches = engine.match(here, wants)

    assert [break_words(must, here, wants) for must in matches.why_excluded(0)] == [
        "its status is Pending",
        "900 sq ft lot, under your 5,000",
        "built 1940 (1980 or newer asked for)",
        "no garage, a must",
        "homeowners association, a deal-breaker",
    ]


def test_what_costs_points_sums_with_the_total_to_a_hundred() -> None:
    homes = simulated(30, 5)
    matches = engine.match(homes, WANTS, market=MARKET)
    for row in range(30):
        told = why_not(homes, matches, row, WANTS, market=MARKET)
        assert sum(cost.points for cost in told.costs) + 100 * matches.totals[row] == pytest.approx(100)
        points = [round(cost.points, 9) for cost in told.costs]
        assert points == sorted(points, reverse=True)
        assert all(cost.text for cost in told.costs if cost.known)
        assert not any(cost.text for cost in told.costs if not cost.known)
