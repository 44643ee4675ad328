"""Homes and wants the tests of the match share, and strategies that make many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from matching import features
from matching.homes import AMENITIES, CONDITIONS, HAZARDS, STATUSES, SUB_TYPES, Homes, homes_of
from matching.wants import FACTORS, MUST, MUSTS, Area, Investor, Mode, Setting, Target, Urgency, Wants

TOWN = (30.27, -97.74)
SQUARE = Area("Riverside", ((30.25, -97.77), (30.25, -97.71), (30.29, -97.71), (30.29, -97.77)))
WORK = Target("work", 30.4021, -97.7265, Mode.DRIVE, 8.0, 35.0, 5.0)


def patient(examples: int = 100) -> settings:
    """Return how often to try; a busy machine is no fault of what is tried."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def home(**facts: Any) -> Homes:
    """Return one home that states these facts; `has` and `lacks` name features."""
    states = np.full((1, len(features.KEYS)), features.NOT_STATED)
    for name in facts.pop("has", ()):
        states[0, features.INDEX[name]] = features.YES
    for name in facts.pop("lacks", ()):
        states[0, features.INDEX[name]] = features.NO
    return homes_of({"pk": [1], "features": states} | {name: [value] for name, value in facts.items()})


def simulated(count: int, seed: int = 4, *, stated: float = 0.9, living: bool = True) -> Homes:
    """Return homes of a made-up town; each fact is stated of most of them."""
    rng = np.random.default_rng(seed)

    def told(values: Any) -> Any:
        values = np.asarray(values, dtype=np.float64)
        values[rng.random(values.shape) > stated] = np.nan
        return values

    def coded(names: Sequence[str]) -> Any:
        codes = rng.integers(0, len(names), count)
        codes[rng.random(count) > stated] = -1
        return codes

    area = rng.normal(2000, 700, count).clip(500)
    statuses = np.full(count, STATUSES.index("Active")) if living else coded(STATUSES)
    return homes_of(
        {
            "pk": rng.permutation(count) + 1,
            "list_price": told(area * rng.normal(240, 60, count).clip(80)),
            "latitude": told(TOWN[0] + rng.normal(0, 0.08, count)),
            "longitude": told(TOWN[1] + rng.normal(0, 0.08, count)),
            "bedrooms_total": told(np.clip(np.round(area / 600), 1, 7)),
            "baths": told(np.round(area / 400) / 2),
            "living_area": told(area),
            "lot_size_square_feet": told(rng.lognormal(9, 0.6, count)),
            "year_built": told(rng.integers(1920, 2026, count)),
            "standard_status": statuses,
            "property_sub_type": np.where(
                rng.random(count) < 0.6, SUB_TYPES.index("Single Family Residence"), coded(SUB_TYPES)
            ),
            "condition": coded(CONDITIONS),
            "listing_terms": np.where(rng.random(count) < 0.5, -1, rng.integers(1, 64, count)),
            "association_fee_monthly": told(rng.integers(0, 5, count) * 75.0),
            "tax_annual": told(area * 3.0),
            "net_operating_income": told(area * 11.0),
            "features": rng.choice([-1, 0, 1], (count, len(features.KEYS))),
            "hazards": told(rng.random((count, len(HAZARDS)))),
            "walkability": told(rng.random(count) * 100),
            "stop_miles": told(rng.random(count) * 3),
            "headway_minutes": told(rng.integers(8, 60, count)),
            "amenity_miles": told(rng.exponential(1.5, (count, len(AMENITIES)))),
            "schools": rng.integers(-1, 12, (count, 4)),
            "school_ids": tuple(f"48-{number:05d}" for number in range(12)),
            "school_percentile": told(rng.random(count)),
            "days_on_market": told(rng.exponential(40, count)),
            "price_cut": told(np.where(rng.random(count) < 0.3, 10_000.0, 0.0)),
            "saves": told(rng.poisson(6, count)),
        }
    )


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_TYPES = ("Single Family Residence", "Townhouse", "Condominium", "Duplex")


@st.composite
def wanted(draw: st.DrawFn) -> Wants:
    """Return wants of every kind, with musts only where there is a limit."""
    most = draw(_maybe(st.integers(150_000, 900_000).map(float)))
    size = draw(_maybe(st.integers(600, 2500).map(float)))
    named = draw(st.lists(st.sampled_from(features.KEYS), max_size=6, unique=True))
    wants = Wants(
        price_target=None if most is None else draw(_maybe(st.just(most * 0.9))),
        price_max=most,
        monthly_max=draw(_maybe(st.integers(1000, 6000).map(float))),
        down_payment=draw(_maybe(st.integers(0, 200_000).map(float))),
        financing=draw(_maybe(st.sampled_from(("cash", "conventional", "FHA")))),
        beds_min=draw(_maybe(st.integers(1, 5).map(float))),
        baths_min=draw(_maybe(st.sampled_from((1.0, 1.5, 2.0, 2.5)))),
        sqft_min=size,
        sqft_max=None if size is None else draw(_maybe(st.just(size * 1.4))),
        types=tuple(draw(st.lists(st.sampled_from(_TYPES), max_size=3, unique=True))),
        lot_min=draw(_maybe(st.integers(2000, 20_000).map(float))),
        year_min=draw(_maybe(st.integers(1930, 2020).map(float))),
        condition=draw(_maybe(st.sampled_from(CONDITIONS))),
        must_haves=tuple(named[:1]),
        nice_to_haves={name: draw(st.integers(1, 5)) for name in named[1:4]},
        deal_breakers=tuple(named[4:]),
        areas=draw(st.sampled_from(((), (SQUARE,)))),
        setting=draw(st.sampled_from(Setting)),
        schools=draw(st.sampled_from(((), ("48-00003", "48-00007")))),
        commute_targets=draw(
            st.sampled_from(((), (WORK,), (WORK, Target("gym", 30.3, -97.7, Mode.TRANSIT, 18.0, 40.0, 2.0))))
        ),
        amenities=tuple(draw(st.lists(st.sampled_from(tuple(AMENITIES)), max_size=3, unique=True))),
        investor=draw(st.sampled_from((None, Investor(3.0, 7.0)))),
        urgency=draw(st.sampled_from(Urgency)),
    )
    importance: dict[str, str | int] = {}
    for factor in draw(st.lists(st.sampled_from(FACTORS), max_size=8, unique=True)):
        limits = [getattr(wants, limit) for limit in MUSTS.get(factor, ())]
        choices: list[str | int] = [1, 3, 5, "ignore", *([MUST] if any(limits) else [])]
        importance[factor] = draw(st.sampled_from(choices))
    return Wants(**{name: getattr(wants, name) for name in Wants.__slots__} | {"importance": importance})
