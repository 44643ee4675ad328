"""What people change of a lead here, as GoHighLevel takes it, and how to know news from an echo.

A field's name is its column, or `custom.KEY`, `consent.CHANNEL`, `tags.TAG`, `assigned_to`. For each field
changed here a mark is kept with the values it had before: a snapshot that still tells one of them was taken
before our change reached GoHighLevel, and must not undo it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leads.ghl.payloads.contacts import diff
from leads.ghl.records import FieldValue

TEXTS: Mapping[str, str] = {
    "first_name": "firstName",
    "last_name": "lastName",
    "email": "email",
    "phone": "phone",
    "address": "address1",
    "city": "city",
    "state": "state",
    "postal_code": "postalCode",
    "country": "country",
    "time_zone": "timezone",
    "source": "source",
}
"""Ours -> GoHighLevel's. A contact's company is not among them: only a new contact can be given one."""

NEVER_NULL = frozenset({"postalCode", "country"})
CHANNELS: Mapping[str, str] = {
    "SMS": "SMS",
    "Email": "Email",
    "CALL": "Call",
    "WhatsApp": "WhatsApp",
    "FB": "FB",
    "GMB": "GMB",
}
GRACE = timedelta(seconds=30)
"""A snapshot sent this soon after our write may still have been taken before it."""

PATIENCE = timedelta(days=7)
"""How long a change that was never written is kept from old values."""

KEPT_MARKS = timedelta(hours=1)
MOST_BEFORE = 5

Marks = dict[str, dict[str, Any]]
Change = tuple[Any, Any]
"""A field's value before and after."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a lead holds of the fields that are written.

    `assigned_to` is the GoHighLevel user, empty for nobody, and None for somebody GoHighLevel does not know.
    """

    texts: Mapping[str, str]
    custom: Mapping[str, Any]
    tags: tuple[str, ...]
    denied: Mapping[str, bool]
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class ContactWrite:
    """The calls that bring a contact up to date; each may be made again."""

    body: Mapping[str, Any]
    add_tags: tuple[str, ...]
    remove_tags: tuple[str, ...]


def is_written(field: str) -> bool:
    """Tell whether GoHighLevel takes a field at all."""
    part, _, name = field.partition(".")
    if part == "consent":
        return name in CHANNELS
    return part in ("custom", "tags", "assigned_to") or field in TEXTS


def write_of(fields: Iterable[str], record: Record, ids: Mapping[str, str]) -> ContactWrite:
    """Return how to write these fields as they now are; `ids` are custom fields' ids by key."""
    body: dict[str, Any] = {}
    custom: list[FieldValue] = []
    blocked: dict[str, Any] = {}
    add: list[str] = []
    remove: list[str] = []
    for field in fields:
        part, _, name = field.partition(".")
        if field in TEXTS:
            body[TEXTS[field]] = record.texts[field] or ("" if TEXTS[field] in NEVER_NULL else None)
        elif part == "custom" and name in ids:
            custom.append(FieldValue(record.custom.get(name, ""), id=ids[name]))
        elif part == "tags":
            (add if name in record.tags else remove).append(name)
        elif part == "consent" and name in CHANNELS:
            status = "active" if record.denied.get(name) else "inactive"
            blocked[CHANNELS[name]] = {"status": status, "message": "Set in Hearthline", "code": ""}
        elif field == "assigned_to" and record.assigned_to is not None:
            body["assignedTo"] = record.assigned_to or None
    if custom:
        body["customFields"] = [value.body() for value in custom]
    if blocked:
        body["dndSettings"] = blocked
    return ContactWrite(body, tuple(add), tuple(remove))


# Marks


def mark(marks: Mapping[str, Any], changes: Mapping[str, Change], at: datetime) -> Marks:
    """Return the marks with these changes noted; what was written long ago is let go."""
    kept = {
        field: dict(held)
        for field, held in marks.items()
        if "sent_at" not in held or at - datetime.fromisoformat(held["sent_at"]) < KEPT_MARKS
    }
    for field, (before, after) in changes.items():
        older = [*kept.get(field, {}).get("was", []), before]
        was = [value for value in older if not _same(value, after)][-MOST_BEFORE:]
        kept[field] = {"was": was, "now": after, "at": at.isoformat()}
    return kept


def mark_sent(marks: Mapping[str, Any], fields: Iterable[str], at: datetime) -> Marks:
    """Return the marks with these fields noted as written."""
    kept = {field: dict(held) for field, held in marks.items()}
    for field in fields:
        if field in kept:
            kept[field]["sent_at"] = at.isoformat()
    return kept


def is_from_before(
    written_back: Mapping[str, Any], field: str, held: object, value: object, at: datetime
) -> bool:
    """Tell whether a snapshot's value of a field is one from before it was changed here.

    `held` is the lead's own value: when that is no longer what was set here, newer news came already.
    """
    found = written_back.get("edits", {}).get(field)
    if found is None or not _same(found["now"], held) or not any(_same(was, value) for was in found["was"]):
        return False
    if "sent_at" in found:
        return at <= datetime.fromisoformat(found["sent_at"]) + GRACE
    return at <= datetime.fromisoformat(found["at"]) + PATIENCE


def with_edited_tags(
    written_back: Mapping[str, Any], held: Sequence[str], told: Sequence[str], at: datetime
) -> list[str]:
    """Return a snapshot's tags with those put on and taken off here since it was taken."""
    tags = list(told)
    for field in written_back.get("edits", {}):
        part, _, tag = field.partition(".")
        is_held, is_told = tag in held, tag in tags
        if part != "tags" or is_held == is_told:
            continue
        if is_from_before(written_back, field, is_held or None, is_told or None, at):
            tags = [*tags, tag] if is_held else [each for each in tags if each != tag]
    return tags


def without_old_blocks(
    written_back: Mapping[str, Any],
    consent: Mapping[str, Mapping[str, Any]],
    blocked: Mapping[str, bool],
    at: datetime,
) -> dict[str, bool]:
    """Return a snapshot's do-not-disturb without what was changed here since it was taken."""
    return {
        channel: is_blocked
        for channel, is_blocked in blocked.items()
        if not is_from_before(
            written_back,
            f"consent.{channel}",
            consent.get(channel, {}).get("state") == "denied" or None,
            is_blocked or None,
            at,
        )
    }


def _same(one: object, other: object) -> bool:
    return not diff({"value": one}, {"value": other})
