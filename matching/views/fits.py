"""The homes that fit a lead: a panel on the lead's page and a page of its own, and one home in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, get_lead
from matching import asked, engine
from matching.access import get_listing
from matching.homes import Values
from matching.models import Listing, SavedSearch, SentListing
from matching.reasons import NAMES
from matching.selectors import fits as fit_selectors
from matching.selectors.fits import Fit, Part
from matching.services import fits as fit_services
from matching.views.advice import back_to, learned_of, opened_by
from matching.views.household import members_of
from matching.views.refusals import refusals_told
from matching.views.searches import searches_of

IN_PANEL = 4
"""Homes on the lead's own page; the page of matches shows all of a list."""

SENT = 5
"""Homes sent to a lead that are told of, the newest first."""

COSTS = 4
TOLD = 2
"""Factors named on each side of a trade-off."""

CLEAR = 0.5
"""Points from which a difference is told."""

GROUPS = (
    ("The home", ("price", "beds", "baths", "size", "property_type", "lot_age_condition", "features")),
    ("The area", ("location", "commute", "walkability", "amenities", "schools", "safety")),
    ("You and the market", ("financial_fit", "market")),
)


@dataclass(frozen=True, slots=True)
class TradeOff:
    """A home beside the saved one that fits best: what it has more of, what less, in points."""

    points: float
    more: tuple[tuple[str, float], ...]
    less: tuple[tuple[str, float], ...]

    @property
    def is_even(self) -> bool:
        """Tell whether they have as many points, as these are shown."""
        return round(self.points, 1) == 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A home in the list: its fit, and the trade-off against the best saved home."""

    fit: Fit
    trade: TradeOff | None
    is_best_saved: bool


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A factor of the table; its points are rounded so that all add up to the sum shown."""

    part: Part
    points: float


@agent_required
@require_GET
def lead_panel(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what a lead looks for and the homes that fit best, each with what speaks for and against it."""
    lead = get_lead(request, pk)
    now = timezone.now()
    fits = fit_selectors.fits_of(lead, now=now)
    saved = fit_selectors.best_saved(lead, fits)
    rows = fits.rows[:IN_PANEL] if request.htmx else fits.rows
    told = asked.phrases(fits.wanted.wants)
    fit_services.record_shown(lead=lead, fits=fits, rows=rows, now=now)
    context = {
        "lead": lead,
        "now": now,
        "fits": fits,
        "asked": told,
        "has_musts": any(phrase.is_must for phrase in told),
        "rows": shown(rows, saved),
        "saved": saved[0] if saved else None,
        "reasons": list(NAMES.items()),
    }
    if request.htmx:
        context |= {"next": request.htmx.current_url_abs_path or ""}
        return render(request, "matching/_lead_panel.html", context)
    criteria = fits.wanted.criteria
    context |= {
        "opened": opened_by(lead, fits),
        "learned": learned_of(fits.wanted),
        "observations": fit_selectors.observations_of(lead, fits.wanted) if criteria else (),
        "searches": searches_of(lead),
        "frequencies": SavedSearch.Frequency.choices,
        "members": members_of(criteria) if criteria else [],
        "sent": SentListing.objects.filter(lead=lead).select_related("listing")[:SENT],
    }
    return render(request, "matching/lead_panel.html", context)


@agent_required
@require_GET
def lead_home(request: MemberRequest, pk: int, listing_pk: int) -> HttpResponse:
    """Show one home for a lead by all fifteen factors, whose points add up to its total."""
    lead = get_lead(request, pk)
    listing = get_listing(request, listing_pk)
    fit = fit_selectors.fit_of(lead, listing)
    points, total = engine.in_tenths(np.array([part.points for part in fit.parts]))
    rows = {part.factor: FactorRow(part, told) for part, told in zip(fit.parts, points, strict=True)}
    why_not = fit_selectors.why_not(lead, listing)
    context = {
        "lead": lead,
        "listing": listing,
        "fit": fit,
        "groups": [(label, [rows[name] for name in names]) for label, names in GROUPS],
        "total": total,
        "nothing_counts": not any(part.share for part in fit.parts),
        "why_not": why_not,
        "costs": [(NAMES[cost.factor], cost) for cost in why_not.costs[:COSTS] if cost.points >= CLEAR],
        "reasons": list(NAMES.items()),
    }
    return render(request, "matching/lead_home.html", context)


@agent_required
@require_POST
def rule_out(request: MemberRequest, pk: int, listing_pk: int) -> HttpResponse:
    """Record that the lead told their agent not to want a home."""
    lead = get_lead(request, pk)
    listing = get_listing(request, listing_pk)
    with refusals_told(request):
        fit_services.rule_out(
            lead=lead,
            listing=listing,
            reason=request.POST.get("reason", ""),
            by=request.user,
            now=timezone.now(),
        )
        messages.success(request, "Kept as the lead's word. The home is not shown for them any more.")
    return redirect(back_to(request, lead))


def shown(rows: Sequence[Fit], saved: tuple[Listing, Values] | None) -> list[Shown]:
    """Set each home beside the saved one that fits best."""
    return [
        Shown(
            fit,
            trade_off(fit, 100.0 * saved[1]) if saved and saved[0].pk != fit.listing.pk else None,
            saved is not None and saved[0].pk == fit.listing.pk,
        )
        for fit in rows
    ]


def trade_off(fit: Fit, other: Values) -> TradeOff:
    """Return where a home has more points than another and where fewer, the largest differences first."""
    differences = [
        (part.label, part.points - float(points)) for part, points in zip(fit.parts, other, strict=True)
    ]
    ordered = sorted(differences, key=lambda one: -abs(one[1]))
    told = [(label, points) for label, points in ordered if abs(points) >= CLEAR]
    return TradeOff(
        sum(points for _, points in differences),
        tuple(one for one in told if one[1] > 0)[:TOLD],
        tuple(one for one in told if one[1] < 0)[:TOLD],
    )
