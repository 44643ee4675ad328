"""What a buyer wants: the form, and how it is read."""

from matching.wants.reading import Problem, WantsError, refusal_of, wants_of
from matching.wants.wanted import (
    FACTORS,
    IGNORE,
    INDEX,
    MIDDLE,
    MUST,
    MUSTS,
    WEIGHTS,
    Area,
    Investor,
    Mode,
    Setting,
    Target,
    Urgency,
    Wants,
)

__all__ = [
    "FACTORS",
    "IGNORE",
    "INDEX",
    "MIDDLE",
    "MUST",
    "MUSTS",
    "WEIGHTS",
    "Area",
    "Investor",
    "Mode",
    "Problem",
    "Setting",
    "Target",
    "Urgency",
    "Wants",
    "WantsError",
    "refusal_of",
    "wants_of",
]
