"""Say what a buyer looks for, in the words of one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matching.features import WORDS
from matching.homes import SUB_TYPES
from matching.reasons import PLACES, clock, money, quantity, type_name
from matching.wants import Investor, Mode, Target, Urgency, Wants

WAYS = {Mode.DRIVE: "by car", Mode.TRANSIT: "by transit", Mode.WALK: "on foot", Mode.BIKE: "by bike"}
CONDITIONS = {
    "move-in": "ready to move in",
    "light work": "light work at most",
    "fixer": "a fixer is welcome",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing that is asked for, and whether a home without it is out."""

    text: str
    is_must: bool = False


def phrases(wants: Wants) -> tuple[Phrase, ...]:
    """Return what is asked for, the kind of home first; nothing where nothing is."""
    return tuple(_phrases(wants))


def sentence(wants: Wants) -> str:
    """Return it as one line of text."""
    told = [phrase.text for phrase in phrases(wants)]
    return ", ".join(told) if told else "nothing in particular"


def _phrases(wants: Wants) -> Iterator[Phrase]:
    if wants.types:
        names = [type_name(SUB_TYPES.index(name)) for name in wants.types]
        yield Phrase(either(names), wants.is_must("property_type"))
    yield from _prices(wants)
    yield from _rooms(wants)
    yield from _lot_age_condition(wants)
    if wants.areas:
        yield Phrase(f"in {either([area.name for area in wants.areas])}", wants.is_must("location"))
    for target in wants.commute_targets:
        yield Phrase(_way(target), wants.is_must("commute"))
    yield from _features(wants)
    if wants.amenities:
        names = [PLACES.get(kind, kind) for kind in wants.amenities]
        yield Phrase(f"near a {both(names)}")
    if wants.investor is not None:
        yield Phrase(_returns(wants.investor), wants.is_must("financial_fit"))
    if wants.urgency is Urgency.URGENT:
        yield Phrase("in a hurry")


def _prices(wants: Wants) -> Iterator[Phrase]:
    if wants.price_max is not None:
        near = f", best near {money(wants.price_target)}" if wants.price_target is not None else ""
        yield Phrase(f"up to {money(wants.price_max)}{near}", wants.is_must("price"))
    elif wants.price_target is not None:
        yield Phrase(f"around {money(wants.price_target)}")
    if wants.monthly_max is not None:
        yield Phrase(f"{money(wants.monthly_max)} a month at most", wants.is_must("financial_fit"))
    if wants.financing is not None:
        yield Phrase(f"paid by {wants.financing}")


def _rooms(wants: Wants) -> Iterator[Phrase]:
    for factor, least, unit in (("beds", wants.beds_min, "bedroom"), ("baths", wants.baths_min, "bath")):
        if least is not None:
            yield Phrase(f"{quantity(least)} or more {unit}s", wants.is_must(factor))
    if wants.sqft_min is not None and wants.sqft_max is not None:
        yield Phrase(f"{wants.sqft_min:,.0f} to {wants.sqft_max:,.0f} sq ft", wants.is_must("size"))
    elif wants.sqft_min is not None:
        yield Phrase(f"at least {wants.sqft_min:,.0f} sq ft", wants.is_must("size"))
    elif wants.sqft_max is not None:
        yield Phrase(f"at most {wants.sqft_max:,.0f} sq ft", wants.is_must("size"))


def _lot_age_condition(wants: Wants) -> Iterator[Phrase]:
    is_must = wants.is_must("lot_age_condition")
    if wants.lot_min is not None:
        yield Phrase(f"a lot of {wants.lot_min:,.0f} sq ft or more", is_must)
    if wants.year_min is not None:
        yield Phrase(f"built {wants.year_min:.0f} or later", is_must)
    if wants.condition is not None:
        yield Phrase(CONDITIONS[wants.condition], is_must)


def _features(wants: Wants) -> Iterator[Phrase]:
    if wants.must_haves:
        yield Phrase(f"with {both([WORDS[name] for name in wants.must_haves])}", True)
    if wants.deal_breakers:
        yield Phrase(f"without {either([WORDS[name] for name in wants.deal_breakers])}", True)
    if wants.nice_to_haves:
        ordered = sorted(wants.nice_to_haves, key=lambda name: -wants.nice_to_haves[name])
        yield Phrase(f"gladly with {both([WORDS[name] for name in ordered])}")


def _way(target: Target) -> str:
    return (
        f"{target.max_minutes:.0f} min to {target.name} {WAYS[target.mode]} "
        f"by {clock(target.arrive_by)} at most"
    )


def _returns(investor: Investor) -> str:
    return f"a cap rate of {quantity(investor.min_cap)} to {quantity(investor.target_cap)} %"


def either(names: Sequence[str]) -> str:
    return _listed(names, "or")


def both(names: Sequence[str]) -> str:
    return _listed(names, "and")


def _listed(names: Sequence[str], last: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
