"""The leads table, one lead's page, and what is done with leads by hand."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from leads.access import MemberRequest, agent_required, get_lead, leads_for, safe_next, team_for
from leads.context import last_live_number
from leads.errors import DomainError
from leads.forms.leads import (
    DEFAULT_ORDERING,
    ORDERING_CHOICES,
    AssignForm,
    LeadFilter,
    LeadForm,
    MarkForm,
    NoteForm,
)
from leads.models import Lead, Membership
from leads.selectors import dashboard
from leads.selectors import leads as lead_selectors
from leads.selectors.merges import merges_of
from leads.services import ghl
from leads.services import leads as lead_services
from leads.services.leads import LeadKnown
from leads.spreadsheets import csv_response
from leads.tasks import ghl as tasks
from leads.views.dashboard import BoardRow
from leads.views.refusals import refusals_told

PAGE_ROWS = 50
EXPORT_CHUNK = 2000
BULK_LIMIT = 500
LOW_QUALITY = 50


def team_of(request: MemberRequest) -> list[Membership]:
    """Return one membership for each person leads can be assigned to, by name."""
    people = {member.user_id: member for member in team_for(request)}
    return sorted(people.values(), key=lambda member: str(member.user).lower())


def _filtered(request: MemberRequest, team: list[Membership]) -> LeadFilter:
    data = request.GET.copy()
    data.setdefault("ordering", DEFAULT_ORDERING)
    return LeadFilter(
        data,
        queryset=leads_for(request).active().select_related("assigned_to"),
        team=team,
        user=request.user,
        sources=lead_selectors.sources(request.tenant),
    )


@agent_required
@require_GET
def list_leads(request: MemberRequest) -> HttpResponse:
    """Show the tenant's leads, filtered by the address."""
    now = timezone.now()
    live_after = last_live_number(request.tenant)
    team = team_of(request)
    found = _filtered(request, team)
    page = Paginator(found.qs, PAGE_ROWS).get_page(request.GET.get("page"))
    leads = list(page.object_list)
    sparks = dashboard.score_sparks(leads, now=now)
    context = {
        "live_after": live_after,
        "filter": found,
        "page": page,
        "rows": [BoardRow(lead, sparks[lead.pk], lead.reasons) for lead in leads],
        "agents": dashboard.agents_named(leads),
        "ordering": found.form.cleaned_data.get("ordering") if found.is_valid() else DEFAULT_ORDERING,
        "orderings": ORDERING_CHOICES,
        "assign_form": AssignForm(team=team, prefix="bulk"),
        "now": now,
    }
    return render(request, "leads/lead_list.html", context)


@agent_required
@require_GET
def export_leads(request: MemberRequest) -> HttpResponseBase:
    """Send the leads of the table as CSV, all pages of them."""
    found = _filtered(request, team_of(request)).qs.iterator(chunk_size=EXPORT_CHUNK)
    day = timezone.localdate()
    return csv_response(f"leads-{day:%Y-%m-%d}.csv", CSV_HEADINGS, map(_csv_row, found))


CSV_HEADINGS = [
    "id",
    "contact_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "segment",
    "source",
    "assigned_to",
    "score",
    "tier",
    "quality",
    "last_event_at",
    "created_at",
]


def _csv_row(lead: Lead) -> list[object]:
    return [
        lead.pk,
        lead.contact_id,
        lead.first_name,
        lead.last_name,
        lead.email,
        lead.phone,
        lead.segment,
        lead.source,
        lead.assigned_to.email if lead.assigned_to else "",
        "" if lead.score is None else round(lead.score, 1),
        lead.tier,
        lead.quality,
        lead.last_event_at.isoformat() if lead.last_event_at else "",
        lead.created_at.isoformat(),
    ]


@agent_required
@require_POST
def assign_leads(request: MemberRequest) -> HttpResponse:
    """Give the ticked leads to an agent."""
    form = AssignForm(request.POST, team=team_of(request), prefix="bulk")
    ids = [int(pk) for pk in request.POST.getlist("lead")[:BULK_LIMIT] if pk.isdecimal()]
    if not form.is_valid() or not ids:
        messages.error(request, "Tick at least one lead and choose a person of the team.")
        return redirect(safe_next(request, "leads:lead-list"))
    try:
        count = lead_services.assign_leads(
            tenant=request.tenant, lead_ids=ids, to=form.person, by=request.user
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(safe_next(request, "leads:lead-list"))
    if ghl.has_edits(lead_ids=ids):
        transaction.on_commit(tasks.send_edits_due.delay, robust=True)
    to = f"to {form.person}" if form.person else "to nobody"
    messages.success(request, f"{count} lead{pluralize(count)} assigned {to}.")
    return redirect(safe_next(request, "leads:lead-list"))


@agent_required
@require_http_methods(["GET", "POST"])
def new_lead(request: MemberRequest) -> HttpResponse:
    """Add a lead by hand."""
    form = LeadForm(
        request.POST or None, team=team_of(request), initial={"assigned_to": str(request.user.pk)}
    )
    known = None
    if request.method == "POST" and form.is_valid():
        try:
            lead = lead_services.create_lead(tenant=request.tenant, facts=form.facts(), by=request.user)
        except LeadKnown as error:
            known = error.lead_id
            form.add_error(error.kind, error.message)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"{lead.name} was added. The score follows in a moment.")
            return redirect("leads:lead-detail", lead.pk)
    context = {"form": form, "known": known}
    return render(request, "leads/lead_new.html", context, status=422 if form.errors else 200)


@agent_required
@require_GET
def show_lead(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one lead: facts, what to do next, why this score, what happened."""
    live_after = last_live_number(request.tenant)
    lead = get_lead(request, pk)
    if lead.status == Lead.Status.MERGED:
        return show_merged(request, lead)
    now = timezone.now()
    if request.htmx and request.GET.get("part") == "edits":
        return render(request, "leads/_contact_edit.html", {"lead": lead, "edit": lead.contact_edits.first()})
    if request.htmx and request.GET.get("part") == "standing":
        spark = dashboard.score_sparks([lead], now=now)[lead.pk]
        return render(request, "leads/_standing.html", {"lead": lead, "spark": spark, "now": now})
    team = team_of(request)
    context = {
        "live_after": live_after,
        "lead": lead,
        "facts": lead_selectors.facts(lead),
        "timeline": lead_selectors.timeline(lead, before=request.GET.get("before", "")),
        "spark": dashboard.score_sparks([lead], now=now)[lead.pk],
        "assign_form": AssignForm(team=team, initial={"to": str(lead.assigned_to_id or "")}, prefix="bulk"),
        "note_form": NoteForm(),
        "mark_form": MarkForm(),
        "mark": lead_selectors.latest_mark(lead),
        "merges": merges_of(lead),
        "edit": lead.contact_edits.first(),
        "quality_is_low": lead.quality < LOW_QUALITY,
        "now": now,
    }
    return render(request, "leads/lead_detail.html", context)


def show_merged(request: MemberRequest, lead: Lead) -> HttpResponse:
    """Say which lead a merged one became, and offer to part them."""
    context = {"lead": lead, "merges": merges_of(lead)}
    return render(request, "leads/lead_merged.html", context, status=410)


@agent_required
@require_GET
def show_timeline(request: MemberRequest, pk: int) -> HttpResponse:
    """Show a lead's events from a cursor on: a fragment, or the lead's page at that place."""
    lead = get_lead(request, pk)
    before = request.GET.get("before", "")
    if not request.htmx:
        address = reverse("leads:lead-detail", args=[lead.pk])
        query = f"?{urlencode({'before': before})}" if before else ""
        return redirect(f"{address}{query}#timeline")
    context = {"lead": lead, "timeline": lead_selectors.timeline(lead, before=before), "now": timezone.now()}
    return render(request, "leads/_timeline.html", context)


@agent_required
@require_POST
def mark_outcome(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep what became of a lead, where the CRM does not say it."""
    lead = get_lead(request, pk)
    form = MarkForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose closed, lost or still open, and say why in 200 characters at most.")
        return redirect("leads:lead-detail", lead.pk)
    with refusals_told(request):
        lead_services.mark_outcome(lead=lead, by=request.user, **form.cleaned_data)
        messages.success(request, "Kept. The score follows, and the next model learns from it.")
    return redirect("leads:lead-detail", lead.pk)


@agent_required
@require_POST
def add_note(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep a note about a lead."""
    lead = get_lead(request, pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Write the note first, in 5,000 characters at most.")
        return redirect("leads:lead-detail", lead.pk)
    with refusals_told(request):
        lead_services.add_note(lead=lead, text=form.cleaned_data["text"], by=request.user)
        messages.success(request, "The note is kept.")
    return redirect("leads:lead-detail", lead.pk)
