from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from leads.alerting import AlertDraft
from leads.errors import ServiceError
from leads.events import Kind
from leads.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    Event,
    Lead,
    LiveMessage,
    Notification,
    Role,
    Tenant,
    User,
)
from leads.selectors import alerts as selectors
from leads.services import alert_deliveries, alerts
from tests.factories import AlertFactory, LeadFactory, MembershipFactory

pytestmark = pytest.mark.django_db


def _draft(lead: Lead, kind: str = "hot_lead", key: str = "7", **values: Any) -> AlertDraft:
    return AlertDraft(
        tenant_id=lead.tenant_id,
        lead_id=lead.pk,
        kind=kind,
        reason="Now hot: score 90.",
        event_at=timezone.now(),
        key=key,
        **values,
    )


@pytest.fixture
def owned(lead: Lead, agent: User) -> Lead:
    """A lead with an agent."""
    lead.assigned_to = agent
    lead.save(update_fields=["assigned_to"])
    return lead


def _channels(tenant: Tenant, *channels: str, **values: Any) -> None:
    AlertSettings.objects.create(tenant=tenant, channels=list(channels), **values)


def test_an_alert_starts_a_clock_and_is_told_everywhere(owned: Lead, agent: User) -> None:
    (alert,) = alerts.raise_alerts(drafts=[_draft(owned, event_id=5, data={"score": 90})])

    assert (alert.state, alert.assigned_to, alert.event_id) == ("open", agent, 5)
    assert alert.goal_at - alert.raised_at == timedelta(minutes=5)
    assert alert.escalate_at == alert.raised_at + timedelta(minutes=10)
    assert Event.objects.get(kind=Kind.ALERT_TRIGGERED).data == {
        "alert": alert.pk,
        "alert_kind": "hot_lead",
        "reason": "Now hot: score 90.",
    }
    message = LiveMessage.objects.get()
    assert (message.type, message.audience, message.lead_id) == ("alert", "team", owned.pk)
    assert message.data["alert"] == alert.pk
    assert message.html is not None
    assert f'id="alert-{alert.pk}"' in message.html[f"alert-{alert.pk}"]
    notice = Notification.objects.get()
    assert (notice.user, notice.text, notice.url) == (agent, alert.reason, f"/agent/leads/{owned.pk}/")


def test_no_drafts_raise_nothing() -> None:
    assert alerts.raise_alerts(drafts=[]) == []
    assert not LiveMessage.objects.exists()


def test_the_same_cause_raises_one_alert(owned: Lead) -> None:
    _channels(owned.tenant, cooldown_minutes=0)
    alerts.raise_alerts(drafts=[_draft(owned)])

    assert alerts.raise_alerts(drafts=[_draft(owned)]) == []
    assert len(alerts.raise_alerts(drafts=[_draft(owned, key="8")])) == 1
    assert Alert.objects.count() == 2


def test_the_same_kind_waits_out_the_cooldown(owned: Lead, tenant: Tenant) -> None:
    now = timezone.now()
    with time_machine.travel(now - timedelta(minutes=59), tick=False):
        alerts.raise_alerts(drafts=[_draft(owned, key="1")])
    with time_machine.travel(now, tick=False):
        assert alerts.raise_alerts(drafts=[_draft(owned, key="2")]) == []
        other_kind, other_lead = _draft(owned, "score_drop", "2"), _draft(LeadFactory(tenant=tenant), key="2")
        assert len(alerts.raise_alerts(drafts=[other_kind, other_lead])) == 2
    with time_machine.travel(now + timedelta(minutes=1), tick=False):
        assert len(alerts.raise_alerts(drafts=[_draft(owned, key="3")])) == 1


def test_two_of_a_kind_in_one_batch_are_told_once(owned: Lead) -> None:
    raised = alerts.raise_alerts(drafts=[_draft(owned, key="1"), _draft(owned, key="2")])

    assert [alert.dedupe_key for alert in raised] == [f"hot_lead:{owned.pk}:1"]


def test_a_kind_the_tenant_switched_off_is_not_raised(owned: Lead) -> None:
    _channels(owned.tenant, disabled_kinds=["hot_lead"])

    assert alerts.raise_alerts(drafts=[_draft(owned)]) == []


def test_a_draft_of_another_tenants_lead_is_not_raised(owned: Lead, other_lead: Lead) -> None:
    draft = _draft(owned)
    crossed = AlertDraft(other_lead.tenant_id, owned.pk, draft.kind, draft.reason, draft.event_at, draft.key)

    assert alerts.raise_alerts(drafts=[crossed]) == []


def test_raising_many_costs_as_many_queries_as_raising_one(
    tenant: Tenant, agent: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    leads = LeadFactory.create_batch(20, tenant=tenant, assigned_to=agent)
    _channels(tenant, "email", "ghl_task")
    with CaptureQueriesContext(connection) as first:
        alerts.raise_alerts(drafts=[_draft(leads[0])])

    with django_assert_num_queries(len(first)):
        assert len(alerts.raise_alerts(drafts=[_draft(lead) for lead in leads[1:]])) == 19


@pytest.mark.parametrize("with_broker", [True, False])
def test_an_alert_without_an_agent_goes_to_the_broker_or_else_the_team(
    lead: Lead, agent: User, with_broker: bool
) -> None:
    broker = MembershipFactory(tenant=lead.tenant, role=Role.BROKER).user if with_broker else None

    alerts.raise_alerts(drafts=[_draft(lead)])

    assert Notification.objects.get().user == (broker or agent)


def test_an_agent_who_left_is_not_told(owned: Lead, agent: User, broker: User) -> None:
    agent.memberships.update(is_active=False)

    alerts.raise_alerts(drafts=[_draft(owned)])

    assert Notification.objects.get().user == broker


def test_taking_an_alert_stops_its_clock_once(owned: Lead, agent: User, broker: User) -> None:
    _channels(owned.tenant, "email")
    (alert,) = alerts.raise_alerts(drafts=[_draft(owned)])

    taken = alerts.acknowledge_alert(alert=alert, by=agent)
    again = alerts.acknowledge_alert(alert=alert, by=broker)

    assert (taken.state, taken.in_time, again.acknowledged_by) == ("acknowledged", True, agent)
    event = Event.objects.get(kind=Kind.ALERT_ACKNOWLEDGED)
    assert event.actor_id == agent.pk
    assert [message.data["state"] for message in LiveMessage.objects.order_by("number")] == [
        "open",
        "acknowledged",
    ]
    assert not AlertDelivery.objects.filter(state="due").exists()


def test_an_alert_nobody_takes_goes_to_the_broker_once(owned: Lead, broker: User, agent: User) -> None:
    _channels(owned.tenant, "email", escalate_minutes=10)
    (alert,) = alerts.raise_alerts(drafts=[_draft(owned)])

    with time_machine.travel(alert.raised_at + timedelta(minutes=9, seconds=59), tick=False):
        assert alerts.escalate_due_alerts() == 0
    with time_machine.travel(alert.raised_at + timedelta(minutes=10), tick=False):
        assert alerts.escalate_due_alerts() == 1
        assert alerts.escalate_due_alerts() == 0

    alert.refresh_from_db()
    assert alert.escalated_at == alert.raised_at + timedelta(minutes=10)
    assert set(Notification.objects.values_list("user", flat=True)) == {agent.pk, broker.pk}
    assert AlertDelivery.objects.filter(channel="email", recipient=broker).count() == 1
    assert Event.objects.filter(kind=Kind.ALERT_ESCALATED).count() == 1


def test_an_alert_taken_in_time_is_not_escalated(owned: Lead, agent: User, broker: User) -> None:
    (alert,) = alerts.raise_alerts(drafts=[_draft(owned)])
    alerts.acknowledge_alert(alert=alert, by=agent)

    with time_machine.travel(alert.raised_at + timedelta(hours=1), tick=False):
        assert alerts.escalate_due_alerts() == 0


# What waits


def _waiting(tenant: Tenant, **values: Any) -> Lead:
    lead: Lead = LeadFactory(tenant=tenant, **values)
    return lead


def test_a_reply_waiting_past_the_limit_is_told_once_per_wait(tenant: Tenant) -> None:
    now = timezone.now()
    lead = _waiting(tenant, awaiting_reply_since=now - timedelta(minutes=15))
    _waiting(tenant, awaiting_reply_since=now - timedelta(minutes=14))
    _waiting(tenant, awaiting_reply_since=now - timedelta(days=8))

    with time_machine.travel(now, tick=False):
        assert alerts.raise_waiting_alerts() == 1
        assert alerts.raise_waiting_alerts() == 0

    alert = Alert.objects.get()
    assert (alert.lead, alert.kind, alert.event_at) == (lead, "reply_waiting", lead.awaiting_reply_since)

    lead.awaiting_reply_since = now + timedelta(hours=2)
    lead.save(update_fields=["awaiting_reply_since"])
    with time_machine.travel(now + timedelta(hours=3), tick=False):
        assert alerts.raise_waiting_alerts() == 2  # the second wait of the first lead, and the late one


def test_each_tenant_has_its_own_limit(tenant: Tenant, other_tenant: Tenant) -> None:
    now = timezone.now()
    _channels(tenant, reply_limit_minutes=60)
    for each in (tenant, other_tenant):
        _waiting(each, awaiting_reply_since=now - timedelta(minutes=20))

    with time_machine.travel(now, tick=False):
        alerts.raise_waiting_alerts()

    assert Alert.objects.get().tenant == other_tenant


@pytest.mark.parametrize("kind", ["reply_waiting", "hot_silent"])
def test_waiting_kinds_switched_off_are_not_even_looked_for(tenant: Tenant, kind: str) -> None:
    now = timezone.now()
    _channels(tenant, disabled_kinds=[kind])
    _waiting(
        tenant,
        tier="hot",
        awaiting_reply_since=now - timedelta(hours=50),
        last_event_at=now - timedelta(hours=50),
    )

    with time_machine.travel(now, tick=False):
        alerts.raise_waiting_alerts()

    assert [alert.kind for alert in Alert.objects.all()] == [
        {"reply_waiting": "hot_silent", "hot_silent": "reply_waiting"}[kind]
    ]


def test_a_hot_lead_without_contact_is_told(tenant: Tenant) -> None:
    now = timezone.now()
    silent = _waiting(tenant, tier="hot", last_event_at=now - timedelta(hours=48))
    _waiting(tenant, tier="hot", last_event_at=now - timedelta(hours=47))
    _waiting(tenant, tier="warm", last_event_at=now - timedelta(hours=60))
    _waiting(tenant, tier="hot", last_event_at=now - timedelta(days=40))
    deleted = _waiting(tenant, tier="hot", last_event_at=now - timedelta(hours=60), status="deleted")

    with time_machine.travel(now, tick=False):
        alerts.raise_waiting_alerts()

    alert = Alert.objects.get()
    assert (alert.lead, alert.kind) == (silent, "hot_silent")
    assert alert.lead != deleted


def test_looking_for_what_waits_costs_the_same_for_one_and_for_many(
    tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    values = {"tenant": tenant, "awaiting_reply_since": now - timedelta(minutes=20)}
    LeadFactory(**values)
    with time_machine.travel(now, tick=False), CaptureQueriesContext(connection) as first:
        assert alerts.raise_waiting_alerts() == 1

    LeadFactory.create_batch(30, **values)
    with time_machine.travel(now, tick=False), django_assert_num_queries(len(first)):
        assert alerts.raise_waiting_alerts() == 30


# What is no longer so


def _open(lead: Lead, kind: str, **values: Any) -> Alert:
    alert: Alert = AlertFactory(lead=lead, kind=kind, **values)
    return alert


def test_alerts_whose_cause_is_gone_are_closed(tenant: Tenant) -> None:
    now = timezone.now()
    hot, warm = LeadFactory(tenant=tenant, tier="hot"), LeadFactory(tenant=tenant, tier="warm")
    steady = LeadFactory(tenant=tenant, tier="steady")
    kept = [_open(hot, "hot_lead"), _open(warm, "tier_jump"), _open(steady, "buying_signal")]
    gone = [_open(warm, "hot_lead"), _open(steady, "tier_jump"), _open(warm, "hot_silent")]

    assert alerts.expire_alerts() == 3

    assert set(Alert.objects.filter(state="open")) == set(kept)
    assert set(Alert.objects.filter(state="expired")) == set(gone)
    assert alerts.expire_alerts() == 0
    assert selectors.share_in_time(tenant, now).due == 0


def test_an_answer_handles_what_waited_for_one(tenant: Tenant) -> None:
    now = timezone.now()
    lead = LeadFactory(tenant=tenant, last_outbound_at=now + timedelta(minutes=2))
    alert = _open(lead, "reply_waiting", raised_at=now, goal_at=now + timedelta(minutes=5))

    alerts.expire_alerts()

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_at, alert.acknowledged_by) == (
        "acknowledged",
        now + timedelta(minutes=2),
        None,
    )
    assert Event.objects.filter(kind=Kind.ALERT_ACKNOWLEDGED).count() == 1


def test_a_wait_that_goes_on_stays_open(tenant: Tenant) -> None:
    now = timezone.now()
    lead = LeadFactory(tenant=tenant, awaiting_reply_since=now)
    _open(lead, "reply_waiting", event_at=now)

    assert alerts.expire_alerts() == 0


def test_alerts_of_a_lead_that_is_gone_are_closed(tenant: Tenant) -> None:
    _open(LeadFactory(tenant=tenant, status="deleted"), "buying_signal")

    assert alerts.expire_alerts() == 1


# How many were in time


def test_the_share_counts_what_was_handled_and_what_is_late(tenant: Tenant, lead: Lead, agent: User) -> None:
    now = timezone.now()

    def handled(minutes: int, days_ago: int = 0) -> None:
        raised = now - timedelta(days=days_ago, hours=1)
        AlertFactory(
            lead=lead,
            raised_at=raised,
            event_at=raised,
            state="acknowledged",
            acknowledged_at=raised + timedelta(minutes=minutes),
        )

    handled(4)
    handled(5)
    handled(6)
    handled(1, days_ago=9)
    AlertFactory(lead=lead, raised_at=now - timedelta(minutes=9), event_at=now - timedelta(minutes=9))
    AlertFactory(lead=lead, raised_at=now, event_at=now)
    AlertFactory(lead=lead, raised_at=now - timedelta(hours=1), event_at=now, state="expired")

    share = selectors.share_in_time(tenant, now)

    assert (share.in_time, share.due, share.percent) == (2, 4, 50)
    assert len(share.by_day) == 7
    assert sum(part is not None for part in share.by_day) in (1, 2)  # an hour ago may be yesterday


def test_there_is_no_share_before_the_first_alert(tenant: Tenant) -> None:
    assert selectors.share_in_time(tenant, timezone.now()).percent is None


# Sending


def test_alert_to_notification_pipeline(owned: Lead, agent: User, broker: User) -> None:
    _channels(owned.tenant, "email")
    (alert,) = alerts.raise_alerts(drafts=[_draft(owned)])

    assert alert_deliveries.deliver_due() == 1
    assert alert_deliveries.deliver_due() == 0

    (sent,) = mail.outbox
    assert sent.to == [agent.email]
    assert sent.subject == f"Hot lead in {owned.tenant.name}"
    assert alert.reason in sent.body
    assert f"/agent/leads/{owned.pk}/" in sent.body
    assert owned.first_name not in sent.body + sent.subject
    assert {d.channel: d.state for d in alert.deliveries.all()} == {"in_app": "sent", "email": "sent"}

    with time_machine.travel(alert.raised_at + timedelta(minutes=11), tick=False):
        alerts.escalate_due_alerts()
        assert alert_deliveries.deliver_due() == 1
    assert mail.outbox[1].to == [broker.email]
    assert mail.outbox[1].subject.startswith("Still unhandled: ")
    assert Notification.objects.count() == 2


@pytest.mark.parametrize(
    ("error", "state", "tries"),
    [
        (SMTPServerDisconnected("gone"), "due", 1),
        (ConnectionRefusedError(), "due", 1),
        (ServiceError("Busy.", permanent=False), "due", 1),
        (ServiceError("No such contact.", permanent=True), "failed", 1),
        (SMTPRecipientsRefused({"x": (550, b"no such box")}), "failed", 1),
        (SMTPRecipientsRefused({"x": (450, b"later")}), "due", 1),
    ],
)
def test_only_what_may_pass_is_tried_again(
    owned: Lead, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str, tries: int
) -> None:
    def fail(delivery: AlertDelivery) -> None:
        raise error

    monkeypatch.setitem(alert_deliveries.SENDERS, AlertDelivery.Channel.EMAIL, fail)
    _channels(owned.tenant, "email")
    alerts.raise_alerts(drafts=[_draft(owned)])

    assert alert_deliveries.deliver_due() == 0

    delivery = AlertDelivery.objects.get(channel="email")
    assert (delivery.state, delivery.tries) == (state, tries)
    assert delivery.due_at > timezone.now()
    assert alert_deliveries.deliver_due() == 0


def test_a_delivery_is_given_up_after_five_tries(owned: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(delivery: AlertDelivery) -> None:
        raise ConnectionRefusedError

    monkeypatch.setitem(alert_deliveries.SENDERS, AlertDelivery.Channel.EMAIL, fail)
    _channels(owned.tenant, "email")
    alerts.raise_alerts(drafts=[_draft(owned)])

    for _ in range(6):
        AlertDelivery.objects.filter(state="due").update(due_at=timezone.now())
        alert_deliveries.deliver_due()

    delivery = AlertDelivery.objects.get(channel="email")
    assert (delivery.state, delivery.tries, delivery.error) == ("failed", 5, "ConnectionRefusedError")


def test_a_delivery_whose_sender_died_is_not_sent_again(owned: Lead) -> None:
    _channels(owned.tenant, "email")
    alerts.raise_alerts(drafts=[_draft(owned)])
    AlertDelivery.objects.filter(channel="email").update(
        state="claimed", due_at=timezone.now() - timedelta(minutes=16)
    )

    assert alert_deliveries.deliver_due() == 0

    assert AlertDelivery.objects.get(channel="email").state == "failed"
    assert mail.outbox == []


def test_a_task_without_a_connection_fails_for_good(owned: Lead) -> None:
    _channels(owned.tenant, "ghl_task")
    alerts.raise_alerts(drafts=[_draft(owned)])

    assert alert_deliveries.deliver_due() == 0

    assert AlertDelivery.objects.get(channel="ghl_task").state == "failed"
