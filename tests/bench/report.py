"""Tables for the terminal, figures for var/bench/<name>.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tests.bench.stack import ROOT

PACKAGES = ("django", "channels", "daphne", "gunicorn", "celery", "redis", "psycopg")
FOLDER = ROOT / "var" / "bench"


def say(text: str) -> None:
    """Show a table, or a line of one, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return (
        ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))] if ordered else float("nan")
    )


def milliseconds(values: Sequence[float]) -> dict[str, float | int]:
    """Return the quantiles of seconds, in milliseconds, and how many there were."""
    return {
        "n": len(values),
        "p50_ms": round(1000 * percentile(values, 0.5), 1),
        "p95_ms": round(1000 * percentile(values, 0.95), 1),
        "p99_ms": round(1000 * percentile(values, 0.99), 1),
        "max_ms": round(1000 * max(values, default=float("nan")), 1),
    }


def machine() -> dict[str, Any]:
    """Return what was measured on."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "processor": _processor_name(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "load_1m_before": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def write(
    name: str, *, seed: int, hardware: dict[str, Any], rows: list[dict[str, Any]], goals: list[dict[str, Any]]
) -> Path:
    """Keep a benchmark's figures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    kept = {
        "name": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "hardware": hardware | {"load_1m_after": round(os.getloadavg()[0], 2)},
        "goals": goals,
        "rows": rows,
    }
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return path


def goal(what: str, value: float, limit: float, *, at_least: bool = False) -> dict[str, Any]:
    """Return a goal, what was measured, and their ratio (1 or better is met)."""
    met = value >= limit if at_least else value <= limit
    ratio = (value / limit if at_least else limit / value) if value else float("nan")
    return {"goal": what, "limit": limit, "measured": value, "ratio": round(ratio, 2), "met": met}


def table(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as a table of text."""
    cells = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[k]) for line in cells), 0) if cells else len(column)
        for k, column in enumerate(columns)
    ]
    lines = [title, "  ".join(column.ljust(width) for column, width in zip(columns, widths, strict=True))]
    lines += [
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in cells
    ]
    return "\n".join(lines)


def goals_table(goals: Sequence[dict[str, Any]]) -> str:
    """Return the goals and whether each was met."""
    return table(
        "",
        [each | {"met": "yes" if each["met"] else "NO"} for each in goals],
        ["goal", "limit", "measured", "ratio", "met"],
    )


def _cell(value: object) -> str:
    return (
        f"{value:,.1f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
