"""A column of a file: numbers, moments or levels of text, and what its text can be read as."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leads.ml.metrics import Values

Codes = NDArray[np.int64]

MISSING = frozenset(
    {"", "-", "--", "?", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "inf", "-inf", "infinity"}
)
"""Spellings of nothing; a form's untouched default such as "Select" is a level of its own."""

YES = frozenset({"1", "1.0", "yes", "y", "true", "t", "sí", "si"})
NO = frozenset({"0", "0.0", "no", "n", "false", "f"})
DAYS = ("%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d", "%d.%m.%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1900, 2200))
EPOCHS = (1e8, 1e10)
"""Numbers between these are seconds since 1970; a thousand times as much, milliseconds."""

_AMOUNT = re.compile(r"([-+(]?)\s*[$€£]?\s*([-+]?)(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?\s*(k|m|mm|b)?\s*([%)]?)")
_SCALES = {None: 1.0, "k": 1e3, "m": 1e6, "mm": 1e6, "b": 1e9}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: numbers or moments (unix seconds), NaN if missing; or levels and each row’s, −1 if so."""

    kind: Literal["number", "moment", "text"]
    numbers: Values
    levels: tuple[str, ...] = ()
    codes: Codes = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.codes) if self.kind == "text" else len(self.numbers)

    def take(self, rows: NDArray[np.int64]) -> Column:
        """Return the column of these rows."""
        if self.kind == "text":
            return text_column(self.levels, self.codes[rows])
        return Column(self.kind, self.numbers[rows])

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Tell of each row whether it holds nothing."""
        return self.codes < 0 if self.kind == "text" else np.isnan(self.numbers)

    def text(self, row: int) -> str:
        """Return what a row holds, as text."""
        if self.missing[row]:
            return ""
        return self.levels[int(self.codes[row])] if self.kind == "text" else plain(self.numbers[row])

    def read(self, reader: Callable[[str], float]) -> Values:
        """Return each row's text read as a number; what is already a number stays one."""
        if self.kind != "text":
            return self.numbers
        told = np.array([*(reader(level) for level in self.levels), math.nan])
        return told[self.codes]


def text_column(levels: Iterable[str], codes: Codes) -> Column:
    """Return a column of text; levels that no row holds are left out."""
    names = tuple(levels)
    held, places = np.unique(codes, return_inverse=True)
    kept = held[held >= 0]
    return Column(
        "text",
        np.zeros(0),
        tuple(names[int(code)] for code in kept),
        places.astype(np.int64) - (len(held) - len(kept)),
    )


def column_of(values: Iterable[str | None]) -> Column:
    """Return text values as a column: surrounding space and spellings of nothing go."""
    index, codes = dict[str, int](), list[int]()
    for value in values:
        told = (value or "").strip()
        codes.append(-1 if told.casefold() in MISSING else index.setdefault(told, len(index)))
    return Column("text", np.zeros(0), tuple(index), np.array(codes, dtype=np.int64))


def number_column(values: Values) -> Column:
    """Return a column of numbers; what is infinite is missing."""
    return Column("number", np.where(np.isfinite(values), values, np.nan))


def plain(number: float) -> str:
    """Return a number as people write it."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(float(number))


def read_number(text: str) -> float:
    """Return the number in "1,200", "$580k", "(35)" or "12%"; NaN when there is none."""
    found = _AMOUNT.fullmatch(text.strip().casefold())
    if found is None or (found[1] == "(") != (found[6] == ")"):
        return math.nan
    value = float(found[3].replace(",", "") + (found[4] or "")) * _SCALES[found[5]]
    value = -value if found[1] in ("-", "(") or found[2] == "-" else value
    return value if math.isfinite(value) else math.nan


def read_moment(text: str) -> float:
    """Return the unix seconds of a date or time as programs write them (UTC unless said); NaN when none."""
    told = text.strip()
    moment = _iso(told)
    if moment is None:
        moment = next((found for day in DAYS for clock in CLOCKS if (found := _by(told, day + clock))), None)
    if moment is None:
        return math.nan
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if EARLIEST <= seconds <= LATEST else math.nan


def read_moment_or_epoch(text: str) -> float:
    """Return the unix seconds of a date, a time, or a number of seconds or milliseconds since 1970."""
    told = read_moment(text)
    if not math.isnan(told):
        return told
    number = read_number(text)
    return float(epochs(np.array([number]))[0])


def epochs(numbers: Values) -> Values:
    """Return numbers of seconds or milliseconds since 1970 as seconds; NaN for what can be neither."""
    low, high = EPOCHS
    seconds = np.where((numbers >= low) & (numbers < high), numbers, np.nan)
    return np.where((numbers >= low * 1e3) & (numbers < high * 1e3), numbers / 1e3, seconds)


def read_flag(text: str) -> float:
    """Return 1 for a yes, 0 for a no, else NaN."""
    told = text.strip().casefold()
    return 1.0 if told in YES else 0.0 if told in NO else math.nan


def _iso(text: str) -> datetime | None:
    if not text[:4].isdigit() or len(text) < 8 or text.isdigit():
        return None
    try:
        return datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return None


def _by(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
