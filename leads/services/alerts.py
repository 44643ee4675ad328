"""Raise alerts, keep their clocks, and see to it that somebody is told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from leads import alerting
from leads.alerting import AlertDraft
from leads.events import Kind
from leads.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    Lead,
    LiveMessage,
    Membership,
    Role,
    Tenant,
    User,
)
from leads.models.alerts import AlertKind
from leads.models.tenants import TEAM_ROLES
from leads.ops import metrics
from leads.selectors import alerts as selectors
from leads.services import events, live, notifications
from leads.services.notifications import NewNotification
from leads.tables import ask, prepared, put, together

MOST = 500
TIERS_BEGIN = ("hot_score", "warm_score", "steady_score")


@transaction.atomic(savepoint=False)
def raise_alerts(
    *, drafts: Sequence[AlertDraft], settings: Mapping[int, AlertSettings] | None = None
) -> list[Alert]:
    """Raise what is new among drafts, tell open screens, and note who is to be told over which channel.

    A draft known already, of a kind its tenant switched off, or raised again within the cooldown is
    left out. Call it after the leads' rows are locked or written: it ends with the live counter.
    """
    if not drafts:
        return []
    now = timezone.now()
    if settings is None:
        settings = selectors.settings_of({draft.tenant_id for draft in drafts})
    cooldowns = {pk: timedelta(minutes=row.cooldown_minutes) for pk, row in settings.items()}
    with together():
        cooling = selectors.ask_what_cools(drafts, now, cooldowns)
        asked = _ask_for_people({draft.tenant_id for draft in drafts})
        taken, people = cooling(), asked()
    raised = _insert(_not_cooling(drafts, settings, taken), settings, now)
    if not raised:
        return []
    for alert in raised:
        metrics.ALERTS.labels(kind=alert.kind).inc()
    with together():
        recording = events.ask_to_record([_event(alert, Kind.ALERT_TRIGGERED, now) for alert in raised])
        _tell(raised, people, settings, now)
        _show(raised)
        recording()
    return raised


def acknowledge_alert(*, alert: Alert, by: User) -> Alert:
    """Stop an alert's clock; acknowledged again, or after its cause went away, nothing changes."""
    now = timezone.now()
    with transaction.atomic():
        handled = Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(
            state=Alert.State.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=by, escalate_at=None
        )
        alert.refresh_from_db()
        if handled:
            _close([alert], now, actor=by)
    return alert


@transaction.atomic
def expire_alerts() -> int:
    """Close open alerts whose cause is gone; an answer or a call counts as handling what waited for one."""
    now = timezone.now()
    wanted = [alert.pk for alert in selectors.no_longer_true()]
    rows = list(
        Alert.objects.filter(pk__in=wanted, state=Alert.State.OPEN)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("lead")
        .order_by("pk")
    )
    for alert in rows:
        answered_at = _answered_at(alert)
        alert.state = Alert.State.ACKNOWLEDGED if answered_at else Alert.State.EXPIRED
        alert.acknowledged_at = answered_at
        alert.escalate_at = None
    Alert.objects.bulk_update(rows, ["state", "acknowledged_at", "escalate_at"], batch_size=MOST)
    _close([alert for alert in rows if alert.state == Alert.State.ACKNOWLEDGED], now)
    _withdraw(rows)
    _show([alert for alert in rows if alert.state == Alert.State.EXPIRED])
    return len(rows)


@transaction.atomic
def escalate_due_alerts() -> int:
    """Tell the brokers of alerts nobody handled in the time their tenant set; each alert once."""
    now = timezone.now()
    due = Alert.objects.filter(state=Alert.State.OPEN, escalated_at__isnull=True, escalate_at__lte=now)
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("escalate_at", "pk")[:MOST])
    if not rows:
        return 0
    Alert.objects.filter(pk__in=[alert.pk for alert in rows]).update(escalated_at=now, escalate_at=None)
    for alert in rows:
        alert.escalated_at, alert.escalate_at = now, None
    settings = selectors.settings_of({alert.tenant_id for alert in rows})
    events.record_events(events=[_event(alert, Kind.ALERT_ESCALATED, now) for alert in rows])
    people = _ask_for_people({alert.tenant_id for alert in rows})()
    _tell(rows, people, settings, now, roles=(Role.BROKER, Role.ADMIN))
    _show(rows)
    return len(rows)


@transaction.atomic
def raise_waiting_alerts() -> int:
    """Raise alerts for what has lasted too long: a reply that waits, a hot lead without contact."""
    now = timezone.now()
    replies, silences = selectors.replies_waiting(now), selectors.hot_and_silent(now)
    thresholds = selectors.thresholds_of({each.tenant_id for each in [*replies, *silences]})
    found = [
        rule(
            tenant_id=each.tenant_id,
            lead_id=each.lead_id,
            since=each.since,
            thresholds=thresholds[each.tenant_id],
            now=now,
        )
        for rule, waiting in ((alerting.reply_waiting, replies), (alerting.hot_silent, silences))
        for each in waiting
    ]
    return len(raise_alerts(drafts=[draft for draft in found if draft is not None]))


@transaction.atomic
def change_settings(*, tenant: Tenant, values: dict[str, Any], by: User | None = None) -> AlertSettings:
    """Set when and how a tenant wants to be told; the log tells the engines that tiers begin elsewhere."""
    before = selectors.settings_of([tenant.pk])[tenant.pk]
    row, _ = AlertSettings.objects.update_or_create(tenant=tenant, defaults=values)
    begin = {name: getattr(row, name) for name in TIERS_BEGIN}
    if begin != {name: getattr(before, name) for name in TIERS_BEGIN}:
        events.record_event(
            tenant=tenant,
            kind=Kind.THRESHOLDS_CHANGED,
            data=begin,
            actor_id=by.pk if by is not None else None,
        )
    return row


def _not_cooling(
    drafts: Sequence[AlertDraft], settings: Mapping[int, AlertSettings], taken: set[tuple[int, str]]
) -> list[AlertDraft]:
    kept = []
    for draft in drafts:
        pair, wish = (draft.lead_id, draft.kind), settings[draft.tenant_id]
        if pair in taken or draft.kind in wish.disabled_kinds:
            continue
        if wish.cooldown_minutes:
            taken.add(pair)
        kept.append(draft)
    return kept


_INSERT = """
INSERT INTO leads_alert (tenant_id, lead_id, kind, state, reason, data, event_id, dedupe_key, assigned_to_id,
                         event_at, raised_at, goal_at, escalate_at)
SELECT draft.tenant_id, draft.lead_id, draft.kind, 'open', draft.reason, draft.data::jsonb, draft.event_id,
       draft.dedupe_key, lead.assigned_to_id, draft.event_at, %(now)s, draft.goal_at, draft.escalate_at
FROM unnest(%(tenant)s::bigint[], %(lead)s::bigint[], %(kind)s::text[], %(reason)s::text[], %(data)s::text[],
            %(event)s::bigint[], %(key)s::text[], %(at)s::timestamptz[], %(goal)s::timestamptz[],
            %(escalate)s::timestamptz[])
     AS draft (tenant_id, lead_id, kind, reason, data, event_id, dedupe_key, event_at, goal_at, escalate_at)
JOIN leads_lead AS lead ON lead.id = draft.lead_id AND lead.tenant_id = draft.tenant_id
ON CONFLICT (tenant_id, dedupe_key) DO NOTHING
RETURNING id
"""


_NAMED = """
JOIN unnest(%s::bigint[], %s::text[]) AS named (tenant_id, dedupe_key) USING (tenant_id, dedupe_key)
ORDER BY id
"""
_AGENTS = "WHERE id IN (SELECT assigned_to_id FROM leads_lead WHERE id = ANY(%s))"
_LEAD = frozenset({"tenant_id", "contact_id", "first_name", "last_name", "email", "phone"})
_AGENT = frozenset({"name", "email"})
"""What an alert is shown with."""


def _insert(
    drafts: Sequence[AlertDraft], settings: Mapping[int, AlertSettings], now: datetime
) -> list[Alert]:
    """Insert drafts whose key is new, in one statement, and return them as rows ready to show."""
    if not drafts:
        return []
    ordered = sorted(drafts, key=lambda draft: (draft.tenant_id, draft.dedupe_key))  # one order for all
    wishes = [settings[draft.tenant_id] for draft in ordered]
    leads = list({draft.lead_id for draft in ordered})
    with together():
        cursor = prepared()
        cursor.execute(
            _INSERT,
            {
                "now": now,
                "tenant": [draft.tenant_id for draft in ordered],
                "lead": [draft.lead_id for draft in ordered],
                "kind": [draft.kind for draft in ordered],
                "reason": [draft.reason for draft in ordered],
                "data": [json.dumps(draft.data) for draft in ordered],
                "event": [draft.event_id for draft in ordered],
                "key": [draft.dedupe_key for draft in ordered],
                "at": [draft.event_at for draft in ordered],
                "goal": [now + timedelta(minutes=wish.handle_goal_minutes) for wish in wishes],
                "escalate": [now + timedelta(minutes=wish.escalate_minutes) for wish in wishes],
            },
        )
        named = [[draft.tenant_id for draft in ordered], [draft.dedupe_key for draft in ordered]]
        asked = ask(Alert, _NAMED, named)
        about = ask(Lead, "WHERE id = ANY(%s)", [leads], only=_LEAD)
        agents = ask(User, _AGENTS, [leads], only=_AGENT)
        inserted = {pk for (pk,) in cursor.fetchall()}
        rows = [alert for alert in asked() if alert.pk in inserted]
        known, people = {lead.pk: lead for lead in about()}, {user.pk: user for user in agents()}
    for alert in rows:
        alert.lead = known[alert.lead_id]
        if alert.assigned_to_id is not None:
            alert.assigned_to = people[alert.assigned_to_id]
    return rows


def _answered_at(alert: Alert) -> datetime | None:
    """Return when the team wrote or called after an alert that asked for just that."""
    said = alert.lead.last_outbound_at
    if alert.kind not in (AlertKind.REPLY_WAITING, AlertKind.HOT_SILENT) or said is None:
        return None
    return said if said >= alert.raised_at else None


def _close(alerts: Sequence[Alert], now: datetime, actor: User | None = None) -> None:
    """Record that alerts were handled, and stop what was still to be sent."""
    if not alerts:
        return
    _withdraw(alerts)
    actor_id = actor.pk if actor is not None else None
    handled = [
        replace(_event(alert, Kind.ALERT_ACKNOWLEDGED, alert.acknowledged_at or now), actor_id=actor_id)
        for alert in alerts
    ]
    events.record_events(events=handled)
    _show(alerts)


def _withdraw(alerts: Sequence[Alert]) -> None:
    AlertDelivery.objects.filter(alert__in=alerts, state=AlertDelivery.State.DUE).delete()


def _event(alert: Alert, kind: Kind, at: datetime) -> events.NewEvent:
    return events.NewEvent(
        tenant_id=alert.tenant_id,
        kind=kind,
        occurred_at=at,
        lead_id=alert.lead_id,
        data={"alert": alert.pk, "alert_kind": alert.kind, "reason": alert.reason},
        dedupe_key=f"{kind}:{alert.pk}",
    )


def _tell(
    alerts: Sequence[Alert],
    people: Mapping[int, Sequence[Membership]],
    settings: Mapping[int, AlertSettings],
    now: datetime,
    roles: tuple[Role, ...] | None = None,
) -> None:
    """Note who is told of each alert over which channel; the notice in the app is written at once."""
    deliveries, notices = [], []
    for alert in alerts:
        recipients = _recipients(alert, people.get(alert.tenant_id, ()), roles)
        wanted = settings[alert.tenant_id].channels
        for user_id in recipients:
            deliveries.append(_delivery(alert, AlertDelivery.Channel.IN_APP, user_id, now))
            notices.append(
                NewNotification(
                    tenant_id=alert.tenant_id,
                    user_id=user_id,
                    text=alert.reason,
                    url=reverse("leads:lead-detail", args=[alert.lead_id]),
                    alert_id=alert.pk,
                )
            )
            if AlertDelivery.Channel.EMAIL in wanted:
                deliveries.append(_delivery(alert, AlertDelivery.Channel.EMAIL, user_id, now))
        if AlertDelivery.Channel.GHL_TASK in wanted and roles is None:
            deliveries.append(_delivery(alert, AlertDelivery.Channel.GHL_TASK, None, now))
    put(deliveries, conflict="ON CONFLICT DO NOTHING")
    notifications.notify(notifications=notices)


def _delivery(
    alert: Alert, channel: AlertDelivery.Channel, user_id: int | None, now: datetime
) -> AlertDelivery:
    is_sent = channel is AlertDelivery.Channel.IN_APP
    return AlertDelivery(
        alert=alert,
        channel=channel,
        recipient_id=user_id,
        state=AlertDelivery.State.SENT if is_sent else AlertDelivery.State.DUE,
        due_at=now,
        tries=1 if is_sent else 0,
        sent_at=now if is_sent else None,
    )


_TEAM = """
JOIN leads_user AS person ON person.id = row.user_id AND person.is_active
WHERE row.tenant_id = ANY(%s) AND row.is_active AND row.role = ANY(%s) ORDER BY row.id
"""
_MEMBER = frozenset({"tenant_id", "user_id", "role"})


def _ask_for_people(tenant_ids: Iterable[int]) -> Callable[[], dict[int, list[Membership]]]:
    """Ask for the teams of tenants and return what waits for them."""
    asked = ask(Membership, _TEAM, [list(tenant_ids), [str(role) for role in TEAM_ROLES]], only=_MEMBER)

    def answer() -> dict[int, list[Membership]]:
        members: dict[int, list[Membership]] = defaultdict(list)
        for member in asked():
            members[member.tenant_id].append(member)
        return members

    return answer


def _recipients(alert: Alert, people: Sequence[Membership], roles: tuple[Role, ...] | None) -> list[int]:
    """Return whom to tell: the lead's agent; without one the brokers; without those the whole team."""
    if roles is None and any(member.user_id == alert.assigned_to_id for member in people):
        return [alert.assigned_to_id] if alert.assigned_to_id is not None else []
    for wanted in (roles or (Role.BROKER,), (Role.BROKER, Role.ADMIN), TEAM_ROLES):
        found = dict.fromkeys(member.user_id for member in people if member.role in wanted)
        if found:
            return list(found)
    return []


def _show(alerts: Sequence[Alert]) -> None:
    """Send alerts as they stand to open screens."""
    live.send(
        drafts=[
            live.LiveDraft(
                tenant_id=alert.tenant_id,
                type=LiveMessage.Type.ALERT,
                topic="alerts",
                data={
                    "alert": alert.pk,
                    "lead": alert.lead_id,
                    "kind": alert.kind,
                    "state": alert.state,
                    "reason": alert.reason,
                    "url": reverse("leads:lead-detail", args=[alert.lead_id]),
                    "goal_at": alert.goal_at.isoformat(),
                    "escalated": alert.escalated_at is not None,
                },
                event_at=alert.event_at if alert.state == Alert.State.OPEN else timezone.now(),
                html={f"alert-{alert.pk}": render_to_string("leads/_alert_row.html", {"alert": alert})},
                lead_id=alert.lead_id,
            )
            for alert in alerts
        ]
    )
