"""How many alerts other rules would have raised over the last days, counted from what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count

from leads import alerting
from leads.alerting import ScoreFact, Thresholds
from leads.events import Kind
from leads.models import Alert, Tenant
from leads.models.alerts import AlertKind

DAYS = 7
MOST = 20_000


@dataclass(frozen=True, slots=True)
class KindCount:
    """What rules would have raised of one kind, and what was raised."""

    label: str
    would_be: int
    were: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would have raised in the last days; `rows` facts were looked at, the latest if cut."""

    by_kind: tuple[KindCount, ...]
    rows: int
    is_cut: bool

    @property
    def total(self) -> int:
        return sum(kind.would_be for kind in self.by_kind)


def preview(tenant: Tenant, thresholds: Thresholds, now: datetime) -> Preview:
    """Return what thresholds would have raised over the last seven days, beside what was raised."""
    since = now - timedelta(days=DAYS)
    facts = _scores(tenant, since, now)
    replies = _waits(REPLIES, tenant, since, now)
    silences = _waits(SILENCES, tenant, since, now)
    found = alerting.replay_scores(facts, thresholds)
    found[AlertKind.REPLY_WAITING] = alerting.replay_waits(
        replies, kind=AlertKind.REPLY_WAITING, limit=thresholds.reply_limit, thresholds=thresholds
    )
    found[AlertKind.HOT_SILENT] = alerting.replay_waits(
        silences, kind=AlertKind.HOT_SILENT, limit=thresholds.hot_silent, thresholds=thresholds
    )
    were = _raised(tenant, since, now)
    if AlertKind.BUYING_SIGNAL not in thresholds.disabled:
        found[AlertKind.BUYING_SIGNAL] = were[AlertKind.BUYING_SIGNAL]  # no threshold moves these
    lengths = [len(facts), len(replies), len(silences)]
    return Preview(
        by_kind=tuple(KindCount(kind.label, found[kind], were[kind]) for kind in AlertKind),
        rows=sum(lengths),
        is_cut=max(lengths) >= MOST,
    )


def _raised(tenant: Tenant, since: datetime, now: datetime) -> Counter[str]:
    rows = (
        Alert.objects.filter(tenant=tenant, raised_at__gt=since, raised_at__lte=now)
        .values("kind")
        .order_by("kind")
        .annotate(count=Count("pk"))
    )
    return Counter({row["kind"]: row["count"] for row in rows})


def _scores(tenant: Tenant, since: datetime, now: datetime) -> list[ScoreFact]:
    with connection.cursor() as cursor:
        cursor.execute(
            SCORES,
            {"tenant": tenant.pk, "since": since, "now": now, "most": MOST, "kind": str(Kind.LEAD_SCORED)},
        )
        return [ScoreFact(*row) for row in cursor.fetchall()]


SCORES = """
SELECT lead_id, occurred_at, (data->>'score')::float8, (data->>'previous_score')::float8 FROM leads_event
WHERE tenant_id = %(tenant)s AND kind = %(kind)s AND lead_id IS NOT NULL AND data->>'score' IS NOT NULL
  AND NOT is_backfill AND data->>'anew' IS NULL AND occurred_at > %(since)s AND occurred_at <= %(now)s
ORDER BY occurred_at DESC LIMIT %(most)s
"""


def _waits(query: str, tenant: Tenant, since: datetime, now: datetime) -> list[float]:
    """Return how long each wait lasted, or has lasted, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "tenant": tenant.pk,
                "since": since,
                "now": now,
                "most": MOST,
                "inward": [Kind.MESSAGE_RECEIVED, Kind.CALL_MISSED, Kind.VOICEMAIL_RECEIVED],
                "outward": [Kind.MESSAGE_SENT, Kind.CALL_MADE],
            },
        )
        return [seconds for (seconds,) in cursor.fetchall()]


REPLIES = """
WITH talk AS (
  SELECT lead_id, occurred_at, kind = ANY(%(outward)s) AS is_out,
    lag(kind = ANY(%(outward)s)) OVER turn AS after_out,
    min(occurred_at) FILTER (WHERE kind = ANY(%(outward)s)) OVER (
      PARTITION BY lead_id ORDER BY occurred_at, id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS answered_at
  FROM leads_event
  WHERE tenant_id = %(tenant)s AND lead_id IS NOT NULL AND occurred_at > %(since)s AND occurred_at <= %(now)s
    AND (kind = ANY(%(outward)s) OR kind = ANY(%(inward)s))
  WINDOW turn AS (PARTITION BY lead_id ORDER BY occurred_at, id)
)
SELECT extract(epoch FROM COALESCE(answered_at, %(now)s) - occurred_at)::float8 FROM talk
WHERE NOT is_out AND after_out IS NOT FALSE ORDER BY occurred_at DESC LIMIT %(most)s
"""

SILENCES = """
WITH heard AS (
  SELECT event.lead_id, event.occurred_at,
    lead(event.occurred_at, 1, %(now)s)
      OVER (PARTITION BY event.lead_id ORDER BY event.occurred_at) AS next_at
  FROM leads_event AS event
  JOIN leads_lead AS lead ON lead.id = event.lead_id AND lead.tier = 'hot' AND lead.status = 'active'
  WHERE event.tenant_id = %(tenant)s AND lead.tenant_id = %(tenant)s AND event.kind <> 'lead.scored'
    AND event.kind NOT LIKE 'alert.%%'
    AND event.occurred_at > %(since)s - interval '30 days' AND event.occurred_at <= %(now)s
)
SELECT extract(epoch FROM next_at - occurred_at)::float8 FROM heard
WHERE next_at > %(since)s ORDER BY next_at - occurred_at DESC LIMIT %(most)s
"""
