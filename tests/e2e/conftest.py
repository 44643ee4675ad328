"""A real browser on the real servers, over the test run's own database and Redis."""

from __future__ import annotations

import collections
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from leads.models import User
from leads.ops import alive
from tests import ghl, servers

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STEP_SECONDS = 15
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP", event.violatedDirective, event.blockedURI));
"""

SignedIn = Callable[[Page | BrowserContext, User], None]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser last: its event loop stays in this thread and would stop the tests of async code."""
    here = Path(__file__).parent
    ours = [item for item in items if here in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium found: apt-get install chromium"))
    items[:] = [item for item in items if here not in item.path.parents] + ours


@pytest.fixture(scope="session", autouse=True)
def _orm_beside_the_browser() -> Iterator[None]:
    """Let tests make rows although the browser keeps an event loop in this thread."""
    expect.set_options(timeout=STEP_SECONDS * 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def base_url(live: str) -> str:
    """Let pages be named by their path."""
    return live


@pytest.fixture
def page(page: Page) -> Page:
    """Give a page that is patient: the machine may be busy."""
    page.set_default_timeout(STEP_SECONDS * 1000)
    return page


class Server:
    """A process of Hearthline's under test; what it last said is shown when it does not start."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.tail: collections.deque[str] = collections.deque(maxlen=20)
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.tail.extend(self.process.stdout)

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Return once the server works; its first answer takes long on a busy machine."""
        pause = threading.Event()
        for _ in range(600):
            if self.process.poll() is not None:
                break
            if is_ready():
                return
            pause.wait(0.2)
        self.stop()
        raise RuntimeError("The server did not start:\n" + "".join(self.tail))

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=120):
            return True
    except URLError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _environment(port: int) -> dict[str, str]:
    """Return what the servers need to stand on this run's database, keys and Redis."""
    parts = urlsplit(servers.ensure().database_url)
    database_url = urlunsplit(parts._replace(path=f"/{servers.ensure().database_name}"))
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "DATABASE_POOL_SIZE": "4",
        "SECRET_KEY": settings.SECRET_KEY,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "GHL_WEBHOOK_PUBLIC_KEYS": ghl.public_pem(),
    }


@pytest.fixture(scope="session")
def environment(django_db_setup: None) -> dict[str, str]:
    """Give the servers' environment, with the assets built and collected."""
    connections.close_all()
    found = _environment(_free_port())
    for command in (["build_assets"], ["collectstatic", "--no-input", "--verbosity", "0"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=found, check=True)
    return found


@pytest.fixture(scope="session")
def live(environment: dict[str, str]) -> Iterator[str]:
    """Give the address of Daphne serving pages, sockets and streams."""
    port = urlsplit(environment["BASE_URL"]).port
    assert port is not None
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "config.asgi:application"]
    server = Server(command, {**environment, "PROCESS_NAME": "web"})
    server.wait_until(lambda: _answers(f"{environment['BASE_URL']}/accounts/login/"))
    yield environment["BASE_URL"]
    server.stop()


@pytest.fixture(scope="session")
def worker(environment: dict[str, str]) -> Iterator[None]:
    """Keep a realtime worker, which ingests and scores what the door accepts."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo"]
    options = ["--queues", "realtime", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    server = Server([*command, *options], {**environment, "PROCESS_NAME": "realtime"})
    with alive.connect() as redis:
        server.wait_until(lambda: alive.count_by_role(redis)["realtime"] > 0)
    yield
    server.stop()


@pytest.fixture
def clean(page: Page) -> Iterator[Page]:
    """Fail the test on any console error, page error or breach of the content security policy."""
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.add_init_script(REPORT_VIOLATIONS)
    yield page
    assert seen == []


@pytest.fixture
def sign_in_to(live: str) -> SignedIn:
    """Give a function that signs a browser in as a user without the form."""

    def signed_in(browser: Page | BrowserContext, user: User) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        context = browser.context if isinstance(browser, Page) else browser
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live}])

    return signed_in
