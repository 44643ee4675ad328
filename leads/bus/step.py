"""The bus in the realtime worker: a step of Celery's worker that runs one reader thread for each group."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from celery import bootsteps
from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from leads.bus import sweeper
from leads.bus.reader import GroupReader
from leads.bus.registry import Subscription, subscriptions
from leads.ops.logs import get_logger

log = get_logger("bus")

QUEUE = "realtime"
STOP_SECONDS = 8.0
BREATHE_SECONDS = 1.0


class StreamStep(bootsteps.StartStopStep):
    """Reads the streams while the worker runs, also while Celery's own broker connection is lost."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        """Read only in workers of the realtime queue."""
        super().__init__(worker, **options)
        self.enabled = QUEUE in worker.app.amqp.queues.consume_from
        self.readers: Readers | None = None

    def start(self, worker: Any) -> None:
        """Start a reader for every group."""
        self.readers = Readers(consumer=worker.hostname)
        self.readers.start()

    def stop(self, worker: Any) -> None:
        """Finish the batches at hand and stop."""
        if self.readers is not None:
            self.readers.stop()

    def terminate(self, worker: Any) -> None:
        """Stop likewise when told to hurry."""
        self.stop(worker)


class Readers:
    """The reader threads of this process, and one that sweeps when Redis is (again) there."""

    def __init__(self, *, consumer: str = "") -> None:
        """Prepare to read as `consumer`: a worker started again under the same name takes up its own work."""
        self._consumer = consumer or f"{socket.gethostname()}-{os.getpid()}"
        self._halt = threading.Event()
        self._joined = threading.Event()
        self._floor = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        for subscription in subscriptions().values():
            self._spawn(f"bus-{subscription.group}", self._read, subscription)
        self._spawn("bus-sweep", self._sweep)
        log.info("bus.started", groups=sorted(subscriptions()))

    def stop(self, *, timeout: float = STOP_SECONDS) -> bool:
        """Stop after the batches at hand; False when a batch took longer than `timeout`."""
        self._halt.set()
        self._joined.set()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _spawn(self, name: str, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _read(self, subscription: Subscription) -> None:
        reader = GroupReader(
            subscription,
            self._consumer,
            pause=self._halt.wait,
            joined=self._joined.set,
            floor=self._floor,
        )
        while not self._halt.is_set():
            try:
                close_old_connections()
                if reader.turn() and subscription.gather:
                    self._halt.wait(subscription.gather)
            except Exception as error:  # a reader lives as long as its worker
                log.error("bus.turn_failed", group=subscription.group, exc_info=error)
                self._halt.wait(BREATHE_SECONDS)
        connections.close_all()

    def _sweep(self) -> None:
        while not self._halt.is_set():
            self._joined.wait()
            self._joined.clear()
            if self._halt.wait(BREATHE_SECONDS):  # let every group join first
                break
            try:
                close_old_connections()
                sweeper.sweep(now=timezone.now())
            except DatabaseError as error:
                log.warning("bus.sweep_failed", exc_info=error)
        connections.close_all()


def drain(*groups: str, consumer: str = "") -> int:
    """Work here until nothing waits for these groups (all, unless named); return the count of entries."""
    readers = [
        GroupReader(subscription, consumer or f"drain-{os.getpid()}")
        for group, subscription in subscriptions().items()
        if not groups or group in groups
    ]
    total = 0
    while True:
        worked = 0
        for reader in readers:
            worked += reader.turn(wait_ms=0)
            while reader.waiting:
                worked += reader.turn(wait_ms=50)
        if not worked:
            return total
        total += worked
