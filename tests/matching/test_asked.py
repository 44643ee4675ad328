from __future__ import annotations

from typing import Any

import pytest

from matching.asked import phrases, sentence
from matching.wants import wants_of

SQUARE = [[47.5, -122.4], [47.5, -122.2], [47.7, -122.2], [47.7, -122.4]]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "nothing in particular"),
        ({"price_max": 600_000, "price_target": 500_000}, "up to $600,000, best near $500,000"),
        ({"price_target": 500_000}, "around $500,000"),
        (
            {"types": ["Townhouse", "Condominium"], "beds_min": 3},
            "townhouse or condominium, 3 or more bedrooms",
        ),
        ({"sqft_min": 1500, "sqft_max": 2500}, "1,500 to 2,500 sq ft"),
        ({"sqft_min": 1500, "baths_min": 1.5}, "1.5 or more baths, at least 1,500 sq ft"),
        ({"sqft_max": 2500, "financing": "VA"}, "paid by VA, at most 2,500 sq ft"),
        (
            {"lot_min": 4000, "year_min": 1990, "condition": "light work"},
            "a lot of 4,000 sq ft or more, built 1990 or later, light work at most",
        ),
        ({"areas": [{"name": "Alder Heights", "polygon": SQUARE}]}, "in Alder Heights"),
        (
            {"commute_targets": [{"name": "work", "latitude": 47.6, "longitude": -122.3, "mode": "transit"}]},
            "30 min to work by transit by 8 am at most",
        ),
        (
            {
                "must_haves": ["garage", "basement"],
                "deal_breakers": ["hoa"],
                "nice_to_haves": {"pool": 2, "view": 5},
            },
            "with garage and basement, without homeowners association, gladly with view and private pool",
        ),
        (
            {"amenities": ["grocery", "park"], "urgency": "urgent"},
            "near a grocery store and park, in a hurry",
        ),
        (
            {"monthly_max": 3200, "investor": {"min_cap": 5, "target_cap": 7.5}},
            "$3,200 a month at most, a cap rate of 5 to 7.5 %",
        ),
    ],
)
def test_what_is_looked_for_reads_as_one_sentence(told: dict[str, Any], words: str) -> None:
    assert sentence(wants_of(told)) == words


def test_musts_are_told_apart() -> None:
    wants = wants_of(
        {"price_max": 600_000, "beds_min": 3, "must_haves": ["garage"], "importance": {"price": "must"}}
    )
    assert [phrase.is_must for phrase in phrases(wants)] == [True, False, True]
