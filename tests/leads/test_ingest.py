from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from leads.models import (
    Conversation,
    CustomField,
    DeadLetter,
    Event,
    Identity,
    Lead,
    LiveMessage,
    Membership,
    Message,
    Role,
    Tenant,
    User,
    WebhookDelivery,
)
from leads.services import webhooks
from leads.services.ingest import MAX_TRIES, ingest, talk
from tests import ghl
from tests.conftest import Freeze
from tests.factories import LeadFactory

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
_numbers = iter(range(1, 1_000_000))


@pytest.fixture(autouse=True)
def _door(settings: Settings, freeze: Freeze, db: None) -> None:
    ghl.open_door(settings)
    freeze(NOW)


def body(kind: str, tenant: Tenant, **facts: Any) -> dict[str, Any]:
    """Return an enveloped body of our own, sent now unless told otherwise."""
    return {
        "type": kind,
        "locationId": tenant.location_id,
        "timestamp": NOW.isoformat(),
        "webhookId": f"webhook-{next(_numbers)}",
        **facts,
    }


def contact(kind: str, tenant: Tenant, **facts: Any) -> dict[str, Any]:
    known = {
        "id": "contact-1",
        "firstName": "Jordan",
        "lastName": "Reyes",
        "email": "Jordan.Reyes@Example.com",
        "phone": "(206) 555-0123",
        "dateAdded": "2026-09-01T10:00:00.000Z",
        "tags": ["buyer"],
        "source": "Website",
        "country": "US",
    }
    return body(kind, tenant, **(known | facts))


def sms(tenant: Tenant, *, inbound: bool = True, **facts: Any) -> dict[str, Any]:
    known = {
        "contactId": "contact-1",
        "conversationId": "conversation-1",
        "messageType": "SMS",
        "direction": "inbound" if inbound else "outbound",
        "body": "Is the house on Elm Street still for sale?",
        "dateAdded": NOW.isoformat(),
        "messageId": f"message-{next(_numbers)}",
        "status": "delivered",
    }
    return body("InboundMessage" if inbound else "OutboundMessage", tenant, **(known | facts))


def event(kind: str) -> Event:
    return Event.objects.get(kind=kind)


# Contacts


def test_new_contact_becomes_a_lead_with_its_identities(tenant: Tenant) -> None:
    (delivery,) = ghl.deliver(contact("ContactCreate", tenant))

    lead = Lead.objects.get(tenant=tenant)
    assert (lead.contact_id, lead.name, lead.email, lead.phone) == (
        "contact-1",
        "Jordan Reyes",
        "jordan.reyes@example.com",
        "+12065550123",
    )
    assert lead.created_at == datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
    assert (lead.tags, lead.source, lead.country) == (["buyer"], "Website", "US")
    assert lead.quality == 42
    assert set(Identity.objects.values_list("kind", "value")) == {
        ("contact_id", "contact-1"),
        ("email", "jordan.reyes@example.com"),
        ("phone", "+12065550123"),
    }
    created = event("contact.created")
    assert (created.lead_id, created.occurred_at, created.source) == (lead.pk, lead.created_at, "ghl")
    assert (delivery.state, delivery.events, delivery.tenant) == ("processed", 1, tenant)


def test_contact_update_tells_only_what_changed(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant))
    changed = contact("ContactUpdate", tenant, city="Tacoma", tags=["buyer", "hot"])

    _, again = ghl.deliver(changed, {**changed, "webhookId": "again"})

    assert ghl.kinds() == ["contact.created", "contact.updated", "contact.tagged"]
    assert event("contact.updated").data == {"fields": ["city"]}
    assert event("contact.tagged").data == {"tags": ["hot"]}
    assert (again.state, again.events) == ("processed", 0)


def test_absent_key_is_not_told_and_empty_one_is_cleared(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant, city="Tacoma"))

    ghl.deliver(body("ContactUpdate", tenant, id="contact-1"))
    assert Lead.objects.get().city == "Tacoma"

    ghl.deliver(body("ContactUpdate", tenant, id="contact-1", city="", email=None))
    lead = Lead.objects.get()
    assert (lead.city, lead.email) == ("", "")


def test_tags_taken_off_are_told(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant, tags=["buyer", "hot"]))

    ghl.deliver(contact("ContactTagUpdate", tenant, tags=["buyer"]))

    assert event("contact.untagged").data == {"tags": ["hot"]}


def test_active_do_not_disturb_is_denied_consent_and_lifting_it_is_no_consent(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant, dnd=False))
    settings = {"SMS": {"status": "active"}, "Email": {"status": "inactive"}}

    ghl.deliver(contact("ContactDndUpdate", tenant, dnd=False, dndSettings=settings))
    denied = Lead.objects.get().consent
    ghl.deliver(contact("ContactDndUpdate", tenant, dnd=False, dndSettings={"SMS": {"status": "inactive"}}))

    assert denied == {"SMS": {"state": "denied", "at": NOW.isoformat(), "source": "ghl"}}
    assert Lead.objects.get().consent["SMS"]["state"] == "unknown"
    told = Event.objects.filter(kind="consent.changed").order_by("pk")
    assert [each.data for each in told] == [{"channels": {"SMS": "denied"}}, {"channels": {"SMS": "unknown"}}]


def test_older_snapshot_changes_nothing(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant, city="Tacoma"))
    earlier = (NOW - timedelta(hours=1)).isoformat()

    (late,) = ghl.deliver(contact("ContactUpdate", tenant, city="Seattle", timestamp=earlier))

    assert Lead.objects.get().city == "Tacoma"
    assert (late.state, late.reason) == ("ignored", "older than what we know of the contact")


def test_invalid_phone_does_not_lose_the_rest(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant))

    ghl.deliver(contact("ContactUpdate", tenant, phone="call me", city="Tacoma"))

    lead = Lead.objects.get()
    assert (lead.phone, lead.city) == ("+12065550123", "Tacoma")
    assert event("contact.updated").data == {"fields": ["city"], "invalid": ["phone"]}


def test_custom_fields_are_typed_and_answer_questions(tenant: Tenant) -> None:
    for ghl_id, key, data_type, answers in (
        ("f1", "budget", "MONETORY", "budget"),
        ("f2", "beds", "NUMERICAL", ""),
        ("f3", "move", "DATE", "timeline"),
        ("f4", "wishes", "CHECKBOX", ""),
    ):
        CustomField.objects.create(
            tenant=tenant, ghl_id=ghl_id, key=key, name=key, data_type=data_type, answers=answers
        )
    values = [
        {"id": "f1", "value": "$580k"},
        {"id": "f2", "value": "3"},
        {"id": "f3", "value": "2027-03-01"},
        {"id": "f4", "value": "garage, yard"},
        {"id": "unknown", "value": {"a": 1}},
    ]

    ghl.deliver(contact("ContactCreate", tenant, customFields=values))

    lead = Lead.objects.get()
    assert lead.custom == {
        "budget": 580000.0,
        "beds": 3.0,
        "move": "2027-03-01",
        "wishes": ["garage", "yard"],
        "unknown": {"a": 1},
    }
    assert lead.profile == {"budget": 580000.0, "timeline": "2027-03-01"}


def test_echo_of_what_we_wrote_is_no_news(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant))
    Lead.objects.update(written_back={"custom": {"f-score": 87}, "tags": ["hearthline"]})
    echo = contact(
        "ContactUpdate",
        tenant,
        tags=["buyer", "hearthline"],
        customFields=[{"id": "f-score", "value": "87"}],
    )

    (delivery,) = ghl.deliver(echo)

    assert ghl.kinds() == ["contact.created"]
    assert (delivery.state, delivery.events) == ("processed", 0)
    assert Lead.objects.get().custom == {}


def test_deleted_contact_is_marked_and_comes_back_when_restored(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant))

    ghl.deliver(contact("ContactDelete", tenant))
    assert Lead.objects.get().status == "deleted"
    ghl.deliver(contact("ContactUpdate", tenant, city="Tacoma"))

    assert Lead.objects.get().status == "active"
    assert ghl.kinds() == ["contact.created", "contact.deleted", "contact.updated"]


def test_second_contact_with_the_same_address_is_the_same_person(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant), contact("ContactCreate", tenant, id="contact-2", phone=""))

    lead = Lead.objects.get()
    assert lead.contact_id == "contact-1"
    assert Identity.objects.filter(lead=lead, kind="contact_id").count() == 2


def test_second_contact_of_a_person_fills_gaps_and_overwrites_nothing(tenant: Tenant) -> None:
    ghl.deliver(
        contact("ContactCreate", tenant, city="Tacoma"), contact("ContactCreate", tenant, id="contact-2")
    )
    other = {"id": "contact-2", "firstName": "Jo", "city": "Seattle", "postalCode": "98101", "tags": ["vip"]}

    ghl.deliver(contact("ContactUpdate", tenant, **other))
    ghl.deliver(contact("ContactUpdate", tenant, city="Olympia"))

    lead = Lead.objects.get()
    assert (lead.first_name, lead.city, lead.postal_code) == ("Jordan", "Olympia", "98101")
    first, second = Event.objects.filter(kind="contact.updated").order_by("pk")
    assert (first.data["fields"], second.data["fields"]) == (["postal_code"], ["city"])
    assert event("contact.tagged").data == {"tags": ["vip"]}
    assert Event.objects.filter(kind="contact.untagged").count() == 1  # its own contact has the say


def test_second_contact_of_a_person_adds_refusals_and_lifts_none(tenant: Tenant) -> None:
    settings = {"SMS": {"status": "active"}, "Email": {"status": "inactive"}}
    ghl.deliver(contact("ContactCreate", tenant), contact("ContactCreate", tenant, id="contact-2"))
    ghl.deliver(contact("ContactDndUpdate", tenant, dnd=False, dndSettings=settings))

    lifted = {"SMS": {"status": "inactive"}, "Email": {"status": "active"}}
    ghl.deliver(contact("ContactDndUpdate", tenant, id="contact-2", dnd=False, dndSettings=lifted))

    consent = Lead.objects.get().consent
    assert {channel: held["state"] for channel, held in consent.items()} == {
        "SMS": "denied",
        "Email": "denied",
    }


def test_household_phone_does_not_make_two_people_one(tenant: Tenant) -> None:
    partner = contact("ContactCreate", tenant, id="contact-2", firstName="Alex", email="alex@example.com")

    ghl.deliver(contact("ContactCreate", tenant), partner)

    assert Lead.objects.count() == 2


def test_same_contact_id_in_two_tenants_is_two_people(tenant: Tenant, other_tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant), contact("ContactCreate", other_tenant))

    assert Lead.objects.filter(tenant=tenant).count() == 1
    assert Lead.objects.filter(tenant=other_tenant).count() == 1


def test_assignment_follows_the_team_members_ghl_id(tenant: Tenant, agent: User) -> None:
    Membership.objects.filter(user=agent, role=Role.AGENT).update(ghl_user_id="user-1")
    ghl.deliver(contact("ContactCreate", tenant))

    ghl.deliver(contact("ContactUpdate", tenant, assignedTo="user-1"))

    assert Lead.objects.get().assigned_to == agent
    assert event("lead.assigned").data == {"user_id": agent.pk, "by": "ghl"}


def test_webhook_of_a_merged_contact_goes_to_the_survivor(tenant: Tenant) -> None:
    survivor = LeadFactory(tenant=tenant, contact_id="survivor")
    absorbed = LeadFactory(tenant=tenant, contact_id="old", status="merged", merged_into=survivor)
    Identity.objects.create(tenant=tenant, lead=absorbed, kind="contact_id", value="contact-1")

    ghl.deliver(sms(tenant))

    assert event("message.received").lead == survivor


# Messages


def test_message_is_kept_told_and_shown(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant), sms(tenant))

    lead, message, told = Lead.objects.get(), Message.objects.get(), event("message.received")
    assert (message.lead, message.direction, message.channel) == (lead, "inbound", "SMS")
    assert message.event_id == told.pk
    assert told.data["text"] == "Is the house on Elm Street still for sale?"
    assert (told.data["direction"], told.data["channel"]) == ("inbound", "SMS")
    assert Conversation.objects.get().unread_count == 1
    assert lead.awaiting_reply_since == NOW
    live = LiveMessage.objects.get()
    assert (live.type, live.lead, live.data["unread_count"]) == ("message", lead, 1)


def test_message_of_an_unknown_contact_makes_a_lead(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant) | {"from": "+12065550123"})

    lead = Lead.objects.get()
    assert (lead.contact_id, lead.phone, lead.tenant) == ("contact-1", "+12065550123", tenant)
    ghl.deliver(contact("ContactCreate", tenant))
    assert Lead.objects.get().name == "Jordan Reyes"


def test_history_is_not_shown_as_news(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant, dateAdded="2026-08-01T10:00:00Z"))

    assert event("message.received").occurred_at == datetime(2026, 8, 1, 10, 0, tzinfo=UTC)
    assert not LiveMessage.objects.exists()


def test_moment_in_the_future_is_taken_as_now(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant, dateAdded="2027-01-01T00:00:00Z"))

    assert event("message.received").occurred_at == NOW


def test_a_persons_answer_ends_the_wait_and_an_automatic_one_does_not(tenant: Tenant) -> None:
    later = (NOW + timedelta(seconds=1)).isoformat()
    ghl.deliver(sms(tenant, dateAdded=(NOW - timedelta(minutes=9)).isoformat()))

    ghl.deliver(sms(tenant, inbound=False, source="workflow", dateAdded=NOW.isoformat()))
    assert Lead.objects.get().awaiting_reply_since == NOW - timedelta(minutes=9)

    ghl.deliver(sms(tenant, inbound=False, source="app", dateAdded=later))
    assert Lead.objects.get().awaiting_reply_since is None
    automatic = [
        each.data["is_automatic"] for each in Event.objects.filter(kind="message.sent").order_by("pk")
    ]
    assert automatic == [True, False]


def test_redelivered_message_under_a_new_webhook_is_one_message(tenant: Tenant) -> None:
    first = sms(tenant)

    ghl.deliver(first)
    (again,) = ghl.deliver({**first, "webhookId": "other"})

    assert Message.objects.count() == 1
    assert ghl.kinds() == ["message.received"]
    assert (again.events, again.reason) == (0, "a message we have")
    assert Conversation.objects.get().unread_count == 1


def test_message_without_an_id_is_known_by_what_it_is(tenant: Tenant) -> None:
    bare = {name: value for name, value in sms(tenant).items() if name != "messageId"}

    ghl.deliver(bare, {**bare, "webhookId": "other"}, {**bare, "webhookId": "third", "body": "Hello?"})

    assert Message.objects.count() == 2


def test_failure_found_out_later_is_told_once(tenant: Tenant) -> None:
    sent = sms(tenant, inbound=False)
    failed = {**sent, "webhookId": "f1", "status": "failed"}

    ghl.deliver(sent, failed, {**failed, "webhookId": "f2"})

    assert Message.objects.get().status == "failed"
    assert ghl.kinds() == ["message.sent", "message.failed"]


@pytest.mark.parametrize(
    ("inbound", "facts", "kind"),
    [
        (True, {"callStatus": "completed", "callDuration": 95}, "call.received"),
        (True, {"callStatus": "no-answer", "callDuration": 0}, "call.missed"),
        (True, {"status": "voicemail"}, "voicemail.received"),
        (True, {"messageTypeId": 10}, "voicemail.received"),
        (False, {"callStatus": "completed", "callDuration": 95}, "call.made"),
        (False, {"callStatus": "no-answer"}, "call.made"),
    ],
)
def test_calls_mean_what_happened(tenant: Tenant, inbound: bool, facts: dict[str, Any], kind: str) -> None:
    call = sms(tenant, inbound=inbound, messageType="CALL", status="completed", **{"body": None}) | facts

    ghl.deliver(call)

    assert ghl.kinds() == [kind]


def test_email_is_kept_as_the_words_its_writer_wrote(tenant: Tenant) -> None:
    html = (
        "<style>p{color:red}</style><div>Yes,&nbsp;Saturday works!</div>"
        "<div class='gmail_quote'>On Mon, Agent wrote:<blockquote>Can you come?</blockquote></div>"
    )

    ghl.deliver(sms(tenant, messageType="Email", body=html, subject="Re: tour"))

    assert Message.objects.get().body == "Yes, Saturday works!"
    assert Message.objects.get().subject == "Re: tour"


def test_merged_conversation_goes_on_under_its_new_id(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant, conversationId="old"), sms(tenant, conversationId="new"))
    merged = body("ConversationUpdate", tenant, oldConversationId="old", newConversationId="new")

    ghl.deliver(merged | {"contactId": "contact-1"})

    thread = Conversation.objects.get()
    assert (thread.ghl_id, thread.unread_count, thread.messages.count()) == ("new", 2, 2)


def test_renamed_conversation_keeps_its_messages(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant, conversationId="old"))

    ghl.deliver(body("ConversationUpdate", tenant, oldConversationId="old", newConversationId="new"))
    ghl.deliver(sms(tenant, conversationId="new"))

    assert Conversation.objects.get().messages.count() == 2


def test_reading_a_conversation_is_told_when_something_was_unread(tenant: Tenant) -> None:
    ghl.deliver(sms(tenant))
    read = body("ConversationUnreadUpdate", tenant, id="conversation-1", contactId="contact-1", unreadCount=0)

    ghl.deliver(read, {**read, "webhookId": "again"})

    assert ghl.kinds() == ["message.received", "conversation.read"]
    assert Conversation.objects.get().unread_count == 0


def mail(tenant: Tenant, outcome: str, **facts: Any) -> dict[str, Any]:
    inner = {"event": outcome, "recipient": "jordan.reyes@example.com", "timestamp": NOW.timestamp() - 60}
    return body("LCEmailStats", tenant, webhookPayload=inner | {"id": "mail-1"} | facts)


def test_email_outcomes_find_the_lead_by_address(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant))

    _, _, stranger = ghl.deliver(
        mail(tenant, "clicked", url="https://example.com/x?utm=1"),
        mail(tenant, "unsubscribed"),
        mail(tenant, "opened", recipient="nobody@example.com"),
    )

    assert ghl.kinds() == ["contact.created", "email.clicked", "email.unsubscribed"]
    assert event("email.clicked").data["url"] == "https://example.com/x"
    assert Lead.objects.get().consent["Email"]["state"] == "denied"
    assert (stranger.state, stranger.reason) == ("ignored", "no lead has this e-mail address")


# Work


def opportunity(kind: str, tenant: Tenant, **facts: Any) -> dict[str, Any]:
    known = {
        "id": "deal-1",
        "contactId": "contact-1",
        "pipelineId": "pipeline-1",
        "pipelineStageId": "stage-1",
        "status": "open",
        "monetaryValue": 12000,
        "assignedTo": None,
        "dateAdded": "2026-11-01T00:00:00Z",
    }
    return body(kind, tenant, **(known | facts))


@pytest.mark.parametrize("general_first", [True, False])
def test_change_announced_twice_is_told_once(tenant: Tenant, general_first: bool) -> None:
    ghl.deliver(opportunity("OpportunityCreate", tenant), opportunity("OpportunityUpdate", tenant))
    pair = [
        opportunity(kind, tenant, pipelineStageId="stage-2")
        for kind in ("OpportunityUpdate", "OpportunityStageUpdate")
    ]

    ghl.deliver(*(pair if general_first else reversed(pair)))

    assert ghl.kinds() == ["opportunity.created", "opportunity.moved"]
    assert event("opportunity.moved").data["previous"] == "stage-1"


def test_going_back_to_a_stage_is_told_again(tenant: Tenant) -> None:
    for stage in ("stage-1", "stage-2", "stage-1"):
        ghl.deliver(opportunity("OpportunityStageUpdate", tenant, pipelineStageId=stage))

    moved = Event.objects.filter(kind="opportunity.moved").order_by("pk")
    assert [each.data["stage"] for each in moved] == ["stage-1", "stage-2", "stage-1"]


def test_opportunity_is_won_valued_and_reopened(tenant: Tenant) -> None:
    ghl.deliver(opportunity("OpportunityCreate", tenant))

    ghl.deliver(
        opportunity("OpportunityStatusUpdate", tenant, status="won", monetaryValue=15000),
        opportunity("OpportunityStatusUpdate", tenant, status="open", monetaryValue=None),
        opportunity("OpportunityDelete", tenant),
    )

    assert ghl.kinds() == [
        "opportunity.created",
        "opportunity.won",
        "opportunity.valued",
        "opportunity.reopened",
        "opportunity.deleted",
    ]


def appointment(kind: str, tenant: Tenant, **facts: Any) -> dict[str, Any]:
    known = {
        "id": "visit-1",
        "contactId": "contact-1",
        "appointmentStatus": "new",
        "startTime": "2026-11-25T18:00:00Z",
        "dateAdded": NOW.isoformat(),
        "dateUpdated": NOW.isoformat(),
    }
    return body(kind, tenant, appointment=known | facts)


def test_appointment_is_booked_confirmed_moved_and_kept(tenant: Tenant) -> None:
    ghl.deliver(
        appointment("AppointmentCreate", tenant),
        appointment("AppointmentUpdate", tenant, appointmentStatus="confirmed"),
        appointment(
            "AppointmentUpdate", tenant, appointmentStatus="confirmed", startTime="2026-11-26T18:00:00Z"
        ),
        appointment(
            "AppointmentUpdate", tenant, appointmentStatus="showed", startTime="2026-11-26T18:00:00Z"
        ),
    )

    assert ghl.kinds() == [
        "appointment.booked",
        "appointment.confirmed",
        "appointment.rescheduled",
        "appointment.showed",
    ]
    assert event("appointment.rescheduled").data["previous"] == "2026-11-25T18:00:00+00:00"


def test_deleted_appointment_is_cancelled(tenant: Tenant) -> None:
    ghl.deliver(appointment("AppointmentCreate", tenant), appointment("AppointmentDelete", tenant))

    assert ghl.kinds() == ["appointment.booked", "appointment.cancelled"]


# Locations


def test_install_serves_a_location_and_uninstall_stops_it(freeze: Freeze) -> None:
    place = {"locationId": "new-location", "companyId": "agency", "companyName": "New Realty"}
    install = {"type": "INSTALL", "webhookId": "i1", "timestamp": NOW.isoformat(), **place}

    ghl.deliver(install)
    tenant = Tenant.objects.get(location_id="new-location")
    assert (tenant.name, tenant.company_id, tenant.is_active) == ("New Realty", "agency", True)

    freeze(NOW + timedelta(minutes=1))
    sent = {"timestamp": (NOW + timedelta(minutes=1)).isoformat()}
    _, ignored = ghl.deliver(
        {"type": "UNINSTALL", "webhookId": "u1", **place, **sent}, sms(tenant, timestamp=sent["timestamp"])
    )
    tenant.refresh_from_db()
    assert tenant.is_active is False
    assert (ignored.state, ignored.reason) == ("ignored", "the app is not installed in this location")
    assert ghl.kinds() == ["tenant.installed", "tenant.uninstalled"]


def test_late_uninstall_does_not_undo_a_newer_install() -> None:
    place = {"locationId": "new-location", "companyId": "agency"}
    earlier = (NOW - timedelta(hours=1)).isoformat()
    ghl.deliver({"type": "INSTALL", "webhookId": "i1", "timestamp": NOW.isoformat(), **place})

    ghl.deliver({"type": "UNINSTALL", "webhookId": "u1", "timestamp": earlier, **place})

    assert Tenant.objects.get().is_active is True


def test_no_other_webhook_makes_a_tenant() -> None:
    ghl.deliver({"type": "LocationCreate", "webhookId": "l1", "id": "new-location", "name": "New"})

    assert not Tenant.objects.exists()


def test_location_update_brings_the_new_name(tenant: Tenant) -> None:
    ghl.deliver({"type": "LocationUpdate", "webhookId": "l1", "id": tenant.location_id, "name": "Renamed"})

    tenant.refresh_from_db()
    assert tenant.name == "Renamed"


# Workflow webhooks


def test_workflow_fills_gaps_and_tells_the_form(tenant: Tenant) -> None:
    ghl.deliver(contact("ContactCreate", tenant, phone=""))
    secret = webhooks.rotate_workflow_secret(tenant=tenant)
    form = {
        "event": "FormSubmitted",
        "contact_id": "contact-1",
        "first_name": "Someone",
        "phone": "(206) 555-0199",
        "tags": "buyer, open house",
        "message": "We want to buy in spring",
        "customData": {"form": "First-time buyer guide"},
    }

    ghl.post_workflow(form, secret)
    ghl.work()

    lead, told = Lead.objects.get(), event("form.submitted")
    assert (lead.first_name, lead.phone, lead.tags) == ("Jordan", "+12065550199", ["buyer", "open house"])
    assert (told.data["text"], told.data["form"], told.source) == (
        "We want to buy in spring",
        "First-time buyer guide",
        "workflow",
    )


# Batches


def test_batch_takes_a_constant_number_of_queries(tenant: Tenant) -> None:
    ghl.deliver(*(contact("ContactCreate", tenant, id=f"c{n}", email=f"c{n}@example.com") for n in range(40)))

    def batch(size: int) -> list[int]:
        for number in range(size):
            ghl.post(sms(tenant, contactId=f"c{number}", conversationId=f"t{number}-{size}"))
        return list(WebhookDelivery.objects.filter(state="accepted").values_list("pk", flat=True))

    counts = []
    for size in (4, 40):
        ids = batch(size)
        with CaptureQueriesContext(connection) as queries:
            ingest(delivery_ids=ids)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 26


def test_poisoned_delivery_fails_alone_and_the_others_go_on(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = sms(tenant), sms(tenant, contactId="poison", conversationId="x")
    sound = talk._kind

    def explode(payload: Any) -> Any:
        if payload.contact_id == "poison":
            raise RuntimeError("secret words of the lead")
        return sound(payload)

    monkeypatch.setattr(talk, "_kind", explode)
    for each in (good, bad):
        ghl.post(each)
    for _ in range(MAX_TRIES):
        ghl.work()

    first, second = WebhookDelivery.objects.order_by("pk")
    assert (first.state, first.events) == ("processed", 1)
    assert (second.state, second.tries) == ("failed", MAX_TRIES)
    assert second.reason.startswith("RuntimeError at ")
    assert "secret" not in second.reason
    assert not Lead.objects.filter(contact_id="poison").exists()
    dead = DeadLetter.objects.get()
    assert (dead.group, dead.delivery_id, dead.error) == ("leads", second.pk, second.reason)

    monkeypatch.setattr(talk, "_kind", sound)
    webhooks.replay_delivery(delivery=second)
    ghl.work()
    second.refresh_from_db()
    assert (second.state, second.events) == ("processed", 1)


def test_wrong_type_fails_with_the_field_it_is_in(tenant: Tenant) -> None:
    wrong, right = ghl.deliver(contact("ContactCreate", tenant, tags="buyer"), sms(tenant))

    assert (wrong.state, wrong.reason) == ("failed", "tags: must be a list")
    assert right.state == "processed"


def test_replaying_everything_changes_nothing(tenant: Tenant) -> None:
    deliveries = ghl.deliver(
        contact("ContactCreate", tenant),
        contact("ContactUpdate", tenant, city="Tacoma"),
        sms(tenant),
        opportunity("OpportunityStageUpdate", tenant),
        appointment("AppointmentCreate", tenant, appointmentStatus="confirmed"),
    )
    before = (ghl.kinds(), Message.objects.count(), Conversation.objects.get().unread_count)

    for delivery in deliveries:
        assert webhooks.replay_delivery(delivery=delivery) is True
        assert webhooks.replay_delivery(delivery=delivery) is False
    ghl.work()

    assert (ghl.kinds(), Message.objects.count(), Conversation.objects.get().unread_count) == before
    assert Lead.objects.count() == 1
