"""Apply contacts: find out what changed, keep it, and tell that alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from leads.events import Kind
from leads.fields import FieldError, parse_date, parse_money
from leads.ghl import edits
from leads.ghl.edits import is_from_before
from leads.ghl.payloads.contacts import ContactPayload, diff
from leads.ghl.payloads.reader import read_moment
from leads.ghl.writeback import OWN_KEYS
from leads.intake import TEXT_LENGTHS
from leads.ml.custom import news
from leads.models import CustomField, Identity, Lead, WebhookDelivery
from leads.services.ingest.batch import Batch, Item, read_email, read_phone

LIMITS = {name: limit for name, limit in TEXT_LENGTHS.items() if name != "contact_id"} | {"time_zone": 64}
TAG_LENGTH = 100
AS_IT_CAME = timedelta(hours=1)
"""Age up to which a snapshot says what a contact's own fields held when it was created."""
MANY = frozenset(
    {
        CustomField.DataType.CHECKBOX,
        CustomField.DataType.MULTIPLE_OPTIONS,
    }
)
COUNTRIES = {
    "united states": "US",
    "united states of america": "US",
    "usa": "US",
    "canada": "CA",
    "mexico": "MX",
}
GRANTED, DENIED, UNKNOWN = "granted", "denied", "unknown"


@dataclass(slots=True)
class Changed:
    """What a snapshot changed in a lead."""

    fields: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    """New values of the tenant's own fields, as the log keeps them."""
    consent: dict[str, str] = field(default_factory=dict)
    is_assigned: bool = False


def apply_contact(batch: Batch, item: Item, lead: Lead) -> None:
    """Apply one snapshot of a contact to its lead and tell what is new."""
    payload = item.payload
    assert isinstance(payload, ContactPayload)
    if payload.change == "deleted":
        _delete(batch, item, lead, payload)
        return
    is_first = "seen" not in lead.crm
    changed = update_contact(batch, item, lead, payload)
    base, mark, when = f"contact:{payload.contact_id}", item.delivery.webhook_id, payload.occurred_at
    if payload.change == "created":
        denied = sorted(name for name, held in lead.consent.items() if held.get("state") == DENIED)
        facts: dict[str, Any] = {"tags": lead.tags, "source": lead.source, "denied": denied}
        custom = changed.custom if changed is not None else {}
        is_as_it_came = is_first and item.at - (when or item.at) <= AS_IT_CAME
        if is_as_it_came:
            facts["custom"] = custom
        batch.tell(item, Kind.CONTACT_CREATED, lead, when, facts, f"{base}:created")
        if custom and not is_as_it_came:
            tell_fields(batch, item, lead, custom, None, f"{base}:fields:{mark}")
        return
    if changed is None:
        item.settle(WebhookDelivery.State.IGNORED, "older than what we know of the contact")
        return
    # A first sight tells only what the webhook announces: the rest was so before we looked.
    if is_first and payload.change == "consent":
        changed.added = changed.removed = []
    elif is_first and payload.change == "tagged":
        changed.consent = {}
    if changed.fields and (payload.change == "updated" or not is_first):
        data = {"fields": changed.fields, "invalid": changed.invalid, "custom": changed.custom}
        batch.tell(item, Kind.CONTACT_UPDATED, lead, when, data, f"{base}:updated:{mark}")
    elif changed.custom:
        tell_fields(batch, item, lead, changed.custom, when, f"{base}:fields:{mark}")
    tell_tags(batch, item, lead, changed, when, f"{base}:%s:{mark}")
    if changed.consent:
        channels = {"channels": changed.consent}
        batch.tell(item, Kind.CONSENT_CHANGED, lead, when, channels, f"{base}:consent:{mark}")
    if changed.is_assigned and not is_first:
        to = {"user_id": lead.assigned_to_id, "by": "ghl"}
        batch.tell(item, Kind.LEAD_ASSIGNED, lead, when, to, f"{base}:assigned:{mark}")


def tell_fields(
    batch: Batch, item: Item, lead: Lead, custom: Mapping[str, Any], when: datetime | None, key: str
) -> None:
    """Tell what the tenant's own fields hold from a moment on: when a snapshot was made, unless given."""
    data = {"fields": [f"custom.{name}" for name in custom], "custom": custom}
    batch.tell(item, Kind.CONTACT_UPDATED, lead, when, data, key)


def tell_tags(
    batch: Batch, item: Item, lead: Lead, changed: Changed, when: datetime | None, key: str
) -> None:
    """Tell of tags put on and taken off."""
    if changed.added:
        batch.tell(item, Kind.CONTACT_TAGGED, lead, when, {"tags": changed.added}, key % "tagged")
    if changed.removed:
        batch.tell(item, Kind.CONTACT_UNTAGGED, lead, when, {"tags": changed.removed}, key % "untagged")


def update_contact(batch: Batch, item: Item, lead: Lead, payload: ContactPayload) -> Changed | None:
    """Put what a snapshot tells into the lead; None when a newer one was applied before it."""
    if is_of_another(lead, payload):
        return _learn_from_another(batch, item, lead, payload)
    seen = read_moment(lead.crm.get("seen"))
    if seen is not None and item.at < seen:
        return None
    changed = Changed()
    _update_facts(batch, lead, payload, changed, item.at)
    if payload.tags is not None:
        tags = [tag[:TAG_LENGTH] for tag in payload.tags]
        _update_tags(lead, edits.with_edited_tags(lead.written_back, lead.tags, tags, item.at), changed)
    if payload.custom is not None:
        _update_custom(batch, lead, payload.custom, changed, item.at)
    if payload.blocked is not None:
        blocked = edits.without_old_blocks(lead.written_back, lead.consent, payload.blocked, item.at)
        _update_consent(lead, blocked, payload.occurred_at or item.at, changed)
    if payload.contact_id:
        lead.contact_id = lead.contact_id or payload.contact_id[:64]
        batch.know(lead, Identity.Kind.CONTACT_ID, payload.contact_id)
    batch.know(lead, Identity.Kind.EMAIL, item.email)
    batch.know(lead, Identity.Kind.PHONE, item.phone)
    if payload.change != "hint":
        lead.crm["seen"] = item.at.isoformat()
        if lead.status == Lead.Status.DELETED:
            lead.status = Lead.Status.ACTIVE
    if payload.added_at is not None and payload.added_at < lead.created_at:
        lead.created_at = payload.added_at
    batch.touch(lead)
    return changed


def is_of_another(lead: Lead, payload: ContactPayload) -> bool:
    """Tell whether a snapshot is of a second contact of this person: a duplicate, or one merged into it."""
    return bool(payload.contact_id and lead.contact_id) and payload.contact_id[:64] != lead.contact_id


def _learn_from_another(batch: Batch, item: Item, lead: Lead, payload: ContactPayload) -> Changed:
    """Take from a second contact what the lead lacks, and its refusals; its own contact has the say.

    Two records of one person would else overwrite each other at every change, and lift each other's refusals.
    """
    changed = Changed()
    lacking = {name: value for name, value in payload.facts.items() if value and _lacks(lead, name)}
    _update_facts(batch, lead, replace(payload, facts=lacking), changed, item.at)
    if payload.tags:
        tags = [*lead.tags, *(tag[:TAG_LENGTH] for tag in payload.tags if tag[:TAG_LENGTH] not in lead.tags)]
        _update_tags(lead, edits.with_edited_tags(lead.written_back, lead.tags, tags, item.at), changed)
    if payload.custom:
        keys = {
            pk: row.key for (tenant_id, pk), row in batch.custom_fields.items() if tenant_id == lead.tenant_id
        }
        absent = {pk: value for pk, value in payload.custom.items() if keys.get(pk, pk) not in lead.custom}
        _update_custom(batch, lead, absent, changed, item.at)
    if payload.blocked:
        denied = {channel: True for channel, is_blocked in payload.blocked.items() if is_blocked}
        denied = edits.without_old_blocks(lead.written_back, lead.consent, denied, item.at)
        _update_consent(lead, denied, payload.occurred_at or item.at, changed)
    batch.know(lead, Identity.Kind.CONTACT_ID, payload.contact_id)
    batch.know(lead, Identity.Kind.EMAIL, item.email)
    batch.know(lead, Identity.Kind.PHONE, item.phone)
    batch.touch(lead)
    return changed


def _lacks(lead: Lead, name: str) -> bool:
    held = lead.assigned_to_id if name == "assigned_to" else getattr(lead, name, None)
    return held in (None, "")


def _update_facts(batch: Batch, lead: Lead, payload: ContactPayload, changed: Changed, at: datetime) -> None:
    facts = dict(payload.facts)
    if "name" in facts:
        name = facts.pop("name")
        if not facts.get("first_name") and not facts.get("last_name") and not lead.first_name:
            facts["first_name"], _, facts["last_name"] = name.partition(" ")
    facts.pop("website", None)
    told: dict[str, Any] = {name: facts[name][:limit] for name, limit in LIMITS.items() if name in facts}
    if "country" in facts:
        country = facts["country"]
        told["country"] = country.upper() if len(country) == 2 else COUNTRIES.get(country.lower(), "")
    for name, read in (("email", read_email), ("phone", read_phone)):
        if name in facts:
            value = read(facts[name]) if facts[name] else ""
            if value or not facts[name]:
                told[name] = value
            else:
                changed.invalid.append(name)
    if "assigned_to" in facts:
        user_id = batch.users.get((lead.tenant_id, facts["assigned_to"]))
        is_old = is_from_before(lead.written_back, "assigned_to", lead.assigned_to_id, user_id, at)
        is_known = user_id is not None or not facts["assigned_to"]
        if user_id != lead.assigned_to_id and is_known and not is_old:
            lead.assigned_to_id = user_id
            changed.is_assigned = True
    before = {name: getattr(lead, name) for name in told}
    for change in diff(before, told):
        if is_from_before(lead.written_back, change.field, change.before, change.after, at):
            continue
        setattr(lead, change.field, change.after)
        changed.fields.append(change.field)


def _update_tags(lead: Lead, tags: list[str], changed: Changed) -> None:
    before, after = set(lead.tags), set(tags)
    ours = set(lead.written_back.get("tags", []))
    changed.added = sorted(after - before - ours)
    changed.removed = sorted(before - after)
    lead.tags = tags


def _update_custom(
    batch: Batch, lead: Lead, values: Mapping[str, Any], changed: Changed, at: datetime
) -> None:
    """Keep custom fields typed as the tenant defines them; what we wrote ourselves comes back unnoticed."""
    written = lead.written_back.get("custom", {})
    told: dict[str, Any] = {}
    for ghl_id, value in values.items():
        row = batch.custom_fields.get((lead.tenant_id, ghl_id))
        if ghl_id in written and str(written[ghl_id]) == str(value):
            continue
        key, typed = row.key if row is not None else ghl_id, typed_value(row, value, batch.now)
        if is_from_before(lead.written_back, f"custom.{key}", lead.custom.get(key), typed, at):
            continue
        told[key] = typed
        if row is not None and row.answers and value not in (None, "", []):
            lead.profile[row.answers] = typed
    before = dict(lead.custom)
    for change in diff(lead.custom, told):
        if change.after in (None, "", []):
            lead.custom.pop(change.field, None)
        else:
            lead.custom[change.field] = change.after
        changed.fields.append(f"custom.{change.field}")
    changed.custom |= {
        name: value for name, value in news(before, lead.custom).items() if name not in OWN_KEYS
    }


def typed_value(row: CustomField | None, value: Any, now: datetime) -> Any:
    """Return a custom field's value in its type; one that does not fit is kept as it came."""
    if row is None or value in (None, ""):
        return value
    kinds = CustomField.DataType
    if row.data_type in MANY:
        return value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    try:
        if row.data_type == kinds.MONETORY:
            return float(parse_money(value))
        if row.data_type == kinds.NUMERICAL:
            return float(str(value).replace(",", ""))
        if row.data_type == kinds.PHONE:
            return read_phone(str(value)) or value
        if row.data_type == kinds.DATE:
            moment = read_moment(value)
            return (moment.date() if moment else parse_date(value, now=now)).isoformat()
    except (FieldError, ValueError):
        return value
    return value


def _update_consent(lead: Lead, blocked: Mapping[str, bool], at: datetime, changed: Changed) -> None:
    """Keep do-not-disturb as denied consent; lifting it does not grant consent, it makes it unknown again."""
    for channel, is_blocked in blocked.items():
        held = lead.consent.get(channel, {}).get("state", UNKNOWN)
        state = DENIED if is_blocked else UNKNOWN if held == DENIED else held
        if state != held:
            deny_or_lift(lead, channel, state, at)
            changed.consent[channel] = state


def deny_or_lift(lead: Lead, channel: str, state: str, at: datetime) -> None:
    """Set the state of consent for a channel, with its time and source."""
    lead.consent[channel] = {"state": state, "at": at.isoformat(), "source": "ghl"}


def _delete(batch: Batch, item: Item, lead: Lead, payload: ContactPayload) -> None:
    """Mark a lead deleted, unless it is known under another contact too."""
    if lead.contact_id and lead.contact_id != payload.contact_id:
        item.settle(WebhookDelivery.State.IGNORED, "the lead lives on under another contact")
        return
    lead.status = Lead.Status.DELETED
    lead.crm["seen"] = item.at.isoformat()
    batch.touch(lead)
    key = f"contact:{payload.contact_id}:deleted:{item.delivery.webhook_id}"
    batch.tell(item, Kind.CONTACT_DELETED, lead, None, {}, key)
