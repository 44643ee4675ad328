"""How complete a lead's record is, 0–100, what is missing, and what each missing piece is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# What an agent needs to reach a lead, then what they need to help, in points that add up to 100.
WORTH: tuple[tuple[str, str, int], ...] = (
    ("phone", "Phone number", 16),
    ("email", "E-mail address", 14),
    ("first_name", "First name", 5),
    ("last_name", "Last name", 3),
    ("budget", "Budget", 10),
    ("timeline", "Timeline", 10),
    ("location", "Where they want to live", 9),
    ("financing", "Financing", 9),
    ("property", "Kind of home", 6),
    ("motivation", "Why they move", 5),
    ("consent", "Consent to be contacted", 4),
    ("source", "Source", 4),
    ("segment", "Segment", 3),
    ("condition", "Condition of the home", 2),
)
ANSWERS = frozenset({"budget", "timeline", "location", "financing", "property", "motivation", "condition"})


class Record(Protocol):
    """The part of a lead's record that is judged; `leads.models.Lead` has this shape."""

    first_name: str
    last_name: str
    email: str
    phone: str
    source: str
    segment: str
    profile: Any
    consent: Any


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a record lacks, and the points it would add."""

    field: str
    label: str
    worth: int

    def as_dict(self) -> dict[str, Any]:
        """Return the form kept in `Lead.quality_missing`."""
        return {"field": self.field, "label": self.label, "worth": self.worth}


@dataclass(frozen=True, slots=True)
class Quality:
    """The completeness of a record; the missing pieces come dearest first."""

    score: int
    missing: tuple[Missing, ...]


def quality(lead: Record) -> Quality:
    """Return how complete a lead's record is."""
    missing = tuple(
        sorted(
            (Missing(*row) for row in WORTH if not _has(lead, row[0])),
            key=lambda piece: (-piece.worth, piece.field),
        )
    )
    return Quality(100 - sum(piece.worth for piece in missing), missing)


def _has(lead: Record, field: str) -> bool:
    if field == "consent":
        return any(_is_known(state) for state in dict(lead.consent or {}).values())
    if field in ANSWERS:
        return _is_filled(dict(lead.profile or {}).get(field))
    return _is_filled(getattr(lead, field))


def _is_filled(value: object) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _is_known(state: object) -> bool:
    """Tell whether a channel's consent was granted or denied; either tells us what we may do."""
    return isinstance(state, Mapping) and state.get("state") in ("granted", "denied")
