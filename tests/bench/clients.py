"""Start the load and the sockets as processes of their own and talk to them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench import load, sockets
from tests.bench.stack import ROOT

PATIENCE = 300.0


def post(job: load.Job) -> dict[str, Any]:
    """Post a job's webhooks and return the outcome."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(job)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    outcome["statuses"] = {int(status): count for status, count in outcome["statuses"].items()}
    return outcome


class Listeners:
    """Open sockets, held by a process of their own."""

    def __init__(
        self, host: str, port: int, tokens: Sequence[str], *, sample_every: int, html: Sequence[Any]
    ) -> None:
        """Open them and wait until all are."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.sockets"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        job = sockets.Job(host, port, list(tokens), sample_every, list(html))
        self._say(json.dumps(asdict(job)))
        self.opened = self._hear()

    def tell(self) -> dict[str, Any]:
        """Return what came since the last time."""
        self._say("tell")
        return self._hear()

    def close(self) -> None:
        """Close every socket."""
        try:
            self._process.communicate("", timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The process that holds the sockets ended; its error is above.")
        heard: dict[str, Any] = json.loads(line)
        return heard
