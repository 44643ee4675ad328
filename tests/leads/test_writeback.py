from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_django import Settings

from leads.events import Kind
from leads.ghl.writeback import OWN_FIELDS, is_echo, values_of
from leads.models import CustomField, Event, Lead, Tenant, WebhookDelivery
from leads.services import ghl
from leads.services.events import record_event
from leads.services.ingest import ingest
from leads.tasks import ghl as tasks
from tests.conftest import Freeze
from tests.factories import CustomFieldFactory, GHLConnectionFactory, LeadFactory, WebhookDeliveryFactory
from tests.ghl_api import CONTACT, LOCATION, StubGHL, ok, refused, sent_json, stand_in

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    stub = stand_in(monkeypatch, settings)
    stub.on("PUT", f"/contacts/{CONTACT}", ok("contact_update"))
    return stub


@pytest.fixture
def here(tenant: Tenant) -> Tenant:
    Tenant.objects.filter(pk=tenant.pk).update(location_id=LOCATION)
    tenant.refresh_from_db()
    return tenant


@pytest.fixture
def scored(here: Tenant) -> Lead:
    """A connected tenant's lead that has just become warm."""
    GHLConnectionFactory(tenant=here)
    for number, field in enumerate(OWN_FIELDS, start=1):
        CustomFieldFactory(tenant=here, ghl_id=f"own{number}", key=field.key, name=field.name)
    lead: Lead = LeadFactory(tenant=here, contact_id=CONTACT, score=71.6, tier="warm", lapse_30=0.234)
    return lead


def scored_event(lead: Lead) -> int:
    event = record_event(tenant=lead.tenant, kind=Kind.LEAD_SCORED, lead=lead, data={"tier": lead.tier})
    assert event is not None
    return event.pk


def test_what_is_written_is_whole_and_leaves_out_what_nobody_said() -> None:
    assert values_of(score=71.6, tier="warm", lapse_30=0.234) == {
        "hearthline_score": 72,
        "hearthline_tier": "warm",
        "hearthline_lapse_risk": 23,
    }
    assert values_of(score=None, tier="", lapse_30=None) == {}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"own1": 72}, True),
        ({"own1": "72", "own2": "warm"}, True),
        ({"own1": 73}, False),
        ({"own1": 72, "budget": "$580k"}, False),
        ({}, False),
    ],
)
def test_an_echo_is_only_what_we_wrote(changed: dict[str, object], expected: bool) -> None:
    assert is_echo({"custom": {"own1": 72, "own2": "warm"}}, changed) is expected
    assert is_echo({}, changed) is False


def test_a_new_tier_is_written_to_the_contact(api: StubGHL, scored: Lead, freeze: Freeze) -> None:
    freeze(NOW)

    assert ghl.mark_for_write_back(event_ids=[scored_event(scored)]) == [scored.pk]
    assert ghl.waiting_write_backs() == [scored.pk]
    assert ghl.write_back(lead_id=scored.pk) is True

    assert sent_json(api.requests[0]) == {
        "customFields": [
            {"id": "own1", "field_value": 72},
            {"id": "own2", "field_value": "warm"},
            {"id": "own3", "field_value": 23},
        ]
    }
    scored.refresh_from_db()
    assert scored.written_back == {
        "custom": {"own1": 72, "own2": "warm", "own3": 23},
        "tier": "warm",
        "at": NOW.isoformat(),
    }
    assert ghl.waiting_write_backs() == []


def test_it_is_noted_before_the_call(api: StubGHL, scored: Lead) -> None:
    noted: list[object] = []

    def look(request: httpx.Request) -> httpx.Response:
        noted.append(Lead.objects.get(pk=scored.pk).written_back["custom"])
        return ok("contact_update")

    api.on("PUT", f"/contacts/{CONTACT}", look)
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])

    ghl.write_back(lead_id=scored.pk)

    assert noted == [{"own1": 72, "own2": "warm", "own3": 23}]


def test_its_echo_through_the_door_tells_nothing(api: StubGHL, scored: Lead) -> None:
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])
    ghl.write_back(lead_id=scored.pk)
    Lead.objects.filter(pk=scored.pk).update(crm={"seen": "2026-01-01T00:00:00+00:00"})
    body = {
        "type": "ContactUpdate",
        "id": CONTACT,
        "locationId": LOCATION,
        "customFields": [
            {"id": "own1", "value": 72},
            {"id": "own2", "value": "warm"},
            {"id": "own3", "value": 23},
        ],
    }
    delivery = WebhookDeliveryFactory(
        tenant=scored.tenant, location_id=LOCATION, type="ContactUpdate", body=json.dumps(body)
    )

    ingest(delivery_ids=[delivery.pk])

    assert WebhookDelivery.objects.get(pk=delivery.pk).state == "processed"
    assert list(Event.objects.values_list("kind", flat=True)) == ["lead.scored"]


def test_the_same_tier_again_is_not_written(api: StubGHL, scored: Lead) -> None:
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])
    ghl.write_back(lead_id=scored.pk)

    assert ghl.mark_for_write_back(event_ids=[scored_event(scored)]) == []
    assert len(api.requests) == 1


def test_an_event_counts_once_and_three_marks_are_one_write(api: StubGHL, scored: Lead) -> None:
    events = [scored_event(scored) for _ in range(3)]
    assert ghl.mark_for_write_back(event_ids=events) == [scored.pk]
    assert ghl.mark_for_write_back(event_ids=events) == []

    written = [ghl.write_back(lead_id=scored.pk) for _ in range(3)]

    assert written == [True, False, False]
    assert len(api.requests) == 1


@pytest.mark.parametrize("change", [{"status": "deleted"}, {"contact_id": ""}, {"tier": ""}])
def test_some_leads_are_not_written(api: StubGHL, scored: Lead, change: dict[str, str]) -> None:
    Lead.objects.filter(pk=scored.pk).update(**change)

    assert ghl.mark_for_write_back(event_ids=[scored_event(scored)]) == []


def test_without_a_connection_nothing_is_marked_or_called(api: StubGHL, here: Tenant) -> None:
    lead = LeadFactory(tenant=here, contact_id=CONTACT, score=71.6, tier="warm", written_back={"due_at": 1})

    assert ghl.mark_for_write_back(event_ids=[scored_event(lead)]) == []
    assert ghl.write_back(lead_id=lead.pk) is False

    lead.refresh_from_db()
    assert "due_at" not in lead.written_back
    assert api.requests == []
    assert ghl.write_back(lead_id=lead.pk + 1) is False


def test_a_failure_for_now_is_tried_again_later(api: StubGHL, scored: Lead, freeze: Freeze) -> None:
    clock = freeze(NOW)
    api.on("PUT", f"/contacts/{CONTACT}", refused(429, headers={"Retry-After": "90"}), ok("contact_update"))
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])

    assert ghl.write_back(lead_id=scored.pk) is False
    assert ghl.waiting_write_backs() == []

    clock.shift(timedelta(seconds=91))
    assert ghl.waiting_write_backs() == [scored.pk]
    tasks.write_back_due()
    scored.refresh_from_db()
    assert scored.written_back["tier"] == "warm"
    assert "due_at" not in scored.written_back
    assert len(api.requests) == 2


def test_a_refusal_is_kept_on_the_page_and_not_repeated(api: StubGHL, scored: Lead) -> None:
    api.on("PUT", f"/contacts/{CONTACT}", refused(422, "customFields is wrong"))
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])

    ghl.write_back(lead_id=scored.pk)

    scored.refresh_from_db()
    assert "due_at" not in scored.written_back
    assert "tier" not in scored.written_back
    scored.tenant.connection.refresh_from_db()
    assert scored.tenant.connection.last_error == (
        "PUT /contacts/{contact}: refused with 422 (it names customFields)."
    )


def test_a_worker_that_died_in_the_middle_is_replaced_after_its_lease(
    api: StubGHL, scored: Lead, freeze: Freeze
) -> None:
    clock = freeze(NOW)
    api.on("PUT", f"/contacts/{CONTACT}", KeyboardInterrupt(), ok("contact_update"))
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])
    with pytest.raises(KeyboardInterrupt):
        ghl.write_back(lead_id=scored.pk)
    assert ghl.waiting_write_backs() == []

    clock.shift(timedelta(minutes=6))

    assert ghl.waiting_write_backs() == [scored.pk]
    assert ghl.write_back(lead_id=scored.pk) is True


def test_a_mark_that_comes_during_the_call_is_kept(api: StubGHL, scored: Lead) -> None:
    def becomes_hot(request: httpx.Request) -> httpx.Response:
        Lead.objects.filter(pk=scored.pk).update(tier="hot", score=90)
        ghl.mark_for_write_back(event_ids=[scored_event(scored)])
        return ok("contact_update")

    api.on("PUT", f"/contacts/{CONTACT}", becomes_hot, ok("contact_update"))
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])

    ghl.write_back(lead_id=scored.pk)
    assert ghl.waiting_write_backs() == [scored.pk]
    ghl.write_back(lead_id=scored.pk)

    assert sent_json(api.requests[1])["customFields"][1] == {"id": "own2", "field_value": "hot"}


def test_our_fields_are_made_in_the_location_once(api: StubGHL, here: Tenant) -> None:
    GHLConnectionFactory(tenant=here)
    lead = LeadFactory(tenant=here, contact_id=CONTACT, score=90.0, tier="hot")
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    made = iter(range(1, 4))

    def make(request: httpx.Request) -> httpx.Response:
        asked = sent_json(request)
        field = {"id": f"made{next(made)}", "name": asked["name"], "dataType": asked["dataType"]}
        return httpx.Response(201, json={"customField": {**field, "fieldKey": "contact.x"}})

    api.on("POST", f"/locations/{LOCATION}/customFields", make)
    ghl.mark_for_write_back(event_ids=[scored_event(lead)])

    assert ghl.write_back(lead_id=lead.pk) is True

    assert dict(CustomField.objects.values_list("key", "ghl_id")) == {
        "hearthline_score": "made1",
        "hearthline_tier": "made2",
        "hearthline_lapse_risk": "made3",
    }
    assert [sent_json(r)["dataType"] for r in api.asked("POST")] == ["NUMERICAL", "TEXT", "NUMERICAL"]
    assert sent_json(api.asked("PUT")[0]) == {
        "customFields": [{"id": "made1", "field_value": 90}, {"id": "made2", "field_value": "hot"}]
    }


def test_a_field_another_worker_made_meanwhile_is_taken(api: StubGHL, scored: Lead) -> None:
    CustomField.objects.filter(key="hearthline_score").delete()
    nothing = httpx.Response(200, json={"customFields": []})
    theirs = {"id": "theirs", "name": "Hearthline score", "fieldKey": "contact.hs", "dataType": "NUMERICAL"}
    api.on(
        "GET",
        f"/locations/{LOCATION}/customFields",
        nothing,
        httpx.Response(200, json={"customFields": [theirs]}),
    )
    api.on("POST", f"/locations/{LOCATION}/customFields", refused(400, "name is taken"))
    ghl.mark_for_write_back(event_ids=[scored_event(scored)])

    assert ghl.write_back(lead_id=scored.pk) is True

    assert CustomField.objects.get(key="hearthline_score").ghl_id == "theirs"


def test_the_bus_task_queues_the_write(
    api: StubGHL, scored: Lead, django_capture_on_commit_callbacks: object
) -> None:
    event_id = scored_event(scored)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        tasks.follow_up([event_id])

    assert len(api.asked("PUT")) == 1


def test_an_installed_location_is_connected_by_the_bus_task(
    api: StubGHL, here: Tenant, django_capture_on_commit_callbacks: object
) -> None:
    Tenant.objects.filter(pk=here.pk).update(company_id="Co1")
    GHLConnectionFactory(tenant=None, company_id="Co1", user_type="Company")
    api.on("POST", "/oauth/locationToken", ok("location_token"))
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    api.on("GET", "/users/", ok("users"))
    event = record_event(tenant=here, kind=Kind.TENANT_INSTALLED)
    assert event is not None

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        tasks.follow_up([event.pk])

    here.refresh_from_db()
    assert here.connection.access_token == "location-access-1"
    assert CustomField.objects.filter(tenant=here).count() == 3
