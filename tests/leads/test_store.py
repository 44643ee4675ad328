"""Past states of leads: replayed once, found again, never outdated, unreadable in Redis, not in the way."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from config.embedded import Redis
from leads.events import Kind
from leads.ml import features
from leads.ml.catalogue import VERSION
from leads.models import AlertSettings, Event, FeatureState, Lead, Membership, User
from leads.ops import logs, metrics
from leads.redis import circuit
from leads.selectors.histories import histories_of, state_at
from leads.services.merging import merge_leads, undo_merge
from leads.store import KEPT_SECONDS, MOST_OF_ONE, Store, Whose, past_states
from scoring import services
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.leads.api import caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
SAID = (
    "Looking around 580k near downtown, 3 bedrooms",
    "We need to move by April 15, new job",
    "We are pre-approved. Can we see it Saturday?",
)
FOUND = ("process", "redis", "log")


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)
    circuit.reset()


@pytest.fixture
def told(lead: Lead) -> Lead:
    """A lead who wrote three times, the last of them a day ago."""
    for days, text in zip((9, 5, 1), SAID, strict=True):
        say(lead, text, days)
    return lead


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process logs."""
    handler = next(each for each in logging.getLogger().handlers if each.get_name() == logs.HANDLER)
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def say(lead: Lead, text: str, days: float = 0.0) -> Event:
    at = NOW - timedelta(days=days)
    event: Event = EventFactory(lead=lead, occurred_at=at, recorded_at=at, data={"text": text})
    return event


def replayed(lead: Lead, until: datetime | None = None) -> features.State:
    return features.replay(histories_of([lead], until=until)[lead.pk], until)


def key_of(lead: Lead) -> str:
    return f"states:{lead.tenant_id}:{lead.pk}:{VERSION}"


def counts() -> tuple[float, ...]:
    """Return how many states were found in this process, in Redis, and replayed."""
    return tuple(metrics.total("hearthline_past_states_total", source=source) for source in FOUND)


def gained(before: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(later - earlier for earlier, later in zip(before, counts(), strict=True))


def raw(client: redis.Redis, lead: Lead) -> dict[bytes, bytes]:
    found: Any = client.hgetall(key_of(lead))
    return dict(found)


# Found again


def test_a_state_is_replayed_once_and_is_the_same_to_the_bit(
    told: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = counts()

    with django_assert_num_queries(3):  # which facts, the family, the facts
        first = state_at(told)
    with django_assert_num_queries(1):  # which facts
        second = state_at(told)

    assert first == second == replayed(told)
    assert gained(before) == (1, 0, 1)


def test_another_process_finds_it_in_redis(told: Lead) -> None:
    first = state_at(told)
    before = counts()

    past_states.clear()

    assert state_at(told) == first
    assert state_at(told) == first
    assert gained(before) == (1, 1, 0)


def test_whoever_changes_what_was_given_changes_nothing_that_is_kept(told: Lead) -> None:
    state_at(told)
    state_at(told).clear()
    state_at(told)["fades"].clear()

    assert state_at(told) == replayed(told)


def test_two_moments_with_the_same_past_share_a_state(told: Lead) -> None:
    before = counts()

    states = [state_at(told, until=NOW - timedelta(days=days)) for days in (4, 3, 2, 6, 20)]

    assert states[0] == states[1] == states[2] == replayed(told, NOW - timedelta(days=4))
    assert states[3] == replayed(told, NOW - timedelta(days=6))
    assert states[4] == {}
    assert gained(before) == (2, 0, 2)


def test_asking_for_the_same_moment_under_two_models_replays_once(told: Lead, agent: User) -> None:
    before, program = counts(), caller(Membership.objects.get(user=agent))
    asked = {"from": (NOW - timedelta(days=6)).isoformat(), "to": (NOW - timedelta(days=2)).isoformat()}

    first = services.score_at(told, NOW - timedelta(days=2), model="rules")
    answer = program.get(f"leads/{told.pk}/score/change/", **asked)

    assert answer.json()["after"]["score"] == first.score
    assert gained(before) == (1, 0, 2)


def test_what_lifts_a_lead_without_a_state_is_found_in_one_replay(agent_client: Client, told: Lead) -> None:
    AlertSettings.objects.create(tenant=told.tenant, hot_score=100, warm_score=99, steady_score=98)
    services.score_leads(event_ids=list(Event.objects.values_list("pk", flat=True)))
    address = reverse("scoring:lead-panel", args=[told.pk])
    remembered = agent_client.get(address, headers={"HX-Request": "true"}).context
    FeatureState.objects.all().delete()
    before = counts()

    shown = agent_client.get(address, headers={"HX-Request": "true"}).context

    assert (shown["told"], shown["lifts"]) == (remembered["told"], remembered["lifts"])
    assert gained(before) == (1, 0, 1)


# Never outdated


@pytest.mark.parametrize("days", [0.5, 3, 20])
def test_an_event_nobody_told_of_counts_at_once(told: Lead, days: float) -> None:
    state_at(told)

    say(told, "We pay all cash", days)

    assert state_at(told) == replayed(told)
    assert state_at(told)["noted"].keys() == {"cash"}


def test_an_event_after_the_moment_leaves_its_state(told: Lead) -> None:
    moment = NOW - timedelta(days=2)
    first, before = state_at(told, until=moment), counts()

    say(told, "We pay all cash")

    assert state_at(told, until=moment) == first
    assert gained(before) == (1, 0, 0)


def test_what_comes_between_the_look_and_the_reading_is_kept_under_its_own_mark(
    told: Lead, redis_client: redis.Redis
) -> None:
    came: list[Event] = []

    def slip_in(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if "md5" in sql and not came:
            came.append(Event(pk=0))  # its own statements pass
            came[0] = say(told, "We pay all cash", 3)
        return answer

    with connection.execute_wrapper(slip_in):
        state = state_at(told)

    ids = ",".join(str(pk) for pk in Event.objects.order_by("pk").values_list("pk", flat=True))
    assert "cash" in state["noted"]
    assert list(raw(redis_client, told)) == [hashlib.md5(ids.encode()).hexdigest().encode()]
    Event.objects.filter(pk=came[0].pk).delete()
    assert state_at(told) == replayed(told)
    assert "cash" not in state_at(told).get("noted", {})


def test_what_another_process_kept_before_a_merge_is_not_used_after_it(told: Lead) -> None:
    absorbed = LeadFactory(tenant=told.tenant)
    say(absorbed, "We pay all cash", 3)
    alone = state_at(told)

    merge = merge_leads(survivor=told, absorbed=absorbed, by=None)  # never commits, so it tells nobody
    together = state_at(told)
    assert together == replayed(told)
    undo_merge(merge=merge, by=None)

    assert state_at(told) == replayed(told)
    cash = ["cash" in state.get("noted", {}) for state in (alone, together, state_at(told))]
    assert cash == [False, True, False]


def test_a_late_event_drops_what_is_kept_once_it_is_scored(
    told: Lead, redis_client: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    services.score_leads(event_ids=list(Event.objects.values_list("pk", flat=True)))
    state_at(told)
    on_time, late = say(told, "Hello"), say(told, "We pay all cash", 3)

    with django_capture_on_commit_callbacks(execute=True):
        services.score_leads(event_ids=[on_time.pk])
    assert (len(past_states), redis_client.hlen(key_of(told))) == (1, 1)  # the past is what it was

    with django_capture_on_commit_callbacks(execute=True):
        services.score_leads(event_ids=[late.pk])
    assert (len(past_states), redis_client.exists(key_of(told))) == (0, 0)


def test_a_merge_drops_what_is_kept_of_both(
    told: Lead, redis_client: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    absorbed, other = LeadFactory(tenant=told.tenant), LeadFactory(tenant=told.tenant)
    leads: list[Lead] = [told, absorbed, other]
    for one in leads[1:]:
        say(one, "Hello", 3)
    for one in leads:
        state_at(one)

    with django_capture_on_commit_callbacks(execute=True):
        merge_leads(survivor=told, absorbed=absorbed, by=None)

    assert [redis_client.exists(key_of(one)) for one in leads] == [0, 0, 1]
    assert len(past_states) == 1


def test_forgetting_nobody_asks_redis_nothing(told: Lead, redis_client: redis.Redis) -> None:
    state_at(told)

    past_states.forget([])

    assert (len(past_states), redis_client.exists(key_of(told))) == (1, 1)


# Nobody else's, and not to be read


def test_redis_holds_nothing_that_can_be_read(told: Lead, redis_client: redis.Redis) -> None:
    EventFactory(
        lead=told,
        kind=Kind.CONTACT_UPDATED,
        occurred_at=NOW,
        data={"custom": {"favourite_street": "Xylophone Lane"}},
    )
    state = state_at(told)
    assert "Xylophone Lane" in json.dumps(state)
    assert {"answers", "said", "preapproved"} <= set(words(state))

    ((mark, token),) = raw(redis_client, told).items()
    sealed = base64.urlsafe_b64decode(token)
    assert len(mark) == 32
    for word in [*words(state), "Xylophone", "Lane", VERSION, "states:"]:
        if len(word) > 3:
            assert word.encode() not in token, word
            assert word.encode() not in sealed, word
    assert len(token) < len(json.dumps(state))
    assert redis_client.ttl(key_of(told)) == KEPT_SECONDS == 300


def words(value: Any) -> list[str]:
    """Return every key and text of a state."""
    if isinstance(value, dict):
        return [word for key, one in value.items() for word in (key, *words(one))]
    if isinstance(value, list):
        return [word for one in value for word in words(one)]
    return [value] if isinstance(value, str) else []


def test_a_value_moved_to_another_tenants_lead_is_not_used(
    told: Lead, other_lead: Lead, redis_client: redis.Redis
) -> None:
    state_at(told)
    say(other_lead, "Hello")
    state_at(other_lead)
    past_states.clear()
    ((mark, _),) = raw(redis_client, other_lead).items()
    (token,) = raw(redis_client, told).values()
    redis_client.hset(key_of(other_lead), mark, token)  # type: ignore[arg-type]
    before = counts()

    assert state_at(other_lead) == replayed(other_lead)

    assert gained(before) == (0, 0, 1)
    assert raw(redis_client, other_lead)[mark] != token


def test_a_value_moved_under_another_mark_is_not_used(told: Lead, redis_client: redis.Redis) -> None:
    early = NOW - timedelta(days=6)
    state_at(told), state_at(told, until=early)
    past_states.clear()
    (one, first), (two, second) = raw(redis_client, told).items()
    redis_client.hset(key_of(told), mapping={one: second, two: first})

    assert state_at(told) == replayed(told)
    assert state_at(told, until=early) == replayed(told, early)


def test_values_of_an_older_key_are_read_while_the_key_is_listed(
    told: Lead, redis_client: redis.Redis, settings: Settings
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old]
    state = state_at(told)
    before = counts()

    past_states.clear()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert state_at(told) == state
    assert gained(before) == (0, 1, 0)

    past_states.clear()
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert state_at(told) == state
    assert gained(before) == (0, 1, 1)
    (token,) = raw(redis_client, told).values()
    assert Fernet(new).decrypt(token)


@pytest.mark.parametrize(
    "garbage", [b"", b"garbage", b"\xff\x00" * 400, Fernet(Fernet.generate_key()).encrypt(b"x")]
)
def test_garbage_is_replaced(told: Lead, redis_client: redis.Redis, garbage: bytes) -> None:
    state = state_at(told)
    past_states.clear()
    ((mark, token),) = raw(redis_client, told).items()
    redis_client.hset(key_of(told), mark, garbage)  # type: ignore[arg-type]
    before = counts()

    assert state_at(told) == state

    assert gained(before) == (0, 0, 1)
    assert len(raw(redis_client, told)[mark]) == len(token)


def test_a_key_of_another_type_is_told_once_and_does_without(
    told: Lead, redis_client: redis.Redis, written: io.StringIO
) -> None:
    redis_client.set(key_of(told), "something else")
    before = counts()

    states = []
    for _ in range(2):
        past_states.clear()
        states.append(state_at(told))

    assert states == [replayed(told)] * 2
    assert gained(before) == (0, 0, 2)
    (line,) = (line for line in written.getvalue().splitlines() if "states.refused" in line)
    assert (json.loads(line)["level"], json.loads(line)["error"]) == ("warning", "ResponseError")
    redis_client.delete(key_of(told))
    state_at(LeadFactory(tenant=told.tenant))
    past_states.forget([Whose(told.tenant_id, told.pk)])  # an answer: the next refusal is told again


# Bounded


def test_a_process_holds_the_states_used_last() -> None:
    store, lead = Store(most=2), Whose(1, 1)
    for mark in ("a", "b"):
        store.keep(lead, mark, {"at": mark})
    store.find(lead, "a")
    store.keep(lead, "c", {"at": "c"})
    store.forget([])
    circuit.call(lambda client: client.flushall())

    assert len(store) == 2
    assert [store.find(lead, mark) for mark in "abc"] == [{"at": "a"}, None, {"at": "c"}]


def test_a_process_holds_a_state_for_five_minutes() -> None:
    now = 1000.0
    store, lead = Store(clock=lambda: now), Whose(1, 1)
    store.keep(lead, "a", {"at": 1.5})
    circuit.call(lambda client: client.flushall())

    now += 299.9
    assert store.find(lead, "a") == {"at": 1.5}
    now += 0.1
    assert store.find(lead, "a") is None
    assert len(store) == 0


def test_a_value_redis_should_have_dropped_is_not_used(
    told: Lead, redis_client: redis.Redis, freeze: Freeze
) -> None:
    state_at(told)
    redis_client.persist(key_of(told))
    before = counts()

    freeze(NOW + timedelta(seconds=300))
    past_states.clear()
    state_at(told)
    assert gained(before) == (0, 1, 0)

    redis_client.persist(key_of(told))
    freeze(NOW + timedelta(seconds=301))
    past_states.clear()
    state_at(told)
    assert gained(before) == (0, 1, 1)
    assert redis_client.ttl(key_of(told)) == 300


def test_one_lead_cannot_fill_redis(redis_client: redis.Redis) -> None:
    store, lead = Store(), Whose(1, 1)

    for number in range(MOST_OF_ONE):
        store.keep(lead, str(number), {"at": number})
    assert redis_client.hlen(lead.key) == MOST_OF_ONE == 16
    store.keep(lead, "more", {"at": 17})

    assert redis_client.exists(lead.key) == 0
    assert store.find(lead, "more") == {"at": 17}


# Without Redis


@pytest.fixture
def mortal(settings: Settings, tmp_path: Path) -> Iterator[Redis]:
    """A Redis that a test may stop."""
    server = Redis(tmp_path / "redis", durable=False).start()
    settings.REDIS_URL = server.url
    yield server
    server.stop()
    circuit.reset()


def test_with_redis_stopped_states_are_replayed_and_pages_answer(
    agent_client: Client, told: Lead, mortal: Redis, written: io.StringIO
) -> None:
    AlertSettings.objects.create(tenant=told.tenant, hot_score=100, warm_score=99, steady_score=98)
    services.score_leads(event_ids=list(Event.objects.values_list("pk", flat=True)))
    state = state_at(told)
    FeatureState.objects.all().delete()
    mortal.stop()
    past_states.clear()
    before = counts()

    assert state_at(told) == state
    page = agent_client.get(reverse("scoring:lead-panel", args=[told.pk]), headers={"HX-Request": "true"})
    past_states.forget([Whose(told.tenant_id, told.pk)])
    assert state_at(told) == state

    assert page.status_code == 200
    assert gained(before) == (2, 0, 2)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["level"] for line in lines if line["event"] == "redis.away"] == ["warning"]
    assert [line for line in lines if line["level"] == "error"] == []


def test_redis_come_back_is_used_again(told: Lead, mortal: Redis) -> None:
    mortal.stop()
    state = state_at(told)
    mortal.start()
    circuit.reset()
    past_states.clear()
    before = counts()

    assert state_at(told) == state
    past_states.clear()
    assert state_at(told) == state

    assert gained(before) == (0, 1, 1)
