"""The command centre, through its address."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Lead, LiveCursor, Tenant
from leads.selectors import dashboard
from leads.views.dashboard import greeting
from tests.conftest import Freeze
from tests.factories import AlertFactory, EventFactory, LeadFactory, UserFactory

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
URL = "/agent/"
HTMX = {"HX-Request": "true"}


def scored(tenant: Tenant, score: float, **fields: object) -> Lead:
    tier = "hot" if score >= 85 else "warm" if score >= 65 else "steady"
    defaults = {"previous_score": score - 2, "tier": tier, "last_event_at": NOW - timedelta(minutes=7)}
    lead: Lead = LeadFactory(tenant=tenant, score=score, **{**defaults, **fields})
    return lead


def rescored(
    lead: Lead,
    at: datetime,
    score: float,
    before: float | None,
    tier: str,
    tier_before: str,
    **more: bool,
) -> None:
    EventFactory(
        lead=lead,
        kind=Kind.LEAD_SCORED,
        occurred_at=at,
        source="hearthline",
        data={"score": score, "previous_score": before, "tier": tier, "previous_tier": tier_before, **more},
    )


def rows_in(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<tr id="lead-(\d+)"', page)]


def test_stranger_is_sent_to_sign_in(client: Client) -> None:
    response = client.get(URL)

    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/agent/"


@pytest.mark.parametrize("fixture", ["buyer_client", "seller_client"])
def test_buyers_and_sellers_are_refused(fixture: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(fixture).get(URL).status_code == 403


def test_board_ranks_the_tenants_own_leads(
    freeze: Freeze, agent_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    freeze(NOW)
    cool, hot, unscored = scored(tenant, 50), scored(tenant, 91), LeadFactory(tenant=tenant)
    scored(other_tenant, 99)
    LeadFactory(tenant=tenant, score=97, status=Lead.Status.DELETED)

    page = agent_client.get(URL).content.decode()

    assert rows_in(page) == [hot.pk, cool.pk, unscored.pk]
    assert "3 active" in page


@pytest.mark.parametrize(("show", "expected"), [("hot", [0]), ("rising", [0, 2]), ("nonsense", [0, 1, 2])])
def test_board_narrows_to_hot_or_rising(
    freeze: Freeze, agent_client: Client, tenant: Tenant, show: str, expected: list[int]
) -> None:
    freeze(NOW)
    leads = [scored(tenant, 91), scored(tenant, 84, previous_score=88), scored(tenant, 50)]

    page = agent_client.get(URL, {"show": show}).content.decode()

    assert rows_in(page) == [leads[index].pk for index in expected]


def test_row_tells_score_tier_change_reasons_and_next_action(
    freeze: Freeze, agent_client: Client, tenant: Tenant
) -> None:
    freeze(NOW)
    reasons = [{"icon": "key-round", "text": "Asked for a showing"}, {"icon": "gone", "text": "Unknown icon"}]
    lead = scored(tenant, 91, reasons=reasons, next_action="Call now", first_name="Maya", last_name="Okafor")

    page = agent_client.get(URL).content.decode()

    assert f'<tr id="lead-{lead.pk}" data-score="91.0" data-tier="hot" data-change="2">' in page
    assert "Maya Okafor" in page
    assert "Asked for a showing" in page
    assert "Unknown icon" in page
    assert 'aria-label="Call now: Maya Okafor"' in page
    assert "▲ 2" in page
    assert ">7 min</time>" in page


def test_page_resumes_live_messages_from_before_its_rows(agent_client: Client, tenant: Tenant) -> None:
    LiveCursor.objects.create(tenant=tenant, last_number=41)

    page = agent_client.get(URL).content.decode()

    assert 'after="41"' in page or "hl-live" not in page


def test_first_run_says_what_will_appear(agent_client: Client) -> None:
    page = agent_client.get(URL).content.decode()

    assert "Leads appear here as they are scored" in page
    assert "No lead was answered this week" in page
    assert "None due in the last 7 days" in page
    assert "Nothing waits for you" in page
    assert rows_in(page) == []


def test_attention_lists_open_alerts_by_their_goal(
    freeze: Freeze, agent_client: Client, tenant: Tenant
) -> None:
    freeze(NOW)
    lead = LeadFactory(tenant=tenant, first_name="Maya", last_name="Okafor")
    at = NOW - timedelta(minutes=12)
    AlertFactory(
        lead=lead,
        reason="Asked to see a home.",
        event_at=at,
        raised_at=at,
        goal_at=NOW - timedelta(minutes=7),
    )
    AlertFactory(lead=lead, reason="Already done.", state="acknowledged")

    page = agent_client.get(URL, {"part": "attention"}, headers=HTMX).content.decode()

    assert "Asked to see a home." in page
    assert "Already done." not in page
    assert "past the goal" in page


def test_parts_answer_htmx_only(agent_client: Client) -> None:
    part = agent_client.get(URL, {"part": "pulse"}, headers=HTMX).content.decode()
    whole = agent_client.get(URL, {"part": "pulse"}).content.decode()

    assert "<html" not in part
    assert "Hot leads" in part
    assert "<html" in whole


def test_board_is_read_again_with_the_number_its_rows_are_as_new_as(
    agent_client: Client,
    tenant: Tenant,
    other_tenant: Tenant,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    LiveCursor.objects.create(tenant=tenant, last_number=41)
    cool, hot = scored(tenant, 50), scored(tenant, 91)
    scored(other_tenant, 99)
    agent_client.get(URL, {"part": "board"}, headers=HTMX)

    with django_assert_num_queries(6):
        part = agent_client.get(URL, {"part": "board"}, headers=HTMX).content.decode()
    narrowed = agent_client.get(URL, {"part": "board", "show": "hot"}, headers=HTMX).content.decode()

    assert part.strip().startswith(
        '<tbody data-rows data-live-board data-filter="all" data-limit="25" data-after="41">'
    )
    assert rows_in(part) == [hot.pk, cool.pk]
    assert rows_in(narrowed) == [hot.pk]


def test_query_count_does_not_grow_with_rows(
    agent_client: Client, tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for score in range(30):
        lead = scored(tenant, 40.0 + score)
        AlertFactory(lead=lead)
    cache.clear()

    with django_assert_num_queries(12):
        agent_client.get(URL)


def test_bell_counts_open_alerts_of_the_tenant(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    AlertFactory(lead=LeadFactory(tenant=tenant))
    AlertFactory(lead=LeadFactory(tenant=tenant), state="acknowledged")
    AlertFactory(lead=LeadFactory(tenant=other_tenant))

    page = agent_client.get("/agent/bell/").content.decode()

    assert 'aria-label="Alerts, 1 open"' in page
    assert "<html" not in page


# Key figures


def test_hot_leads_of_each_day_follow_from_the_recorded_changes(tenant: Tenant) -> None:
    risen, fallen, steady = scored(tenant, 90), scored(tenant, 70), scored(tenant, 88)
    rescored(risen, NOW - timedelta(days=2), 90, 70, "hot", "warm")
    rescored(fallen, NOW - timedelta(days=1), 70, 88, "warm", "hot")
    rescored(steady, NOW - timedelta(days=10), 88, None, "hot", "")

    pulse = dashboard.pulse(tenant, now=NOW)

    assert pulse.hot == 2
    assert pulse.hot_change == 0  # a week ago: the fallen one and the steady one
    assert pulse.hot_by_day is not None
    assert pulse.hot_by_day.first == 1
    assert (pulse.hot_by_day.last, pulse.hot_is_good) == (2, None)


def test_no_change_is_claimed_before_scores_are_a_week_old(tenant: Tenant) -> None:
    lead = scored(tenant, 90)
    rescored(lead, NOW - timedelta(days=2), 90, None, "hot", "")

    pulse = dashboard.pulse(tenant, now=NOW)

    assert (pulse.hot, pulse.hot_change) == (1, None)


def test_hot_today_counts_from_the_tenants_midnight(tenant: Tenant) -> None:
    midnight = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # New York
    today, yesterday, already, gone = (scored(tenant, score) for score in (90, 91, 92, 60))
    rescored(today, midnight + timedelta(minutes=1), 90, 80, "hot", "warm")
    rescored(yesterday, midnight - timedelta(minutes=1), 91, 80, "hot", "warm")
    rescored(already, midnight + timedelta(minutes=1), 92, 86, "hot", "hot")
    rescored(gone, midnight + timedelta(minutes=1), 90, 80, "hot", "warm")

    assert dashboard.local_midnight(tenant, NOW) == midnight
    assert dashboard.pulse(tenant, now=NOW).hot_today == 1


def talk(lead: Lead, kind: Kind, minutes_ago: float) -> None:
    EventFactory(lead=lead, kind=kind, occurred_at=NOW - timedelta(minutes=minutes_ago))


def test_response_is_timed_from_the_first_unanswered_message(tenant: Tenant) -> None:
    first, second, third = LeadFactory.create_batch(3, tenant=tenant)
    talk(first, Kind.MESSAGE_RECEIVED, 100)
    talk(first, Kind.MESSAGE_RECEIVED, 95)  # the same wait goes on
    talk(first, Kind.MESSAGE_SENT, 90)
    talk(second, Kind.CALL_MISSED, 60)
    talk(second, Kind.CALL_MADE, 58)
    talk(third, Kind.MESSAGE_RECEIVED, 5)  # not answered yet
    talk(third, Kind.MESSAGE_SENT, 300)  # we wrote first

    pulse = dashboard.pulse(tenant, now=NOW)

    assert pulse.response_count == 2
    assert pulse.response_seconds == 6 * 60  # of 10 min and 2 min
    assert pulse.response_change is None


def test_response_is_compared_with_the_week_before(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)
    week = 7 * 24 * 60
    talk(lead, Kind.MESSAGE_RECEIVED, week + 100)
    talk(lead, Kind.MESSAGE_SENT, week + 96)
    talk(lead, Kind.MESSAGE_RECEIVED, 100)
    talk(lead, Kind.MESSAGE_SENT, 97)

    pulse = dashboard.pulse(tenant, now=NOW)

    assert pulse.response_seconds == 180
    assert pulse.response_change == -60
    assert pulse.response_is_good is True
    assert pulse.response_by_day is not None
    assert (pulse.response_by_day.first, pulse.response_by_day.last) == (240, 180)


def test_replies_waiting_counts_active_leads_and_the_oldest(tenant: Tenant, other_tenant: Tenant) -> None:
    oldest = NOW - timedelta(minutes=45)
    LeadFactory(tenant=tenant, awaiting_reply_since=oldest)
    LeadFactory(tenant=tenant, awaiting_reply_since=NOW - timedelta(minutes=3))
    LeadFactory(tenant=tenant, awaiting_reply_since=oldest, status=Lead.Status.DELETED)
    LeadFactory(tenant=other_tenant, awaiting_reply_since=oldest)

    pulse = dashboard.pulse(tenant, now=NOW)

    assert (pulse.replies_waiting, pulse.oldest_waiting_since) == (2, oldest)


def test_share_of_alerts_in_time_is_good_from_eighty_percent(freeze: Freeze, tenant: Tenant) -> None:
    freeze(NOW)
    lead = LeadFactory(tenant=tenant)
    for minutes in (1, 2, 3, 4, 9):
        at = NOW - timedelta(hours=2)
        AlertFactory(
            lead=lead,
            event_at=at,
            raised_at=at,
            goal_at=at + timedelta(minutes=5),
            state="acknowledged",
            acknowledged_at=at + timedelta(minutes=minutes),
        )

    pulse = dashboard.pulse(tenant, now=NOW)

    assert (pulse.handled_share, pulse.handled_due, pulse.handled_is_good) == (80, 5, True)


def test_figures_are_counted_once_in_a_few_seconds(
    tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = dashboard.pulse(tenant, now=NOW)

    with django_assert_num_queries(0):
        assert dashboard.pulse(tenant, now=NOW) == first


# Sparklines


def test_sparkline_follows_the_recorded_scores_day_by_day(tenant: Tenant) -> None:
    lead = scored(tenant, 80)
    rescored(lead, NOW - timedelta(days=3), 60, 50, "steady", "steady")
    rescored(lead, NOW - timedelta(days=1, hours=1), 72, 60, "warm", "steady")

    drawn = dashboard.score_sparks([lead], now=NOW)[lead.pk]

    assert drawn is not None
    assert (drawn.first, drawn.last) == (50, 80)
    assert drawn.line.count("L") == 13


def test_sparkline_begins_where_scores_were_measured_anew(tenant: Tenant) -> None:
    """A score by the rules is no earlier score of a model: the line would show a fall that never was."""
    lead = scored(tenant, 30)
    rescored(lead, NOW - timedelta(days=5), 82, 70, "hot", "warm")
    rescored(lead, NOW - timedelta(days=3), 24, 82, "warm", "hot", anew=True)
    rescored(lead, NOW - timedelta(days=1, hours=1), 27, 24, "warm", "warm")

    drawn = dashboard.score_sparks([lead], now=NOW)[lead.pk]

    assert drawn is not None
    assert (drawn.first, drawn.last) == (24, 30)
    assert drawn.line.count("L") == 3


def test_sparkline_of_a_lead_first_scored_today_shows_today_only(tenant: Tenant) -> None:
    lead = scored(tenant, 80)
    rescored(lead, NOW - timedelta(hours=3), 60, None, "steady", "")
    rescored(lead, NOW - timedelta(hours=1), 80, 60, "warm", "steady")

    drawn = dashboard.score_sparks([lead], now=NOW)[lead.pk]

    assert drawn is not None
    assert (drawn.first, drawn.last) == (60, 80)


def test_unscored_lead_has_no_sparkline(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)

    assert dashboard.score_sparks([lead], now=NOW) == {lead.pk: None}
    assert dashboard.score_sparks([], now=NOW) == {}


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (5, "Good morning, Ada."),
        (13, "Good afternoon, Ada."),
        (22, "Good evening, Ada."),
        (2, "Good evening, Ada."),
    ],
)
def test_greeting_keeps_to_the_hour(hour: int, expected: str) -> None:
    assert greeting(UserFactory.build(name="Ada Lee"), datetime(2026, 11, 23, hour, tzinfo=UTC)) == expected
