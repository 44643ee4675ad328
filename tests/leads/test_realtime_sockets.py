from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from config.asgi import application
from leads.authentication import issue_tokens
from leads.models import LiveMessage, Membership, Tenant, User
from leads.realtime import channel as channels
from leads.realtime.channel import Reader, ping_if_due
from leads.realtime.hub import current_hub, stop_hub
from leads.redis import circuit
from leads.services import live
from leads.services.live import LiveDraft

pytestmark = [pytest.mark.django_db(transaction=True)]

HOST = b"testserver"
PAUSE = 0.005
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
Open = Callable[..., Awaitable[WebsocketCommunicator]]


@pytest.fixture(autouse=True)
def _served_host(settings: Any, redis_client: redis.Redis) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    circuit.reset()


@pytest.fixture
async def connect() -> AsyncIterator[Open]:
    """Give a function that opens a socket; all are closed at the end, and the hub with them."""
    opened: list[WebsocketCommunicator] = []

    async def open_socket(
        client: Client | None = None, *, token: str = "", origin: str | None = "http://testserver"
    ) -> WebsocketCommunicator:
        headers = [(b"host", HOST)]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if client is not None:
            headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
        protocols = ["hearthline.v1", f"bearer.{token}"] if token else []
        socket = WebsocketCommunicator(application, "/ws/live/", headers=headers, subprotocols=protocols)
        socket.answer = await socket.connect()
        opened.append(socket)
        return socket

    yield open_socket
    for socket in opened:
        await socket.disconnect()
    await stop_hub()


def draft(tenant: Tenant, **more: Any) -> LiveDraft:
    values: dict[str, Any] = {"type": "score_update", "topic": "scores", "data": {}, "event_at": NOON}
    return LiveDraft(tenant_id=tenant.pk, **(values | more))


@sync_to_async
def send(*drafts: LiveDraft) -> None:
    live.send(drafts=drafts)


async def subscribe(socket: WebsocketCommunicator, **more: Any) -> Reader:
    """Subscribe the newest socket, and wait until it took effect."""
    before = {reader for reader in readers() if reader.is_subscribed}
    await socket.send_json_to({"type": "subscribe", **more})
    while not any(reader.is_subscribed and reader not in before for reader in readers()):
        await asyncio.sleep(PAUSE)
    return max(readers(), key=lambda reader: reader.pinged_at)


def readers() -> list[Reader]:
    return [reader for channel in current_hub().channels.values() for reader in channel.readers]


async def close_code(socket: WebsocketCommunicator) -> int:
    """Wait for the server to close, past whatever it still sends."""
    while True:
        output = await socket.receive_output(5)
        if output["type"] == "websocket.close":
            return int(output["code"])


# Coming in


async def test_a_signed_in_agent_receives_messages(
    agent_client: Client, tenant: Tenant, connect: Open
) -> None:
    socket = await connect(agent_client)
    await subscribe(socket, topics=["scores"])

    await send(draft(tenant, data={"score": 71}, html={"lead-1": "<tr></tr>"}))

    received = await socket.receive_json_from(5)
    assert (received["id"], received["type"], received["tenant"]) == (1, "score_update", tenant.location_id)
    assert (received["data"], received["event_at"]) == ({"score": 71}, "2026-11-02T12:00:00.000Z")
    assert "html" not in received


async def test_a_program_comes_in_with_a_token(agent: User, tenant: Tenant, connect: Open) -> None:
    membership = await sync_to_async(Membership.objects.select_related("user").get)(user=agent)
    token = str(issue_tokens(membership).access_token)

    socket = await connect(token=token, origin=None)
    await subscribe(socket)
    await send(draft(tenant))

    assert socket.answer == (True, "hearthline.v1")
    assert (await socket.receive_json_from(5))["id"] == 1


async def test_a_stranger_is_told_to_sign_in(connect: Open) -> None:
    socket = await connect()

    assert await close_code(socket) == 4401


async def test_an_expired_token_is_no_good(agent: User, connect: Open) -> None:
    membership = await sync_to_async(Membership.objects.select_related("user").get)(user=agent)
    token = issue_tokens(membership).access_token
    token.set_exp(from_time=datetime.now(UTC) - timedelta(days=1))

    assert await close_code(await connect(token=str(token), origin=None)) == 4401
    assert await close_code(await connect(token="nonsense", origin=None)) == 4401


async def test_a_page_of_another_site_is_refused(agent_client: Client, connect: Open) -> None:
    socket = await connect(agent_client, origin="http://evil.example")

    assert socket.answer[0] is False


async def test_a_member_holds_so_many_sockets_and_no_more(
    agent_client: Client, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.realtime.consumers.MOST_PER_MEMBER", 1)
    first = await connect(agent_client)
    await subscribe(first)

    assert await close_code(await connect(agent_client)) == 4429


# Who gets what


async def test_a_socket_hears_nothing_of_another_tenant(
    agent_client: Client, other_agent_client: Client, tenant: Tenant, other_tenant: Tenant, connect: Open
) -> None:
    ours, theirs = await connect(agent_client), await connect(other_agent_client)
    for socket in (ours, theirs):
        await socket.send_json_to({"type": "subscribe"})
    while [reader.is_subscribed for reader in readers()] != [True, True]:
        await asyncio.sleep(PAUSE)

    await send(draft(other_tenant, data={"secret": 1}))
    await send(draft(tenant, data={"mine": 1}))

    assert (await ours.receive_json_from(5))["data"] == {"mine": 1}
    assert (await theirs.receive_json_from(5))["data"] == {"secret": 1}


async def test_what_a_lead_wrote_waits_for_its_score_whatever_other_tenants_are_sent(
    agent_client: Client,
    other_agent_client: Client,
    tenant: Tenant,
    other_tenant: Tenant,
    connect: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SOON_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(f"leads.realtime.hub.{name}", 60.0)
    ours = await connect(agent_client)
    await subscribe(ours, batch=True)
    theirs = await connect(other_agent_client)
    await subscribe(theirs, batch=True)

    await send(draft(tenant, type="message", topic="messages"))
    await send(draft(other_tenant))
    assert [each["type"] for each in await theirs.receive_json_from(5)] == ["score_update"]
    await send(draft(tenant))

    assert [each["type"] for each in await ours.receive_json_from(5)] == ["message", "score_update"]


async def test_what_a_lead_wrote_comes_without_a_score_too(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.realtime.hub.SOON_SECONDS", 0.01)
    monkeypatch.setattr("leads.realtime.hub.POLL_SECONDS", 60.0)
    socket = await connect(agent_client)
    await subscribe(socket)

    await send(draft(tenant, type="message", topic="messages"))

    assert (await socket.receive_json_from(5))["type"] == "message"


async def test_a_buyer_hears_only_what_is_meant_for_them(
    buyer_client: Client, buyer: User, agent: User, tenant: Tenant, connect: Open
) -> None:
    socket = await connect(buyer_client)
    await subscribe(socket)

    await send(
        draft(tenant, data={"for": "team"}),
        draft(tenant, audience=f"user:{agent.pk}"),
        draft(tenant, audience=f"user:{buyer.pk}", data={"for": "buyer"}),
    )

    assert (await socket.receive_json_from(5))["data"] == {"for": "buyer"}


async def test_only_subscribed_topics_come(agent_client: Client, tenant: Tenant, connect: Open) -> None:
    socket = await connect(agent_client)
    await subscribe(socket, topics=["alerts"], batch=True, html=True)

    await send(draft(tenant), draft(tenant, type="alert", topic="alerts", html={"alerts": "<li></li>"}))

    (received,) = await socket.receive_json_from(5)
    assert (received["type"], received["html"]) == ("alert", {"alerts": "<li></li>"})


async def test_a_message_nobody_understands_ends_the_connection(agent_client: Client, connect: Open) -> None:
    socket = await connect(agent_client)
    await socket.send_to(text_data='{"type":"shout"}')

    assert await close_code(socket) == 4400


# Coming back


async def test_a_reader_resumes_after_the_last_number_it_saw(
    agent_client: Client, tenant: Tenant, connect: Open
) -> None:
    await send(*[draft(tenant, lead_id=None) for _ in range(5)])
    first, second = await connect(agent_client), await connect(agent_client)

    await first.send_json_to({"type": "subscribe", "after": 2, "batch": True})
    assert [each["id"] for each in await first.receive_json_from(5)] == [3, 4, 5]
    await second.send_json_to({"type": "subscribe", "after": 3})  # from memory now
    assert [(await second.receive_json_from(5))["id"] for _ in range(2)] == [4, 5]

    await send(draft(tenant))
    assert [each["id"] for each in await first.receive_json_from(5)] == [6]
    assert (await second.receive_json_from(5))["id"] == 6


async def test_a_reader_that_was_away_too_long_is_told_once_to_load_anew(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.selectors.live.PROMISED_COUNT", 2)
    await send(*[draft(tenant) for _ in range(5)])
    await sync_to_async(LiveMessage.objects.update)(at=NOON)
    socket = await connect(agent_client)

    await subscribe(socket, after=1)
    await send(draft(tenant))

    assert await socket.receive_json_from(5) == {"type": "reset"}
    assert (await socket.receive_json_from(5))["id"] == 6


async def test_a_long_absence_is_made_up_from_the_database(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "KEEP_MESSAGES", 3)
    await send(*[draft(tenant) for _ in range(10)])
    socket = await connect(agent_client)

    await subscribe(socket, after=0, batch=True)

    assert [each["id"] for each in await socket.receive_json_from(5)] == list(range(1, 11))


async def test_a_reader_that_falls_behind_is_dropped_and_holds_up_no_other(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MOST_BYTES", 2_000)
    slow, quick = await connect(agent_client), await connect(agent_client)
    for socket in (slow, quick):
        await socket.send_json_to({"type": "subscribe", "after": 0})

    received: list[int] = []
    for _ in range(10):
        await send(draft(tenant, data={"pad": "x" * 400}))
        received.append((await quick.receive_json_from(5))["id"])
        await quick.send_json_to({"type": "pong"})

    assert received == list(range(1, 11))
    assert await close_code(slow) == 4413


async def test_a_channel_that_overran_its_reader_resets_it(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "KEEP_MESSAGES", 3)
    socket = await connect(agent_client)
    await subscribe(socket)

    await send(*[draft(tenant) for _ in range(10)])

    assert await socket.receive_json_from(5) == {"type": "reset"}
    assert await close_code(socket) == 4413


# Staying


async def test_websocket_connection_management(agent_client: Client, tenant: Tenant, connect: Open) -> None:
    hub = current_hub()
    socket = await connect(agent_client)
    reader = await subscribe(socket, topics=["scores"])
    assert hub.connections() == {tenant.pk: 1}

    began = reader.pinged_at
    ping_if_due(reader, began + 29)
    ping_if_due(reader, began + 30)
    assert await socket.receive_json_from(5) == {"type": "ping"}
    await socket.send_json_to({"type": "pong"})
    while reader.misses:
        await asyncio.sleep(PAUSE)

    for step in (60, 90):  # two pings nobody answers
        ping_if_due(reader, began + step)
        assert await socket.receive_json_from(5) == {"type": "ping"}
    ping_if_due(reader, began + 119)
    assert reader.close_code is None
    ping_if_due(reader, began + 120)
    assert await close_code(socket) == 4408

    await socket.disconnect()
    assert hub.connections() == {}
    assert hub.channels == {}


async def test_much_sent_without_a_sign_of_life_asks_for_one(
    agent_client: Client, tenant: Tenant, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ASK_AFTER_BYTES", 300)
    socket = await connect(agent_client)
    await subscribe(socket)

    await send(draft(tenant, data={"pad": "x" * 400}))

    assert (await socket.receive_json_from(5))["id"] == 1
    assert await socket.receive_json_from(5) == {"type": "ping"}


async def test_a_socket_whose_access_ended_is_closed(
    agent_client: Client, broker_client: Client, agent: User, connect: Open
) -> None:
    other = await connect(broker_client)
    await subscribe(other)
    socket = await connect(agent_client)
    await subscribe(socket)

    await sync_to_async(agent.sessions.all().delete)()
    await current_hub().validate()

    assert await close_code(socket) == 4401
    assert [reader.close_code for reader in readers() if reader.viewer.role == "broker"] == [None]


async def test_a_socket_ends_with_its_token(
    agent: User, tenant: Tenant, connect: Open, freeze: Callable[[datetime], Any]
) -> None:
    membership = await sync_to_async(Membership.objects.select_related("user").get)(user=agent)
    socket = await connect(token=str(issue_tokens(membership).access_token), origin=None)
    await subscribe(socket)

    freeze(datetime.now(UTC) + timedelta(minutes=31))
    await current_hub().validate()

    assert await close_code(socket) == 4401


async def test_concurrent_user_websockets(
    agent_client: Client, broker_client: Client, signed_admin_client: Client, tenant: Tenant, connect: Open
) -> None:
    """Many sockets of several people all get every message, in order, once."""
    sockets = []
    for client in (agent_client, broker_client, signed_admin_client):
        for _ in range(10):
            sockets.append(await connect(client))
    for number, socket in enumerate(sockets):
        await socket.send_json_to({"type": "subscribe", "after": 0, "batch": number % 2 == 0})

    for n in range(5):
        await send(draft(tenant, data={"n": n}))

    for number, socket in enumerate(sockets):
        ids: list[int] = []
        while len(ids) < 5:
            told = json.loads(await socket.receive_from(5))
            ids += [each["id"] for each in told] if number % 2 == 0 else [told["id"]]
        assert ids == [1, 2, 3, 4, 5]
    assert current_hub().connections() == {tenant.pk: 30}


async def test_messages_come_without_redis(
    agent_client: Client, tenant: Tenant, connect: Open, settings: Any
) -> None:
    """The hub asks the database every second when nobody can wake it."""
    socket = await connect(agent_client)
    await subscribe(socket)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    circuit.reset()

    began = time.monotonic()
    await send(draft(tenant))

    assert (await socket.receive_json_from(5))["id"] == 1
    assert time.monotonic() - began < 3
