"""Errors reported elsewhere name no person."""

from __future__ import annotations

import sys

import pytest

from config.env import SettingError
from config.errors import report_to, scrubbed


def test_an_error_leaves_with_its_type_and_place_alone() -> None:
    event = {
        "event_id": "1",
        "level": "error",
        "message": "Dana Diaz",
        "request": {"url": "https://crm.example/agent/leads/?q=Dana", "headers": {"Cookie": "x"}},
        "user": {"email": "dana@example.com"},
        "extra": {"lead": "Dana"},
        "breadcrumbs": {"values": [{"message": "Dana"}]},
        "exception": {
            "values": [{"type": "ValueError", "value": "Dana", "stacktrace": {"frames": [{"lineno": 3}]}}]
        },
    }

    assert scrubbed(event, {}) == {
        "event_id": "1",
        "level": "error",
        "exception": {"values": [{"type": "ValueError", "stacktrace": {"frames": [{"lineno": 3}]}}]},
    }
    assert scrubbed({"level": "error", "message": "Dana"}) == {"level": "error", "exception": {"values": []}}


def test_that_the_library_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)

    with pytest.raises(SettingError, match=r"SENTRY_DSN is set but the library is missing: run `pip install"):
        report_to("https://key@sentry.example/1")


def test_errors_are_sent_scrubbed() -> None:
    sentry = pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed: it is optional")
    report_to("https://key@sentry.example/1")
    options = sentry.get_client().options
    sentry.init()

    assert options["before_send"] is scrubbed
    assert not options["include_local_variables"]
    assert (options["max_request_body_size"], options["max_breadcrumbs"]) == ("never", 0)
