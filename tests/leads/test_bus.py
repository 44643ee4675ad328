from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from pytest_django import Settings

from config.embedded import Redis
from leads import bus
from leads.bus import reader as reading
from leads.bus import registry, work
from leads.bus.reader import GroupReader
from leads.bus.step import Readers, drain
from leads.events import Kind
from leads.models import Consumed, DeadLetter, Event, Tenant, WebhookDelivery
from leads.redis import circuit
from leads.services.events import NewEvent, record_events

GROUP = "testers"
STREAM = "realtime:page.viewed"
Seconds = Callable[..., Any]


class Listener:
    """A batch task that notes the ids it worked on, exactly once each, and may be told to fail."""

    def __init__(self, group: str = GROUP) -> None:
        self.group = group
        self.name = f"{group}.tasks.listen"
        self.batches: list[list[int]] = []
        self.worked: list[int] = []
        self.poison: dict[int, Exception] = {}
        self.lock = threading.Lock()

    def __call__(self, ids: list[int]) -> None:
        self.batches.append(list(ids))
        for pk in ids:
            if pk in self.poison:
                raise self.poison[pk]
        with transaction.atomic():
            fresh = bus.claim(self.group, ids)
            with self.lock:
                self.worked += fresh


@pytest.fixture(autouse=True)
def _no_other_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no group of the product hear what these tests publish."""
    autodiscover_modules("tasks")
    monkeypatch.setattr(registry, "_registrations", [])


@pytest.fixture
def listener(redis_client: redis.Redis) -> Iterator[Listener]:
    circuit.reset()
    task = Listener()
    bus.subscribe(Kind.PAGE_VIEWED, Kind.LISTING_VIEWED, group=GROUP)(task)
    yield task
    bus.unsubscribe(task)


@pytest.fixture
def eager_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "RETRY_SECONDS", 0.0)


def views(tenant: Tenant, count: int, **more: Any) -> list[NewEvent]:
    now = timezone.now()
    return [
        NewEvent(tenant_id=tenant.pk, kind=Kind.PAGE_VIEWED, occurred_at=now, **more) for _ in range(count)
    ]


def publish(events: list[NewEvent]) -> list[int]:
    """Record and publish events, as a commit would."""
    recorded = record_events(events=events)
    assert bus.publish(recorded) is True
    return [event.pk for event in recorded]


def reader(consumer: str = "one") -> GroupReader:
    return GroupReader(bus.subscriptions()[GROUP], consumer)


def pending(client: redis.Redis, stream: str = STREAM) -> int:
    told: Any = client.xpending(stream, GROUP)
    return int(told["pending"])


# Subscribing


def test_subscribe_takes_the_group_from_the_tasks_app() -> None:
    task = Listener("scoring")
    bus.subscribe(Kind.PAGE_VIEWED)(task)
    try:
        assert Kind.PAGE_VIEWED in bus.subscriptions()["scoring"].tasks
    finally:
        bus.unsubscribe(task)


def test_subscribe_refuses_a_kind_that_is_not_on_the_list() -> None:
    with pytest.raises(ImproperlyConfigured, match="lead.sneezed"):
        bus.subscribe("lead.sneezed")


def test_a_group_has_one_task_for_a_kind(listener: Listener) -> None:
    second = Listener()
    bus.subscribe(Kind.PAGE_VIEWED, group=GROUP)(second)
    try:
        with pytest.raises(
            ImproperlyConfigured, match=r"Two tasks of group testers subscribe to page\.viewed"
        ):
            bus.subscriptions()
    finally:
        bus.unsubscribe(second)


# Reading


def test_events_come_in_order_are_acknowledged_and_noted(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    ids = publish(views(tenant, 70))

    assert drain(GROUP) == 70
    assert [len(batch) for batch in listener.batches] == [64, 6]
    assert listener.worked == ids
    assert pending(redis_client) == 0
    assert Consumed.objects.filter(group=GROUP).count() == 70
    assert drain(GROUP) == 0


def test_a_new_group_hears_what_was_published_before_it(tenant: Tenant, listener: Listener) -> None:
    ids = publish(views(tenant, 2))

    assert drain(GROUP) == 2
    assert listener.worked == ids


def test_backfilled_events_wait_for_live_ones(tenant: Tenant, listener: Listener) -> None:
    old = publish(views(tenant, 3, backfill=True))
    live = publish(views(tenant, 2))

    drain(GROUP)

    assert listener.worked == live + old


def test_a_batch_is_shared_between_tenants(tenant: Tenant, other_tenant: Tenant, listener: Listener) -> None:
    flood = publish(views(tenant, 100))
    few = publish(views(other_tenant, 2))

    drain(GROUP)

    assert listener.batches[0] == [flood[0], few[0], flood[1], few[1], *flood[2:32]]
    assert sorted(listener.worked) == flood + few


def test_an_event_published_twice_is_worked_on_once(tenant: Tenant, listener: Listener) -> None:
    ids = publish(views(tenant, 3))
    bus.publish(list(Event.objects.filter(pk__in=ids)))

    assert drain(GROUP) == 6
    assert sorted(listener.worked) == ids


def test_claim_belongs_in_a_transaction(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        bus.claim(GROUP, [1])


def test_a_rollback_gives_the_claimed_back(db: None) -> None:
    with transaction.atomic():
        assert bus.claim(GROUP, [3, 1, 3]) == [3, 1]
        transaction.set_rollback(True)
    with transaction.atomic():
        assert bus.claim(GROUP, [1, 2, 3]) == [1, 2, 3]
        assert bus.claim(GROUP, [2]) == []
        assert bus.claim("others", [2]) == [2]
        assert bus.claim(GROUP, []) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_each_event_once(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    ids = publish(views(tenant, 300))
    bus.publish(list(Event.objects.all()))  # every event stands on the stream twice
    start = threading.Barrier(2)

    def work(name: str) -> None:
        mine = reader(name)
        start.wait(10)
        while mine.turn(wait_ms=0) or mine.waiting:
            pass
        connections.close_all()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(listener.worked) == ids
    assert pending(redis_client) == 0


# Workers that die


def test_work_committed_but_not_acknowledged_is_not_done_again(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    reader("one").turn(wait_ms=0)
    ids = publish(views(tenant, 3))
    redis_client.xreadgroup(GROUP, "one", {STREAM: ">"})
    listener(ids)  # committed; and here the worker is killed
    assert pending(redis_client) == 3

    successor = reader("one")

    assert successor.turn(wait_ms=0) == 3
    assert listener.worked == ids
    assert pending(redis_client) == 0


def test_another_worker_takes_over_what_a_dead_one_left(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CLAIM_EVERY_SECONDS", 0.0)
    survivor = reader("two")
    survivor.turn(wait_ms=0)
    ids = publish(views(tenant, 3))
    redis_client.xreadgroup(GROUP, "one", {STREAM: ">"})

    assert survivor.turn(wait_ms=0) == 0  # the dead one may yet live
    monkeypatch.setattr(reading, "CLAIM_IDLE_MS", 0)

    assert survivor.turn(wait_ms=0) == 3
    assert listener.worked == ids
    assert pending(redis_client) == 0


def test_an_entry_workers_die_of_is_given_up(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    reader("one").turn(wait_ms=0)
    good, deadly, better = publish(views(tenant, 3))
    for _ in range(3):
        redis_client.xreadgroup(GROUP, "one", {STREAM: ">"})
        redis_client.xreadgroup(GROUP, "one", {STREAM: "0"})
    redis_client.hset("bus:tried:testers", f"page.viewed:{deadly}", "2")

    reader("one").turn(wait_ms=0)

    assert listener.batches == [[good], [better]]
    letter = DeadLetter.objects.get()
    assert (letter.event_id, letter.tries, letter.tenant_id) == (deadly, 2, tenant.pk)
    assert letter.error == "leads.bus.work.WorkerDied"
    assert redis_client.hgetall("bus:tried:testers") == {}
    assert pending(redis_client) == 0


def test_pending_entries_that_were_trimmed_are_let_go(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    reader("one").turn(wait_ms=0)
    publish(views(tenant, 3))
    redis_client.xreadgroup(GROUP, "one", {STREAM: ">"})
    redis_client.xtrim(STREAM, maxlen=0, approximate=False)

    assert reader("one").turn(wait_ms=0) == 0
    assert pending(redis_client) == 0


# Work that fails


@pytest.mark.usefixtures("eager_retries")
def test_one_bad_entry_holds_up_no_other_and_ends_as_a_dead_letter(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    first, bad, last = publish(views(tenant, 3, correlation_id="c-1"))
    listener.poison[bad] = ValueError("jane@example.com cannot be read")

    drain(GROUP)

    assert listener.worked == [first, last]
    assert Counter(len(batch) for batch in listener.batches) == {3: 1, 1: 7}
    letter = DeadLetter.objects.get()
    assert (letter.group, letter.stream, letter.event_id, letter.tries) == (GROUP, STREAM, bad, 5)
    assert letter.error.startswith("builtins.ValueError at ")
    assert "jane" not in letter.error
    dead: Any = redis_client.xrange("dead:testers")
    ((_, fields),) = dead
    assert fields == {
        b"e": str(bad).encode(),
        b"l": tenant.location_id.encode(),
        b"c": b"c-1",
        b"error": b"ValueError",
    }
    assert pending(redis_client) == 0


@pytest.mark.usefixtures("eager_retries")
def test_a_failed_entry_is_tried_again_and_may_succeed(tenant: Tenant, listener: Listener) -> None:
    (pk,) = publish(views(tenant, 1))
    listener.poison[pk] = OperationalError("deadlock detected")
    mine = reader()

    mine.turn(wait_ms=0)
    assert mine.waiting == 1
    listener.poison.clear()
    mine.turn(wait_ms=0)

    assert listener.worked == [pk]
    assert mine.waiting == 0
    assert DeadLetter.objects.count() == 0


@pytest.mark.usefixtures("eager_retries")
def test_a_revived_dead_letter_is_worked_on(
    tenant: Tenant, listener: Listener, django_capture_on_commit_callbacks: Any
) -> None:
    (pk,) = publish(views(tenant, 1))
    listener.poison[pk] = ValueError()
    drain(GROUP)
    listener.poison.clear()

    with django_capture_on_commit_callbacks(execute=True):
        assert bus.revive(DeadLetter.objects.all()) == 1
    drain(GROUP)

    assert listener.worked == [pk]
    assert DeadLetter.objects.filter(resolved_at__isnull=True).count() == 0
    assert bus.revive(DeadLetter.objects.all()) == 0


@pytest.mark.usefixtures("eager_retries")
def test_a_delivery_given_up_is_marked_failed_and_can_be_revived(
    tenant: Tenant, redis_client: redis.Redis, django_capture_on_commit_callbacks: Any
) -> None:
    task = Listener("door-testers")
    bus.subscribe(bus.DELIVERIES, group="door-testers")(task)
    delivery = WebhookDelivery.objects.create(
        webhook_id="w1", tenant=tenant, location_id=tenant.location_id, body="{}"
    )
    task.poison[delivery.pk] = KeyError("phone +1 415 555 0100")
    try:
        bus.publish_deliveries([(delivery.pk, delivery.location_id, "c-9")])
        drain("door-testers")

        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries) == ("failed", 5)
        assert delivery.reason.startswith("builtins.KeyError at ")
        assert "415" not in delivery.reason
        assert DeadLetter.objects.get().delivery_id == delivery.pk

        with django_capture_on_commit_callbacks(execute=True):
            bus.revive(DeadLetter.objects.all())
        delivery.refresh_from_db()
        assert (delivery.state, delivery.reason, delivery.tries) == ("accepted", "", 0)
        assert redis_client.xlen("realtime:webhook.received") == 2
    finally:
        bus.unsubscribe(task)


@pytest.mark.django_db(transaction=True)
def test_an_outage_of_the_database_counts_against_no_entry(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    mine = GroupReader(bus.subscriptions()[GROUP], "one", pause=pauses.append)
    ids = [event.pk for event in record_events(events=views(tenant, 3))]
    connection.close()

    with monkeypatch.context() as patched:
        patched.setitem(connection.settings_dict, "PORT", "1")
        for _ in range(7):
            assert mine.turn(wait_ms=0) == 0
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert mine.waiting == 3

    assert mine.turn(wait_ms=0) == 3
    assert listener.worked == ids
    assert pending(redis_client) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("eager_retries")
def test_a_connection_that_broke_is_replaced_and_the_work_done(
    tenant: Tenant, redis_client: redis.Redis
) -> None:
    class Breaking(Listener):
        def __call__(self, ids: list[int]) -> None:
            if not self.batches:
                self.batches.append(ids)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            super().__call__(ids)

    task = Breaking()
    bus.subscribe(Kind.PAGE_VIEWED, group=GROUP)(task)
    try:
        ids = publish(views(tenant, 1))
        mine = reader()
        while mine.turn(wait_ms=0) or mine.waiting:
            pass
    finally:
        bus.unsubscribe(task)

    assert task.worked == ids
    assert DeadLetter.objects.count() == 0


def test_without_redis_deliveries_and_events_are_polled_live_ones_first(
    tenant: Tenant, redis_client: redis.Redis, settings: Settings
) -> None:
    door, engine = Listener("pollers"), Listener("pollers")
    bus.subscribe(bus.DELIVERIES, group="pollers")(door)
    bus.subscribe(Kind.PAGE_VIEWED, group="pollers")(engine)
    record_events(events=[*views(tenant, 1, backfill=True), *views(tenant, 1)])
    old, new = Event.objects.order_by("pk").values_list("pk", flat=True)
    delivery = WebhookDelivery.objects.create(
        pk=old, webhook_id="w3", tenant=tenant, location_id=tenant.location_id, body="{}"
    )
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    circuit.reset()
    try:
        mine = GroupReader(bus.subscriptions()["pollers"], "one", pause=lambda seconds: None)

        assert mine.turn(wait_ms=10) == 3
    finally:
        bus.unsubscribe(door)
        bus.unsubscribe(engine)
        circuit.reset()

    assert door.batches == [[delivery.pk]]
    assert engine.batches == [[new, old]]


def test_a_task_of_deliveries_takes_no_events() -> None:
    with pytest.raises(ImproperlyConfigured, match="it can take no event ids too"):
        bus.subscribe(bus.DELIVERIES, Kind.PAGE_VIEWED)


# The sweep and the loss of Redis


def test_the_sweep_publishes_what_waits_in_the_outbox(tenant: Tenant, listener: Listener) -> None:
    waiting = record_events(events=views(tenant, 2))
    Event.objects.update(published_at=None)  # as when Redis was away
    now = timezone.now()

    assert bus.sweep(now=now + timedelta(seconds=4)).published == 0
    assert bus.sweep(now=now + timedelta(seconds=6)).published == 2
    assert bus.sweep(now=now + timedelta(seconds=7)).published == 0
    drain(GROUP)
    assert listener.worked == [event.pk for event in waiting]


def test_the_sweep_publishes_what_a_process_died_over_between_commit_and_stream(
    tenant: Tenant, listener: Listener
) -> None:
    now = timezone.now()
    bus.sweep(now=now)  # the first after a start looks at everything
    died_over = record_events(events=views(tenant, 2))  # committed as published, and on no stream

    assert bus.sweep(now=now + timedelta(seconds=14)).republished == 0
    assert bus.sweep(now=now + timedelta(seconds=16)).republished == 2
    drain(GROUP)
    assert listener.worked == [event.pk for event in died_over]


def test_the_sweep_only_ticks_off_what_every_group_has_done(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    (event,) = record_events(events=views(tenant, 1))
    Event.objects.update(published_at=None)
    for group in [name for name, held in bus.subscriptions().items() if Kind.PAGE_VIEWED in held.tasks]:
        bus.claim(group, [event.pk])

    assert bus.sweep(now=timezone.now() + timedelta(seconds=6)).published == 0
    event.refresh_from_db()
    assert event.published_at is not None
    assert redis_client.xlen(STREAM) == 0


def test_the_sweep_leaves_alone_what_waits_on_a_stream(tenant: Tenant, listener: Listener) -> None:
    reader().turn(wait_ms=0)
    publish(views(tenant, 3))

    swept = bus.sweep(now=timezone.now() + timedelta(minutes=1))

    assert (swept.published, swept.republished) == (0, 0)


def test_redis_emptied_loses_nothing(tenant: Tenant, listener: Listener, redis_client: redis.Redis) -> None:
    mine = reader()
    mine.turn(wait_ms=0)
    done = publish(views(tenant, 2))
    mine.turn(wait_ms=0)
    bus.sweep(now=timezone.now())
    lost = publish(views(tenant, 3))
    redis_client.flushall()
    later = publish(views(tenant, 1))

    mine.turn(wait_ms=0)  # its group is gone with the data: it joins anew
    swept = bus.sweep(now=timezone.now() + timedelta(seconds=20))
    while mine.turn(wait_ms=0):
        pass

    assert (swept.republished, swept.is_deep) == (3, True)
    assert sorted(listener.worked) == sorted(done + lost + later)
    assert bus.sweep(now=timezone.now() + timedelta(seconds=20)).is_deep is False


def test_the_sweep_does_not_bring_back_dead_letters(tenant: Tenant, listener: Listener) -> None:
    (pk,) = publish(views(tenant, 1))
    DeadLetter.objects.create(group=GROUP, stream=STREAM, event_id=pk, tries=5, error="x")
    reader().turn(wait_ms=0)

    swept = bus.sweep(now=timezone.now() + timedelta(minutes=1))

    assert swept.republished == 0


def test_the_sweep_publishes_deliveries_no_stream_holds(tenant: Tenant, redis_client: redis.Redis) -> None:
    task = Listener("door-testers")
    bus.subscribe(bus.DELIVERIES, group="door-testers")(task)
    delivery = WebhookDelivery.objects.create(
        webhook_id="w2", tenant=tenant, location_id=tenant.location_id, body="{}", correlation_id="c-2"
    )
    try:
        assert bus.sweep(now=timezone.now()).deliveries == 0
        assert bus.sweep(now=timezone.now() + timedelta(seconds=6)).deliveries == 1
        sent: Any = redis_client.xrange("realtime:webhook.received")
        ((_, fields),) = sent
        assert fields == {
            b"d": str(delivery.pk).encode(),
            b"l": tenant.location_id.encode(),
            b"c": b"c-2",
        }
        drain("door-testers")
        assert task.worked == [delivery.pk]
    finally:
        bus.unsubscribe(task)


def test_lag_counts_what_is_unread_and_what_is_not_acknowledged(
    tenant: Tenant, listener: Listener, redis_client: redis.Redis
) -> None:
    reader().turn(wait_ms=0)
    assert bus.lag()[GROUP] == bus.Lag(waiting=0, oldest_seconds=0.0)
    publish(views(tenant, 5))
    redis_client.xreadgroup(GROUP, "one", {STREAM: ">"}, count=2)

    lag = bus.lag()[GROUP]

    assert lag.waiting == 5
    assert 0 <= lag.oldest_seconds < 30


# Redis away


@pytest.fixture
def own_redis(tmp_path: Path, settings: Settings) -> Iterator[Redis]:
    """A Redis of this test's own, to stop and start."""
    server = Redis(tmp_path / "redis").start()
    settings.REDIS_URL = server.url
    circuit.reset()
    yield server
    server.stop()
    circuit.reset()


def test_redis_failover_graceful_degradation(tenant: Tenant, listener: Listener, own_redis: Redis) -> None:
    mine = reader()
    mine.turn(wait_ms=0)
    before = publish(views(tenant, 2))
    own_redis.stop()

    began = timezone.now()
    recorded = record_events(events=views(tenant, 3))
    assert bus.publish(recorded) is False  # the door has its row and answers
    assert bus.publish_deliveries([(1, tenant.location_id, "")]) is False
    assert timezone.now() - began < timedelta(seconds=2)
    assert mine.turn(wait_ms=0) == 5  # polled, with what the dead Redis held
    during = [event.pk for event in recorded]
    assert sorted(listener.worked) == before + during
    assert bus.sweep(now=timezone.now() + timedelta(minutes=1)).is_redis_away is True

    own_redis.start()
    circuit.reset()
    after = publish(views(tenant, 1))
    bus.sweep(now=timezone.now() + timedelta(minutes=1))
    while mine.turn(wait_ms=0):
        pass

    assert sorted(listener.worked) == before + during + after
    assert Event.objects.filter(published_at__isnull=True).count() == 0
    with redis.Redis.from_url(own_redis.url) as client:
        assert pending(client) == 0


def test_events_recorded_while_redis_is_away_wait_in_the_outbox(tenant: Tenant, own_redis: Redis) -> None:
    recorded = record_events(events=views(tenant, 2))
    own_redis.stop()

    assert bus.publish_recorded(recorded) is False

    assert Event.objects.filter(published_at__isnull=True).count() == 2
    own_redis.start()
    circuit.reset()
    assert bus.sweep(now=timezone.now() + timedelta(seconds=6)).published == 2


def test_a_dead_redis_is_left_alone_for_a_second(own_redis: Redis, tenant: Tenant) -> None:
    own_redis.stop()
    bus.publish_deliveries([(1, tenant.location_id, "")])

    began = datetime.now(UTC)
    for _ in range(100):
        assert bus.publish_deliveries([(1, tenant.location_id, "")]) is False

    assert datetime.now(UTC) - began < timedelta(seconds=0.5)


# In the worker


@pytest.mark.django_db(transaction=True)
def test_readers_work_until_they_are_stopped(tenant: Tenant, redis_client: redis.Redis) -> None:
    heard = threading.Event()

    class Loud(Listener):
        def __call__(self, ids: list[int]) -> None:
            super().__call__(ids)
            if len(self.worked) == 2:
                heard.set()

    task = Loud()
    bus.subscribe(Kind.PAGE_VIEWED, group=GROUP)(task)
    readers = Readers(consumer="step")
    readers.start()
    try:
        ids = publish(views(tenant, 2))
        assert heard.wait(10)
    finally:
        stopped = readers.stop(timeout=10)
        bus.unsubscribe(task)

    assert stopped is True
    assert sorted(task.worked) == ids
