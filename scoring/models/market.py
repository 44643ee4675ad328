"""The market as teams entered it, or as others tell it."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from django.db import models
from django.utils import timezone

from leads.models import Tenant, User


class MarketMonth(models.Model):
    """One area's market in one month that is over, as the team entered it or as it was told."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="market_months", db_index=False)
    area = models.CharField(max_length=120)
    month = models.DateField(help_text="Its first day.")
    homes_for_sale = models.PositiveIntegerField(null=True, blank=True)
    homes_sold = models.PositiveIntegerField(null=True, blank=True)
    months_of_supply = models.FloatField(null=True, blank=True)
    days_on_market = models.FloatField(null=True, blank=True, help_text="The median.")
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    source = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="Who told it by an event; empty is entered by the team, which nobody overwrites.",
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "area", "month"], name="market_month_once"),
            models.CheckConstraint(
                condition=models.Q(homes_for_sale__isnull=False)
                | models.Q(homes_sold__isnull=False)
                | models.Q(months_of_supply__isnull=False)
                | models.Q(days_on_market__isnull=False),
                name="market_month_tells_something",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-month", "area"], name="market_month_latest"),
            models.Index(fields=["area"], name="market_month_area"),
        ]

    def __str__(self) -> str:
        return f"{self.area}, {self.month:%B %Y}"

    @property
    def ends(self) -> date:
        """Return its last day, from which on its figures are known."""
        return self.month.replace(day=monthrange(self.month.year, self.month.month)[1])


class MortgageRate(models.Model):
    """What a mortgage of 30 years cost on a day, percent."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="mortgage_rates", db_index=False
    )
    day = models.DateField()
    rate = models.FloatField()
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    source = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="Who told it by an event; empty is entered by the team, which nobody overwrites.",
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "day"], name="mortgage_rate_once"),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lte=25), name="mortgage_rate_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate:g}% on {self.day:%Y-%m-%d}"
