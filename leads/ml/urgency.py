"""How soon someone wants to move, from 0 (some day) to 1 (now)."""

from __future__ import annotations

from leads.ml.phrases import Hit

HALF_LIFE_DAYS = 60.0
"""A move date this far ahead counts half: trade usage calls up to three months hot, three to six warm."""

WORDS = {"urgent": 0.9, "soon": 0.5}
UNHURRIED = 0.05


def deadline_urgency(days: float) -> float:
    """Return the urgency of a move date `days` ahead; a date that has passed urges no longer."""
    return 0.0 if days < 0 else 2.0 ** (-days / HALF_LIFE_DAYS)


def urgency(hits: list[Hit], days_to_move: float | None) -> float | None:
    """Return the urgency of one message, or None when it says nothing about time."""
    said = [WORDS[hit.concept] for hit in hits if hit.concept in WORDS and not hit.negated]
    if days_to_move is not None:
        said.append(deadline_urgency(days_to_move))
    if any(hit.concept == "no_rush" for hit in hits):
        return min([UNHURRIED, *said]) if days_to_move is not None else UNHURRIED
    return max(said) if said else None
