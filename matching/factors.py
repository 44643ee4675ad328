"""The fifteen factors: each says, from 0 to 1, how well homes meet one thing a buyer wants.

A factor returns scores (n,) and known (n,). Where a home does not state what a factor needs, the score is 0.5
and known is false. A factor is asked only when the buyer said what it is measured against (`Wants.says`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from matching import areas, commute, features
from matching.homes import AMENITIES, FINANCING, SUB_TYPES, Flags, Homes, Values
from matching.wants import FACTORS, Investor, Setting, Urgency, Wants

UNKNOWN = 0.5
"""The score of a home that does not state what a factor needs."""

AT_MAX = 0.2
"""What a price at the buyer's maximum is worth."""

AREA_MILES: Mapping[Setting, float] = {Setting.URBAN: 3.0, Setting.SUBURBAN: 6.0, Setting.RURAL: 12.0}
"""Miles from a chosen area over which a place loses its worth (to 1/e)."""

RELATED = 0.5
_RELATED: Mapping[str, tuple[str, ...]] = {
    "Townhouse": ("Condominium", "Single Family Residence"),
    "Condominium": ("Townhouse",),
    "Single Family Residence": ("Townhouse",),
}
CONDITION_TABLE: Mapping[str, tuple[float, float, float]] = {
    "move-in": (1.0, 0.5, 0.0),
    "light work": (1.0, 1.0, 0.5),
    "fixer": (0.5, 0.75, 1.0),
}
"""By what the buyer wants: the worth of a home ready to move in, needing light work, needing much."""

AGE_YEARS = 40.0
"""Years older than wanted at which age is worth nothing."""

SHRINK_PUPILS = 50.0
RELAXED_DAYS = 30.0
WEEK = 7.0
STALE = 2.0
"""A home is stale from this many times the median days on market."""


@dataclass(frozen=True, slots=True)
class Market:
    """What the market tells the factors; what is not known leaves a home's score unknown.

    Rates are shares: 0.065 is 6.5 %. `down_share` holds for buyers who did not state a down payment, and the
    page that shows a figure made with it says so.
    """

    mortgage_rate: float | None = None
    years: float = 30.0
    down_share: float | None = None
    tax_share: float | None = None
    """Yearly tax over price, for homes that state no tax."""
    insurance_share: float = 0.0
    """Yearly home insurance over price."""
    mortgage_insurance_share: float = 0.0
    """Yearly premium over the loan, while that is above 80 % of the price."""
    median_days: float | None = None
    """Median days on market."""
    usual_saves: float | None = None
    """How often a home is saved, on the mean of those for sale."""


NO_MARKET = Market()
Scored = tuple[Values, Flags]
Score = Callable[[Homes, Wants, Market], Scored]


def _told(scores: Values) -> Scored:
    """Return scores whose NaN means "not stated"."""
    known = ~np.isnan(scores)
    scores[~known] = UNKNOWN
    return scores, known


def price(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 up to the target, falling to 0.2 at the maximum, 0 above it."""
    target, most = price_range(wants)
    asked = homes.list_price
    if most > target:
        scores = np.clip((asked - target) * ((AT_MAX - 1.0) / (most - target)) + 1.0, AT_MAX, 1.0)
    else:
        scores = np.where(np.isnan(asked), np.nan, 1.0)
    scores[asked > most] = 0.0
    return _told(scores)


def price_range(wants: Wants) -> tuple[float, float]:
    """Return target and maximum; who states one of them means it as the other, too."""
    stated = [price for price in (wants.price_target, wants.price_max) if price is not None]
    return stated[0], stated[-1]


def location(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 within a chosen area, fading with the miles to the nearest edge; 0 outside if it is a must."""
    away = areas.miles_outside(homes.latitude, homes.longitude, [area.polygon for area in wants.areas])
    if wants.is_must("location"):
        return _told(np.where(away > 0, 0.0, 1.0 + 0.0 * away))
    return _told(np.exp(away * (-1.0 / AREA_MILES[wants.setting])))


def beds(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 from the least wanted to two more, 0.9 above; 0.4 for one too few, 0.1 for two, 0 if it is a must."""
    assert wants.beds_min is not None
    more = homes.bedrooms_total - wants.beds_min
    short = (0.0, 0.0) if wants.is_must("beds") else (0.1, 0.4)
    scores = np.select([more < -2, more < -1, more < 0, more <= 2, more > 2], [0.0, *short, 1.0, 0.9], np.nan)
    return _told(scores)


def baths(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 from the least wanted, 0.5 for half a bath too few, 0.2 for one, 0 beyond."""
    assert wants.baths_min is not None
    short = wants.baths_min - homes.baths
    return _told(
        np.where(short > 1, 0.0, np.minimum(1.0, np.where(short > 0.5, 0.8 - 0.6 * short, 1.0 - short)))
    )


def size(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 within the wanted sizes, falling to 0 at 75 % of the least and 140 % of the most."""
    area = homes.living_area
    scores = 1.0 + 0.0 * area
    if (least := wants.sqft_min) is not None:
        scores = np.minimum(scores, (area - 0.75 * least) / (0.25 * least))
    if (most := wants.sqft_max) is not None:
        scores = np.minimum(scores, (1.4 * most - area) / (0.4 * most))
    return _told(np.maximum(scores, 0.0))


def property_type(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 for a wanted type, 0.5 for one close to it, else 0."""
    worth = np.zeros(len(SUB_TYPES) + 1)
    for name in wants.types:
        for close in _RELATED.get(name, ()):
            worth[SUB_TYPES.index(close)] = RELATED
    for name in wants.types:
        worth[SUB_TYPES.index(name)] = 1.0
    worth[-1] = np.nan
    return _told(worth[homes.property_sub_type])


def lot_age_condition(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """The mean of lot, age and condition: of those the buyer speaks of and the home states."""
    parts = []
    if wants.lot_min is not None:
        parts.append(np.minimum(homes.lot_size_square_feet / wants.lot_min, 1.0))
    if wants.year_min is not None:
        parts.append(np.clip(1.0 - (wants.year_min - homes.year_built) / AGE_YEARS, 0.0, 1.0))
    if wants.condition is not None:
        parts.append(np.array([*CONDITION_TABLE[wants.condition], np.nan])[homes.condition])
    return _mean(parts)


def _mean(parts: list[Values], weights: list[float] | None = None) -> Scored:
    """Return the mean of what is known of each home."""
    total, count = np.zeros(len(parts[0])), np.zeros(len(parts[0]))
    for part, weight in zip(parts, weights or [1.0] * len(parts), strict=True):
        known = ~np.isnan(part)
        total += np.where(known, part, 0.0) * weight
        count += known * weight
    some = count > 0
    return np.divide(total, count, out=np.full(len(total), UNKNOWN), where=some), some


def wished_features(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """The share of wished-for features a home has, by their importance; one not stated counts half."""
    total = np.zeros(len(homes))
    some = np.zeros(len(homes), dtype=np.bool_)
    worth = np.array([0.0, 1.0, UNKNOWN])
    for name, strength in wants.nice_to_haves.items():
        states = homes.features[:, features.INDEX[name]]
        total += strength * worth[states]
        some |= states >= 0
    return total / sum(wants.nice_to_haves.values()), some


def schools(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """Of named schools and districts: 1 where the listing states one, 0 where it states others only.

    A slot that is not stated leaves it open. Without names: the shrunk percentile of the listing's schools.
    """
    if not wants.schools:
        return _told(homes.school_percentile.copy())
    named = np.array([key in wants.schools for key in homes.school_ids] + [False])
    matched = np.zeros(len(homes), dtype=np.bool_)
    for slot in range(homes.schools.shape[1]):
        matched |= named[homes.schools[:, slot]]
    stated = (homes.schools >= 0).all(axis=1)
    return _told(np.where(matched, 1.0, np.where(stated, 0.0, np.nan)))


def shrunk(percentile: Values, pupils: Values) -> Values:
    """Return percentiles drawn to the middle, the more the fewer pupils were tested."""
    return (percentile * pupils + 0.5 * SHRINK_PUPILS) / (pupils + SHRINK_PUPILS)


def commutes(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 up to 0.6 of the limit, 0.5 at it, 0 from one and a half of it; targets by their days a week."""
    parts, days = [], []
    for target, taken in zip(wants.commute_targets, commute_minutes(homes, wants), strict=True):
        share = taken / target.max_minutes
        scores = np.where(share <= 1.0, 1.0 - (share - 0.6) * (0.5 / 0.4), 0.5 - (share - 1.0))
        parts.append(np.clip(scores, 0.0, 1.0))
        days.append(target.days_per_week)
    return _mean(parts, days)


def commute_minutes(homes: Homes, wants: Wants) -> list[Values]:
    """Return the minutes to each of the buyer's targets (n,); NaN is not known."""
    return [
        commute.minutes(
            commute.road_miles(homes.latitude, homes.longitude, (target.latitude, target.longitude)),
            target.mode,
            target.arrive_by,
            stop_miles=homes.stop_miles,
            headway_minutes=homes.headway_minutes,
        )
        for target in wants.commute_targets
    ]


def walkability(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """The walkability estimate over 100."""
    return _told(np.minimum(homes.walkability / 100.0, 1.0))


def safety(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """1 less the mean of the property hazards that are known: flood, fire, quake, radon, noise, roof."""
    hazards = np.clip(homes.hazards, 0.0, 1.0)
    return _mean([1.0 - hazards[:, number] for number in range(hazards.shape[1])])


def amenities(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """The mean over the chosen kinds of places, each fading with the miles to the nearest."""
    kinds = tuple(AMENITIES)
    return _mean(
        [np.exp(homes.amenity_miles[:, kinds.index(kind)] / -AMENITIES[kind]) for kind in wants.amenities]
    )


def financial_fit(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """Owners: 1 up to the monthly limit, 0 from 120 %. Investors: where the cap rate lies in their range.

    A home whose seller does not take the buyer's way to pay is worth 0.
    """
    if wants.investor is not None:
        least, target = wants.investor.min_cap, wants.investor.target_cap
        scores = np.clip((cap_rates(homes, wants.investor) - least) / (target - least), 0.0, 1.0)
    else:
        assert wants.monthly_max is not None
        over = monthly_costs(homes, wants, market) / wants.monthly_max - 1.0
        scores = np.clip(1.0 - over / 0.2, 0.0, 1.0)
    if wants.financing is not None:
        scores[refuses(homes, wants.financing)] = 0.0
    return _told(scores)


def refuses(homes: Homes, financing: str) -> Flags:
    """Tell which homes state the ways to pay they take, this not among them."""
    bit = 1 << FINANCING.index(financing)
    refused: Flags = (homes.listing_terms >= 0) & ((homes.listing_terms & bit) == 0)
    return refused


def cap_rates(homes: Homes, investor: Investor) -> Values:
    """Return net operating income over price, in percent."""
    income = np.where(np.isnan(homes.net_operating_income), own_income(investor), homes.net_operating_income)
    return income / homes.list_price * 100.0


def own_income(investor: Investor | None) -> float:
    """Return the net operating income a year by the investor's own figures; NaN where they gave none."""
    if investor is None or investor.rent_month is None or investor.expense_share is None:
        return float("nan")
    return 12.0 * investor.rent_month * (1.0 - investor.expense_share)


def monthly_costs(homes: Homes, wants: Wants, market: Market) -> Values:
    """Return loan, tax, insurances and association fees a month; NaN where a part of it is not known.

    An association fee that is not stated counts as none.
    """
    return costs_with(homes, _loans(homes.list_price, wants, market), market)


def costs_with(homes: Homes, loan: Values | None, market: Market) -> Values:
    """Return the monthly costs with loans of these amounts, or with none."""
    asked = homes.list_price
    tax = homes.tax_annual / 12.0
    if market.tax_share is not None:
        tax = np.where(np.isnan(tax), asked * (market.tax_share / 12.0), tax)
    cost = tax + asked * (market.insurance_share / 12.0) + np.nan_to_num(homes.association_fee_monthly)
    if loan is None:
        return cost
    cost = cost + loan * _payment_share(market)
    if market.mortgage_insurance_share:
        cost = cost + np.where(loan > 0.8 * asked, loan * (market.mortgage_insurance_share / 12.0), 0.0)
    return cost


def _loans(asked: Values, wants: Wants, market: Market) -> Values | None:
    """Return what must be borrowed; nothing by who pays cash; NaN where the down payment is not known."""
    if wants.financing == "cash":
        return None
    if wants.down_payment is not None:
        return np.maximum(asked - wants.down_payment, 0.0)
    return asked * (np.nan if market.down_share is None else 1.0 - market.down_share)


def _payment_share(market: Market) -> float:
    """Return the monthly payment of a loan of one dollar."""
    if market.mortgage_rate is None:
        return float("nan")
    monthly, months = market.mortgage_rate / 12.0, 12.0 * market.years
    return monthly / (1.0 - (1.0 + monthly) ** -months) if monthly else 1.0 / months


def competition(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Scored:
    """Relaxed buyers: the longer on the market the better; urgent: the likelier still there in a week."""
    if wants.urgency is Urgency.RELAXED:
        return _told(1.0 - np.exp(homes.days_on_market / -RELAXED_DAYS))
    return _told(0.5 + 0.5 * there_in_a_week(homes, market))


def there_in_a_week(homes: Homes, market: Market) -> Values:
    """Return the chance that a home is still for sale in a week.

    Half of all homes go within the median days on market, evenly; one saved twice as often as its peers goes
    twice as fast, within a quarter and four times. What is not for sale now will not be then.
    """
    if market.median_days is None or market.median_days <= 0:
        chance = np.full(len(homes), np.nan)
    else:
        demand = np.ones(len(homes))
        if market.usual_saves:
            told = np.where(np.isnan(homes.saves), market.usual_saves, homes.saves)
            demand = np.clip(told / market.usual_saves, 0.25, 4.0)
        chance = np.exp(-np.log(2.0) * WEEK / market.median_days * demand)
    chance[~homes.available] = 0.0
    return chance


SCORES: Mapping[str, Score] = {
    "price": price,
    "location": location,
    "beds": beds,
    "baths": baths,
    "size": size,
    "property_type": property_type,
    "lot_age_condition": lot_age_condition,
    "features": wished_features,
    "schools": schools,
    "commute": commutes,
    "walkability": walkability,
    "safety": safety,
    "amenities": amenities,
    "financial_fit": financial_fit,
    "market": competition,
}
assert tuple(SCORES) == FACTORS
