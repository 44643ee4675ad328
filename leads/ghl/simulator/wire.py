"""Webhook bodies in GoHighLevel's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from leads.ghl.simulator.people import Person, make_id

APP_ID = "hearthline-simulator"
OFFICE = "+18005550100"
Body = dict[str, Any]
TYPES = {
    "SMS": (2, "TYPE_SMS"),
    "Email": (3, "TYPE_EMAIL"),
    "CALL": (1, "TYPE_CALL"),
    "VoiceMail": (10, "TYPE_VOICEMAIL"),
}


@dataclass(frozen=True, slots=True)
class Post:
    """One webhook of a story: when it happened, and its body without the time of dispatch."""

    at: datetime
    body: Body
    is_workflow: bool = False


def iso(moment: datetime) -> str:
    """Return a moment as JavaScript writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def enveloped(body: Body, *, app_id: str, sent_at: datetime, name: str) -> Body:
    """Return the body as it is delivered: flat, with the four fields of the envelope."""
    return {
        **body,
        "appId": app_id,
        "versionId": app_id,
        "timestamp": iso(sent_at),
        "webhookId": webhook_id(name),
    }


def webhook_id(name: str) -> str:
    """Return the id of the webhook of that name."""
    return str(uuid5(NAMESPACE_URL, f"hearthline-simulator/{name}"))


@dataclass(frozen=True, slots=True)
class Wire:
    """Bodies about one person in one location."""

    location_id: str
    person: Person

    def contact(
        self,
        kind: str,
        *,
        tags: list[str],
        custom: Mapping[str, Any],
        assigned: str = "",
        updated: datetime | None = None,
        denied: tuple[str, ...] = (),
    ) -> Body:
        """Return a Contact* snapshot."""
        person = self.person
        body: Body = {
            "type": kind,
            "locationId": self.location_id,
            "id": person.contact_id,
            "firstName": person.first,
            "lastName": person.last,
            "name": f"{person.first} {person.last}",
            "email": person.email,
            "phone": person.phone,
            "address1": person.street if person.segment == "seller" else "",
            "city": person.city,
            "state": person.state,
            "postalCode": person.postal,
            "country": "US",
            "source": person.source,
            "dateAdded": iso(person.created_at),
            "dnd": False,
            "tags": tags,
            "attachments": [],
            "customFields": [
                {"id": field_id(self.location_id, key), "value": v} for key, v in custom.items()
            ],
        }
        if assigned:
            body["assignedTo"] = assigned
        if updated is not None:
            body["dateUpdated"] = iso(updated)
        if kind == "ContactDndUpdate":
            body["dndSettings"] = {
                channel: {"status": "active" if channel in denied else "inactive", "message": "", "code": ""}
                for channel in ("SMS", "Email", "Call", "WhatsApp", "GMB", "FB")
            }
        return body

    def message(
        self,
        *,
        inbound: bool,
        channel: str,
        at: datetime,
        name: str,
        text: str = "",
        subject: str = "",
        source: str = "app",
        user: str = "",
        seconds: int | None = None,
        status: str = "delivered",
    ) -> Body:
        """Return an InboundMessage or OutboundMessage body."""
        person = self.person
        number, words = TYPES[channel]
        body: Body = {
            "type": "InboundMessage" if inbound else "OutboundMessage",
            "locationId": self.location_id,
            "attachments": [],
            "contactId": person.contact_id,
            "conversationId": make_id(person.contact_id, "conversation"),
            "dateAdded": iso(at),
            "direction": "inbound" if inbound else "outbound",
            "messageType": channel,
            "messageId": make_id(person.contact_id, "message", name),
            "status": status,
            "messageTypeId": number,
            "messageTypeString": words,
            "from": person.phone if inbound else OFFICE,
            "to": OFFICE if inbound else person.phone,
        }
        if channel in ("SMS", "Email"):
            body |= {"body": text, "contentType": "text/plain"}
        if channel == "Email":
            body |= {
                "body": f"<div><p>{text}</p></div>",
                "subject": subject,
                "emailMessageId": make_id(person.contact_id, "mail", name),
                "threadId": make_id(person.contact_id, "thread"),
                "from": person.email if inbound else "office@example.com",
                "to": "office@example.com" if inbound else person.email,
            }
        if channel == "CALL":
            body |= {"callDuration": seconds or 0, "callStatus": status}
        if not inbound:
            body |= {"source": source, "userId": user}
        return body

    def appointment(
        self,
        kind: str,
        *,
        name: str,
        status: str,
        starts: datetime,
        added: datetime,
        updated: datetime,
        user: str,
    ) -> Body:
        """Return an Appointment* body."""
        return {
            "type": kind,
            "locationId": self.location_id,
            "appointment": {
                "id": make_id(self.person.contact_id, "appointment", name),
                "title": f"Showing: {self.person.street}",
                "calendarId": make_id(self.location_id, "calendar"),
                "contactId": self.person.contact_id,
                "groupId": make_id(self.location_id, "group"),
                "appointmentStatus": status,
                "assignedUserId": user,
                "users": [user],
                "notes": "",
                "source": "booking_widget",
                "startTime": iso(starts),
                "endTime": iso(starts),
                "dateAdded": iso(added),
                "dateUpdated": iso(updated),
            },
        }

    def opportunity(
        self, kind: str, *, stage: str, status: str, added: datetime, updated: datetime, user: str
    ) -> Body:
        """Return an Opportunity* body."""
        person = self.person
        return {
            "type": kind,
            "locationId": self.location_id,
            "id": make_id(person.contact_id, "opportunity"),
            "assignedTo": user,
            "contactId": person.contact_id,
            "monetaryValue": round(person.budget * 0.027),
            "name": f"{person.first} {person.last}",
            "pipelineId": make_id(self.location_id, "pipeline"),
            "pipelineStageId": make_id(self.location_id, "stage", stage),
            "source": person.source,
            "status": status,
            "dateAdded": iso(added),
            "dateUpdated": iso(updated),
        }

    def email_event(self, outcome: str, *, at: datetime, name: str) -> Body:
        """Return an LCEmailStats body."""
        person = self.person
        inner: Body = {
            "event": outcome,
            "id": make_id(person.contact_id, "email", outcome, name),
            "timestamp": int(at.timestamp()),
            "message": {
                "attachments": [],
                "headers": {
                    "message-id": f"{make_id(person.contact_id, 'mail', name)}@mail.example.com",
                    "from": "Office <office@example.com>",
                    "to": person.email,
                },
                "size": 18250,
            },
            "log-level": "error" if outcome == "failed" else "info",
            "recipient": person.email,
            "recipient-domain": "example.com",
            "campaigns": [],
        }
        if outcome == "clicked":
            inner["url"] = "https://www.example.com/listings/this-week"
        if outcome == "failed":
            inner |= {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550}}
        return {"type": "LCEmailStats", "locationId": self.location_id, "webhookPayload": inner}

    def note(self, *, at: datetime, name: str, text: str) -> Body:
        """Return a NoteCreate body."""
        return {
            "type": "NoteCreate",
            "locationId": self.location_id,
            "id": make_id(self.person.contact_id, "note", name),
            "body": text,
            "contactId": self.person.contact_id,
            "dateAdded": iso(at),
        }

    def task(self, *, at: datetime, due: datetime, name: str, title: str, user: str) -> Body:
        """Return a TaskCreate body."""
        return {
            "type": "TaskCreate",
            "locationId": self.location_id,
            "id": make_id(self.person.contact_id, "task", name),
            "assignedTo": user,
            "body": "",
            "contactId": self.person.contact_id,
            "title": title,
            "dateAdded": iso(at),
            "dueDate": iso(due),
        }

    def form(self, event: str, *, at: datetime, name: str, **facts: str) -> Body:
        """Return the body of a Custom Webhook action on a form, link or page trigger."""
        person = self.person
        return {
            "event": event,
            "contact_id": person.contact_id,
            "email": person.email,
            "phone": person.phone,
            "first_name": person.first,
            "last_name": person.last,
            "source": person.source,
            "occurred_at": iso(at),
            "workflow": "lead-score-push-v1",
            "key": make_id(person.contact_id, event, name),
            **facts,
        }


def field_id(location_id: str, key: str) -> str:
    """Return the id of a location's custom field."""
    return make_id(location_id, "field", key)
