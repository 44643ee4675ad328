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
from leads.services.leads import LeadChanged
from leads.tasks import ghl as tasks
from leads.views.leads import show_merged
from leads.views.refusals import refusals_told

QUERY_LENGTH = 100
FOUND_ROWS = 10


class MergeForm(forms.Form):
    """Which other record is the same person, which of the two stays, and why.

    `edition` says how the two were when they were shown.
    """

    other = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    keep = forms.ChoiceField(
        choices=[("this", "This record"), ("other", "The other")],
        required=False,
        widget=forms.HiddenInput,
    )
    edition = forms.CharField(max_length=65, required=False, widget=forms.HiddenInput)
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
    is_post = request.method == "POST"
    form = MergeForm(request.POST if is_post else request.GET)
    is_valid = form.is_valid()
    if "other" not in form.cleaned_data:
        return _choose(request, lead, 422 if is_post else 200)
    other = get_lead(request, form.cleaned_data["other"])
    survivor, absorbed = (other, lead) if form.cleaned_data.get("keep") == "other" else (lead, other)
    if not is_post:
        return _preview(request, lead, survivor, absorbed)
    if not is_valid:
        return _preview(request, lead, survivor, absorbed, 422)
    try:
        merge = merging.merge_leads(
            survivor=survivor,
            absorbed=absorbed,
            by=request.user,
            reason=form.cleaned_data["reason"],
            edition=form.cleaned_data["edition"],
        )
    except LeadChanged:
        messages.warning(request, "One of the two was changed meanwhile. Look again before you merge them.")
        survivor, absorbed = get_lead(request, survivor.pk), get_lead(request, absorbed.pk)
        return _preview(request, lead, survivor, absorbed, 409)
    except DomainError as error:
        messages.error(request, error.message)
        return _choose(request, lead, 409)
    tasks.send_soon(merge.survivor_id)
    messages.success(request, "The two records are one now. It can be undone on this page.")
    return redirect("leads:lead-detail", merge.survivor_id)


def _preview(
    request: MemberRequest,
    lead: Lead,
    survivor: Lead,
    absorbed: Lead,
    status: int = 200,
) -> HttpResponse:
    """Show what the two would become, or why they cannot be one."""
    try:
        after = merging.united(survivor=survivor, absorbed=absorbed)
    except DomainError as error:
        messages.error(request, error.message)
        return _choose(request, lead, 409)
    keeps_other = survivor.pk != lead.pk
    other = survivor if keeps_other else absorbed
    shown = {
        "other": other.pk,
        "keep": "other" if keeps_other else "this",
        "edition": merging.edition_of_two(survivor, absorbed),
    }
    is_post = request.method == "POST"
    form = MergeForm({**request.POST.dict(), **shown}) if is_post else MergeForm(initial=shown)
    context = {
        "lead": lead,
        "other": other,
        "survivor": survivor,
        "absorbed": absorbed,
        "keeps_other": keeps_other,
        "rows": merges.compare(survivor, absorbed, after),
        "form": form,
    }
    return render(request, "leads/lead_merge_preview.html", context, status=status)


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
    with refusals_told(request):
        merging.undo_merge(merge=merge, by=request.user)
        for lead_id in (merge.survivor_id, merge.absorbed_id):
            tasks.send_soon(lead_id)
        messages.success(request, "The merge is undone: both records stand on their own again.")
    return redirect("leads:lead-detail", merge.survivor_id)
