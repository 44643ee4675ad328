"""What goes to GoHighLevel and what comes back, typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads.ghl.payloads.reader import Reader, clean_value, read_moment

Json = Mapping[str, Any]


def children(reader: Reader, key: str) -> Iterator[Reader]:
    """Return a reader for each object in a list; an absent list is empty."""
    rows = reader.body.get(key)
    if rows is None:
        return
    if not isinstance(rows, list):
        raise reader.error(key, "must be a list")
    for index, row in enumerate(rows):
        if isinstance(row, Mapping):
            yield Reader(row, f"{reader.path}{key}.{index}.")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact; `raw` is the whole answer, for the same reader that reads webhooks."""

    id: str
    location_id: str
    email: str
    phone: str
    tags: tuple[str, ...]
    custom: Mapping[str, Any]
    added_at: datetime | None
    updated_at: datetime | None
    search_after: tuple[Any, ...] = ()
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, reader: Reader) -> Contact:
        after = reader.body.get("searchAfter")
        return cls(
            id=reader.required("id"),
            location_id=reader.loose("locationId", 64),
            email=reader.loose("email", 254),
            phone=reader.loose("phone", 40),
            tags=tuple(t for t in reader.body.get("tags") or () if isinstance(t, str)),
            custom={
                row.loose("id", 64): clean_value(row.body.get("value"))
                for row in children(reader, "customFields")
                if row.loose("id", 64)
            },
            added_at=read_moment(reader.body.get("dateAdded")),
            updated_at=read_moment(reader.body.get("dateUpdated")),
            search_after=tuple(after) if isinstance(after, list) else (),
            raw=reader.body,
        )


@dataclass(frozen=True, slots=True)
class ContactPage:
    contacts: tuple[Contact, ...]
    total: int
    next: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class UpsertedContact:
    contact: Contact
    is_new: bool


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value for a custom field, known by its id or its key."""

    value: str | int | float | list[str]
    id: str = ""
    key: str = ""

    def body(self) -> dict[str, Any]:
        named = {"id": self.id} if self.id else {"key": self.key}
        return {**named, "field_value": self.value}


@dataclass(frozen=True, slots=True)
class ContactDraft:
    """A contact to make or to bring up to date; tags go by their own calls, which do not replace the list."""

    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    source: str = ""
    assigned_to: str = ""
    fields: tuple[FieldValue, ...] = ()

    def body(self) -> dict[str, Any]:
        told = {
            "email": self.email,
            "phone": self.phone,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "source": self.source,
            "assignedTo": self.assigned_to,
        }
        body: dict[str, Any] = {name: value for name, value in told.items() if value}
        if self.fields:
            body["customFields"] = [value.body() for value in self.fields]
        return body


@dataclass(frozen=True, slots=True)
class TaskDraft:
    title: str
    due_at: datetime
    body: str = ""
    assigned_to: str = ""


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message to send; it costs money and cannot be taken back."""

    channel: str
    contact_id: str
    text: str = ""
    subject: str = ""
    html: str = ""

    def body(self) -> dict[str, Any]:
        told = {"message": self.text, "subject": self.subject, "html": self.html}
        return {
            "type": self.channel,
            "contactId": self.contact_id,
            **{name: value for name, value in told.items() if value},
        }


@dataclass(frozen=True, slots=True)
class SentMessage:
    message_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    contact_id: str
    unread: int
    last_message_at: datetime | None
    sort: int | None

    @classmethod
    def read(cls, reader: Reader) -> Conversation:
        last = reader.body.get("lastMessageDate")
        order = reader.body.get("sort")
        first = order[0] if isinstance(order, list) and order else last
        return cls(
            id=reader.required("id"),
            contact_id=reader.loose("contactId", 64),
            unread=max(0, reader.whole("unreadCount") or 0),
            last_message_at=read_moment(last),
            sort=first if isinstance(first, int) and not isinstance(first, bool) else None,
        )


@dataclass(frozen=True, slots=True)
class ConversationPage:
    conversations: tuple[Conversation, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class MessageRecord:
    id: str
    contact_id: str
    conversation_id: str
    message_type: str
    direction: str
    added_at: datetime | None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, reader: Reader) -> MessageRecord:
        return cls(
            id=reader.required("id"),
            contact_id=reader.loose("contactId", 64),
            conversation_id=reader.loose("conversationId", 64),
            message_type=reader.loose("messageType", 60),
            direction=reader.loose("direction", 20),
            added_at=read_moment(reader.body.get("dateAdded")),
            raw=reader.body,
        )


@dataclass(frozen=True, slots=True)
class MessagePage:
    messages: tuple[MessageRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Opportunity:
    id: str
    contact_id: str
    status: str
    updated_at: datetime | None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, reader: Reader) -> Opportunity:
        return cls(
            id=reader.required("id"),
            contact_id=reader.loose("contactId", 64),
            status=reader.loose("status", 20),
            updated_at=read_moment(reader.body.get("updatedAt")),
            raw=reader.body,
        )


@dataclass(frozen=True, slots=True)
class OpportunityPage:
    opportunities: tuple[Opportunity, ...]
    total: int
    next: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class OpportunityDraft:
    pipeline_id: str
    contact_id: str
    name: str
    status: str = "open"
    stage_id: str = ""
    value: float | None = None
    assigned_to: str = ""

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "pipelineId": self.pipeline_id,
            "contactId": self.contact_id,
            "name": self.name,
            "status": self.status,
        }
        if self.stage_id:
            body["pipelineStageId"] = self.stage_id
        if self.value is not None:
            body["monetaryValue"] = self.value
        if self.assigned_to:
            body["assignedTo"] = self.assigned_to
        return body


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: str
    name: str
    stages: tuple[Stage, ...]

    @classmethod
    def read(cls, reader: Reader) -> Pipeline:
        return cls(
            id=reader.required("id"),
            name=reader.loose("name", 200),
            stages=tuple(
                Stage(stage.loose("id", 64), stage.loose("name", 200)) for stage in children(reader, "stages")
            ),
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    id: str
    name: str
    is_active: bool

    @classmethod
    def read(cls, reader: Reader) -> Calendar:
        return cls(reader.required("id"), reader.loose("name", 200), reader.body.get("isActive") is not False)


@dataclass(frozen=True, slots=True)
class Appointment:
    id: str
    calendar_id: str
    contact_id: str
    status: str
    starts_at: datetime | None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, reader: Reader) -> Appointment:
        return cls(
            id=reader.required("id"),
            calendar_id=reader.loose("calendarId", 64),
            contact_id=reader.loose("contactId", 64),
            status=reader.loose("appointmentStatus", 40),
            starts_at=read_moment(reader.body.get("startTime")),
            raw=reader.body,
        )


@dataclass(frozen=True, slots=True)
class AppointmentDraft:
    calendar_id: str
    contact_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    title: str = ""
    assigned_to: str = ""

    def body(self) -> dict[str, Any]:
        told = {
            "calendarId": self.calendar_id,
            "contactId": self.contact_id,
            "startTime": self.starts_at.isoformat(),
            "endTime": self.ends_at.isoformat() if self.ends_at else "",
            "title": self.title,
            "assignedUserId": self.assigned_to,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class CustomFieldRecord:
    id: str
    key: str
    name: str
    data_type: str
    options: tuple[str, ...]

    @classmethod
    def read(cls, reader: Reader) -> CustomFieldRecord:
        options = reader.body.get("picklistOptions")
        return cls(
            id=reader.required("id"),
            key=reader.loose("fieldKey", 200),
            name=reader.loose("name", 200),
            data_type=reader.loose("dataType", 40) or "TEXT",
            options=tuple(o for o in options if isinstance(o, str)) if isinstance(options, list) else (),
        )


@dataclass(frozen=True, slots=True)
class GHLUser:
    id: str
    email: str
    name: str

    @classmethod
    def read(cls, reader: Reader) -> GHLUser:
        return cls(reader.required("id"), reader.loose("email", 254).lower(), reader.loose("name", 200))


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    id: str
    name: str
    is_published: bool

    @classmethod
    def read(cls, reader: Reader) -> WorkflowRecord:
        return cls(
            reader.required("id"), reader.loose("name", 200), reader.loose("status", 20) == "published"
        )


@dataclass(frozen=True, slots=True)
class Location:
    id: str
    company_id: str
    name: str
    time_zone: str

    @classmethod
    def read(cls, reader: Reader) -> Location:
        return cls(
            reader.required("id"),
            reader.loose("companyId", 64),
            reader.loose("name", 200),
            reader.loose("timezone", 64),
        )
