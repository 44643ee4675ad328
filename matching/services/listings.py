"""Keep readings of listings: whole batches in a few statements, what changed told as events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from leads.events import Kind
from leads.models import Event, Tenant, User
from leads.services.events import NewEvent, record_events
from matching.listings.reading import Reading
from matching.models import Feed, Listing, PriceChange, StandardStatus, StatusChange
from matching.models.listings import ON_MARKET
from matching.services.attached import People, keep_media, keep_open_houses, keep_people
from matching.services.rows import fields_of, write_rows

BATCH = 1_000
_LOCK = 4_114  # first half of the key of an advisory lock; the second is the tenant

_KEY = ("tenant_id", "originating_system_name", "listing_key")
_FIELDS = fields_of(Listing)
_JSON = ("flags", "features", "private", "other")
_EMPTY: Mapping[str, Any] = {name: None if each.null else "" for name, each in _FIELDS.items()}
_NOT_COMPARED = frozenset({"modification_timestamp", "updated_at", "recorded_at"})

Row = dict[str, Any]
Key = tuple[str, str]


@dataclass(slots=True)
class Stored:
    """What became of readings; `ids` are those of the listings they were about."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    strays: int = 0
    ids: dict[Key, int] = field(default_factory=dict)

    def add(self, other: Stored) -> None:
        """Count another batch in."""
        for name in ("created", "updated", "unchanged", "deleted", "strays"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.ids.update(other.ids)


@dataclass(slots=True)
class _Work:
    """One listing while its readings are applied."""

    row: Row
    before: Row | None
    read: list[Reading] = field(default_factory=list)
    prices: list[tuple[Decimal | None, Decimal | None, datetime]] = field(default_factory=list)
    statuses: list[tuple[str, str, datetime]] = field(default_factory=list)


def store_listings(
    *,
    tenant: Tenant,
    readings: Sequence[Reading],
    now: datetime,
    feed: Feed | None = None,
    by: User | None = None,
    backfill: bool = False,
) -> Stored:
    """Store readings by their system and key; what is older than what is known changes nothing.

    What came on the market or changed is told in one event of each kind per batch; `backfill` marks
    those of a first load, to which nobody needs to be alerted.
    """
    stored = Stored()
    for start in range(0, len(readings), BATCH):
        stored.add(_store_batch(tenant, readings[start : start + BATCH], now, feed, by, backfill))
    return stored


@transaction.atomic
def _store_batch(
    tenant: Tenant,
    readings: Sequence[Reading],
    now: datetime,
    feed: Feed | None,
    by: User | None,
    backfill: bool,
) -> Stored:
    with connection.cursor() as cursor:  # one batch of a tenant after the other
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, tenant.pk])
    stored = Stored()
    work = _known(tenant, readings)
    people = keep_people(tenant, readings)
    for reading in readings:
        _apply(work, reading, tenant, now, feed, by, people, stored)
    fresh = [each for each in work.values() if each.before is None]
    changed = [each for each in work.values() if each.before is not None and _differs(each)]
    touched = [
        each
        for each in work.values()
        if each.before is not None
        and not _differs(each)
        and each.row["modification_timestamp"] != each.before["modification_timestamp"]
    ]
    for each in changed:
        each.row["updated_at"] = now
    _write([each.row for each in (*fresh, *changed, *touched)])
    stored.ids = _ids(tenant, work)
    changed_ids = {stored.ids[_key_of(each.row)] for each in changed}
    again = {stored.ids[_key_of(each.row)] for each in work.values() if each.before is not None}
    applied = [(stored.ids[_key_of(each.row)], reading) for each in work.values() for reading in each.read]
    told = keep_media(applied, known=again) | keep_open_houses(applied, known=again)
    late = (told & again) - changed_ids
    if late:
        Listing.objects.filter(pk__in=late).update(updated_at=now)
    stored.created, stored.updated = len(fresh), len(changed) + len(late)
    stored.unchanged = len(readings) - stored.created - stored.updated - stored.strays
    _keep_history(work.values(), stored.ids)
    _tell(tenant, fresh, changed, stored.ids, now, feed, by, backfill)
    return stored


def _known(tenant: Tenant, readings: Sequence[Reading]) -> dict[Key, _Work]:
    wanted = {(reading.originating_system_name, reading.listing_key) for reading in readings}
    rows = Listing.objects.filter(tenant=tenant, listing_key__in={key for _, key in wanted}).values(*_FIELDS)
    return {_key_of(row): _Work(dict(row), dict(row)) for row in rows if _key_of(row) in wanted}


def _key_of(row: Row) -> Key:
    return row["originating_system_name"], row["listing_key"]


def _apply(
    work: dict[Key, _Work],
    reading: Reading,
    tenant: Tenant,
    now: datetime,
    feed: Feed | None,
    by: User | None,
    people: People,
    stored: Stored,
) -> None:
    """Bring one row up to date with one reading."""
    key = (reading.originating_system_name, reading.listing_key)
    is_delete = reading.columns["standard_status"] == StandardStatus.DELETE
    each = work.get(key)
    if each is None:
        if is_delete:
            stored.strays += 1
            return
        each = work[key] = _Work(_blank(tenant, reading, now, by), None)
    elif reading.modified_at is not None and reading.modified_at < each.row["modification_timestamp"]:
        return
    elif is_delete and each.row["standard_status"] != StandardStatus.DELETE:
        stored.deleted += 1
    first = not each.read and each.before is None
    row, old = each.row, dict(each.row)
    row.update(reading.columns)
    for name in _JSON:
        said = getattr(reading, name)
        if said:
            merged = {**row[name], **said} if row[name] else said
            row[name] = {key: value for key, value in merged.items() if value is not None}
    row["missing_since"] = None
    if feed is not None:
        row["feed_id"] = feed.pk
    system = reading.originating_system_name
    if reading.agent is not None:
        row["list_agent_id"] = people.members.get((system, reading.agent.member_key))
    if reading.office is not None:
        row["list_office_id"] = people.offices.get((system, reading.office.office_key))
    if reading.modified_at is not None or row != old:
        row["modification_timestamp"] = reading.modified_at or now
    each.read.append(reading)
    _note_changes(each, old, first=first)


def _blank(tenant: Tenant, reading: Reading, now: datetime, by: User | None) -> Row:
    row: Row = {**_EMPTY, **{name: {} for name in _JSON}}
    row.update(
        tenant_id=tenant.pk,
        originating_system_name=reading.originating_system_name,
        listing_key=reading.listing_key,
        modification_timestamp=now,
        recorded_at=now,
        updated_at=now,
        made_by_id=by.pk if by is not None else None,
    )
    return row


def _note_changes(each: _Work, old: Row, *, first: bool) -> None:
    """Note how price and status went on; of a new listing, what its record says of the past."""
    row = each.row
    at = row["modification_timestamp"]
    status_at = row["status_change_timestamp"]
    if first:
        each.statuses.append(("", row["standard_status"], status_at or row["original_entry_timestamp"] or at))
        was = row["previous_list_price"] or row["original_list_price"]
        price_at = row["price_change_timestamp"]
        if was is not None and row["list_price"] is not None and was != row["list_price"] and price_at:
            each.prices.append((was, row["list_price"], price_at))
        return
    if row["list_price"] != old["list_price"]:
        if row["previous_list_price"] == old["previous_list_price"] and old["list_price"] is not None:
            row["previous_list_price"] = old["list_price"]
        if row["price_change_timestamp"] == old["price_change_timestamp"]:
            row["price_change_timestamp"] = at
        each.prices.append((old["list_price"], row["list_price"], row["price_change_timestamp"] or at))
    if row["standard_status"] != old["standard_status"]:
        if status_at == old["status_change_timestamp"]:
            row["status_change_timestamp"] = at
        each.statuses.append(
            (old["standard_status"], row["standard_status"], row["status_change_timestamp"] or at)
        )


def _differs(each: _Work) -> bool:
    assert each.before is not None
    return any(value != each.before[name] for name, value in each.row.items() if name not in _NOT_COMPARED)


def _write(rows: Sequence[Row]) -> None:
    """Insert rows, or write them over those of their key."""
    write_rows(Listing, rows, key=_KEY, stays=("recorded_at", "made_by_id"))


def _ids(tenant: Tenant, work: Mapping[Key, _Work]) -> dict[Key, int]:
    rows = Listing.objects.filter(tenant=tenant, listing_key__in={key for _, key in work}).values_list(
        "originating_system_name", "listing_key", "pk"
    )
    return {(system, key): pk for system, key, pk in rows if (system, key) in work}


def _keep_history(work: Iterable[_Work], ids: Mapping[Key, int]) -> None:
    prices: list[Row] = []
    statuses: list[Row] = []
    for each in work:
        pk = ids[_key_of(each.row)]
        for kept, changes in ((prices, each.prices), (statuses, each.statuses)):
            for old, new, at in changes:
                kept.append({"listing_id": pk, "old": old, "new": new, "changed_at": at})
    write_rows(PriceChange, prices)
    write_rows(StatusChange, statuses)


def _tell(
    tenant: Tenant,
    fresh: Sequence[_Work],
    changed: Sequence[_Work],
    ids: Mapping[Key, int],
    now: datetime,
    feed: Feed | None,
    by: User | None,
    backfill: bool,
) -> None:
    """Record what came on the market, and what changed its price or status, once for the batch."""
    added = sorted(ids[_key_of(each.row)] for each in fresh if each.row["standard_status"] in ON_MARKET)
    news = [change for each in changed if (change := _change(each, ids)) is not None]
    news.sort(key=lambda change: change["id"])
    told: dict[str, dict[str, list[Any]]] = {
        Kind.LISTING_ADDED: {"listing_ids": added},
        Kind.LISTING_CHANGED: {"listings": news},
    }
    record_events(
        events=[
            NewEvent(
                tenant_id=tenant.pk,
                kind=kind,
                occurred_at=now,
                data={**data, "feed_id": feed.pk if feed is not None else None},
                source=Event.Source.IMPORT if by is None else Event.Source.HEARTHLINE,
                actor_id=by.pk if by is not None else None,
                backfill=backfill,
            )
            for kind, data in told.items()
            if any(data.values())
        ]
    )


def _change(each: _Work, ids: Mapping[Key, int]) -> dict[str, Any] | None:
    """Return what reverse matching needs of a change: the listing, and from and to of price and status."""
    assert each.before is not None
    change: dict[str, Any] = {}
    old, new = each.before["list_price"], each.row["list_price"]
    if old != new:
        change["price"] = [None if price is None else float(price) for price in (old, new)]
    if each.before["standard_status"] != each.row["standard_status"]:
        change["status"] = [str(each.before["standard_status"]), str(each.row["standard_status"])]
    return {"id": ids[_key_of(each.row)], **change} if change else None
