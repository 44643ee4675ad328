"""A GoHighLevel of our own: answers in the shapes of the real one, and remembers what it was asked."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pytest_django import Settings

from leads.ghl.ratelimit import Limiter, Limits, LocalBucket
from leads.services.ghl import connection

SHAPES = Path(__file__).parent / "fixtures" / "ghl_api"
BASE_URL = "https://services.leadconnectorhq.com"
LOCATION = "loc7Hq2Lp9XzR4tVb6Na"
COMPANY = "CoB3m8vTz5QyH1kLxW46"
CONTACT = "CtQ8p2mVx4LrT7wYhB31"

Answer = httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]


def shape(name: str) -> dict[str, Any]:
    """Return a recorded answer."""
    loaded: dict[str, Any] = json.loads((SHAPES / f"{name}.json").read_text())
    return loaded


def ok(name: str, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=shape(name), headers=dict(headers or {}))


def refused(
    status: int, message: str | list[str] = "", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return httpx.Response(
        status, json={"statusCode": status, "message": message}, headers=dict(headers or {})
    )


class StubGHL:
    """Answers by method and path; each list of answers is used up in order, its last one stays."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], deque[Answer]] = {}
        self.http = httpx.Client(base_url=BASE_URL, transport=httpx.MockTransport(self._handle))

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._answers[method, path] = deque(answers)

    def asked(self, method: str = "", path: str = "") -> list[httpx.Request]:
        return [
            request
            for request in self.requests
            if (not method or request.method == method) and (not path or request.url.path == path)
        ]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self._answers.get((request.method, request.url.path))
        if not answers:
            return httpx.Response(404, json={"statusCode": 404, "message": "no such call in this test"})
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)
        return answer(request)


def sent_json(request: httpx.Request) -> Any:
    return json.loads(request.content)


def sent_form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


def stand_in(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    """Put our own GoHighLevel where the real one would be called, with permits enough for a test."""
    settings.GHL_CLIENT_ID, settings.GHL_CLIENT_SECRET, settings.GHL_APP_ID = "app1-abc", "s3cret", "app1"
    stub = StubGHL()
    permits = Limiter(None, LocalBucket(Limits(alone=10_000)))
    monkeypatch.setattr(connection, "http_client", lambda: stub.http)
    monkeypatch.setattr(connection, "limiter", lambda: permits)
    return stub
