"""How a state remembers: counts that fade, running means, lists that stay short.

A count that fades is kept in closed form, so no list of events is stored; everything kept is plain JSON and
reads back to the same bits.
"""

from __future__ import annotations

import math
from typing import Any

State = dict[str, Any]

DAY = 86_400.0
SPANS = (1.0, 7.0, 30.0)
"""Days over which activity fades: after one span an act counts 1/e."""

COUNT_SPAN = 30.0
FORGOTTEN = 1e-9
URGENCY_SPAN = 21.0
"""Days over which haste that was only said (no date named) fades."""

LATEST_SHARE = 0.3
"""Weight of the latest value in a running mean: of tone, reply times, prices looked at."""

_SPAN_OF = {**{f"acts_{span:g}": span for span in SPANS if span != COUNT_SPAN}, "haste": URGENCY_SPAN}


def faded(state: State, at: float) -> dict[str, float]:
    """Return the fading counts brought forward to `at`."""
    fades: dict[str, float] = state.get("fades", {})
    if not fades:
        return {}
    days = (at - state["at"]) / DAY
    usual = math.exp(-days / COUNT_SPAN)
    rates = {name: math.exp(-days / span) for name, span in _SPAN_OF.items() if name in fades}
    return {
        name: later for name, value in fades.items() if (later := value * rates.get(name, usual)) > FORGOTTEN
    }


def count(after: State, name: str, by: float = 1.0) -> None:
    """Add to a fading count."""
    fades = after["fades"]
    fades[name] = fades.get(name, 0.0) + by


def smooth(after: State, name: str, value: float) -> None:
    """Keep a running mean that leans on the latest value."""
    known = after.get(name)
    after[name] = value if known is None else known + LATEST_SHARE * (value - known)
