"""Advice counts exactly: what one moved limit opens, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import areas, engine
from matching.advice import relaxations
from matching.homes import homes_of
from matching.wants import MUSTS, Investor, Wants, wants_of
from tests.matching.cases import SQUARE, WORK, patient, simulated, wanted
from tests.matching.test_engine import MARKET


def test_a_dearer_limit_opens_the_homes_just_above_it() -> None:
    prices = [490_000.0, 505_000, 512_000, 515_000, 524_000, 551_000, None]
    homes = homes_of({"pk": range(1, 8), "list_price": prices, "walkability": [50, 50, 90, 70, 50, 50, 50]})
    wants = Wants(price_max=500_000, importance={"price": "must"})
    told = relaxations(homes, wants)

    assert [(each.sentence(), each.rows.tolist()) for each in told] == [
        ("$15,000 more opens 3 homes", [1, 2, 3]),
        ("$25,000 more opens 4 homes", [1, 2, 3, 4]),
        ("$50,000 more opens 4 homes", [2, 1, 3, 4]),
    ]
    assert told[0].best_row == 1
    assert told[0].change == {"price_max": 515_000.0, "price_target": 500_000.0}


def test_only_homes_that_break_the_limit_alone_are_opened() -> None:
    homes = homes_of({"pk": [1, 2], "list_price": [505_000.0, 505_000], "bedrooms_total": [3, 1]})
    wants = Wants(price_max=500_000, beds_min=3, importance={"price": "must", "beds": "must"})
    told = relaxations(homes, wants)

    assert {each.must.limit for each in told} == {"price_max"}
    assert [each.opens for each in told] == [1, 1, 1]
    assert told[0].sentence() == "$15,000 more opens 1 home"


@patient(60)
@given(wanted(), st.integers(0, 2**16))
def test_counts_are_those_of_a_search_with_the_limit_moved(wants: Wants, seed: int) -> None:
    wants = wants.as_filter()
    homes = simulated(150, seed, living=False)
    closed = engine.match(homes, wants, market=MARKET).excluded
    for each in relaxations(homes, wants, market=MARKET):
        if each.must.limit == "areas":
            away = areas.miles_outside(homes.latitude, homes.longitude, [a.polygon for a in wants.areas])
            miles = float(each.words.split()[0])
            free = replace(wants, areas=())
            free = replace(free, importance={k: v for k, v in wants.importance.items() if k != "location"})
            opened = ~engine.match(homes, free, market=MARKET).excluded & ~(away > miles)
        else:
            moved = wants_of(wants.as_json() | each.change)
            opened = ~engine.match(homes, moved, market=MARKET).excluded
        assert set(each.rows.tolist()) == set(np.flatnonzero(opened & closed).tolist())
        assert each.opens == len(each.rows) > 0


def test_every_limit_can_be_moved() -> None:
    wants = Wants(
        price_max=300_000,
        monthly_max=2000,
        beds_min=3,
        baths_min=2,
        sqft_min=1700,
        sqft_max=2200,
        types=("Single Family Residence",),
        lot_min=7000,
        year_min=1980,
        condition="move-in",
        areas=(SQUARE,),
        commute_targets=(WORK,),
        investor=Investor(5.0, 7.0),
        must_haves=("garage",),
        deal_breakers=("hoa",),
    )
    homes = simulated(3000, 6)
    words: dict[str, str] = {}
    for factor, limits in MUSTS.items():
        for told in relaxations(
            homes, replace(wants, must_haves=(), deal_breakers=(), importance={factor: "must"}), market=MARKET
        ):
            assert told.must.limit in limits
            words.setdefault(told.must.limit, told.words)
    only_features = replace(wants, importance={})
    for told in relaxations(homes, only_features, market=MARKET):
        words.setdefault(told.must.key, told.words)

    assert words == {
        "price_max": "$10,000 more",
        "areas": "1 mile around your areas",
        "beds_min": "1 bedroom fewer",
        "baths_min": "half a bath fewer",
        "sqft_min": "100 sq ft less",
        "sqft_max": "200 sq ft more",
        "types": "adding the type townhouse",
        "lot_min": "700 sq ft of lot less",
        "year_min": "5 years older",
        "condition": "taking the condition light work",
        "commute_targets": "5 minutes more on the way",
        "monthly_max": "$100 a month more",
        "investor": "a cap rate 0.5 points lower",
        "must_haves:garage": "without garage",
        "deal_breakers:hoa": "accepting homeowners association",
    }


def test_a_limit_that_keeps_nothing_out_is_not_spoken_of() -> None:
    homes = homes_of({"pk": [1], "list_price": [4e5]})

    assert relaxations(homes, Wants(price_max=5e5, importance={"price": "must"})) == ()
    assert relaxations(homes_of({"pk": []}), Wants(price_max=5e5, importance={"price": "must"})) == ()
    small = Wants(beds_min=1, importance={"beds": "must"})
    assert relaxations(homes_of({"pk": [1], "bedrooms_total": [0]}), small) == ()
    with pytest.raises(IndexError):
        _ = engine.match(homes, Wants()).points(3)
