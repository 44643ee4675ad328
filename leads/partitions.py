"""Monthly partitions of the event log: made ahead, the catch-all kept empty, old ones detachable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

from leads.ops.logs import get_logger

log = get_logger("partitions")

AHEAD = 3
CATCH_ALL = "leads_event_default"
NAME = re.compile(r"leads_event_(\d{4})_(\d{2})")
CHUNK = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """Return the month of a moment."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def table(self) -> str:
        return f"leads_event_{self.year:04d}_{self.month:02d}"

    def plus(self, months: int) -> Month:
        """Return the month so many later (or earlier)."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What `maintain` did."""

    made: list[str]
    rescued: int
    detached: list[str]


def maintain(*, now: datetime, keep_months: int = 0) -> Upkeep:
    """Make partitions ahead, empty the catch-all, detach what is older than `keep_months` (0 keeps all)."""
    this = Month.of(now)
    rescued = rescue()
    made = [month.table for month in (this.plus(step) for step in range(AHEAD + 1)) if make(month)]
    detached = []
    if keep_months:
        oldest = this.plus(-keep_months)
        detached = [month.table for month in existing() if month < oldest and detach(month)]
    return Upkeep(made, rescued, detached)


def existing() -> list[Month]:
    """Return the months that have a partition attached, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'leads_event'::regclass"
        )
        names = [name for (name,) in cursor.fetchall()]
    found = (NAME.fullmatch(name) for name in names)
    return sorted(Month(int(match[1]), int(match[2])) for match in found if match)


def missing_ahead(*, now: datetime) -> int:
    """Return how many of this month's and the next months' partitions are not there."""
    held = set(existing())
    return sum(Month.of(now).plus(step) not in held for step in range(AHEAD + 1))


def count_in_catch_all() -> int:
    """Return how many events no monthly partition took; anything but 0 wants `maintain`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {CATCH_ALL}")
        return int(cursor.fetchone()[0])


@transaction.atomic
def make(month: Month) -> bool:
    """Make a month's partition, moving there what the catch-all took; False when it exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('leads_event partitions'))")
        if month in existing():
            return False
        following = month.plus(1)
        cursor.execute(f"CREATE TABLE {month.table} (LIKE leads_event INCLUDING DEFAULTS)")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {CATCH_ALL}"
            " WHERE recorded_at >= %s AND recorded_at < %s RETURNING *)"
            f" INSERT INTO {month.table} SELECT * FROM moved",
            [month.start, following.start],
        )
        cursor.execute(
            f"ALTER TABLE leads_event ATTACH PARTITION {month.table}"
            f" FOR VALUES FROM ('{month.start.isoformat()}') TO ('{following.start.isoformat()}')"
        )
    return True


def rescue() -> int:
    """Give what the catch-all holds partitions of its own; return how many events were there."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT date_trunc('month', recorded_at, 'UTC'), count(*) FROM {CATCH_ALL} GROUP BY 1 ORDER BY 1"
        )
        found = [(Month.of(start), int(count)) for start, count in cursor.fetchall()]
    for month, count in found:
        make(month)
        log.warning("partitions.rescued", month=month.table, events=count)
    return sum(count for _, count in found)


def detach(month: Month) -> bool:
    """Take a month out of the event log with its ledger and dedupe keys; the table stays, to archive or drop.

    Refuses while a group has not consumed an event of it: see `unfinished`.
    """
    if month not in existing() or unfinished(month):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('leads_event partitions'))")
        cursor.execute(f"ALTER TABLE leads_event DETACH PARTITION {month.table}")
        cursor.execute(
            "DELETE FROM leads_eventkey WHERE recorded_at >= %s AND recorded_at < %s",
            [month.start, month.plus(1).start],
        )
    _forget_ledger(month)
    log.info("partitions.detached", month=month.table)
    return True


def unfinished(month: Month) -> bool:
    """Tell whether an event of the month has not been published yet."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {month.table} WHERE published_at IS NULL)")
        return bool(cursor.fetchone()[0])


def _forget_ledger(month: Month) -> None:
    """Delete the ledger rows of a detached month's events, some at a time."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {month.table} WHERE id > %s ORDER BY id LIMIT %s", [last, CHUNK])
            ids = [pk for (pk,) in cursor.fetchall()]
            if not ids:
                return
            cursor.execute("DELETE FROM leads_consumed WHERE event_id = ANY(%s)", [ids])
        last = ids[-1]
