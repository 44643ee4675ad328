"""A whole installation for fault tests: the supervisor's own pieces, on a folder and ports of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from config.machine import StartError, check_port
from config.supervisor import Plan, Supervisor
from leads.events import BEHAVIOR
from leads.ghl import signatures
from leads.ghl.simulator import make_people
from leads.ghl.simulator.sender import Letter, deliver
from leads.ghl.simulator.wire import Wire, webhook_id

ROOT = Path(__file__).resolve().parents[2]
LOCATION = "FaultsLocation000001"
PEOPLE = 20
SETTLE_SECONDS = 240.0
"""An upper limit for a machine that has much else to do; on an idle one it is a few seconds."""
NOT_INHERITED = {"DATABASE_URL", "REDIS_URL", "VAR_DIR", "SECRET_KEY", "BASE_URL", "DJANGO_SETTINGS_MODULE"}


def clean_environment() -> dict[str, str]:
    """Return our environment without what ties it to the servers of this test run."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED} | {
        "ENV_FILE": os.devnull
    }


def free_pair() -> int:
    """Return a free port whose successor is free too, below those the system gives to connections."""
    start = 20_000 + os.getpid() % 5_000 * 2
    for port in range(start, 32_000, 2):
        with suppress(StartError):
            check_port("127.0.0.1", port, "")
            check_port("127.0.0.1", port + 1, "")
            return port
    raise AssertionError("no two free ports")


class House:
    """Every process of Hearthline, to be hurt and watched."""

    def __init__(self, folder: Path) -> None:
        """Prepare on `folder`; start with `start`."""
        plan = Plan(
            root=ROOT,
            folder=folder,
            port=free_pair(),
            environment=clean_environment() | {"DEMO": "true"},
            demo=True,
        )
        self.supervisor = Supervisor(plan)
        self.bursts = 0

    def start(self) -> None:
        """Start everything and make the tenant and the people the bursts are about."""
        self.supervisor.output.open()
        self.supervisor.start()
        self.supervisor.wait_until_ready()
        self.manage("create_tenant", LOCATION, "--name", "Faults Realty")
        folder = self.supervisor.plan.folder
        self.key = signatures.make_simulator_key(folder / "simulator_ed25519.pem")
        self.people = make_people(
            seed=1,
            location_id=LOCATION,
            count=PEOPLE,
            now=datetime.now(UTC) - timedelta(days=1),
            state="WA",
            agents=("FaultsAgent000000001",),
        )
        letters = [
            Letter(Wire(LOCATION, person).contact("ContactCreate", tags=[], custom={}), f"contact-{number}")
            for number, person in enumerate(self.people)
        ]
        deliver(enumerate(letters), url=self.url, key=self.key)
        self.settle()

    def stop(self) -> None:
        """Stop everything."""
        self.supervisor.stop()
        self.supervisor.output.close()

    @property
    def url(self) -> str:
        """Return the address of the WSGI door."""
        return self.supervisor.plan.door_url

    def manage(self, *arguments: str) -> None:
        """Run a management command against this installation."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.supervisor.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def kill(self, name: str) -> None:
        """Kill one program and all it started, as the machine's memory killer would."""
        for child in self.supervisor.children:
            if child.name == name and child.pid is not None:
                os.killpg(child.pid, signal.SIGKILL)

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read from the installation's own database."""
        assert self.supervisor.postgres is not None
        with psycopg.connect(self.supervisor.postgres.url) as connection:
            return connection.execute(text, values).fetchall()

    def watch_until(self, holds: Callable[[], bool], *, seconds: float = SETTLE_SECONDS) -> bool:
        """Supervise until a condition holds; tell whether it came to."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if holds():
                return True
            self.supervisor.watch(0.1)
        return holds()

    def burst(self, count: int, *, during: Callable[[], None], url: str = "") -> list[str]:
        """Post messages of the people until each is accepted; a third of the way in, run `during`.

        Returns the webhook ids.
        """
        self.bursts += 1
        now = datetime.now(UTC)
        letters = []
        for number in range(count):
            person = self.people[number % PEOPLE]
            name = f"burst-{self.bursts}-{number}"
            body = Wire(LOCATION, person).message(
                inbound=True, channel="SMS", at=now, name=name, text="Could we see it on Saturday?"
            )
            letters.append(Letter(body, name))
        halfway = threading.Event()

        def lanes() -> Any:
            for number, letter in enumerate(letters):
                if number == min(count - 1, count // 3 + 50):  # the queues of the lanes hold some back
                    halfway.set()
                yield number, letter

        sent: list[int] = []
        thread = threading.Thread(
            target=lambda: sent.append(deliver(lanes(), url=url or self.url, key=self.key, threads=4))
        )
        thread.start()
        self.watch_until(halfway.is_set)
        during()
        self.watch_until(lambda: not thread.is_alive(), seconds=SETTLE_SECONDS)
        thread.join(1)
        assert sent == [count]
        return [webhook_id(letter.name) for letter in letters]

    def is_settled(self) -> bool:
        """Tell whether every accepted webhook became events and every event was scored."""
        waiting = self.query("SELECT count(*) FROM leads_webhookdelivery WHERE state = 'accepted'")
        unscored = self.query(
            "SELECT count(*) FROM leads_event e WHERE kind = ANY(%s) AND lead_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM leads_consumed c WHERE c.event_id = e.id AND c.\"group\" = 'scoring')",
            [str(kind) for kind in BEHAVIOR],
        )
        return waiting == unscored == [(0,)]

    def settle(self, *, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until nothing is left to do."""
        assert self.watch_until(self.is_settled, seconds=seconds), "accepted work was left undone"

    def assert_each_scored_once(self, webhook_ids: list[str]) -> None:
        """Check that each webhook is one delivery, one event, one ledger row and one score."""
        states = self.query(
            "SELECT state, count(*) FROM leads_webhookdelivery WHERE webhook_id = ANY(%s) GROUP BY state",
            webhook_ids,
        )
        assert states == [("processed", len(webhook_ids))]
        counts = self.query(
            """
            SELECT count(*), count(DISTINCT event.id), count(DISTINCT done.id), count(DISTINCT score.id)
            FROM leads_event AS event
            LEFT JOIN leads_consumed AS done ON done.event_id = event.id AND done."group" = 'scoring'
            LEFT JOIN scoring_leadscore AS score ON score.event_id = event.id
            WHERE event.kind = 'message.received' AND event.recorded_at >= (
                SELECT min(received_at) FROM leads_webhookdelivery WHERE webhook_id = ANY(%s)
            )
            """,
            webhook_ids,
        )
        assert counts == [(len(webhook_ids),) * 4]
        assert self.query("SELECT count(*) FROM leads_deadletter") == [(0,)]
