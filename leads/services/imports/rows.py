"""Fill rows into leads, a chunk at a time: found by their identities, made when nobody is known by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from leads.events import Kind
from leads.imports import ReadRow
from leads.intake import TEXT_LENGTHS, LeadFacts
from leads.ml.custom import ANSWER, news_of_record
from leads.models import Event, Identity, Lead, LeadImport, Tenant
from leads.quality import quality
from leads.segments import SegmentFacts, segment_of
from leads.services.events import NewEvent, record_events

CHUNK = 500
FILLED = (*TEXT_LENGTHS, "email", "phone", "country", "time_zone", "segment")
SAVED = (
    *FILLED,
    "tags",
    "custom",
    "profile",
    "consent",
    "quality",
    "quality_missing",
    "created_at",
    "updated_at",
    "last_event_at",
)

_KNOWN = """
    SELECT identity.kind, identity.value, coalesce(lead.merged_into_id, lead.id)
    FROM unnest(%s::text[], %s::text[]) AS wanted (kind, value)
    JOIN leads_identity AS identity
        ON identity.tenant_id = %s AND identity.kind = wanted.kind AND identity.value = wanted.value
    JOIN leads_lead AS lead ON lead.id = identity.lead_id
"""

Key = tuple[str, str]


@dataclass(slots=True)
class Chunk:
    """The leads some rows are about, by the ways they are known."""

    now: datetime
    known: dict[Key, Lead] = field(default_factory=dict)
    fresh: list[Lead] = field(default_factory=list)
    changed: dict[int, Lead] = field(default_factory=dict)
    identities: list[tuple[Lead, Key]] = field(default_factory=list)
    told: list[tuple[Lead, Kind, datetime, dict[str, Any], str]] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    unchanged: int = 0


def keep_rows(*, lead_import: LeadImport, good: Sequence[ReadRow], now: datetime) -> Chunk:
    """Fill these rows into leads, in the transaction of the caller."""
    chunk = _load(lead_import.tenant, good, now)
    for read in good:
        _apply(chunk, lead_import, read)
    _write(chunk, lead_import)
    return chunk


def _load(tenant: Tenant, good: Sequence[ReadRow], now: datetime) -> Chunk:
    """Find and lock the leads these rows may be about."""
    keys = sorted({key for read in good for key in _keys(read.facts)})
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[kind for kind, _ in keys], [value for _, value in keys], tenant.pk])
        found: dict[Key, int] = {(kind, value): lead_id for kind, value, lead_id in cursor.fetchall()}
    leads = Lead.objects.select_for_update(no_key=True).filter(tenant=tenant, pk__in=set(found.values()))
    by_id = {lead.pk: lead for lead in leads.defer("search", "reasons").order_by("pk")}
    return Chunk(now, {key: by_id[lead_id] for key, lead_id in found.items() if lead_id in by_id})


def _keys(facts: LeadFacts) -> list[Key]:
    """Return the ways a row's person is known, the surest first."""
    given = (
        (Identity.Kind.CONTACT_ID, facts.contact_id),
        (Identity.Kind.EMAIL, facts.email),
        (Identity.Kind.PHONE, facts.phone),
    )
    return [(str(kind), value) for kind, value in given if value]


def _apply(chunk: Chunk, row: LeadImport, read: ReadRow) -> None:
    """Fill a row into its lead, new or known."""
    facts = read.facts
    lead = _find(chunk, facts)
    key = f"import:{row.pk}:{read.number}"
    if lead is None:
        created_at = read.created_at or chunk.now
        lead = Lead(tenant=row.tenant, created_at=created_at, recorded_at=chunk.now, updated_at=chunk.now)
        _fill(lead, facts, chunk.now)
        chunk.fresh.append(lead)
        chunk.created += 1
        data = {"tags": lead.tags, "source": lead.source, "import_id": row.pk}
        fields = news_of_record(({}, lead.custom), ({}, lead.profile))
        if created_at == chunk.now:
            data["custom"] = fields
        chunk.told.append((lead, Kind.CONTACT_CREATED, created_at, data, key))
        if fields and created_at != chunk.now:  # a file says what is so now, not what was so then
            told = {"fields": _names(fields), "import_id": row.pk, "custom": fields}
            chunk.told.append((lead, Kind.CONTACT_UPDATED, chunk.now, told, f"{key}:fields"))
    else:
        custom, profile = dict(lead.custom), dict(lead.profile)
        filled = _fill(lead, facts, chunk.now)
        if read.created_at is not None and read.created_at < lead.created_at:
            lead.created_at = read.created_at
            filled.append("created_at")
        if lead.status == Lead.Status.DELETED or not filled:
            chunk.unchanged += 1
        else:
            chunk.updated += 1
            if lead.pk is not None:
                chunk.changed[lead.pk] = lead
            fields = news_of_record((custom, lead.custom), (profile, lead.profile))
            data = {"fields": filled, "import_id": row.pk, "custom": fields}
            chunk.told.append((lead, Kind.CONTACT_UPDATED, chunk.now, data, key))
    for identity in _keys(facts):
        if identity not in chunk.known:
            chunk.known[identity] = lead
            chunk.identities.append((lead, identity))


def _names(fields: Mapping[str, object]) -> list[str]:
    return [name if name.startswith(ANSWER) else f"custom.{name}" for name in fields]


def _find(chunk: Chunk, facts: LeadFacts) -> Lead | None:
    for key in _keys(facts):
        lead = chunk.known.get(key)
        if lead is None:
            continue
        if key[0] == Identity.Kind.PHONE and not _may_be(lead, facts):
            continue
        return lead
    return None


def _may_be(lead: Lead, facts: LeadFacts) -> bool:
    """Tell whether two people with one phone may be one: a household shares a phone, not a name."""
    mine, theirs = (facts.first_name or "").casefold(), lead.first_name.casefold()
    return not mine or not theirs or mine == theirs


def _fill(lead: Lead, facts: LeadFacts, now: datetime) -> list[str]:
    """Fill what is empty, add tags, keep every refusal of consent; what is known is never overwritten."""
    filled = []
    for name in FILLED:
        value = getattr(facts, name)
        if value and not getattr(lead, name):
            setattr(lead, name, value)
            filled.append(name)
    if added := [tag for tag in facts.tags or [] if tag not in lead.tags]:
        lead.tags = [*lead.tags, *added]
        filled.append("tags")
    for column, held, told in (
        ("custom", lead.custom, facts.custom),
        ("profile", lead.profile, facts.profile),
    ):
        for key, value in told.items():
            if value not in (None, "") and held.get(key) in (None, ""):
                held[key] = value
                filled.append(f"{column}.{key}")
    for channel, state in facts.consent.items():
        held_state = lead.consent.get(channel, {}).get("state", "unknown")
        if state != held_state and (state == "denied" or held_state == "unknown"):
            lead.consent[channel] = {"state": state, "at": now.isoformat(), "source": "import"}
            filled.append(f"consent.{channel}")
    if filled:
        _judge(lead)
        lead.updated_at = lead.last_event_at = now
    return filled


def _judge(lead: Lead) -> None:
    if not lead.segment and lead.profile:
        lead.segment = segment_of(SegmentFacts(profile=lead.profile)).segment
    verdict = quality(lead)
    lead.quality = verdict.score
    lead.quality_missing = [piece.as_dict() for piece in verdict.missing]


def _write(chunk: Chunk, row: LeadImport) -> None:
    Lead.objects.bulk_create(chunk.fresh)
    if chunk.changed:
        Lead.objects.bulk_update(list(chunk.changed.values()), SAVED, batch_size=CHUNK)
    Identity.objects.bulk_create(
        Identity(
            tenant=row.tenant,
            lead=lead,
            kind=kind,
            value=value,
            is_primary=getattr(lead, kind, "") == value,
            created_at=chunk.now,
        )
        for lead, (kind, value) in chunk.identities
    )
    record_events(
        events=[
            NewEvent(
                tenant_id=row.tenant_id,
                lead_id=lead.pk,
                kind=kind,
                occurred_at=when,
                data={name: value for name, value in data.items() if value not in (None, "", [], {})},
                dedupe_key=key,
                source=Event.Source.IMPORT,
                actor_id=row.by_id,
                backfill=True,
            )
            for lead, kind, when, data, key in chunk.told
        ]
    )
