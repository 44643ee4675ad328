"""Appointments, opportunities, tasks, notes, campaigns, orders: what is done with a lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leads.ghl.payloads.reader import Reader

APPOINTMENT_STATUSES = {
    "": "new",
    "new": "new",
    "booked": "new",
    "active": "new",
    "pending": "new",
    "confirmed": "confirmed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "invalid": "cancelled",
    "showed": "showed",
    "completed": "showed",
    "noshow": "missed",
    "no-show": "missed",
    "no_show": "missed",
}
OPPORTUNITY_STATUSES = ("open", "won", "lost", "abandoned")


@dataclass(frozen=True, slots=True)
class AppointmentPayload:
    """The state of an appointment after a change."""

    change: str
    appointment_id: str
    contact_id: str
    calendar_id: str
    status: str
    title: str
    source: str
    user_id: str
    starts_at: datetime | None
    added_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpportunityPayload:
    """The state of an opportunity after a change; `change` names what the webhook announces."""

    change: str
    opportunity_id: str
    contact_id: str
    pipeline_id: str
    stage: str
    status: str
    value: float | None
    assigned_to: str
    source: str
    added_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskPayload:
    """A task of an agent about a lead."""

    change: str
    task_id: str
    contact_id: str
    title: str
    user_id: str
    due_at: datetime | None
    added_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotePayload:
    """A note of an agent about a lead."""

    change: str
    note_id: str
    contact_id: str
    body: str
    added_at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignPayload:
    """Where a lead is in a campaign."""

    campaign_id: str
    contact_id: str
    status: str
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaymentPayload:
    """An order placed or an invoice paid by a lead."""

    kind: str
    object_id: str
    contact_id: str
    value: float
    currency: str
    occurred_at: datetime | None


APPOINTMENT_CHANGES = {
    "AppointmentCreate": "created",
    "AppointmentUpdate": "updated",
    "AppointmentDelete": "deleted",
}
OPPORTUNITY_CHANGES = {
    "OpportunityCreate": "created",
    "OpportunityUpdate": "updated",
    "OpportunityStageUpdate": "stage",
    "OpportunityStatusUpdate": "status",
    "OpportunityMonetaryValueUpdate": "value",
    "OpportunityAssignedToUpdate": "assigned",
    "OpportunityDelete": "deleted",
}
TASK_CHANGES = {"TaskCreate": "created", "TaskComplete": "completed", "TaskDelete": "deleted"}
NOTE_CHANGES = {"NoteCreate": "added", "NoteUpdate": "changed", "NoteDelete": "deleted"}


def read_appointment(reader: Reader, kind: str) -> AppointmentPayload:
    """Read an Appointment* body; the facts are one level down."""
    inner = reader.child("appointment")
    if not inner.body:
        raise reader.error("appointment", "is missing")
    status = inner.text("appointmentStatus", 40).lower()
    if status not in APPOINTMENT_STATUSES:
        raise inner.error("appointmentStatus", "is not a status we know")
    return AppointmentPayload(
        change=APPOINTMENT_CHANGES[kind],
        appointment_id=inner.required("id"),
        contact_id=inner.required("contactId"),
        calendar_id=inner.name("calendarId"),
        status=APPOINTMENT_STATUSES[status],
        title=inner.text("title", 200),
        source=inner.loose("source", 60),
        user_id=inner.loose("assignedUserId", 100),
        starts_at=inner.when("startTime"),
        added_at=inner.when("dateAdded"),
        updated_at=inner.when("dateUpdated"),
    )


def read_opportunity(reader: Reader, kind: str) -> OpportunityPayload:
    """Read an Opportunity* body; `assignedTo` may be null and the amount absent."""
    status = reader.text("status", 40).lower() or "open"
    if status not in OPPORTUNITY_STATUSES:
        raise reader.error("status", "must be open, won, lost or abandoned")
    return OpportunityPayload(
        change=OPPORTUNITY_CHANGES[kind],
        opportunity_id=reader.required("id"),
        contact_id=reader.required("contactId"),
        pipeline_id=reader.name("pipelineId"),
        stage=reader.name("pipelineStageId"),
        status=status,
        value=reader.number("monetaryValue"),
        assigned_to=reader.name("assignedTo"),
        source=reader.text("source", 100),
        added_at=reader.when("dateAdded"),
        updated_at=reader.when("dateUpdated"),
    )


def read_task(reader: Reader, kind: str) -> TaskPayload:
    """Read a Task* body; real deliveries may lack the contact."""
    return TaskPayload(
        change=TASK_CHANGES[kind],
        task_id=reader.required("id"),
        contact_id=reader.name("contactId"),
        title=reader.text("title", 200),
        user_id=reader.loose("assignedTo", 100),
        due_at=reader.when("dueDate"),
        added_at=reader.when("dateAdded"),
    )


def read_note(reader: Reader, kind: str) -> NotePayload:
    """Read a Note* body."""
    return NotePayload(
        change=NOTE_CHANGES[kind],
        note_id=reader.required("id"),
        contact_id=reader.required("contactId"),
        body=reader.text("body", 5_000),
        added_at=reader.when("dateAdded"),
    )


def read_campaign(reader: Reader) -> CampaignPayload:
    """Read a CampaignStatusUpdate body."""
    return CampaignPayload(
        campaign_id=reader.required("id"),
        contact_id=reader.required("contactId"),
        status=reader.text("status", 40).lower(),
        occurred_at=reader.when("dateAdded"),
    )


def read_order(reader: Reader) -> PaymentPayload:
    """Read an OrderCreate body."""
    return PaymentPayload(
        kind="order",
        object_id=reader.required("_id"),
        contact_id=reader.required("contactId"),
        value=reader.number("amount") or 0.0,
        currency=reader.text("currency", 8),
        occurred_at=reader.when("createdAt"),
    )


def read_paid_invoice(reader: Reader) -> PaymentPayload:
    """Read an InvoicePaid body."""
    return PaymentPayload(
        kind="invoice",
        object_id=reader.required("_id"),
        contact_id=reader.child("contactDetails").required("id"),
        value=reader.number("amountPaid") or 0.0,
        currency=reader.text("currency", 8),
        occurred_at=reader.when("updatedAt"),
    )
