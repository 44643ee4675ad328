"""Days and moments as people write them, in English and Spanish."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from leads.fields.typed import FieldError, fold, numbered, typed_text


@dataclass(frozen=True, slots=True)
class DateMention:
    """A day mentioned in running text, with its place."""

    start: int
    end: int
    day: date


_MONTHS = {
    **numbered("january february march april may june july august september october november december"),
    **numbered("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    **numbered("jan feb mar apr may jun jul aug sep oct nov dec"),
    "sept": 9,
}
_WEEKDAYS = {
    **numbered("monday tuesday wednesday thursday friday saturday sunday", start=0),
    **numbered("lunes martes miercoles jueves viernes sabado domingo", start=0),
}
_SEASONS = {
    "spring": 3,
    "summer": 6,
    "fall": 9,
    "autumn": 9,
    "winter": 12,
    "primavera": 3,
    "verano": 6,
    "otono": 9,
    "invierno": 12,
}
_SPANS = {
    "day": 1, "days": 1, "dia": 1, "dias": 1, "week": 7, "weeks": 7, "semana": 7, "semanas": 7, "month": 30,
    "months": 30, "mes": 30, "meses": 30, "year": 365, "years": 365, "ano": 365, "anos": 365,
}  # fmt: skip
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "un": 1, "una": 1, "couple": 2, "couple of": 2, "a couple": 2,
    "a couple of": 2,
    "few": 3, "a few": 3, "dos": 2, "two": 2, "tres": 3, "three": 3, "cuatro": 4, "four": 4, "cinco": 5,
    "five": 5, "seis": 6, "six": 6, "siete": 7, "seven": 7, "ocho": 8, "eight": 8, "nueve": 9, "nine": 9,
    "diez": 10, "ten": 10, "twelve": 12, "doce": 12, "unos": 3, "unas": 3, "un par de": 2,
}  # fmt: skip


def _any(words: Iterable[str]) -> str:
    """Return the alternatives of a verbose pattern, longest first."""
    return "|".join(sorted(words, key=len, reverse=True)).replace(" ", r"\s")


_MONTH, _DAY, _SPAN, _SEASON = (
    _any(_MONTHS),
    _any(_WEEKDAYS),
    _any(_SPANS),
    _any(_SEASONS),
)
_DATE = re.compile(
    rf"""\b(?:
      (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}})
    | (?P<us>\d{{1,2}}[/-]\d{{1,2}}(?:[/-](?:\d{{4}}|\d{{2}}))?)(?![\d/-])
    | (?P<md>(?:{_MONTH})\.?\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?(?![\d:])(?:,?\s+\d{{4}})?)
    | (?P<dm>\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+|de\s+)?(?:{_MONTH})(?:(?:,|\s+de|\s+del)?\s+\d{{4}})?)
    | (?P<my>(?:{_MONTH})\.?,?\s+(?:de\s+|del\s+)?\d{{4}})
    | (?P<ago>(?P<ago_n>\d+|{_any(_COUNTS)})\s+(?P<ago_s>{_SPAN})\s+ago
        |hace\s+(?P<hace_n>\d+|{_any(_COUNTS)})\s+(?P<hace_s>{_SPAN}))
    | (?:(?:in|within|en|dentro\s+de)\s+)?(?:the\s+next\s+|los\s+proximos\s+|las\s+proximas\s+)?
        (?P<in_n>\d+|{_any(_COUNTS)})\s*(?:-|to|or|o|a)?\s*(?P<in_m>\d+)?\s*(?P<in_s>{_SPAN})
    | (?P<end>(?:end\s+of(?:\s+the|\s+this)?|fin(?:ales)?\s+de(?:l|\s+este)?)
        \s+(?:month|year|week|mes|ano|semana))
    | (?P<next>next\s+(?:{_SPAN}|{_SEASON}|{_MONTH}|{_DAY})
        |(?:el\s+|la\s+)?proxim[oa]\s+(?:{_SPAN}|{_SEASON}|{_DAY})|(?:{_SPAN}|{_DAY})\s+que\s+viene)
    | (?P<this>(?:this|later\s+this|early|late)\s+(?:week|weekend|month|year|{_SEASON}|{_DAY})
        |est[ea]\s+(?:fin\s+de\s+semana|semana|mes|ano|{_SEASON}|{_DAY}))
    | (?P<word>today|tonight|tomorrow|yesterday|(?<!la\s)manana|hoy|ayer|pasado\s+manana|now)
    | (?P<wday>{_DAY})
    | (?P<month>{_MONTH})
    | (?P<season>{_SEASON})
    )\b""",
    re.VERBOSE,
)
_OPENERS = frozenset(
    numbered(
        "in within en dentro the los las el la a an next proximo proxima end fin finales this later early "
        "late este esta today tonight tomorrow yesterday manana hoy ayer pasado hace semana mes ano un "
        "una unos"
    )
).union(_MONTHS, _WEEKDAYS, _SEASONS, (word.split()[0] for word in _COUNTS))
_AMBIGUOUS = frozenset({"may", "mar", "march", "dec", "jan", "sep"})
"""Months that are also other words: "may I", "Mar" and "Jan" as names."""

CALENDAR = frozenset(_MONTHS) | frozenset(_WEEKDAYS) | frozenset(_SEASONS)
"""Names of months, weekdays and seasons, folded."""

_WORD = re.compile(r"[a-z]+|\d+")


def parse_when(value: object, *, now: datetime) -> datetime:
    """Return the moment a value names, in UTC: ISO, US or relative dates, (milli)seconds since 1970."""
    if isinstance(value, datetime):
        return _in_range(value)
    if isinstance(value, date):
        return _in_range(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(float(value))
    text = typed_text(value, "date")
    if re.fullmatch(r"\d{10}|\d{13}", text):
        return _from_epoch(float(text))
    iso = _iso(text)
    if iso is not None:
        return _in_range(iso)
    folded = fold(text)
    clock = re.search(r"[ t,]+(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap]m)?$", folded)
    words = re.sub(
        r"^(?:by|before|on|around|about|early|mid|late|para|antes de|el|la|en)\s+",
        "",
        folded,
    )
    match = _DATE.fullmatch(words[: len(words) - len(clock[0])] if clock else words)
    day = _day(match, now.astimezone(UTC).date()) if match else None
    if day is None:
        raise FieldError('This is not a date. Write it like 2026-03-31, 3/31/2026 or "in 3 weeks".')
    moment = _in_range(datetime(day.year, day.month, day.day, tzinfo=UTC))
    if clock is None:
        return moment
    hour, minute = int(clock[1]), int(clock[2])
    if clock[3]:
        hour = hour % 12 + (12 if clock[3] == "pm" else 0)
    if hour > 23 or minute > 59:
        raise FieldError("The time of day does not exist. Write it like 14:30 or 2:30 pm.")
    return moment + timedelta(hours=hour, minutes=minute)


def _iso(text: str) -> datetime | None:
    """Return the moment of an ISO 8601 text, or None."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def parse_date(value: object, *, now: datetime) -> date:
    """Return the day a value names."""
    return parse_when(value, now=now).date()


def dates_in(folded: str, now: datetime) -> Iterator[DateMention]:
    """Yield the days mentioned in folded running text, reckoned from `now`."""
    today = now.astimezone(UTC).date()
    end = 0
    for word in _WORD.finditer(folded):
        if word.start() < end or not (word[0] in _OPENERS or word[0].isdigit()):
            continue
        match = _DATE.match(folded, word.start())
        if match is None or (match["month"] in _AMBIGUOUS and not _month_is_meant(folded, match)):
            continue
        end = match.end()
        day = _day(match, today)
        if day is not None:
            yield DateMention(match.start(), end, day)


def _month_is_meant(folded: str, match: re.Match[str]) -> bool:
    """Tell "by May" from "may I"."""
    return (
        re.search(
            r"\b(?:by|in|until|before|around|of|this|mid|early|late|en|para)\s+$",
            folded[: match.start()],
        )
        is not None
    )


def _day(match: re.Match[str], today: date) -> date | None:
    """Return the day of a match, or None when the calendar has no such day."""
    try:
        return _reckon(match, today)
    except (ValueError, OverflowError):
        return None


def _reckon(match: re.Match[str], today: date) -> date:
    kind = match.lastgroup or ""
    kind = "ago" if kind in {"ago_s", "hace_s"} else "in" if kind in {"in_n", "in_m", "in_s"} else kind
    text = re.sub(r"\s+", " ", match[0])
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    if kind == "iso":
        return date(*numbers)
    if kind == "us":
        return _month_day(today, numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else None)
    if kind in {"md", "dm"}:
        return _month_day(
            today,
            _named(text, _MONTHS),
            numbers[0],
            numbers[1] if len(numbers) > 1 else None,
        )
    if kind == "my":
        return date(numbers[0], _named(text, _MONTHS), 1)
    if kind == "ago":
        count, span = (
            (match["ago_n"], match["ago_s"]) if match["ago_n"] else (match["hace_n"], match["hace_s"])
        )
        return _shift(today, -_count(count), span)
    if kind == "in":
        return _shift(today, _count(match["in_m"] or match["in_n"]), match["in_s"])
    if kind in {"end", "this"}:
        return _within(text, today)
    if kind == "next":
        return _following(text, today)
    if kind == "word":
        offsets = {
            "tomorrow": 1,
            "manana": 1,
            "yesterday": -1,
            "ayer": -1,
            "pasado manana": 2,
        }
        return today + timedelta(days=offsets.get(text, 0))
    if kind == "wday":
        return today + timedelta(days=(_WEEKDAYS[text] - today.weekday()) % 7)
    return _month_day(today, _MONTHS[text] if kind == "month" else _SEASONS[text], 1, None)


def _following(text: str, today: date) -> date:
    """Return the day of "next week", "next June", "next Friday", "el proximo mes"."""
    words = set(text.split())
    if span := words & _SPANS.keys():
        return _shift(today, 1, span.pop())
    if weekday := words & _WEEKDAYS.keys():
        return today + timedelta(days=(_WEEKDAYS[weekday.pop()] - today.weekday() - 1) % 7 + 1)
    named = words & _MONTHS.keys()
    return _month_day(today, _MONTHS[named.pop()] if named else _named(text, _SEASONS), 1, None)


def _within(text: str, today: date) -> date:
    """Return the last day of the span "this week", "end of the month", "this summer" names."""
    words = set(text.split())
    if words & {"week", "weekend", "semana"}:
        return today + timedelta(days=6 - today.weekday())
    if words & {"month", "mes"}:
        return today.replace(day=calendar.monthrange(today.year, today.month)[1])
    if words & {"year", "ano"}:
        return date(today.year, 12, 31)
    if weekday := words & _WEEKDAYS.keys():
        return today + timedelta(days=(_WEEKDAYS[weekday.pop()] - today.weekday()) % 7)
    return _month_day(today, _named(text, _SEASONS), 1, None)


def _month_day(today: date, month: int, day: int, year: int | None) -> date:
    """Return the day; without a year, the first one not in the past."""
    if year is not None:
        return date(year + 2000 if year < 100 else year, month, day)
    here = date(today.year, month, day)
    return here if here >= today else date(today.year + 1, month, day)


def _named(text: str, names: dict[str, int]) -> int:
    return next(names[word] for word in re.findall(r"[a-z]+", text) if word in names)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _COUNTS[text]


def _shift(today: date, count: int, span: str) -> date:
    """Move by days or weeks exactly, by months and years along the calendar."""
    days = _SPANS[span]
    if days < 30:
        return today + timedelta(days=count * days)
    months = today.year * 12 + today.month - 1 + count * (12 if days == 365 else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def _from_epoch(seconds: float) -> datetime:
    try:
        return _in_range(datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= 1e11 else seconds, tz=UTC))
    except (ValueError, OverflowError, OSError):
        raise FieldError("This number is not a date. Write the date like 2026-03-31.") from None


def _in_range(moment: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not 1900 <= moment.year <= 2199:
        raise FieldError("The year is out of range. Write the date like 2026-03-31.")
    return moment.astimezone(UTC)
