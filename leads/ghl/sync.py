"""Read a location's past page by page, in the very shape its webhooks would have had.

Each step gives a page of bodies and the place to go on from, so that a back-fill can stop anywhere. What
was told by a webhook before, or is told by one later, has the same ids and is therefore kept once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leads.ghl.client import GHLClient
from leads.ghl.errors import NotFound
from leads.ghl.payloads.reader import read_moment
from leads.ghl.records import Appointment, Contact, MessageRecord, Opportunity

PHASES = ("contacts", "opportunities", "appointments", "conversations")
MESSAGES = 1_000  # of one conversation, newest first
MESSAGE_PAGE = 100
APPOINTMENT_DAYS = 31
APPOINTMENT_SPAN = timedelta(days=APPOINTMENT_DAYS)
PAST, FUTURE = timedelta(days=2 * 365), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Told:
    """One object of the past as a webhook would have told it."""

    key: str
    type: str
    at: datetime | None
    body: Mapping[str, Any] = field(repr=False)

    @property
    def webhook_id(self) -> str:
        """Return an id that is the same whenever this state of the object is read again."""
        stamp = int(self.at.timestamp()) if self.at else 0
        plain = f"backfill:{self.key}:{stamp}"
        return plain if len(plain) <= 80 else "backfill:" + hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a phase; `after` is None when the phase is through."""

    told: tuple[Told, ...]
    after: Any
    total: int = 0


def read_step(client: GHLClient, phase: str, after: Any, *, now: datetime) -> Step:
    """Return the page of a phase that comes after the given place (None: from the beginning)."""
    if phase == "contacts":
        return _contacts(client, after)
    if phase == "opportunities":
        return _opportunities(client, after)
    if phase == "appointments":
        return _appointments(client, after, now)
    return _conversations(client, after)


def _contacts(client: GHLClient, after: Any) -> Step:
    page = client.search_contacts(after=after)
    told = tuple(_contact(client.location_id, contact) for contact in page.contacts)
    return Step(told, list(page.next) if page.next else None, page.total)


def _opportunities(client: GHLClient, after: Any) -> Step:
    page = client.search_opportunities(after=(after[0], after[1]) if after else None)
    told = tuple(_opportunity(client.location_id, row) for row in page.opportunities)
    return Step(told, list(page.next) if page.next else None, page.total)


def _appointments(client: GHLClient, after: Any, now: datetime) -> Step:
    """Read one calendar over one stretch of time; `after` is [calendars left, start of the stretch]."""
    if after is None:
        calendars = [calendar.id for calendar in client.list_calendars() if calendar.is_active]
        since = now - PAST
    else:
        calendars, since = list(after[0]), read_moment(after[1]) or now - PAST
    if not calendars:
        return Step((), None)
    until = min(since + APPOINTMENT_SPAN, now + FUTURE)
    found = client.list_appointments(calendars[0], since=since, until=until)
    told = tuple(_appointment(client.location_id, row) for row in found if row.contact_id)
    if until < now + FUTURE:
        return Step(told, [calendars, until.isoformat()])
    return Step(told, [calendars[1:], (now - PAST).isoformat()] if calendars[1:] else None)


def _conversations(client: GHLClient, after: Any) -> Step:
    page = client.search_conversations(after=after, limit=20)
    told: list[Told] = []
    for conversation in page.conversations:
        told += _messages(client, conversation.id)
    return Step(tuple(told), page.next)


def _messages(client: GHLClient, conversation_id: str) -> list[Told]:
    """Return a conversation's messages, oldest first."""
    found: list[MessageRecord] = []
    before = ""
    while len(found) < MESSAGES:
        page = client.list_messages(conversation_id, before=before, limit=MESSAGE_PAGE)
        found += page.messages
        if page.next is None or page.next == before:
            break
        before = page.next
    said = [_message(client, record) for record in reversed(found) if _is_said(record)]
    return [each for each in said if each is not None]


def _contact(location_id: str, contact: Contact) -> Told:
    body = {**contact.raw, "type": "ContactCreate", "locationId": location_id}
    body.pop("searchAfter", None)
    for name in ("firstName", "lastName", "companyName"):
        lowered = body.get(f"{name}LowerCase")
        if not body.get(name) and isinstance(lowered, str):
            body[name] = lowered.title()
    return Told(f"contact:{contact.id}", "ContactCreate", contact.updated_at or contact.added_at, body)


def _opportunity(location_id: str, row: Opportunity) -> Told:
    body = {
        **_pick(
            row.raw,
            ("id", "contactId", "name", "pipelineId", "pipelineStageId", "status", "monetaryValue", "source"),
        ),
        "assignedTo": row.raw.get("assignedTo") or None,
        "dateAdded": row.raw.get("createdAt"),
        "dateUpdated": row.raw.get("updatedAt"),
        "type": "OpportunityCreate",
        "locationId": location_id,
    }
    return Told(f"opportunity:{row.id}", "OpportunityCreate", row.updated_at, body)


def _appointment(location_id: str, row: Appointment) -> Told:
    names = ("id", "title", "calendarId", "contactId", "appointmentStatus", "assignedUserId", "startTime")
    inner = _pick(row.raw, (*names, "endTime", "dateAdded", "dateUpdated"))
    body = {"type": "AppointmentCreate", "locationId": location_id, "appointment": inner}
    at = read_moment(row.raw.get("dateUpdated")) or read_moment(row.raw.get("dateAdded"))
    return Told(f"appointment:{row.id}", "AppointmentCreate", at, body)


def _is_said(record: MessageRecord) -> bool:
    """Tell a message from the activity notes that GoHighLevel keeps among them."""
    kind = record.message_type.upper()
    is_note = "ACTIVITY" in kind or "INTERNAL_COMMENT" in kind or kind.endswith("INFO_MESSAGE")
    return bool(kind) and not is_note and record.direction in ("inbound", "outbound")


def _message(client: GHLClient, record: MessageRecord) -> Told | None:
    raw = record.raw
    inbound = record.direction == "inbound"
    meta = raw.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    body: dict[str, Any] = {
        **_pick(raw, ("body", "contactId", "conversationId", "dateAdded", "direction", "status", "userId")),
        "attachments": [each for each in raw.get("attachments") or [] if isinstance(each, str)],
        "type": "InboundMessage" if inbound else "OutboundMessage",
        "locationId": client.location_id,
        "messageType": record.message_type.upper().removeprefix("TYPE_").removeprefix("CAMPAIGN_"),
        "messageId": record.id,
        "callDuration": meta.get("callDuration"),
        "callStatus": meta.get("callStatus"),
    }
    if not inbound:
        body["source"] = raw.get("source")
    if body["messageType"] == "EMAIL":
        email_id = _email_id(meta) or record.id
        body |= {"messageId": None, "emailMessageId": email_id, **_email(client, email_id)}
    return Told(f"message:{record.id}", str(body["type"]), record.added_at, body)


def _email_id(meta: Mapping[str, Any]) -> str:
    """Return the e-mail's own id, by which its webhook names it."""
    email = meta.get("email")
    ids = email.get("messageIds") if isinstance(email, Mapping) else None
    return str(ids[-1]) if isinstance(ids, list) and ids else ""


def _email(client: GHLClient, email_id: str) -> dict[str, Any]:
    """Return body and subject of an e-mail; one that is gone stays without."""
    try:
        mail = client.get_email(email_id)
    except NotFound:
        return {}
    told = _pick(mail, ("body", "subject", "from", "to"))
    return {name: value for name, value in told.items() if value is not None}


def _pick(raw: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: raw.get(name) for name in names}
