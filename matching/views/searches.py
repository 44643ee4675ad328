"""The searches a lead is told of by themselves: kept from what they look for, changed, taken away."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from leads.access import MemberRequest, agent_required, get_lead
from leads.models import Lead
from matching import asked
from matching.access import get_search
from matching.models import SavedSearch
from matching.selectors import fits as fit_selectors
from matching.services import criteria as criteria_services
from matching.views.advice import back_to
from matching.views.refusals import refusals_told
from matching.wants import wants_of


@dataclass(frozen=True, slots=True)
class Search:
    """A saved search, and what it looks for in words."""

    row: SavedSearch
    words: str


def searches_of(lead: Lead) -> list[Search]:
    """Return a lead's saved searches, the newest first."""
    rows = SavedSearch.objects.filter(lead=lead).order_by("-pk")
    return [Search(row, asked.sentence(wants_of(row.wants))) for row in rows]


@agent_required
@require_POST
def add_search(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep what a lead looks for now as a search of its own."""
    lead = get_lead(request, pk)
    with refusals_told(request):
        criteria_services.save_search(
            lead=lead,
            name=request.POST.get("name", ""),
            told=fit_selectors.wanted_by(lead).wants.as_json(),
            frequency=request.POST.get("frequency", ""),
            by=request.user,
            now=timezone.now(),
        )
        messages.success(request, "Saved. Each limit of it is a must.")
    return redirect(back_to(request, lead))


@agent_required
@require_POST
def change_search(request: MemberRequest, pk: int, search_pk: int) -> HttpResponse:
    """Change how often a lead is told of a search."""
    lead = get_lead(request, pk)
    search = get_search(request, search_pk, lead)
    with refusals_told(request):
        criteria_services.save_search(
            lead=lead,
            name=search.name,
            told=search.wants,
            frequency=request.POST.get("frequency", ""),
            by=request.user,
            now=timezone.now(),
            search=search,
        )
        messages.success(request, "Kept.")
    return redirect(back_to(request, lead))


@agent_required
@require_POST
def remove_search(request: MemberRequest, pk: int, search_pk: int) -> HttpResponse:
    """Take a saved search away."""
    lead = get_lead(request, pk)
    criteria_services.remove_search(search=get_search(request, search_pk, lead))
    messages.success(request, "Removed. They are not told of it any more.")
    return redirect(back_to(request, lead))
