"""Columns of homes keep what was stated, and know what was not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import areas, features
from matching.homes import STATUSES, SUB_TYPES, homes_of, terms_of
from tests.matching.cases import SQUARE, patient, simulated


def test_columns_not_given_are_not_stated() -> None:
    homes = homes_of({"pk": [7, 8]})

    assert len(homes) == 2
    assert np.isnan(homes.list_price).all()
    assert (homes.features == -1).all()
    assert homes.features.shape == (2, len(features.KEYS))
    assert homes.hazards.shape == (2, 6)
    assert homes.available.tolist() == [True, True]
    assert len(homes_of({"pk": []})) == 0


def test_what_cannot_be_is_not_stated() -> None:
    homes = homes_of(
        {
            "pk": [1, 2, 3, 4],
            "list_price": [0, -5, None, 4e5],
            "bedrooms_total": [-1, 0, None, 3],
            "latitude": [0, 95, 30, 30],
            "longitude": [0, 10, None, -97],
            "standard_status": ["Active", "Pending", "Gone", None],
            "property_sub_type": [None, "Townhouse", "Castle", 3],
            "condition": ["Fixer", "New Construction", "light work", None],
        }
    )

    assert np.isnan(homes.list_price).tolist() == [True, True, True, False]
    assert np.isnan(homes.bedrooms_total).tolist() == [True, False, True, False]
    assert np.isnan(homes.latitude).tolist() == [True, True, True, False]
    assert homes.standard_status.tolist() == [STATUSES.index("Active"), STATUSES.index("Pending"), -1, -1]
    assert homes.available.tolist() == [True, False, True, True]
    assert homes.property_sub_type.tolist() == [-1, SUB_TYPES.index("Townhouse"), -1, 3]
    assert homes.condition.tolist() == [2, 0, 1, -1]


def test_names_of_places_and_schools_are_kept_once() -> None:
    homes = homes_of(
        {
            "pk": [1, 2],
            "neighborhood": ["Mill", None],
            "schools": [["b", "a", None, ""], ["a", "a", None, "c"]],
        }
    )

    assert (homes.neighborhoods, homes.neighborhood.tolist()) == (("Mill",), [0, -1])
    assert homes.school_ids == ("a", "b", "c")
    assert homes.schools.tolist() == [[1, 0, -1, -1], [0, 0, -1, 2]]


def test_rows_can_be_taken() -> None:
    homes = simulated(20)
    some = homes.take([3, 1])

    assert some.pk.tolist() == homes.pk[[3, 1]].tolist()
    assert (some.features == homes.features[[3, 1]]).all()
    assert homes.take(homes.pk <= 4).pk.tolist() == [pk for pk in homes.pk.tolist() if pk <= 4]
    assert homes.rows_of([int(homes.pk[5]), 999]).tolist() == [5]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"pk": [1], "colour": [1]}, "Homes have no column colour"),
        ({"pk": [1], "list_price": [1, 2]}, r"list_price must have the shape \(1,\), not \(2,\)"),
        ({"pk": [1], "features": [[1]]}, r"features must have the shape \(1, \d+\), not \(1, 1\)"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        homes_of(columns)


def test_ways_to_pay() -> None:
    assert terms_of([]) == terms_of(["Trade"]) == -1
    assert terms_of(["Cash", "VA Loan"]) == 0b1001
    assert terms_of(["Conventional"]) == 0b100010


def states(**facts: object) -> dict[str, int]:
    return {key: int(state) for key, state in zip(features.KEYS, features.stated(facts), strict=True)}


def test_features_are_yes_no_or_not_stated() -> None:
    told = states(
        GarageYN=None,
        GarageSpaces=2,
        PoolPrivateYN=False,
        Appliances=["Dishwasher"],
        AccessibilityFeatures=["AccessibleEntrance"],
        Basement="None",
        Levels="Two",
        BasementYN="true",
        WaterfrontYN="maybe",
        MainLevelBedrooms="none",
        MainLevelBathrooms=True,
        PetsAllowed=["No"],
    )

    assert (told["garage"], told["pool"], told["dishwasher"]) == (1, 0, 1)
    assert told["gas_range"] == -1  # a list that names a dishwasher does not say there is no range
    assert (told["step_free_entry"], told["basement"], told["finished_basement"]) == (1, 1, 0)
    assert (told["single_story"], told["waterfront"], told["pets_allowed"]) == (0, -1, 0)
    assert (told["ground_floor_bedroom"], told["ground_floor_bath"]) == (-1, -1)
    assert states(GarageSpaces=0)["garage"] == states(garage_yn=False)["garage"] == 0
    assert states(parking_features=["Covered"])["covered_parking"] == 1
    assert states(Appliances=["None"])["dishwasher"] == 0
    assert set(states().values()) == {-1}


ANYTHING = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text() | st.integers())


@patient()
@given(st.dictionaries(st.sampled_from(("GarageYN", "GarageSpaces", "Appliances", "Levels")), ANYTHING))
def test_any_value_of_a_field_is_read(facts: dict[str, object]) -> None:
    assert set(features.stated(facts).tolist()) <= {-1, 0, 1}


def test_inside_and_distance_agree_with_plain_arithmetic() -> None:
    """Against a slow reckoning, edge by edge, for a ring with a bay in it."""
    ring = ((30.2, -97.8), (30.2, -97.6), (30.3, -97.6), (30.22, -97.7), (30.3, -97.8))
    rng = np.random.default_rng(2)
    latitude, longitude = rng.uniform(30.1, 30.4, 500), rng.uniform(-97.9, -97.5, 500)
    within = areas.inside(latitude, longitude, ring)
    away = areas.miles_outside(latitude, longitude, [ring])

    assert within.tolist() == [_inside(y, x, ring) for y, x in zip(latitude, longitude, strict=True)]
    assert not areas.inside(np.array([30.29]), np.array([-97.7]), ring)[0]
    plain = [0.0 if w else _miles(y, x, ring) for w, y, x in zip(within, latitude, longitude, strict=True)]
    assert np.abs(away - plain).max() < 1e-6


def _inside(y: float, x: float, ring: tuple[tuple[float, float], ...]) -> bool:
    odd = False
    for (y1, x1), (y2, x2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y < y1) != (y < y2) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


def _miles(y: float, x: float, ring: tuple[tuple[float, float], ...]) -> float:
    middle = np.mean(ring, axis=0)
    scale = areas.MILES_PER_DEGREE * np.array([1, np.cos(np.radians(middle[0]))])
    point = (np.array([y, x]) - middle) * scale
    nearest = np.inf
    for one, other in zip(ring, (*ring[1:], ring[0]), strict=True):
        a, b = (np.array(one) - middle) * scale, (np.array(other) - middle) * scale
        t = np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        nearest = min(nearest, float(np.linalg.norm(point - a - t * (b - a))))
    return nearest


def test_sides_that_touch_cross() -> None:
    assert areas.crossing(SQUARE.polygon) is None
    assert areas.crossing([(0, 0), (0, 2), (1, 1), (0, 1), (2, 0)]) == (0, 2)
    assert areas.crossing([(0, 0), (1, 1), (1, 0)]) is None
