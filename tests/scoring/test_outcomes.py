from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leads.events import Kind, Mark
from scoring.outcomes import HORIZON, Look, Outcome, Target, looks

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def day(days: float) -> datetime:
    return START + timedelta(days=days)


def outcome(kind: Kind, days: float, mark: str = "") -> Outcome:
    return Outcome(day(days), kind, mark)


def closing(acts: list[float], *outcomes: Outcome, now: float) -> list[Look]:
    return looks([day(act) for act in acts], outcomes, target=Target.CLOSING, now=day(now))


def test_a_lead_is_looked_at_after_a_day_and_then_each_month() -> None:
    found = closing([0, 20, 50], now=152)

    assert [look.at for look in found] == [day(1), day(31), day(61)]
    assert [look.came for look in found] == [False, False, False]
    assert [look.known_at for look in found] == [day(1) + HORIZON, day(31) + HORIZON, day(61) + HORIZON]


def test_a_moment_whose_horizon_is_not_over_teaches_nothing_even_when_the_deal_closed_already() -> None:
    assert closing([0], outcome(Kind.OPPORTUNITY_WON, 10), now=90) == []
    assert closing([0], outcome(Kind.OPPORTUNITY_WON, 10), now=91) == [Look(day(1), True, day(10))]


def test_after_the_deal_there_is_nothing_left_to_foretell() -> None:
    found = closing([0, 10, 20], outcome(Kind.OPPORTUNITY_WON, 40), now=300)

    assert found == [Look(day(1), True, day(40)), Look(day(31), True, day(40))]


def test_a_deal_beyond_the_horizon_has_not_come() -> None:
    found = closing([0], outcome(Kind.OPPORTUNITY_WON, 91.5), now=120)

    assert [(look.came, look.known_at) for look in found] == [(False, day(91))]


@pytest.mark.parametrize("kind", [Kind.OPPORTUNITY_LOST, Kind.OPPORTUNITY_ABANDONED])
def test_a_lost_lead_is_not_looked_at_until_it_is_open_again(kind: Kind) -> None:
    acts = [0.0, 40.0, 80.0]
    lost = outcome(kind, 10)

    assert [look.at for look in closing(acts, lost, now=300)] == [day(1)]
    assert [look.at for look in closing(acts, lost, outcome(Kind.OPPORTUNITY_REOPENED, 60), now=300)] == [
        *(day(1), day(61), day(91), day(121), day(151)),
    ]


def test_a_lead_silent_for_long_is_not_looked_at() -> None:
    assert [look.at for look in closing([0, 200], now=400)] == [*(day(1), day(31), day(61)), day(211)]


def test_what_an_agent_marked_counts_as_the_crm_would() -> None:
    won = closing([0], outcome(Kind.LEAD_MARKED, 30, Mark.WON), now=200)
    lost = closing([0], outcome(Kind.LEAD_MARKED, 0.5, Mark.LOST), now=200)

    assert won == [Look(day(1), True, day(30))]
    assert lost == []


def test_a_kept_appointment_is_the_other_target() -> None:
    kept = outcome(Kind.APPOINTMENT_SHOWED, 45)
    found = looks([day(0), day(44)], [kept], target=Target.SHOWING, now=day(200))

    assert found == [Look(day(1), True, day(45)), Look(day(31), True, day(45))]
    assert [look.came for look in closing([0, 44], kept, now=152)] == [False, False, False]


def test_a_lead_without_acts_teaches_nothing() -> None:
    assert closing([], outcome(Kind.OPPORTUNITY_WON, 5), now=300) == []
