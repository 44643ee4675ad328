"""The PostgreSQL and Redis of one test run: its own database in a shared server, and a Redis of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg import sql

from config.embedded import Redis
from tests import keeper

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "test"
PREFIX = "test_hearthline_"


@dataclass(slots=True)
class Servers:
    """What this test run uses and must give back."""

    database_url: str
    redis_url: str
    folder: Path
    redis: Redis | None = None
    place: IO[str] | None = None

    @property
    def database_name(self) -> str:
        """Return the name of this run's own database."""
        return f"{PREFIX}{os.getpid()}"

    def drop_database(self) -> None:
        """Drop this run's database, whoever is still connected."""
        drop(self.database_url, self.database_name)

    def close(self) -> None:
        """Stop our Redis, remove our files and leave the shared PostgreSQL."""
        if self.redis is not None:
            self.redis.stop()
        if self.place is not None:
            self.place.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_servers: Servers | None = None


def ensure() -> Servers:
    """Return the servers of this run, started on first use and put into the environment."""
    global _servers
    if _servers is None:
        _servers = _start()
        atexit.register(_servers.close)
        os.environ["DATABASE_URL"] = _servers.database_url
        os.environ["REDIS_URL"] = _servers.redis_url
        os.environ["VAR_DIR"] = str(_servers.folder)
    return _servers


def _start() -> Servers:
    _clear_stale_folders()
    folder = FOLDER / f"run-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    place = redis = None
    if not database_url:
        runtime, place = keeper.join(FOLDER)
        database_url = runtime.database_url
    if not redis_url:
        redis = Redis(folder / "redis", durable=False).start()
        redis_url = redis.url
    _drop_stale_databases(database_url)
    return Servers(database_url, redis_url, folder, redis, place)


def drop(url: str, name: str) -> None:
    """Drop a database, ending its connections."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _drop_stale_databases(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
        names = [row[0] for row in found]
    for name in names:
        if not _alive(name.removeprefix(PREFIX).split("_")[0]):
            with contextlib.suppress(psycopg.Error):
                drop(url, name)


def _clear_stale_folders() -> None:
    for folder in FOLDER.glob("run-*"):
        if not _alive(folder.name.removeprefix("run-")):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: str) -> bool:
    return pid.isdigit() and psutil.pid_exists(int(pid))
