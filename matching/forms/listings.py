"""The listings table's filters: the page's address, checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import django_filters
from django import forms
from django.db.models import Q
from django.http import QueryDict

from leads.fields import FieldError, parse_money
from leads.models import Tenant
from matching.models import Listing, StandardStatus
from matching.models.listings import ON_MARKET, ListingQuerySet
from matching.selectors import listings as listing_selectors

ANY, OFF = "any", "off"
STATUSES = [
    (ANY, "Any status"),
    (OFF, "Off the market"),
    *((value, label) for value, label in StandardStatus.choices if value != StandardStatus.DELETE),
]
BEDS = [(str(count), f"{count}+ beds") for count in range(1, 7)]
BATHS = [(text, f"{text}+ baths") for text in ("1", "1.5", "2", "2.5", "3", "4")]
LISTED = [
    ("1", "Listed since yesterday"),
    ("7", "Listed in the last 7 days"),
    ("30", "Listed in the last 30 days"),
    ("over-30", "Listed over 30 days ago"),
    ("over-60", "Listed over 60 days ago"),
    ("over-90", "Listed over 90 days ago"),
]
ORDERING_CHOICES = [
    ("-listed", "Newest"),
    ("listed", "Longest on the market"),
    ("price", "Lowest price"),
    ("-price", "Highest price"),
    ("-size", "Largest"),
    ("size", "Smallest"),
    ("-beds", "Most bedrooms"),
    ("beds", "Fewest bedrooms"),
]


class MoneyField(forms.CharField):
    """A price as people write it: 450000, $450k, 1.2m."""

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Decimal(str(parse_money(text)))
        except FieldError as error:
            raise forms.ValidationError(str(error)) from error


class MoneyFilter(django_filters.Filter):  # type: ignore[misc]
    field_class = MoneyField


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A filter that is set, in words."""

    name: str
    words: str


def _amount(label: str, hint: str, **options: Any) -> MoneyFilter:
    widget = forms.TextInput(
        attrs={"class": "control control-sm", "inputmode": "decimal", "placeholder": hint}
    )
    return MoneyFilter(label=label, max_length=20, widget=widget, **options)


def _number(label: str, hint: str, least: int, most: int, **options: Any) -> django_filters.NumberFilter:
    widget = forms.NumberInput(attrs={"class": "control control-sm", "placeholder": hint})
    return django_filters.NumberFilter(label=label, min_value=least, max_value=most, widget=widget, **options)


class ListingFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The listings table's query string: validated, and the page's address."""

    q = django_filters.CharFilter(
        method="filter_text", label="Address, MLS number or key", max_length=100, strip=True
    )
    area = django_filters.CharFilter(
        method="filter_area",
        label="City, ZIP or neighborhood",
        max_length=120,
        widget=forms.TextInput(
            attrs={
                "class": "control control-sm",
                "list": "areas",
                "placeholder": "City, ZIP or neighborhood",
                "autocomplete": "off",
            }
        ),
    )
    status = django_filters.ChoiceFilter(
        method="filter_status", choices=STATUSES, label="Status", empty_label="On the market"
    )
    type = django_filters.ChoiceFilter(field_name="property_sub_type", label="Type", empty_label="Any type")
    price_min = _amount("Price from", "Any", field_name="list_price", lookup_expr="gte")
    price_max = _amount("Price to", "Any", field_name="list_price", lookup_expr="lte")
    beds = django_filters.ChoiceFilter(
        field_name="bedrooms_total", lookup_expr="gte", choices=BEDS, label="Bedrooms", empty_label="Any beds"
    )
    baths = django_filters.ChoiceFilter(
        method="filter_baths", choices=BATHS, label="Bathrooms", empty_label="Any baths"
    )
    size_min = _number("Square feet from", "Any", 1, 1_000_000, field_name="living_area", lookup_expr="gte")
    size_max = _number("Square feet to", "Any", 1, 1_000_000, field_name="living_area", lookup_expr="lte")
    year_min = _number("Built from", "Any", 1600, 2100, field_name="year_built", lookup_expr="gte")
    year_max = _number("Built to", "Any", 1600, 2100, field_name="year_built", lookup_expr="lte")
    listed = django_filters.ChoiceFilter(
        method="filter_listed", choices=LISTED, label="Listed", empty_label="Listed at any time"
    )
    ordering = django_filters.ChoiceFilter(method="as_found", choices=ORDERING_CHOICES, label="Order")

    class Meta:
        model = Listing
        fields: list[str] = []

    def __init__(self, data: QueryDict, *, tenant: Tenant, today: date, queryset: ListingQuerySet) -> None:
        asked = data.copy()
        asked.setdefault("ordering", listing_selectors.DEFAULT_ORDERING)
        super().__init__(asked, queryset=queryset)
        self.tenant = tenant
        self.today = today
        kinds = listing_selectors.sub_types_of(tenant)
        self.filters["type"].extra["choices"] = [(kind, kind) for kind in kinds]
        for name in ("status", "type", "beds", "baths", "listed"):
            self.filters[name].extra["widget"] = forms.Select(attrs={"class": "control control-sm"})

    def filter_queryset(self, listings: ListingQuerySet) -> ListingQuerySet:
        """Narrow to the market where no status is asked for."""
        if not self.form.cleaned_data.get("status"):
            listings = listings.on_market()
        narrowed: ListingQuerySet = super().filter_queryset(listings)
        return narrowed

    def filter_text(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        return listing_selectors.with_words(listings, value)

    def filter_area(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        return listing_selectors.in_area(listings, self.tenant, value)

    def filter_status(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        if value == ANY:
            return listings.exclude(standard_status=StandardStatus.DELETE)
        if value == OFF:
            return listings.exclude(standard_status__in=(*ON_MARKET, StandardStatus.DELETE))
        return listings.filter(standard_status=value)

    def filter_baths(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        return listing_selectors.with_baths(listings, float(value))

    def filter_listed(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        days = int(value.removeprefix("over-"))
        side = "lt" if value.startswith("over-") else "gte"
        day = self.today - timedelta(days=days)
        return listings.filter(
            Q(**{f"on_market_date__{side}": day})
            | Q(on_market_date__isnull=True, **{f"listing_contract_date__{side}": day})
        )

    def as_found(self, listings: ListingQuerySet, name: str, value: str) -> ListingQuerySet:
        return listings  # a page is put in its order when it is read

    @property
    def order(self) -> str:
        asked: str = self.form.cleaned_data.get("ordering") if self.is_bound else ""
        return asked or listing_selectors.DEFAULT_ORDERING

    @property
    def narrowings(self) -> list[Narrowing]:
        """Return the filters that are set, in words."""
        return list(self._narrowings())

    def _narrowings(self) -> Iterator[Narrowing]:
        if not self.is_bound:
            return
        for name, value in self.form.cleaned_data.items():
            if name == "ordering" or value in (None, ""):
                continue
            choices = dict(getattr(self.form.fields[name], "choices", ()))
            label = self.form.fields[name].label
            if choices:
                yield Narrowing(name, str(choices[value]))
            elif name.startswith("price"):
                yield Narrowing(name, f"{label} ${value:,.0f}")
            elif name in ("q", "area"):
                yield Narrowing(name, f"“{value}”")
            else:
                yield Narrowing(
                    name, f"{label} {value:,.0f}" if name.startswith("size") else f"{label} {value:.0f}"
                )

    @property
    def more_is_set(self) -> bool:
        """Tell whether one of the filters that stand folded is set."""
        return any(one.name.startswith(("size", "year")) or one.name == "listed" for one in self.narrowings)

    def without(self, name: str) -> ListingQuerySet:
        """Return what is found when one filter is dropped."""
        data = self.data.copy()
        data.pop(name, None)
        other = ListingFilter(data, tenant=self.tenant, today=self.today, queryset=self.queryset)
        found: ListingQuerySet = other.qs
        return found
