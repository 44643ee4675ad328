"""Keep what hangs on listings: photos, open houses, agents and offices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from leads.models import Tenant
from matching.listings.attached import ReadMedia, ReadMember, ReadOffice, ReadOpenHouse
from matching.listings.reading import Reading
from matching.models import Media, Member, Office, OpenHouse
from matching.services.rows import write_rows

MEDIA_COLUMNS = (
    "media_url",
    "media_category",
    "image_of",
    "order",
    "preferred_photo_yn",
    "short_description",
    "permission",
    "media_alteration",
    "modification_timestamp",
)
OPEN_HOUSE_COLUMNS = (
    "starts_at",
    "ends_at",
    "open_house_type",
    "open_house_status",
    "livestream_url",
    "remarks",
    "modification_timestamp",
)

Key = tuple[str, str]


@dataclass(slots=True)
class People:
    """Ids of agents and offices by system and key."""

    members: dict[Key, int] = field(default_factory=dict)
    offices: dict[Key, int] = field(default_factory=dict)


def keep_people(tenant: Tenant, readings: Sequence[Reading]) -> People:
    """Store the agents and offices listings name, unless a record of their own said more."""
    offices = {
        (reading.originating_system_name, reading.office.office_key): reading.office
        for reading in readings
        if reading.office is not None
    }
    members = {
        (reading.originating_system_name, reading.agent.member_key): reading.agent
        for reading in readings
        if reading.agent is not None
    }
    people = People()
    people.offices = keep_offices(tenant, offices)
    people.members = keep_members(tenant, members, people.offices)
    return people


def keep_offices(tenant: Tenant, read: dict[Key, ReadOffice]) -> dict[Key, int]:
    """Store offices and return their ids; what a listing says of one never changes its own record."""
    if not read:
        return {}
    rows = Office.objects.filter(tenant=tenant, office_key__in={key for _, key in read})
    known = {(row.originating_system_name, row.office_key): row for row in rows}
    fresh, changed = [], []
    for (system, key), office in read.items():
        row = known.get((system, key))
        if row is None:
            row = Office(tenant=tenant, originating_system_name=system, office_key=key)
            row.modification_timestamp = office.modified_at
            _fill(row, office.columns)
            known[system, key] = row
            fresh.append(row)
        elif _may_change(row, office) and _fill(row, office.columns):
            row.modification_timestamp = office.modified_at
            changed.append(row)
    Office.objects.bulk_create(fresh)
    Office.objects.bulk_update(
        changed,
        [
            "office_mls_id",
            "office_name",
            "office_phone",
            "office_email",
            "is_in_idx",
            "modification_timestamp",
        ],
    )
    return {key: row.pk for key, row in known.items()}


def keep_members(
    tenant: Tenant, read: dict[Key, ReadMember], offices: dict[Key, int] | None = None
) -> dict[Key, int]:
    """Store agents and return their ids; what a listing says of one never changes their own record."""
    if not read:
        return {}
    if offices is None:
        wanted = {member.office_key for member in read.values() if member.office_key}
        found = Office.objects.filter(tenant=tenant, office_key__in=wanted)
        offices = {(row.originating_system_name, row.office_key): row.pk for row in found}
    rows = Member.objects.filter(tenant=tenant, member_key__in={key for _, key in read})
    known = {(row.originating_system_name, row.member_key): row for row in rows}
    fresh, changed = [], []
    for (system, key), member in read.items():
        office_id = offices.get((system, member.office_key))
        columns = {**member.columns, **({"office_id": office_id} if office_id is not None else {})}
        row = known.get((system, key))
        if row is None:
            row = Member(tenant=tenant, originating_system_name=system, member_key=key)
            row.modification_timestamp = member.modified_at
            _fill(row, columns)
            known[system, key] = row
            fresh.append(row)
        elif _may_change(row, member) and _fill(row, columns):
            row.modification_timestamp = member.modified_at
            changed.append(row)
    Member.objects.bulk_create(fresh)
    Member.objects.bulk_update(
        changed,
        [
            "member_mls_id",
            "member_full_name",
            "member_email",
            "member_direct_phone",
            "member_state_license",
            "member_status",
            "office",
            "modification_timestamp",
        ],
    )
    return {key: row.pk for key, row in known.items()}


def _may_change(row: Member | Office, read: ReadMember | ReadOffice) -> bool:
    if row.modification_timestamp is None:
        return True
    return read.modified_at is not None and read.modified_at >= row.modification_timestamp


def _fill(row: Member | Office, columns: Any) -> bool:
    """Set what is stated and tell whether anything is new."""
    changed = False
    for name, value in columns.items():
        if value not in ("", None) and getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    return changed


def keep_media(applied: Sequence[tuple[int, Reading]], *, known: set[int]) -> set[int]:
    """Make media what the last reading of each listing says; return the listings whose media changed."""
    said = {pk: reading.media for pk, reading in applied if reading.media is not None}
    return put_media(said, known=known, whole=True)


def put_media(said: Mapping[int, tuple[ReadMedia, ...]], *, known: set[int], whole: bool) -> set[int]:
    """Store media of listings; `whole` takes away those not named. What was uploaded here always stays."""
    rows = {
        (pk, medium.media_key): {
            **{name: getattr(medium, name) for name in MEDIA_COLUMNS},
            "permission": list(medium.permission),
        }
        for pk, media in said.items()
        for medium in media
    }
    held = Media.objects.exclude(media_url="")
    blank = {"content": "", "content_type": "", "original_id": None}
    return _put(Media, held, "media_key", rows, said.keys() & known, blank, whole=whole)


def keep_open_houses(applied: Sequence[tuple[int, Reading]], *, known: set[int]) -> set[int]:
    """Make open houses what the last reading of each listing says; return the listings whose changed."""
    said = {pk: reading.open_houses for pk, reading in applied if reading.open_houses is not None}
    return put_open_houses(said, known=known, whole=True)


def put_open_houses(
    said: Mapping[int, tuple[ReadOpenHouse, ...]], *, known: set[int], whole: bool
) -> set[int]:
    """Store open houses of listings; `whole` takes away those not named."""
    rows = {
        (pk, house.open_house_key): {name: getattr(house, name) for name in OPEN_HOUSE_COLUMNS}
        for pk, houses in said.items()
        for house in houses
    }
    return _put(
        OpenHouse, OpenHouse.objects.all(), "open_house_key", rows, said.keys() & known, {}, whole=whole
    )


def _put(
    model: type[Media | OpenHouse],
    held: QuerySet[Any],
    key: str,
    rows: Mapping[tuple[int, str], dict[str, Any]],
    known: set[int],
    blank: Mapping[str, Any],
    *,
    whole: bool,
) -> set[int]:
    """Write rows that are new or changed, delete those no longer named, return the listings concerned."""
    columns = next(iter(rows.values())).keys() if rows else ()
    before = {}
    if known:
        found = held.filter(listing_id__in=known).values("pk", "listing_id", key, *columns)
        before = {(row["listing_id"], row[key]): row for row in found}
    news = [
        {"listing_id": pk, key: name, **values, **blank}
        for (pk, name), values in rows.items()
        if (was := before.get((pk, name))) is None or any(was[each] != values[each] for each in columns)
    ]
    write_rows(model, news, key=("listing_id", key), stays=tuple(blank))
    gone = [row for place, row in before.items() if place not in rows] if whole else []
    if gone:
        model.objects.filter(pk__in=[row["pk"] for row in gone]).delete()
    return {row["listing_id"] for row in (*news, *gone)}
