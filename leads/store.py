"""Past states of leads, replayed from the log once and kept for five minutes: in this process, then in Redis.

A state is kept under the mark of the facts it was made of, so that one that is outdated is not found, whether
or not anybody told of it; in Redis it is encrypted. Off the road of scoring, which it would make slower: the
state a lead has now is a kilobyte and comes with the locks, as fast as word whether a copy still holds.
"""

from __future__ import annotations

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import orjson
from cryptography.fernet import InvalidToken
from redis import Redis
from redis.exceptions import RedisError

from leads.crypto import seal, unseal
from leads.ml.catalogue import VERSION
from leads.ml.features import State
from leads.ops import metrics
from leads.ops.logs import get_logger
from leads.redis import RedisAway, circuit

log = get_logger("store")
T = TypeVar("T")

KEPT_SECONDS = 300
MOST = 512
"""States a process holds, of a kilobyte each."""

MOST_OF_ONE = 16
"""States of one lead in Redis; where more were asked for, all go."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The lead a state is of."""

    tenant_id: int
    lead_id: int

    @property
    def key(self) -> str:
        """Return the key of the lead's states in Redis."""
        return f"states:{self.tenant_id}:{self.lead_id}:{VERSION}"


class Store:
    """Least recently used states of one process before those all processes share."""

    def __init__(self, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._held: OrderedDict[tuple[Whose, str], tuple[float, bytes]] = OrderedDict()
        self._is_refused = False

    def __len__(self) -> int:
        return len(self._held)

    def find(self, whose: Whose, mark: str) -> State | None:
        """Return the state kept under a mark; None where there is none, or none to be trusted."""
        plain = self._recall(whose, mark)
        if plain is not None:
            metrics.PAST_STATES.labels(source="process").inc()
            return _state(plain)
        token: Any = self._ask(lambda redis: redis.hget(whose.key, mark))
        plain = _opened(token, whose, mark) if isinstance(token, bytes) else None
        if plain is None:
            return None
        self._hold(whose, mark, plain)
        metrics.PAST_STATES.labels(source="redis").inc()
        return _state(plain)

    def keep(self, whose: Whose, mark: str, state: State) -> None:
        """Keep a state that was just replayed under the mark of its facts."""
        metrics.PAST_STATES.labels(source="log").inc()
        plain = orjson.dumps([whose.key, mark, state])
        self._hold(whose, mark, plain)
        token = seal(zlib.compress(plain, 1))

        def run(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            pipeline.hset(whose.key, mark, token)  # type: ignore[arg-type]  # bytes are fine
            pipeline.expire(whose.key, KEPT_SECONDS)
            pipeline.hlen(whose.key)
            if pipeline.execute()[-1] > MOST_OF_ONE:
                redis.delete(whose.key)

        self._ask(run)

    def forget(self, leads: Iterable[Whose]) -> None:
        """Drop the states of leads whose past was changed; other processes let go of theirs in time."""
        gone = set(leads)
        if not gone:
            return
        with self._lock:
            for place in [place for place in self._held if place[0] in gone]:
                del self._held[place]
        self._ask(lambda redis: redis.unlink(*(whose.key for whose in gone)))

    def clear(self) -> None:
        """Let go of what this process holds."""
        with self._lock:
            self._held.clear()

    def _recall(self, whose: Whose, mark: str) -> bytes | None:
        with self._lock:
            until, plain = self._held.get((whose, mark), (0.0, None))
            if plain is None:
                return None
            if until <= self._clock():
                del self._held[whose, mark]
                return None
            self._held.move_to_end((whose, mark))
            return plain

    def _hold(self, whose: Whose, mark: str, plain: bytes) -> None:
        with self._lock:
            self._held[whose, mark] = self._clock() + KEPT_SECONDS, plain
            self._held.move_to_end((whose, mark))
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def _ask(self, command: Callable[[Redis], T]) -> T | None:
        """Run a command; None when Redis is away (the circuit tells) or refuses (told once)."""
        try:
            answer = circuit.call(command)
        except RedisAway:
            return None
        except RedisError as error:
            if not self._is_refused:
                log.warning("states.refused", error=type(error).__name__)
            self._is_refused = True
            return None
        self._is_refused = False
        return answer


def _state(plain: bytes) -> State:
    state: State = orjson.loads(plain)[2]
    return state


def _opened(token: bytes, whose: Whose, mark: str) -> bytes | None:
    """Return what a token holds if it is ours, young, and of this lead and mark."""
    try:
        plain = zlib.decompress(unseal(token, seconds=KEPT_SECONDS))
    except InvalidToken:
        return None
    return plain if orjson.loads(plain)[:2] == [whose.key, mark] else None


past_states = Store()
