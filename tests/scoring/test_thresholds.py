"""A broker moves where tiers begin: the leads follow at once, in the background."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from leads import bus
from leads.events import Kind
from leads.models import Event, Lead, LiveMessage, User
from leads.timeline import Line, describe
from scoring import services
from scoring.models import LeadScore
from scoring.services.events import GROUP
from tests.factories import EventFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

RULES = "/agent/alerts/rules/"
WANTED = {
    "hot_score": 30,
    "warm_score": 20,
    "steady_score": 10,
    "score_drop": 15,
    "reply_limit_minutes": 15,
    "hot_silent_hours": 48,
    "cooldown_minutes": 60,
    "handle_goal_minutes": 5,
    "escalate_minutes": 10,
    "kinds": ["hot_lead"],
    "channels": [],
}


def hear(event: Event) -> Any:
    """Do what the realtime worker does with an event."""
    return bus.subscriptions()[GROUP].tasks[event.kind]([event.pk])


@pytest.fixture
def scored(lead: Lead) -> Lead:
    told = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, data={"text": "Hello"})
    services.score_leads(event_ids=[told.pk])
    lead.refresh_from_db()
    return lead


def test_tiers_follow_the_rules_a_broker_saves(
    scored: Lead,
    other_lead: Lead,
    broker: User,
    broker_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert scored.tier == "quiet"

    broker_client.post(RULES, WANTED)
    told = Event.objects.get(kind=Kind.THRESHOLDS_CHANGED)
    with django_capture_on_commit_callbacks(execute=True):
        hear(told)

    assert (told.tenant_id, told.lead_id, told.actor_id) == (scored.tenant_id, None, broker.pk)
    assert told.data == {"hot_score": 30, "warm_score": 20, "steady_score": 10}
    scored.refresh_from_db()
    assert scored.tier == "hot"
    assert LeadScore.objects.filter(lead=scored).latest("pk").tier == "hot"
    assert LiveMessage.objects.filter(type="score_update").latest("number").data["tier"] == "hot"
    follow_up = Event.objects.filter(lead=scored, kind=Kind.LEAD_SCORED).latest("pk")
    assert describe(follow_up.kind, follow_up.data) == Line(
        "gauge", f"Tier changed at score {round(scored.score or 0)}", "Quiet → Hot", ""
    )


def test_a_change_of_thresholds_is_followed_once(
    scored: Lead, broker_client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    broker_client.post(RULES, WANTED)
    told = Event.objects.get(kind=Kind.THRESHOLDS_CHANGED)
    with django_capture_on_commit_callbacks(execute=True):
        hear(told)

    with django_capture_on_commit_callbacks() as queued:
        hear(told)

    assert queued == []


def test_rules_that_leave_the_tiers_alone_ask_for_nothing(scored: Lead, broker_client: Client) -> None:
    broker_client.post(RULES, WANTED)
    broker_client.post(RULES, WANTED | {"cooldown_minutes": 30, "kinds": []})

    assert Event.objects.filter(kind=Kind.THRESHOLDS_CHANGED).count() == 1
