"""Run PostgreSQL and Redis of our own under var/ when no address of either is given."""

from __future__ import annotations

from config.embedded.postgres import Postgres
from config.embedded.processes import EmbeddedError
from config.embedded.redis import Redis
from config.embedded.runtime import (
    Runtime,
    clear_runtime,
    generated_secret,
    hold_folder,
    last_runtime,
    read_runtime,
    running,
    write_runtime,
)

__all__ = [
    "EmbeddedError",
    "Postgres",
    "Redis",
    "Runtime",
    "clear_runtime",
    "generated_secret",
    "hold_folder",
    "last_runtime",
    "read_runtime",
    "running",
    "write_runtime",
]
