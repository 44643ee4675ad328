"""PostgreSQL and Redis of our own: started, kept over a kill, refused in one sentence."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded import (
    EmbeddedError,
    Postgres,
    Redis,
    Runtime,
    clear_runtime,
    generated_secret,
    hold_folder,
    last_runtime,
    read_runtime,
    running,
    write_runtime,
)
from config.embedded.postgres import find_programs
from config.embedded.privileges import place
from config.embedded.processes import die_with_parent, end_leftover, free_port, last_lines
from config.embedded.redis import find_program

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder an ordinary user can reach, as PostgreSQL needs when the tests run as root."""
    path = Path(subprocess.check_output(["mktemp", "-d", "/tmp/hearthline-test-XXXXXX"], text=True).strip())
    path.chmod(0o755)
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres", careless=True).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(folder: Path) -> Iterator[Redis]:
    server = Redis(folder / "redis").start()
    yield server
    server.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wait_for_end(pid: int, seconds: float = 10.0) -> bool:
    """Tell whether a process ends (or is left a zombie for others to reap) in time."""
    try:
        process = psutil.Process(pid)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            try:
                process.wait(0.05)
            except psutil.TimeoutExpired:
                continue
            return True
    except psutil.NoSuchProcess:
        return True
    return False


def test_postgres_asks_for_its_password_and_keeps_it_to_itself(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()

    assert row == ("hearthline", "hearthline")
    assert mode(postgres.password_file) == 0o600
    assert mode(postgres.data) == 0o700
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "guess"))


def test_postgres_keeps_what_was_committed_over_stop_and_start(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    port, password = postgres.port, postgres.password

    postgres.stop()
    assert not postgres.running
    postgres.start()

    assert (postgres.port, postgres.password) == (port, password)
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_postgres_recovers_from_a_kill_and_a_stale_lock(folder: Path) -> None:
    postgres = Postgres(folder / "postgres").start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    postgres.stop(sig=signal.SIGKILL)
    lock = postgres.data / "postmaster.pid"
    assert lock.exists()
    lock.write_text(f"{os.getpid()}\n" + "\n".join(lock.read_text().splitlines()[1:]) + "\n")

    again = Postgres(folder / "postgres").start()

    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchall() == [(0,)]
    again.stop()


def test_servers_end_with_a_killed_parent_and_the_next_start_recovers(folder: Path) -> None:
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from config.embedded import Postgres, Redis
        folder = Path({str(folder)!r})
        postgres, redis = Postgres(folder / "postgres").start(), Redis(folder / "redis").start()
        print(postgres.pid, redis.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    child = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    pids = [int(pid) for pid in child.stdout.split()]
    assert child.returncode == -signal.SIGKILL
    assert len(pids) == 2
    assert all(wait_for_end(pid) for pid in pids)
    postgres, server = Postgres(folder / "postgres").start(), Redis(folder / "redis").start()
    assert postgres.running
    assert server.running
    postgres.stop()
    server.stop()


@pytest.mark.skipif(not IS_ROOT, reason="an ordinary user needs none of root's ways")
@pytest.mark.parametrize("way", ["user", "namespace", "stage"])
def test_postgres_runs_under_root_each_way(folder: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.embedded.privileges.STAGE_ROOT", folder)
    namespace = ["unshare", "--user", "--map-user=65534", "--", "true"]
    if way == "namespace" and subprocess.run(namespace, check=False, capture_output=True).returncode:
        way = "stage"  # where namespaces are refused, staging is what happens
    data = folder / "project" / "postgres"

    server = Postgres(data, careless=True, way=way).start()

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert psutil.Process(server.pid).uids().real == (
        0 if way == "namespace" else pwd.getpwnam("nobody").pw_uid
    )
    assert data.is_symlink() == (way == "stage")
    server.stop()
    server.remove()
    assert not data.exists()
    assert not data.is_symlink()


def test_postgres_of_another_version_is_refused_in_one_sentence(postgres: Postgres, folder: Path) -> None:
    postgres.stop()
    (postgres.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError) as caught:
        Postgres(folder / "postgres").start()

    assert str(caught.value).startswith(
        f"{postgres.data} was made by PostgreSQL 9 but the installed server is "
    )
    assert str(caught.value).endswith("or run `make demo-reset` to begin anew.")


def test_postgres_on_a_taken_port_says_what_it_said(folder: Path, redis_server: Redis) -> None:
    with pytest.raises(
        EmbeddedError,
        match=r"PostgreSQL did not start; see .*postgres\.log\. It said: .*could not create any",
    ):
        Postgres(folder / "postgres", port=redis_server.port, careless=True).start()


def test_redis_asks_for_its_password_and_keeps_what_it_holds_over_a_kill(
    folder: Path, redis_server: Redis
) -> None:
    client = redis.Redis.from_url(redis_server.url, retry=Retry(NoBackoff(), 1))
    client.xadd("stream", {"e": 1})
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=redis_server.port, retry=Retry(NoBackoff(), 0)).ping()
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert mode(folder / "redis" / "password") == 0o600
    assert mode(folder / "redis" / "redis.conf") == 0o600
    client.config_set("appendfsync", "always")
    client.xadd("stream", {"e": 2})

    redis_server.stop(sig=signal.SIGKILL)
    redis_server.start()

    assert client.xlen("stream") == 2
    client.close()


def test_redis_left_by_an_earlier_run_is_ended(folder: Path, redis_server: Redis) -> None:
    left = redis_server.pid

    again = Redis(folder / "redis").start()

    assert wait_for_end(left)
    assert again.running
    again.stop()


def test_a_foreign_process_with_a_recycled_number_is_left_alone(folder: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        end_leftover(other.pid, folder=folder, program="postgres", sig=signal.SIGTERM)
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(
    ("variable", "find", "told"),
    [
        ("PG_BINDIR", find_programs, "PG_BINDIR is /nowhere, which holds no `postgres` program"),
        ("REDIS_BIN", find_program, "REDIS_BIN is /nowhere, which is not a program"),
    ],
)
def test_a_wrong_program_folder_is_named(
    variable: str, find: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(find)
    monkeypatch.setenv(variable, "/nowhere")
    with pytest.raises(EmbeddedError, match=told):
        find()


@pytest.mark.parametrize("find", [find_programs, find_program])
def test_without_any_program_the_sentence_says_what_to_install(
    find: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert callable(find)
    monkeypatch.setattr("config.embedded.postgres.PACKAGES", ())
    monkeypatch.setattr("config.embedded.postgres.DEBIAN", tmp_path)
    monkeypatch.setattr("config.embedded.redis.WHEELS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="was found: run `make install`, or `apt install"):
        find()


def test_a_program_on_the_path_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("postgres", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr("config.embedded.postgres.PACKAGES", ())
    monkeypatch.setattr("config.embedded.postgres.DEBIAN", tmp_path)
    monkeypatch.setattr("config.embedded.redis.WHEELS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_programs() == tmp_path.resolve()
    assert find_program() == tmp_path / "redis-server"


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    me = psutil.Process()
    with hold_folder(tmp_path):
        write_runtime(
            tmp_path,
            Runtime(os.getpid(), me.create_time(), "postgresql://x", "redis://y", "http://127.0.0.1:8010"),
        )
        with pytest.raises(EmbeddedError) as caught, hold_folder(tmp_path):
            pass

    assert str(caught.value) == (
        f"Hearthline already runs in this folder at http://127.0.0.1:8010 (process {os.getpid()}): "
        "stop it first, or start another clone on another PORT."
    )
    with hold_folder(tmp_path):
        pass


def test_runtime_is_believed_only_while_its_process_lives(tmp_path: Path) -> None:
    mine = Runtime(
        os.getpid(), psutil.Process().create_time(), "postgresql://x", "redis://y", "http://b", "http://d"
    )
    write_runtime(tmp_path, mine)
    assert mode(tmp_path / "run.json") == 0o600
    assert read_runtime(tmp_path) == mine
    assert running(tmp_path) == {
        "DATABASE_URL": "postgresql://x",
        "REDIS_URL": "redis://y",
        "BASE_URL": "http://b",
        "DOOR_URL": "http://d",
    }

    reused = Runtime(os.getpid(), mine.started - 100, "postgresql://x", "redis://y")
    write_runtime(tmp_path, reused)
    assert read_runtime(tmp_path) is None
    assert last_runtime(tmp_path) == reused

    clear_runtime(tmp_path)
    assert last_runtime(tmp_path) is None
    assert running(tmp_path) == {}


def test_a_damaged_runtime_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"pid": ')
    assert read_runtime(tmp_path) is None


def test_a_generated_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = generated_secret(tmp_path, "SECRET_KEY", lambda: "first")
    second = generated_secret(tmp_path, "SECRET_KEY", lambda: "second")

    assert (first, second) == ("first", "first")
    assert mode(tmp_path / "secrets" / "SECRET_KEY") == 0o600
    assert running(tmp_path) == {"SECRET_KEY": "first"}
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["SECRET_KEY"]


def test_a_free_port_can_be_listened_on(folder: Path) -> None:
    server = Redis(folder / "redis", port=free_port(), durable=False).start()
    assert server.running
    server.stop()


@pytest.mark.skipif(not IS_ROOT, reason="an ordinary user needs none of root's ways")
def test_root_with_a_closed_project_needs_a_namespace_or_a_stage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.embedded.privileges.STAGE_ROOT", folder)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    programs = find_programs()

    chosen = place(programs=programs, data=closed / "postgres")

    assert chosen.identity.prefix[:1] == ("unshare",) or chosen.data.is_relative_to(folder)
    assert mode(closed) == 0o700
    if (closed / "postgres").is_symlink():
        (closed / "postgres").unlink()
    (closed / "postgres").mkdir()
    with pytest.raises(EmbeddedError, match="cannot be reached by an ordinary user any more"):
        place(programs=programs, data=closed / "postgres", way="stage")


@pytest.mark.skipif(not IS_ROOT, reason="an ordinary user needs none of root's ways")
def test_a_folder_of_an_unknown_user_is_served_as_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(folder, 54321, 54321)

    chosen = place(programs=find_programs(), data=folder / "postgres", way="user")

    assert chosen.identity.user == pwd.getpwnam("nobody").pw_uid

    def nobody_here(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr("pwd.getpwnam", nobody_here)
    with pytest.raises(EmbeddedError, match="there is no user `nobody` to run it as"):
        place(programs=find_programs(), data=folder / "postgres")


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a folder another user's")
def test_a_folder_of_an_ordinary_user_is_served_as_that_user(folder: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    os.chown(folder, daemon.pw_uid, daemon.pw_gid)

    chosen = place(programs=find_programs(), data=folder / "postgres", way="user")

    assert (chosen.identity.user, chosen.identity.group) == (daemon.pw_uid, daemon.pw_gid)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGCONT])
def test_a_leftover_that_works_in_the_folder_is_ended_even_when_it_will_not(
    folder: Path, sig: signal.Signals
) -> None:
    program = folder / "postgres"
    shutil.copy2(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([program, "60"], cwd=folder) as left:
        end_leftover(left.pid, folder=folder, program="postgres", sig=sig, wait=0.2)
        left.wait(5)
    assert not psutil.pid_exists(left.pid)


def test_a_leftover_that_is_gone_needs_no_ending(folder: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    end_leftover(gone.pid, folder=folder, program="postgres", sig=signal.SIGTERM)
    (folder / "redis").mkdir()
    (folder / "redis" / "redis.pid").write_text("not a number")
    server = Redis(folder / "redis", durable=False).start()
    assert server.running
    server.stop()
    server.stop()  # stopping twice is no error


def test_where_the_system_cannot_watch_parents_children_start_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("config.embedded.processes._libc", None)
    assert die_with_parent(signal.SIGTERM) is None


def test_servers_that_do_not_run_have_no_number(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match="PostgreSQL is not running"):
        _ = Postgres(folder / "postgres").pid
    with pytest.raises(EmbeddedError, match="Redis is not running"):
        _ = Redis(folder / "redis").pid
    assert last_lines(folder / "nowhere.log") == ""


def test_an_interrupted_first_start_leaves_no_half_cluster(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")

    server = Postgres(folder / "postgres", careless=True).start()

    assert server.running
    assert not (folder / "postgres.new").exists()
    server.stop()


def test_a_postgres_that_cannot_run_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = folder / "bin"
    broken.mkdir()
    (broken / "postgres").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (broken / "postgres").chmod(0o755)
    monkeypatch.setenv("PG_BINDIR", str(broken))

    with pytest.raises(EmbeddedError, match=r"does not run \(broken\): set PG_BINDIR to another PostgreSQL"):
        Postgres(folder / "postgres").start()


def test_an_old_redis_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.embedded.redis.OLDEST", (99, 0))
    with pytest.raises(EmbeddedError, match=r"The Redis found is .* but 6\.2 is needed"):
        Redis(folder / "redis", durable=False).start()
