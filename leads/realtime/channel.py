"""A tenant's recent messages, and the connections that read them, each at its own pace."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from weakref import WeakValueDictionary

from leads.realtime.groups import TEAM
from leads.realtime.messages import (
    PING,
    RESET,
    Message,
    Viewer,
    Wants,
    frames,
    personal_numbers,
    wanted,
)

SIGNED_OUT = 4401
SILENT = 4408
TOO_SLOW = 4413

KEEP_MESSAGES = 500
GAP_SECONDS = 0.02
GAP_PER_READER = 0.0002
MOST_GAP_SECONDS = 0.2
PING_SECONDS = 30.0
MISSES = 2
ASK_AFTER_BYTES = 256 * 1024
"""Sent without a sign of life from the reader: it is asked for one."""
AT_ONCE = 100
"""Readers served before the event loop turns to others."""
MOST_BYTES = 2 * 1024 * 1024
"""Sent without a sign of life: the reader is too slow."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a reader's connection does next: send frames, and perhaps close."""

    frames: Sequence[str] = ()
    close_code: int | None = None
    last: int = 0


class Channel:
    """A tenant's recent messages and who reads them."""

    def __init__(self, head: int) -> None:
        """Begin after message `head`."""
        self.messages: deque[Message] = deque()
        self.head = head
        self.flushed = head
        self.readers: set[Reader] = set()
        self.flushed_at = float("-inf")
        self.flush_timer: asyncio.TimerHandle | None = None
        self._wants: WeakValueDictionary[Wants, Wants] = WeakValueDictionary()
        self._fresh: dict[int, tuple[list[Message], list[Message]]] = {}
        self._made: dict[Any, tuple[Wants, list[str]]] = {}

    @property
    def start(self) -> int:
        """Return the number of the oldest message held here."""
        return self.messages[0].number if self.messages else self.head + 1

    @property
    def gap(self) -> float:
        """Return the least time between two frames: the more readers, the more is put in one."""
        return min(MOST_GAP_SECONDS, GAP_SECONDS + GAP_PER_READER * len(self.readers))

    def append(self, messages: Sequence[Message]) -> None:
        """Hold newly read messages."""
        for message in messages:
            if message.number <= self.head:
                continue
            if message.number != self.head + 1:  # the missing ones were pruned: readers load anew
                self.messages.clear()
            self.messages.append(message)
            self.head = message.number
        while len(self.messages) > KEEP_MESSAGES:
            self.messages.popleft()

    def prepend(self, messages: Sequence[Message]) -> bool:
        """Hold older messages a reader missed, if they fit; the next reader then needs no query."""
        older = [each for each in messages if each.number < self.start]
        if not older:
            return True
        if older[-1].number != self.start - 1 or len(older) + len(self.messages) > KEEP_MESSAGES:
            return False
        self.messages.extendleft(reversed(older))
        return True

    def trim(self, before: datetime) -> None:
        """Let go of old messages every reader has taken."""
        taken = min((reader.position for reader in self.readers), default=self.head)
        while self.messages and self.messages[0].at < before and self.messages[0].number <= taken:
            self.messages.popleft()

    def flush(self) -> None:
        """Let the readers have what is held."""
        self.flush_timer = None
        self.flushed = self.head
        self.flushed_at = time.monotonic()
        self._fresh.clear()
        self._made.clear()
        for reader in self.readers:
            reader.stir()

    def same(self, wants: Wants) -> Wants:
        """Return one object for all readers that want the same."""
        return self._wants.setdefault(wants, wants)

    def frames_for(self, reader: Reader) -> list[str]:
        """Return the frames from a reader's position on, made once for all readers alike."""
        fresh, personal = self._after(reader.position)
        wants, audiences = reader.wants, reader.audiences
        mine = personal_numbers(personal, audiences) if personal else ()
        key = (reader.position, id(wants), reader.is_team, mine)
        made = self._made.get(key)
        if made is None:  # `wants` is kept beside what was made, so that its id stays its own
            made = self._made[key] = (wants, frames(wanted(fresh, wants, audiences), wants))
        return made[1]

    def _after(self, position: int) -> tuple[list[Message], list[Message]]:
        """Return what readers may have after a position, and what of it is not for the whole team."""
        held = self._fresh.get(position)
        if held is None:
            fresh = list(islice(self.messages, max(0, position - self.start + 1), None))
            fresh = [each for each in fresh if each.number <= self.flushed]
            held = self._fresh[position] = (fresh, [each for each in fresh if each.audience != TEAM])
        return held


class Outbox:
    """Readers with something to be sent, in turn: one task for all costs less than one for each."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: deque[Reader] = deque()
        self._stirred = asyncio.Event()

    def add(self, reader: Reader) -> None:
        """Put a reader last, unless it waits already."""
        if not reader.is_waiting:
            reader.is_waiting = True
            self._waiting.append(reader)
            self._stirred.set()

    async def take(self) -> list[Reader]:
        """Wait for readers and return some; what they come to have from now on puts them in again."""
        while not self._waiting:
            self._stirred.clear()
            await self._stirred.wait()
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
        for reader in taken:
            reader.is_waiting = False
        return taken


@dataclass(eq=False, slots=True)
class Reader:
    """One open connection and how far it has read."""

    viewer: Viewer
    transport: str
    answers: bool
    """It answers pings, so its silence means something."""
    audiences: frozenset[str]
    is_team: bool
    wants: Wants = field(default_factory=Wants)
    deliver: Callable[[Delivery], Awaitable[None]] | None = None
    """Sends what is due, without waiting for the network; without it the connection takes by itself."""
    outbox: Outbox | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_waiting: bool = False
    is_over: bool = False
    position: int = 0
    is_subscribed: bool = False
    urgent: deque[str] = field(default_factory=deque)
    close_code: int | None = None
    pinged_at: float = field(default_factory=time.monotonic)
    misses: int = 0
    unanswered_bytes: int = 0

    def stir(self) -> None:
        """Have the connection look at what it can send."""
        if self.outbox is not None:
            self.outbox.add(self)
        else:
            self.wake.set()

    def heard(self) -> None:
        """Note a sign of life."""
        self.misses = 0
        self.unanswered_bytes = 0

    def sent(self, size: int) -> None:
        """Note what was sent, and ask for a sign of life when it was much."""
        if not self.answers:
            return
        before = self.unanswered_bytes
        self.unanswered_bytes += size
        if self.unanswered_bytes > MOST_BYTES:
            self.give_up(TOO_SLOW)
        elif before <= ASK_AFTER_BYTES < self.unanswered_bytes:
            self.urgent.append(PING)
            self.stir()

    def give_up(self, code: int) -> None:
        """Tell the reader to load anew, and close."""
        if self.close_code is None:
            if code == TOO_SLOW:
                self.urgent.append(RESET)
            self.close_code = code
            self.stir()


def ping_if_due(reader: Reader, now: float) -> None:
    """Ping each 30 seconds; close after two pings without an answer."""
    if not reader.answers or now - reader.pinged_at < PING_SECONDS:
        return
    if reader.misses >= MISSES:
        reader.give_up(SILENT)
        return
    reader.misses += 1
    reader.pinged_at = now
    reader.urgent.append(PING)
    reader.stir()
