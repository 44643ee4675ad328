"""Start children that never outlive their parent, and find those an earlier run left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from leads.errors import DomainError

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class EmbeddedError(DomainError):
    """A server of our own cannot run."""


def die_with_parent(sig: signal.Signals) -> Callable[[], None] | None:
    """Return the hook that sends a child `sig` when its parent dies; None where there is no such thing.

    The kernel watches the thread that forked, so children must be started from a thread that lives on.
    """
    if _libc is None:
        return None
    prctl = _libc.prctl
    number = int(sig)
    parent = os.getpid()

    def hook() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return hook


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_leftover(pid: int, *, folder: Path, program: str, sig: signal.Signals, wait: float = 10.0) -> None:
    """End process `pid` when it is the `program` an earlier run left working in `folder`."""
    try:
        process = psutil.Process(pid)
        if program not in Path(process.exe()).name or not _works_in(process, folder):
            return
        process.send_signal(sig)
        try:
            process.wait(wait)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(wait)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise EmbeddedError(
            f"Process {pid} of another user still works in {folder}: stop it, or run as that user."
        ) from None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether the process has `folder` as its working folder or on its command line."""
    wanted = folder.resolve()
    if Path(process.cwd()).resolve() == wanted:
        return True
    return str(wanted) in process.cmdline() or str(folder) in process.cmdline()


def last_lines(log: Path, count: int = 3) -> str:
    """Return the last lines of a log, for an error message."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return " / ".join(line.strip() for line in lines[-count:])
