"""Leads made and changed by people and programs: create, update, assign, delete, note."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.events import MARK_LABELS, Kind, Mark
from leads.intake import TEXT_LENGTHS, LeadFacts
from leads.ml.custom import news_of_record
from leads.models import Event, Identity, Lead, Membership, Tenant, User
from leads.models.tenants import TEAM_ROLES
from leads.quality import quality
from leads.segments import CHOSEN
from leads.selectors.leads import latest_mark
from leads.services import ghl
from leads.services.events import NewEvent, record_events

__all__ = [
    "LeadChanged",
    "LeadFacts",
    "LeadKnown",
    "add_note",
    "assign_lead",
    "assign_leads",
    "create_lead",
    "delete_lead",
    "edit_lead",
    "edition_of",
    "update_lead",
]

PLAIN = (*TEXT_LENGTHS, "email", "phone", "country", "time_zone", "segment")
NAMED = (
    (Identity.Kind.EMAIL, "email", "e-mail address"),
    (Identity.Kind.PHONE, "phone", "phone number"),
    (Identity.Kind.CONTACT_ID, "contact_id", "contact id"),
)


class LeadKnown(DomainError):
    """Another lead is known by this value already."""

    def __init__(self, lead_id: int, kind: str, what: str) -> None:
        super().__init__(
            f"Lead {lead_id} has this {what} already. If they are one person, merge the two.", "conflict"
        )
        self.lead_id = lead_id
        self.kind = kind
        self.field = kind


class LeadChanged(DomainError):
    """What an edit was based on is no longer so."""

    def __init__(self) -> None:
        super().__init__("This record was changed while you were editing. Nothing was saved.", "stale")


def edition_of(lead: Lead) -> str:
    """Return a mark of what people can edit of a lead; messages and scores do not move it."""
    held = _held(lead)
    held["consent"] = {channel: each.get("state") for channel, each in lead.consent.items()}
    text = json.dumps([held, lead.tags, lead.profile], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@transaction.atomic
def edit_lead(
    *, lead: Lead, facts: LeadFacts, edition: str, reassign: bool, by: User, source: str = Event.Source.PORTAL
) -> Lead:
    """Change a lead as a person edited it, with whom it is assigned to, unless it changed meanwhile."""
    lead = lock_lead(lead)
    if edition_of(lead) != edition:
        raise LeadChanged
    lead = update_lead(lead=lead, facts=facts, by=by, source=source)
    return assign_lead(lead=lead, to=facts.assigned_to, by=by, source=source) if reassign else lead


@transaction.atomic
def create_lead(
    *, tenant: Tenant, facts: LeadFacts, by: User | None, source: str = Event.Source.PORTAL
) -> Lead:
    """Add a person; refused when their e-mail address, phone or contact id is someone's already."""
    if not any((facts.first_name, facts.last_name, facts.email, facts.phone, facts.contact_id)):
        raise DomainError("Tell at least a name, an e-mail address, a phone number or a contact id.", "empty")
    now = timezone.now()
    lead = Lead(tenant=tenant, created_at=now, recorded_at=now, updated_at=now, last_event_at=now)
    _put(lead, facts, source, now)
    if facts.assigned_to is not None:
        lead.assigned_to = _of_team(tenant, facts.assigned_to)
    _judge(lead)
    lead.save(force_insert=True)
    for kind, name, what in NAMED:
        _claim(lead, kind, getattr(lead, name), what, now)
    denied = sorted(channel for channel, held in lead.consent.items() if held["state"] == "denied")
    fields = news_of_record(({}, lead.custom), ({}, lead.profile))
    told: list[tuple[Kind, dict[str, Any]]] = [
        (
            Kind.CONTACT_CREATED,
            {"tags": lead.tags, "source": lead.source, "denied": denied, "custom": fields},
        )
    ]
    if lead.assigned_to_id is not None:
        told.append((Kind.LEAD_ASSIGNED, {"user_id": lead.assigned_to_id, "by": "person"}))
    _tell(lead, told, by, source, now)
    return lead


@transaction.atomic
def update_lead(*, lead: Lead, facts: LeadFacts, by: User | None, source: str = Event.Source.PORTAL) -> Lead:
    """Change what is known of a person and tell what changed; a former address stays as a second."""
    lead = lock_lead(lead)
    now = timezone.now()
    before, held = {name: getattr(lead, name) for name in PLAIN}, _held(lead)
    tags, custom, profile = list(lead.tags), dict(lead.custom), dict(lead.profile)
    consent = _put(lead, facts, source, now)
    changed = [name for name in PLAIN if getattr(lead, name) != before[name]]
    for kind, name, what in NAMED:
        if name in changed:
            _rename(lead, kind, before[name], getattr(lead, name), what, now)
    changed += _changed_keys("custom", custom, lead.custom) + _changed_keys("profile", profile, lead.profile)
    changed = [name for name in changed if name != f"profile.{CHOSEN}"]
    told: list[tuple[Kind, dict[str, Any]]] = []
    if changed:
        fields = news_of_record((custom, lead.custom), (profile, lead.profile))
        told.append((Kind.CONTACT_UPDATED, {"fields": changed, "custom": fields}))
    if added := sorted(set(lead.tags) - set(tags)):
        told.append((Kind.CONTACT_TAGGED, {"tags": added}))
    if removed := sorted(set(tags) - set(lead.tags)):
        told.append((Kind.CONTACT_UNTAGGED, {"tags": removed}))
    if consent:
        told.append((Kind.CONSENT_CHANGED, {"channels": consent, "note": facts.consent_note}))
    if not told and lead.profile == profile:  # who chooses the segment a lead has already still chose it
        return lead
    _judge(lead)
    lead.updated_at = lead.last_event_at = now
    lead.save(
        update_fields=[
            *PLAIN,
            "tags",
            "custom",
            "profile",
            "consent",
            "quality",
            "quality_missing",
            "updated_at",
            "last_event_at",
        ]
    )
    _tell(lead, told, by, source, now)
    ghl.keep_edits(changes={lead: _changes(held, _held(lead))}, by=by)
    return lead


@transaction.atomic
def assign_lead(*, lead: Lead, to: User | None, by: User | None, source: str = Event.Source.PORTAL) -> Lead:
    """Give a lead to a member of its tenant's team, or to nobody."""
    lead = lock_lead(lead)
    person = _of_team(lead.tenant, to) if to is not None else None
    _assign([lead], person, by, source)
    return lead


@transaction.atomic
def assign_leads(
    *,
    tenant: Tenant,
    lead_ids: Sequence[int],
    to: User | None,
    by: User | None,
    source: str = Event.Source.PORTAL,
) -> int:
    """Give several leads of a tenant to one person; returns how many changed hands."""
    person = _of_team(tenant, to) if to is not None else None
    leads = Lead.objects.for_tenant(tenant).active().filter(pk__in=lead_ids)
    return _assign(list(leads.select_for_update(no_key=True).order_by("pk")), person, by, source)


@transaction.atomic
def delete_lead(*, lead: Lead, by: User | None, source: str = Event.Source.PORTAL) -> None:
    """Take a person off every list; their history stays, and a new word from GoHighLevel brings them back."""
    lead = lock_lead(lead)
    now = timezone.now()
    lead.status = Lead.Status.DELETED
    lead.updated_at = lead.last_event_at = now
    lead.save(update_fields=["status", "updated_at", "last_event_at"])
    _tell(lead, [(Kind.CONTACT_DELETED, {})], by, source, now)


@transaction.atomic
def add_note(*, lead: Lead, text: str, by: User | None, source: str = Event.Source.PORTAL) -> None:
    """Keep a note about a lead in its timeline."""
    lead = lock_lead(lead)
    now = timezone.now()
    lead.last_event_at = now
    lead.save(update_fields=["last_event_at"])
    _tell(lead, [(Kind.NOTE_ADDED, {"text": text.strip()})], by, source, now)


@transaction.atomic
def mark_outcome(
    *, lead: Lead, mark: str, note: str = "", by: User | None, source: str = Event.Source.PORTAL
) -> None:
    """Keep what somebody says became of a lead; what the CRM tells later stands again."""
    told = Mark(mark)
    lead = lock_lead(lead)
    before = latest_mark(lead)
    standing = Mark.OPEN if before is None else before.mark
    if standing == told:
        raise DomainError(f"It is marked “{MARK_LABELS[told]}” already.", "mark")
    note = note.strip()
    words = f"{MARK_LABELS[told]}: {note}" if note else MARK_LABELS[told]
    _tell(lead, [(Kind.LEAD_MARKED, {"mark": told.value, "words": words})], by, source, timezone.now())


def lock_lead(lead: Lead) -> Lead:
    """Lock a lead's row and read it again; refused when it was merged or deleted meanwhile."""
    row: Lead = (
        Lead.objects.select_for_update(no_key=True, of=("self",)).select_related("tenant").get(pk=lead.pk)
    )
    if row.status == Lead.Status.MERGED:
        raise DomainError(f"This lead was merged into lead {row.merged_into_id}. Change that one.", "merged")
    if row.status == Lead.Status.DELETED:
        raise DomainError("This lead was deleted.", "deleted")
    return row


def _put(lead: Lead, facts: LeadFacts, source: str, now: datetime) -> dict[str, str]:
    """Put told facts into a lead; return the consent that changed."""
    for name in PLAIN:
        value = getattr(facts, name)
        if value is not None:
            setattr(lead, name, value)
    if facts.tags is not None:
        lead.tags = facts.tags
    for column, told in ((lead.custom, facts.custom), (lead.profile, facts.profile)):
        for key, value in told.items():
            if value is None:
                column.pop(key, None)
            else:
                column[key] = value
    changed = {
        channel: state
        for channel, state in facts.consent.items()
        if lead.consent.get(channel, {}).get("state", "unknown") != state
    }
    for channel, state in changed.items():
        lead.consent[channel] = {"state": state, "at": now.isoformat(), "source": source}
        if state == "granted" and facts.consent_note:
            lead.consent[channel]["note"] = facts.consent_note
    if facts.segment:
        lead.profile[CHOSEN] = facts.segment
    elif facts.segment is not None:
        lead.profile.pop(CHOSEN, None)
    return changed


def _held(lead: Lead) -> dict[str, Any]:
    """Return what a lead holds of the fields GoHighLevel has too, by the names edits are kept under."""
    return {
        **{name: getattr(lead, name) for name in PLAIN},
        **{f"custom.{key}": value for key, value in lead.custom.items()},
        **{f"tags.{tag}": True for tag in lead.tags},
        **{
            f"consent.{channel}": True
            for channel, each in lead.consent.items()
            if each.get("state") == "denied"
        },
        "assigned_to": lead.assigned_to_id,
    }


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*after, *(name for name in before if name not in after)]
    return {
        name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    }


def _changed_keys(column: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    keys = sorted(before.keys() | after.keys())
    return [f"{column}.{key}" for key in keys if before.get(key) != after.get(key)]


def _judge(lead: Lead) -> None:
    verdict = quality(lead)
    lead.quality = verdict.score
    lead.quality_missing = [missing.as_dict() for missing in verdict.missing]


def _of_team(tenant: Tenant, user: User) -> User:
    is_member = Membership.objects.filter(
        tenant=tenant, user=user, role__in=TEAM_ROLES, is_active=True, user__is_active=True
    ).exists()
    if not is_member:
        raise DomainError("Only an active member of the team can take a lead.", "assignee")
    return user


def _assign(leads: list[Lead], person: User | None, by: User | None, source: str) -> int:
    moved = [lead for lead in leads if lead.assigned_to_id != (person.pk if person else None)]
    now = timezone.now()
    Lead.objects.filter(pk__in=[lead.pk for lead in moved]).update(
        assigned_to=person, updated_at=now, last_event_at=now
    )
    changes = {lead: {"assigned_to": (lead.assigned_to_id, person.pk if person else None)} for lead in moved}
    for lead in moved:
        lead.assigned_to, lead.updated_at, lead.last_event_at = person, now, now
    data = {"user_id": person.pk if person else None, "by": "person"}
    record_events(events=[_event(lead, Kind.LEAD_ASSIGNED, data, by, source, now) for lead in moved])
    ghl.keep_edits(changes=changes, by=by)
    return len(moved)


def _tell(
    lead: Lead, told: list[tuple[Kind, dict[str, Any]]], by: User | None, source: str, now: datetime
) -> None:
    record_events(events=[_event(lead, kind, data, by, source, now) for kind, data in told])


def _event(
    lead: Lead, kind: Kind, data: dict[str, Any], by: User | None, source: str, now: datetime
) -> NewEvent:
    return NewEvent(
        tenant_id=lead.tenant_id,
        lead_id=lead.pk,
        kind=kind,
        occurred_at=now,
        data={name: value for name, value in data.items() if value not in (None, "", [], {})},
        source=source,
        actor_id=by.pk if by else None,
    )


# Ways a person is known


def _rename(lead: Lead, kind: str, before: str, after: str, what: str, now: datetime) -> None:
    """Make a new value the main one; the former stays as a second, unless the lead was left without one."""
    if after:
        lead.identities.filter(kind=kind, is_primary=True).update(is_primary=False)
        _claim(lead, kind, after, what, now)
    else:
        lead.identities.filter(kind=kind, value=before).delete()


def _claim(lead: Lead, kind: str, value: str, what: str, now: datetime) -> None:
    """Note a way the lead is known; a value of a deleted lead is free again."""
    if not value:
        return
    held = (
        Identity.objects.select_for_update(no_key=True, of=("self",))
        .select_related("lead")
        .filter(tenant_id=lead.tenant_id, kind=kind, value=value)
        .first()
    )
    if held is None:
        try:
            with transaction.atomic():
                Identity.objects.create(
                    tenant_id=lead.tenant_id,
                    lead=lead,
                    kind=kind,
                    value=value,
                    is_primary=True,
                    created_at=now,
                )
        except IntegrityError as error:
            taken = Identity.objects.get(tenant_id=lead.tenant_id, kind=kind, value=value)
            raise LeadKnown(taken.lead_id, kind, what) from error
    elif held.lead_id == lead.pk or held.lead.status == Lead.Status.DELETED:
        held.lead, held.is_primary = lead, True
        held.save(update_fields=["lead", "is_primary"])
    else:
        raise LeadKnown(held.lead_id, kind, what)
