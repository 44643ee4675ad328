"""Merges of leads: what one would result in, side by side, and those that were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from leads.models import CustomField, Lead, LeadMerge
from leads.models.leads import Segment
from leads.quality import WORTH

MOST = 20
COLUMNS = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "phone": "Phone",
    "company": "Company",
    "address": "Street",
    "city": "City",
    "state": "State",
    "postal_code": "ZIP code",
    "country": "Country",
    "time_zone": "Time zone",
    "source": "Source",
    "segment": "Segment",
    "assigned_to_id": "Assigned to",
    "contact_id": "GoHighLevel contact",
}
NAMING = ("email", "phone", "contact_id")
"""Where the two differ, the person stays known by both."""

ANSWERS = {name: label for name, label, _ in WORTH}


@dataclass(frozen=True, slots=True)
class MergeRow:
    """One field of two leads, and what it would be after the merge."""

    label: str
    survivor: Any
    absorbed: Any
    result: Any
    note: str = ""

    @property
    def is_taken(self) -> bool:
        """Tell whether the survivor would gain by it."""
        return bool(self.result != self.survivor)


@dataclass(frozen=True, slots=True)
class PastMerge:
    """A merge that was made, from one lead's side."""

    merge: LeadMerge
    other: Lead
    can_undo: bool


def compare(survivor: Lead, absorbed: Lead, after: Mapping[str, Any]) -> list[MergeRow]:
    """Return the fields either lead fills in, with what `after` says of them."""
    rows = [_column(name, label, survivor, absorbed, after) for name, label in COLUMNS.items()]
    names = dict(CustomField.objects.filter(tenant=survivor.tenant_id).values_list("key", "name"))
    for part, labels in (("profile", ANSWERS), ("custom", names)):
        ours, theirs = getattr(survivor, part), getattr(absorbed, part)
        rows += [
            MergeRow(
                labels.get(key, key.replace("_", " ").capitalize()),
                ours.get(key, ""),
                theirs.get(key, ""),
                after[part][key],
            )
            for key in sorted(after[part])
            if not (part == "profile" and key == "segment")
        ]
    rows.append(MergeRow("Tags", survivor.tags, absorbed.tags, after["tags"]))
    rows += [_consent(channel, survivor, absorbed, after) for channel in sorted(after["consent"])]
    told = [row for row in rows if row.survivor or row.absorbed]
    # An answer is often kept as a custom field too: it is told once
    return [row for place, row in enumerate(told) if row not in told[:place]]


def _column(name: str, label: str, survivor: Lead, absorbed: Lead, after: Mapping[str, Any]) -> MergeRow:
    ours, theirs, result = getattr(survivor, name), getattr(absorbed, name), after[name]
    if name == "assigned_to_id":
        people = {lead.assigned_to_id: str(lead.assigned_to) for lead in (survivor, absorbed)} | {None: ""}
        return MergeRow(label, people[ours], people[theirs], people[result])
    if name == "segment":
        words = {"": "", **{str(value): str(text) for value, text in Segment.choices}}
        return MergeRow(label, words[ours], words[theirs], words[result])
    keeps_both = name in NAMING and ours and theirs and ours != theirs
    return MergeRow(label, ours, theirs, result, "Known by the other too." if keeps_both else "")


def _consent(channel: str, survivor: Lead, absorbed: Lead, after: Mapping[str, Any]) -> MergeRow:
    ours, theirs, result = (
        str(held.get(channel, {}).get("state", "")).capitalize()
        for held in (survivor.consent, absorbed.consent, after["consent"])
    )
    note = "A refusal on either record holds." if result == "Denied" and ours != theirs else ""
    return MergeRow(f"Consent, {channel}", ours, theirs, result, note)


def merges_of(lead: Lead) -> Sequence[PastMerge]:
    """Return the merges a lead took part in, latest first; only the last one that stands can be undone."""
    merges = list(
        LeadMerge.objects.filter(Q(survivor=lead) | Q(absorbed=lead)).select_related(
            "survivor", "absorbed", "by", "undone_by"
        )[:MOST]
    )
    standing = [merge.pk for merge in merges if merge.undone_at is None]
    return [
        PastMerge(
            merge,
            merge.absorbed if merge.survivor_id == lead.pk else merge.survivor,
            can_undo=standing[:1] == [merge.pk],
        )
        for merge in merges
    ]
