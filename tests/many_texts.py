"""An ASGI application for tests of Daphne's sockets: it answers with many texts, all at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from leads.realtime import wire

wire.install()


def text(number: int, size: int) -> str:
    """Return a text that tells its number, of a size."""
    return f"{number:06d}".ljust(size, "é" if number % 2 else "e")


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer "COUNT SIZE" with so many texts, "bytes" with bytes, and "close" by closing after one more."""
    assert scope["type"] == "websocket"
    while (message := await receive())["type"] != "websocket.disconnect":
        match message.get("text", "").split():
            case []:
                await send({"type": "websocket.accept"})
            case ["bytes"]:
                await send({"type": "websocket.send", "bytes": b"\x00\x01"})
            case ["close"]:
                await send({"type": "websocket.send", "text": "last"})
                await send({"type": "websocket.close", "code": 4408})
                await send({"type": "websocket.send", "text": "after the end"})
            case [count, size]:
                for number in range(int(count)):
                    await send({"type": "websocket.send", "text": text(number, int(size))})
