"""What matching costs: one buyer against 100,000 homes, one changed home against 10,000 saved searches.

The town is simulated. What is timed is the engine alone: the homes and the searches are columns already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from matching import engine, features
from matching.factors import Market
from matching.searches import searches_hit, searches_of
from matching.wants import Area, Target, Wants
from tests.bench import report
from tests.matching.cases import TOWN, WORK, simulated

SEED = 4
HOMES, SEARCHES, SHOWN = 100_000, 10_000, 50
ROUNDS = 40
COLUMNS = ("what", "n", "p50", "p95", "p99", "unit")
MARKET = Market(0.065, down_share=0.2, tax_share=0.012, median_days=30.0, usual_saves=6.0)


def run() -> bool:
    """Measure, print, keep; tell whether the goals were met."""
    hardware = report.machine()
    homes, wants = simulated(HOMES, SEED), full_wants()

    def rank() -> None:
        matches = engine.match(homes, wants, market=MARKET)
        matches.contributions(matches.top(SHOWN))

    def rank_all() -> None:
        engine.match(homes, wants, market=MARKET).contributions()

    saved = saved_searches(SEARCHES)
    started = time.perf_counter()
    searches = searches_of(saved)
    built = round(1000 * (time.perf_counter() - started), 1)
    changed = [homes.take([row]) for row in range(ROUNDS)]
    hits = [int(searches_hit(one, searches, market=MARKET).sum()) for one in changed]
    rows: list[dict[str, Any]] = [
        {"what": f"{HOMES:,} homes ranked, {SHOWN} explained", **_timed([rank] * ROUNDS), "unit": "ms"},
        {"what": "of it, the processor", **_timed([rank] * ROUNDS, time.process_time), "unit": "ms"},
        {"what": f"{HOMES:,} homes, all contributions", **_timed([rank_all] * ROUNDS), "unit": "ms"},
        {
            "what": f"one changed home × {SEARCHES:,} searches ({np.mean(hits):.0f} hit)",
            **_timed([_hit(one, searches) for one in changed]),
            "unit": "ms",
        },
        {"what": f"columns of {SEARCHES:,} searches", "n": 1, "p50": built, "unit": "ms"},
    ]
    goals = [
        report.goal(f"one buyer × {HOMES:,} homes, p50 ms", rows[0]["p50"], 60.0),
        report.goal(f"one home × {SEARCHES:,} searches, p95 ms", rows[3]["p95"], 100.0),
    ]
    report.say(report.table("Matching, all fifteen factors asked", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("matching", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)


def full_wants() -> Wants:
    """Return wants that ask for everything: an area of 24 corners, a way to work, musts and wishes."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    drawn = tuple((TOWN[0] + 0.05 * float(np.sin(a)), TOWN[1] + 0.05 * float(np.cos(a))) for a in angles)
    return Wants(
        price_target=400_000,
        price_max=480_000,
        monthly_max=3000,
        beds_min=3,
        baths_min=2,
        sqft_min=1600,
        sqft_max=2600,
        types=("Single Family Residence", "Townhouse"),
        lot_min=5000,
        year_min=1980,
        condition="move-in",
        must_haves=("garage",),
        nice_to_haves={"pool": 2, "dishwasher": 3, "pantry": 1, "porch": 1},
        deal_breakers=("hoa",),
        areas=(Area("drawn", drawn),),
        schools=("48-00003",),
        commute_targets=(WORK,),
        amenities=("park", "gym", "grocery"),
        importance={"price": "must", "beds": "must", "schools": 2, "safety": 2},
    )


def saved_searches(count: int) -> list[Wants]:
    """Return searches as people save them, every limit a must."""
    rng = np.random.default_rng(SEED)
    plain = [
        Wants(
            price_max=float(rng.integers(250, 900) * 1000),
            beds_min=float(rng.integers(1, 5)),
            baths_min=float(rng.integers(1, 4)),
            sqft_min=float(rng.integers(6, 24) * 100),
            year_min=float(rng.integers(1920, 2015)),
            types=tuple(
                rng.choice(("Single Family Residence", "Townhouse", "Condominium"), 2, replace=False)
            ),
            must_haves=(str(rng.choice(features.KEYS)),),
            deal_breakers=(str(rng.choice(features.KEYS)),),
            areas=(_area(rng),),
        )
        for _ in range(count)
    ]
    way = [
        replace(each, commute_targets=(_target(rng),)) if k % 3 == 0 else each for k, each in enumerate(plain)
    ]
    return [each.as_filter() for each in way]


def _area(rng: np.random.Generator) -> Area:
    middle = np.array(TOWN) + rng.normal(0, 0.08, 2)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    reach = rng.uniform(0.03, 0.15)
    return Area(
        "drawn",
        tuple((float(middle[0] + reach * np.sin(a)), float(middle[1] + reach * np.cos(a))) for a in angles),
    )


def _target(rng: np.random.Generator) -> Target:
    latitude, longitude = np.array(TOWN) + rng.normal(0, 0.1, 2)
    return Target("work", float(latitude), float(longitude), WORK.mode, 8.0, float(rng.integers(15, 60)))


def _hit(home: Any, searches: Any) -> Callable[[], object]:
    return lambda: searches_hit(home, searches, market=MARKET)


def _timed(
    works: list[Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Return the quantiles of the time of each work, the first two left out as warming up."""
    taken = []
    for work in works:
        began = clock()
        work()
        taken.append(clock() - began)
    told = report.milliseconds(taken[2:])
    return {"n": told["n"], "p50": told["p50_ms"], "p95": told["p95_ms"], "p99": told["p99_ms"]}
