"""What the supervisor tells other commands of this clone: who runs, where, and the secrets made for it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from config.embedded.processes import EmbeddedError


@dataclass(frozen=True, slots=True)
class Runtime:
    """The running servers of one var/ folder."""

    pid: int
    started: float
    database_url: str
    redis_url: str
    base_url: str = ""
    door_url: str = ""
    pids: dict[str, int] = field(default_factory=dict)


def _file(folder: Path) -> Path:
    return folder / "run.json"


def read_runtime(folder: Path) -> Runtime | None:
    """Return what runs on this folder, or None when nothing does."""
    runtime = last_runtime(folder)
    return runtime if runtime is not None and _alive(runtime) else None


def last_runtime(folder: Path) -> Runtime | None:
    """Return what was last said to run on this folder, even by a supervisor that was killed."""
    try:
        return Runtime(**json.loads(_file(folder).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def running(folder: Path) -> dict[str, str]:
    """Return settings for the clone's other commands: addresses while servers run, secrets once made."""
    found = {path.name: path.read_text("utf-8").strip() for path in _readable_secrets(folder)}
    runtime = read_runtime(folder)
    if runtime is not None:
        found |= {
            "BASE_URL": runtime.base_url,
            "DATABASE_URL": runtime.database_url,
            "DOOR_URL": runtime.door_url,
            "REDIS_URL": runtime.redis_url,
        }
    return found


def _readable_secrets(folder: Path) -> list[Path]:
    return [
        path
        for path in (folder / "secrets").glob("[A-Z]*")
        if "." not in path.name and os.access(path, os.R_OK)
    ]


def _alive(runtime: Runtime) -> bool:
    try:
        started: float = psutil.Process(runtime.pid).create_time()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return abs(started - runtime.started) < 2


def write_runtime(folder: Path, runtime: Runtime) -> None:
    """Publish what runs on this folder, at once and readable by us alone."""
    partial = folder / "run.json.partial"
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(runtime), file, indent=1)
    partial.replace(_file(folder))


def clear_runtime(folder: Path) -> None:
    """Say that nothing runs on this folder any more."""
    _file(folder).unlink(missing_ok=True)


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep every other supervisor off this folder until the block, or this process, ends."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = (folder / "lock").open("a")
    except PermissionError:
        raise EmbeddedError(
            f"{folder} belongs to another user: run as that user (or with sudo), or remove it and begin anew."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            runtime = read_runtime(folder)
            where = f" at {runtime.base_url} (process {runtime.pid})" if runtime and runtime.base_url else ""
            raise EmbeddedError(
                f"Hearthline already runs in this folder{where}: stop it first, "
                "or start another clone on another PORT."
            ) from None
        yield


def generated_secret(folder: Path, name: str, make: Callable[[], str]) -> str:
    """Return the secret kept under `folder`/secrets, made on first use and readable by us alone."""
    path = folder / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make() + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)  # the first of two processes wins
        partial.unlink()
    return path.read_text("utf-8").strip()
