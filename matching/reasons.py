"""Say in plain words why a home fits, what to watch, and what its listing does not state.

Every sentence holds the fact it rests on, as it stands in the row, and passes the fair-housing text check: it
speaks of the home and of the buyer's own limits, never of people or of the worth of a place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from leads.fair_housing import Severity, check_text
from matching import areas, commute, factors, features
from matching.engine import EVEN, Matches, leading
from matching.factors import NO_MARKET, STALE, Market
from matching.homes import AMENITIES, CONDITIONS, HAZARDS, SUB_TYPES, Homes
from matching.wants import FACTORS, INDEX, Target, Urgency, Wants

FITS, WATCH = 3, 1
"""How many reasons are told for a home, and how many against it."""

MOST_UNKNOWN = 4

NAMES: Mapping[str, str] = {
    "price": "price",
    "location": "location",
    "beds": "bedrooms",
    "baths": "baths",
    "size": "living area",
    "property_type": "property type",
    "lot_age_condition": "lot, age and condition",
    "features": "features",
    "schools": "schools",
    "commute": "commute",
    "walkability": "walkability",
    "safety": "property hazards",
    "amenities": "places nearby",
    "financial_fit": "monthly cost",
    "market": "time on market",
}

PLACES: Mapping[str, str] = {
    "transit": "transit stop",
    "dog_park": "dog park",
    "coffee": "coffee shop",
    "shopping": "shop",
    "grocery": "grocery store",
    "entertainment": "cinema or stage",
}
_TYPES: Mapping[str, str] = {
    "Single Family Residence": "single-family residence",
    "Stock Cooperative": "co-op",
}
_CONDITIONS: Mapping[str, str] = {
    "move-in": "ready to move in",
    "light work": "needs light work",
    "fixer": "a fixer",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """What one factor says of a home, and how strongly: above 0 for it, below against it."""

    factor: str
    text: str
    strength: float


@dataclass(frozen=True, slots=True)
class Explained:
    """A home in words: the best it has, what to watch, what is not stated."""

    fits: tuple[Reason, ...]
    watch: tuple[Reason, ...]
    unknown: tuple[str, ...]

    def sentence(self) -> str:
        """Return it in one line: "Fits: …. Watch: …. Not stated: …."."""
        parts = (
            ("Fits: ", "; ".join(reason.text for reason in self.fits)),
            ("Watch: ", "; ".join(reason.text for reason in self.watch)),
            ("Not stated: ", ", ".join(self.unknown)),
        )
        return " ".join(f"{head}{text}." for head, text in parts if text)


def explained(
    homes: Homes, matches: Matches, row: int, wants: Wants, *, market: Market = NO_MARKET
) -> Explained:
    """Return why one home fits, what to watch, and what is not stated."""
    home = homes.take([row])
    strengths = np.where(matches.known[:, row], matches.strengths(row), 0.0)
    fits = _told(leading(strengths, len(FACTORS)), home, wants, market, strengths, FITS)
    watch = _told(leading(-strengths, len(FACTORS)), home, wants, market, strengths, WATCH)
    if stale := _stale(home, market):
        watch = (*(each for each in watch if each.factor != "market"), Reason("market", stale, 0.0))
        fits = tuple(each for each in fits if each.factor != "market")
    return Explained(fits, watch, unstated(home, matches, row, wants))


def _told(
    names: tuple[str, ...], home: Homes, wants: Wants, market: Market, strengths: np.ndarray, most: int
) -> tuple[Reason, ...]:
    found = (
        Reason(name, text, float(strengths[INDEX[name]]))
        for name in names
        if (text := fact(name, home, wants, market=market))
    )
    return tuple(reason for reason, _ in zip(found, range(most), strict=False))


def unstated(home: Homes, matches: Matches, row: int, wants: Wants) -> tuple[str, ...]:
    """Return what the buyer asks for and the listing does not state: features by name, then factors."""
    named = [*wants.must_haves, *wants.nice_to_haves]
    missing = [features.WORDS[name] for name in named if home.features[0, features.INDEX[name]] < 0]
    missing += [NAMES[name] for name in matches.unknown(row) if name != "features"]
    return tuple(dict.fromkeys(missing))[:MOST_UNKNOWN]


def ask_for(feature: str) -> str:
    """Return the flag of a feature that must be there and is not stated."""
    return f"{features.WORDS[feature]}: not stated - ask listing agent"


def fact(factor: str, home: Homes, wants: Wants, *, market: Market = NO_MARKET) -> str:
    """Return what one factor rests on for one home, in words; empty where the home does not state it."""
    if not wants.says(factor):
        return ""
    text = _FACTS[factor](home, wants, market)
    return text if check_text(text).severity is Severity.PASS else ""


def money(amount: float) -> str:
    return f"${amount:,.0f}"


def quantity(number: float) -> str:
    """Return a number without what is not needed: 3, 2.5, 1,850."""
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def clock(hour: float) -> str:
    """Return an hour of the day as it is said: "8 am", "5:30 pm"."""
    minutes = round(hour * 60) % (24 * 60)
    whole, rest = divmod(minutes, 60)
    half = "am" if whole < 12 else "pm"
    return f"{whole % 12 or 12}{f':{rest:02d}' if rest else ''} {half}"


def type_name(code: int) -> str:
    name = SUB_TYPES[code]
    return _TYPES.get(name, name.lower())


def _value(home: Homes, column: str) -> float | None:
    value = float(getattr(home, column)[0])
    return None if np.isnan(value) else value


def _price(home: Homes, wants: Wants, market: Market) -> str:
    if (asked := _value(home, "list_price")) is None:
        return ""
    target, most = factors.price_range(wants)
    if asked > most:
        return f"{money(asked)}, {money(asked - most)} above your limit of {money(most)}"
    if asked > target:
        return f"{money(asked)}, between your target of {money(target)} and your limit of {money(most)}"
    named = "target" if wants.price_target is not None else "limit"
    return f"{money(asked)}, within your {named} of {money(target)}"


def _location(home: Homes, wants: Wants, market: Market) -> str:
    away = [
        float(areas.miles_outside(home.latitude, home.longitude, [area.polygon])[0]) for area in wants.areas
    ]
    if np.isnan(away[0]):
        return ""
    near = int(np.argmin(away))
    name = wants.areas[near].name
    text = f"inside your {name} area" if away[near] == 0 else f"{away[near]:.1f} mi from your {name} area"
    if check_text(text).severity is Severity.PASS:
        return text
    return text.replace(f"your {name} area", "an area you chose")


def _at_least(column: str, wanted: str, unit: str) -> Callable[[Homes, Wants, Market], str]:
    def words(home: Homes, wants: Wants, market: Market) -> str:
        if (value := _value(home, column)) is None:
            return ""
        least: float = getattr(wants, wanted)
        unit_of = unit if value != 1 else unit.removesuffix("s")
        if value >= least:
            return f"{quantity(value)} {unit_of} (you ask for {quantity(least)})"
        return f"{quantity(value)} {unit_of}, {quantity(least - value)} fewer than you ask for"

    return words


def _size(home: Homes, wants: Wants, market: Market) -> str:
    if (area := _value(home, "living_area")) is None:
        return ""
    told = f"{area:,.0f} sq ft"
    if wants.sqft_min is not None and area < wants.sqft_min:
        return f"{told}, under your {wants.sqft_min:,.0f}"
    if wants.sqft_max is not None and area > wants.sqft_max:
        return f"{told}, over your {wants.sqft_max:,.0f}"
    ends = [f"{end:,.0f}" for end in (wants.sqft_min, wants.sqft_max) if end is not None]
    ask = " to ".join(ends) if len(ends) == 2 else f"{'at least' if wants.sqft_min else 'at most'} {ends[0]}"
    return f"{told} (you ask for {ask})"


def _type(home: Homes, wants: Wants, market: Market) -> str:
    code = int(home.property_sub_type[0])
    if code < 0:
        return ""
    if SUB_TYPES[code] in wants.types:
        return f"{type_name(code)}, as you ask"
    asked = " or ".join(type_name(SUB_TYPES.index(name)) for name in wants.types)
    return f"{type_name(code)}; you ask for {asked}"


def _lot_age_condition(home: Homes, wants: Wants, market: Market) -> str:
    parts = []
    year, lot, condition = (
        _value(home, "year_built"),
        _value(home, "lot_size_square_feet"),
        int(home.condition[0]),
    )
    if wants.year_min is not None and year is not None:
        beside = "or newer" if year >= wants.year_min else "or newer asked for"
        parts.append(f"built {year:.0f} ({wants.year_min:.0f} {beside})")
    if wants.lot_min is not None and lot is not None:
        beside = "lot" if lot >= wants.lot_min else f"lot, under your {wants.lot_min:,.0f}"
        parts.append(f"{lot:,.0f} sq ft {beside}")
    if wants.condition is not None and condition >= 0:
        parts.append(_CONDITIONS[CONDITIONS[condition]])
    return ", ".join(parts)


def _features(home: Homes, wants: Wants, market: Market) -> str:
    """Name what is there of what was wished for, and what is not; the most important first."""
    ordered = sorted(wants.nice_to_haves, key=lambda name: -wants.nice_to_haves[name])
    states = {name: int(home.features[0, features.INDEX[name]]) for name in ordered}
    there = [features.WORDS[name] for name in ordered if states[name] == features.YES]
    gone = [features.WORDS[name] for name in ordered if states[name] == features.NO]
    parts = [f"has {', '.join(there[:3])}"] if there else []
    parts += [f"no {', no '.join(gone[:3])}"] if gone else []
    return "; ".join(parts)


def _schools(home: Homes, wants: Wants, market: Market) -> str:
    if not wants.schools:
        part = _value(home, "school_percentile")
        return "" if part is None else f"school growth figure {100 * part:.0f} of 100 in the state"
    scores, known = factors.schools(home, wants)
    if not known[0]:
        return ""
    return f"the listing states {'a school you named' if scores[0] else 'other schools than you named'}"


def commute_words(target: Target, minutes: float) -> str:
    """Return one way as it is said: "27-45 min to work at 8 am (limit 35)"."""
    low, high = commute.between(minutes)
    way = {"drive": "", "transit": " by transit", "walk": " on foot", "bike": " by bike"}[target.mode]
    when, limit = clock(target.arrive_by), f"limit {target.max_minutes:.0f}"
    text = f"{low}-{high} min to {target.name}{way} at {when} ({limit})"
    if check_text(text).severity is Severity.PASS:
        return text
    return text.replace(f"to {target.name}", "to a place you named")


def _commute(home: Homes, wants: Wants, market: Market) -> str:
    taken = factors.commute_minutes(home, wants)
    told = [
        (float(minutes[0]) / target.max_minutes, commute_words(target, float(minutes[0])))
        for target, minutes in zip(wants.commute_targets, taken, strict=True)
        if not np.isnan(minutes[0])
    ]
    return " and ".join(text for _, text in sorted(told, reverse=True)[:2])


def _walkability(home: Homes, wants: Wants, market: Market) -> str:
    estimate = _value(home, "walkability")
    return "" if estimate is None else f"walkability estimate {estimate:.0f} of 100"


def _safety(home: Homes, wants: Wants, market: Market) -> str:
    levels = {name: float(home.hazards[0, number]) for number, name in enumerate(HAZARDS)}
    told = sorted(((level, name) for name, level in levels.items() if not np.isnan(level)), reverse=True)
    words = [f"{name} hazard {'low' if v < 0.34 else 'moderate' if v < 0.67 else 'high'}" for v, name in told]
    return ", ".join(words[:3])


def _amenities(home: Homes, wants: Wants, market: Market) -> str:
    kinds = tuple(AMENITIES)
    told = []
    for kind in wants.amenities:
        miles, name = float(home.amenity_miles[0, kinds.index(kind)]), PLACES.get(kind, kind)
        if np.isposinf(miles):
            told.append(f"no {name} found nearby")
        elif not np.isnan(miles):
            told.append(f"{name} {miles:.1f} mi")
    return ", ".join(told[:3])


def _financial_fit(home: Homes, wants: Wants, market: Market) -> str:
    if wants.financing is not None and factors.refuses(home, wants.financing)[0]:
        return f"{wants.financing} is not among the ways to pay the listing states"
    if wants.investor is not None:
        rate = float(factors.cap_rates(home, wants.investor)[0])
        least, target = quantity(wants.investor.min_cap), quantity(wants.investor.target_cap)
        return "" if np.isnan(rate) else f"cap rate {rate:.1f} % (you look for {least} to {target} %)"
    assert wants.monthly_max is not None
    cost = float(factors.monthly_costs(home, wants, market)[0])
    if np.isnan(cost):
        return ""
    beside = "within" if cost <= wants.monthly_max else "above"
    return f"about {money(cost)} a month, {beside} your {money(wants.monthly_max)}"


def _market(home: Homes, wants: Wants, market: Market) -> str:
    if wants.urgency is Urgency.URGENT:
        if not home.available[0]:
            return "no longer for sale"
        chance = float(factors.there_in_a_week(home, market)[0])
        return "" if np.isnan(chance) else f"still for sale in a week with a chance of {100 * chance:.0f} %"
    days, cut = _value(home, "days_on_market"), _value(home, "price_cut")
    if days is None:
        return ""
    fallen = f", price cut by {money(cut)}" if cut else ""
    return f"on market {days:.0f} day{'' if round(days) == 1 else 's'}{fallen}"


def _stale(home: Homes, market: Market) -> str:
    """Say that a home is on the market for over twice the median; empty where it is not."""
    days = _value(home, "days_on_market")
    if days is None or market.median_days is None or days <= STALE * market.median_days + EVEN:
        return ""
    return f"on market {days:.0f} days, over twice the median of {market.median_days:.0f}"


_FACTS: Mapping[str, Callable[[Homes, Wants, Market], str]] = {
    "price": _price,
    "location": _location,
    "beds": _at_least("bedrooms_total", "beds_min", "bedrooms"),
    "baths": _at_least("baths", "baths_min", "baths"),
    "size": _size,
    "property_type": _type,
    "lot_age_condition": _lot_age_condition,
    "features": _features,
    "schools": _schools,
    "commute": _commute,
    "walkability": _walkability,
    "safety": _safety,
    "amenities": _amenities,
    "financial_fit": _financial_fit,
    "market": _market,
}
