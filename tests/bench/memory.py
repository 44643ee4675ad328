"""Proportional memory of every process, and what Redis holds after 10,000 leads were active."""

from __future__ import annotations

from typing import Any

import redis

from tests.bench import clients, load, report
from tests.bench.stack import Stack, TenantFacts, running

SEED = 13
LEADS = 10_000
RATE = 250.0
SOCKETS = 1_000
PER_MEMBER = 50
COLUMNS = ("what", "before MB", "after MB")


def run() -> bool:
    """Measure, print, keep; tell whether the goals were met."""
    hardware = report.machine()
    with running() as stack:
        tenants = stack.prepare(
            "--tenants", "20", "--leads", str(LEADS // 20), "--team", "1", "--seed", str(SEED)
        )
        before, redis_before = stack.memory(), _redis(stack)
        tokens = [tenant.tokens[0] for _ in range(PER_MEMBER) for tenant in tenants]
        listeners = clients.Listeners(*stack.web, tokens, sample_every=100, html=[True] * len(tokens))
        try:
            outcome = clients.post(_job(stack, tenants))
            stack.settle()
            after, redis_after = stack.memory(), _redis(stack)
        finally:
            listeners.close()
    accepted = outcome["statuses"].get(200, 0)
    rows: list[dict[str, Any]] = [
        {"what": name, "before MB": before.get(name, 0.0), "after MB": after[name]} for name in sorted(after)
    ]
    total = round(sum(after.values()), 1)
    rows.append({"what": "all processes", "before MB": round(sum(before.values()), 1), "after MB": total})
    rows.append({"what": "Redis data", "before MB": redis_before["data"], "after MB": redis_after["data"]})
    grown = round((redis_after["data"] - redis_before["data"]) * 10_000 / LEADS, 2)
    goals = [
        report.goal("all processes, MB", total, 1024),
        report.goal("Redis in all, MB", redis_after["used"], 100),
        report.goal("active leads that were accepted", accepted, LEADS, at_least=True),
    ]
    rows.append({"what": "Redis data per 10,000 active leads", "before MB": "", "after MB": grown})
    report.say(
        report.table(
            f"Memory with {SOCKETS} sockets, before and after {LEADS:,} leads were active", rows, COLUMNS
        )
    )
    report.say(report.goals_table(goals))
    report.write("memory", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)


def _redis(stack: Stack) -> dict[str, float]:
    server = stack.supervisor.redis
    assert server is not None
    with redis.Redis.from_url(server.url) as client:
        told = client.info("memory")
    return {
        "used": round(told["used_memory"] / 2**20, 2),
        "data": round(told["used_memory_dataset"] / 2**20, 2),
    }


def _job(stack: Stack, tenants: list[TenantFacts]) -> load.Job:
    each = LEADS // len(tenants)
    return load.Job(
        host=stack.door[0],
        port=stack.door[1],
        key_file=str(stack.key_file),
        contacts=[(tenant.location_id, tenant.contacts[k]) for k in range(each) for tenant in tenants],
        rate=RATE,
        seconds=LEADS / RATE,
        connections=16,
        run=1,
    )
