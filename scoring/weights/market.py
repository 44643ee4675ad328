"""Turn the weights with the market: supply, inventory, season, mortgage rates.

A tenant's own history spans too few markets to learn this from, so the strengths below are set by hand, small
and bounded, and only say what the trade agrees on:

* Few months of supply: homes go fast, so when they must move and whether they can pay tell more; what exactly
  they look for tells less, for buyers take what there is. Many months: the other way round. Four to six
  months favour neither side.
* Inventory against the same month of the year before works alike, at half the strength.
* Season: in busy months many only look around, so engagement tells less; in slow ones it tells more.
* Mortgage rates above the past year's usual put homes out of reach, so financing tells more; below, less.

Within each of these the multiplier rises or falls all the way with the figure; near the average all are one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.weights.combined import Adjustment

MOST = 0.2
"""How far a multiplier may lie from one."""

BALANCED = (4.0, 6.0)
"""Months of supply that favour neither side."""

USUAL_INVENTORY = 0.1
"""Change of inventory within a year, as a share, that is nothing unusual."""

USUAL_RATE = 0.25
"""Percentage points of the mortgage rate that are nothing unusual."""

SEASON = (0.68, 0.67, 0.91, 0.99, 1.16, 1.25, 1.22, 1.21, 1.04, 1.05, 0.89, 0.94)
"""Sales of a month, January first, against the year's average.

Mean over 93 US areas, 2012–2019, of Zillow's monthly sales counts.
"""

USUAL_SEASON = (0.9, 1.1)

RECENT_MONTHS = 3
YEAR = timedelta(days=365)
STALE = timedelta(days=120)
"""Figures older than this say nothing of the market now."""

Series = Sequence[tuple[date, float]]
"""Figures of a market with their days, the earliest first."""


@dataclass(frozen=True, slots=True)
class MarketConditions:
    """What is known of the market at a moment; None is unknown and changes nothing."""

    months_of_supply: float | None = None
    inventory_change: float | None = None
    """Homes for sale against the same month a year before, as a share: −0.2 is a fifth fewer."""
    month: int | None = None
    """Of the year, 1–12."""
    mortgage_rate: float | None = None
    """30 years fixed, percent."""
    usual_rate: float | None = None
    """Mean of the mortgage rate over the year before, percent."""


def conditions_at(
    day: date, *, inventory: Series = (), sales: Series = (), mortgage_rates: Series = ()
) -> MarketConditions:
    """Return the conditions on a day from homes for sale and sold by month, and rates; none later count."""
    homes = _until(inventory, day)
    sold = _until(sales, day)[-RECENT_MONTHS:]
    rates = _until(mortgage_rates, day)
    months = change = None
    if homes and len(sold) == RECENT_MONTHS and _fresh(homes, day) and _fresh(sold, day):
        pace = sum(number for _, number in sold) / RECENT_MONTHS
        months = homes[-1][1] / pace if pace > 0 else None
    if homes and _fresh(homes, day):
        latest, number = homes[-1]
        before = [one for at, one in homes if abs(latest - at - YEAR) <= timedelta(days=16)]
        change = number / before[-1] - 1.0 if before and before[-1] > 0 else None
    now = rates[-1][1] if rates and _fresh(rates, day) else None
    past = [rate for at, rate in rates[:-1] if day - at <= YEAR]
    return MarketConditions(
        months_of_supply=months,
        inventory_change=change,
        month=day.month,
        mortgage_rate=now,
        usual_rate=sum(past) / len(past) if past else None,
    )


def _until(series: Series, day: date) -> Series:
    return [(at, number) for at, number in series if at <= day and math.isfinite(number)]


def _fresh(series: Series, day: date) -> bool:
    return day - series[-1][0] <= STALE


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one figure does: log multipliers by pillar, and the figure in words."""

    strengths: Mapping[Pillar, float]
    words: str


def market_weights(conditions: MarketConditions) -> Adjustment:
    """Return what the market multiplies each pillar with, within ±20%, and a sentence for each."""
    turns = [
        turn
        for turn in (_supply(conditions), _inventory(conditions), _season(conditions), _rate(conditions))
        if turn is not None
    ]
    multipliers, reasons = {}, {}
    for pillar in Pillar:
        total = sum(turn.strengths.get(pillar, 0.0) for turn in turns)
        multiplier = min(1.0 + MOST, max(1.0 - MOST, math.exp(total))) if total else 1.0
        multipliers[pillar] = multiplier
        causes = [(strength, turn.words) for turn in turns if (strength := turn.strengths.get(pillar, 0.0))]
        reasons[pillar] = _sentence(pillar, multiplier, causes)
    return Adjustment(multipliers, reasons)


def _sentence(pillar: Pillar, multiplier: float, causes: Sequence[tuple[float, str]]) -> str:
    label = PILLAR_LABELS[pillar]
    percent = round(100.0 * (multiplier - 1.0))
    if not causes:
        return f"{label} counts as usual: nothing known of the market speaks for a change."
    less = multiplier < 1.0
    speaking = " and ".join(words for strength, words in causes if (strength < 0) is less)
    against = " and ".join(words for strength, words in causes if (strength < 0) is not less)
    told = f"{speaking}, though {against}" if speaking and against else speaking or against
    if percent == 0:
        return f"{label} counts as usual: {told}."
    return f"{label} counts {abs(percent)}% {'more' if percent > 0 else 'less'}: {told}."


def _beyond(value: float, low: float, high: float) -> float:
    """Return how far a value lies outside a range, with its sign."""
    return value - high if value > high else min(0.0, value - low)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _supply(conditions: MarketConditions) -> _Turn | None:
    months = _known(conditions.months_of_supply)
    if months is None or months <= 0:
        return None
    low, high = (math.log2(end) for end in BALANCED)
    tight = min(1.5, max(-1.5, -_beyond(math.log2(months), low, high)))
    if not tight:
        return None
    strengths = {Pillar.URGENCY: 0.1 * tight, Pillar.FINANCING: 0.06 * tight, Pillar.FIT: -0.08 * tight}
    kind = "few" if tight > 0 else "many"
    return _Turn(strengths, f"{kind} homes are for sale ({months:.1f} months of supply)")


def _inventory(conditions: MarketConditions) -> _Turn | None:
    change = _known(conditions.inventory_change)
    if change is None or change <= -1.0:
        return None
    low, high = math.log2(1.0 - USUAL_INVENTORY), math.log2(1.0 + USUAL_INVENTORY)
    fewer = min(1.0, max(-1.0, -_beyond(math.log2(1.0 + change), low, high)))
    if not fewer:
        return None
    strengths = {Pillar.URGENCY: 0.05 * fewer, Pillar.FIT: -0.04 * fewer}
    kind = "fewer" if fewer > 0 else "more"
    return _Turn(strengths, f"{abs(change):.0%} {kind} homes are for sale than a year ago")


def _season(conditions: MarketConditions) -> _Turn | None:
    if conditions.month is None or not 1 <= conditions.month <= len(SEASON):
        return None
    index = SEASON[conditions.month - 1]
    busy = _beyond(math.log(index), *(math.log(end) for end in USUAL_SEASON))
    if not busy:
        return None
    words = (
        "in the busy season many only look around" if busy > 0 else "in the slow season few only look around"
    )
    return _Turn({Pillar.ENGAGEMENT: -0.5 * busy}, words)


def _rate(conditions: MarketConditions) -> _Turn | None:
    rate, usual = _known(conditions.mortgage_rate), _known(conditions.usual_rate)
    if rate is None or usual is None:
        return None
    above = _beyond(rate - usual, -USUAL_RATE, USUAL_RATE)
    held = min(2.0, max(-2.0, above))
    if not held:
        return None
    side = "above" if held > 0 else "below"
    words = f"mortgage rates are {abs(rate - usual):.1f} points {side} the {usual:.1f}% of the past year"
    return _Turn({Pillar.FINANCING: 0.08 * held}, words)
