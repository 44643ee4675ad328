"""The score a lead had at a moment: asked over the API, answered by a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leads.events import Kind
from leads.models import AlertSettings, Lead, Membership, Role, User
from scoring import services, tasks
from scoring.models import LeadScore, ScoreQuery
from scoring.services import queries
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory, MembershipFactory, TenantFactory
from tests.leads.api import Caller, caller

pytestmark = pytest.mark.usefixtures("redis_client")
with_a_worker = pytest.mark.django_db(transaction=True)
"""Transactions end, so what is queued on commit is done: the tests' Celery runs tasks at once."""

without_a_worker = pytest.mark.django_db
"""The test's own transaction never commits, so nothing is ever queued."""

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
THEN = NOW - timedelta(days=9)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a hundredth of a second instead of two."""
    monkeypatch.setattr(queries, "PATIENCE_SECONDS", 0.01)


def say(lead: Lead, text: str, at: datetime = NOW) -> LeadScore:
    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=at, recorded_at=at, data={"text": text}
    )
    return services.score_leads(event_ids=[event.pk])[0]


def program(user: User) -> Caller:
    return caller(Membership.objects.get(user=user))


def ask(user: User, lead: Lead, **asked: str) -> Any:
    return program(user).get(f"leads/{lead.pk}/score/", **asked)


def follow(user: User, answer: Any) -> Any:
    return program(user).get(answer.headers["Location"].removeprefix("/api/v1/"))


@with_a_worker
def test_the_score_at_a_moment_is_the_one_given_then(lead: Lead, agent: User) -> None:
    row = say(lead, "Can we see the house?", THEN)
    say(lead, "not interested")

    then = ask(agent, lead, at=THEN.isoformat())
    now = ask(agent, lead, model="rules").json()

    assert then.status_code == 200
    told = then.json()
    assert (told["score"], told["tier"], told["base"]) == (row.score, row.tier, row.base)
    assert abs(told["base"] + sum(one["points"] for one in told["contributions"]) - told["score"]) < 1e-6
    assert [[one["feature"], one["value"], one["points"]] for one in told["contributions"]] == (
        row.contributions
    )
    assert told["contributions"][0]["label"] == "Asked for a showing"
    assert (told["at"], told["mode"], told["model_version"]) == ("2026-03-01T15:00:00Z", "rules", "")
    assert now["at"] == "2026-03-10T15:00:00Z"
    assert now["score"] == LeadScore.objects.latest("pk").score


@with_a_worker
def test_the_same_question_is_worked_out_once_until_something_new_is_known(
    lead: Lead, agent: User, freeze: Freeze
) -> None:
    say(lead, "Hello", THEN)
    first = ask(agent, lead, at=NOW.isoformat()).json()
    answered = ScoreQuery.objects.get().answered_at
    freeze(NOW + timedelta(minutes=1))
    again = ask(agent, lead, at=NOW.isoformat()).json()
    assert ScoreQuery.objects.get().answered_at == answered
    say(lead, "Can we see the house?", NOW - timedelta(hours=1))  # heard of late
    freeze(NOW + timedelta(minutes=2))

    after = ask(agent, lead, at=NOW.isoformat()).json()

    assert again == first
    assert ScoreQuery.objects.get().answered_at == NOW + timedelta(minutes=2)
    assert after["score"] > first["score"] + 20


@with_a_worker
def test_other_thresholds_give_another_tier(lead: Lead, agent: User, freeze: Freeze) -> None:
    say(lead, "Hello")
    assert ask(agent, lead, at=NOW.isoformat()).json()["tier"] == "quiet"
    AlertSettings.objects.create(tenant=lead.tenant, hot_score=30, warm_score=20, steady_score=10)
    freeze(NOW + timedelta(minutes=1))
    services.rescore_tenant(tenant_id=lead.tenant_id)

    assert ask(agent, lead, at=NOW.isoformat()).json()["tier"] == "hot"


@without_a_worker
def test_without_a_worker_the_answer_waits_at_its_address(lead: Lead, agent: User) -> None:
    row = say(lead, "Can we see the house?", THEN)

    asked = ask(agent, lead, at=THEN.isoformat())
    query = ScoreQuery.objects.get()
    early = follow(agent, asked)
    tasks.answer_query(query.pk)
    late = follow(agent, asked)

    address = f"/api/v1/leads/{lead.pk}/score/queries/{query.pk}/"
    assert asked.status_code == early.status_code == 202
    assert asked.headers["Location"] == early.headers["Location"] == address
    assert asked.headers["Retry-After"] == "1"
    assert asked.json() == {
        "id": query.pk,
        "state": "waiting",
        "at": "2026-03-01T15:00:00Z",
        "model": "current",
        "asked_at": "2026-03-10T15:00:00Z",
        "location": address,
    }
    assert late.status_code == 200
    assert late.json()["score"] == row.score


@without_a_worker
def test_a_question_that_waits_is_not_asked_twice(lead: Lead, agent: User) -> None:
    first, second = (ask(agent, lead, at=THEN.isoformat()) for _ in range(2))

    assert first.json() == second.json()
    assert ScoreQuery.objects.count() == 1


@without_a_worker
def test_more_programs_than_may_wait_are_told_to_come_back(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PATIENCE_SECONDS", 3600.0)
    query, is_open = services.ask_score(lead=lead, at=THEN, model="current")
    places = [queries._places.acquire(blocking=False) for _ in range(queries.WAITING_AT_ONCE)]
    try:
        waited = services.wait_for_answer(query=query)
    finally:
        for _ in places:
            queries._places.release()

    assert is_open
    assert all(places)
    assert waited.answered_at is None


@without_a_worker
def test_a_task_run_twice_answers_once(lead: Lead, freeze: Freeze) -> None:
    query, _ = services.ask_score(lead=lead, at=THEN, model="current")
    tasks.answer_query(query.pk)
    freeze(NOW + timedelta(minutes=5))

    tasks.answer_query(query.pk)
    tasks.answer_query(query.pk + 1)

    assert ScoreQuery.objects.get().answered_at == NOW


@without_a_worker
def test_an_answer_to_a_question_asked_anew_meanwhile_is_dropped(lead: Lead, freeze: Freeze) -> None:
    query, _ = services.ask_score(lead=lead, at=THEN, model="current")
    ScoreQuery.objects.update(asked_at=NOW + timedelta(seconds=1))

    services.answer_query(query=query)

    assert ScoreQuery.objects.get().answered_at is None


@with_a_worker
def test_a_question_lost_on_the_way_is_answered_by_the_clock(lead: Lead, freeze: Freeze) -> None:
    services.ask_score(lead=lead, at=THEN, model="current")
    freeze(NOW + timedelta(seconds=59))
    tasks.tend_queries()
    assert ScoreQuery.objects.get().answered_at is None
    freeze(NOW + timedelta(seconds=61))

    tasks.tend_queries()

    assert ScoreQuery.objects.get().answered_at == NOW + timedelta(seconds=61)


@with_a_worker
def test_a_question_given_up_waits_until_somebody_asks_again(lead: Lead, agent: User, freeze: Freeze) -> None:
    services.ask_score(lead=lead, at=THEN, model="current")
    freeze(NOW + timedelta(minutes=10))
    tasks.tend_queries()
    assert ScoreQuery.objects.get().answered_at is None

    answer = ask(agent, lead, at=THEN.isoformat())

    assert answer.status_code == 200
    assert ScoreQuery.objects.get().answered_at == NOW + timedelta(minutes=10)


@without_a_worker
def test_questions_are_forgotten_after_a_day(lead: Lead, agent: User, freeze: Freeze) -> None:
    old, _ = services.ask_score(lead=lead, at=THEN, model="current")
    freeze(NOW + timedelta(hours=1))
    kept, _ = services.ask_score(lead=lead, at=NOW, model="current")
    freeze(NOW + timedelta(days=1, minutes=30))

    tasks.tend_queries()

    assert list(ScoreQuery.objects.values_list("pk", flat=True)) == [kept.pk]
    assert program(agent).get(f"leads/{lead.pk}/score/queries/{old.pk}/").status_code == 404


@without_a_worker
@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ({"at": "2026-03-11T00:00:00Z"}, "at", "This moment is still to come."),
        ({"model": "gut feeling"}, "model", "There is no such model. Known: current, rules."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    asked: dict[str, str], field: str, message: str, lead: Lead, agent: User
) -> None:
    response = ask(agent, lead, **asked)

    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": field, "message": message}]
    assert not ScoreQuery.objects.exists()


@with_a_worker
@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "0001-01-02T00:00:00+14:00", "1969-12-31T23:59:59.123456-11:00"]
)
def test_a_moment_long_ago_has_the_score_of_somebody_unknown(lead: Lead, agent: User, at: str) -> None:
    say(lead, "Can we see the house?", THEN)

    answer = ask(agent, lead, at=at)

    assert answer.status_code == 200
    assert answer.json()["score"] == pytest.approx(24.331299226101827, abs=1e-9)


@without_a_worker
def test_a_moment_that_is_none_is_refused(lead: Lead, agent: User) -> None:
    response = ask(agent, lead, at="soon")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["at"]


# Who may ask


@pytest.fixture
def paths(lead: Lead) -> list[str]:
    query, _ = services.ask_score(lead=lead, at=THEN, model="current")
    return [f"leads/{lead.pk}/score/", f"leads/{lead.pk}/score/queries/{query.pk}/"]


@without_a_worker
def test_a_stranger_the_wrong_role_and_another_tenant_are_refused(
    paths: list[str], buyer: User, other_agent: User
) -> None:
    for path in paths:
        assert Caller().get(path).status_code == 401
        assert program(buyer).get(path).status_code == 403
        assert program(other_agent).get(path).status_code == 404
    assert ScoreQuery.objects.count() == 1


@without_a_worker
def test_an_answer_is_not_found_under_another_lead(lead: Lead, other_lead: Lead, agent: User) -> None:
    theirs, _ = services.ask_score(lead=other_lead, at=THEN, model="current")
    mine, _ = services.ask_score(lead=LeadFactory(tenant=lead.tenant), at=THEN, model="current")

    for query in (theirs, mine):
        assert program(agent).get(f"leads/{lead.pk}/score/queries/{query.pk}/").status_code == 404


@without_a_worker
def test_who_left_the_tenant_sees_no_answer(lead: Lead, agent: User) -> None:
    query, _ = services.ask_score(lead=lead, at=THEN, model="current")
    tasks.answer_query(query.pk)
    browser = program(agent)
    MembershipFactory(user=agent, tenant=TenantFactory(), role=Role.AGENT)
    Membership.objects.filter(user=agent, tenant=lead.tenant).update(is_active=False)

    response = browser.get(f"leads/{lead.pk}/score/queries/{query.pk}/")

    assert response.status_code in {401, 403}
