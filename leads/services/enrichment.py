"""Run the enrichment hooks and keep what they find."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads import bus
from leads.enrichment import Hook, hooks
from leads.events import Kind
from leads.intake import TEXT_LENGTHS, LeadFacts
from leads.models import Enrichment, Event, Lead
from leads.ops.logs import get_logger
from leads.services.events import record_event

log = get_logger("enrichment")

GROUP = "enrichment"
MAX_BYTES = 20_000
INPUTS = frozenset({*TEXT_LENGTHS, "email", "phone", "country"})
COPIED = (*TEXT_LENGTHS, "email", "phone", "country", "time_zone", "segment")


@transaction.atomic
def leads_to_enrich(*, event_ids: Sequence[int]) -> list[int]:
    """Return the leads of these events of which something new is known that a hook may use."""
    events = Event.objects.filter(pk__in=bus.claim(GROUP, event_ids), lead__isnull=False)
    return sorted(
        {
            event.lead_id
            for event in events.only("lead_id", "kind", "data")
            if event.lead_id is not None
            and (event.kind == Kind.CONTACT_CREATED or INPUTS & set(event.data.get("fields", [])))
        }
    )


def enrich_lead(*, lead: Lead) -> list[Enrichment]:
    """Run every hook on a lead; what one finds, or how it fails, is kept apart from the others."""
    facts = facts_of(lead)
    return [_run(lead, facts, hook) for hook in hooks()]


def facts_of(lead: Lead) -> LeadFacts:
    """Return the frozen facts a hook may see."""
    return LeadFacts(
        **{name: getattr(lead, name) for name in COPIED},
        tags=list(lead.tags),
        custom=dict(lead.custom),
        profile=dict(lead.profile),
    )


def _run(lead: Lead, facts: LeadFacts, hook: Hook) -> Enrichment:
    data: dict[str, Any] = {}
    error = ""
    try:
        data = _checked(hook.find(facts))
    except Exception as failure:  # a hook is foreign code: whatever it raises is its own failure
        error = f"{type(failure).__name__} in {hook.name}"
        log.warning("enrichment.failed", hook=hook.name, lead_id=lead.pk, error_type=type(failure).__name__)
    return _keep(lead, hook, data, error)


def _checked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found as plain JSON of a bounded size."""
    text = json.dumps(dict(found or {}), allow_nan=False)
    if len(text) > MAX_BYTES:
        raise ValueError("too much")
    checked: dict[str, Any] = json.loads(text)
    return checked


@transaction.atomic
def _keep(lead: Lead, hook: Hook, data: dict[str, Any], error: str) -> Enrichment:
    """Keep the result; a failure leaves what was found before, and only news is told."""
    before = Enrichment.objects.select_for_update().filter(lead=lead, provider=hook.name).first()
    row = before or Enrichment(lead=lead, provider=hook.name)
    is_news = not error and data != row.data and bool(data or row.data)
    if not error:
        row.data = data
    row.source, row.error, row.fetched_at = hook.source, error, timezone.now()
    row.save()
    if is_news:
        told = {"provider": hook.name, "source": hook.source, "fields": sorted(data)}
        record_event(tenant=lead.tenant, kind=Kind.LEAD_ENRICHED, lead=lead, data=told)
    return row
