"""The envelope of a signed webhook: just enough to accept it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads.ghl.payloads.reader import PayloadError, clean, read_moment

MAX_ID = 64
MAX_TYPE = 60


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent what when, by whose app; the webhook id is the dedupe key."""

    type: str
    webhook_id: str
    location_id: str
    company_id: str
    app_id: str
    sent_at: datetime | None


def read_envelope(body: Mapping[str, Any], raw: bytes) -> Envelope:
    """Read the envelope; a body with a type but no usable id is known by a digest of its bytes."""
    kind, webhook_id = _text(body, "type"), _text(body, "webhookId")
    if not kind and not webhook_id:
        raise PayloadError("body", "has neither a type nor a webhookId")
    if not webhook_id or len(webhook_id) > MAX_ID or any(char.isspace() for char in webhook_id):
        webhook_id = "sha256:" + hashlib.sha256(webhook_id.encode() or raw).hexdigest()
    return Envelope(
        type=kind[:MAX_TYPE],
        webhook_id=webhook_id,
        location_id=_location(body, kind)[:MAX_ID],
        company_id=_text(body, "companyId")[:MAX_ID],
        app_id=_text(body, "appId")[:MAX_ID],
        sent_at=read_moment(body.get("timestamp")),
    )


def _location(body: Mapping[str, Any], kind: str) -> str:
    """Return the location's id, which a few families of events keep under another name."""
    if location := _text(body, "locationId"):
        return location
    if kind in ("LocationCreate", "LocationUpdate"):
        return _text(body, "id")
    if _text(body, "altType") == "location":
        return _text(body, "altId")
    return ""


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return clean(value).strip() if isinstance(value, str) else ""
