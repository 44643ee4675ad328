from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from leads.events import Kind
from leads.ml import features
from leads.ml.catalogue import NAMES
from leads.ml.features import EventFact
from tests.histories import fact, of

MINUTE = 1 / 1440


def looks(*homes: dict[str, Any], kind: Kind = Kind.LISTING_VIEWED) -> list[EventFact]:
    """Return a look at each home, all at the same moment so that nothing fades."""
    return [fact(kind, 0, i, **home) for i, home in enumerate(homes)]


def test_acts_within_half_an_hour_are_one_visit() -> None:
    visits = [
        fact(Kind.PAGE_VIEWED, 0, 1),
        fact(Kind.LISTING_VIEWED, 10 * MINUTE, 2),
        fact(Kind.LISTING_SAVED, 39 * MINUTE, 3),
        fact(Kind.PAGE_VIEWED, 80 * MINUTE, 4),
    ]

    vector = of(*visits, days=80 * MINUTE)

    first = math.exp(-80 * MINUTE / 30)
    acts = 1 + first + math.exp(-70 * MINUTE / 30) + math.exp(-41 * MINUTE / 30)
    assert vector["sessions"] == pytest.approx(1 + first)
    assert vector["session_depth"] == pytest.approx(acts / (1 + first))
    assert vector["session_latest"] == 1.0
    assert of(*visits[:3], days=39 * MINUTE)["session_latest"] == 3.0
    assert of(*visits[:3], days=2)["session_latest"] == 0.0
    assert of(*visits[:3], days=39 * MINUTE + 2)["days_since_visit"] == pytest.approx(2.0)


def test_mail_and_messages_are_no_visits() -> None:
    vector = of(fact(Kind.EMAIL_CLICKED, 0, 1), fact(Kind.MESSAGE_RECEIVED, 0, 2), days=0)

    assert (vector["sessions"], vector["session_depth"], vector["days_since_visit"]) == (0.0, 0.0, 365.0)


def test_the_way_from_view_to_save_to_share_to_showing() -> None:
    acts = [Kind.LISTING_VIEWED] * 4 + [Kind.LISTING_SAVED, Kind.LISTING_SHARED, Kind.SHOWING_REQUESTED]

    vector = of(*(fact(kind, 0, i) for i, kind in enumerate(acts)), days=0)

    assert (vector["listing_views"], vector["listing_saves"], vector["listing_shares"]) == (4.0, 2.0, 1.0)
    assert vector["showing_requests"] == 1.0
    assert vector["view_to_save"] == vector["save_to_showing"] == 0.5


def test_shares_of_the_way_stay_within_one() -> None:
    acts = [Kind.LISTING_VIEWED, Kind.LISTING_SAVED, Kind.LISTING_SAVED] + [Kind.SHOWING_REQUESTED] * 3

    vector = of(*(fact(kind, 0, i) for i, kind in enumerate(acts)), days=0)

    assert vector["view_to_save"] == vector["save_to_showing"] == 1.0


def test_homes_viewed_again() -> None:
    homes = [{"listing_key": key} for key in ("A", "B", "A", "C")]

    assert of(*looks(*homes), days=0)["repeat_views"] == 0.25
    assert of(*looks({"listing": "A"}, {"address": "A"}), days=0)["repeat_views"] == 0.5
    assert of(*looks(*homes, kind=Kind.LISTING_SAVED), days=0)["repeat_views"] == 0.0
    assert of(*looks({}, {}), days=0)["repeat_views"] == 0.0


def test_only_the_last_homes_are_remembered() -> None:
    homes = [{"listing_key": str(i)} for i in (*range(9), 0)]

    assert of(*looks(*homes), days=0)["repeat_views"] == 0.0
    assert of(*looks(*homes[:8], homes[0]), days=0)["repeat_views"] == pytest.approx(1 / 9)


def test_price_focus_and_drift() -> None:
    step = math.log(2)

    one = of(*looks({"list_price": 400_000}), days=0)
    two = of(*looks({"list_price": 400_000}, {"list_price": 800_000}), days=0)
    back = of(*looks({"list_price": 800_000}, {"list_price": 400_000}), days=0)

    assert (one["price_focus"], one["price_drift"]) == (1.0, 0.0)
    assert two["price_focus"] == pytest.approx(math.exp(-step * math.sqrt(0.7 * 0.3) / 0.25))
    assert two["price_drift"] == pytest.approx((0.6 - 0.3) * step)
    assert back["price_drift"] == pytest.approx(-two["price_drift"])
    assert of(*looks({}), days=0)["price_focus"] == 0.0


def test_size_focus_and_drift() -> None:
    vector = of(*looks({"living_area": "1,000 sq ft"}, {"sqft": 2_000}), days=0)

    assert vector["size_focus"] == pytest.approx(math.exp(-math.log(2) * math.sqrt(0.7 * 0.3) / 0.25))
    assert vector["size_drift"] == pytest.approx(0.3 * math.log(2))


def test_prices_beside_the_budget_they_named() -> None:
    said = fact(Kind.MESSAGE_RECEIVED, 0, 0, text="Our budget is half a million")

    dearer = of(said, fact(Kind.LISTING_VIEWED, 0, 1, price="$600,000"), days=0)
    far_off = of(said, fact(Kind.LISTING_VIEWED, 0, 1, price="5M"), days=0)

    assert dearer["price_to_budget"] == pytest.approx(math.log(1.2))
    assert far_off["price_to_budget"] == 1.0
    assert of(*looks({"price": 600_000}), days=0)["price_to_budget"] == 0.0


@pytest.mark.parametrize("price", ["on request", "", None, True, 0, 500, -600_000, 1e12, [], "400k-500k"])
def test_a_price_that_is_none_is_not_read(price: object) -> None:
    vector = of(*looks({"list_price": price, "living_area": price}), days=0)

    assert (vector["price_focus"], vector["size_drift"]) == (0.0, 0.0)


def test_area_focus_and_drift() -> None:
    def walk(*areas: str) -> tuple[float, float]:
        vector = of(*looks(*({"postal_code": area} for area in areas)), days=0)
        return vector["area_focus"], vector["area_drift"]

    assert walk("98101") == (1.0, 0.0)
    assert walk("98101", "98101", "98052", "98101") == (0.75, 2 / 3)
    assert walk("1", "2", "3", "4") == (0.25, 1.0)
    assert walk("old", *"22222222") == (1.0, 0.0)


def test_which_area_it_is_changes_nothing() -> None:
    def walk(*areas: str) -> features.FeatureVector:
        return of(*looks(*({"neighborhood": area} for area in areas)), days=3)

    one, other = walk("Ballard", "Fremont", "ballard"), walk("Chinatown", "Peñasco", "Chinatown")

    assert np.array_equal(one.values, other.values)
    assert one["area_focus"] == pytest.approx(2 / 3)


def test_no_feature_is_named_after_who_somebody_is() -> None:
    words = ("name", "age", "race", "language", "origin", "faith", "family", "child", "sex", "postal", "city")

    told = {part for name in NAMES for part in name.split("_")} - {"named"}

    assert told.isdisjoint(words)
