"""What people change of a lead is written to GoHighLevel, once, and no older snapshot undoes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from leads.events import Kind
from leads.ghl.edits import PATIENCE, mark, mark_sent
from leads.models import ContactEdit, Event, GHLConnection, Lead, LeadMerge, Membership, Tenant, User
from leads.services import ghl
from leads.services import leads as lead_services
from leads.services.ingest import ingest
from leads.services.leads import LeadFacts
from leads.tasks import ghl as tasks
from tests.conftest import Freeze
from tests.factories import CustomFieldFactory, GHLConnectionFactory, LeadFactory, WebhookDeliveryFactory
from tests.ghl_api import CONTACT, LOCATION, StubGHL, ok, refused, sent_json, stand_in
from tests.leads.api import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PUT = ("PUT", f"/contacts/{CONTACT}")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    stub = stand_in(monkeypatch, settings)
    stub.on(*PUT, ok("contact_update"))
    stub.on("POST", f"/contacts/{CONTACT}/tags", ok("tags", 201))
    stub.on("DELETE", f"/contacts/{CONTACT}/tags", ok("tags"))
    return stub


@pytest.fixture
def dana(tenant: Tenant) -> Lead:
    """A contact of a connected location."""
    Tenant.objects.filter(pk=tenant.pk).update(location_id=LOCATION)
    tenant.refresh_from_db()
    GHLConnectionFactory(tenant=tenant)
    lead: Lead = LeadFactory(
        tenant=tenant,
        contact_id=CONTACT,
        first_name="Dana",
        last_name="Ortiz",
        email="dana@example.net",
        city="Bend",
        tags=["buyer"],
        crm={"seen": "2026-01-01T00:00:00+00:00"},
    )
    return lead


@pytest.fixture
def program(agent: User) -> Caller:
    return caller(agent.memberships.get())


def change(lead: Lead, by: User, **facts: Any) -> Lead:
    return lead_services.update_lead(lead=lead, facts=LeadFacts(**facts), by=by)


def snapshot(lead: Lead, at: datetime, **facts: Any) -> None:
    """Let GoHighLevel tell of the contact as it was at a moment."""
    body = {"type": "ContactUpdate", "id": CONTACT, "locationId": LOCATION, **facts}
    delivery = WebhookDeliveryFactory(
        tenant=lead.tenant, location_id=LOCATION, type="ContactUpdate", body=json.dumps(body), sent_at=at
    )
    ingest(delivery_ids=[delivery.pk])


def told() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def the_edit() -> ContactEdit:
    return ContactEdit.objects.get()


# Writing


def test_what_was_changed_is_written_and_nothing_else(api: StubGHL, dana: Lead, agent: User) -> None:
    CustomFieldFactory(tenant=dana.tenant, key="beds", ghl_id="cf1", data_type="NUMERICAL")
    Membership.objects.filter(user=agent).update(ghl_user_id="UsR3kLm8PqZ1vXc5Tn20")
    change(
        dana,
        agent,
        email="ortiz@example.org",
        city="",
        company="Acme",
        segment="investor",
        tags=["vip"],
        custom={"beds": 3},
        consent={"SMS": "denied", "IG": "denied"},
    )
    lead_services.assign_lead(lead=dana, to=agent, by=agent)

    assert ghl.send_edits(lead_id=dana.pk) == 1

    put, added, removed = api.requests
    assert sent_json(put) == {
        "email": "ortiz@example.org",
        "city": None,
        "customFields": [{"id": "cf1", "field_value": 3}],
        "dndSettings": {"SMS": {"status": "active", "message": "Set in Hearthline", "code": ""}},
        "assignedTo": "UsR3kLm8PqZ1vXc5Tn20",
    }
    assert (added.method, sent_json(added)) == ("POST", {"tags": ["vip"]})
    assert (removed.method, sent_json(removed)) == ("DELETE", {"tags": ["buyer"]})
    edit = the_edit()
    assert (edit.state, edit.tries, edit.by, edit.sent_at is not None) == ("sent", 1, agent, True)
    assert ghl.send_edits(lead_id=dana.pk) == 0
    assert len(api.requests) == 3


def test_a_row_holds_names_and_no_values(dana: Lead, agent: User) -> None:
    change(dana, agent, email="ortiz@example.org", city="")

    edit = the_edit()
    assert (edit.fields, edit.state, edit.by) == (["city", "email"], "due", agent)


def test_edits_that_wait_are_one_write_of_what_holds_last(api: StubGHL, dana: Lead, agent: User) -> None:
    change(dana, agent, city="Salem")
    change(dana, agent, city="Eugene", first_name="Danielle")

    ghl.send_edits(lead_id=dana.pk)

    assert [sent_json(request) for request in api.requests] == [{"city": "Eugene", "firstName": "Danielle"}]
    assert the_edit().state == "sent"


def test_a_tag_put_on_and_taken_off_again_is_not_there(api: StubGHL, dana: Lead, agent: User) -> None:
    change(dana, agent, tags=["buyer", "vip"])
    change(dana, agent, tags=["buyer"])

    ghl.send_edits(lead_id=dana.pk)

    assert [(r.method, sent_json(r)) for r in api.requests] == [("DELETE", {"tags": ["vip"]})]


@pytest.mark.parametrize("ghl_user_id", ["", "UsR3kLm8PqZ1vXc5Tn20"])
def test_who_ghl_does_not_know_is_not_assigned_there(
    api: StubGHL, dana: Lead, agent: User, ghl_user_id: str
) -> None:
    Membership.objects.filter(user=agent).update(ghl_user_id=ghl_user_id)
    lead_services.assign_leads(tenant=dana.tenant, lead_ids=[dana.pk], to=agent, by=agent)

    ghl.send_edits(lead_id=dana.pk)

    assert [sent_json(request) for request in api.requests] == (
        [{"assignedTo": ghl_user_id}] if ghl_user_id else []
    )
    assert the_edit().state == "sent"


def test_a_lead_assigned_to_nobody_is_nobodys_there(api: StubGHL, dana: Lead, agent: User) -> None:
    Lead.objects.filter(pk=dana.pk).update(assigned_to=agent)
    lead_services.assign_lead(lead=dana, to=None, by=agent)

    ghl.send_edits(lead_id=dana.pk)

    assert sent_json(api.requests[0]) == {"assignedTo": None}


def test_granting_consent_lifts_the_block(api: StubGHL, dana: Lead, agent: User) -> None:
    dana.consent = {"Email": {"state": "denied"}}
    dana.save(update_fields=["consent"])
    change(dana, agent, consent={"Email": "granted"}, consent_note="Said so on the phone")

    ghl.send_edits(lead_id=dana.pk)

    assert sent_json(api.requests[0])["dndSettings"]["Email"]["status"] == "inactive"


@pytest.mark.parametrize("what", ["company", "nothing", "segment"])
def test_what_ghl_has_no_place_for_makes_no_row(dana: Lead, agent: User, what: str) -> None:
    facts = {"company": {"company": "Acme"}, "nothing": {"city": "Bend"}, "segment": {"segment": "luxury"}}

    change(dana, agent, **facts[what])

    assert not ContactEdit.objects.exists()


def test_without_a_connection_or_a_contact_nothing_is_written(
    api: StubGHL, dana: Lead, agent: User, lead: Lead
) -> None:
    Lead.objects.filter(pk=lead.pk).update(contact_id="")
    change(lead, agent, city="Salem")
    GHLConnection.objects.all().delete()
    change(dana, agent, city="Salem")

    tasks.send_edits_due()

    assert not ContactEdit.objects.exists()
    assert api.requests == []


def test_a_connection_that_ended_meanwhile_is_told(api: StubGHL, dana: Lead, agent: User) -> None:
    change(dana, agent, city="Salem")
    GHLConnection.objects.all().delete()

    ghl.send_edits(lead_id=dana.pk)

    edit = the_edit()
    assert (edit.state, edit.error) == (
        "failed",
        "the connection needs the broker’s attention (Integrations).",
    )
    assert api.requests == []


# Through the doors


def test_a_program_s_change_is_written(
    api: StubGHL,
    dana: Lead,
    program: Caller,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = program.patch(f"leads/{dana.pk}/", {"city": "Salem", "tags": ["buyer", "vip"]})

    assert response.status_code == 200
    assert [(r.method, sent_json(r)) for r in api.requests] == [
        ("PUT", {"city": "Salem"}),
        ("POST", {"tags": ["vip"]}),
    ]


@pytest.mark.parametrize("contact_id", [CONTACT, ""])
def test_a_refusal_holds_there_too_when_two_records_become_one(
    api: StubGHL,
    dana: Lead,
    agent_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    contact_id: str,
) -> None:
    double: Lead = LeadFactory(tenant=dana.tenant, contact_id="", consent={"SMS": {"state": "denied"}})
    survivor, absorbed = (dana, double) if contact_id else (double, dana)

    with django_capture_on_commit_callbacks(execute=True):
        agent_client.post(f"/agent/leads/{survivor.pk}/merge/", {"other": absorbed.pk})
    snapshot(dana, datetime.now(UTC), city="Bend", dnd=False)

    assert sent_json(api.requests[0])["dndSettings"]["SMS"]["status"] == "active"
    survivor.refresh_from_db()
    assert (survivor.contact_id, survivor.consent["SMS"]["state"]) == (CONTACT, "denied")

    with django_capture_on_commit_callbacks(execute=True):
        agent_client.post(f"/agent/merges/{LeadMerge.objects.get().pk}/undo/")

    assert sent_json(api.requests[1])["dndSettings"]["SMS"]["status"] == "inactive"
    dana.refresh_from_db()
    assert "SMS" not in dana.consent


@pytest.mark.parametrize("denied", [True, False])
def test_a_program_s_merge_blocks_what_the_person_refuses(
    api: StubGHL,
    dana: Lead,
    program: Caller,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    denied: bool,
) -> None:
    consent = {"Email": {"state": "denied"}} if denied else {"Email": {"state": "granted"}}
    double = LeadFactory(tenant=dana.tenant, consent=consent)

    with django_capture_on_commit_callbacks(execute=True):
        response = program.post(f"leads/{dana.pk}/merge/", {"absorbed": double.pk})
    with django_capture_on_commit_callbacks(execute=True):
        program.post(f"merges/{response.json()['id']}/undo/")

    told = [sent_json(request)["dndSettings"]["Email"]["status"] for request in api.requests]
    assert told == (["active", "inactive"] if denied else [])


def test_ticked_leads_are_assigned_there_too(
    api: StubGHL,
    dana: Lead,
    agent: User,
    agent_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    Membership.objects.filter(user=agent).update(ghl_user_id="UsR3kLm8PqZ1vXc5Tn20")

    with django_capture_on_commit_callbacks(execute=True):
        agent_client.post("/agent/leads/assign/", {"lead": [dana.pk], "bulk-to": agent.pk})

    assert sent_json(api.requests[0]) == {"assignedTo": "UsR3kLm8PqZ1vXc5Tn20"}


# Failures


def test_what_passes_is_tried_again_later(api: StubGHL, dana: Lead, agent: User, freeze: Freeze) -> None:
    clock = freeze(NOW)
    api.on(*PUT, refused(429, headers={"Retry-After": "90"}), ok("contact_update"))
    change(dana, agent, city="Salem")

    assert ghl.send_edits(lead_id=dana.pk) == 0
    edit = the_edit()
    assert (edit.state, edit.due_at, edit.tries) == ("due", NOW + timedelta(seconds=90), 1)
    assert edit.error == "too much is being sent just now."
    assert ghl.waiting_edits() == []

    clock.shift(timedelta(seconds=90))
    tasks.send_edits_due()

    edit = the_edit()
    assert (edit.state, edit.tries, edit.error) == ("sent", 2, "")
    assert len(api.asked(*PUT)) == 2


def test_it_is_not_tried_for_ever(api: StubGHL, dana: Lead, agent: User, freeze: Freeze) -> None:
    clock = freeze(NOW)
    api.on(*PUT, refused(429, headers={"Retry-After": "31"}))
    change(dana, agent, city="Salem")

    for _ in range(9):
        tasks.send_edits_due()
        clock.shift(timedelta(hours=1))

    assert len(api.asked(*PUT)) == 8
    assert (the_edit().state, the_edit().tries) == ("failed", 8)


def test_a_refusal_is_kept_with_its_reason_and_sent_again_by_hand(
    api: StubGHL,
    dana: Lead,
    agent: User,
    agent_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    api.on(*PUT, refused(422, "phone is wrong"), ok("contact_update"))
    change(dana, agent, phone="+12065550123")
    ghl.send_edits(lead_id=dana.pk)

    page = agent_client.get(f"/agent/leads/{dana.pk}/").content.decode()
    assert "Not sent to GoHighLevel: it was refused (phone)." in page
    assert GHLConnection.objects.get().last_error == ""
    tasks.send_edits_due()
    assert len(api.requests) == 1

    with django_capture_on_commit_callbacks(execute=True):
        agent_client.post(f"/agent/leads/{dana.pk}/send/")

    assert the_edit().state == "sent"
    page = agent_client.get(f"/agent/leads/{dana.pk}/").content.decode()
    assert "Sent to GoHighLevel" in page


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        (refused(400), "failed", "it was refused."),
        (refused(404), "failed", "the contact is no longer there."),
        (refused(403), "failed", "the connection needs the broker’s attention (Integrations)."),
        (httpx.ConnectError("down"), "due", "GoHighLevel does not answer."),
    ],
)
def test_an_agent_is_told_why_in_plain_words(
    api: StubGHL,
    dana: Lead,
    agent: User,
    monkeypatch: pytest.MonkeyPatch,
    answer: httpx.Response | Exception,
    state: str,
    why: str,
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low)  # no pause between two tries
    api.on(*PUT, answer)
    change(dana, agent, city="Salem")

    ghl.send_edits(lead_id=dana.pk)

    assert (the_edit().state, the_edit().error) == (state, why)


def test_there_is_nothing_to_send_again(agent_client: Client, dana: Lead) -> None:
    response = agent_client.post(f"/agent/leads/{dana.pk}/send/", follow=True)

    assert "There is nothing of this lead to send again." in response.content.decode()


def test_a_connection_s_error_is_told_on_its_page(api: StubGHL, dana: Lead, agent: User) -> None:
    api.on(*PUT, refused(401, "not authorized for this scope"))
    change(dana, agent, city="Salem")

    ghl.send_edits(lead_id=dana.pk)

    assert the_edit().state == "failed"
    assert "contacts.write" in GHLConnection.objects.get().last_error


def test_an_edit_after_a_refused_one_takes_it_along(api: StubGHL, dana: Lead, agent: User) -> None:
    api.on(*PUT, refused(422, "phone is wrong"), ok("contact_update"))
    change(dana, agent, phone="+12065550123")
    ghl.send_edits(lead_id=dana.pk)

    change(dana, agent, phone="+12065550124")
    change(dana, agent, city="Salem")
    ghl.send_edits(lead_id=dana.pk)

    assert sent_json(api.requests[-1]) == {"phone": "+12065550124", "city": "Salem"}
    assert the_edit().state == "sent"


def test_a_sender_that_died_is_replaced_after_its_lease(
    api: StubGHL, dana: Lead, agent: User, freeze: Freeze
) -> None:
    clock = freeze(NOW)
    api.on(*PUT, KeyboardInterrupt(), ok("contact_update"))
    change(dana, agent, city="Salem")
    with pytest.raises(KeyboardInterrupt):
        ghl.send_edits(lead_id=dana.pk)
    assert (the_edit().state, ghl.waiting_edits()) == ("sending", [])

    clock.shift(timedelta(minutes=15))

    assert ghl.waiting_edits() == [dana.pk]
    assert ghl.send_edits(lead_id=dana.pk) == 1


def test_a_sender_that_always_dies_is_given_up(api: StubGHL, dana: Lead, agent: User, freeze: Freeze) -> None:
    clock = freeze(NOW)
    api.on(*PUT, KeyboardInterrupt())
    change(dana, agent, city="Salem")

    for _ in range(8):
        with pytest.raises(KeyboardInterrupt):
            tasks.send_edits_due()
        clock.shift(timedelta(minutes=15))
    tasks.send_edits_due()

    assert (the_edit().state, the_edit().tries) == ("failed", 8)
    assert the_edit().error == "it was tried too often."
    assert len(api.requests) == 8


@pytest.mark.parametrize("late", [ok("contact_update"), refused(422, "phone is wrong"), refused(503)])
def test_a_sender_that_outlived_its_lease_has_no_say(
    api: StubGHL,
    dana: Lead,
    agent: User,
    freeze: Freeze,
    monkeypatch: pytest.MonkeyPatch,
    late: httpx.Response,
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low)  # no pause between two tries
    clock = freeze(NOW)

    def overtaken(request: httpx.Request) -> httpx.Response:
        clock.shift(timedelta(minutes=15))
        api.on(*PUT, ok("contact_update"))
        tasks.send_edits_due()
        api.on(*PUT, late)
        return late

    api.on(*PUT, overtaken)
    change(dana, agent, city="Salem")

    tasks.send_edits(dana.pk)

    edit = the_edit()
    assert (edit.state, edit.tries, edit.error) == ("sent", 2, "")
    assert edit.sent_at == NOW + timedelta(minutes=15)


def _contacts(tenant: Tenant, agent: User, *names: str) -> list[tuple[str, str]]:
    """Make contacts whose city was changed here; return how each is written to."""
    for name in names:
        change(LeadFactory(tenant=tenant, contact_id=name), agent, city="Salem")
    return [("PUT", f"/contacts/{name}") for name in names]


def test_while_ghl_does_not_answer_one_lead_is_tried_at_a_time(
    api: StubGHL, dana: Lead, agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low)  # no pause between two tries
    first, second = _contacts(dana.tenant, agent, "ContactOne", "ContactTwo")
    api.on(*first, httpx.ConnectError("down"))
    api.on(*second, ok("contact_update"))

    tasks.send_edits_due()
    assert api.asked(*second) == []

    tasks.send_edits_due()
    assert len(api.asked(*second)) == 1
    assert len(api.asked(*first)) == 5  # the tries of one call; its next turn is in a minute


def test_a_location_out_of_calls_keeps_no_other_from_its_own(
    api: StubGHL, dana: Lead, agent: User, other_tenant: Tenant
) -> None:
    GHLConnectionFactory(tenant=other_tenant)
    ours = _contacts(dana.tenant, agent, "ContactOne", "ContactTwo")
    theirs = _contacts(other_tenant, agent, "ContactThree")
    for put in ours:
        api.on(*put, refused(429, headers={"Retry-After": "90"}))
    api.on(*theirs[0], ok("contact_update"))

    tasks.send_edits_due()

    assert [request.url.path for request in api.requests] == [
        "/contacts/ContactOne",
        "/contacts/ContactThree",
    ]
    assert sorted(ContactEdit.objects.values_list("lead__contact_id", "state")) == [
        ("ContactOne", "due"),
        ("ContactThree", "sent"),
        ("ContactTwo", "due"),
    ]


def _edits_during(
    api: StubGHL, dana: Lead, agent: User, answer: httpx.Response, **facts: Any
) -> Callable[[httpx.Request], httpx.Response]:
    def edit(request: httpx.Request) -> httpx.Response:
        api.on(*PUT, ok("contact_update"))
        change(dana, agent, **facts)
        assert ghl.send_edits(lead_id=dana.pk) == 0  # another worker waits its turn
        return answer

    return edit


def test_an_edit_made_during_the_call_follows_it(api: StubGHL, dana: Lead, agent: User) -> None:
    api.on(*PUT, _edits_during(api, dana, agent, ok("contact_update"), city="Eugene"))
    change(dana, agent, city="Salem", first_name="Danielle")

    assert ghl.send_edits(lead_id=dana.pk) == 2

    assert [sent_json(request) for request in api.requests] == [
        {"city": "Salem", "firstName": "Danielle"},
        {"city": "Eugene"},
    ]
    assert set(ContactEdit.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("status", [422, 429])
def test_an_edit_made_during_a_call_that_fails_takes_its_fields_along(
    api: StubGHL, dana: Lead, agent: User, freeze: Freeze, status: int
) -> None:
    clock = freeze(NOW)
    answer = refused(status, headers={"Retry-After": "60"} if status == 429 else None)
    api.on(*PUT, _edits_during(api, dana, agent, answer, phone="+12065550123"))
    change(dana, agent, city="Salem")

    ghl.send_edits(lead_id=dana.pk)
    clock.shift(timedelta(seconds=60))
    tasks.send_edits_due()

    assert sent_json(api.requests[-1]) == {"city": "Salem", "phone": "+12065550123"}
    assert (the_edit().state, the_edit().fields) == ("sent", ["city", "phone"])


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        ({"status": "deleted"}, "this lead was deleted."),
        ({"contact_id": ""}, "this lead is not a contact there."),
    ],
)
def test_a_lead_that_is_gone_is_not_written(
    api: StubGHL, dana: Lead, agent: User, gone: dict[str, str], why: str
) -> None:
    change(dana, agent, city="Salem")
    Lead.objects.filter(pk=dana.pk).update(**gone)

    assert ghl.send_edits(lead_id=dana.pk) == 0
    assert (the_edit().state, the_edit().error) == ("failed", why)
    assert ghl.send_edits(lead_id=dana.pk + 1000) == 0
    assert api.requests == []


# What comes back


def test_our_own_echo_tells_nothing(api: StubGHL, dana: Lead, agent: User) -> None:
    CustomFieldFactory(tenant=dana.tenant, key="beds", ghl_id="cf1", data_type="NUMERICAL")
    change(dana, agent, city="Salem", tags=["buyer", "vip"], custom={"beds": 3}, consent={"SMS": "denied"})
    ghl.send_edits(lead_id=dana.pk)
    before = told()

    snapshot(
        dana,
        datetime.now(UTC),
        firstName="Dana",
        lastName="Ortiz",
        email="dana@example.net",
        city="Salem",
        tags=["buyer", "vip"],
        customFields=[{"id": "cf1", "value": 3}],
        dnd=False,
        dndSettings={"SMS": {"status": "active"}},
    )

    assert told() == before


def test_an_older_snapshot_does_not_undo_an_edit_that_waits(dana: Lead, agent: User) -> None:
    CustomFieldFactory(
        tenant=dana.tenant, key="beds", ghl_id="cf1", data_type="NUMERICAL", answers="property"
    )
    Lead.objects.filter(pk=dana.pk).update(custom={"beds": 2}, profile={"property": 2})
    Membership.objects.filter(user=agent).update(ghl_user_id="UsR3kLm8PqZ1vXc5Tn20")
    change(
        dana,
        agent,
        city="Salem",
        tags=["vip"],
        custom={"beds": 3},
        profile={"property": 3},
        consent={"SMS": "denied"},
    )
    lead_services.assign_lead(lead=dana, to=agent, by=agent)
    before = told()

    snapshot(
        dana,
        datetime.now(UTC),
        city="Bend",
        tags=["buyer"],
        customFields=[{"id": "cf1", "value": 2}],
        dnd=False,
        assignedTo="",
    )

    dana.refresh_from_db()
    assert told() == before
    assert (dana.city, dana.tags, dana.custom, dana.profile) == (
        "Salem",
        ["vip"],
        {"beds": 3},
        {"property": 3},
    )
    assert (dana.consent["SMS"]["state"], dana.assigned_to) == ("denied", agent)


def test_news_of_the_same_snapshot_is_taken(dana: Lead, agent: User) -> None:
    change(dana, agent, city="Salem", tags=["vip"])

    snapshot(dana, datetime.now(UTC), city="Bend", firstName="Danielle", tags=["buyer", "called"])

    dana.refresh_from_db()
    assert (dana.city, dana.first_name, dana.tags) == ("Salem", "Danielle", ["called", "vip"])


def test_another_value_is_news_even_while_an_edit_waits(dana: Lead, agent: User) -> None:
    change(dana, agent, city="Salem")

    snapshot(dana, datetime.now(UTC), city="Portland")
    snapshot(dana, datetime.now(UTC), city="Bend")

    dana.refresh_from_db()
    assert dana.city == "Bend"  # what stood here was GoHighLevel's own word, no edit of ours


def test_an_echo_of_an_earlier_edit_does_not_undo_a_later_one(
    api: StubGHL, dana: Lead, agent: User, freeze: Freeze
) -> None:
    clock = freeze(NOW)
    change(dana, agent, city="Salem")
    ghl.send_edits(lead_id=dana.pk)
    clock.shift(timedelta(seconds=2))
    change(dana, agent, city="Eugene")

    snapshot(dana, NOW + timedelta(seconds=1), city="Salem")
    dana.refresh_from_db()
    assert dana.city == "Eugene"

    ghl.send_edits(lead_id=dana.pk)
    snapshot(dana, NOW + timedelta(seconds=1), city="Salem")
    dana.refresh_from_db()
    assert dana.city == "Eugene"


def test_the_old_value_set_in_ghl_after_our_write_is_news(
    api: StubGHL, dana: Lead, agent: User, freeze: Freeze
) -> None:
    clock = freeze(NOW)
    change(dana, agent, city="Salem")
    ghl.send_edits(lead_id=dana.pk)
    clock.shift(timedelta(minutes=5))

    snapshot(dana, NOW + timedelta(minutes=4), city="Bend")

    dana.refresh_from_db()
    assert dana.city == "Bend"
    assert told()[-1] == Kind.CONTACT_UPDATED


def test_a_change_that_was_never_written_is_kept_for_a_week(dana: Lead, agent: User, freeze: Freeze) -> None:
    clock = freeze(NOW)
    GHLConnection.objects.all().delete()
    change(dana, agent, city="Salem")

    snapshot(dana, NOW + timedelta(minutes=1), city="Bend")
    dana.refresh_from_db()
    assert dana.city == "Salem"

    clock.shift(PATIENCE + timedelta(minutes=1))
    snapshot(dana, NOW + PATIENCE + timedelta(seconds=1), city="Bend")
    dana.refresh_from_db()
    assert dana.city == "Bend"


def test_marks_of_old_writes_are_let_go() -> None:
    marks = mark_sent(mark({}, {"city": ("Bend", "Salem")}, NOW), ["city", "email"], NOW)

    later = mark(marks, {"email": ("a@example.net", "b@example.net")}, NOW + timedelta(hours=2))

    assert list(marks) == ["city"]
    assert list(later) == ["email"]
