"""Keep what hangs on listings: photos, open houses, agents and offices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from leads.models import Tenant
from matching.listings.attached import ReadMedia, ReadMember, ReadOffice, ReadOpenHouse
from matching.listings.reading import Reading
from matching.models import Media, Member, Office, OpenHouse

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


def put_media(said: dict[int, tuple[ReadMedia, ...]], *, known: set[int], whole: bool) -> set[int]:
    """Store media of listings; `whole` takes away those not named. What was uploaded here always stays."""
    held: dict[tuple[int, str], Media] = {}
    if known & set(said):
        rows = Media.objects.filter(listing_id__in=known & set(said)).exclude(media_url="").defer("content")
        held = {(row.listing_id, row.media_key): row for row in rows}
    fresh, changed, touched = [], [], set()
    for pk, media in said.items():
        for medium in media:
            values = {name: getattr(medium, name) for name in MEDIA_COLUMNS}
            values["permission"] = list(medium.permission)
            row = held.pop((pk, medium.media_key), None)
            if row is None:
                fresh.append(Media(listing_id=pk, media_key=medium.media_key, **values))
                touched.add(pk)
            elif any(getattr(row, name) != value for name, value in values.items()):
                for name, value in values.items():
                    setattr(row, name, value)
                changed.append(row)
                touched.add(pk)
    gone = list(held.values()) if whole else []
    touched |= {row.listing_id for row in gone}
    Media.objects.bulk_create(fresh, ignore_conflicts=True)
    Media.objects.bulk_update(changed, MEDIA_COLUMNS)
    if gone:
        Media.objects.filter(pk__in=[row.pk for row in gone]).delete()
    return touched


def keep_open_houses(applied: Sequence[tuple[int, Reading]], *, known: set[int]) -> set[int]:
    """Make open houses what the last reading of each listing says; return the listings whose changed."""
    said = {pk: reading.open_houses for pk, reading in applied if reading.open_houses is not None}
    return put_open_houses(said, known=known, whole=True)


def put_open_houses(said: dict[int, tuple[ReadOpenHouse, ...]], *, known: set[int], whole: bool) -> set[int]:
    """Store open houses of listings; `whole` takes away those not named."""
    held: dict[tuple[int, str], OpenHouse] = {}
    if known & set(said):
        rows = OpenHouse.objects.filter(listing_id__in=known & set(said))
        held = {(row.listing_id, row.open_house_key): row for row in rows}
    fresh, changed, touched = [], [], set()
    for pk, houses in said.items():
        for house in houses:
            values = {name: getattr(house, name) for name in OPEN_HOUSE_COLUMNS}
            row = held.pop((pk, house.open_house_key), None)
            if row is None:
                fresh.append(OpenHouse(listing_id=pk, open_house_key=house.open_house_key, **values))
                touched.add(pk)
            elif any(getattr(row, name) != value for name, value in values.items()):
                for name, value in values.items():
                    setattr(row, name, value)
                changed.append(row)
                touched.add(pk)
    gone = list(held.values()) if whole else []
    touched |= {row.listing_id for row in gone}
    OpenHouse.objects.bulk_create(fresh, ignore_conflicts=True)
    OpenHouse.objects.bulk_update(changed, OPEN_HOUSE_COLUMNS)
    if gone:
        OpenHouse.objects.filter(pk__in=[row.pk for row in gone]).delete()
    return touched
