"""Which home an event speaks of: by the key of its feed or by its MLS number, under the names sites use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = ("listing_key", "listing_id", "mls_number", "listing")
"""Fields of an event that may name a home, the surest first."""


def home_named(data: Mapping[str, Any]) -> str:
    """Return what an event calls the home it is about; empty where it names none."""
    return next((str(value) for name in NAMES if (value := data.get(name)) not in (None, "")), "")
