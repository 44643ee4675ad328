"""What a form of criteria offers to choose from, and what its fields are called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from matching.wants import MUST

TARGETS = 3
DWELLINGS = (
    *("Single Family Residence", "Townhouse", "Condominium", "Duplex", "Triplex", "Quadruplex", "Apartment"),
    *("Stock Cooperative", "Manufactured Home", "Cabin", "Ranch", "Farm"),
)
FEATURE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Parking": ("garage", "attached_garage", "covered_parking", "ev_charging", "rv_parking"),
    "Outside and the lot": (
        *("pool", "spa", "waterfront", "fenced_yard", "patio_or_deck", "porch", "balcony", "corner_lot"),
        *("cul_de_sac", "horses", "workshop", "guest_house"),
    ),
    "Views": ("view", "water_view", "mountain_view", "city_view"),
    "Inside": (
        *("fireplace", "cooling", "central_air", "basement", "finished_basement", "walk_out_basement"),
        *("hardwood_floors", "tile_floors", "high_ceilings", "open_floor_plan", "walk_in_closet"),
        *("smart_home", "new_construction"),
    ),
    "Kitchen and laundry": (
        *("dishwasher", "gas_range", "stainless_appliances", "kitchen_island", "pantry", "washer_dryer"),
        "in_unit_laundry",
    ),
    "Getting in and around": (
        *("single_story", "ground_floor_bedroom", "ground_floor_bath", "step_free_entry", "entry_ramp"),
        *("wide_doors", "step_free_bath", "stair_lift", "elevator"),
    ),
    "Building and association": ("pets_allowed", "hoa", "community_pool", "fitness_center", "land_lease"),
}
STRENGTHS = (
    ("1", "A little"),
    ("2", "Somewhat"),
    ("3", "As usual"),
    ("4", "Much"),
    ("5", "Very much"),
)
FEATURE_CHOICES = (
    ("", "No matter"),
    (MUST, "Must be there"),
    ("5", "Wished for very much"),
    ("4", "Wished for much"),
    ("3", "Wished for"),
    ("2", "Wished for somewhat"),
    ("1", "Wished for a little"),
    ("never", "Must not be there"),
)
ON_ASKING = ("schools", "safety")
"""Factors that count nothing until the buyer asks for them."""

FAIR_HOUSING = (
    "Fair housing: homes are matched by what they are and where the buyer wants to be, never by people."
)
NAMED = re.compile(
    r"\b(?:price_target|price_max|monthly_max|sqft_min|sqft_max|beds_min|baths_min|lot_min|"
    r"year_min|min_cap|target_cap|commute_targets|investor)\b"
)
PLAIN = (
    *("price_target", "price_max", "monthly_max", "down_payment", "financing", "beds_min", "baths_min"),
    *("sqft_min", "sqft_max", "types", "lot_min", "year_min", "condition", "setting", "amenities", "urgency"),
)
"""Fields that are called here as they are called in the wants."""
