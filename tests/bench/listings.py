"""How long 100,000 listings take to come in, as a RESO server sends them, three photos each.

Each record is read from JSON text, checked field by field and stored with its history, agents and photos;
then the same page comes again, and then one where a tenth changed its price.
"""

from __future__ import annotations

import json

from tests.bench import report
from tests.bench.stack import running

SEED = 41
LISTINGS = 100_000
CHANGED = 10_000
COLUMNS = ("what", "n", "seconds", "per_second")


def run() -> bool:
    """Measure, print, keep; tell whether the goal was met."""
    hardware = report.machine()
    with running() as stack:
        stack.prepare("--leads", "1", "--team", "1", "--seed", str(SEED))
        printed = stack.python(
            "-m", "tests.bench.load_listings", str(LISTINGS), str(CHANGED), "--seed", str(SEED)
        )
    rows = json.loads(printed.strip().splitlines()[-1])
    for row in rows:
        row["per_second"] = round(row["n"] / row["seconds"])
    goals = [report.goal(f"{LISTINGS:,} new listings, s", rows[0]["seconds"], 60.0)]
    report.say(report.table("Listings of one tenant coming in", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("listings", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)
