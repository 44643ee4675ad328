"""What the supervisor and its programs say: all of it to one log, what a person must see to the terminal."""

from __future__ import annotations

import json
import logging
import queue
import sys
import time
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from honcho.printer import Message, Printer

LOG_BYTES = 50 * 1024 * 1024
LOUD = {"error", "critical"}
OURSELVES = "hearthline"

Lines = queue.SimpleQueue[tuple[str, str]]


class Output:
    """One log file, one terminal, and the queue of lines that wait for both."""

    def __init__(self, file: Path, *, verbose: bool = False) -> None:
        """Prepare; nothing is written before `open`."""
        self.file = file
        self.lines: Lines = queue.SimpleQueue()
        self._verbose = verbose
        self._printer = Printer(sys.stdout, width=len(OURSELVES))
        self._log = logging.Logger("supervisor", logging.INFO)

    def open(self) -> None:
        """Open the log, turning it over when it has grown."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(self.file, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
        self._log.addHandler(handler)

    def close(self) -> None:
        """Close the log."""
        for handler in list(self._log.handlers):
            self._log.removeHandler(handler)
            handler.close()

    def say(self, text: str) -> None:
        """Tell the person at the terminal, and the log."""
        self.show(OURSELVES, text)
        self._log.info("%s | %s", OURSELVES, text)

    def show(self, name: str, line: str) -> None:
        """Write a line to the terminal alone."""
        now = datetime.now()  # noqa: DTZ005  (the clock on the wall of whoever reads)
        self._printer.write(Message(type="line", data=line, time=now, name=name, colour=None))

    def drain(self, seconds: float, *, loud: str = "") -> None:
        """Pass on the lines that come within a while; all of the program named `loud` are shown."""
        until = time.monotonic() + seconds
        while True:
            try:
                name, line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            self._log.info("%s | %s", name, line)
            shown = line if self._verbose or name == loud else worth_showing(line)
            if shown:
                self.show(name, shown)


def worth_showing(line: str) -> str:
    """Return what a person at the terminal must see of a JSON log line, if anything."""
    if not line.startswith("{"):
        return ""
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return ""
    if str(found.get("level", "")).lower() not in LOUD:
        return ""
    return f"{found['level']}: {found.get('event', '')}"
