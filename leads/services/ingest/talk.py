"""Apply what was said: messages, calls, e-mail outcomes, conversations."""

from __future__ import annotations

from datetime import datetime, timedelta

from leads.events import Kind
from leads.ghl.payloads import ConversationMerged, ConversationRead, EmailPayload, MessagePayload, VoiceCall
from leads.models import Conversation, Lead, LiveMessage, Message, WebhookDelivery
from leads.services.ingest.batch import Batch, Item, message_id, thread_id
from leads.services.ingest.contacts import DENIED, deny_or_lift
from leads.services.live import LiveDraft

LIVE_WITHIN = timedelta(hours=1)
PREVIEW = 140
MISSED = frozenset(
    {"no-answer", "noanswer", "busy", "failed", "canceled", "cancelled", "missed", "voicemail"}
)
FAILED = frozenset({"failed", "undelivered", "bounced", "rejected"})
AUTOMATIC = frozenset({"workflow", "campaign", "bulk_actions", "bulk actions", "bulkactions"})

EMAIL_KINDS = {
    "delivered": Kind.EMAIL_DELIVERED,
    "opened": Kind.EMAIL_OPENED,
    "clicked": Kind.EMAIL_CLICKED,
    "bounced": Kind.EMAIL_BOUNCED,
    "complained": Kind.EMAIL_COMPLAINED,
    "unsubscribed": Kind.EMAIL_UNSUBSCRIBED,
}


def apply_message(batch: Batch, item: Item, lead: Lead) -> None:
    """Keep a message and tell of it; a later delivery of the same one brings its new status."""
    payload = item.payload
    assert isinstance(payload, MessagePayload)
    known = batch.messages.get((lead.tenant_id, message_id(payload)))
    if known is not None:
        _update_status(batch, item, lead, payload, known)
        return
    kind = _kind(payload)
    moment = min(payload.occurred_at or item.at, item.delivery.received_at)
    automatic = payload.source.lower() in AUTOMATIC
    sender = None if payload.inbound else batch.users.get((lead.tenant_id, payload.user_id))
    conversation = _conversation(batch, lead, thread_id(payload))
    if conversation.last_message_at is None or conversation.last_message_at < moment:
        conversation.last_message_at = moment
    conversation.unread_count += payload.inbound
    message = Message(
        tenant_id=lead.tenant_id,
        conversation=conversation,
        lead=lead,
        ghl_id=message_id(payload),
        direction=Message.Direction.INBOUND if payload.inbound else Message.Direction.OUTBOUND,
        channel=payload.channel,
        subject=payload.subject[:300],
        body=payload.body,
        status=(payload.call_status or payload.status)[:30],
        sent_by_id=sender,
        sent_at=moment,
        duration=payload.call_seconds,
    )
    data = {
        "direction": message.direction,
        "channel": payload.channel,
        "text": payload.body,
        "subject": payload.subject,
        "status": message.status,
        "seconds": payload.call_seconds,
        "message_id": message.ghl_id,
        "conversation_id": conversation.ghl_id,
        "user_id": sender,
        "is_automatic": automatic,
        "attachments": payload.attachments,
    }
    key = f"message:{message.direction}:{message.ghl_id}:{kind}"
    place = batch.tell(item, kind, lead, moment, data, key)
    batch.messages[lead.tenant_id, message.ghl_id] = message
    batch.new_messages.append((message, place))
    _follow(batch, lead, kind, moment, automatic=automatic)
    _show(batch, lead, message, conversation, moment)


def _kind(payload: MessagePayload) -> Kind:
    status = payload.call_status or payload.status
    if payload.channel == "VoiceMail":
        return Kind.VOICEMAIL_RECEIVED if payload.inbound else Kind.CALL_MADE
    if payload.channel == "CALL":
        if not payload.inbound:
            return Kind.CALL_MADE
        missed = status in MISSED or (payload.call_seconds == 0 and status != "completed")
        return Kind.CALL_MISSED if missed else Kind.CALL_RECEIVED
    if payload.inbound:
        return Kind.MESSAGE_RECEIVED
    return Kind.MESSAGE_FAILED if payload.status in FAILED else Kind.MESSAGE_SENT


def _follow(batch: Batch, lead: Lead, kind: Kind, moment: datetime, *, automatic: bool) -> None:
    """Keep when each side last spoke, and since when the lead waits for a person's answer."""
    if kind in (Kind.MESSAGE_RECEIVED, Kind.CALL_RECEIVED, Kind.CALL_MISSED, Kind.VOICEMAIL_RECEIVED):
        if lead.last_inbound_at is None or lead.last_inbound_at < moment:
            lead.last_inbound_at = moment
        answered = lead.last_outbound_at is not None and lead.last_outbound_at >= moment
        if kind == Kind.CALL_RECEIVED:
            _answered(lead, moment)
        elif not answered and (lead.awaiting_reply_since is None or moment < lead.awaiting_reply_since):
            lead.awaiting_reply_since = moment
    elif kind in (Kind.MESSAGE_SENT, Kind.CALL_MADE) and not automatic:
        if lead.last_outbound_at is None or lead.last_outbound_at < moment:
            lead.last_outbound_at = moment
        _answered(lead, moment)
    batch.touch(lead)


def _answered(lead: Lead, moment: datetime) -> None:
    if lead.awaiting_reply_since is not None and lead.awaiting_reply_since <= moment:
        waits = lead.last_inbound_at is not None and lead.last_inbound_at > moment
        lead.awaiting_reply_since = lead.last_inbound_at if waits else None


def _conversation(batch: Batch, lead: Lead, name: str) -> Conversation:
    """Return the conversation of that name, new when it is not known yet."""
    key = (lead.tenant_id, name)
    conversation = batch.conversations.get(key)
    if conversation is None:
        conversation = Conversation(tenant_id=lead.tenant_id, lead=lead, ghl_id=name, created_at=batch.now)
        batch.conversations[key] = conversation
    elif conversation.lead_id != lead.pk:
        conversation.lead = lead
    batch.changed_conversations[id(conversation)] = conversation
    return conversation


def _update_status(batch: Batch, item: Item, lead: Lead, payload: MessagePayload, message: Message) -> None:
    """Keep the newer status of a message we have; a failure found out later is told."""
    status = (payload.call_status or payload.status)[:30]
    item.reason = "a message we have"
    if status and status != message.status:
        message.status = status
        if message.pk is not None:
            batch.changed_messages.append(message)
        if not payload.inbound and status in FAILED:
            data = {"channel": payload.channel, "status": status, "message_id": message.ghl_id}
            key = f"message:{message.direction}:{message.ghl_id}:{Kind.MESSAGE_FAILED}"
            batch.tell(item, Kind.MESSAGE_FAILED, lead, item.at, data, key)


def _show(batch: Batch, lead: Lead, message: Message, conversation: Conversation, moment: datetime) -> None:
    """Tell open screens of a message of this hour; history is not news."""
    if batch.now - moment > LIVE_WITHIN:
        return
    batch.drafts.append(
        LiveDraft(
            tenant_id=lead.tenant_id,
            type=LiveMessage.Type.MESSAGE,
            topic="messages",
            data={
                "lead_id": lead.pk,
                "direction": message.direction,
                "channel": message.channel,
                "text": (message.body or message.subject)[:PREVIEW],
                "unread_count": conversation.unread_count,
            },
            event_at=moment,
            lead_id=lead.pk,
        )
    )


def apply_email(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell what became of an e-mail; a complaint or an unsubscription ends consent for e-mail."""
    payload = item.payload
    assert isinstance(payload, EmailPayload)
    if payload.outcome in ("unsubscribed", "complained"):
        deny_or_lift(lead, "Email", DENIED, payload.occurred_at or item.at)
        batch.touch(lead)
    mark = payload.event_id or payload.smtp_id or item.delivery.webhook_id
    data = {"channel": "Email", "url": payload.url, "is_proxied": payload.proxied, "smtp_id": payload.smtp_id}
    key = f"email:{payload.outcome}:{mark}:{lead.pk}"
    batch.tell(item, EMAIL_KINDS[payload.outcome], lead, payload.occurred_at, data, key)


def apply_voice_call(batch: Batch, item: Item, lead: Lead) -> None:
    """Tell of a call the voice assistant took."""
    payload = item.payload
    assert isinstance(payload, VoiceCall)
    data = {
        "direction": "inbound",
        "channel": "CALL",
        "text": payload.transcript or payload.summary,
        "summary": payload.summary,
        "seconds": payload.seconds,
    }
    key = f"voice:{payload.call_id}"
    batch.tell(item, Kind.VOICE_AI_CALL_ENDED, lead, payload.occurred_at, data, key)


def apply_read(batch: Batch, item: Item, lead: Lead) -> None:
    """Keep a conversation's unread count, and tell when someone has read it."""
    payload = item.payload
    assert isinstance(payload, ConversationRead)
    is_new = (lead.tenant_id, payload.conversation_id[:64]) not in batch.conversations
    conversation = _conversation(batch, lead, payload.conversation_id[:64])
    was_unread = is_new or conversation.unread_count > 0
    conversation.unread_count = payload.unread
    if payload.unread == 0 and was_unread:
        data = {"conversation_id": conversation.ghl_id}
        key = f"conversation:{conversation.ghl_id}:read:{item.delivery.webhook_id}"
        batch.tell(item, Kind.CONVERSATION_READ, lead, None, data, key)


def apply_merged(batch: Batch, item: Item) -> None:
    """Go on under the new id; messages already kept under it and the old one come together."""
    payload = item.payload
    assert isinstance(payload, ConversationMerged)
    assert item.tenant is not None
    tenant = item.tenant.pk
    old = batch.conversations.pop((tenant, payload.old_id[:64]), None)
    if old is None:
        item.settle(WebhookDelivery.State.IGNORED, "a conversation we do not know")
        return
    new = batch.conversations.get((tenant, payload.new_id[:64]))
    if new is None:
        old.ghl_id = payload.new_id[:64]
        batch.conversations[tenant, old.ghl_id] = old
        batch.changed_conversations[id(old)] = old
        return
    new.unread_count += old.unread_count
    batch.changed_conversations[id(new)] = new
    batch.changed_conversations.pop(id(old), None)
    for message in batch.messages.values():
        if message.conversation is old:
            message.conversation = new
    if old.pk is not None:
        batch.absorbed.append((old, new))
