"""The page that edits a lead, and sending what was edited to GoHighLevel again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from leads.access import MemberRequest, agent_required, custom_fields_for, get_lead
from leads.errors import DomainError
from leads.forms.edit import LeadEditForm
from leads.models import Lead
from leads.services import ghl
from leads.services import leads as lead_services
from leads.services.leads import LeadChanged, LeadKnown
from leads.tasks import ghl as tasks
from leads.views.leads import show_merged, team_of
from leads.views.refusals import refusals_told


def _form(request: MemberRequest, lead: Lead, typed: QueryDict | None) -> LeadEditForm:
    return LeadEditForm(
        typed,
        lead=lead,
        edition=lead_services.edition_of(lead),
        team=team_of(request),
        custom_fields=list(custom_fields_for(request)),
    )


@agent_required
@require_http_methods(["GET", "POST"])
def edit_lead(request: MemberRequest, pk: int) -> HttpResponse:
    """Change what is known of a lead; an edit based on an older record changes nothing and says so."""
    lead = get_lead(request, pk)
    if lead.status == Lead.Status.MERGED:
        return show_merged(request, lead)
    form = _form(request, lead, request.POST if request.method == "POST" else None)
    known, is_stale = None, False
    if form.is_bound and form.is_valid() and form.facts is not None:
        try:
            lead = lead_services.edit_lead(
                lead=lead,
                facts=form.facts,
                edition=form.cleaned_data["edition"],
                reassign=form.reassigns,
                by=request.user,
            )
        except LeadChanged:
            is_stale = True
            lead = get_lead(request, pk)
            typed = request.POST.copy()  # what was typed stands on the record as it is now
            typed["edition"] = lead_services.edition_of(lead)
            form = _form(request, lead, typed)
        except LeadKnown as error:
            known = error.lead_id
            form.add_error(error.kind, error.message)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            tasks.send_soon(lead.pk)
            messages.success(request, "Saved." if form.has_changed() else "Nothing was changed.")
            return redirect("leads:lead-detail", lead.pk)
    context = {"lead": lead, "form": form, "known": known, "is_stale": is_stale}
    status = 409 if is_stale else 422 if form.errors else 200
    return render(request, "leads/lead_edit.html", context, status=status)


@agent_required
@require_POST
def send_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Try once more to write an edit to GoHighLevel that failed."""
    lead = get_lead(request, pk)
    with refusals_told(request):
        ghl.send_again(lead=lead)
        tasks.send_soon(lead.pk)
        messages.success(request, "It is sent to GoHighLevel again.")
    return redirect("leads:lead-detail", lead.pk)
