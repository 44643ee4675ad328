from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from pytest_django import Settings

from leads.ghl import errors
from leads.models import Lead, Membership, Message, User
from leads.services import ghl
from tests.factories import ConversationFactory, GHLConnectionFactory, LeadFactory, MessageFactory
from tests.ghl_api import CONTACT, StubGHL, ok, refused, sent_json, stand_in

DUE = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
SEND = "/conversations/messages"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    return stand_in(monkeypatch, settings)


@pytest.fixture
def contact(lead: Lead) -> Lead:
    GHLConnectionFactory(tenant=lead.tenant)
    Lead.objects.filter(pk=lead.pk).update(contact_id=CONTACT)
    lead.refresh_from_db()
    return lead


def outbound(lead: Lead, **fields: object) -> Message:
    message: Message = MessageFactory(
        conversation=ConversationFactory(lead=lead, ghl_id=""),
        ghl_id="",
        direction="outbound",
        status="due",
        **fields,
    )
    return message


def test_a_task_is_made_for_the_right_person(api: StubGHL, contact: Lead, agent: User) -> None:
    Membership.objects.filter(user=agent).update(ghl_user_id="UsR3kLm8PqZ1vXc5Tn20")
    api.on("POST", f"/contacts/{CONTACT}/tasks", ok("task", 201))

    task_id = ghl.create_task(lead=contact, title="Call Dana", due_at=DUE, body="Asked", assigned_to=agent)

    assert task_id == "TkW6r1hSf8JcN3zBmU40"
    assert sent_json(api.requests[0]) == {
        "title": "Call Dana",
        "dueDate": "2026-11-25T17:00:00Z",
        "completed": False,
        "body": "Asked",
        "assignedTo": "UsR3kLm8PqZ1vXc5Tn20",
    }


def test_a_task_for_somebody_ghl_does_not_know_is_nobodys(
    api: StubGHL, contact: Lead, other_agent: User
) -> None:
    api.on("POST", f"/contacts/{CONTACT}/tasks", ok("task", 201))

    ghl.create_task(lead=contact, title="Call", due_at=DUE, assigned_to=other_agent)

    assert "assignedTo" not in sent_json(api.requests[0])


def test_a_task_whose_outcome_is_unknown_is_not_made_twice(api: StubGHL, contact: Lead) -> None:
    api.on("POST", f"/contacts/{CONTACT}/tasks", httpx.ReadTimeout("slow"))

    with pytest.raises(errors.OutcomeUnknown):
        ghl.create_task(lead=contact, title="Call", due_at=DUE)

    assert len(api.requests) == 1


def test_a_lead_that_is_no_contact_is_not_called_for(api: StubGHL, contact: Lead) -> None:
    contact.contact_id = ""

    with pytest.raises(errors.Rejected, match="not a contact"):
        ghl.add_note(lead=contact, text="x")

    assert api.requests == []


def test_notes_workflows_and_tags(api: StubGHL, contact: Lead) -> None:
    api.on("POST", f"/contacts/{CONTACT}/notes", ok("note", 201))
    api.on("POST", f"/contacts/{CONTACT}/workflow/wf1", ok("succeeded"))
    api.on("POST", f"/contacts/{CONTACT}/tags", ok("tags", 201))
    api.on("DELETE", f"/contacts/{CONTACT}/tags", ok("tags"))

    assert ghl.add_note(lead=contact, text="Called back") == "NtK4b7vQy2MxE9sLpD81"
    ghl.enrol_lead(lead=contact, workflow_id="wf1")
    ghl.tag_lead(lead=contact, tags=["hot", "call"])
    ghl.untag_lead(lead=contact, tags=["call"])

    contact.refresh_from_db()
    assert contact.written_back["tags"] == ["hot"]
    assert [sent_json(request) for request in api.requests[2:]] == [
        {"tags": ["hot", "call"]},
        {"tags": ["call"]},
    ]


@pytest.mark.parametrize(
    ("channel", "sent"),
    [
        ("SMS", {"type": "SMS", "message": "Saturday at 10?", "subject": "Showing"}),
        ("Email", {"type": "Email", "html": "Saturday at 10?", "subject": "Showing"}),
    ],
)
def test_a_due_message_is_sent_once(api: StubGHL, contact: Lead, channel: str, sent: dict[str, str]) -> None:
    api.on("POST", SEND, ok("message_sent"))
    message = outbound(contact, channel=channel, subject="Showing", body="Saturday at 10?")

    first = ghl.send_message(message_id=message.pk)
    second = ghl.send_message(message_id=message.pk)

    assert first is not None
    assert second is None
    assert [sent_json(request) for request in api.requests] == [{**sent, "contactId": CONTACT}]
    message.refresh_from_db()
    assert (message.status, message.ghl_id) == ("sent", "MsB9d3yFs7VzJ5kXeC14")
    assert message.conversation.ghl_id == "CvL2x6gTn4RqH8mKwP95"


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (httpx.ReadTimeout("slow"), errors.OutcomeUnknown, "unknown"),
        (refused(500), errors.OutcomeUnknown, "unknown"),
        (refused(422, "message is wrong"), errors.Rejected, "failed"),
        (refused(429, headers={"Retry-After": "90"}), errors.TooManyCalls, "due"),
    ],
)
def test_what_became_of_a_message_is_kept(
    api: StubGHL, contact: Lead, answer: httpx.Response | Exception, error: type[errors.GHLError], status: str
) -> None:
    api.on("POST", SEND, answer)
    message = outbound(contact)

    with pytest.raises(error):
        ghl.send_message(message_id=message.pk)

    message.refresh_from_db()
    assert message.status == status
    assert len(api.requests) == 1


def test_a_webhook_that_came_before_the_answer_is_the_message(api: StubGHL, contact: Lead) -> None:
    message = outbound(contact)

    def answer(request: httpx.Request) -> httpx.Response:
        MessageFactory(
            conversation=ConversationFactory(lead=LeadFactory(tenant=contact.tenant)),
            ghl_id="MsB9d3yFs7VzJ5kXeC14",
        )
        return ok("message_sent")

    api.on("POST", SEND, answer)

    kept = ghl.send_message(message_id=message.pk)

    assert kept is not None
    assert kept.pk != message.pk
    assert Message.objects.get().ghl_id == "MsB9d3yFs7VzJ5kXeC14"


def test_a_conversation_known_by_its_id_takes_the_message_over(api: StubGHL, contact: Lead) -> None:
    known = ConversationFactory(lead=contact, ghl_id="CvL2x6gTn4RqH8mKwP95")
    api.on("POST", SEND, ok("message_sent"))
    message = outbound(contact)

    ghl.send_message(message_id=message.pk)

    message.refresh_from_db()
    assert message.conversation == known
