"""What a program tells that a lead did or said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from leads.errors import DomainError
from leads.events import SELF_SERVICE, Kind
from leads.models import Conversation, Event, Lead, Message, User
from leads.models.conversations import Channel
from leads.services.events import record_event
from leads.services.leads import lock_lead

INBOUND = (Kind.MESSAGE_RECEIVED, Kind.CALL_RECEIVED)
OUTBOUND = (Kind.MESSAGE_SENT, Kind.CALL_MADE)
CALLS = (Kind.CALL_RECEIVED, Kind.CALL_MADE)


@transaction.atomic
def record_behavior(
    *,
    lead: Lead,
    kind: Kind,
    occurred_at: datetime,
    data: dict[str, Any],
    by: User | None,
    dedupe_key: str = "",
    source: str = Event.Source.API,
) -> tuple[Event, bool]:
    """Record one act of a lead; told again under its dedupe key, the first record is returned and False."""
    if kind not in SELF_SERVICE:
        raise DomainError(f"Events of the kind {kind} cannot be recorded here.", "kind")
    lead = lock_lead(lead)
    key = f"api:{lead.pk}:{dedupe_key}" if dedupe_key else ""
    direction = Message.Direction.INBOUND if kind in INBOUND else Message.Direction.OUTBOUND
    if kind in (*INBOUND, *OUTBOUND):
        data = {**data, "direction": direction.value}
    event = record_event(
        tenant=lead.tenant,
        kind=kind,
        occurred_at=occurred_at,
        lead=lead,
        data=data,
        dedupe_key=key,
        source=source,
        actor_id=by.pk if by else None,
    )
    if event is None:
        return Event.objects.get(tenant=lead.tenant, lead=lead, dedupe_key=key), False
    if kind in (*INBOUND, *OUTBOUND):
        _keep_message(lead, event, direction)
    _follow(lead, kind, occurred_at)
    return event, True


def _keep_message(lead: Lead, event: Event, direction: Message.Direction) -> None:
    conversation = lead.conversations.order_by("-pk").first()
    if conversation is None:
        conversation = Conversation.objects.create(tenant=lead.tenant, lead=lead)
    moment = event.occurred_at
    if conversation.last_message_at is None or conversation.last_message_at < moment:
        conversation.last_message_at = moment
    conversation.unread_count += direction == Message.Direction.INBOUND
    conversation.save(update_fields=["last_message_at", "unread_count"])
    default = Channel.CALL if event.kind in CALLS else Channel.CUSTOM
    Message.objects.create(
        tenant=lead.tenant,
        conversation=conversation,
        lead=lead,
        event_id=event.pk,
        direction=direction,
        channel=event.data.get("channel", default),
        body=event.data.get("text", ""),
        sent_by_id=event.actor_id if direction == Message.Direction.OUTBOUND else None,
        sent_at=moment,
        duration=int(event.data["seconds"]) if "seconds" in event.data else None,
    )


def _follow(lead: Lead, kind: Kind, moment: datetime) -> None:
    """Keep when each side last spoke, and since when the lead waits for an answer."""
    if kind == Kind.MESSAGE_RECEIVED:
        answered = lead.last_outbound_at is not None and lead.last_outbound_at >= moment
        if not answered and (lead.awaiting_reply_since is None or moment < lead.awaiting_reply_since):
            lead.awaiting_reply_since = moment
    elif kind in (Kind.CALL_RECEIVED, *OUTBOUND) and _waited_before(lead, moment):
        waits = lead.last_inbound_at is not None and lead.last_inbound_at > moment
        lead.awaiting_reply_since = lead.last_inbound_at if waits else None
    if kind in INBOUND:
        lead.last_inbound_at = max(lead.last_inbound_at or moment, moment)
    elif kind in OUTBOUND:
        lead.last_outbound_at = max(lead.last_outbound_at or moment, moment)
    lead.last_event_at = max(lead.last_event_at or moment, moment)
    lead.save(update_fields=["awaiting_reply_since", "last_inbound_at", "last_outbound_at", "last_event_at"])


def _waited_before(lead: Lead, moment: datetime) -> bool:
    return lead.awaiting_reply_since is not None and lead.awaiting_reply_since <= moment
