"""The programs Hearthline consists of, and how each is called."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: tuple[str, ...]


def programs(*, host: str, port: int, workers: int) -> list[Program]:
    """Return every program of one installation; more `workers` means more scoring at once."""
    python = sys.executable
    worker = (python, "-m", "celery", "--quiet", "-A", "config", "worker", "--loglevel", "WARNING")
    quiet = ("--without-gossip", "--without-mingle")
    return [
        Program(
            "web",
            (
                *(python, "-m", "daphne", "--verbosity", "0", "--no-server-name"),
                *("--bind", host, "--port", str(port)),
                *("--ping-interval", "30", "--ping-timeout", "30", "--websocket_connect_timeout", "20"),
                "config.asgi:application",
            ),
        ),
        Program(
            "door",
            (
                *(python, "-m", "gunicorn", "--bind", f"{host}:{port + 1}"),
                *("--worker-class", "gthread", "--workers", "1", "--threads", "4"),
                *("--keep-alive", "75", "--graceful-timeout", "10", "--log-level", "warning"),
                *("--no-control-socket", "config.wsgi:application"),
            ),
        ),
        *[
            Program(
                _numbered("realtime", number, workers),
                (
                    *(*worker, "--pool", "solo", "--queues", "realtime", *quiet),
                    *("--hostname", f"realtime{number}@%h"),
                ),
            )
            for number in range(1, workers + 1)
        ],
        Program(
            "work",
            (
                *(*worker, "--pool", "prefork", "--concurrency", "1", "--queues", "default,training", *quiet),
                *("--hostname", "work@%h"),
            ),
        ),
        Program(
            "beat",
            (
                *(python, "-m", "celery", "--quiet", "-A", "config", "beat", "--loglevel", "WARNING"),
                *("--pidfile=", "--scheduler", "celery.beat:Scheduler"),  # keeps no file a kill could damage
            ),
        ),
    ]


def _numbered(name: str, number: int, of: int) -> str:
    return name if of == 1 else f"{name}{number}"
