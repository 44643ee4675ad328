"""A RESO Web API server of our own, over real HTTP: pages, links, tokens that end, and what goes wrong."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

Records = list[dict[str, Any]]
Failure = tuple[int, dict[str, str], Any]


@dataclass
class StubReso(ThreadingHTTPServer):
    """Serves `resources`, a page of `size` at a time; `failures` are answered first, in order."""

    resources: dict[str, Records] = field(default_factory=dict)
    size: int = 3
    token: str = ""
    secret: str = "client-secret"
    expands: bool = True
    enums: bool = False
    failures: deque[Failure | None] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    tokens_given: int = 0
    order: Callable[[Records], Records] | None = None
    after_page: Callable[[int], None] | None = None
    next_link: Callable[[str], str] = lambda link: link

    def __post_init__(self) -> None:
        """Listen on any port of this machine."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self._links: dict[str, tuple[Records, int, bool]] = {}
        self.daemon_threads = True

    @property
    def url(self) -> str:
        """Return the service root."""
        return f"http://127.0.0.1:{self.server_port}/odata"

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/oauth/token"

    def pages(self, resource: str = "Property") -> list[str]:
        """Return the requests for a resource, those of links included."""
        return [
            path
            for path in self.asked
            if path.startswith((f"/odata/{resource}?", f"/odata/page/{resource}/"))
        ]

    def fail(self, status: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        self.failures.append(
            (status, headers or {}, body if body is not None else {"error": {"message": "No."}})
        )

    def answer(self, path: str, authorization: str) -> Failure:
        """Return the answer to a GET."""
        self.asked.append(path)
        if self.failures and (failure := self.failures.popleft()) is not None:
            return failure
        if self.token and authorization != f"Bearer {self.token}":
            return 401, {}, {"error": {"message": "expired"}}
        parts = urlsplit(path)
        if parts.path.startswith("/odata/page/"):
            return self._follow(path)
        resource = parts.path.rpartition("/")[2]
        if resource not in self.resources:
            return 404, {}, {"error": {"code": "404", "message": "no such resource"}}
        options = {name: values[0] for name, values in parse_qs(parts.query).items()}
        expand = "$expand" in options
        if expand and not self.expands:
            return 400, {}, {"error": {"message": "The query option $expand is not supported"}}
        return self._page(resource, self._chosen(resource, options), 0, expand)

    def _chosen(self, resource: str, options: dict[str, str]) -> Records:
        rows = [dict(row) for row in self.resources[resource]]
        since = re.search(r"ModificationTimestamp ge (\S+)", options.get("$filter", ""))
        if since:
            rows = [row for row in rows if row["ModificationTimestamp"] >= since[1]]
        rows.sort(key=lambda row: row["ModificationTimestamp"])
        if self.order is not None:
            rows = self.order(rows)
        if select := options.get("$select"):
            rows = [{name: row.get(name) for name in select.split(",")} for row in rows]
        if options.get("$top") == "1":
            rows = rows[:1]
        return rows

    def _page(self, resource: str, rows: Records, start: int, expand: bool) -> Failure:
        held = rows[start : start + self.size]
        if not expand:
            held = [{n: v for n, v in row.items() if n not in ("Media", "OpenHouses")} for row in held]
        body: dict[str, Any] = {"@odata.context": "$metadata", "value": held}
        if start + self.size < len(rows):
            path = f"/odata/page/{resource}/{len(self._links)}?$skiptoken=a%20b"
            self._links[path] = (rows, start + self.size, expand)
            body["@odata.nextLink"] = self.next_link(f"http://127.0.0.1:{self.server_port}{path}")
        return 200, {}, body

    def _follow(self, path: str) -> Failure:
        if path not in self._links:
            return 410, {}, {"error": {"message": "the link is over"}}
        rows, start, expand = self._links[path]
        return self._page(path.split("/")[3], rows, start, expand)

    def forget_links(self) -> None:
        self._links.clear()

    def grant(self, form: dict[str, str]) -> Failure:
        """Return the answer to a request for a token."""
        if self.failures and (failure := self.failures.popleft()) is not None:
            return failure
        if form.get("client_secret") != self.secret or form.get("grant_type") != "client_credentials":
            return 401, {}, {"error": "invalid_client"}
        self.tokens_given += 1
        self.token = f"token-{self.tokens_given}"
        return 200, {}, {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubReso

    def do_GET(self) -> None:
        self._send(*self.server.answer(self.path, self.headers.get("Authorization", "")))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._send(*self.server.grant(dict(parse_qsl(raw))))

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[StubReso]:
    """Give a running server, gone afterwards."""
    server = StubReso()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
