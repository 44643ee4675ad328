"""Apply workflow webhooks: a hint about a contact, and perhaps one thing that happened."""

from __future__ import annotations

from dataclasses import replace

from leads.events import Kind
from leads.ghl.payloads.workflow import WorkflowPayload
from leads.models import Lead
from leads.services.ingest.batch import Batch, Item
from leads.services.ingest.contacts import tell_tags, update_contact


def apply_workflow(batch: Batch, item: Item, lead: Lead) -> None:
    """Fill in what the lead lacks, keep new tags, and tell what happened."""
    payload = item.payload
    assert isinstance(payload, WorkflowPayload)
    mark, when = item.delivery.webhook_id, payload.occurred_at
    tags = payload.contact.tags
    hint = replace(payload.contact, tags=tuple(dict.fromkeys([*lead.tags, *tags])) if tags else None)
    if "seen" in lead.crm:
        known = {name for name in hint.facts if getattr(lead, name, "")}
        hint = replace(hint, facts={name: text for name, text in hint.facts.items() if name not in known})
    changed = update_contact(batch, item, lead, hint)
    if changed is not None:
        if changed.fields and payload.kind is None:
            data = {"fields": changed.fields, "invalid": changed.invalid}
            batch.tell(item, Kind.CONTACT_UPDATED, lead, when, data, f"{mark}:updated")
        tell_tags(batch, item, lead, changed, when, f"{mark}:%s")
    if payload.kind is not None:
        batch.tell(item, payload.kind, lead, when, payload.data, f"{mark}:{payload.kind}")
