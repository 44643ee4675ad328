"""What of a log line may be kept; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

REMOVED = "[removed]"
LONGEST = 160
MOST_FRAMES = 12

PRIVATE_KEYS = frozenset(
    {
        "address",
        "args",
        "authorization",
        "body",
        "contact",
        "content",
        "cookie",
        "data",
        "detail",
        "email",
        "first_name",
        "html",
        "kwargs",
        "last_name",
        "message",
        "name",
        "params",
        "password",
        "payload",
        "phone",
        "query",
        "request",
        "return_value",
        "secret",
        "sql",
        "subject",
        "text",
        "token",
        "username",
    }
)
SENTENCE_KEYS = frozenset({"event", "outcome", "reason"})

EMAIL = re.compile(r"[^\s@<>'\"]+@[^\s@<>'\"]+")
PHONE = re.compile(r"(?<![\w.:-])\+?\(?\d[\d\s().-]{5,}\d(?![\w:-])")
QUERY = re.compile(r"\?\S*")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”|`[^`]*`")
LONG_DIGITS = re.compile(r"\+?\d{7,}")
PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
TOKEN = re.compile(r"[A-Za-z0-9_.:+/-]{1,80}")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:/-]\w+)+")
SHOUT = re.compile(r"[A-Z][A-Z_]{1,15}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
WARNING = re.compile(r"(\S+):(\d+): (\w+):")
IDENTIFIER = re.compile(r"(?=[^-]*\d|[^-]*-)[0-9a-fA-F]{4,}(?:-[0-9a-fA-F]{4,})*")


def sentence(text: str) -> str:
    """Return a short message without e-mails, phones, quoted values or query strings."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    for pattern in (QUOTED, EMAIL, QUERY, PHONE):
        first = pattern.sub(REMOVED, first)
    return first[:LONGEST]


def foreign(template: object, args: object) -> str:
    """Return another library's message with only those of its values that name no person."""
    text = str(template)
    if args and isinstance(template, str):
        named = args if isinstance(args, Mapping) else None
        values = iter(args if isinstance(args, tuple) else (args,))

        def fill(match: re.Match[str]) -> str:
            value = named.get(match.group(1) or "") if named is not None else next(values, "")
            return str(argument(value))

        filled = PLACEHOLDER.sub(fill, text.replace("%%", "\0")).replace("\0", "%")
        return sentence(filled)
    return sentence(re.split(r":\s|[\n'\"]", text, maxsplit=1)[0])


def warning(text: str) -> dict[str, str]:
    """Return the category and place of a Python warning, never its message."""
    found = WARNING.match(text)
    if found is None:
        return {}
    file, line, category = found.groups()
    return {"category": category, "place": f"{'/'.join(PurePath(file).parts[-3:])}:{line}"}


def argument(value: object) -> object:
    """Return a value another library logged, when it is a number, a moment, an id or a dotted name."""
    if isinstance(value, BaseException):
        return type(value).__name__
    if value is None or isinstance(value, bool | float | timedelta | datetime | date | UUID):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**9 else REMOVED
    if isinstance(value, str):
        return value if is_token(value) else REMOVED
    return f"<{type(value).__name__}>"


def is_token(text: str) -> bool:
    """Tell whether a text is an id, a moment, a dotted name or an upper-case word."""
    if not TOKEN.fullmatch(text) or LONG_DIGITS.fullmatch(text):
        return False
    return any(pattern.fullmatch(text) for pattern in (DOTTED, SHOUT, MOMENT, IDENTIFIER)) or text.isdigit()


def value_of(key: str, value: Any) -> Any:
    """Return what may be logged of our own key and value."""
    if key in PRIVATE_KEYS:
        return REMOVED
    if isinstance(value, Enum):
        return value_of(key, value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal | UUID | PurePath):
        return str(value)
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str):
        if key in SENTENCE_KEYS:
            return sentence(value)
        return (
            value if not value or (TOKEN.fullmatch(value) and not LONG_DIGITS.fullmatch(value)) else REMOVED
        )
    if isinstance(value, Mapping):
        return {str(inner): value_of(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [value_of(key, item) for item in value]
    return f"<{type(value).__name__}>"


def exception(error: BaseException) -> dict[str, Any]:
    """Return the class and place of an error, never its message: that may repeat what a person wrote."""
    told: dict[str, Any] = {
        "class": f"{type(error).__module__}.{type(error).__qualname__}",
        "where": frames(error),
    }
    for name in ("sqlstate", "code"):
        code = getattr(error, name, None)
        if isinstance(code, str) and TOKEN.fullmatch(code):
            told[name] = code
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    if constraint:
        told["constraint"] = constraint
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["cause"] = exception_class(cause)
    return told


def exception_class(error: BaseException) -> dict[str, Any]:
    """Return the class of an error that led to another, and its SQL state."""
    told: dict[str, Any] = {"class": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(getattr(error, "sqlstate", None), str):
        told["sqlstate"] = getattr(error, "sqlstate", None)
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    if constraint:
        told["constraint"] = constraint
    return told


def frames(error: BaseException) -> list[str]:
    """Return the innermost places of an error as file:line function."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        short = "/".join(PurePath(code.co_filename).parts[-3:])
        places.append(f"{short}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-MOST_FRAMES:]
