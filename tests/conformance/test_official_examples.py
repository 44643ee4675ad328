"""Every example of GoHighLevel's documentation gets the right answer and the right meaning."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from leads.models import Event, Identity, Lead, Tenant, WebhookDelivery
from leads.services import webhooks
from tests import ghl
from tests.conftest import Freeze

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(os.environ.get("HEARTHLINE_GHL_DIR", str(ROOT.parent / "shared" / "ghl")))
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        not EXAMPLES.is_dir(), reason=f"no official examples in {EXAMPLES} (HEARTHLINE_GHL_DIR)"
    ),
]

IGNORED: tuple[str, ...] = ()
OLD = None

# File -> kinds of the events it becomes; () is ignored knowingly, None was sent too long ago.
MEANING: dict[str, tuple[str, ...] | None] = {
    "AppInstall": ("tenant.installed",),
    "AppInstall.agency": IGNORED,
    "AppInstall.live": OLD,
    "AppInstall.location": ("tenant.installed",),
    "AppUninstall": ("tenant.uninstalled",),
    "AppUninstall.agency": ("tenant.uninstalled",),
    "AppUpdate": IGNORED,
    "AppointmentCreate": ("appointment.booked",),
    "AppointmentDelete": ("appointment.booked", "appointment.cancelled"),
    "AppointmentUpdate": ("appointment.booked", "appointment.confirmed"),
    "AssociationCreate": IGNORED,
    "AssociationDelete": IGNORED,
    "AssociationUpdate": IGNORED,
    "CampaignStatusUpdate": ("campaign.changed",),
    "ContactCreate": ("contact.created", "contact.updated"),
    "ContactDelete": ("contact.deleted",),
    "ContactDndUpdate": ("contact.updated", "consent.changed"),
    "ContactTagUpdate": ("contact.updated", "contact.tagged"),
    "ContactUpdate": ("contact.updated", "contact.tagged", "consent.changed"),
    "ConversationUnreadUpdate": ("conversation.read",),
    "ConversationUpdate": IGNORED,
    "InboundMessage": ("message.received",),
    "InboundMessage.call": ("call.received",),
    "InboundMessage.email": ("message.received",),
    "InboundMessage.facebook": ("message.received",),
    "InboundMessage.gmb": ("message.received",),
    "InboundMessage.instagram": ("message.received",),
    "InboundMessage.livechat": ("message.received",),
    "InboundMessage.sms": ("message.received",),
    "InboundMessage.voicemail": ("voicemail.received",),
    "InboundMessage.whatsapp": ("message.received",),
    "InvoiceCreate": IGNORED,
    "InvoiceDelete": IGNORED,
    "InvoicePaid": ("invoice.paid",),
    "InvoicePartiallyPaid": IGNORED,
    "InvoiceSent": IGNORED,
    "InvoiceUpdate": IGNORED,
    "InvoiceVoid": IGNORED,
    "LCEmailStats": ("email.delivered",),
    "LCEmailStats.clicked": ("email.clicked",),
    "LCEmailStats.complained": ("email.complained",),
    "LCEmailStats.delivered": ("email.delivered",),
    "LCEmailStats.failed_permanent": ("email.bounced",),
    "LCEmailStats.failed_temporary": IGNORED,
    "LCEmailStats.opened": ("email.opened",),
    "LCEmailStats.unsubscribed": ("email.unsubscribed",),
    "LocationCreate": IGNORED,
    "LocationUpdate": (),
    "NoteCreate": ("note.added",),
    "NoteDelete": ("note.deleted",),
    "NoteUpdate": ("note.changed",),
    "ObjectSchemaCreate": OLD,
    "ObjectSchemaUpdate": OLD,
    "OpportunityAssignedToUpdate": ("opportunity.created", "opportunity.assigned"),
    "OpportunityCreate": ("opportunity.created",),
    "OpportunityCreate.live": OLD,
    "OpportunityDelete": ("opportunity.deleted",),
    "OpportunityMonetaryValueUpdate": ("opportunity.created", "opportunity.valued"),
    "OpportunityStageUpdate": ("opportunity.created", "opportunity.moved"),
    "OpportunityStatusUpdate": ("opportunity.created", "opportunity.reopened"),
    "OpportunityUpdate": ("opportunity.created",),
    "OrderCreate": ("order.placed",),
    "OrderStatusUpdate": IGNORED,
    "OutboundMessage": ("message.sent",),
    "OutboundMessage.call": ("call.made",),
    "OutboundMessage.email": ("message.sent",),
    "OutboundMessage.internal_comment": IGNORED,
    "OutboundMessage.sms": ("message.sent",),
    "OutboundMessage.sms_failed": ("message.failed",),
    "OutboundMessage.voicemail": ("call.made",),
    "PlanChange": IGNORED,
    "PriceCreate": IGNORED,
    "PriceDelete": IGNORED,
    "PriceUpdate": IGNORED,
    "ProductCreate": IGNORED,
    "ProductDelete": IGNORED,
    "ProductUpdate": IGNORED,
    "ProviderOutboundMessage": IGNORED,
    "ProviderOutboundMessage.email": IGNORED,
    "RecordCreate": OLD,
    "RecordDelete": OLD,
    "RecordUpdate": OLD,
    "RelationCreate": IGNORED,
    "RelationDelete": IGNORED,
    "TaskComplete": ("task.completed",),
    "TaskCreate": ("task.created",),
    "TaskCreate.field": IGNORED,
    "TaskDelete": ("task.deleted",),
    "UserCreate": IGNORED,
    "UserCreate.agency": IGNORED,
    "UserDelete": IGNORED,
    "UserUpdate": IGNORED,
    "VoiceAiCallEnd": ("voice_ai.call_ended",),
}
PROCESSED_WITHOUT_EVENT = {"LocationUpdate"}


def _bodies(folder: str) -> list[Path]:
    found = sorted((EXAMPLES / folder).glob("*.json")) if EXAMPLES.is_dir() else []
    return [path for path in found if path.name != "MANIFEST.json"]


@pytest.fixture(autouse=True)
def _door(settings: Settings, freeze: Freeze, db: None) -> None:
    ghl.open_door(settings)
    freeze(NOW)


def _prepare(body: dict[str, Any]) -> None:
    """Make what the example is about: a served location, and the person its e-mail went to."""
    kind = body.get("type", "")
    location = body.get("locationId") or body.get("altId") or "any-location"
    if kind in ("LocationCreate", "LocationUpdate"):
        location = body["id"]
    if kind == "INSTALL":
        return
    tenant = Tenant.objects.create(location_id=location, name="Served", company_id=body.get("companyId", ""))
    if kind == "LCEmailStats":
        lead = Lead.objects.create(tenant=tenant, email="test@example.com")
        Identity.objects.create(tenant=tenant, lead=lead, kind="email", value="test@example.com")
    if kind == "ContactDelete":
        Lead.objects.create(tenant=tenant, contact_id=body["id"])


@pytest.mark.parametrize("path", _bodies("events_enveloped"), ids=lambda path: path.stem)
def test_delivered_example_means_what_its_page_says(path: Path) -> None:
    raw = path.read_bytes()
    _prepare(json.loads(raw))

    answer = ghl.post(raw)
    ghl.work()

    meaning = MEANING[path.stem]
    delivery = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert tuple(Event.objects.order_by("pk").values_list("kind", flat=True)) == (meaning or ())
    assert delivery.events == len(meaning or ())
    if meaning is None:
        assert delivery.state == "quarantined"
    elif meaning == () and path.stem not in PROCESSED_WITHOUT_EVENT:
        assert delivery.state == "ignored"
        assert delivery.reason
    else:
        assert (delivery.state, delivery.reason) == ("processed", "")


@pytest.mark.parametrize("path", _bodies("events_enveloped"), ids=lambda path: path.stem)
def test_delivered_example_posted_twice_happens_once(path: Path) -> None:
    raw = path.read_bytes()
    _prepare(json.loads(raw))

    first, second = ghl.post(raw), ghl.post(raw)
    ghl.work()
    if MEANING[path.stem] is OLD:
        webhooks.replay_delivery(delivery=WebhookDelivery.objects.get())
        ghl.work()
    before = (Event.objects.count(), Lead.objects.count())
    webhooks.replay_delivery(delivery=WebhookDelivery.objects.get())
    ghl.work()

    assert (first.status_code, second.status_code) == (200, 200)
    assert json.loads(second.content) == {"status": "duplicate"}
    assert WebhookDelivery.objects.count() == 1
    assert (Event.objects.count(), Lead.objects.count()) == before


@pytest.mark.parametrize("path", _bodies("events"), ids=lambda path: path.stem)
def test_bare_example_is_answered_by_what_it_carries(path: Path) -> None:
    """The documentation's own bodies have no envelope: a type is enough, neither type nor id is not."""
    raw = path.read_bytes()
    body = json.loads(raw)
    _prepare(body)

    answer = ghl.post(raw)
    ghl.work()

    has_name = "type" in body or "webhookId" in body
    assert answer.status_code == (200 if has_name else 400)
    assert WebhookDelivery.objects.count() == (1 if has_name else 0)
    assert Event.objects.count() == (len(MEANING[path.stem] or ()) if has_name else 0)


def _workflow(name: str) -> bytes:
    return (EXAMPLES / "events" / "workflow" / name).read_bytes()


WORKFLOW: dict[str, tuple[int, tuple[str, ...]]] = {
    "CustomWebhook.minimal.json": (200, ("contact.updated",)),
    "CustomWebhook.recommended.json": (400, ()),
    "Webhook.contact_tag.json": (200, ("contact.updated", "contact.tagged")),
    "Webhook.opportunity.json": (200, ("contact.tagged", "opportunity.moved")),
}


@pytest.mark.parametrize("name", sorted(WORKFLOW))
def test_workflow_example_means_what_its_author_wrote(name: str) -> None:
    tenant = Tenant.objects.create(location_id="served", name="Served")
    secret = webhooks.rotate_workflow_secret(tenant=tenant)

    answer = ghl.post_workflow(_workflow(name), secret)
    ghl.work()

    status, meaning = WORKFLOW[name]
    assert answer.status_code == status
    assert tuple(Event.objects.order_by("pk").values_list("kind", flat=True)) == meaning
    assert Lead.objects.filter(tenant=tenant).count() == (1 if status == 200 else 0)


def test_recommended_workflow_body_works_once_its_merge_fields_are_filled() -> None:
    tenant = Tenant.objects.create(location_id="served", name="Served", time_zone="America/Chicago")
    secret = webhooks.rotate_workflow_secret(tenant=tenant)
    filled = {
        "{{location.id}}": "elsewhere",
        "{{contact.id}}": "nmFmQEsNgz6AVpgLVUJ0",
        "{{contact.email}}": "jordan@example.com",
        "{{contact.phone}}": "+12065550123",
        "{{contact.first_name}}": "Jordan",
        "{{contact.last_name}}": "Reyes",
        "{{contact.tags}}": "buyer, open house",
        "{{contact.source}}": "website",
        "{{right_now.little_endian_date}} {{right_now.time}}": "19/11/2026 2:15 PM",
    }
    text = _workflow("CustomWebhook.recommended.json").decode()
    for field, value in filled.items():
        text = text.replace(field, value)

    answer = ghl.post_workflow(text.encode(), secret)
    ghl.work()

    lead = Lead.objects.get(tenant=tenant)
    event = Event.objects.get(kind="form.submitted")
    assert answer.status_code == 200
    assert (lead.contact_id, lead.first_name, lead.tags) == (
        "nmFmQEsNgz6AVpgLVUJ0",
        "Jordan",
        ["buyer", "open house"],
    )
    assert event.occurred_at == datetime(2026, 11, 19, 20, 15, tzinfo=UTC)
    assert event.source == "workflow"


def test_table_names_every_example() -> None:
    assert {path.stem for path in _bodies("events_enveloped")} == set(MEANING)
    assert {path.stem for path in _bodies("events")} == set(MEANING)
    assert len(_bodies("events")) + len(WORKFLOW) == 97
