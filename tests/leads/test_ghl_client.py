from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from leads.ghl import errors
from leads.ghl.client import GHLClient
from leads.ghl.ratelimit import Limiter, Limits, LocalBucket, Usage
from leads.ghl.records import (
    AppointmentDraft,
    ContactDraft,
    FieldValue,
    MessageDraft,
    OpportunityDraft,
    SentMessage,
    Stage,
    TaskDraft,
)
from leads.ghl.transport import StaticToken, Transport
from tests.ghl_api import CONTACT, LOCATION, StubGHL, ok, refused, sent_json, shape

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Tokens:
    """Tokens that can be renewed once."""

    def __init__(self) -> None:
        self.renewals: list[str] = []

    def current(self) -> str:
        return "access-1"

    def renew(self, refused: str) -> str:
        self.renewals.append(refused)
        return "access-2"


class Harness:
    def __init__(self) -> None:
        self.ghl = StubGHL()
        self.tokens = Tokens()
        self.slept: list[float] = []
        self.usage: list[Usage] = []
        limits = Limits(alone=1_000)
        limiter = Limiter(None, LocalBucket(limits), clock=NOW.timestamp, sleep=self.slept.append)
        self.transport = Transport(
            http=self.ghl.http,
            tokens=self.tokens,
            limiter=limiter,
            key="k",
            sleep=self.slept.append,
            jitter=lambda most: most,
            on_usage=self.usage.append,
        )
        self.client = GHLClient(self.transport, LOCATION)


@pytest.fixture
def api() -> Harness:
    return Harness()


def test_every_call_carries_its_version_its_token_and_asks_for_json(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", ok("contact"))
    api.ghl.on("GET", "/calendars/", ok("calendars"))

    api.client.get_contact(CONTACT)
    api.client.list_calendars()

    contact, calendars = api.ghl.requests
    assert contact.headers["version"] == "2021-07-28"
    assert calendars.headers["version"] == "2021-04-15"
    assert contact.headers["authorization"] == "Bearer access-1"
    assert contact.headers["accept"] == "application/json"


def test_a_contact_is_read_whole(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", ok("contact"))

    contact = api.client.get_contact(CONTACT)

    assert contact.id == CONTACT
    assert contact.email == "dana.whitfield@example.com"
    assert contact.phone == "+15415550142"
    assert contact.tags == ("buyer", "open house")
    assert contact.custom == {"CfBudget00000000001": "$580k", "CfRooms000000000002": 3}
    assert contact.updated_at == datetime(2026, 11, 2, 8, 5, 40, tzinfo=UTC)


def test_contacts_are_read_page_by_page(api: Harness) -> None:
    api.ghl.on("POST", "/contacts/search", ok("contacts_search"))

    first = api.client.search_contacts(limit=2)
    api.client.search_contacts(limit=2, after=first.next)

    assert [contact.id for contact in first.contacts] == [CONTACT, "CtZ5n9sJd3KfW1eRuG62"]
    assert first.total == 2
    assert first.next == (1762164000000, "CtZ5n9sJd3KfW1eRuG62")
    asked = [sent_json(request) for request in api.ghl.requests]
    assert asked[0] == {
        "locationId": LOCATION,
        "pageLimit": 2,
        "page": 1,
        "sort": [{"field": "dateUpdated", "direction": "asc"}],
    }
    assert asked[1]["searchAfter"] == [1762164000000, "CtZ5n9sJd3KfW1eRuG62"]
    assert "page" not in asked[1]


def test_a_short_page_of_contacts_is_the_last(api: Harness) -> None:
    api.ghl.on("POST", "/contacts/search", ok("contacts_search"))

    page = api.client.search_contacts(
        limit=100, filters=[{"field": "tags", "operator": "eq", "value": "buyer"}]
    )

    assert page.next is None
    assert sent_json(api.ghl.requests[0])["filters"][0]["field"] == "tags"


def test_upserting_a_contact_sends_no_tags_and_tells_whether_it_is_new(api: Harness) -> None:
    api.ghl.on("POST", "/contacts/upsert", ok("contact_upsert"))

    made = api.client.upsert_contact(
        ContactDraft(
            email="dana.whitfield@example.com",
            first_name="Dana",
            fields=(FieldValue(87, key="hearthline_score"),),
        )
    )

    assert (made.is_new, made.contact.id) == (True, CONTACT)
    assert sent_json(api.ghl.requests[0]) == {
        "locationId": LOCATION,
        "email": "dana.whitfield@example.com",
        "firstName": "Dana",
        "customFields": [{"key": "hearthline_score", "field_value": 87}],
    }


def test_the_small_calls_send_what_ghl_documents(api: Harness) -> None:
    base = f"/contacts/{CONTACT}"
    api.ghl.on("PUT", base, ok("contact_update"))
    api.ghl.on("POST", f"{base}/tags", ok("tags", 201))
    api.ghl.on("DELETE", f"{base}/tags", ok("tags"))
    api.ghl.on("POST", f"{base}/notes", ok("note", 201))
    api.ghl.on("POST", f"{base}/tasks", ok("task", 201))
    api.ghl.on("POST", f"{base}/workflow/wf-1", ok("succeeded"))
    api.ghl.on("PUT", "/opportunities/OpE6c1nYv8RzK3tLsB49/status", ok("succeeded"))

    api.client.update_custom_fields(CONTACT, [FieldValue(87, id="cf1")])
    api.client.add_tags(CONTACT, ["hot"])
    api.client.remove_tags(CONTACT, ["cold"])
    note = api.client.add_note(CONTACT, "Called back")
    task = api.client.add_task(
        CONTACT, TaskDraft("Call Dana", NOW, body="Asked for a showing", assigned_to="u1")
    )
    api.client.enrol(CONTACT, "wf-1")
    api.client.set_opportunity_status("OpE6c1nYv8RzK3tLsB49", "won")

    assert (note, task) == ("NtK4b7vQy2MxE9sLpD81", "TkW6r1hSf8JcN3zBmU40")
    assert [sent_json(request) for request in api.ghl.requests] == [
        {"customFields": [{"id": "cf1", "field_value": 87}]},
        {"tags": ["hot"]},
        {"tags": ["cold"]},
        {"body": "Called back"},
        {
            "title": "Call Dana",
            "dueDate": "2026-11-23T12:00:00Z",
            "completed": False,
            "body": "Asked for a showing",
            "assignedTo": "u1",
        },
        {},
        {"status": "won"},
    ]


def test_a_message_is_sent_with_its_channel_and_contact(api: Harness) -> None:
    api.ghl.on("POST", "/conversations/messages", ok("message_sent"))

    sent = api.client.send_message(MessageDraft("SMS", CONTACT, text="Saturday at 10?"))

    assert sent == SentMessage("MsB9d3yFs7VzJ5kXeC14", "CvL2x6gTn4RqH8mKwP95")
    assert sent_json(api.ghl.requests[0]) == {
        "type": "SMS",
        "contactId": CONTACT,
        "message": "Saturday at 10?",
    }


def test_conversations_and_their_messages_are_read(api: Harness) -> None:
    api.ghl.on("GET", "/conversations/search", ok("conversations_search"))
    api.ghl.on("GET", "/conversations/CvL2x6gTn4RqH8mKwP95/messages", ok("messages"))
    api.ghl.on("GET", "/conversations/messages/MsD4g8pWk1TyQ6nRbZ73", ok("message"))
    api.ghl.on("GET", "/conversations/messages/email/EmR5u7zLs3KxW8jNdT20", ok("email"))

    page = api.client.search_conversations(limit=1)
    messages = api.client.list_messages(page.conversations[0].id)
    message = api.client.get_message("MsD4g8pWk1TyQ6nRbZ73")
    email = api.client.get_email("EmR5u7zLs3KxW8jNdT20")

    assert page.next == 1763650800000
    assert page.conversations[0].unread == 1
    assert [each.direction for each in messages.messages] == [
        "inbound",
        "outbound",
        "outbound",
        "inbound",
        "inbound",
    ]
    assert messages.next is None
    assert message.message_type == "TYPE_SMS"
    assert email["subject"] == "Pre-approval letter"
    assert dict(api.ghl.requests[0].url.params) == {
        "locationId": LOCATION,
        "limit": "1",
        "sort": "asc",
        "sortBy": "last_message_date",
    }


def test_messages_may_also_come_unnested_and_with_more_to_follow(api: Harness) -> None:
    flat = {**shape("messages")["messages"], "nextPage": True}
    api.ghl.on("GET", "/conversations/cv1/messages", httpx.Response(200, json=flat))

    page = api.client.list_messages("cv1", before="MsZ")

    assert page.next == "MsA1"
    assert api.ghl.requests[0].url.params["lastMessageId"] == "MsZ"


def test_opportunities_pipelines_and_their_stages_are_read(api: Harness) -> None:
    api.ghl.on("GET", "/opportunities/search", ok("opportunities_search"))
    api.ghl.on("POST", "/opportunities/upsert", ok("opportunity_upsert"))
    api.ghl.on("GET", "/opportunities/pipelines", ok("pipelines"))

    page = api.client.search_opportunities(limit=1)
    made = api.client.upsert_opportunity(
        OpportunityDraft("p1", CONTACT, "Buying in Bend", stage_id="s1", value=580_000, assigned_to="u1")
    )
    pipelines = api.client.list_pipelines()

    assert page.next == (1757930400000, "OpE6c1nYv8RzK3tLsB49")
    assert page.opportunities[0].status == "open"
    assert made == "OpE6c1nYv8RzK3tLsB49"
    assert sent_json(api.ghl.requests[1]) == {
        "locationId": LOCATION,
        "pipelineId": "p1",
        "contactId": CONTACT,
        "name": "Buying in Bend",
        "status": "open",
        "pipelineStageId": "s1",
        "monetaryValue": 580_000,
        "assignedTo": "u1",
    }
    assert pipelines[0].stages[1] == Stage("7a44b9d0-1c3f-4f0e-8a6b-52a1f7f0c9de", "Touring")


def test_the_same_place_twice_ends_the_paging(api: Harness) -> None:
    api.ghl.on("GET", "/opportunities/search", ok("opportunities_search"))

    page = api.client.search_opportunities(limit=1, after=(1757930400000, "OpE6c1nYv8RzK3tLsB49"))

    assert page.next is None


def test_calendars_slots_and_appointments(api: Harness) -> None:
    api.ghl.on("GET", "/calendars/", ok("calendars"))
    api.ghl.on("GET", "/calendars/events", ok("appointments"))
    api.ghl.on("GET", f"/contacts/{CONTACT}/appointments", ok("appointments"))
    api.ghl.on("GET", "/calendars/ClT9s3fKx6VbN1yMqG72/free-slots", ok("free_slots"))
    api.ghl.on("POST", "/calendars/events/appointments", ok("appointment", 201))
    until = datetime(2026, 11, 30, tzinfo=UTC)

    calendars = api.client.list_calendars()
    appointments = api.client.list_appointments(calendars[0].id, since=NOW, until=until)
    slots = api.client.free_slots(calendars[0].id, since=NOW, until=until, time_zone="America/Los_Angeles")
    booked = api.client.book(AppointmentDraft(calendars[0].id, CONTACT, slots[0], title="Showing"))

    assert [calendar.is_active for calendar in calendars] == [True, False]
    assert appointments[0].starts_at == datetime(2026, 11, 28, 18, 0, tzinfo=UTC)
    assert api.client.contact_appointments(CONTACT) == appointments
    assert len(slots) == 3
    assert slots[0] == datetime(2026, 11, 28, 18, 0, tzinfo=UTC)
    assert booked.id == "ApU5h8wPz4LkC2rJtD36"
    assert api.ghl.requests[1].url.params["startTime"] == str(int(NOW.timestamp() * 1000))
    assert sent_json(api.ghl.requests[3]) == {
        "locationId": LOCATION,
        "calendarId": "ClT9s3fKx6VbN1yMqG72",
        "contactId": CONTACT,
        "startTime": "2026-11-28T18:00:00+00:00",
        "title": "Showing",
    }


def test_the_locations_own_lists(api: Harness) -> None:
    api.ghl.on("GET", f"/locations/{LOCATION}", ok("location"))
    api.ghl.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    api.ghl.on("POST", f"/locations/{LOCATION}/customFields", ok("custom_field", 201))
    api.ghl.on("GET", "/users/", ok("users"))
    api.ghl.on("GET", "/workflows/", ok("workflows"))

    assert api.client.get_location().name == "Alder & Pine Realty"
    assert [field.options for field in api.client.list_custom_fields()] == [(), (), ("Cash", "Loan")]
    assert api.client.add_custom_field("Hearthline score", "NUMERICAL").id == "CfOwnScore000000004"
    assert api.client.list_users()[0].email == "avery@example.com"
    assert api.client.list_workflows()[0].is_published is True


# Errors: which, whether they are permanent, and how often GoHighLevel was asked.
NO_SCOPE = "The token is not authorized for this scope."


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        (refused(400, "bad"), errors.Rejected, 1),
        (refused(422, ["email must be an email", "dueDate should not be empty"]), errors.Rejected, 1),
        (refused(401, NO_SCOPE), errors.ScopeMissing, 1),
        (refused(403, "Token's user type mismatch!"), errors.ScopeMissing, 1),
        (refused(401, "This authClass type is not allowed to access this scope."), errors.ScopeMissing, 1),
        (refused(403, "The token does not have access to this location."), errors.LocationRefused, 1),
        (refused(401, "version header was not found."), errors.Rejected, 1),
        (refused(404, "Contact not found"), errors.NotFound, 1),
        (refused(500, "oops"), errors.Unavailable, 5),
        (httpx.ReadTimeout("slow"), errors.Unavailable, 5),
        (httpx.ConnectError("refused"), errors.Unavailable, 5),
        (httpx.RemoteProtocolError("cut"), errors.Unavailable, 5),
        (httpx.Response(200, text="<html>maintenance</html>"), errors.Unavailable, 5),
        (httpx.Response(200, json={"contact": {"name": "no id"}}), errors.Unavailable, 1),
    ],
)
def test_a_harmless_call_that_fails(
    api: Harness, answer: httpx.Response | Exception, error: type[errors.GHLError], calls: int
) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", answer)

    with pytest.raises(error) as raised:
        api.client.get_contact(CONTACT)

    assert len(api.ghl.requests) == calls
    assert raised.value.permanent is (error not in (errors.Unavailable, errors.TooManyCalls))
    assert raised.value.call == "GET /contacts/{contact}"
    assert api.tokens.renewals == []


def test_retries_wait_longer_and_longer_with_jitter_up_to_the_cap(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", refused(503))

    with pytest.raises(errors.Unavailable):
        api.client.get_contact(CONTACT)

    assert api.slept == [0.5, 1.0, 2.0, 4.0]


def test_a_call_that_recovers_gives_its_answer(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", refused(502), httpx.ReadTimeout("slow"), ok("contact"))

    assert api.client.get_contact(CONTACT).id == CONTACT
    assert len(api.ghl.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        refused(500, "oops"),
        refused(504, "gateway"),
        httpx.ReadTimeout("slow"),
        httpx.WriteError("cut"),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json={"msg": "queued"}),
    ],
)
def test_a_message_whose_outcome_is_unknown_is_never_sent_twice(
    api: Harness, answer: httpx.Response | Exception
) -> None:
    api.ghl.on("POST", "/conversations/messages", answer)

    with pytest.raises(errors.OutcomeUnknown) as raised:
        api.client.send_message(MessageDraft("SMS", CONTACT, text="Hi"))

    assert len(api.ghl.requests) == 1
    assert raised.value.permanent is True


def test_a_message_that_certainly_did_not_leave_is_tried_again(api: Harness) -> None:
    api.ghl.on(
        "POST", "/conversations/messages", httpx.ConnectError("refused"), refused(429), ok("message_sent")
    )

    sent = api.client.send_message(MessageDraft("SMS", CONTACT, text="Hi"))

    assert sent.message_id == "MsB9d3yFs7VzJ5kXeC14"
    assert len(api.ghl.requests) == 3


def test_too_many_calls_waits_as_long_as_ghl_asks(api: Harness) -> None:
    api.ghl.on(
        "GET",
        f"/contacts/{CONTACT}",
        refused(429, headers={"Retry-After": "7"}),
        refused(429, headers={"X-RateLimit-Interval-Milliseconds": "10000"}),
        refused(429),
        ok("contact"),
    )

    api.client.get_contact(CONTACT)

    assert api.slept == [7.0, 10.0 + 1.0, 2.0]


def test_too_many_calls_for_longer_than_a_call_may_last_is_told_to_the_caller(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", refused(429, headers={"Retry-After": "120"}))

    with pytest.raises(errors.TooManyCalls) as raised:
        api.client.get_contact(CONTACT)

    assert raised.value.retry_after == 120.0
    assert api.slept == []


def test_the_days_last_call_spent_is_not_waited_for(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", refused(429, headers={"X-RateLimit-Daily-Remaining": "0"}))

    with pytest.raises(errors.TooManyCalls) as raised:
        api.client.get_contact(CONTACT)

    assert raised.value.retry_after == 3600.0


def test_an_expired_token_is_renewed_once_and_the_call_repeated(api: Harness) -> None:
    api.ghl.on("POST", "/conversations/messages", refused(401, "The token has expired."), ok("message_sent"))

    api.client.send_message(MessageDraft("SMS", CONTACT, text="Hi"))

    assert api.tokens.renewals == ["access-1"]
    assert [request.headers["authorization"] for request in api.ghl.requests] == [
        "Bearer access-1",
        "Bearer access-2",
    ]


def test_a_token_refused_again_after_renewal_is_an_error(api: Harness) -> None:
    api.ghl.on("GET", f"/contacts/{CONTACT}", refused(401, "Invalid JWT"))

    with pytest.raises(errors.TokenRefused):
        api.client.get_contact(CONTACT)

    assert len(api.ghl.requests) == 2
    assert api.tokens.renewals == ["access-1"]


def test_a_token_nobody_renews_says_so() -> None:
    with pytest.raises(errors.TokenRefused):
        StaticToken("pit").renew("pit")
    assert StaticToken("pit").current() == "pit"


def test_what_is_left_of_the_day_is_passed_on(api: Harness) -> None:
    api.ghl.on(
        "GET", f"/contacts/{CONTACT}", ok("contact", headers={"X-RateLimit-Daily-Remaining": "123456"})
    )

    api.client.get_contact(CONTACT)

    assert api.usage == [Usage(daily_remaining=123_456)]


@pytest.mark.parametrize("wrong", ["", "..", "a/b", "a?b=c", "x y", "é"])
def test_an_id_that_could_change_the_address_is_refused_before_the_call(api: Harness, wrong: str) -> None:
    with pytest.raises(errors.Rejected):
        api.client.get_contact(wrong)

    assert api.ghl.requests == []


Make = Callable[[GHLClient], Any]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
def test_no_error_and_no_log_line_holds_anything_of_the_person(
    api: Harness, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    told = (
        "phone +15415550142 of Dana Whitfield (dana.whitfield@example.com) is taken; email must be an email"
    )
    api.ghl.on("POST", "/contacts/upsert", refused(status, told))

    with pytest.raises(errors.GHLError) as raised:
        api.client.upsert_contact(ContactDraft(email="dana.whitfield@example.com", first_name="Dana"))

    everything = f"{raised.value} {raised.value!r} {raised.value.__cause__} {caplog.text}".lower()
    for private in ("dana", "whitfield", "5415550142", "example.com", "access-1"):
        assert private not in everything
    if status == 422:
        assert str(raised.value) == "POST /contacts/upsert: refused with 422 (it names email, phone)."
