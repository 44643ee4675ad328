from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import redis

from leads.ghl.errors import TooManyCalls
from leads.ghl.ratelimit import Limiter, Limits, LocalBucket, SharedBucket, Usage, bucket_key
from leads.redis import RedisAway

KEY = bucket_key("app1", "loc1")
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()
LIMITS = Limits(calls=80, seconds=10.0, daily=200_000, alone=15)


class Clock:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(redis_client: redis.Redis, clock: Clock) -> Limiter:
    shared = SharedBucket(lambda command: command(redis_client), LIMITS)
    return Limiter(shared, LocalBucket(LIMITS), clock=clock, sleep=clock.sleep)


def test_eighty_calls_go_at_once_and_the_next_waits_an_eighth_of_a_second(
    limiter: Limiter, clock: Clock
) -> None:
    for _ in range(80):
        limiter.acquire(KEY)
    assert clock.slept == []

    limiter.acquire(KEY)

    assert clock.slept == [pytest.approx(0.125)]


def test_three_hundred_calls_take_the_time_the_rate_allows(limiter: Limiter, clock: Clock) -> None:
    for _ in range(300):
        limiter.acquire(KEY)

    assert clock.now - START == pytest.approx((300 - 80) / 8, abs=0.01)


def test_two_processes_share_one_bucket(redis_client: redis.Redis, clock: Clock) -> None:
    one, other = (
        Limiter(
            SharedBucket(lambda command: command(redis_client), LIMITS),
            LocalBucket(LIMITS),
            clock=clock,
            sleep=clock.sleep,
        )
        for _ in range(2)
    )
    for _ in range(40):
        one.acquire(KEY)
        other.acquire(KEY)
    assert clock.slept == []

    other.acquire(KEY)

    assert clock.slept == [pytest.approx(0.125)]


def test_locations_do_not_take_from_each_other(limiter: Limiter, clock: Clock) -> None:
    for _ in range(80):
        limiter.acquire(KEY)

    limiter.acquire(bucket_key("app1", "loc2"))

    assert clock.slept == []


def test_a_backfill_leaves_permits_for_urgent_calls(limiter: Limiter, clock: Clock) -> None:
    for _ in range(60):
        limiter.acquire(KEY, reserve=20)
    assert clock.slept == []

    limiter.acquire(KEY)
    assert clock.slept == []

    limiter.acquire(KEY, reserve=20)
    assert clock.slept == [pytest.approx(0.25)]


def test_what_ghl_says_is_left_counts_more_than_what_we_think(limiter: Limiter, clock: Clock) -> None:
    limiter.acquire(KEY)

    limiter.learn(KEY, Usage(remaining=0))
    limiter.acquire(KEY)

    assert clock.slept == [pytest.approx(0.125)]


def test_the_day_has_its_own_limit_and_ends_at_midnight(redis_client: redis.Redis, clock: Clock) -> None:
    limits = Limits(calls=80, seconds=10.0, daily=3)
    limiter = Limiter(
        SharedBucket(lambda command: command(redis_client), limits),
        LocalBucket(limits),
        clock=clock,
        sleep=clock.sleep,
    )
    for _ in range(3):
        limiter.acquire(KEY)

    with pytest.raises(TooManyCalls) as refusal:
        limiter.acquire(KEY)
    assert refusal.value.retry_after == 12 * 3600
    assert refusal.value.permanent is False

    clock.now += 12 * 3600
    limiter.acquire(KEY)


def test_the_days_count_follows_what_ghl_says(limiter: Limiter, clock: Clock) -> None:
    limiter.acquire(KEY)

    limiter.learn(KEY, Usage(daily_remaining=0))

    with pytest.raises(TooManyCalls):
        limiter.acquire(KEY)


def test_waiting_longer_than_its_patience_is_an_error_not_a_sleep(
    redis_client: redis.Redis, clock: Clock
) -> None:
    limits = Limits(calls=1, seconds=100.0)
    limiter = Limiter(
        SharedBucket(lambda command: command(redis_client), limits),
        LocalBucket(limits),
        clock=clock,
        sleep=clock.sleep,
    )
    limiter.acquire(KEY)

    with pytest.raises(TooManyCalls) as refusal:
        limiter.acquire(KEY)

    assert refusal.value.retry_after == pytest.approx(100.0)
    assert clock.slept == []


@pytest.mark.parametrize("error", [RedisAway(), redis.ConnectionError("gone")])
def test_without_redis_a_small_bucket_of_the_process_serves(clock: Clock, error: Exception) -> None:
    def away(command: Callable[[redis.Redis], Any]) -> Any:
        raise error

    limiter = Limiter(SharedBucket(away, LIMITS), LocalBucket(LIMITS), clock=clock, sleep=clock.sleep)
    for _ in range(15):
        limiter.acquire(KEY)
    assert clock.slept == []

    limiter.acquire(KEY)
    assert clock.slept == [pytest.approx(10 / 15)]

    limiter.learn(KEY, Usage(remaining=0))
    limiter.acquire(KEY, reserve=5)
    assert clock.slept[1] == pytest.approx(6 * 10 / 15)


def test_the_bucket_leaves_no_key_behind_for_ever(limiter: Limiter, redis_client: redis.Redis) -> None:
    limiter.acquire(KEY)
    limiter.learn(KEY, Usage(remaining=50, daily_remaining=100_000))

    keys = sorted(cast("list[bytes]", redis_client.keys("ghl:*")))

    assert keys == [b"ghl:calls:app1:loc1", b"ghl:calls:app1:loc1:2026-11-23"]
    assert redis_client.get(keys[1]) == b"100000"
    assert redis_client.pttl(keys[0]) == pytest.approx(20_000, abs=2_000)
    assert redis_client.ttl(keys[1]) == pytest.approx(12 * 3600, abs=5)


@pytest.mark.parametrize(
    ("headers", "usage"),
    [
        ({}, Usage()),
        (
            {
                "x-ratelimit-remaining": "7",
                "x-ratelimit-interval-milliseconds": "10000",
                "x-ratelimit-daily-remaining": "199999",
            },
            Usage(7, 10.0, 199_999),
        ),
        ({"x-ratelimit-remaining": "many", "x-ratelimit-daily-remaining": "-1"}, Usage()),
    ],
)
def test_usage_is_read_from_the_headers(headers: dict[str, str], usage: Usage) -> None:
    assert Usage.of(headers) == usage
