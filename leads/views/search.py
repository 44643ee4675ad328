"""Search for people and pages; the command palette asks the same address for its options."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, leads_for
from leads.context import NavItem, palette_for
from leads.selectors import leads as lead_selectors

PALETTE_ROWS = 6
QUERY_LENGTH = 100
COMMANDS = {"edit": ("leads:lead-edit", "pencil"), "merge": ("leads:lead-merge", "merge")}
"""What can be done with a lead by its first word: `edit maya`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A page of one lead, offered like any other."""

    label: str
    icon: str
    url: str
    spelled_keys: tuple[str, ...] = ()


@agent_required
@require_GET
def show_search(request: MemberRequest) -> HttpResponse:
    """Show whom and what the typed words find."""
    q = request.GET.get("q", "").strip()[:QUERY_LENGTH]
    pages = [
        *matching_commands(request, q),
        *matching_pages(palette_for(request.user, request.membership.role), q),
    ]
    if request.htmx:
        leads = lead_selectors.search(leads_for(request), q, rows=PALETTE_ROWS) if q else []
        return render(request, "leads/_palette_results.html", {"q": q, "leads": leads, "pages": pages})
    context = {
        "q": q,
        "leads": lead_selectors.search(leads_for(request), q) if q else [],
        "pages": pages if q else [],
        "now": timezone.now(),
    }
    return render(request, "leads/search.html", context)


def matching_commands(request: MemberRequest, q: str) -> list[Command]:
    """Return what a typed verb does, for each lead the rest of the words finds."""
    verb, _, rest = q.partition(" ")
    if verb.lower() not in COMMANDS or not rest.strip():
        return []
    route, icon = COMMANDS[verb.lower()]
    return [
        Command(f"{verb.capitalize()} {lead.name}", icon, reverse(route, args=[lead.pk]))
        for lead in lead_selectors.search(leads_for(request), rest, rows=PALETTE_ROWS)
    ]


def matching_pages(pages: list[NavItem], q: str) -> list[NavItem]:
    """Return the pages one of whose words begins with what was typed."""
    typed = q.lower()
    return [
        page
        for page in pages
        if page.label.lower().startswith(typed)
        or any(word.startswith(typed) for word in page.label.lower().split())
    ]
