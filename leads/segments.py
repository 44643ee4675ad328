"""Which segment a lead belongs to, from what they declared or did; never from who they are.

Age, household, names, language and origin are no signals here: a downsizer is someone who asks for a smaller
home, a relocating lead someone who says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

SEGMENTS = ("first_time_buyer", "move_up", "downsizer", "investor", "luxury", "relocation", "seller")
CHOSEN = "segment"
"""Key of the profile under which the segment is kept that a person chose."""

ENOUGH = 2.0
"""Weight of signals from which a lead counts as belonging to a segment; less stays unassigned."""

ROOMIER, SMALLER = 1.25, 0.75
"""Wanted living area beside the present one: from here on a lead moves up, up to here they downsize."""

# Declared in a message (leads.ml.text) -> segment and weight.
DECLARED: Mapping[str, tuple[tuple[str, float], ...]] = {
    "first_time": (("first_time_buyer", 3.0),),
    "upsize": (("move_up", 2.0),),
    "buy_after_sale": (("move_up", 2.5),),
    "downsize": (("downsizer", 3.0),),
    "invest": (("investor", 3.0),),
    "relocate": (("relocation", 3.0),),
    "sell": (("seller", 2.0), ("move_up", 0.5)),
    "valuation": (("seller", 2.0),),
    "cash_ready": (("investor", 0.5),),
}


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What is known of a lead's plans: the record's answers, declarations, and what they asked for."""

    profile: Mapping[str, Any] = field(default_factory=dict)
    declared: Collection[str] = ()
    budget: float | None = None
    valuation_requests: float = 0.0


@dataclass(frozen=True, slots=True)
class SegmentVerdict:
    """The segment, or an empty one, and the signals it rests on."""

    segment: str
    signals: tuple[str, ...]


def segment_of(facts: SegmentFacts, *, luxury_from: float | None = None) -> SegmentVerdict:
    """Return the segment whose signals weigh most.

    `luxury_from` is the price of the dearest tenth of closed sales around; without it nobody is luxury.

    A segment that a person chose stands whatever the signals say.
    """
    chosen = facts.profile.get(CHOSEN)
    if chosen in SEGMENTS:
        return SegmentVerdict(str(chosen), ("chosen by hand",))
    weights: dict[str, float] = defaultdict(float)
    signals: dict[str, list[str]] = defaultdict(list)
    for segment, weight, signal in _signals(facts, luxury_from):
        weights[segment] += weight
        signals[segment].append(signal)
    best = max(SEGMENTS, key=lambda segment: weights.get(segment, 0.0))
    if weights.get(best, 0.0) < ENOUGH:
        return SegmentVerdict("", ())
    return SegmentVerdict(best, tuple(signals[best]))


def _signals(facts: SegmentFacts, luxury_from: float | None) -> list[tuple[str, float, str]]:
    """Return every signal as segment, weight and name."""
    found = [
        (segment, weight, f"said: {said}")
        for said in facts.declared
        for segment, weight in DECLARED.get(said, ())
    ]
    profile = facts.profile
    if profile.get("first_time_buyer") is True:
        found.append(("first_time_buyer", 3.0, "first purchase"))
    if profile.get("home_to_sell") is True:
        found += [("move_up", 1.0, "home to sell"), ("seller", 1.0, "home to sell")]
    if profile.get("occupancy") == "investment":
        found.append(("investor", 4.0, "buys to let"))
    if _mentions(profile.get("types"), "multi"):
        found.append(("investor", 1.0, "asks for several units"))
    if profile.get("stories") in ("single", "single level", 1, "1"):
        found.append(("downsizer", 1.0, "asks for one level"))
    if profile.get("relocating") is True:
        found.append(("relocation", 3.0, "relocates"))
    found += _size_signals(profile)
    if facts.valuation_requests >= 0.5:
        found.append(("seller", 2.5, "asked for a valuation"))
    if luxury_from is not None and (_number(profile.get("price_max")) or facts.budget or 0.0) >= luxury_from:
        found.append(("luxury", 3.5, "price in the dearest tenth"))
    return found


def _size_signals(profile: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Return what the wanted living area says beside the present one."""
    current, least, most = (_number(profile.get(name)) for name in ("current_area", "sqft_min", "sqft_max"))
    if not current:
        return []
    if least is not None and least > current * ROOMIER:
        return [("move_up", 2.0, "wants more room")]
    if most is not None and most < current * SMALLER:
        return [("downsizer", 2.0, "wants less room")]
    return []


def _mentions(value: object, word: str) -> bool:
    texts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(text, str) and word in text.lower() for text in texts)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
