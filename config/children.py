"""Children of the supervisor: started, watched, restarted after a pause, ended with all they started."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import psutil

from config.embedded.processes import die_with_parent
from config.output import Lines
from config.programs import Program

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
HEALTHY_SECONDS = 30.0
KEPT_LINES = 5


class Child:
    """One program and the process that runs it now."""

    def __init__(
        self, program: Program, *, environment: Mapping[str, str], folder: Path, lines: Lines
    ) -> None:
        """Prepare the program; its output goes line by line into `lines`."""
        self.program = program
        self.name = program.name
        self.tail: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._environment = {**environment, "PROCESS_NAME": program.name}
        self._folder = folder
        self._lines = lines
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._pause = FIRST_PAUSE
        self.due_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id, or None when it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def status(self) -> int | None:
        """Return the exit status once the process has ended."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start the process; call from the thread that lives as long as the supervisor."""
        self.due_at = None
        self.tail.clear()
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self.program.command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        with output, contextlib.suppress(ValueError):
            for line in output:
                self.tail.append(line.rstrip("\n"))
                self._lines.put((self.name, line.rstrip("\n")))

    def plan_restart(self) -> float:
        """Return the pause before the next start, longer after each quick death."""
        if time.monotonic() - self._started_at >= HEALTHY_SECONDS:
            self._pause = FIRST_PAUSE
        pause = self._pause
        self._pause = min(LONGEST_PAUSE, self._pause * 2)
        self.due_at = time.monotonic() + pause
        return pause

    def send(self, sig: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(sig)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; tell whether it came."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self) -> None:
        """Wait until the last line of an ended process has been read."""
        if self._reader is not None:
            self._reader.join(5)

    def end_group(self) -> None:
        """Kill whatever is left of the process and of all it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


def end_leftover_groups(pids: Mapping[str, int], *, python: str) -> None:
    """End what is left of the process groups of a supervisor that was killed."""
    groups = set(pids.values())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) in groups and process.cmdline()[:1] == [python]:
                process.kill()
                process.wait(5)
