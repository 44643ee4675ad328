from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from matching.market.spells import (
    NEVER,
    UNSAID,
    Changes,
    Contracts,
    Phase,
    Prices,
    cumulative_of,
    first_prices,
    prices_at,
    spells_of,
)

NAN = float("nan")


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def contracts(*rows: dict[str, Any]) -> Contracts:
    """Return listings told by some of their columns."""

    def column(name: str, default: float, kind: type) -> Any:
        values = [row.get(name, default) for row in rows]
        return np.array([day(one) if isinstance(one, str) else one for one in values], dtype=kind)

    return Contracts(
        phase=column("phase", Phase.ACTIVE, np.int64),
        started=column("started", NEVER, np.int64),
        is_start_known=column("known", True, bool),
        contracted=column("contracted", NEVER, np.int64),
        closed=column("closed", NEVER, np.int64),
        off=column("off", NEVER, np.int64),
        list_price=column("list_price", NAN, np.float64),
        original_price=column("original_price", NAN, np.float64),
        close_price=column("close_price", NAN, np.float64),
        living_area=column("living_area", NAN, np.float64),
        home=column("home", -1, np.int64),
    )


def changes(*rows: tuple[int, str, int, int]) -> Changes:
    told = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Changes(
        np.array(told[0], dtype=np.int64),
        np.array([day(one) for one in told[1]], dtype=np.int64),
        np.array(told[2], dtype=np.int64),
        np.array(told[3], dtype=np.int64),
    )


def prices(*rows: tuple[int, str, float, float]) -> Prices:
    told = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Prices(
        np.array(told[0], dtype=np.int64),
        np.array([day(one) for one in told[1]], dtype=np.int64),
        np.array(told[2], dtype=np.float64),
        np.array(told[3], dtype=np.float64),
    )


def phases(of: Contracts, moved: Changes, days: Sequence[str]) -> list[int | None]:
    """Return the phase of the first listing at the end of days."""
    spells = spells_of(of, moved)
    return [
        next((int(phase) for phase in Phase if 0 in spells.standing(phase, day(one))), None) for one in days
    ]


def test_pauses_are_left_out_of_days_on_market() -> None:
    one = contracts({"phase": Phase.PENDING, "started": "2026-05-01", "contracted": "2026-06-20"})
    moved = changes(
        (0, "2026-05-01", UNSAID, Phase.ACTIVE),
        (0, "2026-05-20", Phase.ACTIVE, Phase.AWAY),
        (0, "2026-06-03", Phase.AWAY, Phase.ACTIVE),
        (0, "2026-06-20", Phase.ACTIVE, Phase.PENDING),
    )

    assert spells_of(one, moved).days_active(1).tolist() == [36]


def test_listings_of_one_home_add_up_within_the_gap() -> None:
    two = contracts(
        {"phase": Phase.AWAY, "started": "2026-01-10", "off": "2026-03-11", "home": 7},
        {"phase": Phase.PENDING, "started": "2026-04-05", "contracted": "2026-05-05", "home": 7},
        {"phase": Phase.PENDING, "started": "2026-04-05", "contracted": "2026-05-05"},
    )
    spells = spells_of(two, changes())
    days = spells.days_active(3)

    assert days.tolist() == [60, 30, 30]
    assert cumulative_of(two, spells, days, 60).tolist() == [60, 90, 30]
    assert cumulative_of(two, spells, days, 25).tolist() == [60, 30, 30]


def test_dates_tell_what_no_change_was_recorded_of() -> None:
    sold = contracts(
        {
            "phase": Phase.CLOSED,
            "started": "2026-01-10",
            "contracted": "2026-02-01",
            "closed": "2026-03-02",
        }
    )
    seen_late = changes((0, "2026-10-01", UNSAID, Phase.CLOSED))

    days = ["2026-01-09", "2026-01-10", "2026-01-31", "2026-02-01", "2026-03-01", "2026-03-02"]
    expected = [None, Phase.ACTIVE, Phase.ACTIVE, Phase.PENDING, Phase.PENDING, Phase.CLOSED]
    assert phases(sold, changes(), days) == expected
    assert phases(sold, seen_late, days) == expected


def test_recorded_changes_stand_above_dates() -> None:
    back = contracts({"phase": Phase.ACTIVE, "started": "2026-01-10", "contracted": "2026-02-01"})
    moved = changes(
        (0, "2026-02-03", Phase.ACTIVE, Phase.PENDING),
        (0, "2026-02-20", Phase.PENDING, Phase.ACTIVE),
        (0, "2026-02-20", Phase.ACTIVE, Phase.PENDING),
        (0, "2026-02-20", Phase.PENDING, Phase.ACTIVE),
    )

    assert phases(back, moved, ["2026-02-02", "2026-02-03", "2026-02-19", "2026-02-20"]) == [
        Phase.ACTIVE,
        Phase.PENDING,
        Phase.PENDING,
        Phase.ACTIVE,
    ]
    assert phases(back, changes(), ["2026-02-02"]) == [Phase.ACTIVE]


def test_a_listing_of_which_nothing_tells_since_when_it_is_gone_never_counts() -> None:
    for gone in (Phase.AWAY, Phase.PENDING, Phase.CLOSED):
        one = contracts({"phase": gone, "started": "2026-01-10"})
        assert phases(one, changes(), ["2026-01-20"]) == [None]


def test_under_contract_first_pending_then_is_one_spell() -> None:
    one = contracts({"phase": Phase.PENDING, "started": "2026-01-10"})
    moved = changes(
        (0, "2026-01-20", Phase.ACTIVE, Phase.PENDING), (0, "2026-01-25", Phase.PENDING, Phase.PENDING)
    )
    spells = spells_of(one, moved)

    assert spells.phase.tolist() == [Phase.ACTIVE, Phase.PENDING]
    assert spells.entering(Phase.PENDING, day("2026-01-21"), day("2026-01-31")).tolist() == []


def test_prices_are_those_of_the_day() -> None:
    two = contracts({"list_price": 480_000}, {"list_price": 300_000, "original_price": 310_000}, {})
    moved = prices(
        (0, "2026-03-01", 500_000, 490_000),
        (0, "2026-04-01", 490_000, 480_000),
        (1, "2026-03-15", NAN, 300_000),
    )

    assert prices_at(two, moved, day("2026-02-28"))[:2].tolist() == [500_000, 300_000]
    assert prices_at(two, moved, day("2026-03-01"))[0] == 490_000
    assert prices_at(two, moved, day("2026-05-01"))[0] == 480_000
    assert first_prices(two, moved)[:2].tolist() == [500_000, 310_000]
    assert np.isnan(first_prices(two, moved)[2])
