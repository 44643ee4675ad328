"""Features of a lead, exact at any moment.

`advance` folds one fact into a state, `vector` reads the state at a time. Training replays the log through
the same two functions that serve live scores, so the two cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from leads.ml.catalogue import INDEX, LONG_AGO, NAMES, QUESTIONS, VERSION
from leads.ml.history import (
    COUNTED,
    DAY,
    SIGNALS,
    SPANS,
    EventFact,
    State,
    advance,
    faded,
    fresh_signals,
    needs_rebuild,
    replay,
)
from leads.ml.urgency import deadline_urgency

__all__ = [
    "VERSION",
    "EventFact",
    "FeatureVector",
    "LeadFacts",
    "State",
    "advance",
    "fresh_signals",
    "needs_rebuild",
    "replay",
    "vector",
]

CHANNELS = ("SMS", "Email", "CALL")

# Share of leads of a source that close, percent: middle of published trade ranges (2025-2026, wide).
SOURCE_CLOSE_RATES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("past client", "repeat", "sphere", "referral", "referred", "friend"), 22.5),
    (("open house",), 6.0),
    (("sign",), 5.5),
    (("expired",), 3.5),
    (("fsbo", "for sale by owner"), 2.5),
    (("zillow", "realtor.com", "homes.com", "portal", "trulia", "redfin"), 3.0),
    (("facebook", "instagram", "tiktok", "social", "meta"), 0.9),
    (("google ads", "ppc", "pay-per-click", "adwords"), 1.2),
    (("website", "idx", "landing", "organic", "form"), 1.75),
)
OTHER_CLOSE_RATE = 1.75


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What the lead's record says beside its log."""

    created_at: datetime | None = None
    answered: frozenset[str] = frozenset()
    quality: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The features of one lead at one moment, in the order of `NAMES`."""

    values: NDArray[np.float64]
    version: str = field(default=VERSION)

    def __getitem__(self, name: str) -> float:
        return float(self.values[INDEX[name]])


def vector(state: State, now: datetime, facts: LeadFacts = LeadFacts()) -> FeatureVector:  # noqa: B008 frozen
    """Return the features at `now`, which may not lie before the last fact of the state."""
    moment = now.timestamp()
    if state and state["at"] > moment:
        raise ValueError("The state knows facts later than the moment asked for; replay up to it.")
    fades = faded(state, moment)
    said = state.get("said", {})
    values = dict.fromkeys(NAMES, 0.0)
    known = _known_since(state, facts, moment)
    values |= _activity(state, fades, moment, known)
    values |= _talk(state, fades, moment)
    values |= _needs(state, fades, moment, facts)
    for signal in SIGNALS:
        values[f"days_since_{signal}"] = _days(said.get(signal), moment)
    deals = {status for status, _ in state.get("deals", {}).values()}
    values["opportunity_open"] = float("open" in deals)
    values["won"] = float("won" in deals and "open" not in deals)
    values["lost"] = float("lost" in deals and not deals & {"open", "won"})
    values["appointment_ahead"] = float(any(at >= moment for at in state.get("appointments", {}).values()))
    closed = state.get("closed", ())
    values["opted_out"] = sum(channel in closed for channel in CHANNELS) / len(CHANNELS)
    values["email_bounced"] = float(state.get("bounced", False))
    values["profile_quality"] = min(100.0, max(0.0, facts.quality))
    values["source_close_rate"] = close_rate(facts.source)
    return FeatureVector(np.fromiter(values.values(), dtype=np.float64, count=len(NAMES)))


def _known_since(state: State, facts: LeadFacts, moment: float) -> float:
    times = [facts.created_at.timestamp()] if facts.created_at is not None else []
    if state:
        times.append(state["first"])
    return min([*times, moment])


def _activity(state: State, fades: Mapping[str, float], moment: float, known: float) -> dict[str, float]:
    """Return the pace of the lead's acts; right after the last one it is acts per span, in days."""
    paces = [fades.get(f"acts_{span:g}", 0.0) / span for span in SPANS]
    both = paces[1] + paces[2]
    values = {name: fades.get(name, 0.0) for name in {*COUNTED.values(), "talk_minutes"}}
    values |= {
        "velocity_1d": paces[0],
        "velocity_7d": paces[1],
        "velocity_30d": paces[2],
        "velocity_change": (paces[1] - paces[2]) / both if both > 1e-12 else 0.0,
        "days_since_engaged": _days(state.get("acted", known), moment),
        "days_known": _days(known, moment),
        "inbound_30d": fades.get("inbound", 0.0),
        "outbound_30d": fades.get("outbound", 0.0),
    }
    return values


def _talk(state: State, fades: Mapping[str, float], moment: float) -> dict[str, float]:
    """Return how both sides talk."""
    inbound, messages = fades.get("inbound", 0.0), fades.get("messages", 0.0)
    waits, mood = state.get("waits"), state.get("mood", 0.0)
    return {
        "initiative": fades.get("started", 0.0) / inbound if inbound > 1e-12 else 0.0,
        "lead_reply_hours": math.expm1(state["lead_reply"]) if "lead_reply" in state else -1.0,
        "team_reply_minutes": math.expm1(state["team_reply"]) if "team_reply" in state else -1.0,
        "waiting_hours": min(720.0, (moment - waits) / 3600) if waits is not None else 0.0,
        "question_share": fades.get("questions", 0.0) / messages if messages > 1e-12 else 0.0,
        "message_sentences": state.get("sentences", 0.0),
        "sentiment": mood,
        "sentiment_change": state.get("mood_last", mood) - mood,
    }


def _needs(state: State, fades: Mapping[str, float], moment: float, facts: LeadFacts) -> dict[str, float]:
    """Return what the lead told of their plans, how soon they want to move, and whether they can pay."""
    answered = facts.answered.union(state.get("answers", ())).intersection(QUESTIONS)
    move_at = state.get("move_at")
    to_move = LONG_AGO if move_at is None or move_at < moment - DAY else max(0.0, (move_at - moment) / DAY)
    urgency = deadline_urgency(to_move) if to_move < LONG_AGO else 0.0
    values = {f"answered_{question}": float(question in answered) for question in QUESTIONS}
    values["answers"] = float(len(answered))
    values["days_to_move"] = min(LONG_AGO, to_move)
    values["urgency"] = max(urgency, fades.get("haste", 0.0))
    values["financing_ready"] = float(state.get("financing", 0))
    return values


def _days(at: float | None, moment: float) -> float:
    return LONG_AGO if at is None else min(LONG_AGO, max(0.0, (moment - at) / DAY))


def close_rate(source: str) -> float:
    """Return the percentage of leads of a source that usually close."""
    folded = source.casefold()
    return next(
        (rate for words, rate in SOURCE_CLOSE_RATES if any(word in folded for word in words)),
        OTHER_CLOSE_RATE,
    )
