"""Write what a back-test found: a report as JSON, predictions as CSV."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leads.backtest.files import FileError

LIBRARIES = ("numpy", "scikit-learn", "xgboost-cpu", "pyarrow")


def versions() -> dict[str, str]:
    """Return the versions the figures were made with."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report; what could not be computed is null."""
    _write(path, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(heading)
            writer.writerows(rows)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path | None, option: str) -> None:
    """Refuse a target before the work begins rather than after."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise FileError(f"{option} {path} cannot be written: name a file in a folder that is there.", "file")


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> FileError:
    return FileError(f"{path} cannot be written: {error.strerror or error}.", "file")
