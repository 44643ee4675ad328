"""Turn the body of a webhook into a frozen dataclass: every event type, or the reason it is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leads.ghl.payloads.app import (
    InstallPayload,
    LocationPayload,
    UninstallPayload,
    read_install,
    read_location,
    read_uninstall,
)
from leads.ghl.payloads.contacts import CHANGES as CONTACT_CHANGES
from leads.ghl.payloads.contacts import ContactPayload, read_contact
from leads.ghl.payloads.emails import EmailPassing, EmailPayload, read_email
from leads.ghl.payloads.messages import (
    ConversationMerged,
    ConversationRead,
    InternalComment,
    MessagePayload,
    VoiceCall,
    read_merged,
    read_message,
    read_unread,
    read_voice_call,
)
from leads.ghl.payloads.reader import PayloadError, Reader, decode
from leads.ghl.payloads.sales import (
    APPOINTMENT_CHANGES,
    NOTE_CHANGES,
    OPPORTUNITY_CHANGES,
    TASK_CHANGES,
    AppointmentPayload,
    CampaignPayload,
    NotePayload,
    OpportunityPayload,
    PaymentPayload,
    TaskPayload,
    read_appointment,
    read_campaign,
    read_note,
    read_opportunity,
    read_order,
    read_paid_invoice,
    read_task,
)

__all__ = [
    "AppointmentPayload",
    "CampaignPayload",
    "ContactPayload",
    "ConversationMerged",
    "ConversationRead",
    "EmailPayload",
    "Ignored",
    "InstallPayload",
    "LocationPayload",
    "MessagePayload",
    "NotePayload",
    "OpportunityPayload",
    "Payload",
    "PayloadError",
    "PaymentPayload",
    "TaskPayload",
    "UninstallPayload",
    "VoiceCall",
    "decode",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A body we understand and have no use for."""

    reason: str


Payload = (
    AppointmentPayload
    | CampaignPayload
    | ContactPayload
    | ConversationMerged
    | ConversationRead
    | EmailPayload
    | Ignored
    | InstallPayload
    | LocationPayload
    | MessagePayload
    | NotePayload
    | OpportunityPayload
    | PaymentPayload
    | TaskPayload
    | UninstallPayload
    | VoiceCall
)

_COMMERCE = "products, prices and order handling play no part in lead scoring"
_OBJECTS = "custom objects, their records and associations are not used"
_APP = "billing and versions of the app need no action here"
_PEOPLE = "people are invited in Hearthline; GoHighLevel users are matched when a connection is made"

IGNORED_TYPES: Mapping[str, str] = {
    "LocationCreate": "a new location is served once the app is installed in it",
    "PLAN_CHANGE": _APP,
    "UPDATE": _APP,
    "AppPaymentStatus": _APP,
    "SaaSPlanCreate": _APP,
    "ExternalAuthConnected": _APP,
    "UserCreate": _PEOPLE,
    "UserUpdate": _PEOPLE,
    "UserDelete": _PEOPLE,
    "OrderStatusUpdate": _COMMERCE,
    "InvoiceCreate": _COMMERCE,
    "InvoiceUpdate": _COMMERCE,
    "InvoiceDelete": _COMMERCE,
    "InvoiceSent": _COMMERCE,
    "InvoicePartiallyPaid": _COMMERCE,
    "InvoiceVoid": _COMMERCE,
    "ProductCreate": _COMMERCE,
    "ProductUpdate": _COMMERCE,
    "ProductDelete": _COMMERCE,
    "PriceCreate": _COMMERCE,
    "PriceUpdate": _COMMERCE,
    "PriceDelete": _COMMERCE,
    "RecordCreate": _OBJECTS,
    "RecordUpdate": _OBJECTS,
    "RecordDelete": _OBJECTS,
    "RelationCreate": _OBJECTS,
    "RelationDelete": _OBJECTS,
    "AssociationCreate": _OBJECTS,
    "AssociationUpdate": _OBJECTS,
    "AssociationDelete": _OBJECTS,
    "ObjectSchemaCreate": _OBJECTS,
    "ObjectSchemaUpdate": _OBJECTS,
}

_READERS: dict[str, Callable[[Reader], Payload | InternalComment | EmailPassing]] = {
    "INSTALL": read_install,
    "UNINSTALL": read_uninstall,
    "LocationUpdate": read_location,
    "ConversationUnreadUpdate": read_unread,
    "ConversationUnreadWebhook": read_unread,
    "ConversationUpdate": read_merged,
    "VoiceAiCallEnd": read_voice_call,
    "LCEmailStats": read_email,
    "CampaignStatusUpdate": read_campaign,
    "OrderCreate": read_order,
    "InvoicePaid": read_paid_invoice,
}


def parse(body: Mapping[str, Any]) -> Payload:
    """Return what a body says, or raise PayloadError naming the field that is wrong."""
    kind = body.get("type")
    kind = kind if isinstance(kind, str) else ""
    reader = Reader(body)
    if kind in CONTACT_CHANGES:
        return read_contact(reader, kind)
    if kind in ("InboundMessage", "OutboundMessage"):
        return _spoken(read_message(reader, kind))
    if kind in APPOINTMENT_CHANGES:
        return read_appointment(reader, kind)
    if kind in OPPORTUNITY_CHANGES:
        return read_opportunity(reader, kind)
    if kind in TASK_CHANGES:
        return read_task(reader, kind)
    if kind in NOTE_CHANGES:
        return read_note(reader, kind)
    if kind in _READERS:
        return _spoken(_READERS[kind](reader))
    if kind in IGNORED_TYPES:
        return Ignored(IGNORED_TYPES[kind])
    if kind.startswith(("KnowledgeBase", "SupportTicket")):
        return Ignored("knowledge bases and support tickets are not used")
    return _parse_by_shape(reader, kind)


def _spoken(payload: Payload | InternalComment | EmailPassing) -> Payload:
    """Return the payload, or why it is none of the lead's doing."""
    if isinstance(payload, InternalComment):
        return Ignored("a comment between colleagues is not said to the lead")
    if isinstance(payload, EmailPassing):
        return Ignored(f"an e-mail on its way says nothing about the lead: {payload.step}")
    return payload


def _parse_by_shape(reader: Reader, kind: str) -> Payload:
    """Recognise the families that GHL sends without a type (or with a type of another meaning)."""
    body = reader.body
    if not kind:
        if "transcript" in body and "agentId" in body:
            return read_voice_call(reader)
        if "invoiceNumber" in body:
            paid = body.get("status") == "paid"
            return read_paid_invoice(reader) if paid else Ignored(_COMMERCE)
        if body.keys() & {"firstObjectKey", "searchableProperties", "properties"}:
            return Ignored(_OBJECTS)
        if body.keys() & {"productType", "variants", "priceType", "variantOptionIds"}:
            return Ignored(_COMMERCE)
        return Ignored("a body without a type, of no shape we know")
    if "variantOptionIds" in body:
        return Ignored(_COMMERCE)
    if "contactId" in body and "messageId" in body and body.keys() & {"message", "html"}:
        return Ignored("Hearthline is no conversation provider: it sends through GoHighLevel's own channels")
    return Ignored("an event type we do not know")
