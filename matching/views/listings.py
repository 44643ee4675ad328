"""The listings table and one listing's page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required
from leads.charts import Chart, Series, line_chart
from leads.spreadsheets import csv_response
from matching import access
from matching.forms.listings import ORDERING_CHOICES, ListingFilter
from matching.listings import display
from matching.models import Listing
from matching.selectors import listing_page, photos_of
from matching.selectors import listings as listing_selectors
from matching.selectors.listings import HEAVY, ListingRow
from matching.views.market import BY_NAME, Shown, shown

EXPORT_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Drop:
    """A filter that could be dropped, and how many listings there would be then."""

    words: str
    query: str
    count: int
    is_bounded: bool


def _filtered(request: MemberRequest) -> ListingFilter:
    return ListingFilter(
        request.GET,
        tenant=request.tenant,
        today=timezone.localdate(),
        queryset=access.listings_for(request),
    )


@agent_required
@require_GET
def list_listings(request: MemberRequest) -> HttpResponse:
    """Show the tenant's listings, filtered by the address."""
    found = _filtered(request)
    result = listing_selectors.search(found.qs, found.order, request.GET.get("page"))
    today = timezone.localdate()
    rows = [ListingRow(listing, today) for listing in listing_selectors.rows_of(result.pks)]
    narrowings = found.narrowings
    context = {
        "filter": found,
        "page": result.page,
        "rows": rows,
        "narrowings": narrowings,
        "drops": _drops(request, found) if narrowings and not rows else [],
        "has_any": bool(rows) or access.listings_for(request).exists(),
        "areas": sorted({area.name for area in listing_selectors.areas_of(request.tenant)}),
        "ordering": found.order,
        "orderings": ORDERING_CHOICES,
    }
    return render(request, "matching/listing_list.html", context)


def _drops(request: MemberRequest, found: ListingFilter) -> list[Drop]:
    """Return what dropping each filter would find, the most first."""
    drops = []
    for one in found.narrowings:
        count = listing_selectors.count_up_to(found.without(one.name), listing_selectors.MOST_COUNTED)
        query = request.GET.copy()
        for name in (one.name, "page"):
            query.pop(name, None)
        drops.append(Drop(one.words, query.urlencode(), count, count == listing_selectors.MOST_COUNTED))
    return sorted(drops, key=lambda drop: -drop.count)


@agent_required
@require_GET
def export_listings(request: MemberRequest) -> HttpResponseBase:
    """Send the listings of the table as CSV, all pages of them."""
    found = _filtered(request)
    rows = listing_selectors.ordered(found.qs, found.order).defer(*HEAVY)
    name = f"listings-{timezone.localdate():%Y-%m-%d}.csv"
    return csv_response(name, CSV_COLUMNS, _csv_rows(rows.iterator(chunk_size=EXPORT_CHUNK)))


CSV_COLUMNS = [
    "listing_key",
    "listing_id",
    "originating_system_name",
    "standard_status",
    "property_type",
    "property_sub_type",
    "list_price",
    "original_list_price",
    "close_price",
    "on_market_date",
    "purchase_contract_date",
    "close_date",
    "days_on_market",
    "unparsed_address",
    "unit_number",
    "city",
    "state_or_province",
    "postal_code",
    "subdivision_name",
    "latitude",
    "longitude",
    "bedrooms_total",
    "bathrooms_full",
    "bathrooms_half",
    "living_area",
    "lot_size_square_feet",
    "year_built",
    "association_fee",
    "association_fee_frequency",
    "tax_annual_amount",
    "list_agent_full_name",
    "list_office_name",
    "modification_timestamp",
]


def _csv_rows(listings: Iterator[Listing]) -> Iterator[list[object]]:
    for listing in listings:
        values = [getattr(listing, name) for name in CSV_COLUMNS]
        values[-1] = listing.modification_timestamp.isoformat()
        yield ["" if value is None else value for value in values]


@agent_required
@require_GET
def show_listing(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one listing: pictures, facts, history, what clients may see, and who is interested."""
    listing = access.get_listing(request, pk)
    now, today = timezone.now(), timezone.localdate()
    people, count = listing_page.interested_in(listing, now)
    context = {
        "listing": listing,
        "row": ListingRow(listing, today),
        "photos": photos_of(listing, for_clients=False),
        "facts": listing_page.facts_of(listing),
        "private": listing_page.private_facts_of(listing),
        "changes": listing_page.changes_of(listing),
        "prices": _price_chart(listing, today),
        "open_houses": listing_page.open_houses_of(listing, now),
        "findings": listing_page.findings_of(listing),
        "rules": listing_page.rules_of(listing),
        "attribution": display.attribution_of(listing),
        "market": _market_figures(listing),
        "people": people,
        "people_count": count,
        "people_more": count - len(people),
        "now": now,
    }
    return render(request, "matching/listing_detail.html", context)


def _price_chart(listing: Listing, today: date) -> Chart | None:
    """Draw the asking price over time; a line needs two points."""
    points = listing_page.prices_over_time(listing, today)
    if len(points) < 2:
        return None
    return line_chart(
        id="prices",
        title="Asking price",
        labels=[f"{day:%-d %b %Y}" for day, _ in points],
        series=[Series("Asking price", [price for _, price in points], is_filled=True)],
        height=180,
        number=lambda value: f"${value:,.0f}",
        axis=lambda value: f"${value / 1000:,.0f}k",
        label_name="Day",
        is_straight=True,
    )


@dataclass(frozen=True, slots=True)
class AreaMarket:
    """The market a home is in, in some figures with what they rest on."""

    area: str
    kind: str
    month: date
    figures: list[Shown]

    @property
    def query(self) -> str:
        return f"{self.kind}:{self.area}"


NEAR_FIGURES = ("homes_for_sale", "months_of_supply", "days_on_market", "sale_to_list", "sale_price")


def _market_figures(listing: Listing) -> AreaMarket | None:
    row = listing_page.market_around(listing)
    if row is None:
        return None
    figures = [shown(BY_NAME[name], row) for name in NEAR_FIGURES]
    return AreaMarket(row.area, row.area_kind, row.month, figures)
