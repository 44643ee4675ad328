"""The kinds of place we know, and how OpenStreetMap tags them; pure.

Places of worship, social services and whatever else tells who lives somewhere are no kinds of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Category(StrEnum):
    """What a buyer may wish to have near, and the comforts of streets."""

    GROCERY = "grocery"
    RESTAURANT = "restaurant"
    COFFEE = "coffee"
    SHOPPING = "shopping"
    BANK = "bank"
    PARK = "park"
    TRAIL = "trail"
    GYM = "gym"
    LIBRARY = "library"
    PHARMACY = "pharmacy"
    SCHOOL = "school"
    ENTERTAINMENT = "entertainment"
    DOG_PARK = "dog_park"
    HOSPITAL = "hospital"
    COMFORT = "comfort"


LABELS: Mapping[Category, str] = {
    Category.GROCERY: "Grocery",
    Category.RESTAURANT: "Restaurant or bar",
    Category.COFFEE: "Coffee",
    Category.SHOPPING: "Shop",
    Category.BANK: "Bank",
    Category.PARK: "Park",
    Category.TRAIL: "Trail",
    Category.GYM: "Gym",
    Category.LIBRARY: "Library or bookshop",
    Category.PHARMACY: "Pharmacy",
    Category.SCHOOL: "School",
    Category.ENTERTAINMENT: "Entertainment",
    Category.DOG_PARK: "Dog park",
    Category.HOSPITAL: "Hospital",
    Category.COMFORT: "Bench, bicycle parking or water",
}

_TAGS = {
    "leisure": {
        Category.DOG_PARK: "dog_park",
        Category.PARK: "park garden nature_reserve common playground recreation_ground",
        Category.ENTERTAINMENT: "bowling_alley amusement_arcade",
        Category.GYM: "fitness_centre sports_centre swimming_pool",
    },
    "amenity": {
        Category.GROCERY: "marketplace",
        Category.RESTAURANT: "restaurant fast_food food_court pub bar biergarten bistro",
        Category.COFFEE: "cafe ice_cream juice_bar",
        Category.BANK: "bank credit_union",
        Category.SCHOOL: "school kindergarten",
        Category.LIBRARY: "library",
        Category.ENTERTAINMENT: "cinema theatre arts_centre nightclub events_venue music_venue",
        Category.GYM: "gym dojo",
        Category.PHARMACY: "pharmacy",
        Category.HOSPITAL: "hospital",
        Category.COMFORT: "bench bicycle_parking drinking_water fountain",
    },
    "shop": {
        Category.GROCERY: "supermarket grocery greengrocer food health_food wholesale",
        Category.COFFEE: "coffee tea",
        Category.LIBRARY: "books",
        Category.PHARMACY: "chemist",
        Category.SHOPPING: "convenience bakery butcher deli clothes shoes department_store mall variety_store"
        " hardware doityourself houseware furniture electronics gift toys sports bicycle florist"
        " stationery jewelry cosmetics second_hand general kiosk seafood cheese confectionery alcohol wine",
    },
    "landuse": {Category.PARK: "recreation_ground village_green"},
    "boundary": {Category.PARK: "national_park"},
    "tourism": {Category.ENTERTAINMENT: "museum gallery zoo aquarium theme_park"},
    "highway": {Category.TRAIL: "trailhead"},
    "route": {Category.TRAIL: "hiking foot"},
    "healthcare": {Category.HOSPITAL: "hospital", Category.PHARMACY: "pharmacy"},
}
_CATEGORY_OF = {
    (key, value): category
    for key, kinds in _TAGS.items()
    for category, values in kinds.items()
    for value in values.split()
}
_PRIVATE = frozenset({"private", "no"})


def category_of(tags: Mapping[str, object]) -> Category | None:
    """Return the kind of place some tags tell of; None for what is none of ours, or not for the public."""
    if str(tags.get("access", "")).lower() in _PRIVATE:
        return None
    for key in _TAGS:
        for value in str(tags.get(key) or "").lower().split(";"):
            category = _CATEGORY_OF.get((key, value.strip().replace(" ", "_")))
            if category is not None:
                return category
    return None
