"""Leads that may be one person."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q

from leads.models import Identity, Lead

MOST = 10
LABELS = {Identity.Kind.EMAIL: "same e-mail address", Identity.Kind.PHONE: "same phone number"}


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another lead, and why it may be the same person."""

    lead: Lead
    reasons: tuple[str, ...]


def duplicates_of(lead: Lead) -> list[Duplicate]:
    """Return the active leads that share an e-mail address or a phone number with a lead."""
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
