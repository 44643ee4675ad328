"""The pieces of the supervisor: children restarted and ended whole, ports, logs, the data forgotten."""

from __future__ import annotations

import os
import queue
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from config.children import FIRST_PAUSE, Child, end_leftover_groups
from config.embedded import Runtime, hold_folder, write_runtime
from config.embedded.processes import free_port
from config.machine import StartError, check_port, is_ready, raise_file_limit
from config.output import Output, worth_showing
from config.programs import Program, programs
from config.supervisor import Plan, Supervisor, forget, run

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(child.pid, flush=True); time.sleep(60)"
)

StartChild = Callable[[str], Child]


@pytest.fixture
def lines() -> queue.SimpleQueue[tuple[str, str]]:
    return queue.SimpleQueue()


@pytest.fixture
def start(tmp_path: Path, lines: queue.SimpleQueue[tuple[str, str]]) -> Iterator[StartChild]:
    children: list[Child] = []

    def started(code: str) -> Child:
        program = Program("sleeper", (sys.executable, "-c", code))
        child = Child(program, environment={"PATH": os.environ["PATH"]}, folder=tmp_path, lines=lines)
        children.append(child)
        child.start()
        return child

    yield started
    for child in children:
        child.end_group()
        child.finish()


def test_child_passes_its_lines_on_and_knows_its_name(
    start: StartChild, lines: queue.SimpleQueue[tuple[str, str]]
) -> None:
    child = start("import os; print(os.environ['PROCESS_NAME']); print('second')")

    assert child.wait(20)
    child.finish()

    assert [lines.get(timeout=5) for _ in range(2)] == [("sleeper", "sleeper"), ("sleeper", "second")]
    assert list(child.tail) == ["sleeper", "second"]
    assert (child.status, child.pid) == (0, None)


def test_child_that_dies_quickly_waits_longer_each_time(start: StartChild) -> None:
    child = start("raise SystemExit(3)")
    assert child.wait(20)
    assert child.status == 3
    assert [child.plan_restart() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_child_that_lived_long_starts_again_at_once(
    start: StartChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start("raise SystemExit(3)")
    assert child.wait(20)
    child.plan_restart()
    child.plan_restart()
    monkeypatch.setattr("config.children.HEALTHY_SECONDS", 0.0)
    assert child.plan_restart() == FIRST_PAUSE


def test_end_group_ends_what_the_child_started(
    start: StartChild, lines: queue.SimpleQueue[tuple[str, str]]
) -> None:
    child = start(PARENT)
    grandchild = psutil.Process(int(lines.get(timeout=20)[1]))

    child.end_group()

    assert child.status == -signal.SIGKILL
    gone, alive = psutil.wait_procs([grandchild], timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE], gone


def test_leftover_groups_are_ended_and_others_left_alone(
    start: StartChild, lines: queue.SimpleQueue[tuple[str, str]]
) -> None:
    ours, other = start(SLEEPER), start(SLEEPER)
    for _ in range(2):
        assert lines.get(timeout=20)[1] == "up"
    assert ours.pid is not None

    end_leftover_groups({"web": ours.pid}, python=sys.executable)

    assert ours.wait(10)
    assert other.pid is not None


def test_every_program_is_named_and_workers_are_numbered() -> None:
    one = programs(host="127.0.0.1", port=8000, workers=1)
    three = programs(host="127.0.0.1", port=8000, workers=3)

    assert [program.name for program in one] == ["web", "door", "realtime", "work", "beat"]
    assert [program.name for program in three][2:5] == ["realtime1", "realtime2", "realtime3"]
    assert "127.0.0.1:8001" in one[1].command


def test_a_busy_port_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(StartError) as caught:
            check_port("127.0.0.1", port, "PORT")
    assert str(caught.value) == (
        f"Port {port} (PORT) on 127.0.0.1 cannot be used (Address already in use): "
        "choose another, for example `make demo PORT=8010`."
    )
    check_port("127.0.0.1", port, "PORT")


def test_a_host_that_is_not_ours_is_told_too() -> None:
    with pytest.raises(StartError, match=r"Port 8000 \(PORT\) on 203\.0\.113\.7 cannot be used"):
        check_port("203.0.113.7", 8000, "PORT")


def test_the_file_limit_is_raised_for_a_thousand_sockets() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    raise_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Answer(BaseHTTPRequestHandler):
    """Answer /health/ready with the status the server holds."""

    def do_GET(self) -> None:
        """Answer one request."""
        assert isinstance(self.server, Health)
        self.send_response(self.server.status if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


class Health(HTTPServer):
    """A front process as far as its health goes."""

    status = 503


def test_ready_means_the_health_page_says_so() -> None:
    with Health(("127.0.0.1", 0), Answer) as server:
        port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        before = is_ready("127.0.0.1", port)
        server.status = 200
        after = is_ready("127.0.0.1", port)
        server.shutdown()
        thread.join()
    assert (before, after) == (False, True)
    assert not is_ready("127.0.0.1", free_port())


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain words", ""),
        ('{"level": "info", "event": "all is well"}', ""),
        ('{"level": "error", "event": "GHL refused", "lead": 7}', "error: GHL refused"),
        ('{"level": "CRITICAL", "event": "gone"}', "CRITICAL: gone"),
        ('{"broken', ""),
    ],
)
def test_the_terminal_shows_errors_of_the_json_log(line: str, shown: str) -> None:
    assert worth_showing(line) == shown


def test_all_lines_reach_the_log_and_loud_ones_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(tmp_path / "var" / "hearthline.log")
    output.open()
    output.lines.put(("web", "a quiet line"))
    output.lines.put(("seed_demo", "40 of 400 leads"))

    output.drain(0.0, loud="seed_demo")
    output.say("ready")
    output.close()

    log = output.file.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in log] == [
        "web | a quiet line",
        "seed_demo | 40 of 400 leads",
        "hearthline | ready",
    ]
    shown = capsys.readouterr().out
    assert "40 of 400 leads" in shown
    assert "hearthline | ready" in shown
    assert "a quiet line" not in shown


def test_addresses_follow_the_plan() -> None:
    here = Plan(root=ROOT, folder=ROOT, host="0.0.0.0", port=8010, environment={})
    there = Plan(root=ROOT, folder=ROOT, environment={"BASE_URL": "https://crm.example.com"})
    assert (here.base_url, here.door_url) == ("http://127.0.0.1:8010", "http://127.0.0.1:8011")
    assert there.base_url == "https://crm.example.com"


def test_data_that_is_not_ours_is_not_forgotten(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="what is not ours is not removed"):
        run(root=ROOT, folder=tmp_path, reset=True, environment={"DATABASE_URL": "postgresql://x/y"})


def test_forgetting_removes_the_data_and_keeps_logs_and_secrets(tmp_path: Path) -> None:
    for name in (
        "redis/appendonly.aof",
        "simulator_workflow_1.secret",
        "secrets/SECRET_KEY",
        "demo.json",
        "hearthline.log",
        "bench/door.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    forget(Plan(root=ROOT, folder=tmp_path, environment={}))

    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["bench/door.json", "hearthline.log", "lock", "secrets/SECRET_KEY"]


def test_a_second_start_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        me = psutil.Process()
        write_runtime(
            tmp_path, Runtime(me.pid, me.create_time(), "postgresql://x/y", "redis://z", "http://here")
        )
        with pytest.raises(
            Exception, match=r"Hearthline already runs in this folder at http://here \(process"
        ):
            Supervisor(Plan(root=ROOT, folder=tmp_path, port=free_port(), environment={})).run()


def test_missing_assets_are_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="not built: run `make install` first"):
        Supervisor(Plan(root=tmp_path, folder=tmp_path / "var", port=free_port(), environment={})).run()
    assert not (tmp_path / "var" / "postgres").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "99999"], "99999 is not a port"),
        (["--port", "eighty"], "eighty is not a port"),
        (["--workers", "0"], "0 is not a number of workers"),
    ],
)
def test_up_refuses_wrong_numbers(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("up", *arguments)


def test_up_hands_its_choices_to_the_supervisor() -> None:
    busy = socket.create_server(("127.0.0.1", 0))
    with (
        busy,
        pytest.raises(StartError, match=rf"Port {busy.getsockname()[1]} \(PORT\) on 127\.0\.0\.1 cannot"),
    ):
        call_command("up", "--port", str(busy.getsockname()[1]))
