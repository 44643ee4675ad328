"""Keep under GoHighLevel's limits: 100 calls in 10 s and 200,000 a day, per app and location.

The bucket lives in Redis, so that all processes share it. Without Redis each process keeps a bucket of
its own, small enough that several of them together stay under the limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import redis

from leads.ghl.errors import TooManyCalls
from leads.ops.logs import get_logger
from leads.redis import RedisAway

log = get_logger("ghl")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls we allow ourselves; below what GoHighLevel allows."""

    calls: int = 80
    seconds: float = 10.0
    daily: int = 200_000
    alone: int = 15  # calls per `seconds` of one process that cannot reach Redis


@dataclass(frozen=True, slots=True)
class Usage:
    """What the X-RateLimit-* headers of an answer say."""

    remaining: int | None = None
    interval: float | None = None  # seconds
    daily_remaining: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Usage:
        """Read the headers; what is missing or no number is None."""
        milliseconds = _whole(headers.get("x-ratelimit-interval-milliseconds"))
        return cls(
            remaining=_whole(headers.get("x-ratelimit-remaining")),
            interval=None if milliseconds is None else milliseconds / 1000,
            daily_remaining=_whole(headers.get("x-ratelimit-daily-remaining")),
        )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


class Bucket(Protocol):
    """A store of permits."""

    def take(self, key: str, *, now: float, reserve: int) -> float:
        """Take one permit and return 0, or return the seconds until one is there."""

    def correct(self, key: str, *, now: float, usage: Usage) -> None:
        """Lower what we think is left to what GoHighLevel says is left."""


_TAKE = """
local calls, per_second, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local reserve, daily, day_left = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local used = tonumber(redis.call('GET', KEYS[2]) or '0')
if used >= daily then return '-1' end
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(held[1] or calls), tonumber(held[2] or now)
left = math.min(calls, left + math.max(0, now - at) * per_second)
local wait = 0
if left >= 1 + reserve then
  left = left - 1
  redis.call('INCR', KEYS[2])
  redis.call('EXPIRE', KEYS[2], day_left)
else
  wait = (1 + reserve - left) / per_second
end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], math.ceil(2000 * calls / per_second))
return tostring(wait)
"""

_CORRECT = """
local calls, per_second, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local told, used, day_left = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if told >= 0 then
  local held = redis.call('HMGET', KEYS[1], 'left', 'at')
  local left, at = tonumber(held[1] or calls), tonumber(held[2] or now)
  left = math.min(calls, left + math.max(0, now - at) * per_second, told)
  redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(math.max(now, at)))
  redis.call('PEXPIRE', KEYS[1], math.ceil(2000 * calls / per_second))
end
if used >= 0 and used > tonumber(redis.call('GET', KEYS[2]) or '0') then
  redis.call('SET', KEYS[2], used)
  redis.call('EXPIRE', KEYS[2], day_left)
end
return '0'
"""


class SharedBucket:
    """Permits in Redis, shared by every process."""

    def __init__(self, call: Callable[[Callable[[redis.Redis], Any]], Any], limits: Limits) -> None:
        """Run scripts through `call`, which gives its argument a client or raises RedisAway."""
        self._call = call
        self._limits = limits

    def take(self, key: str, *, now: float, reserve: int) -> float:
        limits = self._limits
        rate = limits.calls / limits.seconds
        arguments = [limits.calls, rate, now, reserve, limits.daily, _day_left(now)]
        wait = float(self._run(_TAKE, key, now, arguments))
        if wait < 0:
            raise TooManyCalls(
                "Today's calls to GoHighLevel are used up; they are counted anew at midnight UTC.",
                retry_after=_day_left(now),
            )
        return wait

    def correct(self, key: str, *, now: float, usage: Usage) -> None:
        limits = self._limits
        told = -1 if usage.remaining is None else usage.remaining
        used = -1 if usage.daily_remaining is None else max(limits.daily - usage.daily_remaining, 0)
        rate = limits.calls / limits.seconds
        self._run(_CORRECT, key, now, [limits.calls, rate, now, told, used, _day_left(now)])

    def _run(self, script: str, key: str, now: float, arguments: list[float]) -> bytes:
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        keys = [key, f"{key}:{day}"]
        answer: bytes = self._call(lambda client: client.register_script(script)(keys=keys, args=arguments))
        return answer


class LocalBucket:
    """Permits of this process alone."""

    def __init__(self, limits: Limits) -> None:
        self._calls = limits.alone
        self._rate = limits.alone / limits.seconds
        self._held: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, *, now: float, reserve: int) -> float:
        reserve = min(reserve, self._calls - 1)
        with self._lock:
            left = self._left(key, now)
            if left >= 1 + reserve:
                self._held[key] = (left - 1, now)
                return 0.0
            self._held[key] = (left, now)
            return (1 + reserve - left) / self._rate

    def correct(self, key: str, *, now: float, usage: Usage) -> None:
        if usage.remaining is not None:
            with self._lock:
                self._held[key] = (min(self._left(key, now), usage.remaining), now)

    def _left(self, key: str, now: float) -> float:
        left, at = self._held.get(key, (float(self._calls), now))
        return min(self._calls, left + max(0.0, now - at) * self._rate)


class Limiter:
    """Wait for a permit before each call, and learn from each answer."""

    def __init__(
        self,
        shared: Bucket | None,
        alone: Bucket,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 60.0,
    ) -> None:
        self._shared = shared
        self._alone = alone
        self._clock = clock
        self._sleep = sleep
        self._patience = patience

    def acquire(self, key: str, *, reserve: int = 0) -> None:
        """Take one permit, leaving `reserve` for more urgent callers; wait up to `patience` seconds."""
        waited = 0.0
        while wait := self._take(key, reserve):
            if waited + wait > self._patience:
                raise TooManyCalls("The rate limit of GoHighLevel is used up.", retry_after=wait)
            self._sleep(wait)
            waited += wait

    def learn(self, key: str, usage: Usage) -> None:
        """Take in what GoHighLevel says is left."""
        now = self._clock()
        if self._shared is not None:
            try:
                self._shared.correct(key, now=now, usage=usage)
            except (RedisAway, redis.RedisError):
                log.warning("ghl.bucket_away")
        self._alone.correct(key, now=now, usage=usage)

    def _take(self, key: str, reserve: int) -> float:
        now = self._clock()
        if self._shared is not None:
            try:
                return self._shared.take(key, now=now, reserve=reserve)
            except (RedisAway, redis.RedisError):
                log.warning("ghl.bucket_away")
        return self._alone.take(key, now=now, reserve=reserve)


def bucket_key(app_id: str, place_id: str) -> str:
    """Return the name of the bucket of an app in a location or company."""
    return f"ghl:calls:{app_id or 'app'}:{place_id}"


def _day_left(now: float) -> int:
    """Return the seconds until midnight UTC, at least one."""
    moment = datetime.fromtimestamp(now, UTC)
    midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, int((midnight - moment).total_seconds()))
