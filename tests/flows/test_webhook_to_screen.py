"""The whole road: a signed webhook becomes an explained score and an alert on an agent's screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from config.asgi import application
from config.celery import app
from leads.authentication import issue_tokens
from leads.bus.step import drain
from leads.models import (
    Alert,
    AlertSettings,
    Event,
    Lead,
    Membership,
    Notification,
    Tenant,
    User,
    WebhookDelivery,
)
from leads.realtime.hub import current_hub, stop_hub
from leads.redis import circuit
from leads.services import alert_deliveries
from scoring.models import LeadScore
from tests import ghl
from tests.factories import MembershipFactory

pytestmark = [pytest.mark.django_db(transaction=True)]

CONTACT = "flowcontact000000001"
GHL_USER = "flowagent0000000001"
TALK = [
    "Hi, we are looking for three bedrooms around 580k near downtown",
    "We need to move by next month, I start a new job",
    "Great news, we are pre-approved. Can we see the house on Saturday?",
]


@pytest.fixture(autouse=True)
def _open_house(settings: Settings, redis_client: redis.Redis) -> None:
    ghl.open_door(settings)
    settings.ALLOWED_HOSTS = ["testserver"]
    circuit.reset()
    app.loader.import_default_modules()  # every task that hears the bus


@pytest.fixture
async def screen(agent: User, tenant: Tenant) -> AsyncIterator[WebsocketCommunicator]:
    """An agent's open screen, subscribed as our pages subscribe."""
    member = await Membership.objects.select_related("user", "tenant").aget(user=agent, tenant=tenant)
    token = str(issue_tokens(member).access_token)
    socket = WebsocketCommunicator(
        application,
        "/ws/live/",
        headers=[(b"host", b"testserver")],
        subprotocols=["hearthline.v1", f"bearer.{token}"],
    )
    accepted, _ = await socket.connect()
    assert accepted
    wish = {"type": "subscribe", "topics": ["scores", "alerts"], "after": 0, "html": True}
    await socket.send_json_to(wish)
    while not all(r.is_subscribed for c in current_hub().channels.values() for r in c.readers):
        await asyncio.sleep(0)
    yield socket
    await socket.disconnect()
    await stop_hub()


def contact(tenant: Tenant, number: int = 1) -> dict[str, Any]:
    now = timezone.now().isoformat()
    return {
        "type": "ContactCreate",
        "locationId": tenant.location_id,
        "webhookId": f"flow-contact-{number}",
        "timestamp": now,
        "id": CONTACT,
        "firstName": "Jordan",
        "lastName": "Reyes",
        "email": "jordan.reyes@example.com",
        "phone": "+12065550123",
        "assignedTo": GHL_USER,
        "source": "Referral",
        "dateAdded": now,
    }


def message(tenant: Tenant, number: int, text: str) -> dict[str, Any]:
    now = timezone.now().isoformat()
    return {
        "type": "InboundMessage",
        "locationId": tenant.location_id,
        "webhookId": f"flow-message-{number}",
        "timestamp": now,
        "contactId": CONTACT,
        "conversationId": "flowconversation0001",
        "messageId": f"flowmessage{number}",
        "messageType": "SMS",
        "direction": "inbound",
        "body": text,
        "dateAdded": now,
        "status": "delivered",
    }


def say(tenant: Tenant, number: int, text: str) -> None:
    """Post a message and work until nothing is left to do."""
    assert ghl.post(message(tenant, number, text)).status_code == 200
    drain()


def test_webhook_to_dashboard_flow(
    tenant: Tenant, agent: User, agent_client: Client, other_agent_client: Client
) -> None:
    Membership.objects.filter(user=agent).update(ghl_user_id=GHL_USER)

    answers = [ghl.post(contact(tenant))] + [
        ghl.post(message(tenant, number, text)) for number, text in enumerate(TALK)
    ]
    again = ghl.post(message(tenant, 0, TALK[0]))
    drain()

    assert [json.loads(answer.content)["status"] for answer in answers] == ["accepted"] * 4
    assert json.loads(again.content)["status"] == "duplicate"
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"processed"}
    lead = Lead.objects.get()
    assert (lead.contact_id, lead.assigned_to) == (CONTACT, agent)
    assert lead.score is not None
    assert lead.score > 40
    assert lead.awaiting_reply_since is not None
    behavior = Event.objects.filter(lead=lead, kind__in=["contact.created", "message.received"])
    assert LeadScore.objects.filter(event_id__in=behavior.values("pk")).count() == behavior.count() == 4
    row = LeadScore.objects.order_by("pk").last()
    assert row is not None
    assert row.base + sum(points for _, _, points in row.contributions) == pytest.approx(lead.score, abs=1e-6)

    page = agent_client.get(reverse("leads:dashboard")).content.decode()
    assert f'id="lead-{lead.pk}"' in page
    assert "Jordan Reyes" in page
    detail = agent_client.get(reverse("leads:lead-detail", args=[lead.pk]))
    assert TALK[2] in detail.content.decode()
    panel = agent_client.get(reverse("scoring:lead-panel", args=[lead.pk]))
    assert panel.status_code == 200

    assert "Jordan Reyes" not in other_agent_client.get(reverse("leads:dashboard")).content.decode()
    assert other_agent_client.get(reverse("leads:lead-detail", args=[lead.pk])).status_code == 404


async def test_lead_scoring_real_time_updates(
    tenant: Tenant, agent: User, screen: WebsocketCommunicator
) -> None:
    in_thread = sync_to_async(say, thread_sensitive=True)
    await in_thread(tenant, 0, TALK[0])
    await in_thread(tenant, 1, TALK[1])
    await in_thread(tenant, 2, TALK[2])

    heard = await listen(screen, until="score_update", times=3)

    lead = await Lead.objects.aget()
    scores = [each for each in heard if each["type"] == "score_update"]
    ids = [each["id"] for each in heard]
    assert ids == sorted(ids)
    assert [each["tenant"] for each in scores] == [tenant.location_id] * 3
    assert [each["data"]["lead_id"] for each in scores] == [lead.pk] * 3
    assert scores[0]["data"]["previous_score"] is None
    assert scores[1]["data"]["previous_score"] == scores[0]["data"]["score"]
    assert scores[2]["data"]["score"] == lead.score > scores[0]["data"]["score"]
    assert scores[2]["html"][f"lead-{lead.pk}"].strip().startswith("<tr")


async def listen(
    socket: WebsocketCommunicator, *, until: str, times: int = 1, kind: str = ""
) -> list[dict[str, Any]]:
    """Return what comes until messages of a type (and kind) came so many times."""
    heard: list[dict[str, Any]] = []
    while sum(each["type"] == until and each["data"].get("kind", "") == kind for each in heard) < times:
        heard.append(await socket.receive_json_from(10))
    return heard


async def test_a_buying_signal_reaches_screen_bell_and_mail(
    tenant: Tenant, agent: User, screen: WebsocketCommunicator
) -> None:
    await AlertSettings.objects.acreate(tenant=tenant, channels=["email"])
    in_thread = sync_to_async(say, thread_sensitive=True)

    await in_thread(tenant, 2, TALK[2])
    shown = (await listen(screen, until="alert", kind="buying_signal"))[-1]

    alert = await Alert.objects.aget(kind="buying_signal")
    assert shown["data"]["alert"] == alert.pk
    assert "showing" in alert.reason
    assert f'id="alert-{alert.pk}"' in shown["html"][f"alert-{alert.pk}"]
    assert await Notification.objects.filter(user=agent, alert=alert).acount() == 1
    await sync_to_async(alert_deliveries.deliver_due)()
    assert [letter.to for letter in mail.outbox] == [[agent.email]] * len(mail.outbox)
    assert len(mail.outbox) >= 1


def test_two_tenants_with_one_contact_id_keep_apart(
    tenant: Tenant, other_tenant: Tenant, agent_client: Client, other_agent_client: Client
) -> None:
    MembershipFactory(tenant=other_tenant)
    ghl.post(contact(tenant, 1))
    ghl.post(contact(other_tenant, 2) | {"firstName": "Casey"})
    drain()

    ours, theirs = Lead.objects.get(tenant=tenant), Lead.objects.get(tenant=other_tenant)
    assert (ours.first_name, theirs.first_name) == ("Jordan", "Casey")
    assert "Casey" not in agent_client.get(reverse("leads:dashboard")).content.decode()
    assert "Jordan" not in other_agent_client.get(reverse("leads:dashboard")).content.decode()


def test_a_late_webhook_is_scored_when_it_happened_and_moves_nothing_twice(tenant: Tenant) -> None:
    say(tenant, 1, TALK[2])
    before = Lead.objects.get().score
    late = message(tenant, 0, TALK[0]) | {"dateAdded": (timezone.now() - timedelta(days=3)).isoformat()}

    ghl.post(late)
    drain()
    ghl.post(late)
    drain()

    assert LeadScore.objects.filter(event_id__isnull=False).count() == 2
    assert Event.objects.filter(kind="message.received").count() == 2
    assert before is not None
