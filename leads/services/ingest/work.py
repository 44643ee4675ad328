"""Apply what is done with a lead: appointments, opportunities, tasks, notes, campaigns, payments.

GHL fires several webhooks for one change, in no set order and without the value before it. So the last known
state of each appointment and opportunity is kept on the lead (`Lead.crm`), and only a difference is told.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from leads.events import Kind
from leads.ghl.payloads import (
    AppointmentPayload,
    CampaignPayload,
    NotePayload,
    OpportunityPayload,
    PaymentPayload,
    TaskPayload,
)
from leads.ghl.payloads.reader import read_moment
from leads.models import Lead, WebhookDelivery
from leads.services.ingest.batch import Batch, Item

KEPT = 100

APPOINTMENT_KINDS = {
    "confirmed": Kind.APPOINTMENT_CONFIRMED,
    "cancelled": Kind.APPOINTMENT_CANCELLED,
    "showed": Kind.APPOINTMENT_SHOWED,
    "missed": Kind.APPOINTMENT_MISSED,
}
STATUS_KINDS = {
    "won": Kind.OPPORTUNITY_WON,
    "lost": Kind.OPPORTUNITY_LOST,
    "abandoned": Kind.OPPORTUNITY_ABANDONED,
    "open": Kind.OPPORTUNITY_REOPENED,
}
# What a specific webhook announces -> the part of the state it is about.
ANNOUNCED = {"stage": "stage", "status": "status", "value": "value", "assigned": "assigned"}


def _held(lead: Lead, family: str, name: str) -> dict[str, Any] | None:
    """Return what is kept of one object, or None when it is new to us."""
    held = lead.crm.get(family, {}).get(name)
    return dict(held) if isinstance(held, dict) else None


def _keep(batch: Batch, lead: Lead, family: str, name: str, state: dict[str, Any]) -> None:
    """Keep the state of one object, forgetting the oldest beyond a hundred."""
    family_states = lead.crm.setdefault(family, {})
    family_states[name] = state
    while len(family_states) > KEPT:
        del family_states[min(family_states, key=lambda each: family_states[each].get("at", ""))]
    batch.touch(lead)


def _is_stale(item: Item, held: dict[str, Any] | None) -> bool:
    seen = read_moment(held.get("at")) if held else None
    return seen is not None and item.at < seen


def apply_appointment(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell of an appointment booked, moved, confirmed, kept, missed or cancelled."""
    payload = item.payload
    assert isinstance(payload, AppointmentPayload)
    name = payload.appointment_id
    held = _held(lead, "appointments", name)
    if _is_stale(item, held):
        item.settle(WebhookDelivery.State.IGNORED, "older than what we know of the appointment")
        return
    status = "cancelled" if payload.change == "deleted" else payload.status
    starts = payload.starts_at.isoformat() if payload.starts_at else ""
    data = {
        "appointment_id": name,
        "calendar_id": payload.calendar_id,
        "title": payload.title,
        "starts_at": starts,
        "status": status,
        "source": payload.source,
    }
    updated, base = payload.updated_at, f"appointment:{name}"
    if held is None or payload.change == "created":
        when = payload.added_at
        batch.tell(item, Kind.APPOINTMENT_BOOKED, lead, when, data, f"{base}:booked")
        if held is None:
            held = {"status": status if payload.change == "created" else "new", "starts": starts}
            if payload.change == "created" and status in ("cancelled", "showed", "missed"):
                held["status"] = "new"
    if starts and held["starts"] and starts != held["starts"]:
        moved = {**data, "previous": held["starts"]}
        batch.tell(item, Kind.APPOINTMENT_RESCHEDULED, lead, updated, moved, f"{base}:moved:{starts}")
    if status != held["status"] and status in APPOINTMENT_KINDS:
        batch.tell(item, APPOINTMENT_KINDS[status], lead, updated, data, f"{base}:{status}:{starts}")
    state = {"status": status, "starts": starts or held["starts"], "at": item.at.isoformat()}
    _keep(batch, lead, "appointments", name, state)


def apply_opportunity(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell what changed in an opportunity; the webhooks that announce one change twice are told once.

    A part of the state that was only seen in passing (`told` false) is told when its own webhook comes.
    """
    payload = item.payload
    assert isinstance(payload, OpportunityPayload)
    name = payload.opportunity_id
    held = _held(lead, "opportunities", name)
    if _is_stale(item, held):
        item.settle(WebhookDelivery.State.IGNORED, "older than what we know of the opportunity")
        return
    facts: dict[str, Any] = {
        "stage": payload.stage,
        "status": payload.status,
        "value": payload.value,
        "assigned": payload.assigned_to,
    }
    data = {"opportunity_id": name, "pipeline_id": payload.pipeline_id, **facts}
    base, when = f"opportunity:{name}", payload.updated_at
    if payload.change == "deleted":
        batch.tell(item, Kind.OPPORTUNITY_DELETED, lead, when, data, f"{base}:deleted")
        _keep(batch, lead, "opportunities", name, {**facts, "at": item.at.isoformat(), "untold": []})
        return
    if held is None or payload.change == "created":
        batch.tell(item, Kind.OPPORTUNITY_CREATED, lead, payload.added_at, data, f"{base}:created")
    if held is None:
        held = {**facts, "untold": [] if payload.change == "created" else list(facts), "n": 0}
        if payload.change == "created" and payload.status != "open":
            held["status"] = "open"
    untold = set(held.get("untold", []))
    announced = ANNOUNCED.get(payload.change, "")
    number = held.get("n", 0)
    for part, value in facts.items():
        if part == "value" and value is None:
            facts[part] = held.get(part)
            continue
        if value != held.get(part) or (part == announced and part in untold):
            number += 1
            told = {**data, "previous": held.get(part) if value != held.get(part) else None}
            batch.tell(
                item, _opportunity_kind(part, value), lead, when, told, f"{base}:{part}:{number}:{value}"
            )
            untold.discard(part)
    state = {**facts, "n": number, "untold": sorted(untold), "at": item.at.isoformat()}
    _keep(batch, lead, "opportunities", name, state)


def _opportunity_kind(part: str, value: Any) -> Kind:
    if part == "status":
        return STATUS_KINDS[value]
    if part == "stage":
        return Kind.OPPORTUNITY_MOVED
    return Kind.OPPORTUNITY_VALUED if part == "value" else Kind.OPPORTUNITY_ASSIGNED


def apply_task(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell of an agent's task."""
    payload = item.payload
    assert isinstance(payload, TaskPayload)
    kinds = {"created": Kind.TASK_CREATED, "completed": Kind.TASK_COMPLETED, "deleted": Kind.TASK_DELETED}
    when: datetime | None = payload.added_at if payload.change == "created" else None
    due = payload.due_at.isoformat() if payload.due_at else ""
    data = {"task_id": payload.task_id, "title": payload.title, "due_at": due}
    batch.tell(item, kinds[payload.change], lead, when, data, f"task:{payload.task_id}:{payload.change}")


def apply_note(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell of an agent's note."""
    payload = item.payload
    assert isinstance(payload, NotePayload)
    kinds = {"added": Kind.NOTE_ADDED, "changed": Kind.NOTE_CHANGED, "deleted": Kind.NOTE_DELETED}
    key = f"note:{payload.note_id}:{payload.change}"
    if payload.change == "changed":
        key += f":{hashlib.sha256(payload.body.encode()).hexdigest()[:16]}"
    data = {"note_id": payload.note_id, "text": payload.body if payload.change != "deleted" else ""}
    when = payload.added_at if payload.change == "added" else None
    batch.tell(item, kinds[payload.change], lead, when, data, key)


def apply_campaign(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell where a lead is in a campaign."""
    payload = item.payload
    assert isinstance(payload, CampaignPayload)
    data = {"campaign_id": payload.campaign_id, "status": payload.status}
    key = f"campaign:{payload.campaign_id}:{payload.contact_id}:{payload.status}"
    batch.tell(item, Kind.CAMPAIGN_CHANGED, lead, payload.occurred_at, data, key)


def apply_payment(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell of an order placed or an invoice paid."""
    payload = item.payload
    assert isinstance(payload, PaymentPayload)
    kind = Kind.ORDER_PLACED if payload.kind == "order" else Kind.INVOICE_PAID
    data = {"object_id": payload.object_id, "value": payload.value, "currency": payload.currency}
    batch.tell(item, kind, lead, payload.occurred_at, data, f"{payload.kind}:{payload.object_id}")
