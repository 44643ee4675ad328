"""How long the listings table takes with 100,000 listings in the tenant, through daphne."""

from __future__ import annotations

from tests.bench import report
from tests.bench.pages import COLUMNS, measure
from tests.bench.stack import running

SEED = 41
LISTINGS = 100_000
GOAL = 150.0
LIST = "/agent/listings/"
PATHS = {
    "on the market": LIST,
    "far on": f"{LIST}?page=150",
    "by price": f"{LIST}?ordering=price",
    "an address": f"{LIST}?q=4711+alder",
    "a number": f"{LIST}?q=10040500",
    "a street": f"{LIST}?q=alder",
    "a ZIP code": f"{LIST}?area=98042&ordering=-size",
    "many filters": f"{LIST}?area=98042&beds=4&baths=2.5&price_max=900k&size_min=2500&year_min=1980",
    "any status": f"{LIST}?status=any&ordering=-size&year_min=2015&price_max=300k",
    "none match": f"{LIST}?area=98042&beds=6&price_max=200k",
    "as a map": f"{LIST}?view=map",
}


def run() -> bool:
    """Measure, print, keep; tell whether the goal was met for every search."""
    hardware = report.machine()
    with running() as stack:
        (tenant,) = stack.prepare("--leads", "100", "--team", "2", "--seed", str(SEED))
        stack.python("-m", "tests.bench.load_listings", str(LISTINGS), "1000", "--seed", str(SEED))
        stack.python(
            "-c",
            "import django; django.setup(); from django.db import connection; "
            "connection.cursor().execute('VACUUM ANALYZE')",
        )
        (listing,) = stack.query("SELECT id FROM matching_listing ORDER BY id LIMIT 1")[0]
        paths = {**PATHS, "one listing": f"{LIST}{listing}/"}
        rows = [measure(stack, tenant, name, path) for name, path in paths.items()]
    goals = [report.goal(f"{row['page']}: p95 ms", row["p95_ms"], GOAL) for row in rows]
    goals += [
        report.goal(f"{row['page']}: answered", row["status"], 200) for row in rows if row["status"] != 200
    ]
    report.say(report.table(f"Searches with {LISTINGS:,} listings in the tenant", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("search", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)
