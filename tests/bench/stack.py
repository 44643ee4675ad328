"""A whole installation for a benchmark: every process, on a folder and ports of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.embedded import Postgres
from config.embedded.processes import free_port
from config.supervisor import Plan, Supervisor
from leads.events import BEHAVIOR
from leads.ghl import signatures

ROOT = Path(__file__).resolve().parents[2]
NOT_INHERITED = {"DATABASE_URL", "REDIS_URL", "VAR_DIR", "SECRET_KEY", "BASE_URL", "DJANGO_SETTINGS_MODULE"}
UNSCORED = """
SELECT (SELECT count(*) FROM leads_webhookdelivery WHERE state = 'accepted')
  + (SELECT count(*) FROM leads_event AS event WHERE kind = ANY(%s) AND lead_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM leads_consumed AS done WHERE done.event_id = event.id AND done."group" = 'scoring'))
"""


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """A prepared tenant: its contacts, and tokens and session keys of its team."""

    location_id: str
    contacts: tuple[str, ...]
    tokens: tuple[str, ...]
    session: str


class Stack:
    """Every process of Hearthline, watched by a thread."""

    def __init__(self, folder: Path, *, workers: int = 1) -> None:
        """Prepare on `folder`; nothing is started yet."""
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        plan = Plan(
            root=ROOT,
            folder=folder,
            port=_free_pair(),
            workers=workers,
            demo=True,
            environment=environment | {"ENV_FILE": os.devnull, "DEMO": "true"},
        )
        self.supervisor = Supervisor(plan)
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Start everything; commits are time-stamped so that they can be timed afterwards."""
        plan = self.supervisor.plan
        postgres = Postgres(plan.folder / "postgres").start()
        try:
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        finally:
            postgres.stop()
        self.supervisor.output.open()
        self.supervisor.start()
        self.supervisor.wait_until_ready()
        signatures.make_simulator_key(self.key_file)
        self._watcher.start()

    def stop(self) -> None:
        """Stop everything."""
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self.supervisor.stop()
        self.supervisor.output.close()

    @property
    def key_file(self) -> Path:
        """Return where the key is that signs for the simulator."""
        return self.supervisor.plan.folder / "simulator_ed25519.pem"

    @property
    def web(self) -> tuple[str, int]:
        """Return host and port of daphne."""
        return "127.0.0.1", self.supervisor.plan.port

    @property
    def door(self) -> tuple[str, int]:
        """Return host and port of the WSGI door."""
        return "127.0.0.1", self.supervisor.plan.port + 1

    def prepare(self, *arguments: str) -> list[TenantFacts]:
        """Make tenants with leads and team, straight into the database."""
        found = json.loads(self.python("-m", "tests.bench.prepare", *arguments))
        return [
            TenantFacts(each["location_id"], tuple(each["contacts"]), tuple(each["tokens"]), each["session"])
            for each in found
        ]

    def python(self, *arguments: str) -> str:
        """Run Python with this installation's settings and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.supervisor.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        return done.stdout

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read from the installation's database."""
        assert self.supervisor.postgres is not None
        with psycopg.connect(self.supervisor.postgres.url) as connection:
            return connection.execute(text, values).fetchall()

    def settle(self, seconds: float = 120.0) -> float:
        """Wait until every accepted webhook is scored and return how long that took."""
        began = time.monotonic()
        while self.query(UNSCORED, [str(kind) for kind in BEHAVIOR]) != [(0,)]:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"Accepted webhooks were not all scored after {seconds:.0f} s.")
            time.sleep(0.1)
        return time.monotonic() - began

    def memory(self) -> dict[str, float]:
        """Return the proportional memory of every process in MB, by program, children included."""
        roots = {child.name: child.pid for child in self.supervisor.children if child.pid is not None}
        for server in (self.supervisor.postgres, self.supervisor.redis):
            if server is not None:
                roots[type(server).__name__.lower()] = server.pid
        found = {name: _pss(pid) for name, pid in roots.items()}
        found["supervisor"] = _pss_of(psutil.Process())
        return {name: round(size / 2**20, 1) for name, size in found.items()}

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time every program has used so far."""
        roots = {child.name: child.pid for child in self.supervisor.children if child.pid is not None}
        for server in (self.supervisor.postgres, self.supervisor.redis):
            if server is not None:
                roots[type(server).__name__.lower()] = server.pid
        return {name: _processor(pid) for name, pid in roots.items()}

    def _watch(self) -> None:
        while not self._over.is_set():
            self.supervisor.watch(0.2)


@contextlib.contextmanager
def running(*, workers: int = 1) -> Iterator[Stack]:
    """Give a running installation, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hearthline-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as an ordinary user when we are root
    stack = Stack(folder, workers=workers)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_pair() -> int:
    while True:
        port = free_port()
        if port < 65_000 and port + 1 != free_port():
            return port


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss(pid: int) -> int:
    return sum(_pss_of(process) for process in _tree(pid))


def _pss_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _processor(pid: int) -> float:
    spent = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent
