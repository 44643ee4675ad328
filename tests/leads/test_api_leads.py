from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leads.events import SELF_SERVICE, Kind
from leads.models import Event, Identity, Lead, LeadMerge, Message, Tenant, User
from leads.services.merging import merge_leads
from tests.conftest import Freeze
from tests.factories import AlertFactory, CustomFieldFactory, EventFactory, IdentityFactory, LeadFactory
from tests.leads.api import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def program(agent: User) -> Caller:
    return caller(agent.memberships.get())


def _errors(response: Any) -> dict[str, str]:
    assert response.status_code == 400, response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


# Reading


def test_a_lead_is_given_as_the_contract_says(program: Caller, agent: User, tenant: Tenant) -> None:
    missing = [{"field": "budget", "label": "Budget", "worth": 10}]
    lead = LeadFactory(
        tenant=tenant,
        first_name="Dana",
        last_name="Ortiz",
        phone="+12065550123",
        segment="investor",
        source="Open house",
        assigned_to=agent,
        score=81.5,
        score_low=74.0,
        score_high=88.0,
        tier="warm",
        quality=90,
        quality_missing=missing,
        scored_at=NOW,
        next_action="Call today",
        created_at=NOW,
    )

    body = program.get(f"leads/{lead.pk}/").json()

    expected = {
        "id": lead.pk,
        "contact_id": lead.contact_id,
        "name": "Dana Ortiz",
        "email": lead.email,
        "phone": "+12065550123",
        "segment": "investor",
        "source": "Open house",
        "assigned_to": agent.pk,
        "score": 81.5,
        "score_interval": [74.0, 88.0],
        "tier": "warm",
        "lapse": {"7": None, "14": None, "30": None},
        "quality": {"score": 90, "missing": missing},
        "scored_at": "2026-11-23T12:00:00Z",
        "next_action": "Call today",
        "created_at": "2026-11-23T12:00:00Z",
    }
    assert {name: body[name] for name in expected} == expected


def test_a_lead_not_scored_yet_has_nulls(program: Caller, lead: Lead) -> None:
    body = program.get(f"leads/{lead.pk}/").json()

    assert [body[name] for name in ("score", "score_interval", "tier", "scored_at")] == [None] * 4


def test_leads_are_listed_newest_first_in_pages(program: Caller, tenant: Tenant) -> None:
    leads = [LeadFactory(tenant=tenant, created_at=NOW + timedelta(days=n)) for n in range(3)]
    LeadFactory(tenant=tenant, status=Lead.Status.DELETED)
    LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=leads[0])

    first = program.get("leads/", page_size=2).json()

    assert (first["count"], first["previous"]) == (3, None)
    assert [row["id"] for row in first["results"]] == [leads[2].pk, leads[1].pk]
    assert first["next"].endswith("/api/v1/leads/?page=2&page_size=2")
    assert [row["id"] for row in program.get("leads/", page_size=2, page=2).json()["results"]] == [
        leads[0].pk
    ]


def test_leads_are_filtered(program: Caller, tenant: Tenant, agent: User) -> None:
    dana = LeadFactory(
        tenant=tenant, first_name="Dana", tier="hot", segment="luxury", source="Zillow", assigned_to=agent
    )
    lee = LeadFactory(tenant=tenant, first_name="Lee", tier="quiet", contact_id="contact-lee")
    IdentityFactory(lead=lee, kind=Identity.Kind.CONTACT_ID, value="contact-second")

    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({"tier": "hot"}, [dana]),
        ({"segment": "luxury"}, [dana]),
        ({"source": "Zillow"}, [dana]),
        ({"assigned_to": agent.pk}, [dana]),
        ({"q": "dan"}, [dana]),
        ({"q": "nobody"}, []),
        ({"contact_id": "contact-lee"}, [lee]),
        ({"contact_id": "contact-second"}, [lee]),
        ({"contact_id": "none"}, []),
    ]
    for query, expected in cases:
        found = program.get("leads/", **query).json()["results"]
        assert [row["id"] for row in found] == [lead.pk for lead in expected], query


def test_leads_are_ordered(program: Caller, tenant: Tenant) -> None:
    low = LeadFactory(tenant=tenant, score=10.0, last_event_at=NOW)
    high = LeadFactory(tenant=tenant, score=90.0, last_event_at=NOW - timedelta(days=1))
    unscored = LeadFactory(tenant=tenant)

    for ordering, expected in [
        ("-score", [high, low, unscored]),
        ("score", [unscored, low, high]),
        ("-last_event_at", [low, high, unscored]),
        ("created_at", [low, high, unscored]),
    ]:
        found = program.get("leads/", ordering=ordering).json()["results"]
        assert [row["id"] for row in found] == [lead.pk for lead in expected], ordering


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tier": "lukewarm"}, "tier"),
        ({"ordering": "name"}, "ordering"),
        ({"assigned_to": "me"}, "assigned_to"),
    ],
)
def test_a_wrong_filter_is_named(program: Caller, query: dict[str, str], field: str) -> None:
    assert list(_errors(program.get("leads/", **query))) == [field]


def test_a_merged_lead_leads_to_its_survivor(program: Caller, tenant: Tenant, lead: Lead) -> None:
    merged = LeadFactory(tenant=tenant)
    merge_leads(survivor=lead, absorbed=merged, by=None)

    response = program.get(f"leads/{merged.pk}/")

    assert (response.status_code, response["Location"]) == (308, f"/api/v1/leads/{lead.pk}/")
    assert program.patch(f"leads/{merged.pk}/", {"first_name": "X"}).status_code == 409


# Writing


def test_a_lead_is_added_as_people_write(program: Caller, agent: User, tenant: Tenant) -> None:
    CustomFieldFactory(tenant=tenant, key="price", data_type="MONETORY")

    response = program.post(
        "leads/",
        {
            "name": "Dana Maria Ortiz",
            "email": "Dana@Example.NET",
            "phone": "(206) 555-0123",
            "country": "us",
            "time_zone": "America/Los_Angeles",
            "tags": ["vip", "vip", " open house "],
            "custom": {"price": "$580k"},
            "profile": {"timeline": "0-3 months"},
            "consent": {"SMS": "granted", "CALL": "denied"},
            "assigned_to": agent.pk,
        },
    )

    assert response.status_code == 201, response.content
    lead = Lead.objects.get()
    assert response["Location"] == f"/api/v1/leads/{lead.pk}/"
    assert (lead.tenant, lead.first_name, lead.last_name) == (tenant, "Dana", "Maria Ortiz")
    assert (lead.email, lead.phone, lead.country) == ("dana@example.net", "+12065550123", "US")
    assert (lead.tags, lead.custom) == (["vip", "open house"], {"price": 580000.0})
    assert {channel: held["state"] for channel, held in lead.consent.items()} == {
        "SMS": "granted",
        "CALL": "denied",
    }
    assert (lead.assigned_to, lead.quality) == (agent, 16 + 14 + 5 + 3 + 10 + 4)
    assert {(i.kind, i.value, i.is_primary) for i in lead.identities.all()} == {
        ("email", "dana@example.net", True),
        ("phone", "+12065550123", True),
    }
    told = {event.kind: event for event in Event.objects.all()}
    assert set(told) == {Kind.CONTACT_CREATED, Kind.LEAD_ASSIGNED}
    assert told[Kind.CONTACT_CREATED].data == {
        "tags": ["vip", "open house"],
        "denied": ["CALL"],
        "custom": {"price": "580000", "profile.timeline": "0-3 months"},
    }
    assert {(event.source, event.actor_id) for event in told.values()} == {("api", agent.pk)}


def test_all_that_is_wrong_is_named(program: Caller, tenant: Tenant, other_agent: User) -> None:
    CustomFieldFactory(tenant=tenant, key="beds", data_type="NUMERICAL")

    errors = _errors(
        program.post(
            "leads/",
            {
                "email": "dana",
                "phone": "12",
                "segment": "whale",
                "country": "USA",
                "time_zone": "Mars/Olympus",
                "tags": "vip",
                "first_name": "x" * 101,
                "custom": {"beds": "many", "pool": "yes"},
                "profile": {"shoe size": 9, "budget": [1]},
                "consent": {"SMS": "maybe", "Pigeon": "granted"},
                "assigned_to": other_agent.pk,
                "emial": "dana@example.net",
            },
        )
    )

    assert errors == {
        "emial": "There is no such field. See the schema for what can be set.",
        "email": "An e-mail address has one @, like ana@example.com.",
        "phone": "This phone number has too few digits. Write it with its area code, like (206) 555-0123.",
        "segment": "The segment is one of: first_time_buyer, move_up, downsizer, investor, luxury, "
        "relocation, seller.",
        "country": "Write the country as its two letters, such as US.",
        "time_zone": "Write the time zone by its name, such as America/New_York.",
        "tags": "Write the tags as a list of texts.",
        "first_name": "This is too long: at most 100 characters.",
        "custom.beds": "This is not a number. Write it like 3 or 2.5.",
        "custom.pool": "There is no field “pool”. Known fields: beds.",
        "profile.shoe size": "There is no answer “shoe size”. Answers: budget, condition, financing, "
        "location, motivation, property, timeline.",
        "profile.budget": "Write this as a number or as text of at most 200 characters.",
        "consent.SMS": "The consent is one of: granted, denied, unknown.",
        "consent.Pigeon": "The channel is one of: SMS, Email, CALL, WhatsApp, FB, IG, GMB.",
        "assigned_to": "There is no active member of the team with this user id.",
    }
    assert not Lead.objects.exists()
    assert not Event.objects.exists()


def test_a_lead_without_anything_is_refused(program: Caller) -> None:
    response = program.post("leads/", {"tags": ["vip"]})

    assert response.status_code == 400
    assert response.json()["type"].endswith("#problem-empty")


@pytest.mark.parametrize("field", ["email", "phone", "contact_id"])
def test_an_address_someone_has_is_a_conflict(program: Caller, tenant: Tenant, field: str) -> None:
    value = {"email": "dana@example.net", "phone": "+12065550123", "contact_id": "abc"}[field]
    held = LeadFactory(tenant=tenant)
    IdentityFactory(lead=held, kind=field, value=value)
    before = Lead.objects.count()

    response = program.post("leads/", {"name": "Dana", field: value})

    assert response.status_code == 409
    assert response.json()["errors"][0]["field"] == field
    assert f"Lead {held.pk} has this" in response.json()["detail"]
    assert Lead.objects.count() == before


def test_an_address_of_a_deleted_lead_or_another_tenant_is_free(program: Caller, tenant: Tenant) -> None:
    for gone in (LeadFactory(tenant=tenant, status=Lead.Status.DELETED), LeadFactory()):
        IdentityFactory(lead=gone, kind="email", value="dana@example.net")

    response = program.post("leads/", {"name": "Dana", "email": "dana@example.net"})

    assert response.status_code == 201
    assert Identity.objects.get(tenant=tenant, value="dana@example.net").lead_id == response.json()["id"]


def test_a_lead_is_changed_and_what_changed_is_told(program: Caller, tenant: Tenant, agent: User) -> None:
    lead_id = program.post(
        "leads/", {"name": "Dana Ortiz", "email": "dana@example.net", "tags": ["vip"]}
    ).json()["id"]
    Event.objects.all().delete()

    response = program.patch(
        f"leads/{lead_id}/",
        {
            "email": "ortiz@example.org",
            "last_name": "Ortiz",
            "tags": ["hot"],
            "score": 100,
            "assigned_to": agent.pk,
        },
    )

    assert response.status_code == 200
    body = response.json()
    assert (body["email"], body["score"], body["assigned_to"]) == ("ortiz@example.org", None, agent.pk)
    assert {(i.value, i.is_primary) for i in Identity.objects.filter(lead=lead_id)} == {
        ("dana@example.net", False),
        ("ortiz@example.org", True),
    }
    told = {event.kind: event.data for event in Event.objects.all()}
    assert told == {
        Kind.CONTACT_UPDATED: {"fields": ["email"]},
        Kind.CONTACT_TAGGED: {"tags": ["hot"]},
        Kind.CONTACT_UNTAGGED: {"tags": ["vip"]},
        Kind.LEAD_ASSIGNED: {"user_id": agent.pk, "by": "person"},
    }


def test_a_change_that_changes_nothing_tells_nothing(program: Caller, lead: Lead) -> None:
    response = program.patch(f"leads/{lead.pk}/", {"first_name": lead.first_name, "assigned_to": None})

    assert response.status_code == 200
    assert not Event.objects.exists()


def test_a_segment_chosen_is_kept_as_chosen_though_it_was_so_before(program: Caller, lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(segment="luxury", profile={"budget": 580000.0})

    assert program.patch(f"leads/{lead.pk}/", {"segment": "luxury"}).status_code == 200

    assert Lead.objects.get(pk=lead.pk).profile == {"budget": 580000.0, "segment": "luxury"}
    assert not Event.objects.exists()


def test_values_are_cleared(program: Caller, tenant: Tenant, agent: User) -> None:
    CustomFieldFactory(tenant=tenant, key="beds", data_type="NUMERICAL")
    lead = LeadFactory(tenant=tenant, email="a@example.net", custom={"beds": 3}, assigned_to=agent)
    IdentityFactory(lead=lead, kind="email", value="a@example.net", is_primary=True)

    response = program.patch(
        f"leads/{lead.pk}/", {"email": "", "custom": {"beds": None}, "assigned_to": None, "first_name": None}
    )

    body = response.json()
    assert (body["email"], body["custom"], body["assigned_to"], body["first_name"]) == ("", {}, None, "")
    assert not lead.identities.exists()


def test_consent_is_kept_with_its_time_and_source(agent: User, lead: Lead, freeze: Freeze) -> None:
    freeze(NOW)

    response = caller(agent.memberships.get()).patch(f"leads/{lead.pk}/", {"consent": {"SMS": "denied"}})

    assert response.json()["consent"] == {"SMS": {"state": "denied", "at": NOW.isoformat(), "source": "api"}}
    assert Event.objects.get().data == {"channels": {"SMS": "denied"}}


def test_a_lead_is_deleted(program: Caller, lead: Lead) -> None:
    assert program.delete(f"leads/{lead.pk}/").status_code == 204

    assert program.get(f"leads/{lead.pk}/").status_code == 404
    assert Lead.objects.get().status == Lead.Status.DELETED
    assert Event.objects.get().kind == Kind.CONTACT_DELETED


# Events


def test_the_timeline_is_the_familys_latest_first(program: Caller, tenant: Tenant, lead: Lead) -> None:
    absorbed = LeadFactory(tenant=tenant)
    events = [
        EventFactory(lead=of, occurred_at=NOW - timedelta(hours=n), kind=Kind.LISTING_VIEWED)
        for n, of in enumerate([lead, absorbed, lead])
    ]
    merge_leads(survivor=lead, absorbed=absorbed, by=None)

    found = program.get(f"leads/{lead.pk}/events/", kind="listing.viewed").json()

    assert (found["count"], found["next"]) == (3, None)
    assert [row["id"] for row in found["results"]] == [event.pk for event in events]


def _follow(program: Caller, link: str) -> Any:
    return program.get(link.partition("/api/v1/")[2]).json()


def test_the_timeline_is_read_by_cursor_there_and_back(program: Caller, lead: Lead) -> None:
    made = [EventFactory(lead=lead, occurred_at=NOW).pk for _ in range(5)]
    first = program.get(f"leads/{lead.pk}/events/", page_size=2).json()
    EventFactory(lead=lead, occurred_at=NOW + timedelta(hours=1))  # comes between two pages

    second = _follow(program, first["next"])
    third = _follow(program, second["next"])

    pages = [[row["id"] for row in page["results"]] for page in (first, second, third)]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]
    assert (first["previous"], third["next"]) == (None, None)
    back = _follow(program, third["previous"])
    assert back["results"] == second["results"]
    back = _follow(program, back["previous"])
    assert back["results"] == first["results"]
    newest = _follow(program, back["previous"])
    assert (len(newest["results"]), newest["previous"]) == (1, None)


@pytest.mark.parametrize("cursor", ["x", "W10", "WzAsMV0", "WzAsInllc3RlcmRheSIsMV0", "WzAse30sMV0"])
def test_a_cursor_that_is_none_is_not_found(program: Caller, lead: Lead, cursor: str) -> None:
    assert program.get(f"leads/{lead.pk}/events/", cursor=cursor).status_code == 404


def test_a_behaviour_is_recorded(program: Caller, lead: Lead, agent: User) -> None:
    response = program.post(
        f"leads/{lead.pk}/events/",
        {"kind": "listing.viewed", "occurred_at": "2026-01-05T10:00:00-05:00", "data": {"listing_key": "L1"}},
    )

    assert response.status_code == 201, response.content
    event = Event.objects.get()
    assert response.json() == {
        "id": event.pk,
        "kind": "listing.viewed",
        "lead": lead.pk,
        "occurred_at": "2026-01-05T15:00:00Z",
        "recorded_at": event.recorded_at.isoformat().replace("+00:00", "Z"),
        "source": "api",
        "actor": agent.pk,
        "data": {"listing_key": "L1"},
    }
    lead.refresh_from_db()
    assert lead.last_event_at == datetime(2026, 1, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize("by_header", [True, False])
def test_told_twice_it_is_recorded_once(program: Caller, lead: Lead, by_header: bool) -> None:
    body = {"kind": "showing.requested"} | ({} if by_header else {"dedupe_key": "order-1"})
    headers = {"Idempotency-Key": "order-1"} if by_header else {}

    first = program.post(f"leads/{lead.pk}/events/", body, **headers)
    again = program.post(f"leads/{lead.pk}/events/", body, **headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Event.objects.count() == 1


def test_one_key_for_two_leads_is_two_events(program: Caller, tenant: Tenant) -> None:
    for lead in (LeadFactory(tenant=tenant), LeadFactory(tenant=tenant)):
        path = f"leads/{lead.pk}/events/"
        assert program.post(path, {"kind": "page.viewed", "dedupe_key": "1"}).status_code == 201


def test_every_self_service_kind_can_be_recorded(program: Caller, lead: Lead) -> None:
    for kind in SELF_SERVICE:
        assert program.post(f"leads/{lead.pk}/events/", {"kind": kind.value}).status_code == 201


def test_a_message_starts_the_clock_of_the_reply_and_an_answer_stops_it(program: Caller, lead: Lead) -> None:
    path = f"leads/{lead.pk}/events/"

    program.post(
        path,
        {
            "kind": "message.received",
            "occurred_at": "2026-01-05T10:00:00Z",
            "data": {"text": "Hi", "channel": "SMS"},
        },
    )
    lead.refresh_from_db()
    assert lead.awaiting_reply_since == lead.last_inbound_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    message = Message.objects.get()
    assert (message.direction, message.channel, message.body) == ("inbound", "SMS", "Hi")
    assert message.event_id == Event.objects.get().pk

    program.post(path, {"kind": "call.made", "occurred_at": "2026-01-05T10:04:00Z", "data": {"seconds": 90}})
    lead.refresh_from_db()
    assert (lead.awaiting_reply_since, lead.last_outbound_at) == (
        None,
        datetime(2026, 1, 5, 10, 4, tzinfo=UTC),
    )
    assert Message.objects.filter(channel="CALL", duration=90).count() == 1

    program.post(path, {"kind": "message.received", "occurred_at": "2026-01-05T09:00:00Z"})  # told late
    lead.refresh_from_db()
    assert lead.awaiting_reply_since is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "lead.scored"}, "kind"),
        ({"kind": "opportunity.won"}, "kind"),
        ({"kind": "page.viewed", "occurred_at": "2126-01-01T00:00:00Z"}, "occurred_at"),
        ({"kind": "page.viewed", "occurred_at": "yesterday"}, "occurred_at"),
        ({"kind": "page.viewed", "data": []}, "data"),
        ({"kind": "page.viewed", "data": {"a": {"b": 1}}}, "data.a"),
        ({"kind": "page.viewed", "data": {"a": "\0"}}, "data.a"),
        ({"kind": "page.viewed", "data": {str(n): n for n in range(51)}}, "data"),
        ({"kind": "note.added", "data": {"text": "x" * 10_001}}, "data.text"),
        ({"kind": "note.added", "data": {"text": 7}}, "data.text"),
        ({"kind": "call.made", "data": {"seconds": "90"}}, "data.seconds"),
        ({"kind": "call.made", "data": {"seconds": -1}}, "data.seconds"),
        ({"kind": "message.sent", "data": {"is_automatic": "yes"}}, "data.is_automatic"),
        ({"kind": "message.sent", "data": {"channel": "Pigeon"}}, "data.channel"),
        ({"kind": "page.viewed", "dedupe_key": "x" * 151}, "dedupe_key"),
    ],
)
def test_a_wrong_event_is_refused(program: Caller, lead: Lead, body: Any, field: str) -> None:
    assert list(_errors(program.post(f"leads/{lead.pk}/events/", body))) == [field]
    assert not Event.objects.exists()


# Merges


def test_leads_are_merged_and_parted(program: Caller, tenant: Tenant, lead: Lead, agent: User) -> None:
    other = LeadFactory(tenant=tenant, email=lead.email)
    suggested = program.get(f"leads/{lead.pk}/duplicates/").json()
    assert [(row["lead"]["id"], row["reasons"]) for row in suggested] == [(other.pk, ["same e-mail address"])]

    merged = program.post(f"leads/{lead.pk}/merge/", {"absorbed": other.pk, "reason": "One person"})

    assert merged.status_code == 201
    merge = LeadMerge.objects.get()
    assert (merged.json()["survivor"], merged.json()["absorbed"], merge.by) == (lead.pk, other.pk, agent)
    listed = program.get("merges/", lead=other.pk).json()
    assert [row["id"] for row in listed["results"]] == [merge.pk]

    assert program.post(f"merges/{merge.pk}/undo/").status_code == 200
    assert program.post(f"merges/{merge.pk}/undo/").status_code == 409
    assert program.get(f"leads/{other.pk}/").status_code == 200


def test_a_lead_is_not_merged_with_another_tenants(program: Caller, lead: Lead, other_lead: Lead) -> None:
    assert program.post(f"leads/{lead.pk}/merge/", {"absorbed": other_lead.pk}).status_code == 404
    assert program.post(f"leads/{lead.pk}/merge/", {"absorbed": lead.pk}).status_code == 400
    assert not LeadMerge.objects.exists()


# Alerts


def test_alerts_are_listed_and_acknowledged(program: Caller, lead: Lead, agent: User) -> None:
    older = AlertFactory(lead=lead, raised_at=NOW - timedelta(hours=1), kind="reply_waiting")
    alert = AlertFactory(lead=lead, raised_at=NOW)

    listed = program.get("alerts/").json()
    assert (listed["count"], [row["id"] for row in listed["results"]]) == (2, [alert.pk, older.pk])
    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({"kind": "reply_waiting"}, [older.pk]),
        ({"state": "acknowledged"}, []),
        ({"lead": lead.pk}, [alert.pk, older.pk]),
    ]
    for query, expected in cases:
        found = program.get("alerts/", **query).json()["results"]
        assert [row["id"] for row in found] == expected

    response = program.post(f"alerts/{alert.pk}/acknowledge/")

    assert response.status_code == 200
    assert (response.json()["state"], response.json()["acknowledged_by"]) == ("acknowledged", agent.pk)
    assert program.post(f"alerts/{alert.pk}/acknowledge/").json() == response.json()
    assert program.get(f"alerts/{alert.pk}/").json() == response.json()


# Cost


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("leads/", 3),  # who calls, how many, the page
        ("leads/?q=first&tier=hot&ordering=-score", 3),
        ("leads/{lead}/", 2),
        ("leads/{lead}/events/", 5),  # who calls, the lead, its family, how many, the page
        ("leads/{lead}/duplicates/", 6),
        ("merges/", 3),
        ("alerts/", 3),
        ("alerts/{alert}/", 2),
    ],
)
def test_a_call_costs_the_same_however_many_rows(
    path: str, queries: int, program: Caller, tenant: Tenant, agent: User, django_assert_num_queries: Any
) -> None:
    lead = LeadFactory(tenant=tenant)
    alert = AlertFactory(lead=lead)
    for _ in range(10):
        other = LeadFactory(tenant=tenant, tier="hot", email=lead.email, assigned_to=agent)
        EventFactory(lead=lead)
        AlertFactory(lead=other)
    for _ in range(3):
        merge_leads(survivor=LeadFactory(tenant=tenant), absorbed=LeadFactory(tenant=tenant), by=agent)

    with django_assert_num_queries(queries):
        assert program.get(path.format(lead=lead.pk, alert=alert.pk)).status_code == 200
