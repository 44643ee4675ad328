"""The market: what listings tell of it by area and month, and series from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, broker_required, manages
from leads.charts import Chart, Series, line_chart
from leads.errors import DomainError
from leads.imports import RowError
from leads.market_files import MarketRefused
from matching import selectors, services, tasks
from matching.forms import SeriesFileForm
from matching.market import RULES, market_type, seasonal_index
from matching.models import AreaKind, MarketSeries, MarketSnapshot
from matching.selectors import AreaChoice, SeriesNow

ROUTE = "matching:market"
SHOWN_ERRORS = 100
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Words = Callable[[float], str]


def count(value: float) -> str:
    return f"{value:,.0f}"


def money(value: float) -> str:
    return f"${value:,.0f}"


def short_money(value: float) -> str:
    """Return dollars as they fit beside a chart."""
    return f"${value / 1000:,.0f}k" if value >= 10_000 else money(value)


def one_place(value: float) -> str:
    return f"{value:,.1f}"


def percent(value: float) -> str:
    return f"{100.0 * value:.1f}%"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a snapshot, how it is written and what it rests on; counts are told however small."""

    name: str
    label: str
    words: Words
    rests_on: str
    is_count: bool = False


MEASURES = (
    Measure("homes_for_sale", "Homes for sale", count, "at its end", True),
    Measure("homes_sold", "Homes sold", count, "in the month", True),
    Measure("homes_pending", "Under contract", count, "at its end", True),
    Measure("new_listings", "New listings", count, "in the month", True),
    Measure("months_of_supply", "Months of supply", one_place, "sales"),
    Measure("months_of_supply_pending", "Months of supply, by new contracts", one_place, "new contracts"),
    Measure("absorption_rate", "Absorption a month", percent, "homes for sale"),
    Measure("days_on_market", "Median days on market", count, "homes sold"),
    Measure("cumulative_days_on_market", "Median days, relistings included", count, "homes sold"),
    Measure("sale_to_list", "Median sale to list", percent, "homes sold"),
    Measure("sale_to_list_mean", "Mean sale to list", percent, "homes sold"),
    Measure("sale_to_list_aggregate", "All paid to all asked", percent, "homes sold"),
    Measure("sale_to_original", "Mean sale to first price", percent, "homes sold"),
    Measure("share_above_list", "Sold above list", percent, "homes sold"),
    Measure("price_drop_share", "Asking less than at first", percent, "homes for sale"),
    Measure("list_price", "Median list price", money, "homes for sale"),
    Measure("sale_price", "Median sale price", money, "homes sold"),
    Measure("price_per_square_foot", "Median price a square foot", money, "homes sold"),
    Measure("chance_30", "Chance of a sale in 30 days", percent, "sales"),
    Measure("chance_60", "Chance of a sale in 60 days", percent, "sales"),
    Measure("chance_90", "Chance of a sale in 90 days", percent, "sales"),
)
BY_NAME = {measure.name: measure for measure in MEASURES}
DRAWN = ("homes_for_sale", "homes_sold", "months_of_supply", "days_on_market", "sale_price")
PLURALS = {
    AreaKind.CITY: "Cities",
    AreaKind.POSTAL_CODE: "ZIP codes",
    AreaKind.NEIGHBORHOOD: "Neighborhoods",
}
COLUMNS = ("homes_for_sale", "homes_sold", "months_of_supply", "days_on_market", "sale_to_list", "sale_price")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as it is read: its words, or that it rests on too few, and the count beside it."""

    label: str
    words: str
    note: str
    is_known: bool

    @property
    def few(self) -> str:
        return "" if self.is_known else "not told"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with its heading and what it rests on."""

    title: str
    chart: Chart
    note: str


@dataclass(frozen=True, slots=True)
class AreaRow:
    """An area's line in the comparison."""

    label: str
    query: str
    cells: tuple[Shown, ...]
    is_chosen: bool


@agent_required
@require_GET
def market(request: MemberRequest) -> HttpResponse:
    """Show what the market is like, where every figure comes from and on how much it rests."""
    return _render(request)


@broker_required
@require_POST
def look_at_market(request: MemberRequest) -> HttpResponse:
    """Have the market worked out from the listings now."""
    tasks.take_snapshots.delay(request.tenant.pk)
    messages.success(request, "The market is being worked out. Look again in a minute.")
    return redirect(ROUTE)


@broker_required
@require_POST
def import_series(request: MemberRequest) -> HttpResponse:
    """Take in a file, or tell everything that is wrong with it and keep nothing."""
    form = SeriesFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render(request, form=form)
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    area = form.cleaned_data["area"]
    try:
        done = services.import_series(
            tenant=request.tenant,
            by=request.user,
            content=file.read(),
            file_name=file.name or "market.csv",
            now=timezone.now(),
            measure=form.cleaned_data["measure"],
            areas=[area] if area else [],
            source=form.cleaned_data["source"],
        )
    except MarketRefused as refused:
        form.add_error("file", refused.message)
        return _render(request, form=form, errors=refused.errors)
    except DomainError as error:
        form.add_error("file", error.message)
        return _render(request, form=form)
    areas = "1 area" if done.regions == 1 else f"{done.regions:,} areas"
    messages.success(request, f"Kept: {done.figures:,} figures of {areas}, from {done.source}.")
    return redirect(ROUTE)


def shown(measure: Measure, row: MarketSnapshot) -> Shown:
    """Return a figure in words with its count; one that rests on too few homes is not told."""
    figure = row.figure(measure.name)
    if figure is None:
        return Shown(measure.label, "–", "not known", False)
    if measure.is_count:
        return Shown(measure.label, measure.words(figure.value), measure.rests_on, True)
    note = f"{figure.count:,} {measure.rests_on}"
    if measure.name in ("months_of_supply", "chance_30", "chance_60", "chance_90"):
        window = row.figure("window_months")
        months = int(window.value) if window is not None else 0
        note += f" in {months} months" if months > 1 else " in a month"
    if figure.count < RULES.least:
        return Shown(measure.label, "–", f"too few: {note}", False)
    return Shown(measure.label, measure.words(figure.value), note, True)


def kind_of_market(row: MarketSnapshot) -> str:
    """Return whom an area's months of supply favour; nothing where they rest on too few sales."""
    figure = row.figure("months_of_supply")
    if figure is None or figure.count < RULES.least:
        return ""
    return f"{market_type(figure.value).capitalize()} market".replace("Seller ", "Seller's ").replace(
        "Buyer ", "Buyer's "
    )


def charts_of(rows: Sequence[MarketSnapshot]) -> list[Drawn]:
    """Draw what is known over the months that are over; a line needs two of them."""
    drawn = []
    for name in DRAWN:
        measure = BY_NAME[name]
        told = [
            (row, figure)
            for row in rows
            if row.is_over
            and (figure := row.figure(name)) is not None
            and (measure.is_count or figure.count >= RULES.least)
        ]
        if len(told) < 2:
            continue
        counts = [figure.count for _, figure in told]
        drawn.append(
            Drawn(
                measure.label,
                line_chart(
                    id=f"trend-{name}",
                    title=measure.label,
                    labels=[f"{row.month:%b ’%y}" for row, _ in told],
                    series=[Series(measure.label, [figure.value for _, figure in told], is_filled=True)],
                    number=short_money if measure.words is money else measure.words,
                    label_name="Month",
                    is_straight=True,
                ),
                "Counts" if measure.is_count else f"Each on {_range(counts)} {measure.rests_on}",
            )
        )
    return drawn


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def season_of(rows: Sequence[MarketSnapshot]) -> Drawn | None:
    """Draw how sales run through the year, from whole years without a gap."""
    over = [row for row in rows if row.is_over]
    runs = all(
        (later.month.year * 12 + later.month.month) - (one.month.year * 12 + one.month.month) == 1
        for one, later in zip(over, over[1:], strict=False)
    )
    sales = [figure.value for row in over if (figure := row.figure("homes_sold")) is not None]
    if not over or not runs or len(sales) != len(over):
        return None
    index = seasonal_index(sales, over[0].month.month)
    if index is None:
        return None
    chart = line_chart(
        id="season",
        title="Sales through the year",
        labels=MONTH_NAMES,
        series=[Series("Sales, average month 100", [float(one) for one in index], is_filled=True)],
        label_name="Month",
        is_straight=True,
    )
    return Drawn("Season of sales", chart, f"{int(sum(sales)):,} sales in {len(sales)} months")


SERIES_WORDS: dict[str, Words] = {
    MarketSeries.Measure.MORTGAGE_RATE: lambda value: f"{value:.2f}%",
    MarketSeries.Measure.HOMES_FOR_SALE: count,
    MarketSeries.Measure.HOMES_SOLD: count,
    MarketSeries.Measure.MONTHS_OF_SUPPLY: one_place,
    MarketSeries.Measure.DAYS_ON_MARKET: count,
}


@dataclass(frozen=True, slots=True)
class SeriesShown:
    """A series with its latest figure in words, and drawn."""

    told: SeriesNow
    words: str
    chart: Chart | None


def series_shown(told: SeriesNow, at: int) -> SeriesShown:
    words = SERIES_WORDS.get(told.measure, money)
    chart = None
    if len(told.points) > 1:
        chart = line_chart(
            id=f"series-{at}",
            title=f"{told.label}, {told.region}",
            labels=[f"{day:%-d %b ’%y}" for day, _ in told.points],
            series=[Series(told.label, [value for _, value in told.points])],
            height=160,
            number=short_money if words is money else words,
            label_name="Day",
            is_straight=True,
        )
    return SeriesShown(told, words(told.value), chart)


def _month(text: str, months: Sequence[date], now: date) -> date | None:
    """Return the month asked for; else the latest that is over; else the one that runs."""
    asked = next((one for one in months if f"{one:%Y-%m}" == text), None)
    over = next((one for one in months if (one.year, one.month) < (now.year, now.month)), None)
    return asked or over or (months[0] if months else None)


def _render(
    request: MemberRequest, *, form: forms.Form | None = None, errors: Sequence[RowError] = ()
) -> HttpResponse:
    tenant = request.tenant
    months = selectors.snapshot_months(tenant)
    choices = selectors.area_choices(tenant)
    asked = request.GET.get("area", "")
    choice = next((one for one in choices if one.value == asked), AreaChoice(AreaKind.EVERYWHERE, ""))
    types = selectors.sub_types(tenant)
    sub_type = asked_type if (asked_type := request.GET.get("type", "")) in types else ""
    month = _month(request.GET.get("month", ""), months, timezone.localdate())
    rows = selectors.snapshots_of(tenant, choice, sub_type)
    row = next((one for one in rows if one.month == month), None)
    compared = AreaKind.CITY if choice.kind == AreaKind.EVERYWHERE else choice.kind
    context: dict[str, Any] = {
        "may_change": manages(request),
        "months": months,
        "month": month,
        "choices": [
            (AreaKind(kind).label, [one for one in choices if one.kind == kind]) for kind in AreaKind
        ],
        "choice": choice,
        "types": types,
        "sub_type": sub_type,
        "row": row,
        "figures": [shown(measure, row) for measure in MEASURES] if row is not None else [],
        "kind": kind_of_market(row) if row is not None else "",
        "least": RULES.least,
        "charts": charts_of(rows),
        "season": season_of(rows),
        "columns": [BY_NAME[name].label for name in COLUMNS],
        "compared": AreaKind(compared).label,
        "compared_title": PLURALS[AreaKind(compared)],
        "areas": [
            AreaRow(
                one.area,
                f"{compared}:{one.area}",
                tuple(shown(BY_NAME[name], one) for name in COLUMNS),
                (compared, one.area) == (choice.kind, choice.area),
            )
            for one in (selectors.areas_in(tenant, compared, sub_type, month) if month else [])
        ],
        "series": [series_shown(one, at) for at, one in enumerate(selectors.series_now(tenant))],
        "form": form or SeriesFileForm(),
        "errors": errors[:SHOWN_ERRORS],
        "more_errors": max(0, len(errors) - SHOWN_ERRORS),
    }
    return render(request, "matching/market.html", context, status=200 if form is None else 422)
