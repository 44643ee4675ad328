"""Find listings, and tell what narrows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.contrib.postgres.search import SearchVector
from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import F, FloatField, Q, Value
from django.db.models.functions import Cast, Coalesce

from leads.models import Tenant
from leads.selectors.leads import PrefixQuery
from matching.models import Listing, Neighborhood, StandardStatus
from matching.models.listings import SEARCHED, ListingQuerySet

MOST_COUNTED = 10_000
"""Listings are counted up to here: reading on would cost more than knowing is worth."""

PAGE_ROWS = 50
STRETCH = 6
"""Pages whose homes are on the map together."""

KEPT_SECONDS = 300
MOST_AREAS = 20_000
HEAVY = ("flags", "features", "private", "other", "public_remarks")
"""Columns a list has no use for."""

_WORD = re.compile(r"[\w.#-]+")
_BATHS: Sequence[tuple[str, float]] = (
    ("bathrooms_full", 1.0),
    ("bathrooms_half", 0.5),
    ("bathrooms_three_quarter", 0.75),
    ("bathrooms_one_quarter", 0.25),
)


class Pages(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Pages of a list of which no more than a bound are counted and paged through."""

    def __init__(self, count: int) -> None:
        super().__init__(range(count), PAGE_ROWS)

    @property
    def is_bounded(self) -> bool:
        """Tell whether there may be more than were counted."""
        return self.count == MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: a page of it, and the stretch of it that is pinned on the map around that page."""

    page: Page[int]
    pks: list[int]
    stretch: list[int]

    @property
    def pages(self) -> Pages:
        return cast(Pages, self.page.paginator)


@dataclass(frozen=True, slots=True)
class Area:
    """Somewhere listings are: how it is called, and which column says so."""

    name: str
    column: str


def count_up_to(listings: Any, most: int) -> int:
    """Return how many listings there are, or the bound."""
    count: int = listings.order_by().values("pk")[:most].count()
    return count


def search(listings: ListingQuerySet, ordering: str, number: str | None) -> Found:
    """Return a page of listings in an order, by one look through them where they are not too many.

    That look also counts them. Those that reach the bound are read again in their order, along an index.
    """
    asked = int(number) if number and number.isdecimal() and len(number) < 7 else 1
    size = PAGE_ROWS * STRETCH
    start = max(0, asked - 1) // STRETCH * size
    count, pks = _looked_through(listings, ordering, start, size)
    if not pks and start:  # past the end: the last page stands for it
        count, _ = _looked_through(listings, ordering, 0, 1)
        start = max(0, count - 1) // size * size
        _, pks = _looked_through(listings, ordering, start, size)
    page = Pages(count).get_page(asked)
    if count == MOST_COUNTED:
        start = (page.number - 1) // STRETCH * size
        rows = ordered(listings, ordering).values_list("pk", flat=True)
        pks = list(rows[start : min(start + size, count)])
    first = (page.number - 1) * PAGE_ROWS - start
    return Found(page, pks[first : first + PAGE_ROWS], pks)


def _looked_through(listings: ListingQuerySet, ordering: str, start: int, size: int) -> tuple[int, list[int]]:
    """Return how many there are up to the bound, and some of them in their order."""
    column, side = ORDERINGS[ordering.removeprefix("-")], "DESC" if ordering.startswith("-") else "ASC"
    inner = listings.order_by().values_list("pk", column)[:MOST_COUNTED]
    try:
        statement, values = inner.query.sql_with_params()
    except EmptyResultSet:
        return 0, []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, count(*) OVER () FROM ({statement}) AS found (id, key)"
            f" ORDER BY key {side} NULLS LAST, id {side} OFFSET %s LIMIT %s",
            [*values, start, size],
        )
        rows = cursor.fetchall()
    return (rows[0][1] if rows else 0), [pk for pk, _ in rows]


def rows_of(pks: Sequence[int]) -> list[Listing]:
    """Return listings in the order of their ids, without what a list does not show."""
    rows = Listing.objects.filter(pk__in=pks).select_related("places__neighborhood").defer(*HEAVY)
    by_pk = {row.pk: row for row in rows.defer(*HEAVY, "places__neighborhood__boundary")}
    return [by_pk[pk] for pk in pks if pk in by_pk]


def with_words(listings: ListingQuerySet, text: str) -> ListingQuerySet:
    """Narrow listings to those with this number or key, or whose address has words beginning so."""
    typed = text.strip()
    words = [word.strip(".#-").lower() for word in _WORD.findall(typed)]
    told = " & ".join(f"'{word}':*" for word in words if word)
    if not told:
        return listings.none()
    found = listings.annotate(words=SearchVector(*SEARCHED, config="simple"))
    return found.filter(words=PrefixQuery(told))


def with_baths(listings: ListingQuerySet, least: float) -> ListingQuerySet:
    """Narrow listings to those with so many baths, counted as `Listing.baths` does."""
    total = sum(
        (Coalesce(Cast(name, FloatField()), 0.0) * worth for name, worth in _BATHS[1:]),
        Coalesce(Cast(_BATHS[0][0], FloatField()), 0.0) * _BATHS[0][1],
    )
    unknown = Q(**{f"{name}__isnull": True for name, _ in _BATHS})
    counted = listings.annotate(baths_counted=total)
    return counted.filter(
        (~unknown & Q(baths_counted__gte=Value(least))) | (unknown & Q(bathrooms_total_integer__gte=least))
    )


def in_area(listings: ListingQuerySet, tenant: Tenant, text: str) -> ListingQuerySet:
    """Narrow listings to a city, postal code or neighborhood by its name, however it is spelled."""
    name = text.strip().casefold()
    asked = [area for area in areas_of(tenant) if area.name.casefold() == name]
    if not asked and name[:5].isdigit():
        return listings.filter(postal_code__startswith=name[:5])
    by_area = Q(pk__in=())
    for area in asked:
        by_area |= Q(**{area.column: area.name})
    return listings.filter(by_area)


def areas_of(tenant: Tenant) -> list[Area]:
    """Return where a tenant's listings are, by name; looked up again every few minutes."""
    key = f"listing-areas:{tenant.pk}"
    kept: list[Area] | None = cache.get(key)
    if kept is None:
        rows = Listing.objects.for_tenant(tenant).order_by()
        columns = ("city", "postal_code", "subdivision_name")
        places = rows.values_list(*columns).distinct()[:MOST_AREAS]
        told = ((name, column) for place in places for name, column in zip(place, columns, strict=True))
        found = {Area(name, column) for name, column in told if name}
        hoods = Neighborhood.objects.filter(tenant=tenant).values_list("name", flat=True)
        found.update(Area(name, "places__neighborhood__name") for name in hoods[:MOST_AREAS])
        kept = sorted(found, key=lambda area: (area.name.casefold(), area.name, area.column))
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def sub_types_of(tenant: Tenant) -> list[str]:
    """Return the kinds of homes among a tenant's listings; looked up again every few minutes."""
    key = f"listing-sub-types:{tenant.pk}"
    kept: list[str] | None = cache.get(key)
    if kept is None:
        rows = Listing.objects.for_tenant(tenant).exclude(property_sub_type="").order_by()
        kept = sorted(rows.values_list("property_sub_type", flat=True).distinct())
        cache.set(key, kept, KEPT_SECONDS)
    return kept


ORDERINGS: Mapping[str, str] = {
    "listed": "on_market_date",
    "price": "list_price",
    "size": "living_area",
    "beds": "bedrooms_total",
}
DEFAULT_ORDERING = "-listed"


def ordered(listings: ListingQuerySet, ordering: str) -> ListingQuerySet:
    """Order listings by a column, those without a value last; a minus turns the order round."""
    column = F(ORDERINGS[ordering.removeprefix("-")])
    if ordering.startswith("-"):
        return listings.order_by(column.desc(nulls_last=True), "-id")
    return listings.order_by(column.asc(nulls_last=True), "id")


TONES: Mapping[str, str] = {
    StandardStatus.ACTIVE: "good",
    StandardStatus.COMING_SOON: "info",
    StandardStatus.ACTIVE_UNDER_CONTRACT: "warn",
    StandardStatus.PENDING: "warn",
}


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A listing as a line of a list tells it to the team."""

    listing: Listing
    today: date

    @property
    def title(self) -> str:
        return title_of(self.listing)

    @property
    def place(self) -> str:
        """Return where it is in one line: neighborhood, city, postal code."""
        listing = self.listing
        hood = listing.places.neighborhood if hasattr(listing, "places") else None
        name = hood.name if hood is not None else listing.subdivision_name
        return ", ".join(part for part in (name, listing.city, listing.postal_code) if part)

    @property
    def tone(self) -> str:
        return TONES.get(self.listing.standard_status, "")

    @property
    def price(self) -> Decimal | None:
        """Return what it sold for, else what is asked."""
        listing = self.listing
        is_sold = listing.standard_status == StandardStatus.CLOSED
        return listing.close_price if is_sold and listing.close_price is not None else listing.list_price

    @property
    def is_sold_price(self) -> bool:
        return self.listing.standard_status == StandardStatus.CLOSED and self.listing.close_price is not None

    @property
    def change(self) -> Decimal | None:
        """Return how far the asking price is from the first one; None where it is the same."""
        listing = self.listing
        if listing.list_price is None or listing.original_list_price is None or self.is_sold_price:
            return None
        return (listing.list_price - listing.original_list_price) or None

    @property
    def rooms(self) -> str:
        """Return bedrooms, baths and size, those that are told."""
        listing = self.listing
        told = (
            f"{listing.bedrooms_total} bd" if listing.bedrooms_total is not None else "",
            f"{listing.baths:g} ba" if listing.baths is not None else "",
            f"{listing.living_area:,.0f} sq ft" if listing.living_area is not None else "",
        )
        return " · ".join(part for part in told if part)

    @property
    def days(self) -> int | None:
        """Return its days on the market: counted while it is there, else as the MLS told them."""
        return self.listing.days_listed(self.today)


def title_of(listing: Listing) -> str:
    """Return how the team calls a listing: its address, else its number."""
    address = listing.unparsed_address
    unit = listing.unit_number
    if address:
        return f"{address} {unit}" if unit and unit not in address else address
    return f"Listing {listing.listing_id or listing.listing_key}"
