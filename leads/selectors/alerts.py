"""Reads about alerts: settings, the feed, what is due, and how many were handled in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncDate

from leads import alerting
from leads.alerting import Thresholds
from leads.models import Alert, AlertSettings, ModelVersion, Tenant
from leads.models.alerts import AlertKind
from leads.tables import ask

GOAL_DAYS = 7
NEWS_DAYS = 7
"""A reply that has waited longer than this, or a silence as old, is history rather than news."""
MOST = 500
_RAISED = frozenset({"tenant_id", "lead_id", "kind", "raised_at"})


def settings_of(tenant_ids: Iterable[int]) -> dict[int, AlertSettings]:
    """Return each tenant's alert settings, the defaults where it has set none."""
    return ask_for_settings(tenant_ids)()


def ask_for_settings(tenant_ids: Iterable[int]) -> Callable[[], dict[int, AlertSettings]]:
    """Send what `settings_of` sends and return what waits for them."""
    wanted = set(tenant_ids)
    rows = ask(AlertSettings, "WHERE tenant_id = ANY(%s)", [list(wanted)])

    def answer() -> dict[int, AlertSettings]:
        kept = {row.tenant_id: row for row in rows()}
        return {pk: kept.get(pk) or AlertSettings(tenant_id=pk) for pk in wanted}

    return answer


def is_model_serving(tenant: Tenant) -> bool:
    """Tell whether a learned model scores a tenant's leads, whose tiers then are not cut by the rules."""
    rows = ModelVersion.objects.serving().filter(engine=ModelVersion.Engine.SCORES, fault="")
    return rows.filter(Q(tenant=tenant) | Q(tenant=None)).exists()


def thresholds_of(tenant_ids: Iterable[int]) -> dict[int, Thresholds]:
    """Return each tenant's thresholds as the rules take them."""
    return {pk: as_thresholds(row) for pk, row in settings_of(tenant_ids).items()}


def as_thresholds(row: AlertSettings) -> Thresholds:
    """Return a settings row as the rules take it."""
    return Thresholds(
        hot_score=row.hot_score,
        warm_score=row.warm_score,
        steady_score=row.steady_score,
        score_drop=row.score_drop,
        reply_limit=timedelta(minutes=row.reply_limit_minutes),
        hot_silent=timedelta(hours=row.hot_silent_hours),
        cooldown=timedelta(minutes=row.cooldown_minutes),
        disabled=frozenset(row.disabled_kinds),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lead for whom something has lasted too long, since when."""

    tenant_id: int
    lead_id: int
    since: datetime


def replies_waiting(now: datetime, most: int = MOST) -> list[Waiting]:
    """Return leads whose message has waited past their tenant's limit and who have no alert for it yet."""
    return _waiting(REPLIES_WAITING, now, most)


def hot_and_silent(now: datetime, most: int = MOST) -> list[Waiting]:
    """Return hot leads without contact for longer than their tenant allows, and without an alert."""
    return _waiting(HOT_AND_SILENT, now, most)


REPLIES_WAITING = """
SELECT lead.id, lead.tenant_id, lead.awaiting_reply_since AS since
FROM leads_lead AS lead
JOIN leads_tenant AS tenant ON tenant.id = lead.tenant_id AND tenant.is_active
LEFT JOIN leads_alertsettings AS wish ON wish.tenant_id = lead.tenant_id
WHERE lead.awaiting_reply_since IS NOT NULL AND lead.status = 'active'
  AND NOT COALESCE(wish.disabled_kinds ? 'reply_waiting', false)
  AND lead.awaiting_reply_since
    <= %(now)s - make_interval(mins => COALESCE(wish.reply_limit_minutes, %(reply)s))
  AND lead.awaiting_reply_since > %(oldest)s
  AND NOT EXISTS (
    SELECT 1 FROM leads_alert AS alert WHERE alert.tenant_id = lead.tenant_id AND alert.dedupe_key =
      'reply_waiting:' || lead.id || ':'
      || floor(extract(epoch FROM lead.awaiting_reply_since) * 1000)::bigint
  )
ORDER BY lead.awaiting_reply_since LIMIT %(most)s
"""

HOT_AND_SILENT = """
SELECT lead.id, lead.tenant_id, COALESCE(lead.last_event_at, lead.tier_changed_at) AS since
FROM leads_lead AS lead
JOIN leads_tenant AS tenant ON tenant.id = lead.tenant_id AND tenant.is_active
LEFT JOIN leads_alertsettings AS wish ON wish.tenant_id = lead.tenant_id
WHERE lead.tier = 'hot' AND lead.status = 'active'
  AND NOT COALESCE(wish.disabled_kinds ? 'hot_silent', false)
  AND COALESCE(lead.last_event_at, lead.tier_changed_at)
    <= %(now)s - make_interval(hours => COALESCE(wish.hot_silent_hours, %(silent)s))
  AND COALESCE(lead.last_event_at, lead.tier_changed_at)
    > %(oldest)s - make_interval(hours => COALESCE(wish.hot_silent_hours, %(silent)s))
  AND NOT EXISTS (
    SELECT 1 FROM leads_alert AS alert WHERE alert.tenant_id = lead.tenant_id AND alert.dedupe_key =
      'hot_silent:' || lead.id || ':'
      || floor(extract(epoch FROM COALESCE(lead.last_event_at, lead.tier_changed_at)) * 1000)::bigint
  )
ORDER BY since LIMIT %(most)s
"""


def _waiting(query: str, now: datetime, most: int) -> list[Waiting]:
    defaults = AlertSettings()
    values: dict[str, datetime | int] = {
        "now": now,
        "oldest": now - timedelta(days=NEWS_DAYS),
        "reply": defaults.reply_limit_minutes,
        "silent": defaults.hot_silent_hours,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [Waiting(tenant_id, lead_id, since) for lead_id, tenant_id, since in cursor.fetchall()]


def no_longer_true(most: int = MOST) -> QuerySet[Alert]:
    """Return open alerts whose cause is gone: the tier left, the reply sent, the silence broken."""
    tier_left = Q(kind=AlertKind.HOT_LEAD) & ~Q(lead__tier="hot")
    warmth_left = Q(kind=AlertKind.TIER_JUMP) & ~Q(lead__tier__in=("hot", "warm"))
    answered = Q(kind=AlertKind.REPLY_WAITING) & (
        Q(lead__awaiting_reply_since__isnull=True) | Q(lead__awaiting_reply_since__gt=F("event_at"))
    )
    heard_of = Q(kind=AlertKind.HOT_SILENT) & (
        ~Q(lead__tier="hot") | Q(lead__last_event_at__gt=F("raised_at"))
    )
    gone = ~Q(lead__status="active")
    return (
        Alert.objects.filter(state=Alert.State.OPEN)
        .filter(tier_left | warmth_left | answered | heard_of | gone)
        .select_related("lead")
        .order_by("pk")[:most]
    )


FILTERS = {"open": "Open", "late": "Past the goal", "handled": "Handled", "all": "All"}


def feed(
    alerts: QuerySet[Alert], *, show: str, kind: str, mine: int | None, now: datetime
) -> QuerySet[Alert]:
    """Return a tenant's alerts for its feed, narrowed as asked: open ones by urgency, others latest first."""
    rows = alerts.select_related("lead", "lead__merged_into", "assigned_to", "acknowledged_by")
    if kind:
        rows = rows.filter(kind=kind)
    if mine is not None:
        rows = rows.filter(Q(assigned_to=mine) | Q(assigned_to__isnull=True))
    if show == "open":
        return rows.filter(state=Alert.State.OPEN).order_by("goal_at", "pk")
    if show == "late":
        return rows.filter(state=Alert.State.OPEN, goal_at__lt=now).order_by("goal_at", "pk")
    if show == "handled":
        return rows.filter(state=Alert.State.ACKNOWLEDGED).order_by("-acknowledged_at", "-pk")
    return rows.order_by("-raised_at", "-pk")


@dataclass(frozen=True, slots=True)
class Share:
    """How many alerts were handled within their goal, of how many whose goal has come."""

    in_time: int
    due: int
    by_day: tuple[float | None, ...] = ()

    @property
    def percent(self) -> int | None:
        """Return the share in percent; None when no goal has come yet."""
        return round(100 * self.in_time / self.due) if self.due else None


def share_in_time(tenant: Tenant, now: datetime, days: int = GOAL_DAYS) -> Share:
    """Return the share of a tenant's alerts of the last days that were handled within their goal.

    An alert counts once it is handled or its goal has passed; one whose cause went away first does not.
    """
    first = (now - timedelta(days=days - 1)).date()
    in_time = Q(acknowledged_at__lte=F("goal_at"))
    counted = (
        Alert.objects.filter(tenant=tenant, raised_at__date__gte=first, raised_at__lte=now)
        .filter(Q(acknowledged_at__isnull=False) | Q(state=Alert.State.OPEN, goal_at__lte=now))
        .annotate(day=TruncDate("raised_at"))
        .values("day")
        .order_by("day")
        .annotate(due=Count("pk"), met=Count("pk", filter=in_time))
    )
    by_day = {row["day"]: (row["met"], row["due"]) for row in counted}
    series = []
    for place in range(days):
        met, due = by_day.get(first + timedelta(days=place), (0, 0))
        series.append(met / due if due else None)
    return Share(
        in_time=sum(met for met, _ in by_day.values()),
        due=sum(due for _, due in by_day.values()),
        by_day=tuple(series),
    )


def counts(tenant: Tenant, now: datetime) -> dict[str, int]:
    """Return how many alerts are open, and how many of them are past their goal or were escalated."""
    return Alert.objects.filter(tenant=tenant, state=Alert.State.OPEN).aggregate(
        open=Count("pk"),
        late=Count("pk", filter=Q(goal_at__lt=now)),
        escalated=Count("pk", filter=Q(escalated_at__isnull=False)),
    )


def ask_what_cools(
    drafts: Iterable[alerting.AlertDraft], now: datetime, cooldowns: dict[int, timedelta]
) -> Callable[[], set[tuple[int, str]]]:
    """Ask for the (lead, kind) pairs raised too lately to be raised again and return what waits for them."""
    wanted = list(drafts)
    leads, kinds = {draft.lead_id for draft in wanted}, {str(draft.kind) for draft in wanted}
    since = now - max(cooldowns.values(), default=timedelta(0))
    raised = ask(
        Alert,
        "WHERE lead_id = ANY(%s) AND kind = ANY(%s) AND raised_at > %s",
        [list(leads), list(kinds), since],
        only=_RAISED,
    )
    return lambda: {
        (row.lead_id, row.kind) for row in raised() if now - row.raised_at < cooldowns[row.tenant_id]
    }
