"""Logs: one JSON line per event on standard error, with a correlation id and without personal data."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from leads.ops import scrub

HANDLER = "hearthline"
QUIET = {
    "asyncio": logging.WARNING,
    "axes": logging.ERROR,
    "celery": logging.WARNING,
    "daphne": logging.WARNING,
    "django.server": logging.WARNING,
    "fontTools": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "kombu": logging.WARNING,
    "numba": logging.WARNING,
    "psycopg": logging.WARNING,
}
OWN_KEYS = frozenset({"at", "level", "logger", "correlation_id", "process", "pid", "error"})
CORRELATION_ID = re.compile(r"[A-Za-z0-9-]{1,36}")

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def current_correlation_id() -> str:
    """Return the id of the request or webhook that caused this work; empty when there is none."""
    return _correlation_id.get()


def bind_correlation_id(value: str = "") -> str:
    """Carry an id through this request or task; one that is empty or malformed is replaced by a new one."""
    kept = value if CORRELATION_ID.fullmatch(value) else str(uuid4())
    _correlation_id.set(kept)
    return kept


@contextmanager
def correlated(value: str = "") -> Iterator[str]:
    """Carry an id through a block, then restore the one before."""
    before = _correlation_id.get()
    try:
        yield bind_correlation_id(value)
    finally:
        _correlation_id.set(before)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; call it with a dotted event name and ids as keywords."""
    return structlog.stdlib.get_logger(name)


def configure(config: Mapping[str, Any]) -> None:
    """Send structlog and the standard library through one JSON handler (settings.LOGGING_CONFIG)."""
    level = str(config.get("level", "INFO"))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[scrub_foreign],
            processors=[
                add_context,
                scrub_event,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                render,
            ],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() == HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("django", "django.server", "gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(True)
    threading.excepthook = log_thread_error


def log_thread_error(args: threading.ExceptHookArgs) -> None:
    """Log the end of a thread by an error, in place of Python's own print of its message."""
    if args.exc_value is not None:
        logging.getLogger("threads").error("thread.ended", exc_info=args.exc_value)


def scrub_foreign(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Reduce a record of another library to words that name no person."""
    record = cast(logging.LogRecord, event["_record"])
    status = getattr(record, "status_code", None)
    request = getattr(record, "request", None)
    args = event.pop("positional_args", None) or record.args
    event.pop("stack_info", None)
    if request is not None and isinstance(status, int):
        match = getattr(request, "resolver_match", None)
        event["event"] = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Refused"
        event["status"] = status
        event["method"] = getattr(request, "method", "")
        event["route"] = match.view_name if match is not None else ""
    elif not record.name.startswith(("py.warnings",)):
        event["event"] = scrub.foreign(record.msg, args)
    else:
        event["event"] = "python.warning"
        event.update(scrub.warning(str(args[0]) if isinstance(args, tuple) and args else str(record.msg)))
    return event


def add_context(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Say when, how serious, from where, and for which request or webhook."""
    record = cast(logging.LogRecord, event["_record"])
    event.pop("positional_args", None)
    error = event.pop("exc_info", None) or record.exc_info
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = scrub.exception(error)
    elif "error" in event:
        event["error"] = scrub.sentence(str(event["error"]))
    event["at"] = structlog.processors.TimeStamper(fmt="iso", utc=True)(_logger, method, {})["timestamp"]
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event["process"] = os.environ.get("PROCESS_NAME", "")
    event["pid"] = record.process
    event.setdefault("correlation_id", current_correlation_id())
    return event


def scrub_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep of every value only what names no person."""
    cleaned: MutableMapping[str, Any] = {}
    for key, value in event.items():
        kept = key in OWN_KEYS or key.startswith("_")
        cleaned[key] = value if kept else scrub.value_of(key, value)
    return cleaned


def render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Write one line of JSON, the event's name first."""
    ordered = {"at": event.pop("at"), "level": event.pop("level"), "event": event.pop("event", ""), **event}
    return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
