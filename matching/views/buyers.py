"""Whom a home fits."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, get_of_team
from matching.models import Listing
from matching.selectors import fits


@agent_required
@require_GET
def listing_buyers(request: MemberRequest, pk: int) -> HttpResponse:
    """Show the leads a home suits best, with points and reasons."""
    listing = get_of_team(request, Listing.objects.displayable(), pk)
    listing.tenant = request.tenant
    buyers, looking = fits.buyers_of(listing)
    context = {"listing": listing, "buyers": buyers, "looking": looking}
    return render(request, "matching/listing_buyers.html", context)
