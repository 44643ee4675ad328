"""Daphne's WebSocket, quick with many sockets: a text is framed once for all and given to the kernel at once.

Daphne frames a text anew for each socket, and Twisted has the event loop watch the socket before it writes
and forget it after: with a thousand sockets that was more than half of a web process's work.
"""

from __future__ import annotations

from functools import lru_cache

from autobahn.websocket.protocol import PreparedMessage
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

HELD = 32
"""Framed texts that are kept: the readers of one turn of the event loop want few different ones."""

CLOSE_SECONDS = 20
"""How long a client on a slow line may take to read up to the close; autobahn's own second cuts it off."""


class QuickWebSocket(WebSocketProtocol):  # type: ignore[misc]  # Daphne has no types
    """A socket that sends the application's texts without a detour."""

    closeHandshakeTimeout = CLOSE_SECONDS  # noqa: N815  # autobahn's name

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802  # Daphne's name
        """Send what the application sends, in the order it was sent."""
        transport = self.transport
        is_plain = isinstance(content, str) and self.state == self.STATE_OPEN and not self.send_queue
        if is_plain and self._perMessageCompress is None and can_write(transport):
            write(transport, framed(content))
        else:
            super().serverSend(content, binary)


@lru_cache(HELD)
def framed(text: str) -> bytes:
    """Return a text as the one frame a server sends."""
    frame: bytes = PreparedMessage(
        text.encode(), isBinary=False, applyMask=False, doNotCompress=True
    ).payloadHybi
    return frame


def can_write(transport: object) -> bool:
    """Tell whether bytes may go to the kernel now: an open connection without TLS where none wait."""
    return (
        isinstance(transport, Connection)
        and bool(transport.connected)
        and not transport.TLS
        and not (transport.disconnecting or transport.dataBuffer or transport._tempDataBuffer)
    )


def write(connection: Connection, data: bytes) -> None:
    """Give the kernel what it takes now and leave the rest to the event loop."""
    taken = connection.writeSomeData(data)
    left = data[taken:] if isinstance(taken, int) else data  # lost: the loop finds out
    if left:
        connection.write(left)  # type: ignore[no-untyped-call]


def install() -> None:
    """Have Daphne use it for every socket it opens from now on."""
    WebSocketFactory.protocol = QuickWebSocket
