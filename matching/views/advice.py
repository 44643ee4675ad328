"""What moves a lead's list: what was learned and observed, limits moved, and why a home is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, get_lead, safe_next
from leads.models import Lead
from matching import engine, preferences
from matching.access import listings_for
from matching.advice import Relaxation
from matching.models import Listing
from matching.reasons import NAMES
from matching.selectors import fits as fit_selectors
from matching.selectors.finding import listings_named
from matching.selectors.fits import Fits, Wanted
from matching.services import criteria as criteria_services
from matching.views.refusals import refusals_told
from matching.wants import FACTORS

MOVES = 2
"""Moves told of one limit; the smallest come first."""
LIMITS = 6
FOUND = 20


@dataclass(frozen=True, slots=True)
class Learned:
    """What a factor counts as stated, and as what they do tells."""

    factor: str
    label: str
    stated: float
    learned: float
    is_clear: bool

    @property
    def is_more(self) -> bool:
        return self.learned > self.stated


@dataclass(frozen=True, slots=True)
class Opened:
    """A limit moved, in words, and the best home it opens."""

    key: str
    relaxation: Relaxation
    best: Listing
    may_keep: bool

    @property
    def points(self) -> int:
        return engine.shown(self.relaxation.best_total)


def learned_of(wanted: Wanted) -> list[Learned]:
    """Return each factor that counts as stated beside what was learned, the clearest change first."""
    if wanted.belief is None or not wanted.stated.sum():
        return []
    clear = [change.factor for change in preferences.changes(wanted.belief)]
    stated, now = wanted.stated / wanted.stated.sum(), wanted.weights / wanted.weights.sum()
    rows = [
        Learned(name, NAMES[name], float(stated[k]), float(now[k]), name in clear)
        for k, name in enumerate(FACTORS)
        if wanted.stated[k] > 0
    ]
    return sorted(rows, key=lambda row: clear.index(row.factor) if row.is_clear else len(clear))


def opened_by(lead: Lead, fits: Fits) -> list[Opened]:
    """Return the limits whose move opens homes, each by its smallest moves, with the best home of each."""
    found = fit_selectors.relaxations_of(lead, fits)
    by_limit = groupby(found, key=lambda one: one.must.key)
    told = [one for _, moves in islice(by_limit, LIMITS) for one in islice(moves, MOVES)]
    best = _listings(lead, fits, [one.best_row for one in told])
    return [
        Opened(key_of(one), one, best[one.best_row], bool(one.change)) for one in told if one.best_row in best
    ]


def key_of(relaxation: Relaxation) -> str:
    return f"{relaxation.must.key}|{relaxation.words}"


def _listings(lead: Lead, fits: Fits, rows: Sequence[int]) -> dict[int, Listing]:
    pks = {row: int(fits.homes.pk[row]) for row in rows}
    held = Listing.objects.for_tenant(lead.tenant).in_bulk(list(pks.values()))
    return {row: held[pk] for row, pk in pks.items() if pk in held}


@agent_required
@require_POST
def move_limit(request: MemberRequest, pk: int) -> HttpResponse:
    """Take a moved limit over into what a lead looks for."""
    lead = get_lead(request, pk)
    now = timezone.now()
    fits = fit_selectors.fits_of(lead, now=now)
    asked = request.POST.get("key", "")
    found = next((one for one in fit_selectors.relaxations_of(lead, fits) if key_of(one) == asked), None)
    if found is None or not found.change:
        messages.error(request, "That limit opens no home any more: the list below is up to date.")
        return redirect(back_to(request, lead))
    told = {**fits.wanted.wants.as_json(), **found.change}
    with refusals_told(request):
        criteria_services.keep_criteria(
            lead=lead,
            told={name: value for name, value in told.items() if value is not None},
            by=request.user,
            now=now,
        )
        messages.success(request, f"Kept: {found.words}.")
    return redirect(back_to(request, lead))


@agent_required
@require_POST
def answer_observation(request: MemberRequest, pk: int) -> HttpResponse:
    """Take over what the saved homes tell, or never tell of it again."""
    lead = get_lead(request, pk)
    accept = request.POST.get("answer") == "accept"
    with refusals_told(request):
        criteria_services.answer_observation(
            lead=lead, key=request.POST.get("key", ""), accept=accept, by=request.user, now=timezone.now()
        )
        messages.success(request, "Taken over." if accept else "It is not told again.")
    return redirect(back_to(request, lead))


@agent_required
@require_POST
def undo_learned(request: MemberRequest, pk: int) -> HttpResponse:
    """Let one factor, or all, count again as stated."""
    lead = get_lead(request, pk)
    with refusals_told(request):
        criteria_services.undo_learned(lead=lead, factor=request.POST.get("factor", ""))
        messages.success(request, "It counts again as they said. What they do from now on is learned anew.")
    return redirect(back_to(request, lead))


@agent_required
@require_GET
def why_not(request: MemberRequest, pk: int) -> HttpResponse:
    """Find a home by its MLS number or address, and say why it is not in a lead's list."""
    lead = get_lead(request, pk)
    text = request.GET.get("home", "").strip()[:100]
    found = listings_named(listings_for(request), text, rows=FOUND) if text else []
    if len(found) == 1:
        return redirect("matching:lead-home", lead.pk, found[0].pk)
    context = {"lead": lead, "text": text, "found": found}
    return render(request, "matching/why_not.html", context)


def back_to(request: MemberRequest, lead: Lead) -> str:
    return safe_next(request, reverse("matching:lead-panel", args=[lead.pk]))
