"""The sweep: publish what never was, and publish again what Redis lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from leads.bus import ledger, outbox
from leads.bus.lags import Lags, StreamLag, all_streams, stream_lags
from leads.bus.registry import DELIVERIES, Subscription, groups_of, subscriptions
from leads.bus.streams import mark_published, publish, publish_deliveries, stream_of
from leads.models import Event
from leads.ops import metrics
from leads.ops.logs import get_logger
from leads.redis import RedisAway, circuit

log = get_logger("bus")

YOUNG = timedelta(seconds=5)
"""What is younger is on its way."""
MARGIN = timedelta(seconds=15)
WINDOW = timedelta(minutes=10)
DEEP_WINDOW = timedelta(hours=48)
MOST = 2_000
CROWDED = 1_000
"""With so many deliveries waiting, none is taken for lost."""
EPOCH = "bus:epoch"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did."""

    published: int = 0
    republished: int = 0
    deliveries: int = 0
    is_deep: bool = False
    is_redis_away: bool = False


def sweep(*, now: datetime, deep: bool = False) -> Swept:
    """Publish events that wait in the outbox, and events and deliveries that no stream holds any more.

    After a restart or a loss of Redis, or when told to, it looks two days back, else ten minutes.
    """
    with _alone() as alone:
        if not alone:
            return Swept()
        try:
            swept = _sweep(now, deep=deep)
        except RedisAway:
            return Swept(is_redis_away=True)
    if swept.published or swept.republished or swept.deliveries:
        log.info(
            "bus.swept",
            published=swept.published,
            republished=swept.republished,
            deliveries=swept.deliveries,
            is_deep=swept.is_deep,
        )
    return swept


def _sweep(now: datetime, *, deep: bool) -> Swept:
    known = list(subscriptions().values())
    epoch = circuit.call(lambda redis: str(redis.info("server")["run_id"]))  # type: ignore[index]
    is_deep = deep or circuit.call(lambda redis: redis.get(EPOCH)) != epoch.encode()
    lags = stream_lags(all_streams())
    for group, streams in lags.items():
        metrics.BUS_LAG.labels(group=group).set(sum(each.waiting for each in streams.values()))
    published = _publish_outbox(known, now)
    republished = _publish_lost(known, lags, now, is_deep=is_deep)
    deliveries = _publish_lost_deliveries(known, lags, now)
    if is_deep and republished < MOST:
        circuit.call(lambda redis: redis.set(EPOCH, epoch))
    return Swept(published, republished, deliveries, is_deep)


def _publish_outbox(known: Sequence[Subscription], now: datetime) -> int:
    """Publish what never was; what every group did meanwhile, by polling, is only ticked off."""
    waiting = list(
        Event.objects.filter(published_at__isnull=True, recorded_at__lt=now - YOUNG).order_by("recorded_at")[
            :MOST
        ]
    )
    done = ledger.consumers_of([event.pk for event in waiting])
    finished: list[Event] = []
    unfinished: list[Event] = []
    for event in waiting:
        groups = groups_of(event.kind, known)
        is_done = bool(groups) and groups <= done.get(event.pk, set())
        (finished if is_done else unfinished).append(event)
    if finished:
        mark_published(finished)
    if not publish(unfinished):
        raise RedisAway
    return len(unfinished)


def _publish_lost(known: Iterable[Subscription], lags: Lags, now: datetime, *, is_deep: bool) -> int:
    """Publish again what a group has not consumed although no stream holds it for the group."""
    lost: dict[int, Event] = {}
    since = now - (DEEP_WINDOW if is_deep else WINDOW)
    before, margin = (now, timedelta()) if is_deep else (now - MARGIN, YOUNG)
    for subscription in known:
        streams = lags.get(subscription.group, {})
        found = outbox.unconsumed(subscription).filter(recorded_at__gte=since, published_at__lt=before)
        for event in found.order_by("pk")[:MOST]:
            stream = stream_of(event.kind, is_backfill=event.is_backfill)
            if event.published_at is not None and is_lost(event.published_at + margin, streams.get(stream)):
                lost[event.pk] = event
    again = [lost[pk] for pk in sorted(lost)]
    if not publish(again):
        raise RedisAway
    return len(again)


def _publish_lost_deliveries(known: Iterable[Subscription], lags: Lags, now: datetime) -> int:
    groups = groups_of(DELIVERIES, known)
    if not groups:
        return 0
    sent = 0
    for is_backfill in (False, True):
        stream = stream_of(DELIVERIES, is_backfill=is_backfill)
        held = [lags.get(group, {}).get(stream) for group in groups]
        if any(each is not None and each.waiting >= CROWDED for each in held):
            continue
        waiting = outbox.waiting_deliveries().filter(received_at__lt=now - YOUNG, is_backfill=is_backfill)
        rows = [
            (pk, location_id, correlation_id)
            for pk, location_id, correlation_id, received_at in waiting.values_list(
                "pk", "location_id", "correlation_id", "received_at"
            )[:MOST]
            if any(is_lost(received_at + YOUNG, each) for each in held)
        ]
        if not publish_deliveries(rows, is_backfill=is_backfill):
            raise RedisAway
        sent += len(rows)
    return sent


def is_lost(published_by: datetime, waiting: StreamLag | None) -> bool:
    """Tell whether an entry published by then is gone: its stream waits for nothing that old."""
    if waiting is None or waiting.oldest_ms is None:
        return True
    return datetime.fromtimestamp(waiting.oldest_ms / 1000, UTC) > published_by


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the sweep's lock; False when another process sweeps now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('bus sweep'))")
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('bus sweep'))")
