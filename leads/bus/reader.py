"""One group's reader: reads far ahead, works in fair batches, acknowledges after the commit.

A worker that dies leaves its entries pending; they are read again by its successor of the same name at
once, or claimed by another worker after a while. The ledger makes a repeat harmless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from redis import Redis
from redis.exceptions import ResponseError

from leads.bus import outbox
from leads.bus.fairness import Entry, FairQueue
from leads.bus.registry import Subscription
from leads.bus.streams import kind_of, stream_of
from leads.bus.work import Outage, Work
from leads.ops.logs import get_logger
from leads.redis import RedisAway, circuit

log = get_logger("bus")

BATCH = 64
READ_COUNT = 200
READ_AHEAD = 1_000
WAIT_MS = 1_000
POLL_SECONDS = 0.5
LOOK_BACK_SECONDS = 1.0
CLAIM_EVERY_SECONDS = 5.0
CLAIM_IDLE_MS = 15_000
SUSPECT_AFTER = 3
"""Deliveries of one entry after which it is tried alone: it may be what its readers died of."""
OUTAGE_SECONDS = (0.2, 5.0)
BEFORE_OUTAGE = timedelta(minutes=2)


class GroupReader:
    """Reads what one group subscribes to and runs its tasks; call `turn` again and again."""

    def __init__(
        self,
        subscription: Subscription,
        consumer: str,
        *,
        pause: Callable[[float], Any] = time.sleep,
        joined: Callable[[], None] = lambda: None,
        floor: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Prepare to read as `consumer`; `pause` sleeps, `joined` hears that Redis is (again) in use.

        Who holds the `floor` works. Readers of one process share it: two batches at once would only take the
        interpreter from each other, a few milliseconds' wait at every answer of the database.
        """
        self.group = subscription.group
        self._subscription = subscription
        self._consumer = consumer
        self._pause = pause
        self._joined = joined
        self._floor = floor if floor is not None else nullcontext()
        self._realtime = [stream_of(kind) for kind in subscription.kinds]
        self._old = [stream_of(kind, is_backfill=True) for kind in subscription.kinds]
        self._work = Work(subscription, done=self._done, retry=self._retry)
        self._queue = FairQueue()
        self._backfill = FairQueue()
        self._retries: list[tuple[float, Entry]] = []
        self._held: set[tuple[str, bytes]] = set()
        self._is_member = False
        self._claimed_at = time.monotonic()
        self._outage_pause = OUTAGE_SECONDS[0]
        self._since = timezone.now() - BEFORE_OUTAGE
        self._polled_at = float("-inf")
        self._looked_back_at = float("-inf")
        self._is_backfilling = False

    @property
    def waiting(self) -> int:
        """Return how many entries are read but not worked on."""
        return len(self._queue) + len(self._backfill) + len(self._retries)

    def turn(self, *, wait_ms: int = WAIT_MS) -> int:
        """Read, work one batch, acknowledge; return how many entries were worked on."""
        try:
            self._read(wait_ms)
        except RedisAway:
            self._poll(wait_ms)
        if not self.waiting:
            return 0
        try:
            with self._floor:
                self._top_up()
                batch = self._take()
                self._work.do(batch)
        except Outage:
            log.warning("bus.database_away", group=self.group, waiting=self.waiting)
            self._pause(self._outage_pause)
            self._outage_pause = min(OUTAGE_SECONDS[1], self._outage_pause * 2)
            return 0
        self._outage_pause = OUTAGE_SECONDS[0]
        return len(batch)

    # Reading

    def _read(self, wait_ms: int) -> None:
        if not self._is_member:
            self._join()
        if time.monotonic() - self._claimed_at >= CLAIM_EVERY_SECONDS:
            self._claim()
        self._release_retries()
        if len(self._queue) >= READ_AHEAD:
            return
        streams = list(self._realtime)
        if not self._queue and self._looks_back():
            streams += self._old
        block = self._patience(wait_ms)
        try:
            answer: Any = circuit.call(
                lambda redis: redis.xreadgroup(
                    self.group, self._consumer, dict.fromkeys(streams, ">"), count=READ_COUNT, block=block
                )
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self._is_member = False  # Redis lost its data
            self._join()
            return
        self._accept(answer)

    def _top_up(self) -> None:
        """Read what came while others had the floor, so that it need not wait for another turn."""
        if len(self._queue) >= BATCH or not self._is_member:
            return
        try:
            self._read(0)
        except RedisAway:
            return  # the next turn polls

    def _looks_back(self) -> bool:
        """Tell whether it is time to look for back-filled work: once a second, or while there is some."""
        if len(self._backfill) >= BATCH:
            return False
        now = time.monotonic()
        if not self._is_backfilling and now - self._looked_back_at < LOOK_BACK_SECONDS:
            return False
        self._looked_back_at = now
        return True

    def _patience(self, wait_ms: int) -> int | None:
        """Return how long to wait for something new; None does not wait at all."""
        if self._queue or self._backfill or wait_ms <= 0:
            return None
        due = min((due for due, _ in self._retries), default=None)
        if due is None:
            return wait_ms
        return max(1, min(wait_ms, int((due - time.monotonic()) * 1000)))

    def _join(self) -> None:
        """Become a member of the group on every stream from its start, and take up what was left."""
        streams = [*self._realtime, *self._old]
        circuit.call(lambda redis: create_groups(redis, streams, self.group))
        left: Any = circuit.call(
            lambda redis: redis.xreadgroup(
                self.group, self._consumer, dict.fromkeys(streams, "0"), count=READ_AHEAD
            )
        )
        self._accept(left, again=True)
        self._is_member = True
        self._joined()

    def _claim(self) -> None:
        """Take over what dead workers left pending."""
        self._claimed_at = time.monotonic()
        streams = [*self._realtime, *self._old]

        def run(redis: Redis) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            for stream in streams:
                pipeline.xautoclaim(
                    stream, self.group, self._consumer, CLAIM_IDLE_MS, "0-0", count=READ_COUNT
                )
            return list(pipeline.execute(raise_on_error=False))

        answers = circuit.call(run)
        claimed = [
            [stream, answer[1]]
            for stream, answer in zip(streams, answers, strict=True)
            if not isinstance(answer, ResponseError) and answer[1]
        ]
        self._accept(claimed, again=True)

    def _accept(self, answer: Sequence[Any] | None, *, again: bool = False) -> None:
        """Queue what was read, in the order it was published."""
        fresh: list[Entry] = []
        trimmed: list[tuple[str, bytes]] = []
        for raw, entries in answer or ():
            stream = raw.decode() if isinstance(raw, bytes) else raw
            for entry_id, fields in entries:
                if (stream, entry_id) in self._held:
                    continue
                if entry_id is None:  # Redis 6.2 tells of a trimmed entry without its id
                    trimmed += self._trimmed_entries(stream)
                elif not fields:
                    trimmed.append((stream, entry_id))
                else:
                    fresh.append(read_entry(stream, entry_id, fields))
        if again and fresh:
            self._mark_suspects(fresh)
        fresh.sort(key=lambda entry: _order(entry.entry_id))
        for entry in fresh:
            self._held.add(entry.place)
            (self._queue if entry.stream in self._realtime else self._backfill).push(entry)
        if trimmed:
            self._acknowledge(trimmed)  # the sweep knows the events behind them

    def _trimmed_entries(self, stream: str) -> list[tuple[str, bytes]]:
        """Return this consumer's pending entries that the stream no longer holds."""

        def run(redis: Redis) -> list[tuple[str, bytes]]:
            pending = redis.xpending_range(stream, self.group, "-", "+", READ_COUNT, self._consumer)
            ids = [row["message_id"] for row in pending]  # type: ignore[union-attr]
            pipeline = redis.pipeline(transaction=False)
            for entry_id in ids:
                pipeline.xrange(stream, entry_id, entry_id, 1)
            return [(stream, pk) for pk, rows in zip(ids, pipeline.execute(), strict=True) if not rows]

        return circuit.call(run)

    def _mark_suspects(self, entries: Sequence[Entry]) -> None:
        """Find those read so often that their readers may have died of them."""

        def run(redis: Redis) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            for entry in entries:
                pipeline.xpending_range(entry.stream, self.group, entry.entry_id, entry.entry_id, 1)
            return list(pipeline.execute(raise_on_error=False))

        for entry, rows in zip(entries, circuit.call(run), strict=True):
            if not isinstance(rows, ResponseError) and rows:
                entry.is_suspect = rows[0]["times_delivered"] >= SUSPECT_AFTER

    def _poll(self, wait_ms: int) -> None:
        """Redis is away: take work from PostgreSQL."""
        if self._is_member:
            self._is_member = False
            self._since = timezone.now() - BEFORE_OUTAGE
            log.warning("bus.polling", group=self.group)
        self._release_retries()
        if self._queue or self._backfill:
            return
        left = POLL_SECONDS - (time.monotonic() - self._polled_at)
        if left > 0:
            if wait_ms <= 0:
                return
            self._pause(min(left, wait_ms / 1000))
        self._polled_at = time.monotonic()
        try:
            found = outbox.poll(self._subscription, since=self._since, most=READ_AHEAD)
        except (OperationalError, InterfaceError):
            self._pause(self._outage_pause)
            return
        for entry in found:
            if entry.place not in self._held:
                self._held.add(entry.place)
                self._queue.push(entry)
        if len(found) > BATCH:
            self._polled_at = float("-inf")  # there may be more

    # Working

    def _take(self) -> list[Entry]:
        live = self._queue.take(BATCH)
        if live:
            return live
        old = self._backfill.take(BATCH)
        self._is_backfilling = bool(old)
        return old

    def _retry(self, entries: Sequence[Entry], after: float) -> None:
        due = time.monotonic() + after
        self._retries += [(due, entry) for entry in entries]

    def _release_retries(self) -> None:
        now = time.monotonic()
        due = [entry for when, entry in self._retries if when <= now]
        self._retries = [(when, entry) for when, entry in self._retries if when > now]
        for entry in due:
            self._queue.push(entry)

    def _done(self, entries: Sequence[Entry]) -> None:
        self._held.difference_update(entry.place for entry in entries)
        self._acknowledge([entry.place for entry in entries if entry.stream])

    def _acknowledge(self, places: Sequence[tuple[str, bytes]]) -> None:
        by_stream: dict[str, list[bytes]] = {}
        for stream, entry_id in places:
            by_stream.setdefault(stream, []).append(entry_id)

        def run(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            for stream, entry_ids in by_stream.items():
                pipeline.xack(stream, self.group, *entry_ids)
            pipeline.execute()

        if not by_stream:
            return
        try:
            circuit.call(run)
        except RedisAway:
            return  # read again later; the ledger knows they are done


def create_groups(redis: Redis, streams: Sequence[str], group: str) -> None:
    """Create a group on each stream, reading from the first entry on; those that exist stay as they are."""
    pipeline = redis.pipeline(transaction=False)
    for stream in streams:
        pipeline.xgroup_create(stream, group, id="0", mkstream=True)
    for answer in pipeline.execute(raise_on_error=False):
        if isinstance(answer, Exception) and not str(answer).startswith("BUSYGROUP"):
            raise answer


def read_entry(stream: str, entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    """Return a stream entry as work."""
    return Entry(
        kind=kind_of(stream),
        pk=int(fields.get(b"e") or fields[b"d"]),
        tenant=fields.get(b"l", b"").decode(),
        correlation_id=fields.get(b"c", b"").decode(),
        stream=stream,
        entry_id=entry_id,
    )


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence)
