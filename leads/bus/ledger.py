"""The ledger: each group does its work for an event once; what it cannot do is kept as a dead letter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.utils import timezone


def claim(group: str, event_ids: Iterable[int]) -> list[int]:
    """Return the ids this group has not consumed, in the given order, and note them as consumed.

    Call it first in the transaction of the work: a rollback gives the ids back, and a second worker
    with the same ids waits here until the first has committed, then gets none.
    """
    wanted = list(dict.fromkeys(event_ids))
    if not wanted:
        return []
    if not connection.in_atomic_block:
        raise RuntimeError("claim() belongs inside the transaction of the work.")
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO leads_consumed ("group", event_id, consumed_at)'
            " SELECT %s, event_id, %s FROM unnest(%s::bigint[]) AS waiting (event_id)"
            ' ON CONFLICT (event_id, "group") DO NOTHING RETURNING event_id',
            [group, timezone.now(), sorted(wanted)],  # one order for all: two workers cannot deadlock
        )
        claimed = {event_id for (event_id,) in cursor.fetchall()}
    return [event_id for event_id in wanted if event_id in claimed]


def consumed(group: str, event_ids: Sequence[int]) -> set[int]:
    """Return which of these events the group has consumed."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT event_id FROM leads_consumed WHERE event_id = ANY(%s) AND "group" = %s',
            [list(event_ids), group],
        )
        return {event_id for (event_id,) in cursor.fetchall()}
