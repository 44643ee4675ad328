"""Typed, bounded reading of an untrusted JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Never

import orjson

MAX_INTEGER = 2**53
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class PayloadError(Exception):
    """A body that is not what its type promises; the message holds no value from the body."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def decode(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in these bytes, or raise PayloadError."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = _decode_leniently(raw)
    if not isinstance(body, dict):
        raise PayloadError("body", "must be a JSON object")
    return body


def _decode_leniently(raw: bytes) -> object:
    """Read what JavaScript may send and orjson refuses: half of a surrogate pair in a string."""
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise PayloadError("body", "is not JSON") from None


def _refuse(constant: str) -> Never:
    raise ValueError(constant)


def clean(text: str) -> str:
    """Return text that PostgreSQL and every browser can hold: no NUL, no half surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clean_value(value: object, *, depth: int = 4) -> Any:
    """Return a JSON value with clean texts, finite numbers and bounded depth and length."""
    if isinstance(value, str):
        return clean(value)[:5_000]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else str(value)[:40]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        pairs = list(value.items())[:100]
        return {clean(str(key))[:200]: clean_value(item, depth=depth - 1) for key, item in pairs}
    if isinstance(value, list):
        return [clean_value(item, depth=depth - 1) for item in value[:100]]
    return None


class Reader:
    """One JSON object, read field by field; absent and null are empty, a wrong type is an error."""

    __slots__ = ("body", "path")

    def __init__(self, body: Mapping[str, Any], path: str = "") -> None:
        self.body = body
        self.path = path

    def error(self, key: str, message: str) -> PayloadError:
        """Return the error for one field, named by its full path."""
        return PayloadError(f"{self.path}{key}", message)

    def text(self, key: str, limit: int = 500) -> str:
        """Return a text, shortened to the limit."""
        value = self.body.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(key, "must be a text")
        return clean(value).strip()[:limit]

    def name(self, key: str, limit: int = 100) -> str:
        """Return an id: a text without blanks inside, not longer than the limit."""
        value = self.text(key, limit + 1)
        if len(value) > limit:
            raise self.error(key, f"must be at most {limit} characters")
        if any(character.isspace() for character in value):
            raise self.error(key, "must not contain blanks")
        return value

    def required(self, key: str) -> str:
        """Return an id that must be there."""
        value = self.name(key)
        if not value:
            raise self.error(key, "is missing")
        return value

    def loose(self, key: str, limit: int = 500) -> str:
        """Return a text where GHL sometimes sends an object or a list instead; those count as empty."""
        value = self.body.get(key)
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, str)), None)
        return clean(value).strip()[:limit] if isinstance(value, str) else ""

    def number(self, key: str) -> float | None:
        """Return a number, also from a text that holds one."""
        value = self.body.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self.error(key, "must be a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, "must be a number")
        if not math.isfinite(value) or abs(value) > MAX_INTEGER:
            raise self.error(key, "is out of range")
        return float(value)

    def whole(self, key: str) -> int | None:
        """Return a whole number."""
        value = self.number(key)
        return None if value is None else int(value)

    def flag(self, key: str) -> bool | None:
        """Return true, false or nothing."""
        value = self.body.get(key)
        if value is None or isinstance(value, bool):
            return value
        raise self.error(key, "must be true or false")

    def texts(self, key: str, limit: int = 200) -> tuple[str, ...]:
        """Return a list of texts, without empty ones and repeats, in order."""
        value = self.body.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.error(key, "must be a list")
        seen: dict[str, None] = {}
        for item in value[:500]:
            if not isinstance(item, str):
                raise self.error(key, "must hold texts only")
            if text := clean(item).strip()[:limit]:
                seen[text] = None
        return tuple(seen)

    def child(self, key: str) -> Reader:
        """Return the object under a key; an absent one reads as empty."""
        value = self.body.get(key)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise self.error(key, "must be an object")
        return Reader(value, f"{self.path}{key}.")

    def when(self, key: str) -> datetime | None:
        """Return a moment in UTC from ISO text or from seconds or milliseconds since 1970."""
        value = self.body.get(key)
        if value is None or value == "":
            return None
        moment = read_moment(value)
        if moment is None:
            raise self.error(key, "must be a date and time")
        return moment


def read_moment(value: object) -> datetime | None:
    """Return a moment in UTC, or None when the value holds no plausible one."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > 10_000_000_000 else value
            moment = datetime.fromtimestamp(seconds, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if EARLIEST <= moment <= LATEST else None
