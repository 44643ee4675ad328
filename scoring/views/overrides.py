"""What an agent says of a lead beside its score: set and withdrawn on the lead's page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from leads.access import MemberRequest, agent_required, get_lead, safe_next
from leads.models import Lead
from scoring import selectors, services
from scoring.forms import OverrideForm
from scoring.outcomes import Target
from scoring.overrides import taken_together
from scoring.views.refusals import refusals_told

FORETOLD = {
    Target.CLOSING: "close within 90 days",
    Target.SHOWING: "keep an appointment within 90 days",
}


@agent_required
@require_http_methods(["GET", "POST"])
def override(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what stands beside a lead's score, and keep what an agent says."""
    lead = get_lead(request, pk)
    foretells = FORETOLD[services.foretold_by(selectors.model_of(lead))]
    form = OverrideForm(request.POST or None, foretells=foretells)
    if request.method == "POST" and form.is_valid():
        with refusals_told(request):
            services.set_override(lead=lead, by=request.user, **form.said())
            messages.success(request, "Kept beside the score. It fades by half each week, and is graded.")
        return redirect(_back(request, lead))
    return _render(request, lead, form)


@agent_required
@require_POST
def withdraw_override(request: MemberRequest, pk: int) -> HttpResponse:
    """Take back what stands beside a lead's score."""
    lead = get_lead(request, pk)
    with refusals_told(request):
        services.withdraw_override(lead=lead, by=request.user)
        messages.success(request, "Withdrawn. The score stands alone.")
    return redirect(_back(request, lead))


def _render(request: MemberRequest, lead: Lead, form: OverrideForm) -> HttpResponse:
    now = timezone.now()
    standing = selectors.standing_override(lead, now=now)
    context = {"lead": lead, "now": now, "form": form, "override": standing}
    if standing is not None:
        left = standing.strength(now)
        context |= {
            "is_own": standing.set_by_id == request.user.pk,
            "strength": left,
            "left_percent": round(100 * left),
            "together": taken_together(lead.score or 0.0, standing.score, left),
        }
    if request.htmx:
        context |= {"next": request.htmx.current_url_abs_path or ""}
        return render(request, "scoring/_override.html", context)
    context |= {"next": request.POST.get("next", "")}
    status = 422 if form.errors else 200
    return render(request, "scoring/override.html", context, status=status)


def _back(request: MemberRequest, lead: Lead) -> str:
    """Return the page the form stood on, else the lead's own."""
    return safe_next(request, reverse("leads:lead-detail", args=[lead.pk]))
