"""What a lead looks for: entered by hand, with a count of the homes that fit."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from leads.access import MemberRequest, agent_required, get_lead
from leads.models import Lead
from matching.forms.criteria import CriteriaForm
from matching.selectors import fits as fit_selectors
from matching.selectors.fits import Wanted
from matching.selectors.neighborhoods import areas_of, neighborhood_choices
from matching.services import criteria as criteria_services


@agent_required
@require_http_methods(["GET", "POST"])
def criteria(request: MemberRequest, pk: int) -> HttpResponse:
    """Show the form over all a lead may look for; count the homes that fit, or keep it."""
    lead = get_lead(request, pk)
    wanted = fit_selectors.wanted_by(lead)
    form = _form(request, wanted)
    counts = None
    if request.method == "POST":
        is_valid = form.is_valid()
        if is_valid and "count" not in request.POST:
            criteria_services.keep_criteria(lead=lead, told=form.told(), by=request.user, now=timezone.now())
            messages.success(request, "Kept. The homes below are ranked by it.")
            return redirect(reverse("matching:lead-panel", args=[lead.pk]))
        counts = fit_selectors.fitting_of(request.tenant, form.wants) if is_valid else None
        if request.htmx:
            return render(request, "matching/_criteria_count.html", {"counts": counts, "form": form})
    elif not form.is_bound:
        counts = fit_selectors.fitting_of(request.tenant, wanted.wants)
    return _render(request, lead, wanted, form, counts)


def _form(request: MemberRequest, wanted: Wanted) -> CriteriaForm:
    posted = request.POST if request.method == "POST" else None
    choices = neighborhood_choices(request.tenant)
    named = posted.getlist("neighborhoods") if posted else []
    pks = [pk for pk, _ in choices if str(pk) in named]
    chosen = areas_of(request.tenant, pks=pks, names=[area.name for area in wanted.wants.areas])
    return CriteriaForm(
        posted,
        wants=wanted.wants,
        neighborhoods=choices,
        chosen=chosen,
    )


def _render(
    request: MemberRequest,
    lead: Lead,
    wanted: Wanted,
    form: CriteriaForm,
    counts: tuple[int, int, int] | None,
) -> HttpResponse:
    context = {"lead": lead, "wanted": wanted, "form": form, "counts": counts}
    return render(request, "matching/criteria.html", context, status=422 if form.errors else 200)
