from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer
from django.db import connection, connections, transaction
from django.utils import timezone

from leads.models import LiveCursor, LiveMessage, Tenant
from leads.realtime import push
from leads.realtime.groups import GROUP, WAKE
from leads.redis import circuit
from leads.selectors import live as reading
from leads.services import live
from leads.services.live import LiveDraft

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def draft(tenant: Tenant, **more: Any) -> LiveDraft:
    values: dict[str, Any] = {
        "type": "score_update",
        "topic": "scores",
        "data": {"score": 71},
        "event_at": NOON,
    }
    return LiveDraft(tenant_id=tenant.pk, **(values | more))


def test_send_numbers_messages_per_tenant(tenant: Tenant, other_tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant), draft(other_tenant), draft(tenant)])
    live.send(drafts=[draft(tenant)])
    live.send(drafts=[])

    assert list(LiveMessage.objects.filter(tenant=tenant).values_list("number", flat=True)) == [1, 2, 3]
    assert list(LiveMessage.objects.filter(tenant=other_tenant).values_list("number", flat=True)) == [1]
    assert LiveCursor.objects.get(tenant=tenant).last_number == 3


def test_send_refuses_a_topic_that_does_not_carry_the_type(tenant: Tenant) -> None:
    with pytest.raises(ValueError, match="Topic alerts does not carry messages of type score_update"):
        draft(tenant, topic="alerts")


def test_a_rollback_leaves_no_gap(tenant: Tenant) -> None:
    with transaction.atomic():
        live.send(drafts=[draft(tenant)])
        transaction.set_rollback(True)
    live.send(drafts=[draft(tenant)])

    assert list(LiveMessage.objects.values_list("number", flat=True)) == [1]


@pytest.mark.django_db(transaction=True)
def test_a_late_commit_is_not_skipped(tenant: Tenant, redis_client: redis.Redis) -> None:
    """The second sender waits for the first: no reader sees number 2 before number 1."""
    sent, commit = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            live.send(drafts=[draft(tenant, data={"from": "first"})])
            sent.set()
            commit.wait(10)
        connections.close_all()

    def second() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'second sender'")
        live.send(drafts=[draft(tenant, data={"from": "second"})])
        connections.close_all()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert sent.wait(10)
    threads[1].start()
    _wait_until_blocked("second sender")
    assert reading.read_after({tenant.pk: 0}) == []
    commit.set()
    for thread in threads:
        thread.join(10)

    read = reading.read_after({tenant.pk: 0})
    assert [(each.number, '"first"' in each.plain) for each in read] == [(1, True), (2, False)]


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
    raise AssertionError("It never waited.")


async def test_the_wake_up_is_what_group_send_would_send(
    tenant_ids: list[int], redis_client: redis.Redis
) -> None:
    circuit.reset()
    layer = get_channel_layer()
    name = await layer.new_channel()
    await layer.group_add(GROUP, name)

    assert push.wake([7, 3, 7], soon=True) is True
    ours = await layer.receive(name)
    await layer.group_send(GROUP, {"type": WAKE, "tenants": [3, 7], "soon": True})
    theirs = await layer.receive(name)

    assert ours == theirs == {"type": "live.wake", "tenants": [3, 7], "soon": True}
    await layer.flush()


@pytest.fixture
def tenant_ids() -> list[int]:
    return [3, 7]


def test_sending_goes_on_without_redis(tenant: Tenant, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    circuit.reset()
    try:
        assert push.wake([tenant.pk]) is False
    finally:
        circuit.reset()


def test_prune_keeps_what_a_reader_may_come_back_for(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, freeze: Callable[[datetime], Any]
) -> None:
    monkeypatch.setattr(live, "KEEP_COUNT", 3)
    freeze(NOON)
    live.send(drafts=[draft(tenant) for _ in range(5)])
    freeze(NOON + timedelta(minutes=14))
    live.send(drafts=[draft(tenant)])

    assert live.prune(now=NOON + timedelta(minutes=15)) == 0
    assert live.prune(now=NOON + timedelta(minutes=16)) == 3
    assert list(LiveMessage.objects.values_list("number", flat=True)) == [4, 5, 6]


# Reading


def test_missed_gives_what_came_after(tenant: Tenant, other_tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant, data={"n": n}, html={"lead-1": "<tr></tr>"}) for n in range(3)])
    live.send(drafts=[draft(other_tenant)])

    found = reading.missed(tenant.pk, 1)

    assert (found.last, found.is_reset) == (3, False)
    assert [each.number for each in found.messages] == [2, 3]
    assert found.messages[0].text(with_html=False) == (
        f'{{"id":2,"type":"score_update","tenant":"{tenant.location_id}",'
        f'"at":"{_at(2, tenant)}","event_at":"2026-11-02T12:00:00.000Z","data":{{"n": 1}}}}'
    )
    assert found.messages[0].text(with_html=True).endswith(',"html":{"lead-1": "<tr></tr>"}}')


def _at(number: int, tenant: Tenant) -> str:
    at = LiveMessage.objects.get(tenant=tenant, number=number).at
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_missed_has_nothing_for_who_is_up_to_date(tenant: Tenant) -> None:
    assert reading.missed(tenant.pk, 0) == reading.Missed(0)
    live.send(drafts=[draft(tenant)])
    assert reading.missed(tenant.pk, 1) == reading.Missed(1)


def test_missed_resets_a_number_never_given(tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant)])

    assert reading.missed(tenant.pk, 5) == reading.Missed(1, is_reset=True)


def test_missed_gives_a_thousand_or_five_minutes_whichever_is_more(
    tenant: Tenant, freeze: Callable[[datetime], Any]
) -> None:
    freeze(NOON)
    live.send(drafts=[draft(tenant) for _ in range(1_001)])

    assert len(reading.missed(tenant.pk, 0).messages) == 1_001
    freeze(NOON + timedelta(minutes=6))
    assert reading.missed(tenant.pk, 0) == reading.Missed(1_001, is_reset=True)
    assert len(reading.missed(tenant.pk, 1).messages) == 1_000


def test_missed_resets_when_the_first_was_pruned(tenant: Tenant) -> None:
    live.send(drafts=[draft(tenant) for _ in range(4)])
    LiveMessage.objects.filter(number__lte=2).delete()

    assert reading.missed(tenant.pk, 1) == reading.Missed(4, is_reset=True)
    assert [each.number for each in reading.missed(tenant.pk, 2).messages] == [3, 4]


def test_read_after_asks_once_for_all_tenants(
    tenant: Tenant, other_tenant: Tenant, django_assert_num_queries: Any
) -> None:
    live.send(drafts=[draft(tenant), draft(other_tenant), draft(tenant)])

    with django_assert_num_queries(1):
        read = reading.read_after({tenant.pk: 1, other_tenant.pk: 0})
    assert [(each.tenant_id, each.number) for each in read] == sorted([(tenant.pk, 2), (other_tenant.pk, 1)])
    assert reading.read_after({}) == []


def test_events_are_timed_by_the_clock_of_the_service(
    tenant: Tenant, freeze: Callable[[datetime], Any]
) -> None:
    freeze(NOON)
    live.send(drafts=[draft(tenant)])

    assert LiveMessage.objects.get().at == NOON == timezone.now()
