"""What moved a score between two moments: exact differences, on the page and over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Lead, Membership, User
from leads.services.merging import merge_leads
from scoring import engine, services, tasks
from scoring.changes import Moment, change
from scoring.models import LeadScore, ScoreQuery
from scoring.selectors import moments
from scoring.services import changing, queries
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.histories import START, at, fact, histories, of
from tests.leads.api import Caller, caller

NOW = datetime(2026, 3, 10, 15, 0, 30, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


def moment(score: engine.Score, when: datetime) -> Moment:
    return Moment(
        at=when,
        score=score.score,
        tier=score.tier,
        base=score.base,
        points={one.feature: one.points for one in score.contributions},
        values={},
        mode=score.mode,
        model_version=score.model_version,
    )


# The reckoning


@given(history=histories(), first=st.floats(0, 120), second=st.floats(0, 120))
def test_the_parts_add_up_to_the_difference(history: list[Any], first: float, second: float) -> None:
    moments = []
    for days in sorted((first, second)):
        known = [one for one in history if one.occurred_at <= at(days)]
        moments.append(moment(engine.score(of(*known, days=days), now=at(days)), at(days)))

    found = change(*moments)

    assert found.base == 0.0
    assert found.is_by_one_measure
    assert abs(sum(move.points for move in found.moves) - found.points) < 1e-6
    assert abs(sum(points for _, points in found.pillars) - found.points) < 1e-6
    sizes = [abs(move.points) for move in found.moves]
    assert sizes == sorted(sizes, reverse=True)


def test_two_equal_moments_have_no_moves() -> None:
    score = engine.score(of(fact(Kind.MESSAGE_RECEIVED, 0, text="Hello"), days=1), now=at(1))

    found = change(moment(score, START), moment(score, START))

    assert (found.points, found.base, found.moves) == (0.0, 0.0, ())


def test_what_another_start_moved_is_told_apart() -> None:
    known = of(fact(Kind.MESSAGE_RECEIVED, 0, text="Can we see the house?"), days=1)
    before = moment(engine.score(known, now=at(1)), START)
    after = Moment(START, before.score + 3, "warm", before.base + 3, before.points, {}, "model", "m-1")

    found = change(before, after)

    assert not found.is_by_one_measure
    assert (found.base, found.moves) == (3.0, ())
    assert found.points == pytest.approx(3.0)


# The page


@pytest.fixture
def clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def told(clock: None, lead: Lead) -> Lead:
    """A lead known for nine days, who asked for a showing two days ago."""
    Lead.objects.filter(pk=lead.pk).update(created_at=NOW - timedelta(days=9))
    say(lead, "Hello", days=9)
    say(lead, "Can we see the house tomorrow?", days=2)
    lead.refresh_from_db()
    return lead


def say(lead: Lead, text: str, days: float = 0.0) -> None:
    when = NOW - timedelta(days=days)
    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=when, recorded_at=when, data={"text": text}
    )
    services.score_leads(event_ids=[event.pk])


def address(lead: Lead) -> str:
    return reverse("scoring:lead-change", args=[lead.pk])


def days_ago(days: float) -> str:
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M}"


@pytest.mark.django_db
def test_a_stranger_is_sent_to_sign_in(client: Client, lead: Lead) -> None:
    response = client.get(address(lead))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("leads:login"))


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["buyer_client", "seller_client"])
def test_the_wrong_role_is_refused(role: str, lead: Lead, request: pytest.FixtureRequest) -> None:
    browser: Client = request.getfixturevalue(role)

    assert browser.get(address(lead)).status_code == 403


@pytest.mark.django_db
def test_another_tenants_lead_does_not_exist(other_agent_client: Client, lead: Lead) -> None:
    assert other_agent_client.get(address(lead)).status_code == 404
    assert not ScoreQuery.objects.exists()


@pytest.mark.django_db
def test_without_being_asked_the_last_week_is_told(agent_client: Client, told: Lead) -> None:
    response = agent_client.get(address(told))

    change = response.context["change"]
    week_ago, now = (services.score_at(told, NOW - timedelta(days=days)) for days in (7, 0))
    assert (change.before.at, change.after.at) == (NOW - timedelta(days=7), NOW)
    assert (change.before.score, change.after.score) == (week_ago.score, now.score)
    assert (change.before.tier, change.after.tier) == (week_ago.tier, now.tier)
    assert change.points == now.score - week_ago.score > 20
    listed = sum(bar.points for bar in response.context["contributions"])
    assert listed + response.context["rest"] == pytest.approx(change.points, abs=1e-6)
    assert sum(bar.points for bar in response.context["pillars"]) == pytest.approx(change.points, abs=1e-6)
    first = response.context["contributions"][0]
    assert (first.label, first.detail) == ("Asked for a showing", "a year or more, or never → 2 days")
    page = response.content.decode()
    assert "Both are scored by the rules" in page
    assert 'value="2026-03-03T15:00"' in page
    assert 'value="2026-03-10T15:00"' in page


@pytest.mark.django_db
def test_events_in_between_lead_to_their_place_in_the_timeline(agent_client: Client, told: Lead) -> None:
    response = agent_client.get(address(told))

    between = response.context["between"]
    assert between.count == 1
    assert [one.line.title for one in between.latest] == ["Wrote to us"]
    assert f"{reverse('leads:lead-detail', args=[told.pk])}?before=" in response.content.decode()
    there = agent_client.get(
        reverse("leads:lead-timeline", args=[told.pk]), {"before": between.latest[0].cursor}, headers=HTMX
    )
    assert there.context["timeline"].entries[0].event == between.latest[0].event


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_each_event_is_told_with_what_it_moved_and_time_with_the_rest(
    agent_client: Client, lead: Lead
) -> None:
    Lead.objects.filter(pk=lead.pk).update(created_at=NOW - timedelta(days=9))
    for days, text in ((9, "Hello"), (6, "Hello?"), (2, "Can we see the house?"), (2, "Thanks")):
        say(lead, text, days=days)

    response = agent_client.get(address(lead))

    context = response.context
    moved = [context["moved"][one.event.pk] for one in context["between"].latest]
    rows = {row.event_id: row.score for row in LeadScore.objects.all()}
    before_thanks, after_thanks = (rows[one.event.pk] for one in context["between"].latest[1::-1])
    assert len(moved) == 3
    assert moved[0] == pytest.approx(after_thanks - before_thanks, abs=1e-6)
    assert moved[1] > 10
    assert sum(moved) + context["meanwhile"] == pytest.approx(context["change"].points, abs=1e-9)
    assert "The time that passed: " in response.content.decode()
    assert "what happened before these" not in response.content.decode()


@pytest.mark.django_db
def test_events_that_are_not_listed_are_told_with_the_time(
    agent_client: Client, told: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "ROWS", 1)
    say(told, "Hello?", days=1)

    response = agent_client.get(address(told))

    assert list(response.context["moved"]) == [response.context["between"].latest[0].event.pk]
    assert "and what happened before these" in response.content.decode()
    assert "The latest 1 of 2." in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "start"), [("1", 1), ("7", 7), ("30", 9), ("12", 7), ("x", 7)])
def test_quick_links_span_days_but_not_before_the_lead_was_known(
    agent_client: Client, told: Lead, days: str, start: float
) -> None:
    change = agent_client.get(address(told), {"days": days}).context["change"]

    assert (change.before.at, change.after.at) == (NOW - timedelta(days=start), NOW)


@pytest.mark.django_db
def test_two_moments_are_asked_for(agent_client: Client, told: Lead) -> None:
    response = agent_client.get(address(told), {"from": days_ago(5), "to": days_ago(3)})

    change = response.context["change"]
    assert change.before.at == NOW.replace(second=0) - timedelta(days=5)
    assert change.after.at == NOW.replace(second=0) - timedelta(days=3)
    assert change.points < 0
    assert response.context["between"].count == 0
    assert "Nothing happened: time alone moves a score, too." in response.content.decode()


@pytest.mark.django_db
def test_the_running_minute_is_now_and_the_first_is_the_leads_first_moment(
    agent_client: Client, told: Lead
) -> None:
    asked = {"from": days_ago(9), "to": days_ago(0)}

    change = agent_client.get(address(told), asked).context["change"]

    assert (change.before.at, change.after.at) == (NOW - timedelta(days=9), NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        (days_ago(10), days_ago(0), "Nothing was known of this lead before 1 Mar 2026, 15:00 UTC."),
        (days_ago(3), days_ago(-1), "This moment is still to come."),
        (days_ago(-1), days_ago(0), "This moment is still to come."),
        (days_ago(2), days_ago(3), "This moment must come after the first."),
        (days_ago(2), days_ago(2), "This moment must come after the first."),
        ("yesterday", days_ago(2), "Enter a valid date/time."),
        ("", days_ago(2), "This field is required."),
    ],
)
def test_what_cannot_be_told_is_said(
    agent_client: Client, told: Lead, start: str, end: str, error: str
) -> None:
    response = agent_client.get(address(told), {"from": start, "to": end})

    assert response.status_code == 200
    assert error in response.content.decode()
    assert "change" not in response.context
    assert not ScoreQuery.objects.exists()


@pytest.mark.django_db
def test_what_was_merged_into_a_lead_counts_from_its_own_first_moment(
    agent_client: Client, told: Lead, agent: User
) -> None:
    absorbed = LeadFactory(tenant=told.tenant)
    say(absorbed, "Hello", days=20)
    merge_leads(survivor=told, absorbed=absorbed, by=agent, reason="the same person")

    change = agent_client.get(address(told), {"days": "30"}).context["change"]

    assert change.before.at == NOW - timedelta(days=20)


@pytest.mark.django_db
def test_the_score_page_asks_for_it_and_the_panel_of_the_lead_page_does_not(
    agent_client: Client, told: Lead
) -> None:
    panel = reverse("scoring:lead-panel", args=[told.pk])

    page = agent_client.get(panel).content.decode()
    fragment = agent_client.get(panel, headers=HTMX).content.decode()

    assert f'action="{address(told)}"' in page
    assert 'hx-trigger="load"' in page
    assert address(told) not in fragment
    assert "<html" not in agent_client.get(address(told), headers=HTMX).content.decode()


@pytest.mark.django_db
def test_a_lead_without_a_score_is_not_asked_what_moved_it(agent_client: Client, lead: Lead) -> None:
    assert (
        address(lead) not in agent_client.get(reverse("scoring:lead-panel", args=[lead.pk])).content.decode()
    )


@pytest.mark.django_db
def test_a_long_history_is_left_to_a_worker(
    agent_client: Client, told: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "LONG", 1)

    waiting = agent_client.get(address(told), headers=HTMX)
    again = waiting.context["again"]
    early = agent_client.get(f"{address(told)}?{again}", headers=HTMX)
    for query in ScoreQuery.objects.all():
        tasks.answer_query(query.pk)
    late = agent_client.get(f"{address(told)}?{again}", headers=HTMX)

    for shown in (waiting, early):
        assert "It is being worked out." in shown.content.decode()
        assert "change" not in shown.context
    assert ScoreQuery.objects.count() == 2
    assert late.context["change"].after.at == NOW
    assert late.context["change"].points > 20


@pytest.mark.django_db(transaction=True)
def test_a_long_history_is_queued(agent_client: Client, told: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "LONG", 1)

    waiting = agent_client.get(address(told))  # the tests' Celery answers at once, after the page

    assert "change" not in waiting.context
    assert ScoreQuery.objects.filter(answered_at=NOW).count() == 2
    again = agent_client.get(f"{address(told)}?{waiting.context['again']}")
    assert again.context["change"].points > 20


@pytest.mark.django_db
def test_the_page_costs_a_fixed_number_of_queries(
    agent_client: Client, told: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    agent_client.get(address(told), headers=HTMX)
    with django_assert_num_queries(20):
        agent_client.get(address(told), headers=HTMX)
    for days in range(5):
        say(told, "Hello", days=days + 1)

    with django_assert_num_queries(26):
        agent_client.get(address(told), {"days": "1"}, headers=HTMX)


# Over the API


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a hundredth of a second instead of two."""
    monkeypatch.setattr(queries, "PATIENCE_SECONDS", 0.01)


def program(user: User) -> Caller:
    return caller(Membership.objects.get(user=user))


def path(lead: Lead) -> str:
    return f"leads/{lead.pk}/score/change/"


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client")
def test_programs_of_strangers_wrong_roles_and_other_tenants_are_refused(
    lead: Lead, buyer: User, other_agent: User
) -> None:
    assert Caller().get(path(lead)).status_code == 401
    assert program(buyer).get(path(lead)).status_code == 403
    assert program(other_agent).get(path(lead)).status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client")
def test_programs_read_what_moved_a_score(told: Lead, agent: User) -> None:
    asked = {"from": (NOW - timedelta(days=7)).isoformat(), "to": NOW.isoformat()}

    answer = program(agent).get(path(told), **asked)
    usual = program(agent).get(path(told))

    assert answer.status_code == 200
    said = answer.json()
    assert usual.json() == said
    assert (said["before"]["at"], said["after"]["at"]) == ("2026-03-03T15:00:30Z", "2026-03-10T15:00:30Z")
    assert said["points"] == pytest.approx(said["after"]["score"] - said["before"]["score"])
    assert said["base"] == 0
    assert abs(sum(one["points"] for one in said["moves"]) - said["points"]) < 1e-6
    assert abs(sum(one["points"] for one in said["pillars"]) - said["points"]) < 1e-6
    first = said["moves"][0]
    assert (first["feature"], first["label"]) == ("days_since_showing", "Asked for a showing")
    assert (first["value_before"], first["value_after"]) == (365.0, 2.0)
    assert said["after"]["mode"] == "rules"


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client")
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"from": (NOW - timedelta(days=10)).isoformat()}, "from"),
        ({"to": (NOW + timedelta(days=1)).isoformat()}, "to"),
        ({"from": NOW.isoformat(), "to": (NOW - timedelta(days=1)).isoformat()}, "to"),
        ({"from": "soon"}, "from"),
    ],
)
def test_programs_are_told_what_cannot_be_answered(
    told: Lead, agent: User, asked: dict[str, str], field: str
) -> None:
    answer = program(agent).get(path(told), **asked)

    assert answer.status_code == 400
    assert field in str(answer.json())
    assert not ScoreQuery.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client", "hurried")
def test_programs_come_back_for_a_long_history(
    told: Lead, agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "LONG", 1)

    waiting = program(agent).get(path(told))
    for query in ScoreQuery.objects.all():
        tasks.answer_query(query.pk)
    late = program(agent).get(waiting.headers["Location"].removeprefix("/api/v1/"))

    assert waiting.status_code == 202
    assert waiting.headers["Retry-After"] == "1"
    assert waiting.json() == {"state": "waiting", "location": waiting.headers["Location"]}
    assert late.status_code == 200
    assert late.json()["points"] > 20


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client")
def test_the_parts_add_up_over_a_deal_won_in_between(told: Lead, agent: User) -> None:
    event = EventFactory(
        lead=told, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW, recorded_at=NOW, data={"opportunity_id": "a"}
    )
    services.score_leads(event_ids=[event.pk])

    said = program(agent).get(path(told)).json()

    assert abs(sum(one["points"] for one in said["moves"]) + said["base"] - said["points"]) < 1e-6
