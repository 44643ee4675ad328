"""The leads table, one lead's page, and what is done by hand."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from leads.selectors import leads as lead_selectors
from tests.conftest import Freeze
from tests.factories import (
    AlertFactory,
    ConversationFactory,
    EventFactory,
    IdentityFactory,
    LeadFactory,
    MembershipFactory,
    MessageFactory,
)

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
LIST = "/agent/leads/"
HTMX = {"HX-Request": "true"}


def rows_in(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<tr id="lead-(\d+)"', page)]


def listed(client: Client, **query: str) -> list[int]:
    return rows_in(client.get(LIST, query).content.decode())


# Who may


@pytest.mark.parametrize("path", [LIST, "/agent/leads/new/", "/agent/leads/export/", "/search/"])
def test_strangers_sign_in_and_buyers_are_refused(path: str, client: Client, buyer_client: Client) -> None:
    assert client.get(path).status_code == 302
    assert buyer_client.get(path).status_code == 403


def test_pages_of_another_tenants_lead_do_not_exist(agent_client: Client, other_lead: Lead) -> None:
    page = f"/agent/leads/{other_lead.pk}/"

    assert agent_client.get(page).status_code == 404
    assert agent_client.get(f"{page}timeline/").status_code == 404
    assert agent_client.post(f"{page}notes/", {"text": "Mine now"}).status_code == 404
    assert Event.objects.count() == 0


def test_buyer_writes_no_note_and_assigns_nothing(buyer_client: Client, lead: Lead, agent: User) -> None:
    buyer_client.post(f"/agent/leads/{lead.pk}/notes/", {"text": "Let me in"})
    buyer_client.post("/agent/leads/assign/", {"lead": lead.pk, "bulk-to": agent.pk})

    lead.refresh_from_db()
    assert lead.assigned_to_id is None
    assert Event.objects.count() == 0


# The table


def test_list_shows_only_active_leads_of_the_tenant_best_first(
    agent_client: Client, tenant: Tenant, other_lead: Lead
) -> None:
    low, high, unscored = (
        LeadFactory(tenant=tenant, score=10),
        LeadFactory(tenant=tenant, score=90),
        LeadFactory(tenant=tenant),
    )
    LeadFactory(tenant=tenant, score=99, status=Lead.Status.DELETED)

    response = agent_client.get(LIST)

    assert rows_in(response.content.decode()) == [high.pk, low.pk, unscored.pk]
    assert '<span class="chip num align-[2px] ml-1">3</span>' in response.content.decode()


def test_list_filters_by_its_address(agent_client: Client, agent: User, tenant: Tenant) -> None:
    hot = LeadFactory(
        tenant=tenant, score=90, tier="hot", segment="investor", source="Zillow", assigned_to=agent
    )
    waiting = LeadFactory(tenant=tenant, score=50, tier="steady", awaiting_reply_since=NOW)

    assert listed(agent_client, tier="hot") == [hot.pk]
    assert listed(agent_client, segment="investor") == [hot.pk]
    assert listed(agent_client, source="Zillow") == [hot.pk]
    assert listed(agent_client, assigned="me") == [hot.pk]
    assert listed(agent_client, assigned="none") == [waiting.pk]
    assert listed(agent_client, waiting="true") == [waiting.pk]
    assert listed(agent_client, tier="hot", waiting="true") == []


def test_list_filters_by_colleague(agent_client: Client, tenant: Tenant, broker: User) -> None:
    theirs = LeadFactory(tenant=tenant, assigned_to=broker)
    LeadFactory(tenant=tenant)

    assert listed(agent_client, assigned=str(broker.pk)) == [theirs.pk]


@pytest.mark.parametrize("value", ["purple", "'; DROP TABLE leads_lead; --", "99999"])
def test_wrong_filter_shows_nothing_filtered_and_no_error(
    agent_client: Client, lead: Lead, value: str
) -> None:
    response = agent_client.get(LIST, {"tier": value, "ordering": value, "assigned": value, "page": value})

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("may", True),
        ("OKAF", True),
        ("maya okaf", True),
        ("maya@exam", True),
        ("+1 (415) 555-0142", True),
        ("415 555 0142", True),
        ("maya jones", False),
        ("'", False),
        ("&|!():*", False),
        ("may\\", True),
    ],
)
def test_search_finds_by_how_words_begin(tenant: Tenant, text: str, found: bool) -> None:
    lead = LeadFactory(
        tenant=tenant, first_name="Maya", last_name="Okafor", email="maya@example.net", phone="+14155550142"
    )

    matches = lead_selectors.matching(Lead.objects.all(), text)

    assert list(matches) == ([lead] if found else [])


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("score", [0, 1, 2]),
        ("-score", [1, 0, 2]),
        ("name", [1, 2, 0]),
        ("-name", [0, 2, 1]),
        ("-created", [2, 1, 0]),
        ("active", [1, 0, 2]),
    ],
)
def test_list_sorts(agent_client: Client, tenant: Tenant, ordering: str, expected: list[int]) -> None:
    leads = [
        LeadFactory(tenant=tenant, score=20, last_name="Cole", created_at=NOW, last_event_at=NOW),
        LeadFactory(
            tenant=tenant,
            score=80,
            last_name="Adams",
            created_at=NOW + timedelta(days=1),
            last_event_at=NOW - timedelta(days=1),
        ),
        LeadFactory(tenant=tenant, score=None, last_name="Brandt", created_at=NOW + timedelta(days=2)),
    ]

    assert listed(agent_client, ordering=ordering) == [leads[index].pk for index in expected]


def test_list_pages_and_keeps_the_filter_in_its_links(agent_client: Client, tenant: Tenant) -> None:
    LeadFactory.create_batch(51, tenant=tenant, tier="hot", score=90)

    first = agent_client.get(LIST, {"tier": "hot"}).content.decode()
    second = agent_client.get(LIST, {"tier": "hot", "page": "2"}).content.decode()

    assert len(rows_in(first)) == 50
    assert 'href="?tier=hot&amp;page=2"' in first
    assert len(rows_in(second)) == 1


def test_empty_table_tells_none_from_none_matching(agent_client: Client, tenant: Tenant) -> None:
    assert "Leads appear here as they are scored" in agent_client.get(LIST).content.decode()

    LeadFactory(tenant=tenant)

    assert "No lead matches these filters" in agent_client.get(LIST, {"tier": "hot"}).content.decode()


def test_list_asks_the_same_for_one_row_as_for_fifty(
    agent_client: Client, agent: User, tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    LeadFactory.create_batch(50, tenant=tenant, score=50, assigned_to=agent)
    cache.clear()

    with django_assert_num_queries(10):
        agent_client.get(LIST)


# CSV


def test_export_sends_what_the_filter_finds(agent_client: Client, agent: User, tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant, tier="hot", score=91.26, first_name="Maya", assigned_to=agent)
    LeadFactory(tenant=tenant, tier="warm", score=70)

    response = agent_client.get("/agent/leads/export/", {"tier": "hot"})

    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [(row["id"], row["first_name"], row["score"], row["assigned_to"]) for row in rows] == [
        (str(lead.pk), "Maya", "91.3", agent.email)
    ]


@pytest.mark.parametrize(
    ("name", "cell"),
    [("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("@SUM(A1)", "'@SUM(A1)"), ("-Anna", "'-Anna"), ("Anna", "Anna")],
)
def test_export_runs_no_formula_of_a_stranger(
    agent_client: Client, tenant: Tenant, name: str, cell: str
) -> None:
    LeadFactory(tenant=tenant, first_name=name, phone="+14155550142")

    response = agent_client.get("/agent/leads/export/")

    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["first_name"], row["phone"]) == (cell, "+14155550142")


# Assignment


def test_ticked_leads_go_to_a_colleague(
    agent_client: Client, agent: User, broker: User, tenant: Tenant
) -> None:
    leads = LeadFactory.create_batch(2, tenant=tenant)
    kept = LeadFactory(tenant=tenant, assigned_to=broker)

    response = agent_client.post(
        "/agent/leads/assign/",
        {
            "lead": [*(lead.pk for lead in leads), kept.pk],
            "bulk-to": broker.pk,
            "next": "/agent/leads/?tier=hot",
        },
    )

    assert response.headers["Location"] == "/agent/leads/?tier=hot"
    assert set(Lead.objects.values_list("assigned_to_id", flat=True)) == {broker.pk}
    events = Event.objects.filter(kind=Kind.LEAD_ASSIGNED)
    assert {event.lead_id for event in events} == {lead.pk for lead in leads}
    assert {event.actor_id for event in events} == {agent.pk}
    assert [str(note) for note in get_messages(response.wsgi_request)] == [
        "2 leads assigned to Blake Broker."
    ]


def test_assignment_reaches_neither_other_tenants_nor_other_peoples_colleagues(
    agent_client: Client, lead: Lead, other_lead: Lead, other_agent: User, broker: User
) -> None:
    agent_client.post("/agent/leads/assign/", {"lead": other_lead.pk, "bulk-to": broker.pk})
    agent_client.post("/agent/leads/assign/", {"lead": lead.pk, "bulk-to": other_agent.pk})

    assert set(Lead.objects.values_list("assigned_to_id", flat=True)) == {None}
    assert Event.objects.count() == 0


def test_assignment_to_nobody(agent_client: Client, agent: User, tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant, assigned_to=agent)

    agent_client.post(
        "/agent/leads/assign/", {"lead": lead.pk, "bulk-to": "", "next": "https://evil.example/"}
    )

    lead.refresh_from_db()
    assert lead.assigned_to_id is None


def test_assignment_without_a_lead_says_so(agent_client: Client, broker: User) -> None:
    response = agent_client.post("/agent/leads/assign/", {"lead": "x", "bulk-to": broker.pk})

    assert [str(note) for note in get_messages(response.wsgi_request)] == [
        "Tick at least one lead and choose a person of the team."
    ]


# A new lead


def test_new_lead_is_read_as_people_type(agent_client: Client, agent: User, tenant: Tenant) -> None:
    response = agent_client.post(
        "/agent/leads/new/",
        {
            "first_name": "Maya",
            "last_name": "Okafor",
            "email": " Maya@Example.NET ",
            "phone": "(415) 555-0142",
            "budget": "$580k",
            "timeline": "0-3 months",
            "assigned_to": str(agent.pk),
        },
    )

    lead = Lead.objects.get()
    assert response.headers["Location"] == f"/agent/leads/{lead.pk}/"
    assert (lead.tenant, lead.email, lead.phone) == (tenant, "maya@example.net", "+14155550142")
    assert (lead.profile, lead.assigned_to) == ({"budget": 580000.0, "timeline": "0-3 months"}, agent)
    assert lead.quality == 16 + 14 + 5 + 3 + 10 + 10
    assert set(lead.identities.values_list("kind", "value")) == {
        ("email", "maya@example.net"),
        ("phone", "+14155550142"),
    }
    told = Event.objects.values_list("kind", "lead_id", "actor_id", "source")
    assert list(told.order_by("pk")) == [
        (Kind.CONTACT_CREATED, lead.pk, agent.pk, "portal"),
        (Kind.LEAD_ASSIGNED, lead.pk, agent.pk, "portal"),
    ]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"first_name": "Maya"}, "Write an e-mail address or a phone number"),
        ({"email": "maya@"}, "E-mail:"),
        ({"phone": "12"}, "Phone:"),
        ({"email": "maya@example.net", "budget": "a lot"}, "Budget:"),
        ({"email": "maya@example.net", "segment": "spy"}, "Segment:"),
    ],
)
def test_wrong_answers_are_named_and_kept(agent_client: Client, answers: dict[str, str], words: str) -> None:
    response = agent_client.post("/agent/leads/new/", answers)

    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert all(value in page for value in answers.values())
    assert Lead.objects.count() == 0


@pytest.mark.parametrize(("kind", "value"), [("email", "maya@example.net"), ("phone", "+14155550142")])
def test_known_person_is_shown_instead_of_added_again(
    agent_client: Client, lead: Lead, kind: str, value: str
) -> None:
    IdentityFactory(lead=lead, kind=kind, value=value)

    response = agent_client.post("/agent/leads/new/", {kind: value})

    assert response.status_code == 422
    assert f'href="/agent/leads/{lead.pk}/"' in response.content.decode()
    assert Lead.objects.count() == 1


def test_another_tenants_person_is_not_given_away(
    agent_client: Client, tenant: Tenant, other_lead: Lead
) -> None:
    IdentityFactory(lead=other_lead, kind="email", value="maya@example.net")

    response = agent_client.post("/agent/leads/new/", {"email": "maya@example.net"})

    assert response.status_code == 302
    assert Lead.objects.filter(tenant=tenant, email="maya@example.net").count() == 1


# One lead


def test_lead_page_shows_facts_quality_alerts_and_what_to_do(
    freeze: Freeze, agent_client: Client, tenant: Tenant
) -> None:
    freeze(NOW)
    lead = LeadFactory(
        tenant=tenant,
        first_name="Maya",
        phone="+14155550142",
        score=91,
        previous_score=85,
        tier="hot",
        next_action="Call now",
        quality=78,
        quality_missing=[{"field": "financing", "label": "Financing", "worth": 9}],
        profile={"budget": 580000.0},
        consent={"SMS": {"state": "granted"}},
        tags=["open-house"],
        awaiting_reply_since=NOW - timedelta(minutes=12),
    )
    IdentityFactory(lead=lead, value="second@example.net")
    AlertFactory(lead=lead, reason="Asked to see a home.")

    page = agent_client.get(f"/agent/leads/{lead.pk}/").content.decode()

    for words in (
        "Call now",
        'href="tel:+14155550142"',
        "$580,000",
        "second@example.net",
        "Financing",
        "+9",
        "Asked to see a home.",
        "open-house",
        "Granted",
        "Waiting for a reply for 12 min",
    ):
        assert words in page


def test_standing_of_a_lead_is_sent_alone_to_a_page_that_follows_it(
    agent_client: Client, tenant: Tenant
) -> None:
    lead = LeadFactory(tenant=tenant, score=91, tier="hot", next_action="Call now")

    part = agent_client.get(f"/agent/leads/{lead.pk}/", {"part": "standing"}, headers=HTMX).content.decode()

    assert "Call now" in part
    assert "<html" not in part
    assert "Record quality" not in part


def test_merged_lead_points_to_the_one_it_became(agent_client: Client, lead: Lead, tenant: Tenant) -> None:
    merged = LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=lead)

    response = agent_client.get(f"/agent/leads/{merged.pk}/")

    assert response.status_code == 410
    assert f'href="/agent/leads/{lead.pk}/"' in response.content.decode()


def test_deleted_lead_is_gone(agent_client: Client, tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant, status=Lead.Status.DELETED)

    assert agent_client.get(f"/agent/leads/{lead.pk}/").status_code == 404


def test_lead_page_asks_little(
    agent_client: Client, lead: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    conversation = ConversationFactory(lead=lead)
    for _ in range(20):
        event = EventFactory(lead=lead)
        MessageFactory(conversation=conversation, event_id=event.pk)

    with django_assert_num_queries(17):
        agent_client.get(f"/agent/leads/{lead.pk}/")


def test_timeline_pages_without_losing_or_repeating_an_event(agent_client: Client, lead: Lead) -> None:
    same = NOW - timedelta(hours=1)
    for number in range(30):
        EventFactory(lead=lead, kind=Kind.NOTE_ADDED, data={"text": f"Note {number:02}."}, occurred_at=same)

    page = agent_client.get(f"/agent/leads/{lead.pk}/").content.decode()
    more = re.search(r'hx-get="([^"]+timeline/[?]before[^"]+)"', page)
    assert more is not None
    rest = agent_client.get(more.group(1).replace("&amp;", "&"), headers=HTMX).content.decode()

    assert re.findall(r"Note \d\d\.", page) == [f"Note {number:02}." for number in range(29, 4, -1)]
    assert re.findall(r"Note \d\d\.", rest) == [f"Note {number:02}." for number in range(4, -1, -1)]
    assert "Show earlier" not in rest


def test_timeline_address_works_as_a_link(agent_client: Client, lead: Lead) -> None:
    before = "2026-11-23T15:00:00+00:00_7"

    response = agent_client.get(f"/agent/leads/{lead.pk}/timeline/", {"before": before})

    assert response.status_code == 302
    assert response.headers["Location"] == (
        f"/agent/leads/{lead.pk}/?before=2026-11-23T15%3A00%3A00%2B00%3A00_7#timeline"
    )
    assert agent_client.get(f"/agent/leads/{lead.pk}/", {"before": "nonsense"}).status_code == 200


def test_timeline_shows_what_was_said_and_by_whom(agent_client: Client, agent: User, lead: Lead) -> None:
    conversation = ConversationFactory(lead=lead)
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_SENT, actor=agent)
    MessageFactory(
        conversation=conversation, event_id=event.pk, direction="outbound", body="See you on <Saturday>."
    )

    page = agent_client.get(f"/agent/leads/{lead.pk}/").content.decode()

    assert "See you on &lt;Saturday&gt;." in page
    assert "by Avery" in page
    assert "quote-out" in page


def test_note_is_kept_with_its_author(agent_client: Client, agent: User, lead: Lead) -> None:
    response = agent_client.post(f"/agent/leads/{lead.pk}/notes/", {"text": "  Wants a yard. "})

    assert response.headers["Location"] == f"/agent/leads/{lead.pk}/"
    event = Event.objects.get()
    assert (event.kind, event.data, event.actor_id) == (Kind.NOTE_ADDED, {"text": "Wants a yard."}, agent.pk)


@pytest.mark.parametrize("text", ["", "   ", "x" * 5001])
def test_empty_or_endless_note_is_not_kept(agent_client: Client, lead: Lead, text: str) -> None:
    agent_client.post(f"/agent/leads/{lead.pk}/notes/", {"text": text})

    assert Event.objects.count() == 0


def test_note_on_a_merged_lead_says_where_to_write_it(
    agent_client: Client, tenant: Tenant, lead: Lead
) -> None:
    merged = LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=lead)

    response = agent_client.post(f"/agent/leads/{merged.pk}/notes/", {"text": "Wants a yard."})

    assert [str(note) for note in get_messages(response.wsgi_request)] == [
        f"This lead was merged into lead {lead.pk}. Change that one."
    ]
    assert Event.objects.count() == 0


def test_person_with_two_roles_is_offered_once(
    agent_client: Client, agent: User, tenant: Tenant, lead: Lead
) -> None:
    MembershipFactory(user=agent, tenant=tenant, role="broker")

    page = agent_client.get(f"/agent/leads/{lead.pk}/").content.decode()

    assert page.count(f'<option value="{agent.pk}"') == 1
