"""How far each group is behind, asked of Redis itself."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from leads.bus.registry import DELIVERIES
from leads.bus.streams import stream_of
from leads.events import Kind
from leads.redis import circuit

MOST = 1_000
"""Unread entries counted per stream; a longer line is told as this many."""


@dataclass(frozen=True, slots=True)
class StreamLag:
    """What a group has not finished of one stream; `oldest_ms` is when the oldest of it was published."""

    waiting: int = 0
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """What a group has not finished of all its streams."""

    waiting: int
    oldest_seconds: float


Lags = dict[str, dict[str, StreamLag]]


def all_streams() -> list[str]:
    """Return every stream there can be."""
    kinds = [DELIVERIES, *Kind]
    return [stream_of(kind, is_backfill=old) for old in (False, True) for kind in kinds]


def lag() -> dict[str, Lag]:
    """Return how far each group is behind; raise RedisAway when Redis does not answer."""
    now_ms = time.time() * 1000
    return {group: _sum(streams.values(), now_ms) for group, streams in stream_lags(all_streams()).items()}


def stream_lags(streams: Iterable[str]) -> Lags:
    """Return what each group has not finished, stream by stream."""
    return circuit.call(lambda redis: _look(redis, list(streams)))


def _sum(lags: Iterable[StreamLag], now_ms: float) -> Lag:
    held = list(lags)
    oldest = min((each.oldest_ms for each in held if each.oldest_ms is not None), default=None)
    seconds = 0.0 if oldest is None else max(0.0, (now_ms - oldest) / 1000)
    return Lag(sum(each.waiting for each in held), round(seconds, 3))


def _look(redis: Redis, streams: list[str]) -> Lags:
    asked = redis.pipeline(transaction=False)
    for stream in streams:
        asked.xinfo_groups(stream)
    groups = asked.execute(raise_on_error=False)
    rows = [
        (stream, info)
        for stream, infos in zip(streams, groups, strict=True)
        if not isinstance(infos, ResponseError)  # a stream that is not there
        for info in infos
    ]
    asked = redis.pipeline(transaction=False)
    for stream, info in rows:
        asked.xrange(stream, min=f"({_text(info['last-delivered-id'])}", count=MOST)
        asked.xpending(stream, info["name"])
    answers = asked.execute(raise_on_error=False)
    found: Lags = {}
    for number, (stream, info) in enumerate(rows):
        found.setdefault(_text(info["name"]), {})[stream] = _lag(answers[2 * number], answers[2 * number + 1])
    return found


def _lag(unread: Any, pending: Any) -> StreamLag:
    if isinstance(unread, ResponseError) or isinstance(pending, ResponseError):
        return StreamLag()  # the group went between the two questions
    firsts = [unread[0][0]] if unread else []
    if pending["pending"]:
        firsts.append(pending["min"])
    return StreamLag(
        waiting=len(unread) + int(pending["pending"]),
        oldest_ms=min((int(_text(first).partition("-")[0]) for first in firsts), default=None),
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
