"""Advise: which limit, moved by how much, opens which homes; and why a home is not among those shown.

Counts are exact. A limit opens a home if the home breaks that limit alone, and no longer does once moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from matching import areas, features, reasons
from matching.engine import EVEN, Matches, best, match
from matching.factors import NO_MARKET, Market
from matching.homes import CONDITIONS, STATUSES, SUB_TYPES, Flags, Homes, Ints, Values
from matching.musts import STATUS, Must, broken_by
from matching.reasons import money, quantity
from matching.wants import FACTORS, Wants

_SHARES = {
    "price_max": (0.03, 0.05, 0.1),
    "monthly_max": (0.05, 0.1),
    "sqft_max": (0.1, 0.2),
    "sqft_min": (-0.05, -0.1, -0.2),
    "lot_min": (-0.1, -0.25, -0.5),
}
"""Moves of a limit, in shares of it."""

_STEPS = {"price_max": 5000.0, "monthly_max": 25.0, "sqft_max": 50.0, "sqft_min": 50.0, "lot_min": 100.0}
"""What a moved limit is rounded to, away from where it was."""

_AMOUNTS = {"beds_min": (-1.0,), "baths_min": (-0.5, -1.0), "year_min": (-5.0, -10.0, -20.0)}
_DWELLINGS = (
    *("Single Family Residence", "Townhouse", "Condominium", "Duplex", "Triplex", "Quadruplex", "Apartment"),
    *("Stock Cooperative", "Manufactured Home", "Cabin", "Ranch", "Farm"),
)
_MORE_MINUTES = (5.0, 10.0, 15.0)
_MORE_MILES = (1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One limit moved: what it opens, the best of that, and the wants as they would then read."""

    must: Must
    words: str
    """What the buyer would give: "$15,000 more", "1 bedroom fewer"."""
    opens: int
    rows: Ints
    """The homes it opens, best first."""
    best_total: float
    change: dict[str, Any]
    """Fields of the wants; empty where no field says it (areas made wider)."""

    @property
    def best_row(self) -> int:
        return int(self.rows[0])

    def sentence(self) -> str:
        """Return it in words: "$15,000 more opens 14 homes"."""
        return f"{self.words} opens {self.opens} home{'' if self.opens == 1 else 's'}"


def relaxations(
    homes: Homes,
    wants: Wants,
    weights: Values | None = None,
    *,
    market: Market = NO_MARKET,
    matches: Matches | None = None,
) -> tuple[Relaxation, ...]:
    """Return every move of a limit that opens homes, by limit in their order, the smallest move first.

    Every limit that can be a must is looked at if it is one; ask with `wants.as_filter()` to look at all.
    """
    matches = match(homes, wants, weights, market=market) if matches is None else matches
    found = []
    for number, must in enumerate(matches.musts):
        alone = np.flatnonzero(matches.broken == 1 << number)
        if must.limit == STATUS or not alone.size:
            continue
        near = homes.take(alone)
        for move in _moves(must, wants, near, market):
            opened = np.flatnonzero(~move.still_out)
            if not opened.size:
                continue
            totals = match(near.take(opened), move.wants, matches.weights, market=market).totals
            order = best(totals, near.pk[opened], len(opened))
            rows = alone[opened[order]]
            found.append(Relaxation(must, move.words, len(rows), rows, float(totals[order[0]]), move.change))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Move:
    """A limit moved, and which of the homes it kept out still break it."""

    words: str
    wants: Wants
    change: dict[str, Any]
    still_out: Flags


def _moves(must: Must, wants: Wants, near: Homes, market: Market) -> Iterator[_Move]:
    if must.limit == "areas":
        yield from _wider(wants, near)
        return
    for words, change in _changes(must, wants):
        moved = replace(wants, **change)
        gone = must.feature and must.feature not in getattr(moved, must.limit)
        out = np.zeros(len(near), dtype=np.bool_) if gone else broken_by(must, near, moved, market)
        yield _Move(words, moved, _as_json(moved, change), out)


def _wider(wants: Wants, near: Homes) -> Iterator[_Move]:
    """Yield the areas made wider on every side; the distance then counts as it does without a must."""
    away = areas.miles_outside(near.latitude, near.longitude, [area.polygon for area in wants.areas])
    softer = {factor: value for factor, value in wants.importance.items() if factor != "location"}
    for miles in _MORE_MILES:
        words = f"{quantity(miles)} mile{'' if miles == 1 else 's'} around your areas"
        yield _Move(words, replace(wants, importance=softer), {}, away > miles)


def _changes(must: Must, wants: Wants) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield words for each move of a limit, and the fields of the wants it changes."""
    limit = must.limit
    if limit in _SHARES:
        yield from _by_share(limit, wants)
    elif limit in _AMOUNTS:
        yield from _by_amount(limit, wants)
    elif must.feature:
        word = "without" if limit == "must_haves" else "accepting"
        kept = tuple(name for name in getattr(wants, limit) if name != must.feature)
        yield f"{word} {features.WORDS[must.feature]}", {limit: kept}
    elif limit == "types":
        for name in _DWELLINGS:
            if name not in wants.types:
                words = f"adding the type {reasons.type_name(SUB_TYPES.index(name))}"
                yield words, {"types": (*wants.types, name)}
    elif limit == "condition" and wants.condition is not None:
        for name in CONDITIONS[CONDITIONS.index(wants.condition) + 1 :]:
            yield f"taking the condition {name}", {"condition": name}
    elif limit == "commute_targets":
        for more in _MORE_MINUTES:
            longer = tuple(
                replace(each, max_minutes=each.max_minutes + more) for each in wants.commute_targets
            )
            yield f"{quantity(more)} minutes more on the way", {"commute_targets": longer}
    elif limit == "investor" and wants.investor is not None:
        for less in (0.5, 1.0):
            if wants.investor.min_cap > less:
                lower = replace(wants.investor, min_cap=wants.investor.min_cap - less)
                yield f"a cap rate {quantity(less)} points lower", {"investor": lower}


def _by_share(limit: str, wants: Wants) -> Iterator[tuple[str, dict[str, Any]]]:
    now: float = getattr(wants, limit)
    unit, seen = _STEPS[limit], set()
    for share in _SHARES[limit]:
        by = max(1.0, round(abs(share) * now / unit)) * unit
        moved = now + by if share > 0 else now - by
        if moved <= 0 or moved in seen:
            continue
        seen.add(moved)
        told = {"price_max": money(by), "monthly_max": f"{money(by)} a month"}.get(limit, f"{by:,.0f} sq ft")
        of = " of lot" if limit == "lot_min" else ""
        yield f"{told}{of} {'more' if share > 0 else 'less'}", _raised(limit, moved, wants)


def _raised(limit: str, moved: float, wants: Wants) -> dict[str, Any]:
    """Return the change of a limit; a price target that was the limit alone stays where it was."""
    if limit == "price_max" and wants.price_target is None:
        return {"price_max": moved, "price_target": wants.price_max}
    return {limit: moved}


def _by_amount(limit: str, wants: Wants) -> Iterator[tuple[str, dict[str, Any]]]:
    now: float = getattr(wants, limit)
    for amount in _AMOUNTS[limit]:
        by = -amount
        if now <= by:
            continue
        if limit == "year_min":
            words = f"{quantity(by)} years older"
        else:
            unit = "bedroom" if limit == "beds_min" else "bath"
            words = f"{'half a' if by == 0.5 else quantity(by)} {unit} fewer"
        yield words, {limit: now + amount}


def _as_json(moved: Wants, change: dict[str, Any]) -> dict[str, Any]:
    """Return the changed fields as JSON holds them; an emptied one is None."""
    told = moved.as_json()
    return {name: told.get(name) for name in change}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one factor costs a home of the 100 points it could have."""

    factor: str
    points: float
    text: str
    """The fact it rests on; empty where that is not stated."""
    known: bool


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a home is not among those shown: the limits it breaks, else what costs it points, most first."""

    breaks: tuple[tuple[Must, str], ...]
    costs: tuple[Cost, ...]


def why_not(homes: Homes, matches: Matches, row: int, wants: Wants, *, market: Market = NO_MARKET) -> WhyNot:
    """Return what keeps one home out, and what costs it points. Costs and the total sum to 100 points."""
    home = homes.take([row])
    breaks = tuple((must, break_words(must, home, wants, market)) for must in matches.why_excluded(row))
    lost = 100.0 * matches.shares * (1.0 - matches.scores[:, row])
    order = np.argsort(-np.round(lost / EVEN), kind="stable")
    costs = tuple(
        Cost(
            FACTORS[number],
            float(lost[number]),
            reasons.fact(FACTORS[number], home, wants, market=market) if matches.known[number, row] else "",
            bool(matches.known[number, row]),
        )
        for number in order
        if lost[number] > EVEN
    )
    return WhyNot(breaks, costs)


def break_words(must: Must, home: Homes, wants: Wants, market: Market = NO_MARKET) -> str:
    """Return in words how a home breaks a limit: what it states, beside what was asked."""
    if must.limit == STATUS:
        return f"its status is {STATUSES[int(home.standard_status[0])]}"
    if must.feature:
        word = features.WORDS[must.feature]
        return f"no {word}, a must" if must.limit == "must_haves" else f"{word}, a deal-breaker"
    if must.limit in {"lot_min", "year_min", "condition"}:
        # the words of the factor speak of all three
        alone = Wants(**{must.limit: getattr(wants, must.limit)})
        return reasons.fact(must.factor, home, alone)
    return reasons.fact(must.factor, home, wants, market=market)
