"""What a buyer wants of a home and its place: a closed form.

The form holds facts about homes, places the buyer named, and how much each of the fifteen factors counts.
Nothing else fits in: no trait the law protects, nothing that stands in for one, nothing about the people of a
place. Schools and safety count nothing until the buyer says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from matching.homes import Values

MUST, IGNORE = "must", "ignore"
MIDDLE = 3
"""The importance, of 1 to 5, at which a factor counts as much as it does by itself."""

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "price": 0.14,
        "location": 0.12,
        "beds": 0.07,
        "baths": 0.05,
        "size": 0.07,
        "property_type": 0.06,
        "lot_age_condition": 0.06,
        "features": 0.09,
        "schools": 0.0,
        "commute": 0.09,
        "walkability": 0.05,
        "safety": 0.0,
        "amenities": 0.06,
        "financial_fit": 0.09,
        "market": 0.05,
    }
)
"""The fifteen factors in their order, and what each weighs where the buyer says nothing of it."""

FACTORS: tuple[str, ...] = tuple(WEIGHTS)
INDEX: Mapping[str, int] = {name: number for number, name in enumerate(FACTORS)}
CHOSEN_ONLY = {"schools": 0.06, "safety": 0.06}
"""What the factors that start at nothing weigh at a middle importance, once the buyer gives one."""

MUSTS: Mapping[str, tuple[str, ...]] = {
    "price": ("price_max",),
    "location": ("areas",),
    "beds": ("beds_min",),
    "baths": ("baths_min",),
    "size": ("sqft_min", "sqft_max"),
    "property_type": ("types",),
    "lot_age_condition": ("lot_min", "year_min", "condition"),
    "commute": ("commute_targets",),
    "financial_fit": ("monthly_max", "investor"),
}
"""The factors that can be a must, and the limits that make them one."""


class Setting(StrEnum):
    URBAN = "urban"
    SUBURBAN = "suburban"
    RURAL = "rural"


class Mode(StrEnum):
    DRIVE = "drive"
    TRANSIT = "transit"
    WALK = "walk"
    BIKE = "bike"


class Urgency(StrEnum):
    RELAXED = "relaxed"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the map the buyer drew or named: corners as latitude and longitude, the last joined to the
    first."""

    name: str
    polygon: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the buyer goes, how, when they must be there, and how long it may take."""

    name: str
    latitude: float
    longitude: float
    mode: Mode = Mode.DRIVE
    arrive_by: float = 8.0
    """Hour of the day."""
    max_minutes: float = 30.0
    days_per_week: float = 5.0


@dataclass(frozen=True, slots=True)
class Investor:
    """Cap rates in percent: the least, and the one at which a home fits fully.

    The rent and the share of it that running the home eats are the investor's own figures, for homes that
    state no net operating income.
    """

    min_cap: float
    target_cap: float
    rent_month: float | None = None
    expense_share: float | None = None


@dataclass(frozen=True, slots=True)
class Wants:
    """What a buyer wants; None and empty are "did not say"."""

    price_target: float | None = None
    price_max: float | None = None
    monthly_max: float | None = None
    down_payment: float | None = None
    financing: str | None = None
    """One of FINANCING."""
    beds_min: float | None = None
    baths_min: float | None = None
    sqft_min: float | None = None
    sqft_max: float | None = None
    types: tuple[str, ...] = ()
    """Of SUB_TYPES."""
    lot_min: float | None = None
    """Square feet."""
    year_min: float | None = None
    condition: str | None = None
    """One of CONDITIONS."""
    must_haves: tuple[str, ...] = ()
    nice_to_haves: Mapping[str, int] = field(default_factory=dict)
    """Features, each with its importance from 1 to 5."""
    deal_breakers: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()
    setting: Setting = Setting.SUBURBAN
    """How far from a chosen area is still near."""
    schools: tuple[str, ...] = ()
    """Ids of schools and districts the buyer named."""
    commute_targets: tuple[Target, ...] = ()
    amenities: tuple[str, ...] = ()
    investor: Investor | None = None
    urgency: Urgency = Urgency.RELAXED
    importance: Mapping[str, str | int] = field(default_factory=dict)
    """By factor: "must", "ignore" or 1–5. A factor not named counts as it does by itself."""

    def is_must(self, factor: str) -> bool:
        return self.importance.get(factor) == MUST

    def says(self, factor: str) -> bool:
        """Tell whether the buyer said what a factor is measured against."""
        return _SAYS[factor](self)

    def weights(self) -> Values:
        """Return what each factor weighs (15,): its own weight, by its importance; 0 where nothing was said.

        A must keeps its own weight: it filters, and what lies within it is still better or worse.
        """
        return np.array([self._weight(factor) for factor in FACTORS])

    def _weight(self, factor: str) -> float:
        stated = self.importance.get(factor)
        if stated == IGNORE or not self.says(factor):
            return 0.0
        if isinstance(stated, int):
            return CHOSEN_ONLY.get(factor, WEIGHTS[factor]) * stated / MIDDLE
        return WEIGHTS[factor]

    def as_filter(self) -> Wants:
        """Return the same with every limit that can be one a must: what a saved search looks for."""
        stated = {
            factor: MUST for factor in MUSTS if self.says(factor) and self.importance.get(factor) != IGNORE
        }
        return replace(self, importance=dict(self.importance) | stated)

    def as_json(self) -> dict[str, Any]:
        """Return the form `wants_of` reads back; what was not said is left out."""
        told = {each.name: _plain(getattr(self, each.name)) for each in fields(self)}
        standard = {"setting": Setting.SUBURBAN, "urgency": Urgency.RELAXED}
        return {
            name: value
            for name, value in told.items()
            if value not in (None, [], {}) and value != standard.get(name)
        }


_SAYS: Mapping[str, Callable[[Wants], bool]] = {
    "price": lambda w: w.price_target is not None or w.price_max is not None,
    "location": lambda w: bool(w.areas),
    "beds": lambda w: w.beds_min is not None,
    "baths": lambda w: w.baths_min is not None,
    "size": lambda w: w.sqft_min is not None or w.sqft_max is not None,
    "property_type": lambda w: bool(w.types),
    "lot_age_condition": lambda w: (w.lot_min, w.year_min, w.condition) != (None, None, None),
    "features": lambda w: bool(w.nice_to_haves),
    "schools": lambda w: isinstance(w.importance.get("schools"), int),
    "commute": lambda w: bool(w.commute_targets),
    "walkability": lambda w: True,
    "safety": lambda w: isinstance(w.importance.get("safety"), int),
    "amenities": lambda w: bool(w.amenities),
    "financial_fit": lambda w: w.monthly_max is not None or w.investor is not None,
    "market": lambda w: True,
}


def _plain(value: Any) -> Any:
    """Return a value of the form as plain JSON."""
    if isinstance(value, Area):
        return {"name": value.name, "polygon": [list(corner) for corner in value.polygon]}
    if isinstance(value, Target):
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        hours, minutes = divmod(round(value.arrive_by * 60), 60)
        return told | {"mode": value.mode.value, "arrive_by": f"{hours:02d}:{minutes:02d}"}
    if isinstance(value, Investor):
        return {each.name: told for each in fields(value) if (told := getattr(value, each.name)) is not None}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value
