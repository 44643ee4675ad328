"""Clients of Redis with short patience, and the circuit that keeps a dead Redis from slowing anyone down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from leads.ops.logs import get_logger

log = get_logger("redis")
T = TypeVar("T")

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 2.0
PAUSE_SECONDS = 1.0
AWAY = (RedisConnectionError, RedisTimeoutError)
"""What redis-py raises when the server cannot be reached (or is loading its data)."""


class RedisAway(Exception):
    """Redis cannot be reached now; the caller does without."""


def client() -> redis.Redis:
    """Return this process's client; safe to share between threads."""
    return _client(settings.REDIS_URL, ANSWER_SECONDS)


def _backoff() -> ExponentialBackoff:
    return ExponentialBackoff(cap=0.2, base=0.02)


@lru_cache(maxsize=8)
def _client(url: str, answer_seconds: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=answer_seconds,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(_backoff(), 2),
    )


class Circuit:
    """After a failure Redis is left alone for a second, so that no request pays for finding out again."""

    def __init__(self, pause: float = PAUSE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_at: float = 0.0
        self._is_away = False

    @property
    def is_open(self) -> bool:
        """Tell whether Redis is being left alone."""
        return self._is_away and self._clock() < self._closed_at

    def call(self, command: Callable[[redis.Redis], T]) -> T:
        """Run a command; raise RedisAway when Redis cannot be reached, at once while the circuit is open."""
        if self.is_open:
            raise RedisAway
        try:
            answer = command(client())
        except AWAY as error:
            self._fail(error)
            raise RedisAway from error
        self._succeed()
        return answer

    def reset(self) -> None:
        """Forget past failures."""
        self._is_away = False

    def _fail(self, error: RedisError) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._closed_at = self._clock() + self._pause
        if not was_away:
            log.warning("redis.away", error=type(error).__name__)

    def _succeed(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("redis.back")


circuit = Circuit()
