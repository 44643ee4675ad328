"""Scoring's own objects as a request may see them; leads come from `leads.access`."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from leads.access import team_tenant
from scoring.models import MarketMonth, MortgageRate

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


def _one(rows: QuerySet[M], pk: int) -> M:
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:  # type: ignore[attr-defined]
        raise Http404 from error
