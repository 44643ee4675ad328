"""The market: its figures, entered or imported, and what they do to the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, broker_required
from leads.errors import DomainError
from leads.imports import RowError
from leads.market_files import MarketRefused
from scoring import selectors, services
from scoring.access import get_market_month, get_mortgage_rate, market_months_for, mortgage_rates_for
from scoring.forms import MarketFileForm, MarketUseForm, MonthForm, RateForm
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.selectors import Market
from scoring.views.proof import frame
from scoring.views.refusals import refusals_told

ROUTE = "scoring:market"
PAGE_ROWS = 24
SHOWN_RATES = 12
SHOWN_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Turned:
    """What the market does to one pillar, in words."""

    label: str
    multiplier: float
    sentence: str


@agent_required
@require_GET
def market(request: MemberRequest) -> HttpResponse:
    """Show the figures of the market and what they do to the weights."""
    return _render(request)


@broker_required
@require_POST
def keep_month(request: MemberRequest) -> HttpResponse:
    """Keep a month entered by hand; entered again, it is replaced."""
    form = MonthForm(request.POST, auto_id="month-%s")
    if not form.is_valid():
        return _render(request, month_form=form)
    fact = form.fact()
    services.keep_market(tenant=request.tenant, by=request.user, months=[fact])
    messages.success(request, f"{fact.area}, {fact.month:%B %Y}: kept.")
    return redirect(ROUTE)


@broker_required
@require_POST
def keep_rate(request: MemberRequest) -> HttpResponse:
    """Keep a mortgage rate entered by hand."""
    form = RateForm(request.POST, auto_id="rate-%s")
    if not form.is_valid():
        return _render(request, rate_form=form)
    told = form.cleaned_data
    services.keep_market(tenant=request.tenant, by=request.user, rates={told["day"]: told["rate"]})
    messages.success(request, f"{told['rate']:g}% on {told['day']:%-d %B %Y}: kept.")
    return redirect(ROUTE)


@broker_required
@require_POST
def import_file(request: MemberRequest) -> HttpResponse:
    """Take in a file, or tell everything that is wrong with it and keep nothing."""
    form = MarketFileForm(request.POST, request.FILES, auto_id="file-%s")
    if not form.is_valid():
        return _render(request, file_form=form)
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    area = form.cleaned_data["area"]
    try:
        done = services.import_market(
            tenant=request.tenant,
            by=request.user,
            content=file.read(),
            file_name=file.name or "market.csv",
            figure=form.cleaned_data["figure"],
            areas=[area] if area else [],
        )
    except MarketRefused as refused:
        form.add_error("file", refused.message)
        return _render(request, file_form=form, errors=refused.errors)
    except DomainError as error:
        form.add_error("file", error.message)
        return _render(request, file_form=form)
    left = f" Nothing was taken from {', '.join(done.ignored)}." if done.ignored else ""
    messages.success(
        request,
        f"Kept: {done.months:,} months of {done.areas:,} area{'' if done.areas == 1 else 's'}"
        f" and {done.rates:,} mortgage rates.{left}",
    )
    return redirect(ROUTE)


@broker_required
@require_POST
def remove_month(request: MemberRequest, pk: int) -> HttpResponse:
    """Forget a month."""
    month = get_market_month(request, pk)
    services.remove_month(month=month, by=request.user)
    messages.success(request, f"{month} removed.")
    return redirect(ROUTE)


@broker_required
@require_POST
def remove_rate(request: MemberRequest, pk: int) -> HttpResponse:
    """Forget a mortgage rate."""
    rate = get_mortgage_rate(request, pk)
    services.remove_rate(rate=rate, by=request.user)
    messages.success(request, f"{rate} removed.")
    return redirect(ROUTE)


@broker_required
@require_POST
def use_market(request: MemberRequest) -> HttpResponse:
    """Let the market turn the weights, or no longer."""
    form = MarketUseForm(request.POST, areas=selectors.market_areas(request.tenant.pk), auto_id="use-%s")
    if not form.is_valid():
        return _render(request, use_form=form)
    with refusals_told(request):
        row = services.set_market_use(tenant=request.tenant, by=request.user, **form.cleaned_data)
        told = "turns the weights" if row.uses_market else "no longer turns the weights"
        messages.success(request, f"The market {told}. Leads are scored anew.")
    return redirect(ROUTE)


def turned(market: Market) -> list[Turned]:
    """Return what the market does to each pillar it can speak of."""
    told = market.adjustment
    return [
        Turned(PILLAR_LABELS[pillar], told.of(pillar), told.reasons[pillar])
        for pillar in (Pillar.URGENCY, Pillar.FINANCING, Pillar.FIT, Pillar.ENGAGEMENT)
    ]


def _render(
    request: MemberRequest,
    *,
    month_form: forms.Form | None = None,
    rate_form: forms.Form | None = None,
    file_form: forms.Form | None = None,
    use_form: forms.Form | None = None,
    errors: Sequence[RowError] = (),
) -> HttpResponse:
    settings = selectors.weight_settings(request.tenant)
    known = selectors.market_of(request.tenant.pk, chosen=settings.area, day=timezone.now().date())
    page = Paginator(market_months_for(request), PAGE_ROWS).get_page(request.GET.get("page"))
    is_wrong = any(form is not None for form in (month_form, rate_form, file_form, use_form))
    context: dict[str, Any] = {
        **frame(request, ROUTE),
        "settings": settings,
        "market": known,
        "turned": turned(known),
        "page": page,
        "rates": list(mortgage_rates_for(request)[:SHOWN_RATES]),
        "month_form": month_form or MonthForm(auto_id="month-%s", initial={"area": known.area}),
        "rate_form": rate_form or RateForm(auto_id="rate-%s"),
        "file_form": file_form or MarketFileForm(auto_id="file-%s"),
        "use_form": use_form
        or MarketUseForm(
            areas=known.areas,
            auto_id="use-%s",
            initial={"uses_market": settings.uses_market, "area": settings.area},
        ),
        "errors": errors[:SHOWN_ERRORS],
        "more_errors": max(0, len(errors) - SHOWN_ERRORS),
    }
    return render(request, "scoring/market.html", context, status=422 if is_wrong else 200)
