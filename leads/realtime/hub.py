"""One hub in each web process: one subscription, one query for all, frames made once for readers alike.

A reader takes from its tenant's channel at its own pace: one that falls too far behind is told to load
its page anew and never holds up another.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from leads.ops import metrics
from leads.ops.logs import get_logger
from leads.realtime.channel import (
    SIGNED_OUT,
    TOO_SLOW,
    Channel,
    Delivery,
    Outbox,
    Reader,
    ping_if_due,
)
from leads.realtime.groups import GROUP
from leads.realtime.messages import (
    RESET,
    Message,
    Viewer,
    Wants,
    frames,
    wanted,
)
from leads.selectors import live

log = get_logger("live")
P = ParamSpec("P")
T = TypeVar("T")

KEEP_TIME = timedelta(minutes=1)
POLL_SECONDS = 1.0
SOON_SECONDS = 0.3
"""What is only needed soon waits this long for what is needed now, and goes with it in one frame."""
PAUSE_SECONDS = 0.005
"""Between two reads, so that a burst is read together."""
VALIDATE_SECONDS = 20.0
DATABASE_THREADS = 2
TRANSPORTS = ("websocket", "sse")


class Hub:
    """Reads new messages for every tenant with an open connection, and keeps the connections honest."""

    def __init__(self) -> None:
        """Prepare; tasks start with the first reader."""
        self.channels: dict[int, Channel] = {}
        self._opening: dict[int, asyncio.Lock] = {}
        self._outbox = Outbox()
        self._sent = {name: metrics.LIVE_SENT.labels(transport=name) for name in TRANSPORTS}
        self._woken = asyncio.Event()
        self._due: set[int] = set()
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="live")
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="live-read")  # no newcomer delays it
        self._reading = asyncio.Lock()

    async def open(
        self,
        viewer: Viewer,
        *,
        transport: str,
        answers: bool,
        deliver: Callable[[Delivery], Awaitable[None]] | None = None,
    ) -> Reader:
        """Add a connection; it receives nothing until it subscribes, and without `deliver` what it takes."""
        self._start()
        audiences = viewer.audiences
        reader = Reader(
            viewer,
            transport,
            answers,
            audiences,
            is_team="team" in audiences,
            deliver=deliver,
            outbox=self._outbox if deliver is not None else None,
        )
        channel = await self._channel(viewer.tenant_id)
        channel.readers.add(reader)
        reader.position = channel.flushed
        metrics.SOCKETS.labels(transport=transport).inc()
        return reader

    def close(self, reader: Reader) -> None:
        """Remove a connection."""
        channel = self.channels.get(reader.viewer.tenant_id)
        if channel is None or reader not in channel.readers:
            return
        channel.readers.discard(reader)
        metrics.SOCKETS.labels(transport=reader.transport).dec()
        if not channel.readers:
            if channel.flush_timer is not None:
                channel.flush_timer.cancel()
            del self.channels[reader.viewer.tenant_id]

    def count_of(self, membership_id: int) -> int:
        """Return how many connections a member has in this process."""
        return sum(
            reader.viewer.membership_id == membership_id
            for channel in self.channels.values()
            for reader in channel.readers
        )

    def connections(self) -> Counter[int]:
        """Return how many connections each tenant has in this process."""
        return Counter({tenant_id: len(channel.readers) for tenant_id, channel in self.channels.items()})

    async def subscribe(self, reader: Reader, wants: Wants, after: int | None) -> None:
        """Begin (or change) what a reader receives, from after a number on if it gives one."""
        channel = self.channels[reader.viewer.tenant_id]
        if after is None:
            if not reader.is_subscribed:
                reader.position = channel.flushed
        elif channel.start - 1 <= after <= channel.flushed:
            reader.position = after
        else:
            found = await self.run(live.missed, reader.viewer.tenant_id, after)
            if found.is_reset:
                reader.urgent.append(RESET)
                reader.position = max(found.last, channel.flushed)
            elif channel.prepend(found.messages):
                reader.position = after
            else:
                allowed = wanted(found.messages, wants, reader.audiences)
                reader.urgent.extend(frames(allowed, wants))
                reader.position = found.last
        reader.wants = channel.same(wants)
        reader.is_subscribed = True
        reader.stir()

    async def take(self, reader: Reader) -> Delivery:
        """Wait for what a reader's connection does next."""
        while True:
            reader.wake.clear()
            if (delivery := self.due(reader)) is not None:
                return delivery
            await reader.wake.wait()

    def due(self, reader: Reader) -> Delivery | None:
        """Return what a reader's connection does now, if anything."""
        channel = self.channels.get(reader.viewer.tenant_id)
        if channel is None or reader not in channel.readers or reader.is_over:
            return None
        if reader.is_subscribed and reader.position < channel.start - 1:
            reader.position = channel.flushed
            reader.give_up(TOO_SLOW)
        if reader.urgent:
            waiting = list(reader.urgent)
            reader.urgent.clear()
            return Delivery(waiting, last=reader.position)
        if reader.close_code is not None:
            reader.is_over = True
            return Delivery(close_code=reader.close_code)
        if reader.is_subscribed and channel.flushed > reader.position:
            made = channel.frames_for(reader)
            reader.position = channel.flushed
            if made:
                self._sent[reader.transport].inc(len(made))
                return Delivery(made, last=reader.position)
        return None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a database function in one of the hub's own threads."""

        def fresh() -> T:
            close_old_connections()
            try:
                return function(*args, **kwargs)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, fresh)

    async def stop(self) -> None:
        """End the hub's tasks and its database connections."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        for channel in self.channels.values():
            if channel.flush_timer is not None:
                channel.flush_timer.cancel()
        for timer in self._later.values():
            timer.cancel()
        await asyncio.get_running_loop().run_in_executor(self._reader_thread, connections.close_all)
        self._reader_thread.shutdown()
        self._threads.shutdown()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen(), name="live-listen"),
                asyncio.create_task(self._pump(), name="live-pump"),
                asyncio.create_task(self._watch(), name="live-watch"),
                asyncio.create_task(self._write(), name="live-write"),
            ]

    async def _channel(self, tenant_id: int) -> Channel:
        async with self._opening.setdefault(tenant_id, asyncio.Lock()):
            channel = self.channels.get(tenant_id)
            if channel is None:
                found = await self.run(live.heads, [tenant_id])
                channel = self.channels[tenant_id] = Channel(found[tenant_id])
                self._is_due(tenant_id)  # for what came while we looked
            return channel

    async def _listen(self) -> None:
        """Hear the wake-ups of services; without Redis the pump polls on."""
        while True:
            try:
                layer = get_channel_layer()
                name = await layer.new_channel()
                await layer.group_add(GROUP, name)
                self._wake(self.channels, soon=False)  # what came before we listened
                while True:
                    message = await layer.receive(name)  # never with a timeout: that would end the channel
                    self._wake(message["tenants"], soon=message.get("soon", False))
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever Redis or the layer may raise, screens stay served
                log.warning("live.listen_failed", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)

    def _wake(self, tenant_ids: Iterable[int], *, soon: bool) -> None:
        for tenant_id in tenant_ids:
            if tenant_id not in self.channels:
                continue
            if not soon:
                self._is_due(tenant_id)
            elif tenant_id not in self._later:
                loop = asyncio.get_running_loop()
                self._later[tenant_id] = loop.call_later(SOON_SECONDS, self._is_due, tenant_id)

    def _is_due(self, tenant_id: int) -> None:
        """Have a tenant's messages read now, those included that were only needed soon."""
        if (timer := self._later.pop(tenant_id, None)) is not None:
            timer.cancel()
        self._due.add(tenant_id)
        self._woken.set()

    async def _pump(self) -> None:
        """Read for whom we were woken, and for all once a second in any case."""
        polled_at = time.monotonic()
        while True:
            left = polled_at + POLL_SECONDS - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.0, left))
            self._woken.clear()
            due, self._due = self._due, set()
            if time.monotonic() - polled_at >= POLL_SECONDS:
                polled_at = time.monotonic()
                due = set(self.channels)
            try:
                await self.read(due)
            except (DatabaseError, InterfaceError) as error:
                log.warning("live.read_failed", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)
                polled_at = float("-inf")
            await asyncio.sleep(PAUSE_SECONDS)

    async def read(self, tenant_ids: Iterable[int]) -> None:
        """Read what is new for these tenants in one query and let their readers have it."""
        async with self._reading:
            cursors = {
                tenant_id: self.channels[tenant_id].head
                for tenant_id in tenant_ids
                if tenant_id in self.channels
            }
            if not cursors:
                return
            loop = asyncio.get_running_loop()
            fresh = await loop.run_in_executor(self._reader_thread, read_new, cursors)
            if len(fresh) >= live.MOST:
                self._wake(cursors, soon=False)
            by_tenant: dict[int, list[Message]] = {}
            for message in fresh:
                by_tenant.setdefault(message.tenant_id, []).append(message)
            for tenant_id, messages in by_tenant.items():
                channel = self.channels.get(tenant_id)
                if channel is not None:
                    channel.append(messages)
                    self._schedule(channel)
                    _observe(messages)

    def _schedule(self, channel: Channel) -> None:
        """Let readers have new messages now, or when the gap since their last frame is over."""
        if channel.flush_timer is not None:
            return
        due = channel.flushed_at + channel.gap - time.monotonic()
        if due <= 0:
            channel.flush()
        else:
            channel.flush_timer = asyncio.get_running_loop().call_later(due, channel.flush)

    async def _write(self) -> None:
        """Send to readers that do not take by themselves whatever is due to them."""
        while True:
            for reader in await self._outbox.take():
                try:
                    await self._write_to(reader)
                except Exception as error:  # one broken connection ends no other
                    log.warning("live.send_failed", error=type(error).__name__)
                    self.close(reader)
            await asyncio.sleep(0)

    async def _write_to(self, reader: Reader) -> None:
        assert reader.deliver is not None
        while (delivery := self.due(reader)) is not None:
            await reader.deliver(delivery)

    async def _watch(self) -> None:
        """Ping, drop the silent, and close what is no longer allowed."""
        validated_at = time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            before = datetime.now(UTC) - KEEP_TIME
            for channel in list(self.channels.values()):
                channel.trim(before)
                for reader in channel.readers:
                    ping_if_due(reader, now)
            if now - validated_at >= VALIDATE_SECONDS:
                validated_at = now
                try:
                    await self.validate()
                except (DatabaseError, InterfaceError) as error:
                    log.warning("live.validate_failed", error=type(error).__name__)

    async def validate(self) -> None:
        """Close the connections of those whose access was ended."""
        readers = [reader for channel in self.channels.values() for reader in channel.readers]
        if not readers:
            return
        valid = await self.run(live.still_valid, list({reader.viewer for reader in readers}))
        for reader in readers:
            if reader.viewer not in valid:
                reader.give_up(SIGNED_OUT)


def read_new(cursors: Mapping[int, int]) -> list[Message]:
    """Read on a connection that is kept, and let go of it when it broke."""
    try:
        return live.read_after(cursors)
    except (DatabaseError, InterfaceError):
        connections.close_all()
        raise


def _observe(messages: Sequence[Message]) -> None:
    now = datetime.now(UTC)
    for message in messages:
        metrics.PUSHED_SECONDS.observe(max(0.0, (now - message.at).total_seconds()))


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def current_hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def stop_hub() -> None:
    """Stop the hub of the running event loop, if there is one."""
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.stop()
