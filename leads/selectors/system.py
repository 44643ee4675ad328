"""Reads of the system page: what waits, what failed, how complete the records are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection
from django.db.models import Count

from leads.models import DeadLetter, Tenant, WebhookDelivery
from leads.quality import WORTH

QUALITY_KEPT_SECONDS = 60
DAY = timedelta(days=1)
LABELS = {field: label for field, label, _ in WORTH}


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece of the record that leads lack: how many of them, in percent."""

    label: str
    percent: int


@dataclass(frozen=True, slots=True)
class RecordQuality:
    """How complete a tenant's lead records are."""

    leads: int
    average: int
    complete: int
    gaps: Sequence[Gap]


QUALITY = """
WITH counted AS (
  SELECT quality, quality_missing FROM leads_lead WHERE tenant_id = %(tenant)s AND status = 'active'
), gaps AS (
  SELECT piece->>'field' AS field, count(*) AS leads
  FROM counted, jsonb_array_elements(quality_missing) AS piece GROUP BY 1 ORDER BY 2 DESC LIMIT 5
)
SELECT count(*), coalesce(avg(quality), 0), count(*) FILTER (WHERE quality >= 80),
  (SELECT coalesce(json_agg(json_build_array(field, leads)), '[]') FROM gaps)
FROM counted
"""


def record_quality(tenant: Tenant) -> RecordQuality:
    """Return how complete the records are, counted at most once a minute by each process."""
    key = f"quality:{tenant.pk}"
    kept: RecordQuality | None = cache.get(key)
    if kept is None:
        kept = _count_quality(tenant)
        cache.set(key, kept, QUALITY_KEPT_SECONDS)
    return kept


def _count_quality(tenant: Tenant) -> RecordQuality:
    with connection.cursor() as cursor:
        cursor.execute(QUALITY, {"tenant": tenant.pk})
        row = cursor.fetchone()
    assert row is not None  # a query of aggregates has one row
    leads, average, complete, gaps = row
    return RecordQuality(
        leads=leads,
        average=round(average),
        complete=round(100 * complete / leads) if leads else 0,
        gaps=[Gap(LABELS.get(field, field), round(100 * count / leads)) for field, count in gaps],
    )


def delivery_counts(tenant: Tenant, *, now: datetime) -> dict[str, int]:
    """Return what became of the webhooks of the last day, by state."""
    recent = WebhookDelivery.objects.filter(tenant=tenant, received_at__gte=now - DAY)
    counts = dict(recent.order_by().values_list("state").annotate(Count("pk")))
    return {label: counts.get(state, 0) for state, label in WebhookDelivery.State.choices}


def dead_letters(tenant: Tenant) -> list[DeadLetter]:
    """Return the work given up on last."""
    return list(DeadLetter.objects.filter(tenant=tenant).order_by("-pk")[:5])
