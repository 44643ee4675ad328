"""A tenant's own contact fields as a lead's history knows them: what each held at a moment.

Values come in events, for the record keeps no history: of a lead whose events tell nothing, nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads.ml.catalogue import QUESTIONS
from leads.ml.columns import plain
from leads.ml.memory import State

MOST_FIELDS = 100
MOST_CHOICES = 20
LENGTH = 200
ANSWER = "profile."
"""What the names of qualification answers begin with, beside the tenant's fields."""

Value = str | list[str]


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the fields whose values differ, as the log keeps them; one that was emptied is None."""
    told = {name: (short(before.get(name)), short(after.get(name))) for name in sorted({*before, *after})}
    return {name: now for name, (then, now) in told.items() if then != now}


def news_of_record(
    custom: tuple[Mapping[str, Any], Mapping[str, Any]], profile: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> dict[str, Value | None]:
    """Return what changed of a record, before and after: its fields, and answers that no field carries."""
    told = news(*custom)
    answers = news(*({ANSWER + name: each[name] for name in QUESTIONS if name in each} for each in profile))
    return told | {name: value for name, value in answers.items() if value not in told.values()}


def short(value: object) -> Value | None:
    """Return a value as text, or as the texts of its choices; None for nothing and for what is neither."""
    if isinstance(value, list):
        chosen = sorted({text for each in value if isinstance(text := short(each), str)})
        return chosen[:MOST_CHOICES] or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return plain(value) if abs(value) < 1e300 else None
    return " ".join(value.split())[:LENGTH] or None if isinstance(value, str) else None


def remember(after: State, told: Mapping[str, Any]) -> None:
    """Keep what fields hold now; the first hundred known stay, whatever comes."""
    held: dict[str, Value] = dict(after.get("custom", {}))
    for name in sorted(told):
        value = short(told[name])
        if value is None:
            held.pop(name, None)
        elif name in held or len(held) < MOST_FIELDS:
            held[name] = value
    if held or "custom" in after:
        after["custom"] = held


# What features made of such fields are called


PREFIX = "custom:"
"""What the name of every feature made of a tenant's own field begins with; the field's name follows."""
LEVEL = " = "
COHORT = "cohort:"
"""The same of a feature that says of which segment, or of which source, a lead is."""
AGO = ": days ago"
UNKNOWN = "not known"


def label_of(feature: str) -> str:
    """Return what people call a feature: “Budget range: 500–600k”."""
    return feature.removeprefix(PREFIX).removeprefix(COHORT).removesuffix(AGO).replace(LEVEL, ": ", 1)


def told_value(feature: str, value: float | None) -> str:
    """Return a feature's value as people say it."""
    if value is None:
        return UNKNOWN
    if LEVEL in feature:
        return "yes" if value else "no"
    if feature.endswith(AGO):
        days = f"{abs(value):.0f} {'day' if round(abs(value)) == 1 else 'days'}"
        return "today" if round(value) == 0 else f"{days} ago" if value > 0 else f"in {days}"
    return f"{value:,.12g}"


def words(feature: str, value: float | None) -> str:
    """Return a feature with its value; nothing where it only says what is not so, or not known."""
    if value is None or (LEVEL in feature and not value):
        return ""
    if LEVEL in feature:
        return label_of(feature)
    return f"{label_of(feature)}: {told_value(feature, value)}"
