"""The market: what listings tell of a month, and series from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import models
from django.utils import timezone

from leads.models import Tenant, User


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and how many homes it rests on."""

    value: float
    count: int


class AreaKind(models.TextChoices):
    EVERYWHERE = "everywhere", "Everywhere"
    CITY = "city", "City"
    POSTAL_CODE = "postal_code", "ZIP code"
    NEIGHBORHOOD = "neighborhood", "Neighborhood"


class MarketSnapshot(models.Model):
    """One area's market in one month, worked out from listings as they stood at its end."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="market_snapshots", db_index=False
    )
    area_kind = models.CharField(max_length=12, choices=AreaKind.choices)
    area = models.CharField(max_length=120, blank=True, help_text="Empty is everywhere.")
    property_sub_type = models.CharField(max_length=50, blank=True, help_text="Empty is all.")
    month = models.DateField(help_text="Its first day.")
    as_of = models.DateField(help_text="Its last day, or the day up to which it has come.")
    figures = models.JSONField(help_text="Name → [figure, homes it rests on]; what is not known is absent.")
    source = models.CharField(max_length=100, default="listings")
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "area_kind", "area", "property_sub_type", "month"],
                name="market_snapshot_once",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-month"], name="market_snapshot_latest")]

    def __str__(self) -> str:
        return f"{self.area or 'Everywhere'}, {self.month:%B %Y}"

    @property
    def is_over(self) -> bool:
        """Tell whether the month had ended when it was worked out."""
        return (self.as_of.year, self.as_of.month) == (self.month.year, self.month.month) and (
            date.fromordinal(self.as_of.toordinal() + 1).month != self.month.month
        )

    def figure(self, name: str) -> Figure | None:
        """Return a figure with the homes it rests on; None where it is not known."""
        told = self.figures.get(name)
        return None if told is None else Figure(float(told[0]), int(told[1]))


class MarketSeries(models.Model):
    """A figure of a region on a day, as a source outside tells it."""

    class Measure(models.TextChoices):
        HOMES_FOR_SALE = "homes_for_sale", "Homes for sale"
        HOMES_SOLD = "homes_sold", "Homes sold"
        MONTHS_OF_SUPPLY = "months_of_supply", "Months of supply"
        DAYS_ON_MARKET = "days_on_market", "Median days on market"
        HOME_VALUE = "home_value", "Typical home value"
        LIST_PRICE = "list_price", "Median list price"
        SALE_PRICE = "sale_price", "Median sale price"
        RENT = "rent", "Typical rent"
        MORTGAGE_RATE = "mortgage_rate", "Mortgage rate, 30 years fixed"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="market_series", db_index=False)
    region = models.CharField(max_length=120, blank=True, help_text="Empty is the whole country.")
    measure = models.CharField(max_length=20, choices=Measure.choices)
    day = models.DateField(help_text="Of a month its last.")
    value = models.FloatField()
    source = models.CharField(max_length=200, help_text="Who says so: shown beside the figure.")
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "market series"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "measure", "region", "day"], name="market_series_once"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="market_series_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_measure_display()}, {self.region or 'the country'}, {self.day:%Y-%m-%d}"
