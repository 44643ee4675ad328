"""What a match may rest on, and what it never may; pure.

The inputs are read off the columns the engine is given, so that the list cannot say less than the code takes.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields

from matching.homes import Homes
from matching.wants import FACTORS, Wants

ALLOWED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Factors", tuple(FACTORS)),
    ("What the buyer says", tuple(field.name for field in fields(Wants))),
    ("What the home is", tuple(field.name for field in fields(Homes))),
)

FORBIDDEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Who lives in a place: race, ethnicity, religion, national origin",
        ("race", "ethnicity", "religion", "national_origin", "percent_white", "racial_composition"),
    ),
    ("Who lives in a household", ("household_composition", "families_with_children", "marital_status")),
    ("Language", ("language", "language_spoken_at_home")),
    ("Names", ("first_name", "last_name", "surname")),
    ("Age of a place's people", ("median_age",)),
    ("What people of a place earn, as a mark of its worth", ("median_income", "household_income")),
    ("Who owns and who rents", ("owner_occupied", "percent_renters")),
    ("Who a school's pupils are", ("free_lunch_share", "school_demographics")),
    ("What places have in common by who chose them", ("zip_embedding", "lookalike_buyers")),
    ("Photos of people", ("photo_of_buyer",)),
    ("Crime below the level of an agency", ("crime_rate", "crime_score")),
    ("Traits guessed of the buyer", ("religion_guess", "gender", "disability")),
)
"""What is never an input, and names such a field might have; `matching.wants` refuses every one of them."""


def digest() -> str:
    """Return a mark of the list of inputs: another mark, other inputs."""
    told = "\n".join(f"{group}:{name}" for group, names in ALLOWED for name in names)
    return hashlib.sha256(told.encode()).hexdigest()
