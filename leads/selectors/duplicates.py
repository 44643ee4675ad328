"""Leads that may be one person."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q

from leads.models import Identity, Lead

MOST = 10
LABELS = {Identity.Kind.EMAIL: "same e-mail address", Identity.Kind.PHONE: "same phone number"}
SAME_NAME = "same name"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another lead, and why it may be the same person."""

    lead: Lead
    reasons: tuple[str, ...]


def duplicates_of(lead: Lead) -> list[Duplicate]:
    """Return the active leads that share an e-mail address, a phone number or a full name with a lead."""
    addressed = _by_address(lead)
    named = [other for other in _by_name(lead) if other.pk not in {each.lead.pk for each in addressed}]
    return [*addressed, *(Duplicate(other, (SAME_NAME,)) for other in named)][:MOST]


def _by_name(lead: Lead) -> list[Lead]:
    if not (lead.first_name and lead.last_name):
        return []
    words = SearchQuery(f"{lead.first_name} {lead.last_name}", config="simple", search_type="plain")
    found = Lead.objects.filter(tenant_id=lead.tenant_id, search=words).active().exclude(pk=lead.pk)
    same = found.filter(first_name__iexact=lead.first_name, last_name__iexact=lead.last_name)
    return list(same.order_by("pk")[:MOST])


def _by_address(lead: Lead) -> list[Duplicate]:
    ours = set(lead.identities.filter(kind__in=LABELS).values_list("kind", "value"))
    ours |= {(Identity.Kind.EMAIL, lead.email), (Identity.Kind.PHONE, lead.phone)}
    ours = {(kind, value) for kind, value in ours if value}
    if not ours:
        return []
    leads = Lead.objects.filter(tenant_id=lead.tenant_id).active().exclude(pk=lead.pk)
    named, written = Q(), Q()
    for kind, value in sorted(ours):
        named |= Q(kind=kind, value=value)
        column = "email" if kind == Identity.Kind.EMAIL else "phone"
        written |= Q(search=SearchQuery(value, config="simple", search_type="plain"), **{column: value})
    rows = Identity.objects.filter(named, tenant_id=lead.tenant_id, lead__in=leads).select_related("lead")
    found: dict[int, tuple[Lead, set[str]]] = {}
    for row in rows:
        found.setdefault(row.lead_id, (row.lead, set()))[1].add(LABELS[Identity.Kind(row.kind)])
    for other in leads.filter(written)[:MOST]:
        reasons = found.setdefault(other.pk, (other, set()))[1]
        reasons.update(label for kind, label in LABELS.items() if (kind, getattr(other, kind.value)) in ours)
    return [Duplicate(other, tuple(sorted(reasons))) for _, (other, reasons) in sorted(found.items())][:MOST]
