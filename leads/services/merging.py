"""Two leads found to be one person: merge, with what is needed to undo it exactly.

Events, messages and alerts stay with the lead they were about; pages and engines read the whole family
(`selectors.leads.family_ids`). The ways the person is known move to the survivor, so new facts reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from leads.errors import DomainError
from leads.events import Kind
from leads.models import FeatureState, Identity, Lead, LeadMerge, Membership, User
from leads.quality import quality
from leads.services import ghl
from leads.services.events import NewEvent, record_events
from leads.services.leads import LeadChanged, edition_of
from leads.store import Whose, past_states

FILLED = (
    "contact_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "time_zone",
    "source",
    "segment",
    "assigned_to_id",
)
"""Taken from the absorbed lead where the survivor has none."""

JOINED = ("custom", "profile", "consent", "crm")
LATEST = ("last_event_at", "last_inbound_at", "last_outbound_at")
MERGED = (*FILLED, *JOINED, "tags", *LATEST, "awaiting_reply_since", "created_at")
MOMENTS = (*LATEST, "awaiting_reply_since", "created_at")


@transaction.atomic
def merge_leads(
    *, survivor: Lead, absorbed: Lead, by: User | None, reason: str = "", edition: str = ""
) -> LeadMerge:
    """Merge one lead into another of its tenant and keep what undoing it takes.

    With an edition nothing is merged when either record was changed since somebody looked at the two.
    """
    rows = _lock([survivor.pk, absorbed.pk])
    survivor, absorbed = rows[survivor.pk], rows[absorbed.pk]
    if edition and edition != edition_of_two(survivor, absorbed):
        raise LeadChanged
    contact = survivor if survivor.contact_id else absorbed
    told = _refused(contact.consent)
    after = united(survivor=survivor, absorbed=absorbed)
    now = timezone.now()
    identities = list(absorbed.identities.order_by("pk"))
    before = _values(survivor)
    members = list(Membership.objects.filter(lead=absorbed).order_by("pk").values_list("pk", flat=True))
    flattened = sorted(row.pk for row in rows.values() if row.merged_into_id == absorbed.pk)
    merge = LeadMerge.objects.create(
        tenant_id=survivor.tenant_id,
        survivor=survivor,
        absorbed=absorbed,
        reason=reason[:200],
        by=by,
        merged_at=now,
        snapshot={
            "survivor": before,
            "merged": after,
            "absorbed": _values(absorbed),
            "identities": [_identity(row) for row in identities],
            "added_identities": _add_named(survivor, absorbed, now),
            "members": members,
            "flattened": flattened,
        },
    )
    kinds = set(survivor.identities.filter(is_primary=True).values_list("kind", flat=True))
    absorbed.identities.update(lead=survivor)
    survivor.identities.filter(pk__in=[row.pk for row in identities], kind__in=kinds).update(is_primary=False)
    Membership.objects.filter(pk__in=members).update(lead=survivor)
    Lead.objects.filter(pk__in=[*flattened, absorbed.pk]).update(
        status=Lead.Status.MERGED, merged_into=survivor, updated_at=now
    )
    _write(survivor, after, now)
    _tell_contact(survivor, told, by)
    _forget_states(survivor, absorbed)
    _record(Kind.LEAD_MERGED, merge, [survivor], by, now)
    return merge


@transaction.atomic
def undo_merge(*, merge: LeadMerge, by: User | None) -> LeadMerge:
    """Part two merged leads again: both get back what was theirs; what changed since the merge stays."""
    _lock([merge.survivor_id, merge.absorbed_id])
    merge = LeadMerge.objects.select_for_update(no_key=True).get(pk=merge.pk)
    if merge.undone_at is not None:
        raise DomainError("This merge was undone already.", "already")
    later = LeadMerge.objects.filter(
        Q(survivor_id=merge.survivor_id, pk__gt=merge.pk) | Q(absorbed_id=merge.survivor_id),
        undone_at__isnull=True,
    ).order_by("-pk")
    if (last := later.first()) is not None:
        raise DomainError(
            f"Lead {merge.survivor_id} took part in a later merge ({last.pk}). Undo that one first.", "order"
        )
    survivor = Lead.objects.get(pk=merge.survivor_id)
    absorbed = Lead.objects.get(pk=merge.absorbed_id)
    now = timezone.now()
    kept, told = merge.snapshot, _refused(survivor.consent)
    _restore_identities(survivor, absorbed, kept)
    Membership.objects.filter(pk__in=kept["members"], lead=survivor).update(lead=absorbed)
    Lead.objects.filter(pk=absorbed.pk).update(status=Lead.Status.ACTIVE, merged_into=None, updated_at=now)
    Lead.objects.filter(pk__in=kept["flattened"], merged_into=survivor).update(
        merged_into=absorbed, updated_at=now
    )
    _write(survivor, _parted(survivor, kept["survivor"], kept["merged"]), now)
    _tell_contact(survivor if survivor.contact_id else absorbed, told, by)
    merge.undone_at, merge.undone_by = now, by
    merge.save(update_fields=["undone_at", "undone_by"])
    _forget_states(survivor, absorbed)
    _record(Kind.LEAD_UNMERGED, merge, [survivor, absorbed], by, now)
    return merge


def edition_of_two(survivor: Lead, absorbed: Lead) -> str:
    """Return a mark of what people can edit of two leads."""
    return f"{edition_of(survivor)}.{edition_of(absorbed)}"


def _refused(consent: Mapping[str, Any]) -> set[str]:
    return {channel for channel, held in consent.items() if held.get("state") == "denied"}


def _tell_contact(lead: Lead, told: set[str], by: User | None) -> None:
    """Have the lead's contact block what the person refuses; else its next snapshot would lift a refusal."""
    refused = _refused(lead.consent)
    changes = {
        f"consent.{channel}": (channel in told or None, channel in refused or None)
        for channel in sorted(told ^ refused)
    }
    ghl.keep_edits(changes={lead: changes}, by=by)


def _check(survivor: Lead, absorbed: Lead) -> None:
    if survivor.pk == absorbed.pk:
        raise DomainError("A lead cannot be merged with itself.", "same")
    if survivor.tenant_id != absorbed.tenant_id:
        raise DomainError("Leads of two tenants cannot be merged.", "tenant")
    for lead in (survivor, absorbed):
        if lead.status == Lead.Status.MERGED:
            raise DomainError(
                f"Lead {lead.pk} was merged into lead {lead.merged_into_id} already. Merge that one instead.",
                "merged",
            )
        if lead.status == Lead.Status.DELETED:
            raise DomainError(f"Lead {lead.pk} was deleted.", "deleted")


def _lock(pks: list[int]) -> dict[int, Lead]:
    """Lock leads, then all that were merged into them by now, each in the order of their keys."""
    rows = Lead.objects.select_for_update(no_key=True).order_by("pk")
    leads = list(rows.filter(pk__in=pks))
    leads += rows.filter(merged_into__in=pks).exclude(pk__in=pks)
    return {lead.pk: lead for lead in leads}


def _values(lead: Lead) -> dict[str, Any]:
    """Return the fields a merge may change, ready for JSON."""
    return {name: _plain(getattr(lead, name)) for name in MERGED}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def united(*, survivor: Lead, absorbed: Lead) -> dict[str, Any]:
    """Return what the survivor's fields would be after the merge, or say why there can be none."""
    _check(survivor, absorbed)
    after = _values(survivor)
    for name in FILLED:
        after[name] = getattr(survivor, name) or getattr(absorbed, name)
    after["custom"] = {**absorbed.custom, **survivor.custom}
    after["profile"] = {**absorbed.profile, **survivor.profile}
    after["crm"] = {**absorbed.crm, **survivor.crm}
    after["consent"] = _strictest(survivor.consent, absorbed.consent)
    after["tags"] = [*survivor.tags, *(tag for tag in absorbed.tags if tag not in survivor.tags)]
    for name in LATEST:
        after[name] = _plain(max(_moments(survivor, absorbed, name), default=None))
    after["created_at"] = _plain(min(survivor.created_at, absorbed.created_at))
    after["awaiting_reply_since"] = _plain(_waiting_since(survivor, absorbed))
    return after


def _moments(survivor: Lead, absorbed: Lead, name: str) -> list[datetime]:
    return [moment for lead in (survivor, absorbed) if (moment := getattr(lead, name)) is not None]


def _waiting_since(survivor: Lead, absorbed: Lead) -> datetime | None:
    """Return since when the one person waits: an answer to either record was an answer to them."""
    answered = max(_moments(survivor, absorbed, "last_outbound_at"), default=None)
    waiting = _moments(survivor, absorbed, "awaiting_reply_since")
    return min((moment for moment in waiting if answered is None or moment > answered), default=None)


def _strictest(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return the consent of one person: a refusal on either record holds."""
    both = dict(ours)
    for channel, held in theirs.items():
        mine = both.get(channel, {}).get("state", "unknown")
        if mine == "unknown" or (held.get("state") == "denied" and mine != "denied"):
            both[channel] = held
    return both


def _parted(survivor: Lead, before: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    """Return the survivor's fields without what the merge brought; later changes are kept."""
    now = _values(survivor)
    parted = dict(now)
    for name in MERGED:
        if name in JOINED:
            parted[name] = _parted_keys(now[name], before[name], merged[name])
        elif name == "tags":
            brought = set(merged["tags"]) - set(before["tags"])
            parted["tags"] = [tag for tag in now["tags"] if tag not in brought]
        elif now[name] == merged[name]:
            parted[name] = before[name]
    return parted


def _parted_keys(now: dict[str, Any], before: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    parted = dict(now)
    for key, value in merged.items():
        if now.get(key) != value or before.get(key) == value:
            continue
        if key in before:
            parted[key] = before[key]
        else:
            parted.pop(key)
    return parted


def _write(lead: Lead, values: dict[str, Any], now: datetime) -> None:
    for name, value in values.items():
        if name in MOMENTS and isinstance(value, str):
            value = parse_datetime(value)
        setattr(lead, name, value)
    verdict = quality(lead)
    lead.quality, lead.updated_at = verdict.score, now
    lead.quality_missing = [missing.as_dict() for missing in verdict.missing]
    lead.save(update_fields=[*_columns(values), "quality", "quality_missing", "updated_at"])


def _columns(values: dict[str, Any]) -> list[str]:
    return ["assigned_to" if name == "assigned_to_id" else name for name in values]


def _identity(row: Identity) -> dict[str, Any]:
    return {"pk": row.pk, "kind": row.kind, "value": row.value, "is_primary": row.is_primary}


def _add_named(survivor: Lead, absorbed: Lead, now: datetime) -> list[int]:
    """Note the absorbed lead's own values as ways to know the survivor, where nobody is known by them yet."""
    named = (
        (Identity.Kind.EMAIL, absorbed.email),
        (Identity.Kind.PHONE, absorbed.phone),
        (Identity.Kind.CONTACT_ID, absorbed.contact_id),
    )
    added: list[int] = []
    for kind, value in named:
        if not value:
            continue
        row, is_new = Identity.objects.get_or_create(
            tenant_id=survivor.tenant_id,
            kind=kind,
            value=value,
            defaults={"lead": survivor, "created_at": now},
        )
        if is_new:
            added.append(row.pk)
    return added


def _restore_identities(survivor: Lead, absorbed: Lead, kept: dict[str, Any]) -> None:
    """Give the absorbed lead back the ways it was known; one that went missing since is made again."""
    Identity.objects.filter(pk__in=kept["added_identities"], lead=survivor).delete()
    for row in kept["identities"]:
        held = Identity.objects.filter(
            tenant_id=absorbed.tenant_id, kind=row["kind"], value=row["value"]
        ).first()
        if held is None:
            Identity.objects.create(
                tenant_id=absorbed.tenant_id,
                lead=absorbed,
                kind=row["kind"],
                value=row["value"],
                is_primary=row["is_primary"],
            )
        elif held.lead_id == survivor.pk:
            held.lead, held.is_primary = absorbed, row["is_primary"]
            held.save(update_fields=["lead", "is_primary"])


def _forget_states(*leads: Lead) -> None:
    """Drop what was remembered of each history: it is read anew from the family's events."""
    FeatureState.objects.filter(lead__in=leads).delete()
    whose = [Whose(lead.tenant_id, lead.pk) for lead in leads]
    transaction.on_commit(partial(past_states.forget, whose), robust=True)


def _record(kind: Kind, merge: LeadMerge, leads: list[Lead], by: User | None, now: datetime) -> None:
    name = "merged" if kind == Kind.LEAD_MERGED else "unmerged"
    record_events(
        events=[
            NewEvent(
                tenant_id=merge.tenant_id,
                lead_id=lead.pk,
                kind=kind,
                occurred_at=now,
                data={"merge": merge.pk, "survivor": merge.survivor_id, "absorbed": merge.absorbed_id},
                dedupe_key=f"merge:{merge.pk}:{name}:{lead.pk}",
                actor_id=by.pk if by else None,
            )
            for lead in leads
        ]
    )
