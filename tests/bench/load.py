"""Post signed webhooks from one light asyncio process: at a steady rate, or as fast as the answers come."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from leads.ghl import signatures
from leads.ghl.simulator.people import make_id
from leads.ghl.simulator.wire import APP_ID, iso

TEXTS = (
    "Is the house on Elm Street still for sale?",
    "We would like three bedrooms and a garden, around $580k.",
    "Thanks, that helps. What are the taxes like?",
    "We hope to move before school starts.",
    "Could we see it on Saturday?",
    "The kitchen looks great.",
    "Looking around downtown, maybe next spring.",
    "My lender says we are pre-approved.",
)
PREPARE_SECONDS = 0.0004


@dataclass(frozen=True, slots=True)
class Job:
    """What to post where, and how fast; rate 0 means as fast as the answers come."""

    host: str
    port: int
    key_file: str
    contacts: list[tuple[str, str]]
    rate: float
    seconds: float
    connections: int
    run: int
    most: int = 30_000


class Connection(asyncio.Protocol):
    """One kept-open HTTP connection: a request, its answer, the next."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.due = self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.pool.free(self)

    def post(self, due: float, request: bytes) -> None:
        assert self.transport is not None
        self.due, self.sent = due, time.time()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if found and _is_whole(head.lower(), rest):
            self.buffer = b""  # one request at a time: nothing follows the answer
            self.pool.answered(self, int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.pool.lost(self, error)


def _is_whole(head: bytes, rest: bytes) -> bool:
    if b"transfer-encoding: chunked" in head:
        return rest.endswith(b"0\r\n\r\n")
    lengths = (line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    return len(rest) >= int(next(lengths, b"0"))


@dataclass(slots=True)
class Pool:
    """The connections, and the requests that wait for one."""

    idle: deque[Connection] = field(default_factory=deque)
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    from_send: list[float] = field(default_factory=list)
    busy: set[Connection] = field(default_factory=set)
    opened: int = 0
    closed: int = 0
    source: Iterator[tuple[float, bytes]] | None = None
    until: float = 0.0

    @property
    def is_at_work(self) -> bool:
        return bool(self.busy) or (bool(self.waiting) and self.opened > self.closed)

    def submit(self, due: float, request: bytes) -> None:
        if self.idle:
            self._use(self.idle.popleft(), due, request)
        else:
            self.waiting.append((due, request))

    def free(self, connection: Connection) -> None:
        self.opened += 1
        self.idle.append(connection)

    def answered(self, connection: Connection, status: int) -> None:
        now = time.time()
        self.busy.discard(connection)
        self.statuses[status] += 1
        self.seconds.append(now - connection.due)
        self.from_send.append(now - connection.sent)
        self._next(connection)

    def lost(self, connection: Connection, error: Exception | None) -> None:
        self.closed += 1
        if connection in self.busy:
            self.busy.discard(connection)
            self.statuses[0] += 1
        elif connection in self.idle:
            self.idle.remove(connection)

    def _next(self, connection: Connection) -> None:
        if self.waiting:
            self._use(connection, *self.waiting.popleft())
        elif self.source is not None and time.time() < self.until and (job := next(self.source, None)):
            self._use(connection, time.time(), job[1])
        else:
            self.idle.append(connection)

    def _use(self, connection: Connection, due: float, request: bytes) -> None:
        self.busy.add(connection)
        connection.post(due, request)


def build(job: Job, *, began: float, count: int) -> list[tuple[float, bytes]]:
    """Build and sign every request beforehand; each carries its scheduled moment."""
    key = signatures.make_simulator_key(Path(job.key_file))
    built = []
    for number in range(count):
        due = began + (number / job.rate if job.rate else 0.0)
        location_id, contact_id = job.contacts[number % len(job.contacts)]
        raw = orjson.dumps(_body(job.run, number, location_id, contact_id, due))
        head = (
            f"POST /webhooks/ghl/ HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n"
            f"Content-Type: application/json\r\n{signatures.HEADER}: {signatures.sign(raw, key)}\r\n"
            f"Content-Length: {len(raw)}\r\n\r\n"
        )
        built.append((due, head.encode() + raw))
    return built


def _body(run: int, number: int, location_id: str, contact_id: str, due: float) -> dict[str, Any]:
    moment = iso(datetime.fromtimestamp(due, UTC))
    return {
        "type": "InboundMessage",
        "locationId": location_id,
        "attachments": [],
        "body": TEXTS[number % len(TEXTS)],
        "contactId": contact_id,
        "contentType": "text/plain",
        "conversationId": make_id(contact_id, "conversation"),
        "dateAdded": moment,
        "direction": "inbound",
        "messageType": "SMS",
        "messageId": f"bench{run:04d}{number:08d}",
        "status": "delivered",
        "messageTypeId": 2,
        "messageTypeString": "TYPE_SMS",
        "appId": APP_ID,
        "versionId": APP_ID,
        "timestamp": moment,
        "webhookId": str(UUID(int=(run << 64) | number)),
    }


async def drive(job: Job) -> dict[str, Any]:
    """Post, and return what came of it."""
    loop, pool = asyncio.get_running_loop(), Pool()
    is_open_loop = job.rate > 0
    count = min(job.most, round(job.rate * job.seconds) if is_open_loop else job.most)
    began = time.time() + 1.0 + count * PREPARE_SECONDS
    requests = build(job, began=began, count=count)
    for _ in range(job.connections):
        await loop.create_connection(lambda: Connection(pool), job.host, job.port)
    await asyncio.sleep(max(0.0, began - time.time()))
    late = max(0.0, time.time() - began)
    if is_open_loop:
        for due, request in requests:
            if (wait := due - time.time()) > 0.0005:
                await asyncio.sleep(wait)
            pool.submit(due, request)
        await asyncio.sleep(0)
    else:
        pool.source, pool.until = iter(requests), time.time() + job.seconds
        for _ in range(len(pool.idle)):
            pool._next(pool.idle.popleft())
    give_up = time.time() + (60.0 if is_open_loop else job.seconds + 30.0)
    while pool.is_at_work and time.time() < give_up:
        await asyncio.sleep(0.01)
    ended = time.time()
    return {
        "began": began,
        "ended": ended,
        "started_late": late,
        "statuses": pool.statuses,
        "seconds": pool.seconds,
        "from_send": pool.from_send,
        "unanswered": len(pool.busy) + len(pool.waiting),
        "closed": pool.closed,
    }


def main() -> None:
    """Read the job from standard input, print the outcome."""
    job = Job(**json.load(sys.stdin))
    outcome = asyncio.run(drive(job))
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main()
