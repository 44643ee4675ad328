"""The page that merges a lead with another record of the same person, and undoing it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from leads.access import MemberRequest, agent_required, get_lead, get_merge, leads_for
from leads.errors import DomainError
from leads.models import Lead
from leads.selectors import leads as lead_selectors
from leads.selectors import merges
from leads.selectors.duplicates import duplicates_of
from leads.services import merging
from leads.views.leads import show_merged

QUERY_LENGTH = 100
FOUND_ROWS = 10


class MergeForm(forms.Form):
    """Which other record is the same person, which of the two stays, and why."""

    other = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    keep = forms.ChoiceField(
        choices=[("this", "This record"), ("other", "The other")],
        required=False,
        widget=forms.HiddenInput,
    )
    reason = forms.CharField(
        label="Why",
        max_length=200,
        required=False,
        help_text="Kept with the merge, for whoever looks at it later.",
    )


@agent_required
@require_http_methods(["GET", "POST"])
def merge_lead(request: MemberRequest, pk: int) -> HttpResponse:
    """Find another record of the person, look at what the two would become, and merge them."""
    lead = get_lead(request, pk)
    if lead.status == Lead.Status.MERGED:
        return show_merged(request, lead)
    form = MergeForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _choose(request, lead, 422 if request.method == "POST" else 200)
    other = get_lead(request, form.cleaned_data["other"])
    keeps_other = form.cleaned_data["keep"] == "other"
    survivor, absorbed = (other, lead) if keeps_other else (lead, other)
    try:
        if request.method == "POST":
            merge = merging.merge_leads(
                survivor=survivor, absorbed=absorbed, by=request.user, reason=form.cleaned_data["reason"]
            )
            messages.success(request, "The two records are one now. It can be undone on this page.")
            return redirect("leads:lead-detail", merge.survivor_id)
        after = merging.united(survivor=survivor, absorbed=absorbed)
    except DomainError as error:
        messages.error(request, error.message)
        return _choose(request, lead, 409)
    context = {
        "lead": lead,
        "other": other,
        "survivor": survivor,
        "absorbed": absorbed,
        "keeps_other": keeps_other,
        "rows": merges.compare(survivor, absorbed, after),
        "form": MergeForm(initial={"other": other.pk, "keep": "other" if keeps_other else "this"}),
    }
    return render(request, "leads/lead_merge_preview.html", context)


def _choose(request: MemberRequest, lead: Lead, status: int) -> HttpResponse:
    q = request.GET.get("q", "").strip()[:QUERY_LENGTH]
    found = lead_selectors.search(leads_for(request).exclude(pk=lead.pk), q, rows=FOUND_ROWS) if q else []
    context = {"lead": lead, "likely": duplicates_of(lead), "q": q, "found": found, "now": timezone.now()}
    return render(request, "leads/lead_merge.html", context, status=status)


@agent_required
@require_POST
def undo_merge(request: MemberRequest, pk: int) -> HttpResponse:
    """Part two records again."""
    merge = get_merge(request, pk)
    try:
        merging.undo_merge(merge=merge, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The merge is undone: both records stand on their own again.")
    return redirect("leads:lead-detail", merge.survivor_id)
