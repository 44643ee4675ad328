"""What was said: messages and calls in both directions, and conversations."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from leads.ghl.payloads.reader import Reader
from leads.ghl.payloads.text import looks_like_html, to_text, unquoted

MAX_BODY = 20_000
MAX_CALL_SECONDS = 86_400

# messageType, messageTypeString and messageTypeId are uneven in case and wording; all lead to one channel.
CHANNELS = {
    "sms": "SMS",
    "email": "Email",
    "call": "CALL",
    "customcall": "CALL",
    "voicemail": "VoiceMail",
    "whatsapp": "WhatsApp",
    "fb": "FB",
    "facebook": "FB",
    "messenger": "FB",
    "ig": "IG",
    "instagram": "IG",
    "gmb": "GMB",
    "livechat": "Live_Chat",
    "webchat": "Live_Chat",
    "rcs": "SMS",
    "tiktok": "Custom",
    "custom": "Custom",
    "customsms": "SMS",
    "customemail": "Email",
    "customprovidersms": "SMS",
    "customprovideremail": "Email",
}
CHANNEL_IDS = {
    1: "CALL",
    2: "SMS",
    3: "Email",
    10: "VoiceMail",
    11: "FB",
    15: "GMB",
    18: "IG",
    19: "WhatsApp",
    29: "Live_Chat",
    34: "CALL",
}
INTERNAL = frozenset({"internalcomment"})

_ADDRESS = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")


@dataclass(frozen=True, slots=True)
class MessagePayload:
    """One message or call between a lead and the team."""

    inbound: bool
    channel: str
    contact_id: str
    conversation_id: str
    message_id: str
    occurred_at: datetime | None
    body: str
    subject: str
    status: str
    address: str
    user_id: str
    source: str
    call_seconds: int | None
    call_status: str
    attachments: int
    email_message_id: str = ""


@dataclass(frozen=True, slots=True)
class InternalComment:
    """A note between colleagues that GHL sends as an outbound message; it is not said to the lead."""

    contact_id: str


@dataclass(frozen=True, slots=True)
class ConversationRead:
    """The unread count or star of a conversation."""

    conversation_id: str
    contact_id: str
    unread: int
    starred: bool


@dataclass(frozen=True, slots=True)
class ConversationMerged:
    """A conversation that goes on under another id."""

    old_id: str
    new_id: str
    contact_id: str


@dataclass(frozen=True, slots=True)
class VoiceCall:
    """A call the voice assistant took."""

    call_id: str
    contact_id: str
    message_id: str
    occurred_at: datetime | None
    seconds: int
    summary: str
    transcript: str


def read_message(reader: Reader, kind: str) -> MessagePayload | InternalComment:
    """Read an InboundMessage or OutboundMessage body."""
    words = [_squeeze(reader.text(key, 60)) for key in ("messageType", "messageTypeString")]
    if any(word in INTERNAL for word in words):
        return InternalComment(reader.name("contactId"))
    channel = _channel(reader, words)
    inbound = _is_inbound(reader, kind)
    body, subject = reader.text("body", 200_000), reader.text("subject", 500)
    if channel == "Email":
        plain = reader.text("plainText", MAX_BODY)
        body = unquoted(plain) if plain else to_text(body) if looks_like_html(body) else unquoted(body)
    occurred_at = reader.when("dateAdded")
    contact_id = reader.name("contactId")
    address = reader.loose("from" if inbound else "to", 300)
    if not contact_id and not address:
        raise reader.error("contactId", "is missing")
    conversation_id = reader.name("conversationId")
    email_id = reader.loose("emailMessageId", 200)
    message_id = reader.name("messageId") or email_id
    status, call_status = reader.text("status", 40).lower(), reader.text("callStatus", 40).lower()
    if channel == "CALL" and "voicemail" in (status, call_status):
        channel = "VoiceMail"
    return MessagePayload(
        inbound=inbound,
        channel=channel,
        contact_id=contact_id,
        conversation_id=conversation_id,
        message_id=message_id or _stand_in_id(conversation_id or contact_id, inbound, occurred_at, body),
        occurred_at=occurred_at,
        body=body[:MAX_BODY],
        subject=subject,
        status=status,
        address=_bare_address(address),
        user_id=reader.loose("userId", 100),
        source=reader.loose("source", 60),
        call_seconds=_seconds(reader, "callDuration") if channel in ("CALL", "VoiceMail") else None,
        call_status=call_status,
        attachments=len(reader.texts("attachments", 2_000)),
        email_message_id=email_id,
    )


def read_unread(reader: Reader) -> ConversationRead:
    """Read a ConversationUnreadUpdate body."""
    unread = reader.whole("unreadCount") or 0
    return ConversationRead(
        conversation_id=reader.required("id"),
        contact_id=reader.name("contactId"),
        unread=min(max(unread, 0), 100_000),
        starred=bool(reader.flag("starred")),
    )


def read_merged(reader: Reader) -> ConversationMerged:
    """Read a ConversationUpdate body."""
    return ConversationMerged(
        old_id=reader.required("oldConversationId"),
        new_id=reader.required("newConversationId"),
        contact_id=reader.name("contactId"),
    )


def read_voice_call(reader: Reader) -> VoiceCall:
    """Read a VoiceAiCallEnd body."""
    return VoiceCall(
        call_id=reader.required("id"),
        contact_id=reader.required("contactId"),
        message_id=reader.name("messageId"),
        occurred_at=reader.when("createdAt"),
        seconds=_seconds(reader, "duration") or 0,
        summary=reader.text("summary", 5_000),
        transcript=reader.text("transcript", MAX_BODY),
    )


def _channel(reader: Reader, words: list[str]) -> str:
    """Return the channel; the words decide, the number only when there are none."""
    numbered = CHANNEL_IDS.get(reader.whole("messageTypeId") or 0)
    named = next((CHANNELS[word] for word in words if word in CHANNELS), None)
    if named == "CALL" and numbered == "VoiceMail":
        return "VoiceMail"
    channel = named or numbered
    if channel is None:
        raise reader.error("messageType", "is not a channel we know")
    return channel


def _squeeze(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "").removeprefix("type")


def _is_inbound(reader: Reader, kind: str) -> bool:
    """Return the direction; `source` is told for outbound messages only, so it settles contradictions."""
    direction = reader.text("direction", 20).lower()
    if direction not in ("", "inbound", "outbound"):
        raise reader.error("direction", "must be inbound or outbound")
    if kind == "OutboundMessage" and reader.loose("source", 60):
        return False
    return direction == "inbound" if direction else kind == "InboundMessage"


def _seconds(reader: Reader, key: str) -> int | None:
    value = reader.whole(key)
    return None if value is None else min(max(value, 0), MAX_CALL_SECONDS)


def _bare_address(address: str) -> str:
    """Return the e-mail address inside "Name <address>", or the value itself."""
    found = _ADDRESS.search(address)
    return found.group()[:254] if found else address[:254]


def _stand_in_id(place: str, inbound: bool, occurred_at: datetime | None, body: str) -> str:
    """Return an id for a message that came without one, the same for each delivery of it."""
    when = occurred_at.isoformat() if occurred_at else ""
    text = "\x1f".join((place, str(inbound), when, body))
    return "hl-" + hashlib.sha256(text.encode()).hexdigest()[:40]
