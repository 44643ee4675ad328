"""How far the work is behind, for /health/realtime."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from leads import bus
from leads.ops.health import Check, Status
from leads.redis import RedisAway

LATE_SECONDS = 10.0
STUCK_SECONDS = 60.0
RECENT = timedelta(days=1)

BACKLOG = """
SELECT
  (SELECT count(*) FROM (SELECT 1 FROM leads_webhookdelivery WHERE state = 'accepted' LIMIT 10000) AS queue),
  (SELECT extract(epoch FROM %(now)s - min(received_at)) FROM leads_webhookdelivery WHERE state = 'accepted'),
  (SELECT count(*) FROM leads_deadletter WHERE resolved_at IS NULL AND created_at > %(recent)s)
"""


def check_bus() -> Check:
    """Tell each consumer group's lag, what the door took that is not read yet, and what was given up on."""
    waiting, oldest, dead = _backlog()
    figures: dict[str, object] = {
        "waiting_deliveries": waiting,
        "oldest_delivery_seconds": round(oldest, 1),
        "dead_letters": dead,
    }
    try:
        lags = bus.lag()
    except RedisAway:
        return Check(_status(oldest, Status.DEGRADED), figures, "Streams cannot be read: work is polled.")
    figures["groups"] = {
        group: {"lag": lag.waiting, "oldest_seconds": lag.oldest_seconds}
        for group, lag in sorted(lags.items())
    }
    latest = max([oldest, *(lag.oldest_seconds for lag in lags.values())])
    if latest > LATE_SECONDS:
        return Check(_status(latest, Status.DEGRADED), figures, f"Work waits for up to {latest:.0f} seconds.")
    if dead:
        return Check(Status.DEGRADED, figures, "Some work was given up on in the last day.")
    return Check(Status.OK, figures)


def _status(oldest: float, otherwise: Status) -> Status:
    return Status.DOWN if oldest > STUCK_SECONDS else otherwise


def _backlog() -> tuple[int, float, int]:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(BACKLOG, {"now": now, "recent": now - RECENT})
        row = cursor.fetchone()
    assert row is not None  # a query of aggregates has one row
    return int(row[0]), float(row[1] or 0), int(row[2])
