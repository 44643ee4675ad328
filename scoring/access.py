"""Scoring's own objects as a request may see them; leads come from `leads.access`."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from leads.access import team_tenant
from scoring.models import MarketMonth, MortgageRate, WeightSet

M = TypeVar("M", bound=Model)


def market_months_for(request: HttpRequest) -> QuerySet[MarketMonth]:
    """Return the months of the tenant's market, the latest first."""
    return MarketMonth.objects.filter(tenant=team_tenant(request)).order_by("-month", "area")


def get_market_month(request: HttpRequest, pk: int) -> MarketMonth:
    return _one(market_months_for(request), pk)


def mortgage_rates_for(request: HttpRequest) -> QuerySet[MortgageRate]:
    """Return the mortgage rates the tenant entered, the latest first."""
    return MortgageRate.objects.filter(tenant=team_tenant(request)).order_by("-day")


def get_mortgage_rate(request: HttpRequest, pk: int) -> MortgageRate:
    return _one(mortgage_rates_for(request), pk)


def weight_sets_for(request: HttpRequest) -> QuerySet[WeightSet]:
    """Return the tenant's sets of weights, the newest first."""
    rows = WeightSet.objects.filter(tenant=team_tenant(request)).order_by("-number")
    return rows.select_related("tenant", "made_by", "published_by")


def get_weight_set(request: HttpRequest, number: int) -> WeightSet:
    try:
        return weight_sets_for(request).get(number=number)
    except WeightSet.DoesNotExist as error:
        raise Http404 from error


def _one(rows: QuerySet[M], pk: int) -> M:
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:  # type: ignore[attr-defined]
        raise Http404 from error
