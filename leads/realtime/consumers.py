"""The WebSocket at /ws/live/: subscribe, receive, answer pings."""

from __future__ import annotations

from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from leads.ops.logs import get_logger
from leads.realtime import viewers
from leads.realtime.channel import SIGNED_OUT, Delivery, Reader
from leads.realtime.groups import TOPICS
from leads.realtime.hub import Hub, current_hub
from leads.realtime.messages import Shown, Viewer, Wants

log = get_logger("live")

BAD_MESSAGE = 4400
TOO_MANY = 4429
LONGEST_MESSAGE = 8_192
MOST_TARGETS = 300
MOST_PER_MEMBER = 50
LARGEST_NUMBER = 2**63 - 1


class BadMessage(Exception):
    """What a client sent cannot be understood."""


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """A socket of one member; the hub of the process feeds it."""

    channel_layer_alias = ""  # no layer channel for each socket: the hub has one for all
    hub: Hub
    reader: Reader | None = None

    async def connect(self) -> None:
        """Let in a signed-in member from a page of ours, or a program with a token."""
        self.hub = current_hub()
        offered = self.scope["subprotocols"]
        token = viewers.token_of(offered)
        if not token and not viewers.is_own_origin(self.scope["headers"]):
            await self.close()  # before accepting: the handshake is answered 403
            return
        await self.accept(subprotocol=viewers.PROTOCOL if viewers.PROTOCOL in offered else None)
        viewer = await self._viewer(token)
        if viewer is None:
            await self.close(SIGNED_OUT)
            return
        if self.hub.count_of(viewer.membership_id) >= MOST_PER_MEMBER:
            await self.close(TOO_MANY)
            return
        self.reader = await self.hub.open(viewer, transport="websocket", answers=True, deliver=self._deliver)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a subscription or a pong."""
        if self.reader is None:
            return
        self.reader.heard()
        try:
            message = read_message(text_data)
            if message["type"] == "subscribe":
                wants, after = read_subscription(message)
                await self.hub.subscribe(self.reader, wants, after)
        except BadMessage:
            await self.close(BAD_MESSAGE)

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        if self.reader is not None:
            self.hub.close(self.reader)

    async def _viewer(self, token: str) -> Viewer | None:
        if token:
            return await self.hub.run(viewers.viewer_of_token, token)
        session_key = viewers.session_key_of(self.scope["headers"])
        return await self.hub.run(viewers.viewer_of_session, session_key) if session_key else None

    async def _deliver(self, delivery: Delivery) -> None:
        """Send what the hub has for this reader; Daphne takes it at once and buffers."""
        assert self.reader is not None
        if delivery.close_code is not None:
            log.info("live.closed", code=delivery.close_code, tenant_id=self.reader.viewer.tenant_id)
            await self.close(delivery.close_code)
            return
        for frame in delivery.frames:
            await self.send(text_data=frame)
            self.reader.sent(len(frame))


def read_message(text: str | None) -> dict[str, Any]:
    """Return a client's message."""
    if text is None or len(text) > LONGEST_MESSAGE:
        raise BadMessage
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadMessage from None
    if not isinstance(message, dict) or message.get("type") not in ("subscribe", "pong"):
        raise BadMessage
    return message


def read_subscription(message: dict[str, Any]) -> tuple[Wants, int | None]:
    """Return what a client subscribes to, and the number of the last message it has seen."""
    topics = message.get("topics", sorted(TOPICS))
    after = message.get("after")
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise BadMessage
    if not TOPICS.issuperset(topics):
        raise BadMessage
    if after is not None and (type(after) is not int or not 0 <= after <= LARGEST_NUMBER):
        raise BadMessage
    html = message.get("html", False)
    wants = Wants(
        frozenset(topics),
        html=html is True or isinstance(html, dict),
        batch=message.get("batch") is True,
        shown=read_shown(html) if isinstance(html, dict) else None,
    )
    return wants, after


def read_shown(html: dict[str, Any]) -> Shown:
    """Return what a client's page shows."""
    targets, from_score = html.get("targets", []), html.get("from")
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise BadMessage
    if len(targets) > MOST_TARGETS or not isinstance(from_score, int | float | None):
        raise BadMessage
    return Shown(frozenset(targets), from_score)
