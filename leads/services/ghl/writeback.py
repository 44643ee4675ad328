"""Write score, tier and lapse risk to the contact when the tier changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from leads import bus
from leads.ghl import writeback
from leads.ghl.errors import GHLError, NotConnected, Rejected
from leads.ghl.records import CustomFieldRecord, FieldValue
from leads.models import CustomField, Event, Lead, Tenant
from leads.ops.logs import get_logger
from leads.services.ghl.connection import client_for, note_tenant_error
from leads.services.ghl.mapping import keep_custom_fields

log = get_logger("ghl")

GROUP = "ghl"
LEASE = timedelta(minutes=5)
PASSING = timedelta(minutes=1)


@transaction.atomic
def mark_for_write_back(*, event_ids: Sequence[int]) -> list[int]:
    """Note which of the scored leads have another tier than GoHighLevel shows, and return them."""
    fresh = bus.claim(GROUP, event_ids)
    if not fresh:
        return []
    about = Event.objects.filter(pk__in=fresh, lead__isnull=False).values_list("lead_id", flat=True)
    leads = (
        Lead.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=set(about), status=Lead.Status.ACTIVE, tenant__connection__isnull=False)
        .exclude(contact_id="")
        .exclude(tier="")
        .only("written_back", "tier")
        .order_by("pk")
    )
    due = [lead for lead in leads if lead.written_back.get("tier") != lead.tier]
    now = int(timezone.now().timestamp())
    for lead in due:
        lead.written_back["due_at"] = now
    Lead.objects.bulk_update(due, ["written_back"])
    return [lead.pk for lead in due]


def waiting_write_backs(*, limit: int = 200) -> list[int]:
    """Return the leads whose write-back is due: new ones nobody took up, and ones that failed for a while."""
    now = int(timezone.now().timestamp())
    rows = Lead.objects.filter(written_back__has_key="due_at", written_back__due_at__lte=now)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def write_back(*, lead_id: int) -> bool:
    """Write what the engines say of a lead to its contact, if that is due; several marks are one write."""
    lead = Lead.objects.select_related("tenant").filter(pk=lead_id).first()
    if lead is None or "due_at" not in lead.written_back:
        return False
    try:
        client = client_for(lead.tenant, in_background=True)
        fields = own_fields(tenant=lead.tenant)
        claim = _claim(lead_id, fields)
        if claim is None:
            return False
        lease, values = claim
        client.update_custom_fields(
            lead.contact_id, [FieldValue(value, id=field_id) for field_id, value in values.items()]
        )
    except NotConnected:
        _settle(lead_id, None, again=None)
        return False
    except GHLError as error:
        note_tenant_error(tenant=lead.tenant, error=error)
        wait = timedelta(seconds=min(error.retry_after or 0.0, 3600.0)) or PASSING
        _settle(lead_id, None, again=None if error.permanent else wait, failed=True)
        log.warning("ghl.write_back_failed", lead_id=lead_id, code=error.code)
        return False
    _settle(lead_id, lease, again=None)
    return True


def own_fields(*, tenant: Tenant) -> dict[str, str]:
    """Return the ids of our custom fields in the location by their keys, making those that are missing."""
    known = _known_fields(tenant)
    if len(known) == len(writeback.OWN_FIELDS):
        return known
    client = client_for(tenant, in_background=True)
    _adopt(tenant, client.list_custom_fields())
    known = _known_fields(tenant)
    for field in writeback.OWN_FIELDS:
        if field.key in known:
            continue
        try:
            made = client.add_custom_field(field.name, field.data_type)
        except Rejected:  # another worker was faster: the name is taken
            _adopt(tenant, client.list_custom_fields())
            continue
        _adopt(tenant, (made,))
    return _known_fields(tenant)


def _known_fields(tenant: Tenant) -> dict[str, str]:
    rows = CustomField.objects.filter(tenant=tenant, key__in=writeback.OWN_KEYS)
    return dict(rows.values_list("key", "ghl_id"))


def _adopt(tenant: Tenant, records: tuple[CustomFieldRecord, ...]) -> None:
    """Keep those of the location's fields that are ours, under our keys."""
    names = {field.name: field.key for field in writeback.OWN_FIELDS}
    ours = tuple(
        CustomFieldRecord(record.id, names[record.name], record.name, record.data_type, record.options)
        for record in records
        if record.name in names
    )
    keep_custom_fields(tenant=tenant, records=ours)
    CustomField.objects.filter(tenant=tenant, key__in=writeback.OWN_KEYS).update(answers="")


@transaction.atomic
def _claim(lead_id: int, fields: dict[str, str]) -> tuple[int, dict[str, str | int]] | None:
    """Take a due write up and note what will be written: its echo may be faster than its answer."""
    lead = Lead.objects.select_for_update(no_key=True).get(pk=lead_id)
    now = timezone.now()
    due_at = lead.written_back.get("due_at")
    if due_at is None or due_at > now.timestamp():
        return None
    values = writeback.values_of(score=lead.score, tier=lead.tier, lapse_30=lead.lapse_30)
    told = {fields[key]: value for key, value in values.items() if key in fields}
    lease = int((now + LEASE).timestamp())
    lead.written_back |= {
        "custom": {**lead.written_back.get("custom", {}), **told},
        "tier": lead.tier,
        "due_at": lease,
        "at": now.isoformat(),
    }
    lead.save(update_fields=["written_back"])
    return lease, told


@transaction.atomic
def _settle(lead_id: int, lease: int | None, *, again: timedelta | None, failed: bool = False) -> None:
    """Give a write up, or put it off; a mark that came meanwhile stays."""
    lead = Lead.objects.select_for_update(no_key=True).only("written_back").get(pk=lead_id)
    held = lead.written_back
    if lease is not None and held.get("due_at") != lease:
        return
    if again is None:
        held.pop("due_at", None)
    else:
        held["due_at"] = int((timezone.now() + again).timestamp())
    if failed:
        held.pop("tier", None)
    lead.save(update_fields=["written_back"])
