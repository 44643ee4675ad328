"""The parent of everything: nothing outlives it, and the next start recovers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from config.embedded import read_runtime
from tests.faults.house import ROOT, clean_environment, free_pair

pytestmark = pytest.mark.faults


@contextmanager
def up(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run `manage.py up` and give it once it says it is ready."""
    assets = ROOT / "staticfiles" / "staticfiles.json"
    assert assets.exists(), "run `make install` first"
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port)],
        env=clean_environment() | {"VAR_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "ready: open" in line:
            break
    else:
        pytest.fail("".join(said))
    rest = threading.Thread(target=process.stdout.read, daemon=True)
    rest.start()
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        rest.join(10)
        process.stdout.close()


def family(folder: Path) -> list[psutil.Process]:
    """Return every process started for this folder, however deep."""
    runtime = read_runtime(folder)
    assert runtime is not None
    processes: list[psutil.Process] = psutil.Process(runtime.pid).children(recursive=True)
    return processes


def left_of(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return those that still run after a while; a zombie waits only for the machine's init."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_killed_parent_leaves_nothing_and_the_next_start_recovers(open_folder: Path) -> None:
    port = free_pair()
    with up(open_folder, port) as first:
        started = family(open_folder)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)

        assert len(started) >= 8  # five programs, gunicorn's and celery's workers, PostgreSQL and Redis
        assert left_of(started, 15) == []

    with up(open_folder, port) as second:
        again = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(free_pair())],
            env=clean_environment() | {"VAR_DIR": str(open_folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        started = family(open_folder)
        second.send_signal(signal.SIGINT)
        status = second.wait(30)

        assert again.returncode == 1
        assert again.stderr == (
            f"Hearthline already runs in this folder at http://127.0.0.1:{port} (process {second.pid}): "
            "stop it first, or start another clone on another PORT.\n"
        )
        assert status == 0
        assert left_of(started, 5) == []
        assert read_runtime(open_folder) is None
