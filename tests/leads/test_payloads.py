from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.events import Kind
from leads.ghl import payloads
from leads.ghl.payloads import PayloadError, parse
from leads.ghl.payloads.contacts import diff
from leads.ghl.payloads.envelope import read_envelope
from leads.ghl.payloads.reader import Reader, clean, clean_value, decode, read_moment
from leads.ghl.payloads.text import to_text, unquoted
from leads.ghl.payloads.workflow import parse_workflow

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "ghl"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TYPES = (
    "ContactCreate",
    "InboundMessage",
    "OpportunityUpdate",
    "AppointmentCreate",
    "LCEmailStats",
    "INSTALL",
)
KEYS = (
    "id", "contactId", "tags", "customFields", "dndSettings", "dnd", "body", "messageType", "dateAdded",
    "appointment", "webhookPayload", "monetaryValue", "status", "from", "locationId", "callDuration",
)  # fmt: skip


def message(**facts: Any) -> payloads.MessagePayload:
    body = {"type": "InboundMessage", "contactId": "c", "messageType": "SMS", "body": "Hi"} | facts
    payload = parse(body)
    assert isinstance(payload, payloads.MessagePayload)
    return payload


def contact(**facts: Any) -> payloads.ContactPayload:
    payload = parse({"type": "ContactUpdate", "id": "c"} | facts)
    assert isinstance(payload, payloads.ContactPayload)
    return payload


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("[!W]*.json")), ids=lambda path: path.stem)
def test_every_body_of_our_own_is_understood(path: Path) -> None:
    assert not isinstance(parse(decode(path.read_bytes())), payloads.Ignored)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("Workflow.*.json")), ids=lambda path: path.stem)
def test_every_workflow_body_of_our_own_is_understood(path: Path) -> None:
    assert parse_workflow(json.loads(path.read_text())).kind is not None


@settings(suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
def test_any_body_is_read_or_refused_by_field(kind: str, body: dict[str, Any]) -> None:
    refused = ""
    try:
        parse({**body, "type": kind})
    except PayloadError as error:
        refused = str(error)

    assert not refused or ": " in refused


@pytest.mark.parametrize(
    ("facts", "channel"),
    [
        ({"messageType": "SMS"}, "SMS"),
        ({"messageType": "sms"}, "SMS"),
        ({"messageType": "CALL"}, "CALL"),
        ({"messageType": "Call"}, "CALL"),
        ({"messageType": "VoiceMail"}, "VoiceMail"),
        ({"messageType": "CALL", "messageTypeId": 10}, "VoiceMail"),
        ({"messageType": "CALL", "callStatus": "voicemail"}, "VoiceMail"),
        ({"messageType": "Email"}, "Email"),
        ({"messageType": "WhatsApp"}, "WhatsApp"),
        ({"messageType": "FB"}, "FB"),
        ({"messageType": "IG"}, "IG"),
        ({"messageType": "GMB"}, "GMB"),
        ({"messageType": "Live_Chat"}, "Live_Chat"),
        ({"messageType": "Custom", "from": {}, "to": {}}, "Custom"),
        ({"messageType": "", "messageTypeString": "TYPE_INSTAGRAM"}, "IG"),
        ({"messageType": None, "messageTypeId": 34}, "CALL"),
    ],
)
def test_channel_is_known_by_any_of_its_spellings(facts: dict[str, Any], channel: str) -> None:
    assert message(**facts).channel == channel


def test_unknown_channel_is_refused() -> None:
    with pytest.raises(PayloadError, match="messageType: is not a channel we know"):
        message(messageType="Pigeon")


@pytest.mark.parametrize(
    ("facts", "inbound"),
    [
        ({}, True),
        ({"direction": "inbound"}, True),
        ({"type": "OutboundMessage"}, False),
        ({"type": "OutboundMessage", "direction": "inbound"}, True),
        ({"type": "OutboundMessage", "direction": "inbound", "source": "app"}, False),
    ],
)
def test_contradicting_directions_are_settled(facts: dict[str, Any], inbound: bool) -> None:
    assert message(**facts).inbound is inbound


def test_internal_comment_is_not_said_to_the_lead() -> None:
    payload = parse({"type": "OutboundMessage", "contactId": "c", "messageType": "InternalComment"})

    assert payload == payloads.Ignored("a comment between colleagues is not said to the lead")


def test_message_without_an_id_gets_the_same_stand_in_each_time() -> None:
    first, second, other = message(), message(), message(body="Hello")

    assert first.message_id.startswith("hl-")
    assert first.message_id == second.message_id != other.message_id


def test_call_needs_no_body_and_its_length_is_bounded() -> None:
    call = message(messageType="CALL", body=None, callDuration=10**9)

    assert (call.body, call.call_seconds) == ("", 86_400)


def test_sender_of_an_email_is_the_address_alone() -> None:
    assert message(messageType="Email", **{"from": "Jo Reyes <jo@example.com>"}).address == "jo@example.com"
    assert (
        message(messageType="Email", **{"from": ["a@example.com", "b@example.com"]}).address
        == "a@example.com"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("A<br>B<br/>C", "A\nB\nC"),
        ("<script>x()</script><style>p{}</style>Seen", "Seen"),
        ("Yes &amp; no&nbsp;more", "Yes & no more"),
        ("Up<blockquote>quoted</blockquote>", "Up"),
        ("<div>New</div><div class='gmail_quote'>On Mon<div>old</div></div><p>after</p>", "New\nafter"),
        ("Unclosed <b>bold", "Unclosed bold"),
        ("</div></p>odd", "odd"),
        ("New<div>On Mon, 3 Nov 2026 at 10:00, Ann &lt;a@b.co&gt; wrote:</div>old", "New"),
    ],
)
def test_html_becomes_the_words_of_its_writer(html: str, text: str) -> None:
    assert to_text(html) == text


def test_quoted_lines_of_plain_mail_are_left_out() -> None:
    assert unquoted("Yes!\n> Can you come?\n> Ann") == "Yes!"
    assert unquoted("Sí\nEl lun, 3 nov 2026, Ana escribió:\nviejo") == "Sí"


def test_consent_follows_each_channel_and_the_general_switch_the_rest() -> None:
    blocked = contact(dnd=True, dndSettings={"SMS": {"status": "inactive"}, "Email": {"status": "permanent"}})

    assert blocked.blocked == {
        "SMS": False,
        "Email": True,
        "CALL": True,
        "WhatsApp": True,
        "FB": True,
        "GMB": True,
    }
    assert contact(dndSettings={"Call": {"status": "active"}, "RCS": {"status": "active"}}).blocked == {
        "CALL": True
    }
    assert contact().blocked is None


def test_date_of_birth_is_never_taken() -> None:
    assert "date_of_birth" not in contact(dateOfBirth="1950-01-01").facts
    assert not any("1950" in str(value) for value in contact(dateOfBirth="1950-01-01").facts.values())


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"id": None}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "x" * 101}, "id"),
        ({"email": 7}, "email"),
        ({"tags": "a,b"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"customFields": {}}, "customFields"),
        ({"customFields": ["x"]}, "customFields.0"),
        ({"dnd": "yes"}, "dnd"),
        ({"dndSettings": []}, "dndSettings"),
        ({"dndSettings": {"SMS": []}}, "dndSettings.SMS"),
        ({"dndSettings": {"SMS": {"status": "maybe"}}}, "dndSettings.SMS.status"),
    ],
)
def test_wrong_type_in_a_contact_names_its_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        contact(**facts)

    assert caught.value.field == field
    assert "yes" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "OpportunityCreate", "id": "o"}, "contactId"),
        ({"type": "OpportunityCreate", "id": "o", "contactId": "c", "status": "maybe"}, "status"),
        (
            {"type": "OpportunityCreate", "id": "o", "contactId": "c", "monetaryValue": "much"},
            "monetaryValue",
        ),
        ({"type": "OpportunityCreate", "id": "o", "contactId": "c", "monetaryValue": 1e300}, "monetaryValue"),
        ({"type": "OpportunityCreate", "id": "o", "contactId": "c", "dateAdded": "soon"}, "dateAdded"),
        ({"type": "AppointmentCreate"}, "appointment"),
        ({"type": "AppointmentCreate", "appointment": {"id": "a"}}, "appointment.contactId"),
        (
            {"type": "AppointmentCreate", "appointment": {"id": "a", "appointmentStatus": "odd"}},
            "appointment.appointmentStatus",
        ),
        ({"type": "LCEmailStats"}, "webhookPayload.event"),
        ({"type": "LCEmailStats", "webhookPayload": {"event": "opened"}}, "webhookPayload.recipient"),
        ({"type": "LCEmailStats", "webhookPayload": {"event": "odd"}}, "webhookPayload.event"),
        ({"type": "INSTALL"}, "locationId"),
        ({"type": "UNINSTALL"}, "locationId"),
        ({"type": "InboundMessage", "messageType": "SMS"}, "contactId"),
        ({"type": "InboundMessage", "contactId": "c", "messageType": "SMS", "direction": "up"}, "direction"),
    ],
)
def test_wrong_body_names_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(body)

    assert caught.value.field == field


@pytest.mark.parametrize(
    "kind", ["KnowledgeBaseCreate", "SupportTicketUpdate", "UserCreate", "PriceCreate", "Later"]
)
def test_what_we_have_no_use_for_is_ignored_with_a_reason(kind: str) -> None:
    payload = parse({"type": kind})

    assert isinstance(payload, payloads.Ignored)
    assert payload.reason


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-20T14:35:00.000Z", datetime(2026, 11, 20, 14, 35, tzinfo=UTC)),
        ("2026-11-20T14:35:00+05:30", datetime(2026, 11, 20, 9, 5, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        (1_763_649_300, datetime(2025, 11, 20, 14, 35, tzinfo=UTC)),
        (1_763_649_300_000, datetime(2025, 11, 20, 14, 35, tzinfo=UTC)),
        ("tomorrow", None),
        ("", None),
        (True, None),
        (1e300, None),
        (-5, None),
        ({}, None),
        ("9999-12-31T23:59:59+14:00", None),
    ],
)
def test_moments_are_read_in_every_notation_or_not_at_all(value: object, moment: datetime | None) -> None:
    assert read_moment(value) == moment


def test_envelope_finds_the_location_where_each_family_keeps_it() -> None:
    def location(**body: Any) -> str:
        return read_envelope({"webhookId": "w", **body}, b"").location_id

    assert location(locationId="a") == "a"
    assert location(type="LocationUpdate", id="b") == "b"
    assert location(altType="location", altId="c") == "c"
    assert location(type="UserCreate", id="u", companyId="co") == ""
    assert location(locationId=7) == ""


def test_text_is_made_fit_for_the_database() -> None:
    assert clean("a\x00b") == "ab"
    assert clean("half \ud83d pair") == "half � pair"
    assert clean("\ud83d\ude00") == "😀"
    assert clean_value({"a\x00": ["\x00x", 10**30, float("nan"), {"b": {"c": {"d": {"e": 1}}}}]}) == {
        "a": ["x", "1" + "0" * 30, None, {"b": {"c": None}}]
    }


def test_decode_takes_half_surrogates_and_refuses_the_rest() -> None:
    assert decode(b'{"a":"\\ud83d"}') == {"a": "\ud83d"}
    for raw in (b"[1]", b"1", b"{", b'{"a":NaN}', b'{"a":Infinity}', b"\xff"):
        with pytest.raises(PayloadError):
            decode(raw)


def test_reader_bounds_what_it_gives() -> None:
    reader = Reader({"t": "x" * 900, "l": ["a", " a ", "", "b"], "n": "12.5", "w": 3.9, "f": None})

    assert len(reader.text("t")) == 500
    assert reader.texts("l") == ("a", "b")
    assert (reader.number("n"), reader.whole("w"), reader.flag("f")) == (12.5, 3, None)


def test_diff_names_only_what_differs_in_meaning() -> None:
    before: dict[str, Any] = {"a": "x", "b": None, "c": 3.0, "d": [], "e": "old"}
    after = {"a": " x ", "b": "", "c": "3", "d": None, "e": "new"}

    assert [(change.field, change.before, change.after) for change in diff(before, after)] == [
        ("e", "old", "new")
    ]


# Workflow bodies

FORM = {"event": "FormSubmitted", "contact_id": "c", "email": "jo@example.com"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FormSubmitted", Kind.FORM_SUBMITTED),
        ("form_submitted", Kind.FORM_SUBMITTED),
        ("form.submitted", Kind.FORM_SUBMITTED),
        ("Survey Submitted", Kind.SURVEY_SUBMITTED),
        ("TriggerLinkClicked", Kind.LINK_CLICKED),
        ("page-visited", Kind.PAGE_VIEWED),
        ("ShowingRequested", Kind.SHOWING_REQUESTED),
        ("stage_changed", Kind.OPPORTUNITY_MOVED),
        ("tag_added", None),
        ("", None),
    ],
)
def test_workflow_event_is_known_by_its_letters(name: str, kind: Kind | None) -> None:
    assert parse_workflow({**FORM, "event": name}).kind == kind


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
        ("20/11/2026 02:15 PM", datetime(2026, 11, 20, 20, 15, tzinfo=UTC)),
        ("20/11/2026 14:15", datetime(2026, 11, 20, 20, 15, tzinfo=UTC)),
        ("20/11/2026", datetime(2026, 11, 20, 6, 0, tzinfo=UTC)),
        ("11/20/2026", None),
        ("soon", None),
        (None, None),
    ],
)
def test_workflow_time_is_read_in_the_locations_own_zone(text: str | None, moment: datetime | None) -> None:
    payload = parse_workflow({**FORM, "occurred_at": text}, time_zone="America/Chicago")

    assert payload.occurred_at == moment
    assert parse_workflow({**FORM, "occurred_at": text}, time_zone="Mars/Olympus").kind == Kind.FORM_SUBMITTED


def test_workflow_tags_come_as_one_text() -> None:
    assert parse_workflow({**FORM, "tags": "a, b,,a"}).contact.tags == ("a", "b")
    assert parse_workflow({**FORM, "tags": ["a", "b"]}).contact.tags == ("a", "b")
    assert parse_workflow(FORM).contact.tags is None


def test_workflow_keeps_what_else_it_tells() -> None:
    body = {
        **FORM,
        "message": "Hello",
        "budget": 5,
        "workflow": {"name": "Push"},
        "customData": {"form": "Guide"},
    }

    assert parse_workflow(body).data == {"form": "Guide", "budget": 5, "text": "Hello", "workflow": "Push"}
