"""The form of wants is closed: it reads what it knows, tells all that is wrong, refuses what the law bars."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.wants import (
    FACTORS,
    WEIGHTS,
    Area,
    Investor,
    Mode,
    Setting,
    Target,
    Urgency,
    Wants,
    WantsError,
    refusal_of,
    wants_of,
)
from tests.matching.cases import patient, wanted

FULL: dict[str, Any] = {
    "price_target": 450_000,
    "price_max": 500_000,
    "beds_min": 3,
    "baths_min": 2.5,
    "types": ["Townhouse", "Townhouse"],
    "condition": "move-in",
    "must_haves": ["garage"],
    "nice_to_haves": {"pool": 5},
    "deal_breakers": ["hoa"],
    "areas": [{"name": " River  side ", "polygon": [[30, -97], [30, -96], [31, -96], [30, -97]]}],
    "setting": "urban",
    "schools": ["48-00003"],
    "commute_targets": [
        {"name": "work", "latitude": 30.4, "longitude": -97.7, "arrive_by": "08:30", "max_minutes": 35}
    ],
    "amenities": ["park"],
    "investor": {"min_cap": 4, "target_cap": 7},
    "urgency": "urgent",
    "importance": {"price": "must", "schools": 2, "market": "ignore", "beds": 5},
}


def problems(**told: Any) -> list[tuple[str, str]]:
    with pytest.raises(WantsError) as caught:
        wants_of(told)
    return [(problem.where, problem.code) for problem in caught.value.problems]


def test_a_full_form_is_read() -> None:
    wants = wants_of(FULL)

    assert wants.areas == (Area("River side", ((30.0, -97.0), (30.0, -96.0), (31.0, -96.0))),)
    assert wants.commute_targets == (Target("work", 30.4, -97.7, Mode.DRIVE, 8.5, 35.0, 5.0),)
    assert wants.investor == Investor(4.0, 7.0)
    assert (wants.setting, wants.urgency, wants.types) == (Setting.URBAN, Urgency.URGENT, ("Townhouse",))
    assert wants.is_must("price")
    assert not wants.is_must("beds")


@patient()
@given(wanted())
def test_a_form_is_written_as_it_is_read(wants: Wants) -> None:
    assert wants_of(wants.as_json()) == wants
    assert wants_of(wants.as_filter().as_json()) == wants.as_filter()


def test_an_empty_form_wants_nothing() -> None:
    assert wants_of({}) == Wants()
    assert Wants().as_json() == {}


def test_the_fifteen_weights_sum_to_one_with_schools_and_safety_at_nothing() -> None:
    assert len(FACTORS) == 15
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert WEIGHTS["schools"] == WEIGHTS["safety"] == 0.0


def test_weights_follow_what_was_said() -> None:
    weights = dict(zip(FACTORS, wants_of(FULL).weights(), strict=True))

    assert weights["price"] == 0.14  # a must keeps its weight
    assert weights["beds"] == pytest.approx(0.07 * 5 / 3)
    assert weights["schools"] == pytest.approx(0.04)
    assert weights["safety"] == 0.0
    assert weights["market"] == 0.0  # ignored
    assert weights["size"] == 0.0  # nothing was said of it
    assert weights["walkability"] == 0.05


def test_schools_and_safety_weigh_nothing_until_the_buyer_says_so() -> None:
    unsaid = dict(zip(FACTORS, Wants(schools=("48-00003",)).weights(), strict=True))
    said = dict(zip(FACTORS, wants_of({"importance": {"safety": 3, "schools": 5}}).weights(), strict=True))

    assert (unsaid["schools"], unsaid["safety"]) == (0.0, 0.0)
    assert (said["schools"], said["safety"]) == pytest.approx((0.1, 0.06))


def test_a_saved_search_takes_every_limit_as_a_must() -> None:
    wants = Wants(price_max=5e5, beds_min=3, sqft_min=900, importance={"size": "ignore", "beds": 4})

    assert wants.as_filter().importance == {"size": "ignore", "beds": "must", "price": "must"}


@pytest.mark.parametrize(
    "word",
    [
        *("race", "religion", "national_origin", "number_of_children", "marital_status", "age", "disability"),
        *(
            "accessibility",
            "language",
            "median_age",
            "crime_rate",
            "resident_income",
            "percent_owner_occupied",
        ),
        *(
            "free_lunch_share",
            "diversity",
            "demographics",
            "lookalike_audience",
            "zip_embedding",
            "first_name",
        ),
        *("photos_of_people", "zip_code", "section_8", "veteran", "household_composition", "safest areas"),
    ],
)
def test_no_trait_and_no_proxy_gets_in(word: str) -> None:
    assert refusal_of(word)
    assert problems(**{word: "x"}) == [(word, "fair_housing")]
    assert problems(nice_to_haves=[word]) == [("nice_to_haves[0]", "fair_housing")]
    assert problems(importance={word: 5}) == [(f"importance.{word}", "fair_housing")]
    assert problems(amenities=[word]) == [("amenities[0]", "fair_housing")]


def test_a_refusal_says_what_where_and_how_to_mend() -> None:
    with pytest.raises(WantsError) as caught:
        wants_of({"must_haves": ["catholic church"]})

    assert caught.value.code == "fair_housing"
    assert caught.value.message == (
        "must_haves[0]: tells of religion. Homes are matched by what they are and where the buyer wants to "
        "be, never by people: leave it out."
    )


def test_a_misspelt_field_is_told_its_neighbour() -> None:
    with pytest.raises(WantsError) as caught:
        wants_of({"price_maximum": 1, "must_haves": ["garages", "dragon"]})

    first, second, third = map(str, caught.value.problems)
    assert first == "price_maximum: 'price_maximum' is not known here. Did you mean price_max?"
    assert second == "must_haves[0]: 'garages' is not known here. Did you mean garage?"
    assert third.startswith("must_haves[1]: 'dragon' is not known here. Choose from: garage, ")


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(
        price_target=600_000,
        price_max=500_000,
        sqft_min=2000,
        sqft_max=1000,
        beds_min=True,
        baths_min="2",
        lot_min=float("nan"),
        year_min=3,
        types="Townhouse",
        schools=["", 4],
        urgency="soon",
        investor={"min_cap": 7, "target_cap": 4},
        must_haves=["hoa"],
        deal_breakers=["hoa"],
        nice_to_haves={"pool": 9, "porch": True},
        importance={"walkability": "must", "size": 0, "location": "must"},
    )

    assert [where for where, _ in found] == [
        *(
            "beds_min",
            "baths_min",
            "types",
            "lot_min",
            "year_min",
            "nice_to_haves.pool",
            "nice_to_haves.porch",
        ),
        *("schools[0]", "schools[1]", "investor", "urgency", "importance.walkability", "importance.size"),
        *("price_target", "sqft_min", "importance.location", "deal_breakers"),
    ]


@pytest.mark.parametrize(
    ("polygon", "where"),
    [
        ("here", "areas[0].polygon"),
        ([[30, -97], [31, -97]], "areas[0].polygon"),
        ([[30, -97], [31, -97], [0, 0]], "areas[0].polygon[2]"),
        ([[30, -97], [91, -97], [30, -96]], "areas[0].polygon[1]"),
        ([[30, -97], [30, "x"], [30, -96]], "areas[0].polygon[1]"),
        ([[30, -97], [30, -97], [31, -96], [31, -96]], "areas[0].polygon"),
        ([[30, -97], [31, -96], [31, -97], [30, -96]], "areas[0].polygon"),
    ],
)
def test_a_polygon_must_be_one(polygon: Any, where: str) -> None:
    assert problems(areas=[{"name": "A", "polygon": polygon}]) == [(where, "invalid")]


def test_a_crossing_polygon_is_told_its_sides() -> None:
    bow = [[30, -97], [31, -96], [31, -97], [30, -96]]
    with pytest.raises(WantsError, match=r"crosses itself between its sides 1 and 3: draw it without a loop"):
        wants_of({"areas": [{"name": "A", "polygon": bow}]})


def test_places_are_named_by_the_map_not_by_people() -> None:
    square = [[30, -97], [30, -96], [31, -96]]

    assert problems(areas=[{"name": "white neighborhood", "polygon": square}]) == [
        ("areas[0].name", "fair_housing")
    ]
    assert problems(areas=[{"name": "", "polygon": square}, "x"]) == [
        ("areas[0].name", "invalid"),
        ("areas[1]", "invalid"),
    ]


def test_a_destination_must_be_whole() -> None:
    told = {"name": "work", "mode": "rocket", "arrive_by": "25:00", "max_minutes": 0, "days_per_week": 9}

    assert [where for where, _ in problems(commute_targets=[told])] == [
        *("commute_targets[0]", "commute_targets[0].mode", "commute_targets[0].arrive_by"),
        *("commute_targets[0].max_minutes", "commute_targets[0].days_per_week"),
    ]
    assert problems(commute_targets=[{"latitude": 30, "longitude": -97, "religion": "x"}]) == [
        ("commute_targets[0].religion", "fair_housing")
    ]


def test_lists_have_an_end() -> None:
    assert problems(schools=["s"] * 21) == [("schools", "invalid")]
    assert problems(importance="high", investor=[1]) == [("investor", "invalid"), ("importance", "invalid")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@patient()
@given(st.dictionaries(st.sampled_from(tuple(Wants.__slots__)), JSON, max_size=6) | JSON)
def test_any_json_is_read_or_refused_in_words(told: Any) -> None:
    try:
        wants = wants_of(told)
    except WantsError as error:
        texts = [problem.text for problem in error.problems]
    else:
        texts = ["read"]
        assert wants_of(wants.as_json()) == wants
    assert texts
    assert all(texts)
