"""Read what hangs on a listing: photos, open houses, its agent and office."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from matching.listings.values import (
    Notes,
    is_web_address,
    looked_up,
    many,
    read_key,
    read_number,
    read_stamp,
    read_text,
)

MOST_MEDIA = 200
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReadMedia:
    """A photo, plan or tour a record names."""

    media_key: str
    media_url: str
    media_category: str = ""
    image_of: str = ""
    order: int = 0
    preferred_photo_yn: bool | None = None
    short_description: str = ""
    permission: tuple[str, ...] = ()
    media_alteration: str = ""
    modification_timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadOpenHouse:
    """Hours at which a listing is open."""

    open_house_key: str
    starts_at: datetime
    ends_at: datetime
    open_house_type: str = ""
    open_house_status: str = ""
    livestream_url: str = ""
    remarks: str = ""
    modification_timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadOffice:
    """An office: a record of its own, or what a listing says of its own."""

    office_key: str
    columns: Mapping[str, Any]
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadMember:
    """An agent: a record of its own, or what a listing says of its own."""

    member_key: str
    columns: Mapping[str, Any]
    office_key: str = ""
    modified_at: datetime | None = None


def agent_of(record: Record) -> ReadMember | None:
    key = read_key(record.get("ListAgentKey")) or read_key(record.get("ListAgentMlsId"))
    if not key:
        return None
    columns = {
        "member_mls_id": read_text(record.get("ListAgentMlsId"), 25),
        "member_full_name": read_text(record.get("ListAgentFullName"), 150),
        "member_email": read_text(record.get("ListAgentEmail"), 80),
        "member_direct_phone": read_text(record.get("ListAgentDirectPhone"), 16),
    }
    return ReadMember(key, columns, read_key(record.get("ListOfficeKey")))


def office_of(record: Record) -> ReadOffice | None:
    key = read_key(record.get("ListOfficeKey")) or read_key(record.get("ListOfficeMlsId"))
    if not key:
        return None
    columns = {
        "office_mls_id": read_text(record.get("ListOfficeMlsId"), 25),
        "office_name": read_text(record.get("ListOfficeName"), 255),
        "office_phone": read_text(record.get("ListOfficePhone"), 16),
    }
    return ReadOffice(key, columns)


def media_of(record: Record, notes: Notes) -> tuple[ReadMedia, ...] | None:
    """Return the media a record names, all of them or, where it says nothing of media, None."""
    if isinstance(record.get("Media"), list):
        read = [_medium(item, place) for place, item in enumerate(record["Media"][:MOST_MEDIA])]
        found = {medium.media_key: medium for medium in read if medium is not None}
        if len(found) < len(record["Media"][:MOST_MEDIA]):
            notes.leave_out("Media", "Some media have no key or no web address, or come twice.", "Mend them.")
        return tuple(found.values())
    links = record.get("MediaURL")
    if isinstance(links, str) and links.strip():
        addresses = [link for link in re.split(r"[\s|,;]+", links) if link]
        good = list(dict.fromkeys(link for link in addresses if is_web_address(link)))
        if len(good) < len(addresses):
            notes.leave_out("MediaURL", "Some photos are no web addresses.", "Write https://… for each.")
        return tuple(
            ReadMedia(f"url-{place}", link, "Photo", order=place)
            for place, link in enumerate(good[:MOST_MEDIA])
        )
    return None


def read_medium(record: object) -> tuple[str, ReadMedia] | None:
    """Return the listing key and the medium of a record of the Media resource."""
    if not isinstance(record, Mapping):
        return None
    key, medium = read_key(record.get("ResourceRecordKey")), _medium(record, 0)
    kind = record.get("ResourceName")
    if not key or medium is None or (isinstance(kind, str) and kind != "Property"):
        return None
    return key, medium


def _medium(item: object, place: int) -> ReadMedia | None:
    if not isinstance(item, Mapping):
        return None
    key, link = read_key(item.get("MediaKey")), item.get("MediaURL")
    if not key or not isinstance(link, str) or not is_web_address(link):
        return None
    order = read_number(item.get("Order"))
    preferred = item.get("PreferredPhotoYN")
    return ReadMedia(
        media_key=key,
        media_url=link.strip(),
        media_category=looked_up("MediaCategory", item.get("MediaCategory"), 50) or "Photo",
        image_of=looked_up("ImageOf", item.get("ImageOf"), 50),
        order=int(order) if order is not None and 0 <= order < 100_000 else place,
        preferred_photo_yn=preferred if isinstance(preferred, bool) else None,
        short_description=read_text(item.get("ShortDescription"), 200),
        permission=tuple(many("Permission", item.get("Permission"))),
        media_alteration=", ".join(
            value for value in many("MediaAlteration", item.get("MediaAlteration")) if value != "None"
        )[:50],
        modification_timestamp=read_stamp(
            item.get("MediaModificationTimestamp") or item.get("ModificationTimestamp")
        ),
    )


def open_houses_of(record: Record, notes: Notes) -> tuple[ReadOpenHouse, ...] | None:
    held = record.get("OpenHouses")
    if not isinstance(held, list):
        return None
    read = [_open_house(item) for item in held[:MOST_MEDIA]]
    found = {house.open_house_key: house for house in read if house is not None}
    if len(found) < len(read):
        notes.leave_out(
            "OpenHouses", "Some open houses have no key, or do not end after they start.", "Mend them."
        )
    return tuple(found.values())


def read_open_house(record: object) -> tuple[str, ReadOpenHouse] | None:
    """Return the listing key and the hours of a record of the OpenHouse resource."""
    if not isinstance(record, Mapping):
        return None
    key, house = read_key(record.get("ListingKey")), _open_house(record)
    return (key, house) if key and house is not None else None


def _open_house(item: object) -> ReadOpenHouse | None:
    if not isinstance(item, Mapping):
        return None
    key = read_key(item.get("OpenHouseKey")) or read_key(item.get("OpenHouseId"))
    starts_at, ends_at = read_stamp(item.get("OpenHouseStartTime")), read_stamp(item.get("OpenHouseEndTime"))
    if not key or starts_at is None or ends_at is None or ends_at <= starts_at:
        return None
    link = item.get("LivestreamOpenHouseURL")
    return ReadOpenHouse(
        open_house_key=key,
        starts_at=starts_at,
        ends_at=ends_at,
        open_house_type=looked_up("OpenHouseType", item.get("OpenHouseType"), 25),
        open_house_status=looked_up("OpenHouseStatus", item.get("OpenHouseStatus"), 25),
        livestream_url=link.strip() if isinstance(link, str) and is_web_address(link) else "",
        remarks=read_text(item.get("OpenHouseRemarks"), 500),
        modification_timestamp=read_stamp(item.get("ModificationTimestamp")),
    )


def read_member(record: object) -> ReadMember | None:
    """Return what a record of the Member resource says."""
    if not isinstance(record, Mapping) or not (key := read_key(record.get("MemberKey"))):
        return None
    name = read_text(record.get("MemberFullName"), 150) or " ".join(
        part
        for part in (
            read_text(record.get("MemberFirstName"), 50),
            read_text(record.get("MemberLastName"), 50),
        )
        if part
    )
    columns = {
        "member_mls_id": read_text(record.get("MemberMlsId"), 25),
        "member_full_name": name,
        "member_email": read_text(record.get("MemberEmail"), 80),
        "member_direct_phone": read_text(record.get("MemberDirectPhone"), 16),
        "member_state_license": read_text(record.get("MemberStateLicense"), 50),
        "member_status": looked_up("MemberStatus", record.get("MemberStatus"), 25),
    }
    return ReadMember(
        key, columns, read_key(record.get("OfficeKey")), read_stamp(record.get("ModificationTimestamp"))
    )


def read_office(record: object) -> ReadOffice | None:
    """Return what a record of the Office resource says."""
    if not isinstance(record, Mapping) or not (key := read_key(record.get("OfficeKey"))):
        return None
    takes_part = record.get("IDXOfficeParticipationYN")
    columns = {
        "office_mls_id": read_text(record.get("OfficeMlsId"), 25),
        "office_name": read_text(record.get("OfficeName"), 255),
        "office_phone": read_text(record.get("OfficePhone"), 16),
        "office_email": read_text(record.get("OfficeEmail"), 80),
        "is_in_idx": takes_part if isinstance(takes_part, bool) else None,
    }
    return ReadOffice(key, columns, read_stamp(record.get("ModificationTimestamp")))
