from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.db import connection, connections, transaction

from leads.events import Kind
from leads.models import Event, EventKey, Lead, Tenant
from leads.ops.logs import correlated
from leads.services.events import NewEvent, record_event, record_events

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
Capture = Callable[..., Any]


def fact(tenant: Tenant, key: str = "", **more: object) -> NewEvent:
    return NewEvent(
        tenant_id=tenant.pk,
        kind=Kind.MESSAGE_RECEIVED,
        occurred_at=NOON,
        dedupe_key=key,
        **more,  # type: ignore[arg-type]
    )


def test_record_event_keeps_every_field(lead: Lead, freeze: Callable[[datetime], object]) -> None:
    freeze(NOON + timedelta(minutes=1))
    with correlated("abc-1"):
        event = record_event(
            tenant=lead.tenant,
            kind=Kind.LISTING_VIEWED,
            occurred_at=NOON,
            lead=lead,
            data={"listing_key": "L1"},
            dedupe_key="view:1",
            source=Event.Source.PORTAL,
        )

    assert event is not None
    stored = Event.objects.get(pk=event.pk)
    assert (stored.tenant_id, stored.lead_id, stored.kind) == (lead.tenant_id, lead.pk, "listing.viewed")
    assert (stored.occurred_at, stored.recorded_at) == (NOON, NOON + timedelta(minutes=1))
    assert (stored.source, stored.dedupe_key, stored.correlation_id) == ("portal", "view:1", "abc-1")
    assert (stored.data, stored.published_at) == ({"listing_key": "L1"}, event.recorded_at)


def test_record_event_knows_a_repeat(tenant: Tenant) -> None:
    first = record_event(tenant=tenant, kind=Kind.MARKET_UPDATED, dedupe_key="market:2026-11")
    again = record_event(tenant=tenant, kind=Kind.MARKET_UPDATED, dedupe_key="market:2026-11")

    assert first is not None
    assert again is None
    assert Event.objects.count() == 1


def test_record_events_keeps_order_and_the_first_of_two_with_one_key(tenant: Tenant) -> None:
    record_events(events=[fact(tenant, "b")])

    recorded = record_events(
        events=[
            fact(tenant, "z", data={"n": 1}),
            fact(tenant, "b"),
            fact(tenant),
            fact(tenant, "z"),
            fact(tenant, "a"),
        ]
    )

    assert [event.dedupe_key for event in recorded] == ["z", "", "a"]
    assert recorded[0].data == {"n": 1}
    assert [event.pk for event in recorded] == sorted(event.pk for event in recorded)
    assert EventKey.objects.count() == 3


def test_record_events_keeps_keys_of_tenants_apart(tenant: Tenant, other_tenant: Tenant) -> None:
    recorded = record_events(events=[fact(tenant, "same"), fact(other_tenant, "same")])

    assert [event.tenant_id for event in recorded] == [tenant.pk, other_tenant.pk]


def test_record_events_keeps_a_long_key_as_a_digest(tenant: Tenant) -> None:
    assert len(record_events(events=[fact(tenant, "k" * 500)])) == 1
    assert record_events(events=[fact(tenant, "k" * 500)]) == []
    assert len(record_events(events=[fact(tenant, "k" * 499)])) == 1


def test_record_events_refuses_a_kind_that_is_not_on_the_list(tenant: Tenant) -> None:
    with pytest.raises(ValueError, match="lead.sneezed"):
        record_events(events=[NewEvent(tenant_id=tenant.pk, kind="lead.sneezed", occurred_at=NOON)])

    assert Event.objects.count() == 0


def test_record_events_takes_one_statement_for_a_batch(
    tenant: Tenant, django_assert_num_queries: Capture, redis_client: redis.Redis
) -> None:
    with django_assert_num_queries(1):
        record_events(events=[fact(tenant, f"k{n}") for n in range(64)])


def test_event_publishing_to_redis(
    tenant: Tenant, redis_client: redis.Redis, django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        live, old = record_events(
            events=[fact(tenant, correlation_id="c-1"), fact(tenant, correlation_id="c-2", backfill=True)]
        )

    live_entries: Any = redis_client.xrange("realtime:message.received")
    old_entries: Any = redis_client.xrange("backfill:message.received")
    assert [fields for _, fields in live_entries] == [
        {b"e": str(live.pk).encode(), b"l": tenant.location_id.encode(), b"c": b"c-1"}
    ]
    assert [fields for _, fields in old_entries] == [
        {b"e": str(old.pk).encode(), b"l": tenant.location_id.encode(), b"c": b"c-2"}
    ]
    assert Event.objects.filter(published_at__isnull=True).count() == 0


def test_record_events_publishes_nothing_that_was_rolled_back(
    tenant: Tenant, redis_client: redis.Redis, django_capture_on_commit_callbacks: Capture
) -> None:
    def record_and_fail() -> None:
        with transaction.atomic():
            record_events(events=[fact(tenant, "gone")])
            raise LookupError

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(LookupError):
        record_and_fail()

    assert redis_client.keys("*") == []
    assert len(record_events(events=[fact(tenant, "gone")])) == 1


@pytest.mark.django_db(transaction=True)
def test_record_events_waits_for_a_concurrent_batch_with_the_same_keys(
    tenant: Tenant, redis_client: redis.Redis
) -> None:
    inside, leave = threading.Event(), threading.Event()
    counts: dict[str, int] = {}

    def first() -> None:
        with transaction.atomic():
            counts["first"] = len(record_events(events=[fact(tenant, "b"), fact(tenant, "a")]))
            inside.set()
            leave.wait(10)
        connections.close_all()

    def second() -> None:
        inside.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'second'")
        counts["second"] = len(
            record_events(events=[fact(tenant, "a"), fact(tenant, "c"), fact(tenant, "b")])
        )
        connections.close_all()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    _wait_until_blocked("second")
    leave.set()
    for thread in threads:
        thread.join(10)

    assert counts == {"first": 2, "second": 1}
    assert Event.objects.count() == 3


def _wait_until_blocked(name: str) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while datetime.now(UTC) < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = %s AND wait_event_type = 'Lock'",
                [name],
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("The second batch never waited.")
