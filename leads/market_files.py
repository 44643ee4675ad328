"""Read market figures from files: a row a month, a column a month (Zillow's way), or rates by day; pure.

A file is read whole or not at all: every row that cannot be read is told with its place and how to mend it.
"""

from __future__ import annotations

import difflib
import math
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from leads.errors import DomainError
from leads.imports import FileError, RowError, Sheet, read_sheet

MOST_FIGURES = 20_000
MOST_COLUMNS = 1_500
"""A column a week for thirty years is some; a file of people has far fewer."""
MOST_RATE, LEAST_RATE = 25.0, 0.5
FIGURES: Mapping[str, tuple[str, float]] = {
    "homes_for_sale": ("homes for sale", 10_000_000),
    "homes_sold": ("homes sold", 10_000_000),
    "months_of_supply": ("months of supply", 120),
    "days_on_market": ("median days on market", 3_650),
}
"""What may be told of a month: its words, and the most it can be."""
WHOLE = frozenset({"homes_for_sale", "homes_sold"})
SERIES: Mapping[str, tuple[str, float]] = {
    **FIGURES,
    "home_value": ("typical home value", 1e9),
    "list_price": ("median list price", 1e9),
    "sale_price": ("median sale price", 1e9),
    "rent": ("typical rent", 1e6),
}
"""What the columns of a table with a column a month, or a week, may hold."""

_SPELLINGS = {
    "area": "area|market|region|region name|metro|county|city|zip|place",
    "month": "month|date|period|month ending|day|observation date",
    "homes_for_sale": "homes for sale|for sale|inventory|active listings|active|for sale inventory",
    "homes_sold": "homes sold|sold|sales|closed sales|sales count",
    "months_of_supply": "months of supply|months supply|supply|mos",
    "days_on_market": "days on market|median days on market|median dom|dom",
    "mortgage_rate": "mortgage rate|rate|mortgage30us|30 year fixed|30 year rate",
}
_FIELDS = {spelling: name for name, words in _SPELLINGS.items() for spelling in words.split("|")}
_WIDE = {
    "invt": "homes_for_sale",
    "sales_count": "homes_sold",
    "zhvi": "home_value",
    "mlp": "list_price",
    "sale_price": "sale_price",
    "zori": "rent",
}
"""Parts of the names of Zillow's files, and what their columns hold."""
_MONTHS = ("%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%Y/%m")
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%d %b %Y", "%Y/%m/%d")
_MISSING = frozenset({"", ".", "-", "–", "n/a", "na", "nan", "null"})  # noqa: RUF001
KINDS = (
    "Known are: a row a month (area, month, homes_for_sale, homes_sold, mortgage_rate …), Zillow's tables"
    " with a column a month (RegionName, 2026-01-31 …), and rates by day (DATE, MORTGAGE30US)."
)


class MarketRefused(DomainError):
    """A file that was not taken in, with everything that is wrong with it."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        count = len(errors)
        rows = "One figure" if count == 1 else f"{count:,} figures"
        super().__init__(f"{rows} cannot be read, so nothing of the file was kept.", "rows")
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class MonthFact:
    """What a file tells of an area in a month (its first day)."""

    area: str
    month: date
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MarketFile:
    """What a file tells, and the columns nothing was taken from."""

    months: tuple[MonthFact, ...] = ()
    rates: Mapping[date, float] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A measure of a region on a day; of a month its last day; no region is the whole country."""

    region: str
    measure: str
    day: date
    value: float


def read_series(
    content: bytes, file_name: str, *, today: date, measure: str = "", areas: Sequence[str] = ()
) -> tuple[Point, ...]:
    """Return every figure of a file up to today, rates as `mortgage_rate`; else as `read_market` does."""
    sheet = read_sheet(content, file_name, most_columns=MOST_COLUMNS)
    named, dated = _wide_columns(sheet)
    if named and dated:
        return tuple(_read_wide(sheet, named, dated, file_name, today, measure, areas, SERIES))
    told = read_market(content, file_name, today=today, areas=areas)
    return (
        *(
            Point(one.area, name, month_end(one.month), value)
            for one in told.months
            for name, value in one.figures.items()
        ),
        *(Point("", "mortgage_rate", day, rate) for day, rate in told.rates.items()),
    )


def _wide_columns(sheet: Sheet) -> tuple[str, list[str]]:
    """Return the column that names areas and those that are days; empty where there is none."""
    named = [column for column in sheet.columns if _FIELDS.get(_squeezed(column)) == "area"]
    return named[0] if named else "", [column for column in sheet.columns if _ISO.fullmatch(column)]


def read_market(
    content: bytes, file_name: str, *, today: date, figure: str = "", areas: Sequence[str] = ()
) -> MarketFile:
    """Return the figures of a file up to today.

    `figure` says what a table with a column a month holds, where its name does not; `areas` chooses some.
    Raises FileError where it is no such file, MarketRefused where some of it cannot be read.
    """
    sheet = read_sheet(content, file_name, most_columns=MOST_COLUMNS)
    fields = {_FIELDS.get(_squeezed(column), ""): column for column in reversed(sheet.columns)}
    named, dated = _wide_columns(sheet)
    if named and dated:
        points = _read_wide(sheet, named, dated, file_name, today, figure, areas, FIGURES)
        return MarketFile(
            tuple(MonthFact(one.region, one.day.replace(day=1), {one.measure: one.value}) for one in points)
        )
    if "month" not in fields or not {"mortgage_rate", *FIGURES} & fields.keys():
        raise FileError(f"The columns tell no market figures. {KINDS}", "columns")
    if "area" not in fields and set(FIGURES) & fields.keys():
        raise FileError(f"Say in a column “area” which area the figures are of. {KINDS}", "columns")
    return _read_long(sheet, fields, today, areas)


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def _squeezed(heading: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", spaced.lower()).split())


def month_end(month: date) -> date:
    """Return the last day of a month, from which on its figures are known."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def squeezed_area(text: str) -> str:
    """Return an area's name as it is kept."""
    return " ".join(text.split())[:120]


@dataclass(slots=True)
class _Errors:
    found: list[RowError] = field(default_factory=list)

    def add(self, row: int, column: str, what: str, mend: str) -> None:
        self.found.append(RowError(row, column, what, mend))

    def done(self) -> None:
        if self.found:
            raise MarketRefused(self.found)


def _read_long(sheet: Sheet, fields: Mapping[str, str], today: date, areas: Sequence[str]) -> MarketFile:
    """Read a row a month, or a row a day of rates alone; row 1 of the file is its headings."""
    errors, months, rates = _Errors(), dict[tuple[str, date], MonthFact](), dict[date, float]()
    told = [name for name in FIGURES if name in fields]
    wanted = {area.casefold() for area in areas}
    for number, row in enumerate(sheet.rows, start=2):
        before = len(errors.found)
        area = squeezed_area(str(row.get(fields.get("area", ""), "") or ""))
        if told and not area:
            errors.add(number, fields["area"], "The area is missing.", "Write which area the row is of.")
        if wanted and area.casefold() not in wanted:
            continue
        day = _day(number, fields["month"], row, today, errors, of_month=bool(told))
        figures = {
            name: value
            for name in told
            if (value := _figure(number, fields[name], row, name, errors)) is not None
        }
        rate = _rate(number, fields["mortgage_rate"], row, errors) if "mortgage_rate" in fields else None
        if len(errors.found) > before or day is None:
            continue
        if not figures and rate is None:
            if told:
                errors.add(number, "", "The row tells no figure.", "Fill one in, or delete the row.")
            continue
        if figures:
            key = (area.casefold(), day.replace(day=1))
            if key in months:
                mend = "Leave one of the two rows."
                errors.add(number, fields["month"], f"{area} has this month in another row.", mend)
            months[key] = MonthFact(area, key[1], figures)
        if rate is not None:
            at = month_end(day) if told else day
            if rates.get(at, rate) != rate:
                what = f"Another row gives {rates[at]:g} for {at:%-d %B %Y}."
                errors.add(number, fields["mortgage_rate"], what, "There is one rate for all areas.")
            rates[at] = rate
    if wanted and not errors.found and not months and not rates:
        errors.add(1, fields.get("area", ""), "None of these areas is in the file.", "Check their names.")
    errors.done()
    _check_size(len(months) + len(rates))
    known = set(fields.values())
    return MarketFile(
        tuple(months.values()), rates, tuple(name for name in sheet.columns if name not in known)
    )


def _read_wide(
    sheet: Sheet,
    named: str,
    dated: Sequence[str],
    file_name: str,
    today: date,
    figure: str,
    areas: Sequence[str],
    allowed: Mapping[str, tuple[str, float]],
) -> list[Point]:
    """Read a row an area and a column a month; a column a day where several fall into one month."""
    figure = figure or next((told for part, told in _WIDE.items() if part in file_name.lower()), "")
    if figure not in allowed:
        words = ", ".join(words for words, _ in allowed.values())
        raise FileError(f"Say what the columns of this table hold: {words}.", "figure")
    errors, points = _Errors(), dict[tuple[str, date], Point]()
    wanted = {squeezed_area(area).casefold(): area for area in areas if area.strip()}
    rows = [
        (number, squeezed_area(str(row.get(named, ""))), row)
        for number, row in enumerate(sheet.rows, start=2)
    ]
    present = {area.casefold(): area for _, area, _ in rows}
    for key, area in wanted.items():
        if key not in present:
            near = [present[one] for one in difflib.get_close_matches(key, present, 3, 0.5)]
            mend = f"Do you mean {' or '.join(near)}?" if near else "Write it as in the file."
            errors.add(1, named, f"There is no area “{area}” in the file.", mend)
    errors.done()
    chosen = [one for one in rows if not wanted or one[1].casefold() in wanted]
    _check_size(len(chosen) * len(dated))
    of_month = allowed is FIGURES or len({column[:7] for column in dated}) == len(dated)
    ends = {column: _day(1, column, {column: column}, today, errors, of_month=of_month) for column in dated}
    for number, area, row in chosen:
        if not area:
            errors.add(number, named, "The area is missing.", "Write which area the row is of.")
            continue
        for column, day in ends.items():
            value = _figure(number, column, row, figure, errors)
            if value is None or day is None:
                continue
            place = (area.casefold(), day)
            if place in points:
                errors.add(number, column, f"{area} has this month twice.", "Keep one column a month.")
            points[place] = Point(area, figure, day, value)
    errors.done()
    return list(points.values())


def _check_size(count: int) -> None:
    if count > MOST_FIGURES:
        raise FileError(
            f"The file holds {count:,} figures, at most {MOST_FIGURES:,} are taken in: name your areas.",
            "areas",
        )


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _day(
    number: int, column: str, row: Mapping[str, object], today: date, errors: _Errors, *, of_month: bool
) -> date | None:
    """Return a row's day; of a month its last, which must be over."""
    text = _text(row, column)
    day = parsed_day(text)
    if day is None:
        what = f"“{text[:40]}” is no month." if text else "The month is missing."
        errors.add(number, column, what, "Write it as 2026-09 or 2026-09-30.")
        return None
    last = month_end(day) if of_month else day
    if last > today:
        what = f"{day:%B %Y} is not over." if of_month else "The day is still to come."
        errors.add(number, column, what, "Leave the row out until its figures are known.")
        return None
    if day.year < 1900:
        errors.add(number, column, f"{day.year} is too long ago.", "Write the year with four digits.")
        return None
    return last if of_month or _is_month(text) else day


def parsed_day(text: str) -> date | None:
    """Return the day a text names; of a month its first."""
    text = text.strip()[:19].split("T")[0].removesuffix(" 00:00:00")
    return _tried(text, _MONTHS) or _tried(text, _DAYS)


def _is_month(text: str) -> bool:
    return _tried(text.strip(), _MONTHS) is not None


def _tried(text: str, forms: Iterable[str]) -> date | None:
    for form in forms:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 a day has no time zone
        except ValueError:
            continue
    return None


def _figure(number: int, column: str, row: Mapping[str, object], name: str, errors: _Errors) -> float | None:
    words, most = SERIES[name]

    def check(value: float) -> str:
        if value < 0 or value > most or (name == "months_of_supply" and value == 0):
            return f"{value:g} {words} cannot be."
        return ""

    value = _number(number, column, row, errors, check, f"Write {words} as a number, at most {most:,g}.")
    return float(round(value)) if value is not None and name in WHOLE else value


def _rate(number: int, column: str, row: Mapping[str, object], errors: _Errors) -> float | None:
    def check(value: float) -> str:
        return "" if LEAST_RATE <= value <= MOST_RATE else f"A rate of {value:g}% cannot be."

    return _number(number, column, row, errors, check, "Write percent: 6.5, not 0.065.")


def _number(
    number: int,
    column: str,
    row: Mapping[str, object],
    errors: _Errors,
    check: Callable[[float], str],
    mend: str,
) -> float | None:
    """Return a cell's number; None where it is empty or, which is told, cannot be read."""
    text = _text(row, column)
    if text.lower() in _MISSING:
        return None
    try:
        value = float(text.removesuffix("%").replace(",", "").strip())
    except ValueError:
        value = math.nan
    what = f"“{text[:40]}” is no number." if not math.isfinite(value) else check(value)
    if what:
        errors.add(number, column, what, mend)
        return None
    return value
