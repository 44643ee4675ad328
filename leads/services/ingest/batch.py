"""What a batch of deliveries is about: read in a constant number of queries, written in as many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from leads.events import Kind
from leads.fields import FieldError, parse_email, parse_phone
from leads.ghl import payloads
from leads.ghl.payloads import Payload
from leads.ghl.payloads.workflow import WorkflowPayload
from leads.models import (
    Conversation,
    CustomField,
    Event,
    Identity,
    Lead,
    Membership,
    Message,
    Tenant,
    WebhookDelivery,
)
from leads.services.events import NewEvent
from leads.services.live import LiveDraft
from leads.tables import ask, fetch, prepared, together

ContactKey = tuple[int, str, str]
KEY_LENGTH = 180

_IDENTITIES = """
    WITH wanted AS (
        SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS wanted (tenant_id, kind, value)
    )
    SELECT tenant_id, kind, value, lead_id FROM leads_identity JOIN wanted USING (tenant_id, kind, value)
    UNION ALL
    SELECT lead.tenant_id, wanted.kind, wanted.value, lead.id
    FROM leads_lead AS lead
    JOIN wanted ON wanted.kind = 'contact_id' AND lead.tenant_id = wanted.tenant_id
        AND lead.contact_id = wanted.value AND lead.status <> 'merged'
"""
_LOCKED = "ORDER BY id FOR NO KEY UPDATE OF row"
_LOCKED_BY_NAME = f"WHERE id IN (SELECT lead_id FROM ({_IDENTITIES}) AS named) {_LOCKED}"

_LEAD = frozenset(field.attname for field in Lead._meta.concrete_fields) - {
    *("id", "search", "reasons", "quality_missing")
}
"""What ingestion reads of a lead."""
_NAMED = "JOIN unnest(%s::bigint[], %s::text[]) AS named (tenant_id, ghl_id) USING (tenant_id, ghl_id)"
_MESSAGE = frozenset(field.attname for field in Message._meta.concrete_fields) - {"id", "body"}


@dataclass(slots=True)
class Item:
    """A delivery on its way: what it says, and what became of it."""

    delivery: WebhookDelivery
    tenant: Tenant | None = None
    payload: Payload | WorkflowPayload | None = None
    state: str = WebhookDelivery.State.PROCESSED
    reason: str = ""
    email: str = ""
    phone: str = ""
    count: int = 0

    @property
    def at(self) -> datetime:
        """Return when GHL says it told us; when it came, if GHL does not say."""
        sent, received = self.delivery.sent_at, self.delivery.received_at
        return min(sent, received) if sent is not None else received

    def settle(self, state: str, reason: str) -> None:
        """End here."""
        self.state, self.reason = state, reason


@lru_cache(maxsize=4096)
def read_phone(text: str) -> str:
    """Return a phone number in E.164, or nothing when it is none."""
    try:
        return parse_phone(text)
    except FieldError:
        return ""


@lru_cache(maxsize=4096)
def read_email(text: str) -> str:
    """Return an e-mail address in lower case, or nothing when it is none."""
    try:
        return parse_email(text)
    except FieldError:
        return ""


def contact_of(payload: Payload | WorkflowPayload | None) -> str:
    """Return the contact a payload is about."""
    if isinstance(payload, WorkflowPayload):
        return payload.contact.contact_id
    return getattr(payload, "contact_id", "")


def addresses_of(payload: Payload | WorkflowPayload | None) -> tuple[str, str]:
    """Return the e-mail address and the phone number a payload tells of its contact."""
    if isinstance(payload, WorkflowPayload):
        payload = payload.contact
    if isinstance(payload, payloads.ContactPayload):
        email, phone = payload.facts.get("email", ""), payload.facts.get("phone", "")
        return read_email(email) if email else "", read_phone(phone) if phone else ""
    if isinstance(payload, payloads.EmailPayload):
        return read_email(payload.recipient), ""
    if isinstance(payload, payloads.MessagePayload):
        if "@" in payload.address:
            return read_email(payload.address), ""
        return "", read_phone(payload.address) if payload.address.startswith("+") else ""
    return "", ""


@dataclass(slots=True)
class Batch:
    """The rows a batch may touch, by the names GHL knows them by."""

    now: datetime
    items: list[Item]
    leads: dict[ContactKey, Lead] = field(default_factory=dict)
    custom_fields: dict[tuple[int, str], CustomField] = field(default_factory=dict)
    users: dict[tuple[int, str], int] = field(default_factory=dict)
    conversations: dict[tuple[int, str], Conversation] = field(default_factory=dict)
    messages: dict[tuple[int, str], Message] = field(default_factory=dict)
    touched: dict[int, Lead] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    identities: list[Identity] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    owners: list[Item] = field(default_factory=list)
    new_messages: list[tuple[Message, int]] = field(default_factory=list)
    changed_messages: list[Message] = field(default_factory=list)
    changed_conversations: dict[int, Conversation] = field(default_factory=dict)
    absorbed: list[tuple[Conversation, Conversation]] = field(default_factory=list)
    drafts: list[LiveDraft] = field(default_factory=list)

    def tell(
        self,
        item: Item,
        kind: Kind,
        lead: Lead | None,
        occurred_at: datetime | None,
        data: Mapping[str, Any],
        key: str,
    ) -> int:
        """Note an event and return its place; its key makes it happen once however often it is told."""
        assert item.tenant is not None
        delivery = item.delivery
        moment = min(occurred_at or item.at, delivery.received_at)
        is_workflow = delivery.door == WebhookDelivery.Door.WORKFLOW
        self.events.append(
            NewEvent(
                tenant_id=item.tenant.pk,
                kind=kind,
                occurred_at=moment,
                lead_id=lead.pk if lead is not None else None,
                data={name: value for name, value in data.items() if value not in (None, "", [], {})},
                dedupe_key=_key(key),
                source=Event.Source.WORKFLOW if is_workflow else Event.Source.GHL,
                correlation_id=delivery.correlation_id,
                backfill=delivery.is_backfill,
            )
        )
        self.owners.append(item)
        if lead is not None and (lead.last_event_at is None or lead.last_event_at < moment):
            lead.last_event_at = moment
            self.touch(lead)
        return len(self.events) - 1

    def touch(self, lead: Lead) -> None:
        """Mark a lead as changed."""
        self.touched[lead.pk] = lead

    def find(self, item: Item) -> Lead | None:
        """Return the lead an item is about: by contact id, then by e-mail address, then by phone."""
        assert item.tenant is not None
        tenant, contact_id = item.tenant.pk, contact_of(item.payload)
        if contact_id and (lead := self.leads.get((tenant, Identity.Kind.CONTACT_ID, contact_id))):
            return lead
        if item.email and (lead := self.leads.get((tenant, Identity.Kind.EMAIL, item.email))):
            return lead
        if item.phone and (lead := self.leads.get((tenant, Identity.Kind.PHONE, item.phone))):
            return lead if _may_be(lead, item.payload) else None
        return None

    def know(self, lead: Lead, kind: str, value: str) -> None:
        """Note a way the lead is known, unless it is someone's already."""
        key = (lead.tenant_id, str(kind), value)
        if value and key not in self.leads:
            self.leads[key] = lead
            self.identities.append(
                Identity(tenant_id=lead.tenant_id, lead=lead, kind=kind, value=value, created_at=self.now)
            )


def _key(text: str) -> str:
    """Return a dedupe key of bounded length."""
    if len(text) <= KEY_LENGTH:
        return f"ghl:{text}"
    return f"ghl:{hashlib.sha256(text.encode()).hexdigest()}"


def _may_be(lead: Lead, payload: Payload | WorkflowPayload | None) -> bool:
    """Tell whether two contacts with one phone may be one person: a household shares a phone, not a name."""
    if isinstance(payload, WorkflowPayload):
        payload = payload.contact
    if not isinstance(payload, payloads.ContactPayload) or not lead.contact_id:
        return True
    first = payload.facts.get("first_name", "").casefold()
    return not first or not lead.first_name or first == lead.first_name.casefold()


def load(batch: Batch) -> None:
    """Read what the batch may need: one query for each kind of row."""
    live = [item for item in batch.items if item.tenant is not None and item.payload is not None]
    for item in live:
        item.email, item.phone = addresses_of(item.payload)
    with together():
        answers = (*_ask_for_leads(batch, live), *_ask_for_talk(batch, live))
        for answer in answers:
            answer()
    tenants = {item.tenant.pk for item in live if item.tenant is not None}
    if any(isinstance(item.payload, payloads.ContactPayload | WorkflowPayload) for item in live):
        rows = CustomField.objects.filter(tenant__in=tenants)
        batch.custom_fields = {(row.tenant_id, row.ghl_id): row for row in rows}
    names = {name for item in live if (name := _user_of(item.payload))}
    if names:
        memberships = Membership.objects.filter(tenant__in=tenants, ghl_user_id__in=names, is_active=True)
        batch.users = {
            (tenant_id, name): user_id
            for tenant_id, name, user_id in memberships.values_list("tenant_id", "ghl_user_id", "user_id")
        }


def _ask_for_leads(batch: Batch, live: Iterable[Item]) -> Iterator[Callable[[], None]]:
    """Ask for the leads that are named, locked in the order of their keys."""
    wanted: set[ContactKey] = set()
    for item in live:
        assert item.tenant is not None
        named = (
            (Identity.Kind.CONTACT_ID, contact_of(item.payload)),
            (Identity.Kind.EMAIL, item.email),
            (Identity.Kind.PHONE, item.phone),
        )
        wanted.update((item.tenant.pk, str(kind), value) for kind, value in named if value)
    if not wanted:
        return
    columns = [list(column) for column in zip(*sorted(wanted), strict=True)]
    names = prepared()
    names.execute(_IDENTITIES, columns)
    locked = ask(Lead, _LOCKED_BY_NAME, columns, only=_LEAD)

    def answer() -> None:
        found: list[tuple[int, str, str, int]] = names.fetchall()
        rows = _survivors(locked())
        batch.leads = {
            (tenant_id, kind, value): rows[pk] for tenant_id, kind, value, pk in found if pk in rows
        }

    yield answer


def _survivors(leads: Sequence[Lead]) -> dict[int, Lead]:
    """Return locked leads by their keys; one merged meanwhile stands for its survivor, locked too."""
    rows = {lead.pk: lead for lead in leads}
    absent = [pk for lead in leads if (pk := lead.merged_into_id) is not None and pk not in rows]
    if absent:
        rows |= {lead.pk: lead for lead in fetch(Lead, f"WHERE id = ANY(%s) {_LOCKED}", [absent], only=_LEAD)}
    return {
        pk: rows.get(lead.merged_into_id, lead) if lead.merged_into_id else lead for pk, lead in rows.items()
    }


def _user_of(payload: Payload | WorkflowPayload | None) -> str:
    if isinstance(payload, payloads.ContactPayload):
        return payload.facts.get("assigned_to", "")
    return getattr(payload, "assigned_to", "") or getattr(payload, "user_id", "")


def _ask_for_talk(batch: Batch, live: Iterable[Item]) -> Iterator[Callable[[], None]]:
    """Ask for the conversations and messages that are named."""
    threads: set[tuple[int, str]] = set()
    messages: set[tuple[int, str]] = set()
    for item in live:
        assert item.tenant is not None
        payload, tenant = item.payload, item.tenant.pk
        if isinstance(payload, payloads.MessagePayload):
            threads.add((tenant, thread_id(payload)))
            messages.add((tenant, message_id(payload)))
        elif isinstance(payload, payloads.ConversationRead):
            threads.add((tenant, payload.conversation_id))
        elif isinstance(payload, payloads.ConversationMerged):
            threads |= {(tenant, payload.old_id), (tenant, payload.new_id)}
    if threads:
        known = ask(Conversation, _NAMED, _columns(threads))
        yield lambda: batch.conversations.update({(row.tenant_id, row.ghl_id): row for row in known()})
    if messages:
        named = f"{_NAMED} WHERE row.ghl_id <> ''"  # as its index says
        said = ask(Message, named, _columns(messages), only=_MESSAGE)
        yield lambda: batch.messages.update({(row.tenant_id, row.ghl_id): row for row in said()})


def _columns(names: set[tuple[int, str]]) -> list[list[Any]]:
    return [[tenant_id for tenant_id, _ in names], [name for _, name in names]]


def thread_id(payload: payloads.MessagePayload) -> str:
    """Return the conversation's id; a message without one belongs to its contact's own thread."""
    return (payload.conversation_id or f"contact:{payload.contact_id or payload.address}")[:64]


def message_id(payload: payloads.MessagePayload) -> str:
    """Return the id a message is kept by; an e-mail's own id names both halves of an exchange."""
    name = payload.message_id
    if name == payload.email_message_id:
        name = f"{'in' if payload.inbound else 'out'}:{name}"
    return name[:64]
