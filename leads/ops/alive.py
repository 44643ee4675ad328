"""Which worker processes live: each says so on Redis every few seconds."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from typing import cast

import redis
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

KEY = "ops:alive"
EVERY_SECONDS = 5.0
GONE_AFTER_SECONDS = 16.0

_started: set[str] = set()


def connect() -> redis.Redis:
    """Return a Redis client that gives up within half a second."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 1),
    )


def say(client: redis.Redis, role: str) -> None:
    """Say that this process lives, and forget those long gone."""
    now = time.time()
    with client.pipeline(transaction=False) as pipe:
        pipe.zadd(KEY, {f"{role}|{socket.gethostname()}|{os.getpid()}": now})
        pipe.zremrangebyscore(KEY, "-inf", now - 20 * GONE_AFTER_SECONDS)
        pipe.execute()


def leave(client: redis.Redis, role: str) -> None:
    """Say that this process ends."""
    client.zrem(KEY, f"{role}|{socket.gethostname()}|{os.getpid()}")


def count_by_role(client: redis.Redis) -> Counter[str]:
    """Return how many processes of each role live."""
    members = cast(list[bytes], client.zrangebyscore(KEY, time.time() - GONE_AFTER_SECONDS, "+inf"))
    return Counter(member.decode().partition("|")[0] for member in members)


def start(role: str) -> None:
    """Keep saying that this process lives, from a thread of its own, as long as it does."""
    if role in _started:
        return
    _started.add(role)
    threading.Thread(target=_keep_saying, args=(role,), name=f"alive-{role}", daemon=True).start()


def _keep_saying(role: str) -> None:
    client = connect()
    while True:
        try:
            say(client, role)
        except redis.RedisError:
            client.connection_pool.disconnect()
        time.sleep(EVERY_SECONDS)
