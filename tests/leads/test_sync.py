from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from leads.models import CustomField, Event, GHLConnection, Identity, Lead, Message, Tenant, WebhookDelivery
from leads.services import ghl
from leads.services.ingest import ingest
from leads.tasks import ghl as tasks
from tests.conftest import Freeze
from tests.factories import GHLConnectionFactory, WebhookDeliveryFactory
from tests.ghl_api import CONTACT, LOCATION, StubGHL, ok, refused, sent_json, shape, stand_in

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONVERSATION = "CvL2x6gTn4RqH8mKwP95"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    stub = stand_in(monkeypatch, settings)
    stub.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    stub.on("GET", "/users/", ok("users"))
    stub.on("POST", "/contacts/search", ok("contacts_search"))
    stub.on("GET", "/opportunities/search", ok("opportunities_search"))
    stub.on("GET", "/calendars/", ok("calendars"))
    stub.on("GET", "/calendars/events", _appointments)
    stub.on("GET", "/conversations/search", ok("conversations_search"))
    stub.on("GET", f"/conversations/{CONVERSATION}/messages", ok("messages"))
    stub.on("GET", "/conversations/messages/email/EmR5u7zLs3KxW8jNdT20", ok("email"))
    return stub


def _appointments(request: httpx.Request) -> httpx.Response:
    """Give the one appointment to whoever asks for its time."""
    since, until = (int(request.url.params[name]) for name in ("startTime", "endTime"))
    starts = datetime(2026, 11, 28, 18, 0, tzinfo=UTC).timestamp() * 1000
    return ok("appointments") if since <= starts < until else httpx.Response(200, json={"events": []})


@pytest.fixture
def here(tenant: Tenant, freeze: Freeze) -> Tenant:
    freeze(NOW)
    Tenant.objects.filter(pk=tenant.pk).update(location_id=LOCATION)
    tenant.refresh_from_db()
    GHLConnectionFactory(tenant=tenant)
    return tenant


def cursor(tenant: Tenant) -> dict[str, Any]:
    held: dict[str, Any] = GHLConnection.objects.get(tenant=tenant).backfill_cursor
    return held


def run_all(tenant: Tenant) -> None:
    ghl.start_backfill(tenant=tenant)
    while ghl.run_backfill(tenant=tenant, pages=3):
        pass


def test_the_past_becomes_leads_messages_and_events(api: StubGHL, here: Tenant) -> None:
    run_all(here)

    dana = Lead.objects.get(contact_id=CONTACT)
    assert (dana.first_name, dana.last_name, dana.phone) == ("Dana", "Whitfield", "+15415550142")
    assert dana.created_at == datetime(2026, 9, 14, 16, 20, 11, tzinfo=UTC)
    assert dana.profile["budget"] == "$580k"
    assert Lead.objects.filter(tenant=here).count() == 2
    told = Event.objects.filter(lead=dana).order_by("occurred_at", "pk")
    assert [(event.kind, event.occurred_at.date().isoformat()) for event in told] == [
        ("contact.created", "2026-09-14"),
        ("opportunity.created", "2026-09-15"),
        ("contact.updated", "2026-11-02"),
        ("message.received", "2026-11-18"),
        ("call.received", "2026-11-19"),
        ("message.sent", "2026-11-20"),
        ("message.received", "2026-11-20"),
        ("appointment.booked", "2026-11-20"),
    ]
    assert all(told.values_list("is_backfill", flat=True))
    assert "custom" not in told[0].data
    assert "$580k" in told[2].data["custom"].values()
    mail = Message.objects.get(channel="Email")
    assert (mail.subject, mail.body) == ("Pre-approval letter", "Our lender approved us for $610,000.")
    assert Message.objects.get(channel="CALL").duration == 212


def test_progress_is_counted_and_the_end_is_noted(api: StubGHL, here: Tenant) -> None:
    run_all(here)

    held = cursor(here)
    assert held["state"] == "done"
    assert held["counts"] == {"contacts": 2, "opportunities": 1, "appointments": 1, "conversations": 4}
    assert held["ended_at"] == NOW.isoformat()
    assert held["lease"] == 0
    assert CustomField.objects.filter(tenant=here).count() == 3


def test_a_second_backfill_changes_nothing(api: StubGHL, here: Tenant) -> None:
    run_all(here)
    before = (
        Event.objects.count(),
        Message.objects.count(),
        Lead.objects.count(),
        WebhookDelivery.objects.count(),
    )

    run_all(here)

    after = (
        Event.objects.count(),
        Message.objects.count(),
        Lead.objects.count(),
        WebhookDelivery.objects.count(),
    )
    assert after == before


def test_what_webhooks_told_before_is_not_told_again(api: StubGHL, here: Tenant) -> None:
    bodies: list[dict[str, Any]] = [
        {"type": "ContactCreate", "id": CONTACT, "firstName": "Dana", "email": "dana.whitfield@example.com"},
        {
            "type": "InboundMessage",
            "contactId": CONTACT,
            "conversationId": CONVERSATION,
            "messageId": "MsD4g8pWk1TyQ6nRbZ73",
            "messageType": "SMS",
            "direction": "inbound",
            "body": "See you there",
            "dateAdded": "2026-11-20T15:00:00.000Z",
        },
        {
            "type": "InboundMessage",
            "contactId": CONTACT,
            "conversationId": CONVERSATION,
            "messageType": "Email",
            "direction": "inbound",
            "emailMessageId": "EmR5u7zLs3KxW8jNdT20",
            "body": "Our lender approved us for $610,000.",
            "dateAdded": "2026-11-18T09:12:00.000Z",
        },
        {
            "type": "OpportunityCreate",
            "id": "OpE6c1nYv8RzK3tLsB49",
            "contactId": CONTACT,
            "status": "open",
            "monetaryValue": 580000,
            "pipelineStageId": "c2b7f0a4-6d1e-4b7a-9c55-0d9b8a1f3e21",
            "assignedTo": "UsR3kLm8PqZ1vXc5Tn20",
            "dateAdded": "2026-09-15T10:00:00.000Z",
        },
    ]
    deliveries = [
        WebhookDeliveryFactory(
            tenant=here,
            location_id=LOCATION,
            type=body["type"],
            body=json.dumps({**body, "locationId": LOCATION}),
        ).pk
        for body in bodies
    ]
    ingest(delivery_ids=deliveries)
    told = set(Event.objects.values_list("pk", flat=True))
    assert len(told) == 4

    run_all(here)

    added = Event.objects.exclude(pk__in=told).filter(lead__contact_id=CONTACT)
    assert sorted(added.values_list("kind", flat=True)) == [
        "appointment.booked",
        "call.received",
        "message.sent",
    ]
    assert Message.objects.filter(lead__contact_id=CONTACT).count() == 4
    assert Identity.objects.filter(kind="contact_id", value=CONTACT).count() == 1


def test_it_goes_on_where_it_stopped(api: StubGHL, here: Tenant) -> None:
    ghl.start_backfill(tenant=here)

    assert ghl.run_backfill(tenant=here, pages=1) is True

    assert cursor(here)["phase"] == "opportunities"
    assert ghl.stop_backfill(tenant=here) is True
    assert ghl.stop_backfill(tenant=here) is False
    assert ghl.run_backfill(tenant=here) is False
    asked = len(api.requests)
    assert ghl.start_backfill(tenant=here) is True
    while ghl.run_backfill(tenant=here):
        pass
    assert cursor(here)["state"] == "done"
    assert [request.url.path for request in api.requests[asked:]][0] == "/opportunities/search"


def test_paging_goes_on_from_the_last_contact(api: StubGHL, here: Tenant) -> None:
    contact = shape("contacts_search")["contacts"][0]
    full = [
        {
            **contact,
            "id": f"ct{n:03d}",
            "email": f"c{n}@example.com",
            "phone": None,
            "searchAfter": [n, f"ct{n:03d}"],
        }
        for n in range(100)
    ]
    api.on(
        "POST",
        "/contacts/search",
        httpx.Response(200, json={"contacts": full, "total": 102}),
        ok("contacts_search"),
    )
    ghl.start_backfill(tenant=here)

    ghl.run_backfill(tenant=here, pages=1)
    assert cursor(here)["after"] == [99, "ct099"]
    assert cursor(here)["totals"] == {"contacts": 102}
    ghl.run_backfill(tenant=here, pages=1)

    assert sent_json(api.asked("POST")[1])["searchAfter"] == [99, "ct099"]
    assert Lead.objects.filter(tenant=here).count() == 102


def test_one_worker_at_a_time(api: StubGHL, here: Tenant, freeze: Freeze) -> None:
    ghl.start_backfill(tenant=here)
    assert ghl.start_backfill(tenant=here) is False
    connection_row = GHLConnection.objects.get(tenant=here)
    connection_row.backfill_cursor["lease"] = int(NOW.timestamp()) + 60
    connection_row.save()

    assert ghl.run_backfill(tenant=here) is False
    assert ghl.waiting_backfills() == []
    assert api.requests == []

    freeze(NOW + timedelta(minutes=2))
    assert ghl.waiting_backfills() == [here]


def test_a_passing_failure_pauses_and_a_lasting_one_ends_it(
    api: StubGHL, here: Tenant, freeze: Freeze
) -> None:
    api.on(
        "GET",
        "/opportunities/search",
        refused(429, headers={"Retry-After": "90"}),
        refused(401, "The token is not authorized for this scope."),
        ok("opportunities_search"),
    )
    ghl.start_backfill(tenant=here)

    assert ghl.run_backfill(tenant=here) is False
    held = cursor(here)
    assert (held["state"], held["phase"], held["lease"]) == (
        "running",
        "opportunities",
        int(NOW.timestamp()) + 90,
    )

    freeze(NOW + timedelta(seconds=91))
    assert ghl.run_backfill(tenant=here) is False
    held = cursor(here)
    assert held["state"] == "failed"
    assert "lacks the scope opportunities.readonly" in held["error"]

    run_all(here)
    assert cursor(here)["state"] == "done"
    assert cursor(here)["error"] == ""


def test_a_connection_removed_in_the_middle_ends_quietly(api: StubGHL, here: Tenant) -> None:
    def removed(request: httpx.Request) -> httpx.Response:
        GHLConnection.objects.all().delete()
        return refused(401, "gone")

    api.on("POST", "/contacts/search", removed)
    ghl.start_backfill(tenant=here)

    assert ghl.run_backfill(tenant=here) is False


def test_an_email_that_is_gone_is_kept_without_its_body(api: StubGHL, here: Tenant) -> None:
    api.on("GET", "/conversations/messages/email/EmR5u7zLs3KxW8jNdT20", refused(404))

    run_all(here)

    assert Message.objects.get(channel="Email").body == ""


def test_the_tasks_run_to_the_end_and_take_up_what_is_left(api: StubGHL, here: Tenant) -> None:
    ghl.start_backfill(tenant=here)

    tasks.resume_backfills()

    assert cursor(here)["state"] == "done"
