"""Where matching begins: a lead to find homes for, or a home to find buyers for."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, leads_for, of_team
from leads.models import Lead
from leads.selectors import leads as lead_selectors
from matching.access import listings_for
from matching.models import Criteria, SavedSearch, SentListing
from matching.selectors import fits as fit_selectors
from matching.selectors.finding import listings_named
from matching.selectors.homes import homes_for
from matching.views.household import Member, member_of

FOUND = 10
RECENT = 8
SENT_SPAN = timedelta(days=30)


@agent_required
@require_GET
def hub(request: MemberRequest) -> HttpResponse:
    """Let an agent choose a lead or a home; tell how many look for one."""
    lead_text = request.GET.get("lead", "").strip()[:100]
    home_text = request.GET.get("home", "").strip()[:100]
    looking = of_team(request, Criteria.objects.filter(lead__status=Lead.Status.ACTIVE))
    told = of_team(
        request,
        SavedSearch.objects.exclude(frequency=SavedSearch.Frequency.OFF).filter(
            lead__status=Lead.Status.ACTIVE
        ),
    )
    recent = looking.select_related("lead").order_by("-changed_at", "-pk")[:RECENT]
    now = timezone.now()
    sent = of_team(request, SentListing.objects.filter(sent_at__gt=now - SENT_SPAN))
    context = {
        "now": now,
        "sent": sent.aggregate(all=Count("pk"), opened=Count("pk", filter=Q(opened__gt=0))),
        "lead_text": lead_text,
        "home_text": home_text,
        "found_leads": _leads(request, lead_text),
        "found_homes": listings_named(listings_for(request).displayable(), home_text, rows=FOUND),
        "looking": looking.count(),
        "searches": told.count(),
        "for_sale": len(homes_for(request.tenant)),
        "recent": [(row, member_of(row)) for row in recent],
    }
    return render(request, "matching/hub.html", context)


def _leads(request: MemberRequest, text: str) -> list[Member]:
    """Return the leads found by what was typed, with what those look for who have said it."""
    if not text:
        return []
    found = lead_selectors.search(leads_for(request), text, rows=FOUND)
    said = {row.lead_id: row for row in Criteria.objects.filter(lead__in=found)}
    members = []
    for lead in found:
        row = said.get(lead.pk)
        if row is None:
            wants, _ = fit_selectors.assumed_wants(lead.profile)
            members.append(Member(lead, "", is_assumed=bool(wants.as_json())))
        else:
            row.lead = lead
            members.append(member_of(row))
    return members
