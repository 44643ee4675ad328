"""What a file calls what happened, in our words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leads.events import Kind
from leads.ml.browsing import LOOKS
from leads.ml.history import EventFact
from leads.ml.talk import TALKED

_WORD = re.compile(r"[\W_]+")
_KNOWN: Mapping[str, Kind] = {_WORD.sub(".", kind.value): kind for kind in Kind}
_MESSAGES = {"sms": "SMS", "text": "SMS", "email": "Email", "whatsapp": "WhatsApp", "chat": "Live_Chat"}
_CHANNELS = {**_MESSAGES, "call": "CALL", "phone": "CALL"}
_INBOUND = frozenset({"in", "inbound", "incoming", "received", "from"})
_OUTBOUND = frozenset({"out", "outbound", "outgoing", "sent", "to"})


def known_kind(kind: str, direction: str) -> Kind | None:
    """Return which of our kinds a file means; a message or a call needs its direction."""
    plain = _WORD.sub(".", kind.strip().casefold()).strip(".")
    if plain in _KNOWN:
        return _KNOWN[plain]
    inbound, outbound = direction in _INBOUND, direction in _OUTBOUND
    if plain in {"message", *_MESSAGES} and (inbound or outbound):
        return Kind.MESSAGE_RECEIVED if inbound else Kind.MESSAGE_SENT
    if plain in {"call", "phone.call"} and (inbound or outbound):
        return Kind.CALL_RECEIVED if inbound else Kind.CALL_MADE
    return None


def fact_of(kind: Kind, row: Mapping[str, Any]) -> EventFact:
    """Return one event as the features know it."""
    data: dict[str, Any] = {}
    if row["text"]:
        data["text"] = row["text"]
    if row["channel"]:
        data["channel"] = _CHANNELS.get(row["channel"].casefold(), row["channel"])
    if row["value"] is not None and not math.isnan(row["value"]):
        if kind in LOOKS:
            data["list_price"] = row["value"]
        elif kind in TALKED:
            data["seconds"] = row["value"]
    return EventFact(kind, datetime.fromtimestamp(row["at"], tz=UTC), data, row["id"])
