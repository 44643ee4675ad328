"""Features of a lead, exact at any moment.

`advance` folds one fact into a state, `vector` reads the state at a time. Training replays the log through
the same two functions that serve live scores, so the two cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.events import Mark
from leads.ml import browsing, rhythm, talk
from leads.ml.catalogue import INDEX, LONG_AGO, NAMES, QUESTIONS, VERSION
from leads.ml.history import COUNTED, SIGNALS, EventFact, advance, fresh_signals, needs_rebuild, replay
from leads.ml.memory import COUNT_SPAN, DAY, SPANS, State, faded
from leads.ml.urgency import deadline_urgency

__all__ = [
    "VERSION",
    "EventFact",
    "FeatureVector",
    "LeadFacts",
    "Market",
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


STAGE_DAYS = 90.0
"""How long a step towards a deal stands without another: the middle of usual buying times."""

STAGE_TRACE = math.exp(-STAGE_DAYS / COUNT_SPAN)
"""What is left of one act that fades over 30 days when the stage it earned ends."""

BUSIEST = datetime(2000, 6, 15, tzinfo=UTC).timestamp()
"""The top of the year: most homes of the northern market go under contract around it."""

YEAR = 365.2425 * DAY
TURNING = 2 * math.pi / YEAR
_COUNTS = frozenset(
    {*COUNTED.values(), "talk_minutes", "objections", "negotiations", "sessions", "listing_shares"}
)
_PACES = tuple((f"velocity_{span:g}d", f"acts_{span:g}", span) for span in SPANS)
_SIGNALS = tuple((signal, f"days_since_{signal}") for signal in SIGNALS)
_ANSWERS = tuple((question, f"answered_{question}") for question in QUESTIONS)
_BLANK = dict.fromkeys(NAMES, 0.0)


@dataclass(frozen=True, slots=True)
class Market:
    """What the local market is like at the moment asked for; the defaults favour neither side."""

    months_of_supply: float = 5.0
    price_change: float = 0.0
    """Of the median price within a year, as a share."""
    days_on_market: float = 45.0


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What the lead's record, and the market, say beside the log."""

    created_at: datetime | None = None
    answered: frozenset[str] = frozenset()
    quality: float = 0.0
    source: str = ""
    time_zone: str = ""
    market: Market = Market()


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The features of one lead at one moment, in the order of `NAMES`, and what its tenant's own fields hold.

    `at` is that moment (unix seconds), which dates in such fields are counted from. `source` is where the
    lead came from, `declared` what it had said of its plans: they say which leads it is like.
    """

    values: NDArray[np.float64]
    version: str = field(default=VERSION)
    custom: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0
    source: str = ""
    declared: Collection[str] = ()

    def __getitem__(self, name: str) -> float:
        return float(self.values[INDEX[name]])


def vector(state: State, now: datetime, facts: LeadFacts = LeadFacts()) -> FeatureVector:  # noqa: B008 frozen
    """Return the features at `now`, which may not lie before the last fact of the state."""
    moment = now.timestamp()
    if state and state["at"] > moment:
        raise ValueError("The state knows facts later than the moment asked for; replay up to it.")
    fades = faded(state, moment)
    values = _BLANK.copy()
    _tell_activity(values, state, fades, moment, facts)
    browsing.tell(values, state, fades, moment)
    talk.tell(values, state, fades, moment)
    rhythm.tell(values, state, now, facts.time_zone)
    _tell_needs(values, state, fades, moment, facts)
    _tell_deals(values, state, moment)
    _tell_context(values, state, moment, facts)
    told = np.fromiter(values.values(), dtype=np.float64, count=len(NAMES))
    return FeatureVector(
        told,
        custom=state.get("custom", {}),
        at=moment,
        source=facts.source,
        declared=state.get("declared", ()),
    )


def _tell_activity(
    values: dict[str, float], state: State, fades: dict[str, float], moment: float, facts: LeadFacts
) -> None:
    """Write the pace of the lead's acts; right after the last one it is acts per span, in days."""
    for name in _COUNTS & fades.keys():
        values[name] = fades[name]
    paces = []
    for name, act, span in _PACES:
        pace = values[name] = fades.get(act, 0.0) / span
        paces.append(pace)
    values["velocity_change"] = _change(paces[1], paces[2])
    values["velocity_change_1d"] = _change(paces[0], paces[1])
    known = _known_since(state, facts, moment)
    values["days_since_engaged"] = _days(state.get("acted", known), moment)
    values["days_since_wrote"] = _days(state.get("wrote"), moment)
    values["days_since_visit"] = _days(state["visit"][0] if "visit" in state else None, moment)
    values["days_known"] = _days(known, moment)
    values["inbound_30d"] = fades.get("inbound", 0.0)
    values["outbound_30d"] = fades.get("outbound", 0.0)


def _change(short: float, long: float) -> float:
    """Return how a pace compares with that of a longer span, from −1 to 1."""
    both = short + long
    return (short - long) / both if both > 1e-12 else 0.0


def _known_since(state: State, facts: LeadFacts, moment: float) -> float:
    known = min(state["first"], moment) if state else moment
    return known if facts.created_at is None else min(facts.created_at.timestamp(), known)


def _tell_needs(
    values: dict[str, float], state: State, fades: Mapping[str, float], moment: float, facts: LeadFacts
) -> None:
    """Write what the lead told of their plans, how soon they want to move, and whether they can pay."""
    told = state.get("answers", ())
    number = 0.0
    for question, name in _ANSWERS:
        if question in told or question in facts.answered:
            values[name] = 1.0
            number += 1.0
    values["answers"] = number
    move_at = state.get("move_at")
    to_move = LONG_AGO if move_at is None or move_at < moment - DAY else max(0.0, (move_at - moment) / DAY)
    urgency = deadline_urgency(to_move) if to_move < LONG_AGO else 0.0
    values["days_to_move"] = min(LONG_AGO, to_move)
    values["urgency"] = max(urgency, fades.get("haste", 0.0))
    financing = values["financing_ready"] = float(state.get("financing", 0))
    declared, noted = state.get("declared", ()), state.get("noted", {})
    values["relocating"] = float("relocate" in declared)
    values["investing"] = float("invest" in declared)
    values["selling"] = float("sell" in declared or "buy_after_sale" in declared)
    values["lease_ending"] = float(_days(noted.get("lease_end"), moment) < LONG_AGO)
    values["lender_named"] = float("lender" in noted)
    values["cash_buyer"] = float("cash" in noted and financing > 0)
    values["days_since_negotiation"] = _days(noted.get("negotiation"), moment)
    values["days_since_hesitation"] = _days(noted.get("hesitation"), moment)


def _tell_deals(values: dict[str, float], state: State, moment: float) -> None:
    """Write how far the lead has come towards a deal."""
    said = state.get("said", {})
    for signal, name in _SIGNALS:
        values[name] = _days(said.get(signal), moment)
    deals = {status for status, _ in state["deals"].values()} if "deals" in state else ()
    values["opportunity_open"] = float("open" in deals)
    ended = "" if "open" in deals else Mark.WON if "won" in deals else Mark.LOST if "lost" in deals else ""
    if "marked" in state:
        mark, marked_at = state["marked"]
        # what the CRM told later stands again
        if all(at < marked_at for _, at in state.get("deals", {}).values()):
            ended = mark
    values["won"], values["lost"] = float(ended == Mark.WON), float(ended == Mark.LOST)
    values["appointment_ahead"] = float(any(at >= moment for at in state.get("appointments", {}).values()))
    kept, missed = values["appointments_kept"], values["appointments_missed"]
    values["show_rate"] = (kept + 1.0) / (kept + missed + 2.0)
    values["commitment"] = _commitment(values)


def _commitment(values: Mapping[str, float]) -> float:
    """Return the furthest step taken within three months; one who refused or was lost is back at none."""
    if values["won"]:
        return 7.0
    if values["lost"] or values["days_since_not_interested"] < STAGE_DAYS:
        return 0.0
    if values["days_since_price_agreed"] < STAGE_DAYS:
        return 6.0
    if values["days_since_offer"] < STAGE_DAYS:
        return 5.0
    if values["days_since_engaged"] >= STAGE_DAYS and not values["appointment_ahead"]:
        return 0.0
    if values["appointment_ahead"] or values["appointments_kept"] > STAGE_TRACE:
        return 4.0
    if values["days_since_showing"] < STAGE_DAYS or values["valuation_requests"] > STAGE_TRACE:
        return 3.0
    if values["listing_saves"] > STAGE_TRACE or values["answers"] >= 3:
        return 2.0
    return 1.0 if values["velocity_30d"] > 0 else 0.0


def _tell_context(values: dict[str, float], state: State, moment: float, facts: LeadFacts) -> None:
    """Write what the record, the time of year and the market say."""
    closed = state.get("closed", ())
    values["opted_out"] = sum([channel in closed for channel in CHANNELS]) / len(CHANNELS)
    values["email_bounced"] = float(state.get("bounced", False))
    values["profile_quality"] = min(100.0, max(0.0, facts.quality))
    values["source_close_rate"] = close_rate(facts.source)
    turn = (moment - BUSIEST) * TURNING
    values["season"] = math.cos(turn)
    values["season_rising"] = -math.sin(turn)
    market = facts.market
    values["months_of_supply"] = min(60.0, max(0.0, market.months_of_supply))
    values["market_price_change"] = min(1.0, max(-1.0, market.price_change))
    values["days_on_market"] = min(LONG_AGO, max(0.0, market.days_on_market))


def _days(at: float | None, moment: float) -> float:
    return LONG_AGO if at is None else min(LONG_AGO, max(0.0, (moment - at) / DAY))


@lru_cache(maxsize=1024)
def close_rate(source: str) -> float:
    """Return the percentage of leads of a source that usually close."""
    folded = source.casefold()
    return next(
        (rate for words, rate in SOURCE_CLOSE_RATES if any(word in folded for word in words)),
        OTHER_CLOSE_RATE,
    )
