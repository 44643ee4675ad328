"""Keep one PostgreSQL for all test runs of this clone at once, and end when the last of them has ended.

Each run holds a shared lock on `users`; whoever holds `gate` may start, join or end the keeper.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from config.embedded import (
    EmbeddedError,
    Postgres,
    Runtime,
    clear_runtime,
    hold_folder,
    read_runtime,
    write_runtime,
)

POLL_SECONDS = 0.5
START_SECONDS = 90.0


@contextlib.contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Let one process at a time decide about the keeper."""
    with (folder / "gate").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def join(folder: Path) -> tuple[Runtime, IO[str]]:
    """Use the kept PostgreSQL, starting it when nobody has; the returned file holds our place while open."""
    folder.mkdir(parents=True, exist_ok=True)
    with gate(folder):
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        runtime = read_runtime(folder)
        if runtime is None:
            runtime = _start(folder)
    return runtime, users


_started: list[subprocess.Popen[bytes]] = []  # held, because the keeper may outlive this run


def _start(folder: Path) -> Runtime:
    log = folder / "keeper.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper", str(folder)],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        runtime = read_runtime(folder)
        if runtime is not None and runtime.pid == process.pid:
            return runtime
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise EmbeddedError(f"The PostgreSQL of the tests did not start: {log.read_text().strip()[-500:]}")


def keep(folder: Path) -> None:
    """Run PostgreSQL until no test run uses it."""
    with hold_folder(folder):
        postgres = Postgres(folder / "postgres", careless=True).start()
        started = psutil.Process().create_time()
        write_runtime(
            folder, Runtime(os.getpid(), started, postgres.url, "", pids={"postgres": postgres.pid})
        )
        with (folder / "users").open("a") as users:
            while postgres.running:
                time.sleep(POLL_SECONDS)
                with gate(folder), contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    clear_runtime(folder)
                    postgres.stop()
                    return


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        keep(Path(sys.argv[1]))
    except EmbeddedError as error:
        sys.exit(str(error))
