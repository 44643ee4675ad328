"""Reads of the command centre: the scoreboard, the key figures, what needs attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection
from django.db.models import F, Q

from leads.charts import Spark, spark
from leads.events import Kind
from leads.models import Alert, Lead, Tenant
from leads.models.leads import LeadQuerySet, Tier
from leads.selectors import alerts as alert_selectors
from leads.tables import prepared

BOARD_ROWS = 25
ATTENTION_ROWS = 5
SPARK_DAYS = 14
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
KEEP_SECONDS = 5
GOAL_SHARE = 80
"""The percentage of alerts handled in time from which a team does well."""

BOARDS = {"all": "All", "hot": "Hot", "rising": "Rising"}
REACHED_OUT = (Kind.MESSAGE_SENT, Kind.CALL_MADE)
WROTE_IN = (Kind.MESSAGE_RECEIVED, Kind.CALL_MISSED, Kind.VOICEMAIL_RECEIVED)


def board(leads: LeadQuerySet, *, show: str) -> list[Lead]:
    """Return the best leads, narrowed to the hot or the rising ones."""
    rows = leads.active()
    if show == "hot":
        rows = rows.filter(tier=Tier.HOT)
    elif show == "rising":
        rows = rows.filter(Q(score__gt=F("previous_score")))
    return list(rows.order_by(F("score").desc(nulls_last=True), "-id")[:BOARD_ROWS])


def needs_attention(tenant: Tenant) -> list[Alert]:
    """Return the open alerts whose goal comes, or came, first."""
    waiting = Alert.objects.filter(tenant=tenant, state=Alert.State.OPEN)
    return list(waiting.select_related("lead", "assigned_to").order_by("goal_at", "pk")[:ATTENTION_ROWS])


# Sparklines


def score_sparks(leads: Sequence[Lead], *, now: datetime) -> dict[int, Spark | None]:
    """Return the course of each lead's score over 14 days, from what was recorded of it."""
    return ask_for_sparks([lead.pk for lead in leads], now=now)(leads)


def ask_for_sparks(
    lead_ids: Sequence[int], *, now: datetime
) -> Callable[[Iterable[Lead]], dict[int, Spark | None]]:
    """Send what `score_sparks` sends and return what waits for it and draws."""
    cursor = prepared()
    since = now - timedelta(days=SPARK_DAYS)
    cursor.execute(SCORES_BY_DAY, {"leads": list(lead_ids), "now": now, "since": since})

    def answer(leads: Iterable[Lead]) -> dict[int, Spark | None]:
        histories = {key: list(rows) for key, rows in groupby(cursor.fetchall(), key=itemgetter(0))}
        return {lead.pk: _spark_of(lead, histories.get(lead.pk, [])) for lead in leads}

    return answer


SCORES_BY_DAY = """
SELECT lead_id, floor(extract(epoch FROM %(now)s::timestamptz - occurred_at) / 86400)::int AS days_back,
  array_agg((data->>'score')::float8 ORDER BY occurred_at, id),
  (array_agg((data->>'previous_score')::float8 ORDER BY occurred_at, id))[1],
  bool_or(data ? 'anew')
FROM leads_event
JOIN (SELECT id AS lead_id, tenant_id FROM leads_lead WHERE id = ANY(%(leads)s::bigint[])) AS wanted
  USING (tenant_id, lead_id)
WHERE kind = 'lead.scored' AND occurred_at >= %(since)s
GROUP BY lead_id, days_back ORDER BY lead_id, days_back DESC
"""


Day = tuple[int, int, list[float], float | None, bool]
"""A lead, how many days ago, its scores of that day, the one before them, whether it was scored anew."""


def _spark_of(lead: Lead, recorded: Sequence[Day]) -> Spark | None:
    """Sample the score at the end of each day, from the first score on that is measured as today's is."""
    if lead.score is None:
        return None
    anew = max((place for place, day in enumerate(recorded) if day[4]), default=None)
    if anew is not None:
        back, scores = recorded[anew][1], recorded[anew][2]
        recorded = [(lead.pk, back, scores[-1:], None, False), *recorded[anew + 1 :]]
    level = recorded[0][3] if recorded else lead.score
    left = list(recorded)
    days: list[float] = []
    for back in range(SPARK_DAYS - 1, 0, -1):
        while left and left[0][1] >= back:
            level = left.pop(0)[2][-1]
        if level is not None:
            days.append(level)
    days.append(lead.score)
    if len(days) == 1:
        today = [score for _, _, scores, *_ in recorded for score in scores]
        days = [*today[:-1], lead.score]
    return spark(days, low=0, high=100)


# Key figures


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the tenant does now; a figure nothing is known of is None."""

    active: int
    hot: int
    hot_today: int
    hot_change: int | None
    hot_by_day: Spark | None
    replies_waiting: int
    oldest_waiting_since: datetime | None
    response_seconds: float | None
    response_count: int
    response_change: float | None
    response_by_day: Spark | None
    handled_share: int | None
    handled_due: int
    handled_by_day: Spark | None

    @property
    def hot_is_good(self) -> bool | None:
        return self.hot_change > 0 if self.hot_change else None

    @property
    def response_is_good(self) -> bool | None:
        return self.response_change < 0 if self.response_change else None

    @property
    def handled_is_good(self) -> bool | None:
        return None if self.handled_share is None else self.handled_share >= GOAL_SHARE


def pulse(tenant: Tenant, *, now: datetime) -> Pulse:
    """Return the key figures, counted at most once in a few seconds by each process."""
    key = f"pulse:{tenant.pk}"
    kept: Pulse | None = cache.get(key)
    if kept is None:
        kept = _count_pulse(tenant, now)
        cache.set(key, kept, KEEP_SECONDS)
    return kept


def _count_pulse(tenant: Tenant, now: datetime) -> Pulse:
    active, hot, hot_today, waiting, oldest = _lead_counts(tenant, local_midnight(tenant, now))
    by_day = _hot_by_day(tenant, hot, now)
    responses = _responses(tenant, now)
    share = alert_selectors.share_in_time(tenant, now)
    return Pulse(
        active=active,
        hot=hot,
        hot_today=hot_today,
        hot_change=hot - by_day[-8] if len(by_day) > 7 else None,
        hot_by_day=spark(by_day),
        replies_waiting=waiting,
        oldest_waiting_since=oldest,
        response_seconds=responses.median,
        response_count=responses.count,
        response_change=responses.change,
        response_by_day=spark(responses.by_day),
        handled_share=share.percent,
        handled_due=share.due,
        handled_by_day=spark([part for part in share.by_day if part is not None], low=0, high=1),
    )


def local_midnight(tenant: Tenant, now: datetime) -> datetime:
    """Return when the tenant's present day began."""
    return now.astimezone(ZoneInfo(tenant.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)


LEAD_COUNTS = """
SELECT
  (SELECT count(*) FROM leads_lead WHERE tenant_id = %(tenant)s AND status = 'active'),
  (SELECT count(*) FROM leads_lead WHERE tenant_id = %(tenant)s AND status = 'active' AND tier = 'hot'),
  (SELECT count(DISTINCT lead.id) FROM leads_event AS event
     JOIN leads_lead AS lead ON lead.id = event.lead_id AND lead.status = 'active' AND lead.tier = 'hot'
   WHERE event.tenant_id = %(tenant)s AND event.kind = 'lead.scored' AND event.occurred_at >= %(midnight)s
     AND event.data->>'tier' = 'hot' AND coalesce(event.data->>'previous_tier', '') <> 'hot'),
  waiting.count, waiting.oldest
FROM (
  SELECT count(*) AS count, min(awaiting_reply_since) AS oldest FROM leads_lead
  WHERE tenant_id = %(tenant)s AND awaiting_reply_since IS NOT NULL AND status = 'active'
) AS waiting
"""


def _lead_counts(tenant: Tenant, midnight: datetime) -> tuple[int, int, int, int, datetime | None]:
    with connection.cursor() as cursor:
        cursor.execute(LEAD_COUNTS, {"tenant": tenant.pk, "midnight": midnight})
        row = cursor.fetchone()
    assert row is not None  # a query of aggregates has one row
    return row[0], row[1], row[2], row[3], row[4]


HOT_NET_BY_DAY = """
SELECT floor(extract(epoch FROM %(now)s - occurred_at) / 86400)::int AS days_back,
  sum((data->>'tier' = 'hot')::int - (coalesce(data->>'previous_tier', '') = 'hot')::int)
FROM leads_event
WHERE tenant_id = %(tenant)s AND kind = 'lead.scored'
  AND occurred_at > %(now)s - make_interval(days => %(days)s) AND occurred_at <= %(now)s
GROUP BY days_back
"""


def _hot_by_day(tenant: Tenant, hot: int, now: datetime) -> list[int]:
    """Return how many leads were hot at the end of each of 14 days, as far back as scores go.

    Every change of tier is recorded, so the count of a day is today's without what changed since.
    """
    with connection.cursor() as cursor:
        cursor.execute(HOT_NET_BY_DAY, {"tenant": tenant.pk, "now": now, "days": SPARK_DAYS})
        net = dict(cursor.fetchall())
    if not net:
        return []
    counts = [hot]
    for days_back in range(max(net) + 1):
        counts.append(counts[-1] - net.get(days_back, 0))
    return counts[:SPARK_DAYS][::-1]


@dataclass(frozen=True, slots=True)
class Responses:
    """How long leads who wrote waited for an answer, this week."""

    median: float | None
    count: int
    change: float | None
    by_day: Sequence[float]


RESPONSES = """
WITH talk AS (
  SELECT occurred_at, kind = ANY(%(out)s) AS is_out,
    lag(kind = ANY(%(out)s)) OVER turn AS after_out,
    min(occurred_at) FILTER (WHERE kind = ANY(%(out)s)) OVER (
      PARTITION BY lead_id ORDER BY occurred_at, id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS answered_at
  FROM leads_event
  WHERE tenant_id = %(tenant)s AND kind = ANY(%(both)s) AND lead_id IS NOT NULL
    AND occurred_at > %(now)s - make_interval(days => 14) AND occurred_at <= %(now)s
  WINDOW turn AS (PARTITION BY lead_id ORDER BY occurred_at, id)
), waits AS (
  SELECT extract(epoch FROM answered_at - occurred_at) AS seconds,
    occurred_at > %(now)s - make_interval(days => 7) AS this_week,
    floor(extract(epoch FROM %(now)s - occurred_at) / 86400)::int AS days_back
  FROM talk WHERE NOT is_out AND after_out IS NOT FALSE AND answered_at IS NOT NULL
)
SELECT this_week, days_back, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), count(*)
FROM waits GROUP BY GROUPING SETS ((this_week), (days_back)) ORDER BY days_back DESC
"""


def _responses(tenant: Tenant, now: datetime) -> Responses:
    """Return the median time from a lead's first unanswered message or missed call to our answer."""
    outward, inward = [str(kind) for kind in REACHED_OUT], [str(kind) for kind in WROTE_IN]
    with connection.cursor() as cursor:
        cursor.execute(
            RESPONSES, {"tenant": tenant.pk, "now": now, "out": outward, "both": [*outward, *inward]}
        )
        rows = cursor.fetchall()
    weeks = {this_week: (median, count) for this_week, _, median, count in rows if this_week is not None}
    median, count = weeks.get(True, (None, 0))
    before, _ = weeks.get(False, (None, 0))
    return Responses(
        median=median,
        count=count,
        change=median - before if median is not None and before is not None else None,
        by_day=[float(day) for this_week, _, day, _ in rows if this_week is None],
    )


def agents_named(leads: Iterable[Lead]) -> dict[int, str]:
    """Return the short name of whom each lead is assigned to; the leads must carry them."""
    return {lead.pk: lead.assigned_to.get_short_name() for lead in leads if lead.assigned_to}
