from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.test import Client, RequestFactory

from leads.models import User
from leads.ops import logs, scrub

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Give a function that returns what our handler wrote since the test began."""
    handler = next(each for each in logging.getLogger().handlers if each.get_name() == logs.HANDLER)
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    if before is not None:
        handler.setStream(before)


def test_a_line_is_json_with_time_level_place_and_correlation_id(lines: Lines) -> None:
    with logs.correlated("abc-1"):
        logs.get_logger("leads.door").info("webhook.accepted", delivery=7, location="loc1")

    (line,) = lines()
    assert line["event"] == "webhook.accepted"
    assert (line["level"], line["logger"], line["correlation_id"]) == ("info", "leads.door", "abc-1")
    assert (line["delivery"], line["location"]) == (7, "loc1")
    assert line["at"].endswith("Z")


def test_a_correlation_id_is_restored_after_the_block() -> None:
    with logs.correlated("outer"):
        with logs.correlated("inner"):
            assert logs.current_correlation_id() == "inner"
        assert logs.current_correlation_id() == "outer"


@pytest.mark.parametrize("given", ["", "has space", "x" * 37, "<script>", "a\nb"])
def test_a_malformed_correlation_id_is_replaced(given: str) -> None:
    with logs.correlated(given) as kept:
        assert kept != given
        assert len(kept) == 36


def test_private_keys_are_removed_and_ids_are_kept(lines: Lines) -> None:
    logs.get_logger("x").info(
        "lead.seen", lead=5, email="zed@marked.example", first_name="Zed", body="hello there"
    )

    (line,) = lines()
    assert line["lead"] == 5
    assert [line[key] for key in ("email", "first_name", "body")] == [scrub.REMOVED] * 3


def test_free_text_phones_and_addresses_never_pass_as_values(lines: Lines) -> None:
    logs.get_logger("x").info(
        "seen", note="Zed Marker called", where="+15550109999", who="zed@marked.example"
    )

    (line,) = lines()
    assert [line[key] for key in ("note", "where", "who")] == [scrub.REMOVED] * 3


def test_a_reason_keeps_its_words_but_no_address_phone_or_quote(lines: Lines) -> None:
    logs.get_logger("x").warning(
        "refused", reason="bad 'Zed Marker' zed@marked.example +1 (555) 010-9999 at /a?q=Zed"
    )

    assert lines()[0]["reason"] == "bad [removed] [removed] [removed] at /a[removed]"


def test_an_exception_keeps_class_and_place_but_not_its_message(lines: Lines) -> None:
    try:
        raise ValueError("Zed Marker said no")
    except ValueError:
        logs.get_logger("x").exception("work.failed", lead=1)

    (line,) = lines()
    assert line["error"]["class"] == "builtins.ValueError"
    assert line["error"]["where"][-1].startswith("tests/leads/test_logs.py:")
    assert "Zed" not in json.dumps(line)


def test_an_error_raised_from_another_names_the_cause(lines: Lines) -> None:
    try:
        try:
            raise KeyError("Zed")
        except KeyError as error:
            raise RuntimeError("Zed again") from error
    except RuntimeError:
        logging.getLogger("x").exception("broke")

    assert lines()[0]["error"]["cause"] == {"class": "builtins.KeyError"}


@pytest.mark.django_db
def test_a_database_error_keeps_state_and_constraint_but_no_value(lines: Lines) -> None:
    User.objects.create_user("marked@person.example")
    with pytest.raises(IntegrityError) as raised:
        User.objects.create_user("marked@person.example")
    connection.set_rollback(True)

    logging.getLogger("x").error("failed: %s", raised.value, exc_info=raised.value)

    (line,) = lines()
    assert isinstance(raised.value.__cause__, psycopg.errors.UniqueViolation)
    assert line["error"]["cause"] == {
        "class": "psycopg.errors.UniqueViolation",
        "sqlstate": "23505",
        "constraint": "leads_user_email_key",
    }
    assert "marked" not in json.dumps(line)


def test_messages_of_other_libraries_keep_only_harmless_values(lines: Lines) -> None:
    logging.getLogger("celery").warning(
        "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s",
        {
            "name": "scoring.tasks.score_events",
            "id": "0c5f0f1e-aaaa-4bbb-8ccc-1234567890ab",
            "runtime": 0.25,
            "return_value": "Zed",
        },
    )
    logging.getLogger("other").warning("Saved %s as %d: %s", "Zed", 3, ValueError("Zed"))
    logging.getLogger("other").warning("Exception inside application: Zed")
    logging.getLogger("other").warning("100%% of %s", "Zed")

    assert [line["event"] for line in lines()] == [
        "Task scoring.tasks.score_events[0c5f0f1e-aaaa-4bbb-8ccc-1234567890ab] succeeded in 0.25s: [removed]",
        "Saved [removed] as 3: ValueError",
        "Exception inside application",
        "100% of [removed]",
    ]


def test_warnings_and_thread_errors_say_nothing_of_their_text(lines: Lines) -> None:
    def fail() -> None:
        raise KeyError("Zed")

    thread = threading.Thread(target=fail)
    before, threading.excepthook = threading.excepthook, logs.log_thread_error
    try:
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    logs_of_warnings = logging.getLogger("py.warnings")
    logs_of_warnings.warning("%s", warnings.formatwarning("Zed", UserWarning, "/a/b/c/f.py", 1))

    thread_line, warning_line = lines()
    assert thread_line["event"] == "thread.ended"
    assert thread_line["error"]["class"] == "builtins.KeyError"
    assert warning_line["event"] == "python.warning"
    assert (warning_line["category"], warning_line["place"]) == ("UserWarning", "b/c/f.py:1")
    assert "Zed" not in json.dumps([thread_line, warning_line])


def test_a_refused_request_is_logged_by_route_not_by_path(lines: Lines, rf: RequestFactory) -> None:
    request = rf.get("/leads/Zed-Marker/?q=Zed")

    logging.getLogger("django.request").warning(
        "%s: %s", "Not Found", request.path, extra={"status_code": 404, "request": request}
    )

    (line,) = lines()
    assert (line["event"], line["status"], line["method"], line["route"]) == ("Not Found", 404, "GET", "")
    assert "Zed" not in json.dumps(line)


def test_a_page_that_does_not_exist_logs_no_path(lines: Lines, client: Client, db: None) -> None:
    client.get("/zed-marker/?email=zed@marked.example")

    assert [line["event"] for line in lines()] == ["Not Found"]
    assert "zed" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("scoring.tasks.score", True),
        ("GET", True),
        ("42", True),
        ("2026-11-23T10:00:00Z", True),
        ("0c5f0f1e-aaaa-4bbb-8ccc-1234567890ab", True),
        ("Zed", False),
        ("5550109999", False),
        ("zed@marked.example", False),
        ("two words", False),
    ],
)
def test_a_token_is_an_id_or_a_dotted_name(text: str, passes: bool) -> None:
    assert scrub.is_token(text) is passes


def test_an_error_given_as_a_value_keeps_its_class_but_not_its_message(lines: Lines) -> None:
    logs.get_logger("x").warning("not.sent", error=ValueError("Zed Marker"))
    logs.get_logger("x").warning("not.sent", error="refused zed@marked.example")

    first, second = lines()
    assert first["error"] == {"class": "builtins.ValueError", "where": []}
    assert second["error"] == "refused [removed]"
