"""Hold many live sockets open from one light asyncio process, and time what comes on some of them.

Frames are counted on every socket by their headers alone; on the sampled ones the messages are read and the
time from the event they tell of (the moment its webhook was scheduled) to their arrival is kept.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

PATIENCE = 30.0
AT_ONCE = 40
TEXT, CLOSE = 1, 8


@dataclass(frozen=True, slots=True)
class Job:
    """Which sockets to open: tokens in turn, and every how many-th is sampled."""

    host: str
    port: int
    tokens: list[str]
    sample_every: int
    html: list[Any]
    """What each token's page shows, as pages of ours tell it: true for everything, or targets and a score."""


class Socket(asyncio.Protocol):
    """One WebSocket client that only reads after it has subscribed."""

    def __init__(self, token: str, *, sampled: bool, html: Any, tally: Tally) -> None:
        self.token, self.sampled, self.html, self.tally = token, sampled, html, tally
        self.buffer = bytearray()
        self.is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            (
                "GET /ws/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Protocol: hearthline.v1, bearer.{self.token}\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.is_open:
            head, found, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(head.split(b"\r\n", 1)[0].decode())
                return
            self.is_open = True
            self.buffer = bytearray(rest)
            topics = ["scores", "alerts", "dashboard", "messages"]
            self._send({"type": "subscribe", "topics": topics, "batch": True, "html": self.html})
            self.opened.set_result(None)
        self._read()

    def connection_lost(self, error: Exception | None) -> None:
        self.tally.lost += 1
        if not self.opened.done():
            self._fail("closed during the handshake")

    def _fail(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(reason))

    def _read(self) -> None:
        buffer, at = self.buffer, 0
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1] & 0x7F, 2
            if size == 126:
                if len(buffer) - at < 4:
                    break
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                if len(buffer) - at < 10:
                    break
                size, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + size:
                break
            self._frame(buffer[at] & 0x0F, memoryview(buffer)[at + head : at + head + size])
            at += head + size
        if at:
            del buffer[:at]

    def _frame(self, code: int, payload: memoryview) -> None:
        now = time.time()
        tally = self.tally
        if code == CLOSE:
            tally.closed += 1
        elif code == 9:  # a protocol ping
            self._write(10, bytes(payload))
        elif code == TEXT:
            tally.frames += 1
            tally.bytes += len(payload)
            if len(payload) < 40 and bytes(payload) == b'{"type":"ping"}':
                self._send({"type": "pong"})
            elif self.sampled:
                self._note(bytes(payload), now)
        payload.release()

    def _note(self, payload: bytes, now: float) -> None:
        heard = orjson.loads(payload)
        for message in heard if isinstance(heard, list) else [heard]:
            if message["type"] == "score_update":
                event_at = datetime.fromisoformat(message["event_at"]).timestamp()
                self.tally.pushed.append((event_at, now - event_at))

    def _send(self, message: dict[str, Any]) -> None:
        self._write(1, orjson.dumps(message))

    def _write(self, code: int, payload: bytes) -> None:
        assert self.transport is not None
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload))
        size = (
            bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        )
        self.transport.write(bytes([0x80 | code]) + size + mask + masked)


class Tally:
    """What came."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.closed = self.lost = 0
        self.pushed: list[tuple[float, float]] = []


async def listen(job: Job) -> None:
    """Open the sockets, say so, and tell what came when standard input says "tell" or ends."""
    loop, tally, gate = asyncio.get_running_loop(), Tally(), asyncio.Semaphore(AT_ONCE)
    sockets: list[Socket] = []

    async def open_one(number: int, token: str, html: Any) -> None:
        async with gate:
            socket = Socket(token, sampled=number % job.sample_every == 0, html=html, tally=tally)
            await loop.create_connection(lambda: socket, job.host, job.port)
            await asyncio.wait_for(socket.opened, PATIENCE)
            sockets.append(socket)

    began = time.time()
    await asyncio.gather(
        *(
            open_one(number, token, html)
            for number, (token, html) in enumerate(zip(job.tokens, job.html, strict=True))
        )
    )
    _tell({"open": len(sockets), "seconds": time.time() - began})
    while (await loop.run_in_executor(None, sys.stdin.readline)).strip() == "tell":
        _tell(
            {
                "frames": tally.frames,
                "bytes": tally.bytes,
                "closed": tally.closed,
                "lost": tally.lost,
                "pushed": tally.pushed,
            }
        )
        tally.frames = tally.bytes = 0
        tally.pushed = []
    for socket in sockets:
        if socket.transport is not None:
            socket.transport.abort()


def _tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the job from the first line of standard input."""
    asyncio.run(listen(Job(**json.loads(sys.stdin.readline()))))


if __name__ == "__main__":
    main()
