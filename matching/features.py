"""The closed list of things a home has or has not, and how a listing's RESO fields tell: yes, no, not stated.

Everything here is a fact about the home. What is not in this list can be neither asked for nor refused, so no
person's trait can enter a search through it. A list that does not name a thing does not say that it is
missing: a listing that names its dishwasher may have a disposal, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

States = NDArray[np.int8]

YES, NO, NOT_STATED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Feature:
    """A thing a home may have, in words that follow "has", and the fields that tell."""

    key: str
    words: str
    flag: str = ""
    """A field that says yes or no."""
    count: str = ""
    """A field that counts: above 0 is yes, 0 is no."""
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Fields that list, and which of their values mean yes."""
    none: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Fields that list, and which of their values mean no."""


def _listed(key: str, words: str, name: str, *values: str) -> Feature:
    """Return a feature that one list tells of; "None" in it is a no."""
    return Feature(key, words, lists={name: values}, none={name: ("None",)})


FEATURES: tuple[Feature, ...] = (
    Feature(
        "garage",
        "garage",
        "GarageYN",
        "GarageSpaces",
        {"ParkingFeatures": ("Garage", "Heated Garage", "Garage Door Opener")},
        {"ParkingFeatures": ("No Garage", "None")},
    ),
    Feature("attached_garage", "attached garage", "AttachedGarageYN"),
    Feature(
        "covered_parking",
        "covered parking",
        count="CoveredSpaces",
        lists={"ParkingFeatures": ("Covered", "Carport", "Attached Carport", "Detached Carport", "Garage")},
        none={"ParkingFeatures": ("None",)},
    ),
    _listed("ev_charging", "EV charging", "ParkingFeatures", "Electric Vehicle Charging Station(s)"),
    _listed(
        "rv_parking",
        "RV parking",
        "ParkingFeatures",
        "RV Access/Parking",
        "RV Garage",
        "RV Carport",
        "RV Gated",
    ),
    Feature("pool", "private pool", "PoolPrivateYN", lists={"PoolFeatures": ("Private",)}),
    Feature("spa", "spa or hot tub", "SpaYN"),
    Feature("waterfront", "waterfront lot", "WaterfrontYN"),
    Feature("view", "view", "ViewYN", none={"View": ("None",)}),
    _listed(
        "water_view",
        "water view",
        "View",
        "Bay",
        "Beach",
        "Lake",
        "Marina",
        "Ocean",
        "Pond",
        "River",
        "Water",
    ),
    _listed("mountain_view", "mountain or hill view", "View", "Mountain(s)", "Hills", "Ridge"),
    _listed("city_view", "city view", "View", "City", "City Lights", "Downtown", "Skyline"),
    Feature("fireplace", "fireplace", "FireplaceYN", "FireplacesTotal"),
    Feature("cooling", "air conditioning", "CoolingYN", none={"Cooling": ("None",)}),
    _listed("central_air", "central air", "Cooling", "Central Air"),
    Feature("basement", "basement", "BasementYN", none={"Basement": ("None",)}),
    _listed("finished_basement", "finished basement", "Basement", "Finished", "Partially Finished"),
    _listed("walk_out_basement", "walk-out basement", "Basement", "Walk-Out Access", "Daylight"),
    _listed("hardwood_floors", "hardwood floors", "Flooring", "Hardwood", "Engineered Hardwood", "Wood"),
    _listed("tile_floors", "tile floors", "Flooring", "Tile", "Ceramic Tile"),
    _listed("dishwasher", "dishwasher", "Appliances", "Dishwasher", "ENERGY STAR Qualified Dishwasher"),
    _listed(
        "gas_range",
        "gas range",
        "Appliances",
        *("Gas Range", "Gas Cooktop", "Built-In Gas Range", "Free-Standing Gas Range"),
    ),
    _listed(
        "stainless_appliances", "stainless-steel appliances", "Appliances", "Stainless Steel Appliance(s)"
    ),
    _listed(
        "washer_dryer", "washer and dryer", "Appliances", "Washer/Dryer", "Washer/Dryer Stacked", "Washer"
    ),
    _listed(
        "in_unit_laundry",
        "laundry inside",
        "LaundryFeatures",
        *("In Unit", "Inside", "Laundry Room", "Laundry Closet", "In Kitchen", "In Hall", "In Bathroom"),
    ),
    _listed("kitchen_island", "kitchen island", "InteriorFeatures", "Kitchen Island"),
    _listed("pantry", "pantry", "InteriorFeatures", "Pantry"),
    _listed("walk_in_closet", "walk-in closet", "InteriorFeatures", "Walk-In Closet(s)"),
    _listed("open_floor_plan", "open floor plan", "InteriorFeatures", "Open Floorplan"),
    _listed(
        "high_ceilings",
        "high ceilings",
        "InteriorFeatures",
        *("High Ceilings", "Vaulted Ceiling(s)", "Cathedral Ceiling(s)"),
    ),
    Feature("ground_floor_bedroom", "bedroom on the entry level", count="MainLevelBedrooms"),
    Feature("ground_floor_bath", "bath on the entry level", count="MainLevelBathrooms"),
    Feature(
        "single_story",
        "single story",
        lists={"Levels": ("One",)},
        none={"Levels": ("Two", "Three Or More", "Multi/Split", "Bi-Level", "Tri-Level", "Quad-Level")},
    ),
    _listed(
        "step_free_entry", "step-free entry", "AccessibilityFeatures", *("Accessible Entrance", "Visitable")
    ),
    _listed("entry_ramp", "ramp at the entry", "AccessibilityFeatures", "Accessible Approach with Ramp"),
    _listed("wide_doors", "wide doors", "AccessibilityFeatures", "Accessible Doors"),
    _listed("step_free_bath", "step-free full bath", "AccessibilityFeatures", "Accessible Full Bath"),
    _listed("stair_lift", "stair lift", "AccessibilityFeatures", "Stair Lift"),
    Feature(
        "elevator",
        "elevator",
        lists={
            "InteriorFeatures": ("Elevator",),
            "AssociationAmenities": ("Elevator(s)",),
            "AccessibilityFeatures": ("Accessible Elevator Installed",),
        },
    ),
    _listed("patio_or_deck", "patio or deck", "PatioAndPorchFeatures", "Patio", "Deck", "Terrace"),
    _listed(
        "porch",
        "porch",
        "PatioAndPorchFeatures",
        "Porch",
        "Front Porch",
        "Rear Porch",
        "Side Porch",
        "Wrap Around",
    ),
    _listed("balcony", "balcony", "ExteriorFeatures", "Balcony"),
    _listed(
        "fenced_yard",
        "fenced yard",
        "Fencing",
        "Fenced",
        "Full",
        "Back Yard",
        "Perimeter",
        "Privacy",
        "Partial",
    ),
    _listed("corner_lot", "corner lot", "LotFeatures", "Corner Lot"),
    _listed("cul_de_sac", "cul-de-sac lot", "LotFeatures", "Cul-De-Sac"),
    Feature("horses", "room for horses", "HorseYN"),
    _listed("workshop", "workshop", "OtherStructures", "Workshop"),
    _listed("guest_house", "guest house", "OtherStructures", "Guest House", "Second Residence"),
    _listed("smart_home", "smart-home wiring", "InteriorFeatures", "Smart Home", "Smart Thermostat"),
    Feature("new_construction", "new construction", "NewConstructionYN"),
    Feature(
        "pets_allowed",
        "pets allowed",
        lists={"PetsAllowed": ("Yes", "Cats OK", "Dogs OK")},
        none={"PetsAllowed": ("No",)},
    ),
    Feature("hoa", "homeowners association", "AssociationYN"),
    _listed("community_pool", "community pool", "AssociationAmenities", "Pool", "Indoor Pool"),
    _listed("fitness_center", "fitness center", "AssociationAmenities", "Fitness Center"),
    Feature("land_lease", "leased land", "LandLeaseYN"),
)
"""In the order of the columns of `Homes.features`."""

KEYS: tuple[str, ...] = tuple(feature.key for feature in FEATURES)
INDEX: Mapping[str, int] = {key: number for number, key in enumerate(KEYS)}
WORDS: Mapping[str, str] = {feature.key: feature.words for feature in FEATURES}

_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})
_MARKS = re.compile(r"[^a-z0-9]+")


def stated(facts: Mapping[str, Any]) -> States:
    """Return what a listing's RESO fields (by the dictionary's names; values or tokens) say of each feature.

    A yes anywhere is a yes; a no counts only where nothing says yes; else it is not stated.
    """
    told = [NOT_STATED] * len(FEATURES)
    for called, value in facts.items():
        name = _folded(called)
        if name not in _TELLING or value is None:
            continue
        for number in _FLAGGED.get(name, ()):
            told[number] = max(told[number], _flag(value))
        for number in _COUNTED.get(name, ()):
            told[number] = max(told[number], _count(value))
        if name in _LISTED:
            for word in _words(value):
                for number, state in _LISTED[name].get(word, ()):
                    told[number] = max(told[number], state)
    return np.array(told, dtype=np.int8)


def _flag(value: Any) -> int:
    if isinstance(value, bool):
        return YES if value else NO
    word = str(value).strip().lower()
    return YES if word in _TRUE else NO if word in _FALSE else NOT_STATED


def _count(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return NOT_STATED
    try:
        number = float(value)
    except (TypeError, ValueError):
        return NOT_STATED
    return YES if number > 0 else NO if number == 0 else NOT_STATED


def _words(value: Any) -> list[str]:
    """Return a list, or a text of one, folded: "Accessible Doors" and "AccessibleDoors" are alike."""
    values = value.split(",") if isinstance(value, str) else value
    return [_folded(str(each)) for each in values] if isinstance(values, Sequence) else []


@lru_cache(maxsize=4096)
def _folded(value: str) -> str:
    return _MARKS.sub("", value.lower())


def _told_by(name: str) -> dict[str, list[tuple[int, int]]]:
    """Return the words of a field that lists, each with the features it tells of and what it says."""
    words: dict[str, list[tuple[int, int]]] = {}
    for number, feature in enumerate(FEATURES):
        for state, lists in ((YES, feature.lists), (NO, feature.none)):
            for value in lists.get(name, ()):
                words.setdefault(_folded(value), []).append((number, state))
    return words


def _numbers(fields: Iterable[str]) -> dict[str, list[int]]:
    """Return for each field the features it tells of."""
    told: dict[str, list[int]] = {}
    for number, name in enumerate(fields):
        if name:
            told.setdefault(_folded(name), []).append(number)
    return told


_FLAGGED = _numbers(feature.flag for feature in FEATURES)
_COUNTED = _numbers(feature.count for feature in FEATURES)
_LISTED = {_folded(name): _told_by(name) for feature in FEATURES for name in (*feature.lists, *feature.none)}
_TELLING = frozenset({*_FLAGGED, *_COUNTED, *_LISTED})
