"""The calls Hearthline makes to GoHighLevel, for one location."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from leads.ghl.errors import GHLError, OutcomeUnknown, Unavailable
from leads.ghl.payloads.reader import PayloadError, Reader, read_moment
from leads.ghl.records import (
    Appointment,
    AppointmentDraft,
    Calendar,
    Contact,
    ContactDraft,
    ContactPage,
    Conversation,
    ConversationPage,
    CustomFieldRecord,
    FieldValue,
    GHLUser,
    Location,
    MessageDraft,
    MessagePage,
    MessageRecord,
    Opportunity,
    OpportunityDraft,
    OpportunityPage,
    Pipeline,
    SentMessage,
    TaskDraft,
    UpsertedContact,
    WorkflowRecord,
    children,
)
from leads.ghl.transport import CONVERSATIONS_VERSION, Endpoint, Transport

__all__ = ["GHLClient", "GHLError"]

T = TypeVar("T")

GET_CONTACT = Endpoint("GET", "/contacts/{contact}", "contacts.readonly", repeatable=True)
SEARCH_CONTACTS = Endpoint("POST", "/contacts/search", "contacts.readonly", repeatable=True)
UPSERT_CONTACT = Endpoint("POST", "/contacts/upsert", "contacts.write", repeatable=True)
UPDATE_CONTACT = Endpoint("PUT", "/contacts/{contact}", "contacts.write", repeatable=True)
ADD_TAGS = Endpoint("POST", "/contacts/{contact}/tags", "contacts.write", repeatable=True)
REMOVE_TAGS = Endpoint("DELETE", "/contacts/{contact}/tags", "contacts.write", repeatable=True)
ADD_NOTE = Endpoint("POST", "/contacts/{contact}/notes", "contacts.write")
ADD_TASK = Endpoint("POST", "/contacts/{contact}/tasks", "contacts.write")
ENROL = Endpoint("POST", "/contacts/{contact}/workflow/{workflow}", "contacts.write")
CONTACT_APPOINTMENTS = Endpoint(
    "GET", "/contacts/{contact}/appointments", "contacts.readonly", repeatable=True
)
SEND_MESSAGE = Endpoint(
    "POST", "/conversations/messages", "conversations/message.write", CONVERSATIONS_VERSION
)
SEARCH_CONVERSATIONS = Endpoint(
    "GET", "/conversations/search", "conversations.readonly", CONVERSATIONS_VERSION, repeatable=True
)
LIST_MESSAGES = Endpoint(
    "GET",
    "/conversations/{conversation}/messages",
    "conversations/message.readonly",
    CONVERSATIONS_VERSION,
    repeatable=True,
)
GET_MESSAGE = Endpoint(
    "GET",
    "/conversations/messages/{message}",
    "conversations/message.readonly",
    CONVERSATIONS_VERSION,
    repeatable=True,
)
GET_EMAIL = Endpoint(
    "GET",
    "/conversations/messages/email/{message}",
    "conversations/message.readonly",
    CONVERSATIONS_VERSION,
    repeatable=True,
)
SEARCH_OPPORTUNITIES = Endpoint("GET", "/opportunities/search", "opportunities.readonly", repeatable=True)
UPSERT_OPPORTUNITY = Endpoint("POST", "/opportunities/upsert", "opportunities.write", repeatable=True)
SET_OPPORTUNITY_STATUS = Endpoint(
    "PUT", "/opportunities/{opportunity}/status", "opportunities.write", repeatable=True
)
LIST_PIPELINES = Endpoint("GET", "/opportunities/pipelines", "opportunities.readonly", repeatable=True)
LIST_CALENDARS = Endpoint("GET", "/calendars/", "calendars.readonly", CONVERSATIONS_VERSION, repeatable=True)
LIST_APPOINTMENTS = Endpoint(
    "GET", "/calendars/events", "calendars/events.readonly", CONVERSATIONS_VERSION, repeatable=True
)
FREE_SLOTS = Endpoint(
    "GET", "/calendars/{calendar}/free-slots", "calendars.readonly", CONVERSATIONS_VERSION, repeatable=True
)
BOOK = Endpoint("POST", "/calendars/events/appointments", "calendars/events.write", CONVERSATIONS_VERSION)
LIST_CUSTOM_FIELDS = Endpoint(
    "GET", "/locations/{location}/customFields", "locations/customFields.readonly", repeatable=True
)
ADD_CUSTOM_FIELD = Endpoint("POST", "/locations/{location}/customFields", "locations/customFields.write")
GET_LOCATION = Endpoint("GET", "/locations/{location}", "locations.readonly", repeatable=True)
LIST_USERS = Endpoint("GET", "/users/", "users.readonly", repeatable=True)
LIST_WORKFLOWS = Endpoint("GET", "/workflows/", "workflows.readonly", repeatable=True)

SEARCH_PAGE = 100


class GHLClient:
    """GoHighLevel's API for one location."""

    def __init__(self, transport: Transport, location_id: str) -> None:
        self._transport = transport
        self.location_id = location_id

    def get_contact(self, contact_id: str) -> Contact:
        return self._one(GET_CONTACT, "contact", Contact.read, path={"contact": contact_id})

    def search_contacts(
        self,
        *,
        after: Sequence[Any] | None = None,
        limit: int = SEARCH_PAGE,
        filters: Sequence[Mapping[str, Any]] = (),
    ) -> ContactPage:
        """Return a page of contacts, oldest change first; `after` is the `next` of the page before."""
        body: dict[str, Any] = {
            "locationId": self.location_id,
            "pageLimit": limit,
            "sort": [{"field": "dateUpdated", "direction": "asc"}],
        }
        if after:
            body["searchAfter"] = list(after)
        else:
            body["page"] = 1
        if filters:
            body["filters"] = list(filters)

        def read(answer: Reader) -> ContactPage:
            contacts = tuple(Contact.read(row) for row in children(answer, "contacts"))
            more = len(contacts) == limit and contacts[-1].search_after
            return ContactPage(
                contacts, answer.whole("total") or 0, contacts[-1].search_after if more else None
            )

        return self._read(SEARCH_CONTACTS, read, body=body)

    def upsert_contact(self, draft: ContactDraft) -> UpsertedContact:
        """Make a contact or bring the one with this e-mail or phone up to date."""

        def read(answer: Reader) -> UpsertedContact:
            return UpsertedContact(Contact.read(answer.child("contact")), answer.body.get("new") is True)

        body = {"locationId": self.location_id, **draft.body()}
        return self._read(UPSERT_CONTACT, read, body=body)

    def update_contact(self, contact_id: str, changes: Mapping[str, Any]) -> None:
        """Change what is named of a contact, by GoHighLevel's names; all else stays."""
        self._transport.call(UPDATE_CONTACT, path={"contact": contact_id}, body=changes)

    def update_custom_fields(self, contact_id: str, values: Iterable[FieldValue]) -> None:
        body = {"customFields": [value.body() for value in values]}
        self._transport.call(UPDATE_CONTACT, path={"contact": contact_id}, body=body)

    def add_tags(self, contact_id: str, tags: Sequence[str]) -> None:
        self._transport.call(ADD_TAGS, path={"contact": contact_id}, body={"tags": list(tags)})

    def remove_tags(self, contact_id: str, tags: Sequence[str]) -> None:
        self._transport.call(REMOVE_TAGS, path={"contact": contact_id}, body={"tags": list(tags)})

    def add_note(self, contact_id: str, text: str) -> str:
        """Add a note and return its id."""
        path = {"contact": contact_id}
        return self._one(ADD_NOTE, "note", lambda note: note.required("id"), path=path, body={"body": text})

    def add_task(self, contact_id: str, draft: TaskDraft) -> str:
        """Add an open task and return its id."""
        body: dict[str, Any] = {"title": draft.title, "dueDate": _stamp(draft.due_at), "completed": False}
        if draft.body:
            body["body"] = draft.body
        if draft.assigned_to:
            body["assignedTo"] = draft.assigned_to
        path = {"contact": contact_id}
        return self._one(ADD_TASK, "task", lambda task: task.required("id"), path=path, body=body)

    def enrol(self, contact_id: str, workflow_id: str) -> None:
        """Put a contact into one of the location's GoHighLevel workflows."""
        self._transport.call(ENROL, path={"contact": contact_id, "workflow": workflow_id}, body={})

    def contact_appointments(self, contact_id: str) -> tuple[Appointment, ...]:
        return self._many(CONTACT_APPOINTMENTS, "events", Appointment.read, path={"contact": contact_id})

    def send_message(self, draft: MessageDraft) -> SentMessage:
        """Send a message; never repeated when its outcome is unknown."""

        def read(answer: Reader) -> SentMessage:
            return SentMessage(answer.required("messageId"), answer.loose("conversationId", 64))

        return self._read(SEND_MESSAGE, read, body=draft.body())

    def search_conversations(
        self, *, after: int | None = None, contact_id: str = "", limit: int = SEARCH_PAGE
    ) -> ConversationPage:
        """Return a page of conversations, the longest quiet first."""
        query = {
            "locationId": self.location_id,
            "contactId": contact_id,
            "limit": limit,
            "sort": "asc",
            "sortBy": "last_message_date",
            "startAfterDate": after,
        }

        def read(answer: Reader) -> ConversationPage:
            found = tuple(Conversation.read(row) for row in children(answer, "conversations"))
            more = len(found) == limit and found[-1].sort is not None and found[-1].sort != after
            return ConversationPage(found, found[-1].sort if more else None)

        return self._read(SEARCH_CONVERSATIONS, read, query=query)

    def list_messages(self, conversation_id: str, *, before: str = "", limit: int = 100) -> MessagePage:
        """Return a page of messages, newest first; `before` is the `next` of the page before it."""

        def read(answer: Reader) -> MessagePage:
            inner = answer.child("messages") if isinstance(answer.body.get("messages"), dict) else answer
            found = tuple(MessageRecord.read(row) for row in children(inner, "messages"))
            more = inner.body.get("nextPage") is True and found
            return MessagePage(found, inner.loose("lastMessageId", 64) or found[-1].id if more else None)

        return self._read(
            LIST_MESSAGES,
            read,
            path={"conversation": conversation_id},
            query={"limit": limit, "lastMessageId": before},
        )

    def get_message(self, message_id: str) -> MessageRecord:
        def read(answer: Reader) -> MessageRecord:
            return MessageRecord.read(answer.child("message") if "message" in answer.body else answer)

        return self._read(GET_MESSAGE, read, path={"message": message_id})

    def get_email(self, email_id: str) -> Mapping[str, Any]:
        """Return one e-mail; lists of messages carry e-mails without their bodies."""

        def read(answer: Reader) -> Mapping[str, Any]:
            return answer.child("emailMessage").body if "emailMessage" in answer.body else answer.body

        return self._read(GET_EMAIL, read, path={"message": email_id})

    def search_opportunities(
        self, *, after: tuple[int, str] | None = None, contact_id: str = "", limit: int = SEARCH_PAGE
    ) -> OpportunityPage:
        query = {
            "location_id": self.location_id,
            "contact_id": contact_id,
            "limit": limit,
            "status": "all",
            "order": "added_asc",
            "startAfter": after[0] if after else None,
            "startAfterId": after[1] if after else None,
        }

        def read(answer: Reader) -> OpportunityPage:
            found = tuple(Opportunity.read(row) for row in children(answer, "opportunities"))
            meta = answer.child("meta")
            number, last = meta.whole("startAfter"), meta.loose("startAfterId", 64)
            more = len(found) == limit and number is not None and last and (number, last) != after
            return OpportunityPage(
                found, meta.whole("total") or 0, (number, last) if more and number is not None else None
            )

        return self._read(SEARCH_OPPORTUNITIES, read, query=query)

    def upsert_opportunity(self, draft: OpportunityDraft) -> str:
        """Make or update the contact's opportunity in a pipeline and return its id."""
        body = {"locationId": self.location_id, **draft.body()}
        return self._one(UPSERT_OPPORTUNITY, "opportunity", lambda row: row.loose("id", 64), body=body)

    def set_opportunity_status(self, opportunity_id: str, status: str) -> None:
        self._transport.call(
            SET_OPPORTUNITY_STATUS, path={"opportunity": opportunity_id}, body={"status": status}
        )

    def list_pipelines(self) -> tuple[Pipeline, ...]:
        return self._many(LIST_PIPELINES, "pipelines", Pipeline.read, query={"locationId": self.location_id})

    def list_calendars(self) -> tuple[Calendar, ...]:
        return self._many(LIST_CALENDARS, "calendars", Calendar.read, query={"locationId": self.location_id})

    def list_appointments(
        self, calendar_id: str, *, since: datetime, until: datetime
    ) -> tuple[Appointment, ...]:
        query = {
            "locationId": self.location_id,
            "calendarId": calendar_id,
            "startTime": _milliseconds(since),
            "endTime": _milliseconds(until),
        }
        return self._many(LIST_APPOINTMENTS, "events", Appointment.read, query=query)

    def free_slots(
        self, calendar_id: str, *, since: datetime, until: datetime, time_zone: str = ""
    ) -> tuple[datetime, ...]:
        """Return the free starts of a calendar; GoHighLevel answers for at most 31 days."""
        query = {
            "startDate": _milliseconds(since),
            "endDate": _milliseconds(until),
            "timezone": time_zone,
        }

        def read(answer: Reader) -> tuple[datetime, ...]:
            days = (answer.child(day) for day, value in answer.body.items() if isinstance(value, Mapping))
            slots = (read_moment(slot) for day in days for slot in day.texts("slots"))
            return tuple(sorted(slot for slot in slots if slot is not None))

        return self._read(FREE_SLOTS, read, path={"calendar": calendar_id}, query=query)

    def book(self, draft: AppointmentDraft) -> Appointment:
        """Book an appointment."""
        return self._read(BOOK, Appointment.read, body={"locationId": self.location_id, **draft.body()})

    def get_location(self) -> Location:
        return self._one(GET_LOCATION, "location", Location.read, path={"location": self.location_id})

    def list_custom_fields(self) -> tuple[CustomFieldRecord, ...]:
        """Return the custom fields of contacts."""
        return self._many(
            LIST_CUSTOM_FIELDS,
            "customFields",
            CustomFieldRecord.read,
            path={"location": self.location_id},
            query={"model": "contact"},
        )

    def add_custom_field(self, name: str, data_type: str) -> CustomFieldRecord:
        body = {"name": name, "dataType": data_type, "model": "contact"}
        path = {"location": self.location_id}
        return self._one(ADD_CUSTOM_FIELD, "customField", CustomFieldRecord.read, path=path, body=body)

    def list_users(self) -> tuple[GHLUser, ...]:
        return self._many(LIST_USERS, "users", GHLUser.read, query={"locationId": self.location_id})

    def list_workflows(self) -> tuple[WorkflowRecord, ...]:
        return self._many(
            LIST_WORKFLOWS, "workflows", WorkflowRecord.read, query={"locationId": self.location_id}
        )

    def _read(self, endpoint: Endpoint, read: Callable[[Reader], T], **call: Any) -> T:
        """Make the call and read its answer."""
        answer = self._transport.call(endpoint, **call)
        try:
            return read(Reader(answer))
        except PayloadError as error:
            failure = Unavailable if endpoint.repeatable else OutcomeUnknown
            raise failure(
                f"{endpoint.name}: the answer is not what GoHighLevel documents ({error.field}).",
                call=endpoint.name,
            ) from None

    def _one(self, endpoint: Endpoint, key: str, read: Callable[[Reader], T], **call: Any) -> T:
        return self._read(endpoint, lambda answer: read(answer.child(key)), **call)

    def _many(self, endpoint: Endpoint, key: str, read: Callable[[Reader], T], **call: Any) -> tuple[T, ...]:
        return self._read(endpoint, lambda answer: tuple(read(row) for row in children(answer, key)), **call)


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
