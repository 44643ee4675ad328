"""Contacts: whole snapshots of a person, as GHL sends them after every change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads.ghl.payloads.reader import PayloadError, Reader, clean, clean_value

CHANGES = {
    "ContactCreate": "created",
    "ContactUpdate": "updated",
    "ContactTagUpdate": "tagged",
    "ContactDndUpdate": "consent",
    "ContactDelete": "deleted",
}

# GHL's name -> ours; an absent key means "not told", an empty one "cleared". dateOfBirth is left out on
# purpose: nothing may be decided by age.
TEXTS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "name": "name",
    "email": "email",
    "phone": "phone",
    "companyName": "company",
    "address1": "address",
    "city": "city",
    "state": "state",
    "country": "country",
    "postalCode": "postal_code",
    "source": "source",
    "assignedTo": "assigned_to",
    "website": "website",
    "timezone": "time_zone",
}

CHANNELS = {
    "sms": "SMS",
    "email": "Email",
    "call": "CALL",
    "calls": "CALL",
    "whatsapp": "WhatsApp",
    "fb": "FB",
    "facebook": "FB",
    "gmb": "GMB",
    "instagram": "IG",
    "ig": "IG",
}
DND_CHANNELS = ("SMS", "Email", "CALL", "WhatsApp", "FB", "GMB")
DND_STATUSES = {"active": True, "permanent": True, "inactive": False}


@dataclass(frozen=True, slots=True)
class ContactPayload:
    """What a contact webhook says about a person; None means it says nothing about that part."""

    change: str
    contact_id: str
    occurred_at: datetime | None
    added_at: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] | None = None
    custom: Mapping[str, Any] | None = None
    blocked: Mapping[str, bool] | None = None


def read_contact(reader: Reader, kind: str) -> ContactPayload:
    """Read a Contact* body."""
    change = CHANGES[kind]
    contact_id = reader.required("id")
    if change == "deleted":
        return ContactPayload(change, contact_id, None)
    facts = {ours: reader.text(theirs) for theirs, ours in TEXTS.items() if theirs in reader.body}
    return ContactPayload(
        change=change,
        contact_id=contact_id,
        occurred_at=reader.when("dateAdded" if change == "created" else "dateUpdated"),
        added_at=reader.when("dateAdded"),
        facts=facts,
        tags=reader.texts("tags") if reader.body.get("tags") is not None else None,
        custom=_custom(reader) if reader.body.get("customFields") is not None else None,
        blocked=_blocked(reader),
    )


def _custom(reader: Reader) -> dict[str, Any]:
    """Return custom field values by field id; GHL writes them as a list of {id, value}."""
    rows = reader.body["customFields"]
    if not isinstance(rows, list):
        raise reader.error("customFields", "must be a list")
    values: dict[str, Any] = {}
    for index, row in enumerate(rows[:300]):
        if not isinstance(row, Mapping):
            raise PayloadError(f"customFields.{index}", "must be an object")
        key = Reader(row, f"customFields.{index}.").name("id") or Reader(row).loose("key", 100)
        if key:
            value = next((row[name] for name in ("value", "fieldValue", "field_value") if name in row), None)
            values[key] = clean_value(value)
    return values


def _blocked(reader: Reader) -> dict[str, bool] | None:
    """Return which channels the person does not want: a status "active" means do-not-disturb is on."""
    everything = reader.flag("dnd")
    settings = reader.child("dndSettings")
    if everything is None and not settings.body:
        return None
    blocked = dict.fromkeys(DND_CHANNELS, everything) if everything is not None else {}
    for name in settings.body:
        channel = CHANNELS.get(clean(name).lower())
        if channel is None:
            continue
        status = settings.child(name).text("status", 20).lower()
        if status in DND_STATUSES:
            blocked[channel] = DND_STATUSES[status]
        elif status:
            raise settings.error(f"{channel}.status", "must be active, inactive or permanent")
    return {channel: bool(value) for channel, value in blocked.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a snapshot that differs from what we knew."""

    field: str
    before: Any
    after: Any


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the fields told in `after` whose values differ from `before`, in order of name."""
    return tuple(
        Change(name, before.get(name), value)
        for name, value in sorted(after.items())
        if _meaning(before.get(name)) != _meaning(value)
    )


def _meaning(value: object) -> object:
    """Return what a value says: empty text, empty list and nothing are the same; numbers compare as texts."""
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return value.strip()
    return value
