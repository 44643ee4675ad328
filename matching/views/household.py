"""Two buyers of one household: what homes are worth to each, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, get_lead, leads_for
from leads.models import Lead
from leads.selectors import leads as lead_selectors
from matching import asked, engine
from matching.homes import Ints
from matching.household import Gap, Shared
from matching.models import Criteria, Listing
from matching.reasons import NAMES
from matching.selectors import fits as fit_selectors
from matching.services import criteria as criteria_services
from matching.views.refusals import refusals_told

SHORTLIST = 6
GAPS = 5
FOUND = 10


@dataclass(frozen=True, slots=True)
class Member:
    """One buyer of a household, and what they look for in words."""

    lead: Lead
    words: str
    is_assumed: bool = False
    """Nobody entered it, but the CRM tells something."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How two persons differ over a factor."""

    label: str
    gap: Gap

    @property
    def percents(self) -> tuple[float, float]:
        """Return what each gets of the total by it, in points; in weights where no home is meant."""
        if self.gap.scores is None:
            return self.gap.shares
        (a, b), (x, y) = self.gap.shares, self.gap.scores
        return 100 * a * x, 100 * b * y


@dataclass(frozen=True, slots=True)
class Row:
    """A home on the shortlist: points for each person, and what they differ over most."""

    listing: Listing
    points: tuple[int, ...]
    difference: Difference | None


@agent_required
@require_GET
def household(request: MemberRequest, pk: int) -> HttpResponse:
    """Show the homes neither need give up for another, or find whom a lead looks with."""
    lead = get_lead(request, pk)
    text = request.GET.get("q", "").strip()[:100]
    fits = fit_selectors.fits_of(lead, now=timezone.now())
    shared = fit_selectors.household_of(lead, fits.wanted, fits.homes)
    criteria = fits.wanted.criteria
    others = []
    if text:
        found = lead_selectors.search(leads_for(request), text, rows=FOUND + 1)
        others = [one for one in found if one.pk != lead.pk][:FOUND]
    context = {
        "lead": lead,
        "text": text,
        "others": others,
        "shared": shared,
        "members": members_of(criteria) if criteria is not None else [],
    }
    if shared is not None:
        context |= {
            "rows": _rows(lead, shared, fits.homes.pk),
            "open_to_all": int(shared.open_to_all.sum()),
            "gaps": [Difference(NAMES[gap.factor], gap) for gap in shared.gaps()[:GAPS]],
        }
    return render(request, "matching/household.html", context)


def members_of(criteria: Criteria) -> list[Member]:
    """Return who looks together, in the order in which they are matched."""
    if criteria.household_id is None:
        return []
    rows = Criteria.objects.filter(household_id=criteria.household_id, lead__status=Lead.Status.ACTIVE)
    return [member_of(row) for row in rows.select_related("lead").order_by("pk")]


def member_of(criteria: Criteria) -> Member:
    return Member(criteria.lead, asked.sentence(fit_selectors.wanted_of(criteria).wants))


def _rows(lead: Lead, shared: Shared, pks: Ints) -> list[Row]:
    chosen = shared.shortlist(SHORTLIST).tolist()
    held = Listing.objects.for_tenant(lead.tenant).in_bulk([int(pks[row]) for row in chosen])
    rows = []
    for row in chosen:
        listing = held.get(int(pks[row]))
        if listing is None:
            continue
        gaps = shared.gaps(row)
        points = tuple(engine.shown(float(total)) for total in shared.totals[:, row])
        rows.append(Row(listing, points, Difference(NAMES[gaps[0].factor], gaps[0]) if gaps else None))
    return rows


@agent_required
@require_POST
def look_together(request: MemberRequest, pk: int) -> HttpResponse:
    """Let two leads look for one home."""
    lead = get_lead(request, pk)
    other = request.POST.get("other", "")
    with refusals_told(request):
        partner = get_lead(request, int(other) if other.isdecimal() and len(other) < 19 else 0)
        criteria_services.look_together(lead=lead, other=partner, now=timezone.now())
        messages.success(request, f"{lead.name} and {partner.name} look together, each with their own wants.")
    return redirect("matching:household", lead.pk)


@agent_required
@require_POST
def look_alone(request: MemberRequest, pk: int) -> HttpResponse:
    """Take a lead out of the household it looks with."""
    lead = get_lead(request, pk)
    criteria_services.look_alone(lead=lead)
    messages.success(request, f"{lead.name} looks alone.")
    return redirect("matching:household", lead.pk)
