"""Post simulated webhooks to a running door, signed as GoHighLevel signs them."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leads.ghl import signatures
from leads.ghl.simulator.wire import APP_ID, Body, enveloped

TIMEOUT = 30
PAUSE = 0.5
PATIENCE = 60.0
"""Seconds a door may be away before we give up."""


class DoorError(Exception):
    """The door refused a webhook or could not be reached."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook ready to go: a body, the name its id is made of, and a secret if a workflow sends it."""

    body: Body
    name: str
    secret: str = ""


class Sender:
    """One kept-open connection to the door."""

    def __init__(self, url: str, key: Ed25519PrivateKey, *, app_id: str = APP_ID) -> None:
        self._parts = urlsplit(url)
        self._key = key
        self._app_id = app_id
        self._connection: HTTPConnection | None = None

    def send(self, letter: Letter) -> int:
        """Post one webhook and return the status of the answer."""
        if letter.secret:
            raw = orjson.dumps(letter.body)
            return self._post("/webhooks/ghl/workflow/", raw, {"Authorization": f"Bearer {letter.secret}"})
        body = enveloped(letter.body, app_id=self._app_id, sent_at=datetime.now(UTC), name=letter.name)
        raw = orjson.dumps(body)
        return self._post("/webhooks/ghl/", raw, {signatures.HEADER: signatures.sign(raw, self._key)})

    def insist(self, letter: Letter) -> None:
        """Post until the door accepts; a refusal that a retry cannot mend is an error."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                status = self.send(letter)
            except (OSError, HTTPException) as error:
                self.close()
                status, reason = 0, type(error).__name__
            else:
                reason = f"answer {status}"
            if status == 200:
                return
            if status not in (0, 429, 500, 502, 503) or time.monotonic() > give_up:
                raise DoorError(f"The door at {self._parts.geturl()} did not take a webhook: {reason}.")
            time.sleep(PAUSE)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, path: str, raw: bytes, headers: dict[str, str]) -> int:
        if self._connection is None:
            secure = self._parts.scheme == "https"
            make = HTTPSConnection if secure else HTTPConnection
            self._connection = make(self._parts.netloc, timeout=TIMEOUT)
        headers = {"Content-Type": "application/json", "User-Agent": "hearthline-simulator", **headers}
        self._connection.request("POST", self._parts.path.rstrip("/") + path, raw, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def deliver(
    letters: Iterable[tuple[int, Letter]],
    *,
    url: str,
    key: Ed25519PrivateKey,
    threads: int = 6,
    app_id: str = APP_ID,
    on_progress: Callable[[int], None] = lambda count: None,
) -> int:
    """Post every letter until it is accepted; those of one lane keep their order. Return how many."""
    lanes: list[queue.Queue[Letter | None]] = [queue.Queue(maxsize=50) for _ in range(threads)]
    errors: list[Exception] = []
    done = Counter[str]()

    def work(lane: queue.Queue[Letter | None]) -> None:
        sender = Sender(url, key, app_id=app_id)
        while (letter := lane.get()) is not None:
            if errors:
                continue
            try:
                sender.insist(letter)
            except Exception as error:  # handed to the caller below
                errors.append(error)
            else:
                done["sent"] += 1
        sender.close()

    workers = [threading.Thread(target=work, args=(lane,), daemon=True) for lane in lanes]
    for worker in workers:
        worker.start()
    for count, (lane, letter) in enumerate(letters):
        if errors:
            break
        lanes[lane % threads].put(letter)
        if count % 200 == 0:
            on_progress(done["sent"])
    for each in lanes:
        each.put(None)
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return done["sent"]


@dataclass(slots=True)
class Tally:
    """What an open-loop run measured: answers, and seconds from the scheduled moment to the answer."""

    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    late: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def accepted(self) -> int:
        return self.answers[200]


def drive(
    letters: Iterator[Letter],
    *,
    url: str,
    key: Ed25519PrivateKey,
    rate: float,
    seconds: float,
    threads: int = 16,
    app_id: str = APP_ID,
    on_accepted: Callable[[Letter, float], None] = lambda letter, at: None,
) -> Tally:
    """Post at a steady rate whatever the answers do: a slow door makes a queue, not a pause."""
    tally, lock = Tally(), threading.Lock()
    waiting: queue.Queue[tuple[float, Letter] | None] = queue.Queue()

    def work() -> None:
        sender = Sender(url, key, app_id=app_id)
        while (job := waiting.get()) is not None:
            due, letter = job
            try:
                status = sender.send(letter)
            except (OSError, HTTPException):
                sender.close()
                status = 0
            now = time.perf_counter()
            with lock:
                tally.answers[status] += 1
                tally.seconds.append(now - due)
            if status == 200:
                on_accepted(letter, time.time())
        sender.close()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    tally.began = time.perf_counter()
    for number in range(max(1, round(rate * seconds))):
        due = tally.began + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        elif wait < -0.1:
            tally.late += 1
        waiting.put((due, next(letters)))
    for _ in workers:
        waiting.put(None)
    for worker in workers:
        worker.join()
    tally.ended = time.perf_counter()
    return tally


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies (nearest rank)."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
