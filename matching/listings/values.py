"""Read single values of a record: numbers with bounds, dates, lookups, collections, links."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from leads.fields import FieldError, parse_when
from matching.listings import dictionary
from matching.listings.dictionary import Field, Type

CENT = Decimal("0.01")
YEARS_AHEAD = 6
"""A home may be sold before it is built, but not long before."""
SCALAR = (str, int, float)  # a tuple: a union is four times slower to ask
MOST_OTHER = 700
TEXT_OF_OTHER = 8_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a record: the field, what, how to mend it; `kept` when the rest was stored."""

    field: str
    what: str
    mend: str
    kept: bool = False


class Wrong(Exception):
    """A value that cannot be read: what is wrong, how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(slots=True)
class Notes:
    """What is found wrong or unknown while a record is read."""

    faults: list[Fault] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, name: str, what: str, mend: str) -> None:
        self.faults.append(Fault(name, what, mend))

    def leave_out(self, name: str, what: str, mend: str) -> None:
        self.faults.append(Fault(name, what, mend, kept=True))


def read_key(value: object) -> str:
    """Return a key as text; a number is taken as it is written."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip().replace("\0", "")[:255]


def read_text(value: object, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, SCALAR):
        return ""
    return _cleaned(str(value))[:limit]


def _cleaned(text: str) -> str:
    return text.replace("\0", "").strip() if "\0" in text else text.strip()


def read_number(value: object) -> Decimal | None:
    """Return a number, or None for what is none; "$525,000" is one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    bare = value.strip().removeprefix("$").replace(",", "").strip()
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _bounded(known: Field, value: object, now: datetime) -> Decimal:
    number = read_number(value)
    if number is None:
        raise Wrong("This is not a number.", "Write digits, like 525000.")
    high = known.high if known.high is not None else now.year + YEARS_AHEAD
    if known.type is Type.MONEY and known.low and number <= 0:
        raise Wrong("The price is zero or below.", "Write the price, or leave it empty.")
    if (known.low is not None and number < known.low) or number > high:
        raise Wrong(
            f"{known.name} is out of range.", f"Write a number from {known.low or 0:,.0f} to {high:,.0f}."
        )
    return number


def _text_of(known: Field, value: object, notes: Notes, now: datetime) -> str:
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value if isinstance(item, SCALAR))
    if isinstance(value, bool) or not isinstance(value, SCALAR):
        raise Wrong("This is not text.", "Write it as text.")
    text = _cleaned(str(value))
    if known.column == "state_or_province":
        return _state(text)
    if len(text) > known.length:
        notes.leave_out(
            known.name,
            f"The text is longer than {known.length:,} characters.",
            "Shorten it: the rest was cut.",
        )
        text = text[: known.length]
    return text


def _state(text: str) -> str:
    code = text.upper() if len(text) == 2 else _STATES.get(dictionary.squeeze(text), "")
    if len(code) != 2 or not code.isalpha():
        raise Wrong("This is not a state or province.", "Write its two letters, like WA.")
    return code


def _money_of(known: Field, value: object, notes: Notes, now: datetime) -> Decimal:
    return _bounded(known, value, now).quantize(CENT)


def _decimal_of(known: Field, value: object, notes: Notes, now: datetime) -> Decimal:
    return _bounded(known, value, now).quantize(Decimal("0.1"))


def _whole_of(known: Field, value: object, notes: Notes, now: datetime) -> int:
    number = _bounded(known, value, now)
    if number != int(number):
        raise Wrong("This is not a whole number.", "Write it without a fraction.")
    return int(number)


def _degrees_of(known: Field, value: object, notes: Notes, now: datetime) -> float:
    number = read_number(value)
    if number is None or not (known.low or 0) <= number <= (known.high or 0):
        raise Wrong(
            "This is not a coordinate.",
            f"Write degrees from {known.low:.0f} to {known.high:.0f}, like 47.6062.",
        )
    return float(number)


def _lookup_of(known: Field, value: object, notes: Notes, now: datetime) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise Wrong("This is not text.", "Write one value of the dictionary.")
    lookup = known.lookup or known.name
    raw = value.replace("\0", "").strip()
    standard = dictionary.standard_value(lookup, raw)
    if standard is None:
        notes.unknown.append((lookup, raw[:100]))
        standard = raw
    return standard[: known.length]


def _yes_no_of(known: Field, value: object, notes: Notes, now: datetime) -> bool:
    return read_yes_no(value)


_YES = frozenset({"true", "yes", "y", "1", "t"})
_NO = frozenset({"false", "no", "n", "0", "f"})


def read_yes_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Wrong("This is neither yes nor no.", "Write true or false, or leave it empty.")


def _date_of(known: Field, value: object, notes: Notes, now: datetime) -> date:
    day = _moment(value, now).date()
    if not 1900 <= day.year <= now.year + 20:
        raise Wrong(f"{known.name} is out of range.", "Write a date like 2026-01-31.")
    return day


def _moment_of(known: Field, value: object, notes: Notes, now: datetime) -> datetime:
    moment = _moment(value, now)
    if not moment.year >= 1900 or moment > now + timedelta(days=1):
        raise Wrong(f"{known.name} is in the future, or long ago.", "Write when it was, with the offset.")
    return moment


def _moment(value: object, now: datetime) -> datetime:
    """Return a moment; one without an offset is taken as UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass
        try:
            return parse_when(value, now=now)
        except FieldError:
            pass
    raise Wrong("This is not a date.", "Write it like 2026-01-31 or 2026-01-31T14:30:00Z.")


READERS: Mapping[Type, Callable[[Field, object, Notes, datetime], Any]] = {
    Type.TEXT: _text_of,
    Type.MONEY: _money_of,
    Type.AREA: _money_of,
    Type.DECIMAL: _decimal_of,
    Type.WHOLE: _whole_of,
    Type.DATE: _date_of,
    Type.MOMENT: _moment_of,
    Type.YES_NO: _yes_no_of,
    Type.LOOKUP: _lookup_of,
    Type.DEGREES: _degrees_of,
}


def read_collection(lookup: str, value: object, notes: Notes) -> list[str] | None:
    """Return the standard values of a collection, unknown ones as they came; a text has them with commas."""
    if value is None or value == "" or value == []:
        return None
    raw: Iterable[object] = value if isinstance(value, list) else re.split(r"[,;|]", str(value))
    found: dict[str, None] = {}
    for item in raw:
        text = _cleaned(str(item)) if isinstance(item, SCALAR) else ""
        if not text:
            continue
        standard = dictionary.standard_value(lookup, text[:200])
        if standard is None:
            notes.unknown.append((lookup, text[:100]))
            standard = text[:200]
        found[standard] = None
    return list(found)[:100] or None


def plain(value: object, depth: int = 0) -> Any:
    """Return a value as it can be kept: bounded, of JSON's types, without what may never be kept."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\0", "")[:TEXT_OF_OTHER]
    if depth > 4:
        return None
    if isinstance(value, Mapping):
        return {
            str(name)[:100]: plain(item, depth + 1)
            for name, item in list(value.items())[:MOST_OTHER]
            if not dictionary.is_never_kept(str(name)) and not dictionary.is_private(str(name))
        }
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value[:MOST_OTHER]]
    return str(value)[:TEXT_OF_OTHER]


def is_web_address(link: str) -> bool:
    """Tell whether a link is a web address we may show."""
    return re.fullmatch(r"https?://[^\s\"'<>\\]{3,1990}", link.strip()) is not None


def read_stamp(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1900 <= moment.year <= 2200 else None


def looked_up(lookup: str, value: object, limit: int) -> str:
    text = read_text(value, 200)
    return (dictionary.standard_value(lookup, text) or text)[:limit] if text else ""


def many(lookup: str, value: object) -> list[str]:
    return read_collection(lookup, value, Notes()) or []


_STATES = {dictionary.squeeze(name): code for code, name in dictionary.STATES.items()}
