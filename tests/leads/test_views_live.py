from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from leads.models import Membership, Tenant, User
from leads.realtime import sse, viewers
from leads.realtime.hub import current_hub, stop_hub
from leads.realtime.messages import Wants
from leads.redis import circuit
from leads.services import live
from leads.services.live import LiveDraft

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
JSON = {"Accept": "application/json"}
PAUSE = 0.005


def draft(tenant: Tenant, **more: Any) -> LiveDraft:
    values: dict[str, Any] = {"type": "score_update", "topic": "scores", "data": {}, "event_at": NOON}
    return LiveDraft(tenant_id=tenant.pk, **(values | more))


# Polling


def test_since_gives_the_same_numbers(agent_client: Client, tenant: Tenant) -> None:
    live.send(
        drafts=[draft(tenant, html={"lead-1": "<tr></tr>"}), draft(tenant, type="alert", topic="alerts")]
    )

    told = agent_client.get("/live/since/", {"after": "0", "html": "1"}).json()

    assert (told["last"], told["reset"]) == (2, False)
    assert [each["id"] for each in told["messages"]] == [1, 2]
    assert told["messages"][0]["html"] == {"lead-1": "<tr></tr>"}


def test_since_without_a_number_tells_where_to_begin(agent_client: Client, tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant)])

    assert agent_client.get("/live/since/").json() == {"last": 1, "reset": False, "messages": []}


def test_since_gives_only_the_topics_asked_for(agent_client: Client, tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant), draft(tenant, type="alert", topic="alerts")])

    told = agent_client.get("/live/since/", {"after": "0", "topics": "alerts,deals"}).json()

    assert [each["type"] for each in told["messages"]] == ["alert"]


def test_since_asks_for_a_reload_after_a_long_absence(agent_client: Client, tenant: Tenant) -> None:
    assert agent_client.get("/live/since/", {"after": "9"}).json() == {
        "last": 0,
        "reset": True,
        "messages": [],
    }


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"after": "9" * 30}, {"topics": "gossip"}]
)
def test_since_refuses_what_makes_no_sense(agent_client: Client, query: dict[str, str]) -> None:
    assert agent_client.get("/live/since/", query).status_code == 400


def test_since_is_for_members(client: Client, other_agent_client: Client, tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant)])

    assert client.get("/live/since/", headers=JSON).status_code == 401
    assert other_agent_client.get("/live/since/", {"after": "0"}).json()["messages"] == []


def test_a_buyer_is_given_only_their_own(buyer_client: Client, buyer: User, tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant), draft(tenant, audience=f"user:{buyer.pk}")])

    told = buyer_client.get("/live/since/", {"after": "0"}).json()

    assert [each["id"] for each in told["messages"]] == [2]


def test_since_takes_few_queries(
    agent_client: Client, tenant: Tenant, django_assert_num_queries: Any
) -> None:
    live.send(drafts=[draft(tenant) for _ in range(3)])

    with django_assert_num_queries(5):  # session, user, memberships, head, messages
        agent_client.get("/live/since/", {"after": "1"})


def test_stream_is_not_for_the_wsgi_server(agent_client: Client) -> None:
    assert agent_client.get("/live/stream/").status_code == 501


# Server-sent events


@pytest.fixture
async def stopped_hub(redis_client: redis.Redis) -> AsyncIterator[None]:
    circuit.reset()
    yield
    await stop_hub()


def async_client(client: Client) -> AsyncClient:
    same = AsyncClient()
    same.cookies = client.cookies
    return same


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_hub")
async def test_stream_sends_what_was_missed_and_what_comes(agent_client: Client, tenant: Tenant) -> None:
    await sync_to_async(live.send)(drafts=[draft(tenant), draft(tenant)])
    response: Any = await async_client(agent_client).get("/live/stream/", {"after": "1"})
    events = aiter(response.streaming_content)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert await anext(events) == b"retry: 3000\n\n"
    assert _read(await anext(events)) == (2, [2])
    await sync_to_async(live.send)(drafts=[draft(tenant)])
    assert _read(await anext(events)) == (3, [3])
    assert current_hub().connections() == {tenant.pk: 1}

    await events.aclose()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_hub")
async def test_a_stream_that_is_closed_leaves_the_hub(agent: User, tenant: Tenant) -> None:
    membership = await sync_to_async(Membership.objects.get)(user=agent)
    viewer = viewers.viewer_of_membership(membership, agent)
    events = sse.stream(viewer, Wants(batch=True), None)
    assert await anext(events) == sse.RETRY
    following = asyncio.ensure_future(anext(events))
    await sync_to_async(live.send)(drafts=[draft(tenant)])
    assert _read((await following).encode()) == (1, [1])

    await events.aclose()

    assert current_hub().connections() == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_hub")
async def test_stream_goes_on_from_the_last_event_a_browser_saw(agent_client: Client, tenant: Tenant) -> None:
    await sync_to_async(live.send)(drafts=[draft(tenant), draft(tenant), draft(tenant)])
    response: Any = await async_client(agent_client).get(
        "/live/stream/", {"after": "0"}, headers={"Last-Event-ID": "2"}
    )
    events = aiter(response.streaming_content)

    await anext(events)
    assert _read(await anext(events)) == (3, [3])
    await events.aclose()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_hub")
async def test_an_idle_stream_beats_and_still_gets_its_event(
    agent_client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.01)
    response: Any = await async_client(agent_client).get("/live/stream/")
    events = aiter(response.streaming_content)
    await anext(events)

    assert await anext(events) == b": heartbeat\n\n"
    await sync_to_async(live.send)(drafts=[draft(tenant)])
    while (event := await anext(events)) == b": heartbeat\n\n":
        await asyncio.sleep(PAUSE)
    assert _read(event) == (1, [1])
    await events.aclose()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_hub")
async def test_a_stream_ends_with_its_session(agent_client: Client, agent: User) -> None:
    response: Any = await async_client(agent_client).get("/live/stream/")
    events = aiter(response.streaming_content)
    await anext(events)
    following = asyncio.ensure_future(anext(events, b""))
    while not current_hub().connections():
        await asyncio.sleep(PAUSE)

    await sync_to_async(agent.sessions.all().delete)()
    await current_hub().validate()

    while (event := await following) == b": heartbeat\n\n":
        following = asyncio.ensure_future(anext(events, b""))
    assert event == b""


@pytest.mark.django_db(transaction=True)
async def test_stream_is_for_those_signed_in(client: Client) -> None:
    response = await AsyncClient().get("/live/stream/", headers=JSON)

    assert response.status_code == 401


def _read(event: bytes) -> tuple[int, list[int]]:
    number, data, *_ = event.decode().split("\n")
    return int(number.removeprefix("id: ")), [each["id"] for each in json.loads(data.removeprefix("data: "))]
