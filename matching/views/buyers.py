"""Whom a home fits."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, get_of_team, leads_for
from leads.selectors import leads as lead_selectors
from matching.models import Listing
from matching.selectors import fits

FOUND = 10


@agent_required
@require_GET
def listing_buyers(request: MemberRequest, pk: int) -> HttpResponse:
    """Show the leads a home suits best, with points and reasons."""
    listing = get_of_team(request, Listing.objects.displayable(), pk)
    listing.tenant = request.tenant
    buyers, looking = fits.buyers_of(listing)
    text = request.GET.get("lead", "").strip()[:100]
    found = lead_selectors.search(leads_for(request), text, rows=FOUND) if text else []
    context = {"listing": listing, "buyers": buyers, "looking": looking, "text": text, "found": found}
    return render(request, "matching/listing_buyers.html", context)
