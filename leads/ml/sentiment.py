"""How a message feels, from −1 (angry) over 0 (plain) to 1 (delighted)."""

from __future__ import annotations

from leads.ml.phrases import Hit

VALENCE = {"good": 1.0, "great": 2.0, "bad": -1.0, "awful": -2.0}
STRENGTH = 1.5
"""What "very" does to the word it stands by."""

DENIAL = -0.5
"""What "not" does: "not great" is mildly bad, "not bad" mildly good."""


def sentiment(hits: list[Hit]) -> float:
    """Return the sentiment of the concepts found in one message."""
    stressed = [(hit.clause, hit.start) for hit in hits if hit.concept == "more"]
    total = 0.0
    for hit in hits:
        valence = VALENCE.get(hit.concept)
        if valence is None:
            continue
        if any(clause == hit.clause and abs(at - hit.start) <= 2 for clause, at in stressed):
            valence *= STRENGTH
        total += valence * DENIAL if hit.negated else valence
    return total / (1.0 + abs(total))
