from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from leads.events import Kind
from leads.ml import features
from leads.ml.features import EventFact, LeadFacts, Market
from tests.histories import START, fact, of

HOUR = 1 / 24


def active(*days: float) -> list[EventFact]:
    """Return a page viewed at each time, in days after a Sunday at 9."""
    return [fact(Kind.PAGE_VIEWED, day, i) for i, day in enumerate(days)]


def test_the_same_hour_every_week_is_wholly_regular() -> None:
    vector = of(*active(0, 7, 14, 21), days=21)

    assert vector["week_regularity"] == pytest.approx(1.0)
    assert vector["day_regularity"] == pytest.approx(1.0)


def test_the_same_hour_of_different_days_is_regular_by_day_only() -> None:
    vector = of(*active(*range(7)), days=6)

    assert vector["week_regularity"] == 0.0
    assert vector["day_regularity"] == pytest.approx(1.0)


def test_regularity_is_the_squared_resultant_less_chance() -> None:
    vector = of(*active(0, 6 * HOUR), days=1)

    # of two hours an angle a apart, n·R² = 1 + cos a and (n·R² − 1) / (n − 1) = cos a
    assert vector["day_regularity"] == pytest.approx(0.0)
    assert vector["week_regularity"] == pytest.approx(math.cos(2 * math.pi * 6 / 168))


def test_one_hour_tells_of_no_regularity() -> None:
    vector = of(*active(0, HOUR / 4, HOUR / 2), days=1)

    assert vector["week_regularity"] == vector["day_regularity"] == 0.0
    assert vector["weekend_share"] == 1.0


def test_weekends_and_late_nights_in_utc_unless_the_record_names_a_zone() -> None:
    # Sunday 9:00, Sunday 22:00, Monday 5:00, Monday 9:00
    acts = active(0, 13 * HOUR, 20 * HOUR, 1)

    utc = of(*acts, days=2)
    pacific = of(
        *acts, days=2, time_zone="America/Los_Angeles"
    )  # eight hours behind: 1, 14, 21 and 1 o'clock
    unknown = of(*acts, days=2, time_zone="Mars/Olympus")

    assert (utc["weekend_share"], utc["late_share"]) == (0.5, 0.5)
    assert (pacific["weekend_share"], pacific["late_share"]) == (0.75, 0.5)
    assert np.array_equal(unknown.values, utc.values)
    assert pacific["week_regularity"] == utc["week_regularity"]


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/localtime", "a\0b", "America", ""])
def test_a_zone_that_is_none_is_utc(zone: str) -> None:
    assert of(*active(0), days=1, time_zone=zone)["weekend_share"] == 1.0


def test_the_clock_is_that_of_the_moment() -> None:
    acts = active(20 * HOUR)  # Monday 5:00 UTC: 21:00 in winter, 22:00 in summer

    assert of(*acts, days=2, time_zone="America/Los_Angeles")["late_share"] == 0.0
    assert of(*acts, days=10, time_zone="America/Los_Angeles")["late_share"] == 1.0


def test_only_the_last_active_hours_count() -> None:
    weekend = [7.0 * week for week in range(16)]
    weekdays = [7.0 * week + 2 for week in range(16, 32)]

    assert of(*active(*weekend), days=300)["weekend_share"] == 1.0
    assert of(*active(*weekend, *weekdays), days=300)["weekend_share"] == 0.0


def test_what_we_do_is_not_their_rhythm() -> None:
    ours = of(fact(Kind.MESSAGE_SENT, 0, 1), fact(Kind.EMAIL_OPENED, 0, 2), days=1)

    assert ours["weekend_share"] == 0.0


@pytest.mark.parametrize(
    ("now", "season", "rising"),
    [
        (datetime(2026, 6, 15, tzinfo=UTC), 1.0, 0.0),
        (datetime(2026, 12, 15, tzinfo=UTC), -1.0, 0.0),
        (datetime(2026, 3, 16, tzinfo=UTC), 0.0, 1.0),
        (datetime(2026, 9, 14, tzinfo=UTC), 0.0, -1.0),
    ],
)
def test_season(now: datetime, season: float, rising: float) -> None:
    vector = features.vector({}, now)

    assert vector["season"] == pytest.approx(season, abs=0.02)
    assert vector["season_rising"] == pytest.approx(rising, abs=0.02)


def test_the_market_is_balanced_unless_told() -> None:
    usual = features.vector({}, START)
    hot = features.vector({}, START, LeadFacts(market=Market(1.5, 0.08, 12.0)))
    odd = features.vector({}, START, LeadFacts(market=Market(-3.0, 7.0, 9_000.0)))
    names = ("months_of_supply", "market_price_change", "days_on_market")

    assert [usual[name] for name in names] == [5.0, 0.0, 45.0]
    assert [hot[name] for name in names] == [1.5, 0.08, 12.0]
    assert [odd[name] for name in names] == [0.0, 1.0, 365.0]
