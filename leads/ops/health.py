"""What works, what limps and what is down, and since when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import psycopg
import redis
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from leads.ops import alive, logs, metrics

KEEP_SECONDS = 1.0
CONNECT_SECONDS = 2
SLOW_MS = 250.0

log = logs.get_logger(__name__)


class Status(StrEnum):
    """How well a part works."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found; `detail` is one sentence when the part is not well."""

    status: Status
    figures: dict[str, Any] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the product as it stands, and since when it stands so."""

    name: str
    check: Check
    since: datetime
    essential: bool

    def as_json(self) -> dict[str, Any]:
        """Return the part as /health/realtime shows it."""
        told: dict[str, Any] = {
            "status": self.check.status,
            "since": self.since.isoformat(),
            **self.check.figures,
        }
        return told | ({"detail": self.check.detail} if self.check.detail else {})


@dataclass(frozen=True, slots=True)
class Report:
    """Every part at one moment."""

    at: datetime
    parts: tuple[Part, ...]

    @property
    def status(self) -> Status:
        """Return down when a part the main job needs is down, degraded when anything is not well."""
        if any(part.essential and part.check.status is Status.DOWN for part in self.parts):
            return Status.DOWN
        if any(part.check.status is not Status.OK for part in self.parts):
            return Status.DEGRADED
        return Status.OK

    def as_json(self) -> dict[str, Any]:
        """Return the report as /health/realtime shows it."""
        return {
            "status": self.status,
            "at": self.at.isoformat(),
            **{part.name: part.as_json() for part in self.parts},
        }


CheckFunction = Callable[[], Check]


class _Book:
    """The registered checks, the last report, and since when each part is as it is."""

    def __init__(self) -> None:
        self.checks: dict[str, tuple[CheckFunction, bool]] = {}
        self.since: dict[str, tuple[Status, datetime]] = {}
        self.report: Report | None = None
        self.taken = 0.0
        self.lock = threading.Lock()


_book = _Book()


def register_check(name: str, function: CheckFunction, *, essential: bool = False) -> None:
    """Add a part to the report; an essential one that is down answers 503."""
    _book.checks[name] = (function, essential)


def report() -> Report:
    """Return how every part stands, at most a second old."""
    with _book.lock:
        if _book.report is None or time.monotonic() - _book.taken > KEEP_SECONDS:
            _book.report = _look()
            _book.taken = time.monotonic()
        return _book.report


def forget() -> None:
    """Forget the last report, so that the next one looks again."""
    with _book.lock:
        _book.report = None
        _book.since.clear()


def _look() -> Report:
    now = datetime.now(UTC)
    parts = []
    for name, (function, essential) in _book.checks.items():
        check = _run(name, function)
        status, since = _book.since.get(name, (check.status, now))
        if status is not check.status:
            since = now
        _book.since[name] = (check.status, since)
        parts.append(Part(name, check, since, essential))
    return Report(now, tuple(parts))


def _run(name: str, function: CheckFunction) -> Check:
    try:
        return function()
    except Exception:  # a check that fails is itself a finding, and the others must still be told
        log.exception("health.check_failed", part=name)
        return Check(Status.DOWN, detail="The check itself failed; the log says where.")


def _milliseconds(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)


def check_database() -> Check:
    """Ask PostgreSQL on a connection of its own, so that a full pool or a dead server is told at once."""
    began = time.perf_counter()
    try:
        with psycopg.connect(**_connection_parameters()) as asked:
            asked.execute("SELECT 1")
    except psycopg.Error:
        return Check(Status.DOWN, detail="PostgreSQL does not answer.")
    took = _milliseconds(began)
    if took > SLOW_MS:
        return Check(Status.DEGRADED, {"ms": took}, "PostgreSQL answers slowly.")
    return Check(Status.OK, {"ms": took})


def _connection_parameters() -> dict[str, Any]:
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "service")
    given = connection.get_connection_params()
    return {key: given[key] for key in wanted if key in given} | {
        "connect_timeout": CONNECT_SECONDS,
        "autocommit": True,
        "application_name": "health",
    }


def check_redis() -> Check:
    """Ask Redis; without it webhooks are still taken and scored, a little later."""
    began = time.perf_counter()
    try:
        with alive.connect() as client:
            client.ping()
    except redis.RedisError:
        return Check(
            Status.DEGRADED, detail="Redis does not answer: work is polled from the database instead."
        )
    return Check(Status.OK, {"ms": _milliseconds(began)})


def check_workers() -> Check:
    """Count the worker processes of each role."""
    try:
        with alive.connect() as client:
            roles = alive.count_by_role(client)
    except redis.RedisError:
        return Check(Status.DEGRADED, detail="Unknown while Redis does not answer.")
    figures = {role: roles[role] for role in ("realtime", "work", "beat")}
    if not roles["realtime"]:
        return Check(Status.DOWN, figures, "No realtime worker runs: webhooks are kept but not scored.")
    missing = [role for role, count in figures.items() if not count]
    if missing:
        return Check(Status.DEGRADED, figures, f"No {' or '.join(missing)} process runs.")
    return Check(Status.OK, figures)


def check_sockets() -> Check:
    """Count open live connections over every web process."""
    return Check(
        Status.OK,
        {
            transport: int(metrics.total("hearthline_sockets", transport=transport))
            for transport in ("websocket", "sse")
        },
    )


def is_migrated() -> bool:
    """Tell whether every app's last migration is applied; asked until it is, then remembered."""
    if not _migrated.is_set():
        loader = MigrationLoader(connection)
        if set(loader.graph.leaf_nodes()) <= loader.applied_migrations.keys():
            _migrated.set()
    return _migrated.is_set()


_migrated = threading.Event()

register_check("database", check_database, essential=True)
register_check("redis", check_redis)
register_check("workers", check_workers, essential=True)
register_check("sockets", check_sockets)
