"""Webhooks accepted a second, at the WSGI door and through daphne, while everything else runs."""

from __future__ import annotations

from typing import Any

from tests.bench import clients, load, report
from tests.bench.stack import Stack, TenantFacts, running

SEED = 11
SECONDS = 12.0
CONNECTIONS = 16
GOAL = 500.0
COLUMNS = ("door", "accepted/s", "accepted", "other", "p50_ms", "p95_ms", "p99_ms", "scored after s")


def run() -> bool:
    """Measure, print, keep; tell whether the goal was met."""
    hardware = report.machine()
    with running() as stack:
        tenants = stack.prepare("--tenants", "20", "--leads", "200", "--seed", str(SEED))
        _measure(stack, tenants, "warm-up", stack.door, run=1, seconds=3.0)
        rows = [
            _measure(stack, tenants, "door (gunicorn)", stack.door, run=2),
            _measure(stack, tenants, "web (daphne)", stack.web, run=3),
        ]
    goals = [report.goal("door: accepted/s", rows[0]["accepted/s"], GOAL, at_least=True)]
    report.say(report.table("Webhooks accepted, as fast as the answers come", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("door", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)


def _measure(
    stack: Stack,
    tenants: list[TenantFacts],
    name: str,
    place: tuple[str, int],
    *,
    run: int,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    contacts = [
        (tenant.location_id, contact)
        for k in range(200)
        for tenant in tenants
        for contact in [tenant.contacts[k]]
    ]
    outcome = clients.post(
        load.Job(
            host=place[0],
            port=place[1],
            key_file=str(stack.key_file),
            contacts=contacts,
            rate=0.0,
            seconds=seconds,
            connections=CONNECTIONS,
            run=run,
        )
    )
    accepted = outcome["statuses"].get(200, 0)
    took = outcome["ended"] - outcome["began"]
    return {
        "door": name,
        "connections": CONNECTIONS,
        "seconds": round(took, 1),
        "accepted": accepted,
        "other": sum(outcome["statuses"].values()) - accepted + outcome["unanswered"],
        "accepted/s": round(accepted / min(took, seconds), 1),
        **report.milliseconds(outcome["from_send"]),
        "scored after s": round(stack.settle(), 1),
    }
