"""What one listing's page tells the team, read across tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from leads.events import Kind
from leads.models import Event, Lead
from matching.listings import display
from matching.models import (
    AreaKind,
    Listing,
    MarketSnapshot,
    OpenHouse,
    StandardStatus,
    TextFinding,
)

SHOWN_PEOPLE = 12
LOOKED_BACK = timedelta(days=365)
PEOPLE: Mapping[str, str] = {
    Kind.SHOWING_REQUESTED: "asked to see it",
    Kind.LISTING_SAVED: "saved it",
    Kind.LISTING_SHARED: "shared it",
    Kind.LISTING_SENT: "was sent it",
    Kind.LISTING_VIEWED: "viewed it",
    Kind.LISTING_DISMISSED: "dismissed it",
}
"""What a lead can have done with a home, what says most first."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a listing's price or status."""

    at: datetime
    words: str
    price: Decimal | None = None
    by: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Interested:
    """A lead, what it did with the home that says most, and when."""

    lead: Lead
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """Something of a listing clients may see or may not, and why not."""

    what: str
    is_shown: bool
    why: str = ""


FactGroups = list[tuple[str, list[tuple[str, str]]]]


def changes_of(listing: Listing) -> list[Change]:
    """Return what happened to a listing's price and status, the latest first."""
    labels = dict(StandardStatus.choices)
    told = [
        Change(
            row.changed_at,
            f"{labels[row.old]} → {labels[row.new]}" if row.old else str(labels[row.new]),
        )
        for row in listing.status_changes.all()
    ]
    for row in listing.price_changes.all():
        if row.old is not None and row.new is not None:
            words = "Price lowered" if row.new < row.old else "Price raised"
            told.append(Change(row.changed_at, words, row.new, row.new - row.old))
        elif row.new is not None:
            told.append(Change(row.changed_at, "Priced", row.new))
        else:
            told.append(Change(row.changed_at, "Price withdrawn"))
    return sorted(told, key=lambda change: change.at, reverse=True)


def prices_over_time(listing: Listing, today: date) -> list[tuple[date, float]]:
    """Return the asking price on the days it began and changed, and as it is now; the earliest first."""
    changes = sorted(
        (row for row in listing.price_changes.all() if row.new is not None), key=lambda row: row.changed_at
    )
    first = listing.on_market_date or listing.listing_contract_date
    opening = changes[0].old if changes else listing.original_list_price
    points: list[tuple[date, float]] = []
    if first is not None and opening is not None:
        points.append((first, float(opening)))
    points += [(row.changed_at.date(), float(row.new)) for row in changes if row.new is not None]
    if points and listing.list_price is not None:
        end = today if listing.is_on_market else listing.close_date or listing.off_market_date
        if end is not None and end > points[-1][0]:
            points.append((end, float(listing.list_price)))
    return points


def open_houses_of(listing: Listing, now: datetime) -> QuerySet[OpenHouse]:
    """Return the open houses still to come, the next first."""
    rows = OpenHouse.objects.filter(listing=listing, ends_at__gte=now)
    return rows.exclude(open_house_status__in=("Canceled", "Ended"))


def findings_of(listing: Listing) -> QuerySet[TextFinding]:
    """Return what was found in its remarks and is not mended, what is forbidden first."""
    rows = TextFinding.objects.filter(listing=listing, place=TextFinding.Place.REMARKS)
    return rows.exclude(state=TextFinding.State.MENDED).order_by("severity", "-pk")


def interested_in(listing: Listing, now: datetime) -> tuple[list[Interested], int]:
    """Return who did something with a home within a year, what says most first, and how many did."""
    rows = Event.objects.filter(
        tenant_id=listing.tenant_id,
        kind__in=(*PEOPLE, Kind.LISTING_UNSAVED),
        occurred_at__gte=now - LOOKED_BACK,
        lead__isnull=False,
        data__listing_key__in=[name for name in (listing.listing_key, listing.listing_id) if name],
    )
    kinds = list(PEOPLE)
    best: dict[int, tuple[int, datetime]] = {}
    unsaved: set[int] = set()
    for lead_id, kind, at in rows.order_by("-occurred_at").values_list("lead_id", "kind", "occurred_at"):
        if kind == Kind.LISTING_UNSAVED:
            unsaved.add(lead_id)
            continue
        if kind == Kind.LISTING_SAVED and lead_id in unsaved:
            continue
        rank = kinds.index(kind)
        if lead_id not in best or rank < best[lead_id][0]:
            best[lead_id] = (rank, at)
    order = sorted(best, key=lambda pk: (best[pk][0], -best[pk][1].timestamp()))
    leads = Lead.objects.filter(status=Lead.Status.ACTIVE).in_bulk(order)
    people = [Interested(leads[pk], PEOPLE[kinds[best[pk][0]]], best[pk][1]) for pk in order if pk in leads]
    return people[:SHOWN_PEOPLE], len(people)


def market_around(listing: Listing) -> MarketSnapshot | None:
    """Return the latest month that is over of its postal code, else of its city."""
    asked = ((AreaKind.POSTAL_CODE, listing.postal_code), (AreaKind.CITY, listing.city))
    for kind, area in asked:
        if not area:
            continue
        rows = MarketSnapshot.objects.filter(
            tenant_id=listing.tenant_id, area_kind=kind, area__iexact=area, property_sub_type=""
        )
        found = next((row for row in rows.order_by("-month")[:2] if row.is_over), None)
        if found is not None:
            return found
    return None


def rules_of(listing: Listing) -> list[Rule]:
    """Return what clients may see of a listing, and what not and why."""
    told = display.shown(listing)
    if told is None:
        return [Rule("The listing", False, _why_hidden(listing))]
    sold = listing.close_price is not None
    rules = [
        Rule("The listing", True),
        Rule("Its address", told.place.is_exact, "" if told.place.is_exact else "The seller withholds it."),
        Rule("Estimates of its value", told.may_value, "" if told.may_value else "The seller declined them."),
        Rule("Comments", told.may_comment, "" if told.may_comment else "The seller declined them."),
    ]
    if sold:
        is_open = told.close_price is not None
        why = "" if is_open else "Not public in its state, or the sale is not closed."
        rules.append(Rule("What it sold for", is_open, why))
    return [*rules, Rule("Private remarks and offers of compensation", False, "Never shown to clients.")]


def _why_hidden(listing: Listing) -> str:
    if listing.internet_entire_listing_display_yn is False:
        return "The seller opted out of display on the internet."
    if listing.standard_status in display.HIDDEN_STATUSES:
        return f"Its status is {listing.get_standard_status_display().lower()}."
    return "Its office takes no part in the MLS's display."


def facts_of(listing: Listing) -> FactGroups:
    """Return what is stated of a home, in groups; what is not stated is left out."""
    groups = (
        ("The home", _home_facts(listing)),
        ("Costs", _cost_facts(listing)),
        ("Features", _features(listing)),
        ("The listing", _contract_facts(listing)),
    )
    told = [(name, [(label, words) for label, words in facts if words]) for name, facts in groups]
    return [(name, facts) for name, facts in told if facts]


def _home_facts(listing: Listing) -> Iterable[tuple[str, str]]:
    yield "Type", listing.property_sub_type or listing.get_property_type_display()
    yield "Bedrooms", _whole(listing.bedrooms_total)
    yield "Baths", f"{listing.baths:g}" if listing.baths is not None else ""
    yield "Living area", _feet(listing.living_area)
    yield "Lot", _feet(listing.lot_size_square_feet)
    yield "Built", str(listing.year_built or "")
    yield "Effectively built", str(listing.year_built_effective or "")
    yield "Stories", _whole(listing.stories)
    yield "Garage spaces", f"{listing.garage_spaces:g}" if listing.garage_spaces is not None else ""
    yield "New construction", _yes_no(listing.new_construction_yn)
    yield "Attached", _yes_no(listing.property_attached_yn)


def _cost_facts(listing: Listing) -> Iterable[tuple[str, str]]:
    often = f", {listing.association_fee_frequency.lower()}" if listing.association_fee_frequency else ""
    fee = listing.association_fee
    yield "Association fee", f"{_money(fee)}{often}" if fee is not None else ""
    tax, year = listing.tax_annual_amount, listing.tax_year
    yield "Property tax a year", f"{_money(tax)}{f' ({year})' if year else ''}" if tax is not None else ""
    price, area = listing.list_price, listing.living_area
    yield "Price a square foot", _money(price / area) if price is not None and area else ""
    yield "Concessions", _money(listing.concessions_amount)


def _features(listing: Listing) -> Iterable[tuple[str, str]]:
    for name, values in sorted(listing.features.items()):
        yield _spoken(name), ", ".join(str(value) for value in values)
    has = [_spoken(name.removesuffix("_yn")) for name, told in sorted(listing.flags.items()) if told is True]
    has_not = [
        _spoken(name.removesuffix("_yn")) for name, told in sorted(listing.flags.items()) if told is False
    ]
    yield "Stated as there", ", ".join(has)
    yield "Stated as not there", ", ".join(has_not)


def _contract_facts(listing: Listing) -> Iterable[tuple[str, str]]:
    yield "MLS number", listing.listing_id
    yield "Key", listing.listing_key
    yield "Source", listing.originating_system_name
    yield "MLS status", listing.mls_status
    yield "Listed", _day(listing.on_market_date or listing.listing_contract_date)
    yield "Under contract", _day(listing.purchase_contract_date)
    yield "Off the market", _day(listing.off_market_date)
    yield "Closed", _day(listing.close_date)
    yield "Sold for", _money(listing.close_price)
    yield "Days, relistings included", _whole(listing.cumulative_days_on_market)
    yield "County", listing.county_or_parish
    yield "Subdivision", listing.subdivision_name
    yield "Parcel", listing.parcel_number


def private_facts_of(listing: Listing) -> list[tuple[str, str]]:
    """Return what only agents may see, never what anybody is paid."""
    return [
        (_spoken(name), _answer(value))
        for name, value in sorted(listing.private.items())
        if "compensation" not in name.lower() and value not in (None, "", [], {})
    ]


def _answer(value: Any) -> str:
    if isinstance(value, bool):
        return _yes_no(value)
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _whole(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _feet(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.0f} sq ft"


def _money(value: Decimal | None) -> str:
    return "" if value is None else f"${value:,.0f}"


def _day(value: date | None) -> str:
    return "" if value is None else f"{value:%-d %B %Y}"


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "Yes" if value else "No"
