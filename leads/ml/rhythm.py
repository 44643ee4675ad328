"""When a lead is active: how regular their hours are, and how late.

The state keeps the hours of the week in UTC; the lead's own clock is put on when they are read, from the time
zone of their record, and UTC when the record names none. Summer time counts as it is at that moment.
"""

from __future__ import annotations

import math
from cmath import exp
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from leads.ml.memory import State

HOURS = 16
"""Active hours remembered, each once however much was done in it."""

WEEK = 168
MONDAY = 72
"""Hours from Monday midnight to the start of the epoch, a Thursday."""

WEEKEND = 120
LATE_FROM, LATE_UNTIL = 22, 6
_BY_WEEK = tuple(exp(2j * math.pi * hour / WEEK) for hour in range(WEEK))
_BY_DAY = tuple(exp(2j * math.pi * hour / 24) for hour in range(WEEK))
_OFF_DUTY = tuple(
    complex(hour >= WEEKEND, hour % 24 >= LATE_FROM or hour % 24 < LATE_UNTIL) for hour in range(WEEK)
)
"""Whether an hour is of the weekend (real part) and of the late night (imaginary), to add up in one go."""


def remember(after: State, at: float) -> None:
    """Keep the hour of an act, unless it is the hour of the act before; called before `acted` moves on."""
    hour = int(at // 3600)
    last = after.get("acted")
    if last is None or int(last // 3600) != hour:
        after["hours"] = [*after.get("hours", ()), (hour + MONDAY) % WEEK][-HOURS:]


def tell(values: dict[str, float], state: State, now: datetime, time_zone: str) -> None:
    """Write the features of the lead's hours."""
    hours = state.get("hours")
    if not hours:
        return
    shift = _offset(time_zone, now) if time_zone else 0
    local = [(hour + shift) % WEEK for hour in hours] if shift else hours
    number = len(hours)
    off_duty = sum(map(_OFF_DUTY.__getitem__, local))
    values["weekend_share"], values["late_share"] = off_duty.real / number, off_duty.imag / number
    if number > 1:
        values["week_regularity"] = _regularity(abs(sum(map(_BY_WEEK.__getitem__, hours))), number)
        values["day_regularity"] = _regularity(abs(sum(map(_BY_DAY.__getitem__, hours))), number)


def _regularity(length: float, number: int) -> float:
    """Return the squared mean resultant length, less what chance alone would give."""
    return min(1.0, max(0.0, (length * length / number - 1) / (number - 1)))


def _offset(name: str, now: datetime) -> int:
    """Return the whole hours a zone is ahead of UTC; an unknown one is UTC."""
    zone = _zone(name)
    offset = now.astimezone(zone).utcoffset() if zone is not None else None
    return round(offset.total_seconds() / 3600) if offset is not None else 0


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not in the data, not readable as a file, not a name
        return None
