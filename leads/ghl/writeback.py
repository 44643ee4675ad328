"""What Hearthline writes into a contact's custom fields, and how to know it when it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OwnField:
    """A custom field of ours in the location."""

    key: str
    name: str
    data_type: str


SCORE = OwnField("hearthline_score", "Hearthline score", "NUMERICAL")
TIER = OwnField("hearthline_tier", "Hearthline tier", "TEXT")
LAPSE_RISK = OwnField("hearthline_lapse_risk", "Hearthline lapse risk, 30 days (%)", "NUMERICAL")
OWN_FIELDS = (SCORE, TIER, LAPSE_RISK)
OWN_KEYS = frozenset(field.key for field in OWN_FIELDS)


def values_of(*, score: float | None, tier: str, lapse_30: float | None) -> dict[str, str | int]:
    """Return what to write, by field key; what the engines have not said is left out."""
    values: dict[str, str | int] = {}
    if score is not None:
        values[SCORE.key] = round(score)
    if tier:
        values[TIER.key] = tier
    if lapse_30 is not None:
        values[LAPSE_RISK.key] = round(100 * lapse_30)
    return values


def is_echo(written_back: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
    """Tell whether changed custom fields, by GoHighLevel id, are nothing but what we wrote ourselves."""
    written = written_back.get("custom", {})
    return bool(changed) and all(
        field_id in written and str(written[field_id]) == str(value) for field_id, value in changed.items()
    )
