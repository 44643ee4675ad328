"""How long the main pages take with 100,000 leads in the tenant, through daphne."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any

from tests.bench import clients, load, report
from tests.bench.stack import Stack, TenantFacts, running

SEED = 14
LEADS = 100_000
ACTIVE = 3_000
REQUESTS = 60
GOAL = 150.0
COLUMNS = ("page", "status", "n", "p50_ms", "p95_ms", "p99_ms", "KB")


def run() -> bool:
    """Measure, print, keep; tell whether the goal was met on every page."""
    hardware = report.machine()
    with running() as stack:
        (tenant,) = stack.prepare("--leads", str(LEADS), "--team", "5", "--seed", str(SEED))
        _make_active(stack, tenant)
        lead = stack.query("SELECT id FROM leads_lead WHERE score IS NOT NULL ORDER BY score DESC LIMIT 1")[
            0
        ][0]
        paths = {
            "command centre": "/agent/",
            "figures of it": "/agent/?part=pulse",
            "leads": "/agent/leads/",
            "leads, hot": "/agent/leads/?tier=hot",
            "leads, far on": "/agent/leads/?page=40",
            "leads, by name": "/agent/leads/?q=mendoza",
            "one lead": f"/agent/leads/{lead}/",
            "why its score": f"/agent/leads/{lead}/score/",
            "its timeline": f"/agent/leads/{lead}/timeline/",
            "alerts": "/agent/alerts/",
            "alert rules": "/agent/alerts/rules/",
            "search": "/search/?q=avery",
            "deliveries": "/agent/settings/webhooks/",
            "system": "/agent/system/",
        }
        rows = [measure(stack, tenant, name, path) for name, path in paths.items()]
    goals = [report.goal(f"{row['page']}: p95 ms", row["p95_ms"], GOAL) for row in rows]
    goals += [
        report.goal(f"{row['page']}: answered", row["status"], 200) for row in rows if row["status"] != 200
    ]
    report.say(report.table(f"Pages with {LEADS:,} leads in the tenant", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("pages", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)


def _make_active(stack: Stack, tenant: TenantFacts) -> None:
    """Let some thousands of the leads write, so that there are scores, events and alerts."""
    job = load.Job(
        host=stack.door[0],
        port=stack.door[1],
        key_file=str(stack.key_file),
        contacts=[(tenant.location_id, contact) for contact in tenant.contacts[:ACTIVE]],
        rate=200.0,
        seconds=ACTIVE / 200.0,
        connections=8,
        run=1,
    )
    clients.post(job)
    stack.settle()
    stack.python(
        "-c",
        "import django; django.setup(); from django.db import connection; "
        "connection.cursor().execute('ANALYZE')",
    )


def measure(stack: Stack, tenant: TenantFacts, name: str, path: str) -> dict[str, Any]:
    is_part = "part=" in path or path.endswith(("/score/", "/timeline/"))
    headers = {"Cookie": f"sessionid={tenant.session}", "Accept": "text/html"}
    headers |= {"HX-Request": "true"} if is_part else {}
    connection = HTTPConnection(*stack.web, timeout=30)
    seconds, size, status = [], 0, 0
    for number in range(REQUESTS + 3):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        size, status = len(answer.read()), answer.status
        if number >= 3:
            seconds.append(time.perf_counter() - began)
    connection.close()
    return {
        "page": name,
        "path": path,
        "status": status,
        "KB": round(size / 1024, 1),
        **report.milliseconds(seconds),
    }
