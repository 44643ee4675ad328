"""Run all of Hearthline: its own servers where none are given, then every program, until told to stop."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from cryptography.fernet import Fernet

from config.children import Child, end_leftover_groups
from config.embedded import (
    Postgres,
    Redis,
    Runtime,
    clear_runtime,
    generated_secret,
    hold_folder,
    last_runtime,
    write_runtime,
)
from config.machine import StartError, check_port, is_ready, raise_file_limit
from config.output import Output
from config.programs import Program, programs
from leads import demo

STOP_SECONDS = 12.0
READY_SECONDS = 300.0
STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FORGOTTEN = ("redis", "models", "media", "metrics", "simulator_*", "demo.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and where."""

    root: Path
    folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    demo: bool = False
    verbose: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def base_url(self) -> str:
        """Return the address people use."""
        return self.environment.get("BASE_URL") or f"http://{self.reachable_host}:{self.port}"

    @property
    def door_url(self) -> str:
        """Return the address of the WSGI door on this machine."""
        return f"http://{self.reachable_host}:{self.port + 1}"

    @property
    def reachable_host(self) -> str:
        """Return the host by which this machine reaches its own servers."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host


class Supervisor:
    """The parent of every process; nothing it starts outlives it."""

    def __init__(self, plan: Plan) -> None:
        """Prepare to carry out the plan; nothing is started yet."""
        self.plan = plan
        self.output = Output(plan.folder / "hearthline.log", verbose=plan.verbose)
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self.children: list[Child] = []
        self.environment: dict[str, str] = dict(plan.environment)

    def run(self) -> None:
        """Start everything, keep it running, and stop it all on Ctrl-C, SIGTERM or an error."""
        with hold_folder(self.plan.folder):
            self.output.open()
            before = {sig: signal.signal(sig, signal.default_int_handler) for sig in STOPPERS}
            try:
                self._end_leftovers()
                self._check()
                self.start()
                self.wait_until_ready()
                if self.plan.demo:
                    self._seed()
                    self._accompany()
                self._welcome()
                while True:
                    self.watch(0.5)
            except KeyboardInterrupt:
                self.output.say("stopping")
            finally:
                for sig in STOPPERS:
                    signal.signal(sig, signal.SIG_IGN)
                self.stop()
                self.output.close()
                for sig, handler in before.items():
                    signal.signal(sig, handler)

    def start(self) -> None:
        """Start the servers, bring the database up to date, and start every program."""
        plan = self.plan
        raise_file_limit()
        self._start_servers()
        self._set_environment()
        self.publish()
        self._run_once(
            "migrate",
            "--no-input",
            "--skip-checks",
            "--verbosity",
            "0",
            telling="bringing the database up to date",
        )
        for program in programs(host=plan.host, port=plan.port, workers=plan.workers):
            self.children.append(self._child(program))
        for child in self.children:
            child.start()
        self.output.say("starting " + ", ".join(child.name for child in self.children))
        self.publish()

    def wait_until_ready(self) -> None:
        """Watch until both front processes say they are ready."""
        host, ports = self.plan.reachable_host, (self.plan.port, self.plan.port + 1)
        until = time.monotonic() + READY_SECONDS
        while not all(is_ready(host, port) for port in ports):
            if time.monotonic() > until:
                raise StartError(
                    f"Not ready after {READY_SECONDS:.0f} s: the reason is in {self.output.file}."
                )
            self.watch(0.3)

    def watch(self, seconds: float) -> None:
        """Pass on output for a while, then start again what has died."""
        self.output.drain(seconds)
        for server in (self.postgres, self.redis):
            if server is not None and not server.running:
                self.output.say(f"{type(server).__name__} ended; starting it again")
                server.start()
                self.publish()
        for child in self.children:
            if child.pid is None and child.due_at is None:
                pause = child.plan_restart()
                self.output.say(
                    f"{child.name} ended with status {child.status}; starting it again in {pause:g} s"
                )
                for line in child.tail:
                    self.output.show(child.name, line)
            elif child.due_at is not None and child.due_at <= time.monotonic():
                child.start()
                self.publish()

    def stop(self) -> None:
        """Stop the programs, then the servers."""
        started = self.postgres is not None or self.redis is not None or bool(self.children)
        for child in self.children:
            child.send(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.wait(until - time.monotonic())
        for child in self.children:
            child.end_group()
        self.children.clear()
        self.output.drain(0.0)
        if self.redis is not None:
            self.redis.stop()
        if self.postgres is not None:
            self.postgres.stop()
        clear_runtime(self.plan.folder)
        if started:
            self.output.say("stopped")

    def publish(self) -> None:
        """Tell other commands of this clone what runs where."""
        pids = {child.name: child.pid for child in self.children if child.pid is not None}
        for server in (self.postgres, self.redis):
            if server is not None:
                pids[type(server).__name__.lower()] = server.pid
        runtime = Runtime(
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            database_url=self.environment["DATABASE_URL"],
            redis_url=self.environment["REDIS_URL"],
            base_url=self.plan.base_url,
            door_url=self.plan.door_url,
            pids=pids,
        )
        write_runtime(self.plan.folder, runtime)

    def _child(self, program: Program) -> Child:
        return Child(program, environment=self.environment, folder=self.plan.root, lines=self.output.lines)

    def _start_servers(self) -> None:
        if not self.environment.get("DATABASE_URL"):
            began = time.monotonic()
            self.postgres = Postgres(self.plan.folder / "postgres").start()
            self.output.say(f"PostgreSQL answers after {time.monotonic() - began:.1f} s")
        if not self.environment.get("REDIS_URL"):
            began = time.monotonic()
            self.redis = Redis(self.plan.folder / "redis").start()
            self.output.say(f"Redis answers after {time.monotonic() - began:.1f} s")

    def _set_environment(self) -> None:
        """Give every child the same addresses and secrets."""
        plan, environment = self.plan, self.environment
        if self.postgres is not None:
            environment["DATABASE_URL"] = self.postgres.url
        if self.redis is not None:
            environment["REDIS_URL"] = self.redis.url
        if self.postgres is not None or plan.demo:
            makers = {
                "SECRET_KEY": lambda: secrets.token_urlsafe(50),
                "FIELD_ENCRYPTION_KEYS": lambda: Fernet.generate_key().decode(),
            }
            for name, make in makers.items():
                if not environment.get(name):
                    environment[name] = generated_secret(plan.folder, name, make)
        metrics = plan.folder / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        environment |= {
            "BASE_URL": plan.base_url,
            "DOOR_URL": plan.door_url,
            "DEMO": "true" if plan.demo else "false",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONUNBUFFERED": "1",
            "VAR_DIR": str(plan.folder),
        }

    def _end_leftovers(self) -> None:
        """End what a killed supervisor of this folder left; its servers recover by themselves."""
        left = last_runtime(self.plan.folder)
        if left is not None:
            ours = {name: pid for name, pid in left.pids.items() if name not in ("postgres", "redis")}
            end_leftover_groups(ours, python=sys.executable)

    def _check(self) -> None:
        """Refuse in one sentence what would fail later in many."""
        if not (self.plan.root / "staticfiles" / "staticfiles.json").exists():
            raise StartError("The pages' styles and scripts are not built: run `make install` first.")
        check_port(self.plan.host, self.plan.port, "PORT")
        check_port(self.plan.host, self.plan.port + 1, "the door, PORT + 1")

    def _run_once(self, *arguments: str, telling: str) -> None:
        """Run one management command to its end, passing on what it says."""
        self.output.say(telling)
        command = (sys.executable, str(self.plan.root / "manage.py"), *arguments)
        child = self._child(Program(arguments[0], command))
        child.start()
        try:
            while child.pid is not None:
                self.watch(0.0)
                self.output.drain(0.2, loud=child.name)
            child.finish()
            self.output.drain(0.0, loud=child.name)
        finally:
            child.end_group()
        if child.status:
            raise StartError(
                f"`manage.py {arguments[0]}` failed; the reason is above and in {self.output.file}."
            )

    def _seed(self) -> None:
        done = self.plan.folder / "demo.json"
        if not done.exists():
            self._run_once("seed_demo", telling="seeding the demo brokerage through the webhook door")
            done.write_text(json.dumps({"seeded_at": datetime.now(UTC).isoformat()}), "utf-8")

    def _accompany(self) -> None:
        """Let the simulated people go on with their lives, so that the demo's pages move."""
        manage = str(self.plan.root / "manage.py")
        options = ("--background", "--rate", "0.3", "--seconds", "86400")
        traffic = self._child(Program("traffic", (sys.executable, manage, "simulate_ghl", *options)))
        traffic.start()
        self.children.append(traffic)
        self.publish()

    def _welcome(self) -> None:
        self.output.say(f"ready: open {self.plan.base_url}")
        if self.plan.demo:
            for line in demo.logins():
                self.output.say(line)
        self.output.say(f"the log is {self.output.file}; Ctrl-C stops everything")


def forget(plan: Plan) -> None:
    """Remove the data of this folder, to begin anew."""
    if plan.environment.get("DATABASE_URL") or plan.environment.get("REDIS_URL"):
        raise StartError(
            "DATABASE_URL or REDIS_URL is set, and what is not ours is not removed: "
            "empty them yourself, or unset both."
        )
    with hold_folder(plan.folder):
        Postgres(plan.folder / "postgres").remove()
        for path in [path for pattern in FORGOTTEN for path in plan.folder.glob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def run(*, root: Path, folder: Path, reset: bool = False, **choices: Any) -> None:
    """Carry out a plan, after forgetting the data when asked to."""
    plan = Plan(root=root, folder=folder, **choices)
    if reset:
        forget(plan)
    Supervisor(plan).run()
