"""Listen to live messages as a screen does, and note when each came."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 10.0


class LiveReader:
    """One socket that hears score updates in a thread of its own."""

    def __init__(self, base_url: str, token: str) -> None:
        self._url = base_url.replace("http", "ws", 1).rstrip("/") + "/ws/live/"
        self._token = token
        self._socket: ClientConnection | None = None
        self.came: dict[datetime, float] = {}
        self.messages = 0

    def open(self) -> None:
        """Connect and subscribe; raises OSError or WebSocketException when there is no one to hear."""
        protocols = [Subprotocol("hearthline.v1"), Subprotocol(f"bearer.{self._token}")]
        self._socket = connect(self._url, subprotocols=protocols, open_timeout=PATIENCE, max_size=None)
        self._socket.send(json.dumps({"type": "subscribe", "topics": ["scores"], "batch": True}))
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()

    def _listen(self, socket: ClientConnection) -> None:
        try:
            for frame in socket:
                now, heard = time.time(), json.loads(frame)
                for message in heard if isinstance(heard, list) else [heard]:
                    if message.get("type") == "ping":
                        socket.send(json.dumps({"type": "pong"}))
                    elif message.get("type") == "score_update":
                        self._note(message, now)
        except WebSocketException:
            return

    def _note(self, message: dict[str, Any], now: float) -> None:
        self.messages += 1
        if told := message.get("event_at"):
            self.came.setdefault(datetime.fromisoformat(told), now)
