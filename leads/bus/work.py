"""Do a batch: run its tasks, find the entry that makes one fail, try it again, give it up in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from leads.bus import ledger
from leads.bus.fairness import Entry
from leads.bus.registry import Subscription
from leads.ops import metrics
from leads.ops.logs import correlated, get_logger
from leads.redis import RedisAway, circuit

log = get_logger("bus")

TRIES = 5
RETRY_SECONDS = 0.2
DEATHS = 2
TRIED = "bus:tried:"


class Outage(Exception):
    """PostgreSQL cannot be reached: nothing is the matter with the work itself."""


class WorkerDied(Exception):
    """Workers died while on this entry."""


class Work:
    """Runs the tasks of one group and tells its reader what became of each entry."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        done: Callable[[Sequence[Entry]], None],
        retry: Callable[[Sequence[Entry], float], None],
    ) -> None:
        """Prepare; `done` hears of finished entries, `retry` of those to bring again after some seconds."""
        self.group = subscription.group
        self._tasks = subscription.tasks
        self._done = done
        self._retry = retry

    def do(self, batch: Sequence[Entry]) -> None:
        """Run a batch; raise Outage, with every unfinished entry handed back, when PostgreSQL is away."""
        by_task: dict[int, tuple[Any, list[Entry]]] = {}
        for entry in batch:
            task = self._tasks[entry.kind]
            by_task.setdefault(id(task), (task, []))[1].append(entry)
        waiting = list(by_task.values())
        try:
            while waiting:
                task, entries = waiting[0]
                for entry in [entry for entry in entries if entry.is_suspect]:
                    self._run_suspect(task, entry)
                    entries.remove(entry)
                if entries:
                    self._run(task, entries)
                waiting.pop(0)
        except Outage:
            for _, entries in waiting:
                self._retry(entries, 0.0)
            raise

    def _run(self, task: Any, entries: list[Entry]) -> None:
        """Run a batch; when it fails, each entry alone, so that one bad entry holds up no other."""
        try:
            self._call(task, entries)
        except Exception as error:  # whatever a task may raise, the bus goes on
            if is_outage(error):
                raise Outage from error
            if len(entries) == 1:
                self._fail(entries[0], error)
                entries.clear()
                return
            log.warning("bus.batch_failed", group=self.group, entries=len(entries), exc_info=error)
            while entries:
                self._run(task, [entries[0]])
                entries.pop(0)
            return
        self._done(entries)

    def _run_suspect(self, task: Any, entry: Entry) -> None:
        """Run an entry alone, counting on Redis before that we do, in case this process dies of it."""
        key, field = f"{TRIED}{self.group}", f"{entry.kind}:{entry.pk}"
        deaths = count_try(key, field)
        try:
            if deaths >= DEATHS:
                entry.tries = deaths
                self._bury(entry, WorkerDied(f"{deaths} workers died"))
            else:
                self._run(task, [entry])
        finally:  # whatever came of it, this process lives
            forget_tries(key, field)

    def _call(self, task: Any, entries: Sequence[Entry]) -> None:
        ids = list(dict.fromkeys(entry.pk for entry in entries))
        correlation_ids = list(
            dict.fromkeys(entry.correlation_id for entry in entries if entry.correlation_id)
        )
        began = time.perf_counter()
        with correlated(correlation_ids[0] if len(correlation_ids) == 1 else ""):
            task(ids)
            metrics.CONSUMED.labels(group=self.group).inc(len(ids))
            log.info(
                "bus.batch",
                group=self.group,
                entries=len(ids),
                ms=round((time.perf_counter() - began) * 1000, 2),
                correlation_ids=correlation_ids,
            )

    def _fail(self, entry: Entry, error: Exception) -> None:
        entry.tries += 1
        if entry.tries >= TRIES:
            self._bury(entry, error)
            return
        log.warning(
            "bus.entry_failed",
            group=self.group,
            kind=entry.kind,
            pk=entry.pk,
            tries=entry.tries,
            exc_info=error,
        )
        self._retry([entry], RETRY_SECONDS * 2 ** (entry.tries - 1))

    def _bury(self, entry: Entry, error: Exception) -> None:
        try:
            ledger.bury(self.group, entry, error)
        except (OperationalError, InterfaceError) as failure:
            raise Outage from failure
        self._done([entry])


def count_try(key: str, field: str) -> int:
    """Count a try and return how many there were before; none when Redis is away."""
    try:
        return circuit.call(lambda redis: int(redis.hincrby(key, field, 1))) - 1  # type: ignore[arg-type]
    except RedisAway:
        return 0


def forget_tries(key: str, field: str) -> None:
    """Forget the tries of what is done."""
    try:
        circuit.call(lambda redis: redis.hdel(key, field))
    except RedisAway:
        return


def is_outage(error: BaseException) -> bool:
    """Tell whether a task failed because PostgreSQL is away, not because of what it was given."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    try:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return True
    return False
