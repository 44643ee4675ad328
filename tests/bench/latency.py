"""From the scheduled send of a webhook to its score's commit, and to its arrival on a socket (open loop)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.bench import clients, load, report
from tests.bench.stack import Stack, TenantFacts, running

SEED = 12
LEADS = 2_000
PER_MEMBER = 50
SAMPLED = 50
CONNECTIONS = 16
COLUMNS = (
    "events/s",
    "sockets",
    "tenants",
    "accepted",
    "refused",
    "lost",
    "stored p50",
    "stored p99",
    "pushed p50",
    "pushed p95",
    "pushed p99",
    "pushed max",
    "pushed n",
    "frames/s",
    "MB/s",
    "catch-up s",
)
STORED = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(score.xmin) - event.occurred_at)::float8
FROM scoring_leadscore AS score JOIN leads_event AS event ON event.id = score.event_id
WHERE event.occurred_at >= to_timestamp(%s) - interval '5 milliseconds'
  AND event.occurred_at <= to_timestamp(%s) + interval '5 milliseconds'
"""
BOARD = """
SELECT lead.id, lead.score FROM leads_lead AS lead JOIN leads_tenant AS tenant ON tenant.id = lead.tenant_id
WHERE tenant.location_id = %s ORDER BY lead.score DESC NULLS LAST, lead.id DESC LIMIT 25
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One run: how many events a second, sockets and tenants, for how long."""

    rate: float
    sockets: int
    tenants: int
    seconds: float


SCENES = [
    Scene(rate, sockets, tenants, seconds)
    for tenants in (20, 1)
    for rate, seconds in ((1, 20.0), (100, 20.0), (300, 60.0))
    for sockets in (0, 1000)
]


def run_by_model() -> bool:
    """Measure the scenes with goals at 100 events a second while a learned model scores."""
    return run([Scene(100, 1000, tenants, 20.0) for tenants in (20, 1)], by_model=True)


def run(scenes: list[Scene] | None = None, *, by_model: bool = False) -> bool:
    """Measure every scene, print, keep; tell whether the goals were met."""
    hardware = report.machine()
    rows = []
    with running() as stack:
        many = stack.prepare(
            "--tenants",
            "20",
            "--leads",
            str(LEADS // 20),
            "--team",
            "2",
            "--seed",
            str(SEED),
            *["--model"] * by_model,
        )
        one = stack.prepare("--first", "100", "--leads", str(LEADS), "--team", "25", "--seed", str(SEED))
        _measure(stack, many, Scene(50, 0, 20, 4.0), run=1)
        for number, scene in enumerate(scenes or SCENES, start=2):
            tenants = many if scene.tenants > 1 else one
            rows.append(_measure(stack, tenants, scene, run=number))
            report.say(report.table("", rows[-1:], COLUMNS).splitlines()[-1])
    goals = _goals(rows)
    report.say(report.table("Milliseconds from the scheduled send of a webhook", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write(
        "latency-model" if by_model else "latency", seed=SEED, hardware=hardware, rows=rows, goals=goals
    )
    return all(goal["met"] for goal in goals)


def _goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        key = (row["events/s"], row["sockets"], row["tenants"])
        name = f"{key[0]:g}/s, {key[1]} sockets, {key[2]} tenants"
        if key == (100, 1000, 20):
            found.append(report.goal(f"{name}: pushed p50 ms", row["pushed p50"], 40))
            found.append(report.goal(f"{name}: pushed p99 ms", row["pushed p99"], 200))
        elif key == (100, 1000, 1):
            found.append(report.goal(f"{name}: pushed p99 ms", row["pushed p99"], 500))
        elif key[0] == 300:
            found.append(report.goal(f"{name}: pushed p99 ms", row["pushed p99"], 1000))
        found.append(report.goal(f"{name}: lost", row["lost"], 0))
    return found


def _measure(stack: Stack, tenants: list[TenantFacts], scene: Scene, *, run: int) -> dict[str, Any]:
    """Open the sockets (one in each tenant to listen where the scene has none), post, and compare."""
    wanted = scene.sockets or len(tenants)
    each = wanted // len(tenants)
    tokens = [tenant.tokens[k // PER_MEMBER] for k in range(each) for tenant in tenants]
    boards = [_board(stack, tenant) for tenant in tenants]
    listeners = clients.Listeners(
        *stack.web, tokens, sample_every=max(1, wanted // SAMPLED - 1), html=boards * each
    )
    try:
        listeners.tell()
        before = stack.processor_seconds()
        outcome = clients.post(_job(stack, tenants, scene, run))
        catch_up = stack.settle()
        after = stack.processor_seconds()
        time.sleep(1.0)
        heard = listeners.tell()
        memory = stack.memory() if scene.sockets else {}
    finally:
        listeners.close()
    stored = [
        seconds
        for (seconds,) in stack.query(STORED, outcome["began"], outcome["ended"])
        if seconds is not None
    ]
    pushed = [late for at, late in heard["pushed"] if at >= outcome["began"] - 0.005]
    accepted = outcome["statuses"].get(200, 0)
    took = outcome["ended"] - outcome["began"]
    told, saved = report.milliseconds(pushed), report.milliseconds(stored)
    return {
        "events/s": scene.rate,
        "sockets": scene.sockets,
        "tenants": scene.tenants,
        "seconds": round(took, 1),
        "accepted": accepted,
        "refused": sum(outcome["statuses"].values()) - accepted + outcome["unanswered"],
        "lost": round(scene.rate * scene.seconds) - len(stored),
        "sockets closed": heard["closed"] + heard["lost"],
        "opened in s": round(listeners.opened["seconds"], 1),
        **{f"answer {key}": value for key, value in report.milliseconds(outcome["seconds"]).items()},
        **{f"stored {key.removesuffix('_ms')}": value for key, value in saved.items()},
        **{f"pushed {key.removesuffix('_ms')}": value for key, value in told.items()},
        "frames/s": round(heard["frames"] / took, 1),
        "MB/s": round(heard["bytes"] / took / 1e6, 1),
        "catch-up s": round(catch_up, 2),
        "processor %": {name: round(100 * (after[name] - before.get(name, 0)) / took) for name in after},
        "memory MB": memory,
    }


def _board(stack: Stack, tenant: TenantFacts) -> dict[str, Any]:
    """Return what a command centre opened now tells that it shows; a browser tells it anew as rows change."""
    rows = stack.query(BOARD, tenant.location_id)
    scores = [score for _, score in rows]
    return {
        "targets": [f"lead-{pk}" for pk, _ in rows],
        "from": -1 if None in scores else min(scores, default=-1),
    }


def _job(stack: Stack, tenants: list[TenantFacts], scene: Scene, run: int) -> load.Job:
    each = min(len(tenant.contacts) for tenant in tenants)
    contacts = [(tenant.location_id, tenant.contacts[k]) for k in range(each) for tenant in tenants]
    return load.Job(
        host=stack.door[0],
        port=stack.door[1],
        key_file=str(stack.key_file),
        contacts=contacts,
        rate=scene.rate,
        seconds=scene.seconds,
        connections=CONNECTIONS,
        run=run,
    )
