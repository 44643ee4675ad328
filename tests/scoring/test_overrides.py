"""What agents say beside the score: it fades, changes nothing, and is graded against the score."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from leads.events import BEHAVIOR, Kind, Mark
from leads.models import Event, Lead, LiveMessage, Tenant, User
from leads.services.merging import merge_leads
from scoring import selectors, services, tasks
from scoring.models import LeadScore, ScoreOverride
from scoring.outcomes import Outcome, Target
from scoring.overrides import (
    LASTS,
    LEAST_GRADED,
    REASON_LABELS,
    Known,
    Reason,
    became,
    compared,
    strength,
    taken_together,
)
from tests.conftest import Freeze, SignIn
from tests.factories import EventFactory, LeadFactory, ModelVersionFactory
from tests.scoring.test_levers import PROTECTED

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}


# How it fades


def test_half_is_left_after_each_week_and_nothing_after_thirty_days() -> None:
    assert [strength(days * DAY) for days in (0, 7, 14)] == [1.0, 0.5, 0.25]
    assert strength(LASTS - timedelta(seconds=1)) == pytest.approx(0.5 ** (30 / 7), rel=1e-5)
    assert strength(LASTS) == 0.0
    assert strength(-DAY) == 1.0


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 60))
def test_together_lies_between_the_two_and_ends_at_the_score(score: float, said: float, days: float) -> None:
    together = taken_together(score, said, strength(days * DAY))

    assert min(score, said) - 1e-9 <= together <= max(score, said) + 1e-9
    if days >= 30:
        assert together == score


def test_no_reason_is_about_who_somebody_is() -> None:
    assert set(REASON_LABELS) == set(Reason)
    assert not [label for label in REASON_LABELS.values() if PROTECTED.search(label)]


# What became of it


def won(days: float) -> Outcome:
    return Outcome(NOW + days * DAY, Kind.OPPORTUNITY_WON)


def lost(days: float) -> Outcome:
    return Outcome(NOW + days * DAY, Kind.OPPORTUNITY_LOST)


def known(*outcomes: Outcome, days: float, target: Target = Target.CLOSING) -> Known | None:
    return became(outcomes, NOW, target=target, now=NOW + days * DAY)


def test_it_is_known_once_the_lead_is_won_or_lost_or_the_horizon_is_over() -> None:
    assert known(days=89) is None
    assert known(days=90) == Known(False, NOW + 90 * DAY)
    assert known(won(10), days=11) == Known(True, NOW + 10 * DAY)
    assert known(lost(10), days=11) == Known(False, NOW + 10 * DAY)
    assert known(won(91), days=95) == Known(False, NOW + 90 * DAY)
    assert known(won(10), days=9) is None
    assert known(won(-1), days=5) is None


def test_a_lost_lead_that_comes_back_is_known_otherwise() -> None:
    back = Outcome(NOW + 20 * DAY, Kind.OPPORTUNITY_REOPENED)

    assert known(lost(10), back, days=21) is None
    assert known(lost(10), back, won(30), days=31) == Known(True, NOW + 30 * DAY)


def test_what_an_agent_marked_counts() -> None:
    marked = Outcome(NOW + 3 * DAY, Kind.LEAD_MARKED, Mark.WON)

    assert known(marked, days=4) == Known(True, NOW + 3 * DAY)


def test_where_a_model_foretells_showings_a_kept_appointment_counts() -> None:
    kept = Outcome(NOW + 3 * DAY, Kind.APPOINTMENT_SHOWED)

    assert known(kept, days=4, target=Target.SHOWING) == Known(True, NOW + 3 * DAY)
    assert known(kept, days=4) is None


# Who was nearer


def judged(came: list[int], said: list[float], scores: list[float]) -> object:
    return compared(
        np.array(came, dtype=bool), np.array(said), np.array(scores), leads=np.arange(len(came)), seed=1
    )


def test_losses_of_both_are_those_of_the_same_leads() -> None:
    found = compared(
        np.array([True, False, True]),
        np.array([80.0, 10.0, 50.0]),
        np.array([60.0, 20.0, 50.0]),
        leads=np.array([1, 2, 3]),
        seed=1,
    )

    assert found is not None
    assert (found.count, found.nearer, found.model_nearer, found.equal) == (3, 2, 0, 1)
    assert found.share.value == 1.0
    assert found.brier == pytest.approx((0.04 + 0.01 + 0.25) / 3)
    assert found.model_brier == pytest.approx((0.16 + 0.04 + 0.25) / 3)
    assert found.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.9) + np.log(0.5)) / 3)
    assert found.model_log_loss == pytest.approx(-(np.log(0.6) + np.log(0.8) + np.log(0.5)) / 3)
    assert found.difference.value == pytest.approx(found.brier - found.model_brier)
    assert found.verdict == "Too few to conclude: it takes 20 graded at least."


def test_none_graded_is_no_comparison() -> None:
    assert judged([], [], []) is None


@pytest.mark.parametrize(
    ("nearer", "verdict"),
    [
        (18, "Your team was nearer more often than chance explains."),
        (2, "The model was nearer more often than chance explains."),
        (11, "Neither was nearer more often than chance explains."),
    ],
)
def test_enough_are_judged_by_the_interval(nearer: int, verdict: str) -> None:
    said = [90.0] * nearer + [10.0] * (LEAST_GRADED - nearer)

    found = compared(
        np.ones(LEAST_GRADED, dtype=bool),
        np.array(said),
        np.full(LEAST_GRADED, 50.0),
        leads=np.arange(LEAST_GRADED),
        seed=1,
    )

    assert found is not None
    assert found.nearer == nearer
    assert found.verdict == verdict


# On the lead's page


@pytest.fixture
def scored(lead: Lead, freeze: Freeze) -> Lead:
    freeze(NOW)
    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, recorded_at=NOW, data={"text": "Hello"}
    )
    services.score_leads(event_ids=[event.pk])
    lead.refresh_from_db()
    assert lead.score is not None
    return lead


SAID = {"score": "80", "reason": "met", "note": "Saw the house twice"}


def address(lead: Lead) -> str:
    return reverse("scoring:override", args=[lead.pk])


def withdrawal(lead: Lead) -> str:
    return reverse("scoring:override-withdraw", args=[lead.pk])


def say(lead: Lead, user: User, score: float = 80.0) -> ScoreOverride:
    return services.set_override(lead=lead, score=score, reason=Reason.MET, note="", by=user)


def told(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.parametrize("place", [address, withdrawal])
def test_strangers_wrong_roles_and_other_tenants_are_refused(
    client: Client,
    buyer_client: Client,
    seller_client: Client,
    other_agent_client: Client,
    scored: Lead,
    agent: User,
    place: object,
) -> None:
    say(scored, agent)
    at = place(scored)  # type: ignore[operator]

    assert client.post(at, SAID)["Location"].startswith(reverse("leads:login"))
    assert buyer_client.post(at, SAID).status_code == 403
    assert seller_client.post(at, SAID).status_code == 403
    assert other_agent_client.post(at, SAID).status_code == 404
    assert other_agent_client.get(address(scored)).status_code == 404
    row = ScoreOverride.objects.get()
    assert (row.score, row.ended_at) == (80.0, None)


@pytest.mark.django_db
def test_an_agents_view_stands_beside_the_score_and_changes_nothing(
    agent_client: Client, scored: Lead, agent: User
) -> None:
    scores = list(LeadScore.objects.values())

    response = agent_client.post(address(scored), SAID)

    assert response.status_code == 302
    assert response["Location"] == reverse("leads:lead-detail", args=[scored.pk])
    row = ScoreOverride.objects.get()
    assert (row.tenant, row.lead, row.set_by, row.set_at) == (scored.tenant, scored, agent, NOW)
    assert (row.score, row.reason, row.note) == (80.0, "met", "Saw the house twice")
    assert (row.model_score, row.model_tier, row.model_version) == (scored.score, scored.tier, "")
    assert row.target == "closing"
    after = Lead.objects.get(pk=scored.pk)
    assert (after.score, after.tier, after.scored_at) == (scored.score, scored.tier, scored.scored_at)
    assert (after.view_score, after.view_until) == (80.0, NOW + 30 * DAY)
    assert list(LeadScore.objects.values()) == scores


@pytest.mark.django_db
def test_it_is_told_in_the_timeline_and_no_engine_learns_of_it(
    agent_client: Client, scored: Lead, agent: User
) -> None:
    agent_client.post(address(scored), SAID)
    agent_client.post(withdrawal(scored))

    events = Event.objects.filter(lead=scored).order_by("pk")[1:]
    assert [(event.kind, event.actor) for event in events if event.kind != Kind.LEAD_SCORED] == [
        ("lead.overridden", agent),
        ("lead.override_withdrawn", agent),
    ]
    assert not {Kind.LEAD_OVERRIDDEN, Kind.LEAD_OVERRIDE_WITHDRAWN} & BEHAVIOR
    page = agent_client.get(reverse("leads:lead-detail", args=[scored.pk])).content.decode()
    assert f"The team&#x27;s own view: 80, beside a score of {round(scored.score or 0)}" in page
    assert "I met them: Saw the house twice" in page


@pytest.mark.django_db
def test_the_section_says_what_is_left_of_it(
    agent_client: Client, broker: User, sign_in: SignIn, scored: Lead, freeze: Freeze
) -> None:
    agent_client.post(address(scored), SAID)
    freeze(NOW + 7 * DAY)

    mine = agent_client.get(address(scored), headers=HTMX).content.decode()
    theirs = sign_in(broker).get(address(scored)).content.decode()

    assert "<html" not in mine
    assert "Your view: " in mine
    assert "fading, 23 days left" in mine
    assert "50% of its weight left" in mine
    together = round((scored.score or 0) + 0.5 * (80 - (scored.score or 0)))
    assert f'<b class="num text-ink-2">{together}</b> together' in mine
    assert "Avery's view: " in theirs
    assert "<html" in theirs


@pytest.mark.django_db
def test_rows_and_the_lead_page_carry_a_mark_until_it_has_faded(
    agent_client: Client, scored: Lead, agent: User, freeze: Freeze
) -> None:
    pages = [
        reverse("leads:lead-list"),
        reverse("leads:dashboard"),
        reverse("leads:lead-detail", args=[scored.pk]),
    ]
    say(scored, agent)
    freeze(NOW + 25 * DAY)
    for page in pages:
        shown = agent_client.get(page).content.decode()
        assert "fading, 5 days left" in shown, page

    freeze(NOW + 30 * DAY)  # the nightly task has not come yet
    for page in pages:
        assert "fading" not in agent_client.get(page).content.decode(), page


@pytest.mark.django_db
def test_open_scoreboards_hear_of_it(agent_client: Client, scored: Lead) -> None:
    LiveMessage.objects.all().delete()

    agent_client.post(address(scored), SAID)

    message = LiveMessage.objects.get()
    assert (message.type, message.lead, message.data["score"]) == ("score_update", scored, scored.score)
    assert message.html is not None
    assert "Our view: 80, fading, 30 days left" in message.html[f"lead-{scored.pk}"]


@pytest.mark.django_db
def test_a_new_score_keeps_the_mark(scored: Lead, agent: User) -> None:
    say(scored, agent)
    event = EventFactory(
        lead=scored,
        kind=Kind.MESSAGE_RECEIVED,
        occurred_at=NOW,
        recorded_at=NOW,
        data={"text": "Can we see it?"},
    )

    services.score_leads(event_ids=[event.pk])

    message = LiveMessage.objects.filter(type="score_update").latest("number")
    assert message.html is not None
    assert message.data["score"] > (scored.score or 0) + 5
    assert "Our view: 80, fading, 30 days left" in message.html[f"lead-{scored.pk}"]


@pytest.mark.django_db
def test_the_list_is_narrowed_to_leads_with_a_view_and_keeps_the_models_order(
    agent_client: Client, scored: Lead, agent: User
) -> None:
    say(scored, agent, score=99.0)
    better = LeadFactory(tenant=scored.tenant, score=95.0, tier="hot")

    every = agent_client.get(reverse("leads:lead-list")).context["rows"]
    viewed = agent_client.get(reverse("leads:lead-list"), {"viewed": "true"}).context["rows"]

    assert [row.lead for row in every] == [better, scored]
    assert [row.lead for row in viewed] == [scored]


@pytest.mark.django_db
def test_a_new_view_takes_the_place_of_the_one_before(
    agent_client: Client, broker: User, scored: Lead
) -> None:
    first = say(scored, broker, score=20.0)

    agent_client.post(address(scored), SAID)

    first.refresh_from_db()
    assert (first.end, first.ended_at) == ("replaced", NOW)
    standing = selectors.standing_override(scored, now=NOW)
    assert standing is not None
    assert standing.score == 80.0
    assert Lead.objects.get(pk=scored.pk).view_score == 80.0


@pytest.mark.django_db
def test_it_is_withdrawn_once(agent_client: Client, scored: Lead, agent: User) -> None:
    say(scored, agent)

    first = agent_client.post(withdrawal(scored))
    second = agent_client.post(withdrawal(scored))

    assert told(first) == ["Withdrawn. The score stands alone."]
    assert "Nothing stands beside this score any more." in told(second)
    row = ScoreOverride.objects.get()
    assert (row.end, row.ended_at, row.ended_by) == ("withdrawn", NOW, agent)
    lead = Lead.objects.get(pk=scored.pk)
    assert (lead.view_score, lead.view_until) == (None, None)
    assert Event.objects.filter(kind=Kind.LEAD_OVERRIDE_WITHDRAWN).count() == 1


@pytest.mark.django_db
def test_the_form_returns_to_where_it_stood_and_nowhere_else(agent_client: Client, scored: Lead) -> None:
    own = reverse("scoring:lead-panel", args=[scored.pk])
    shown = agent_client.get(
        address(scored), headers={**HTMX, "HX-Current-URL": f"http://testserver{own}"}
    ).content.decode()

    assert f'name="next" value="{own}"' in shown
    assert agent_client.post(address(scored), {**SAID, "next": own})["Location"] == own
    away = agent_client.post(address(scored), {**SAID, "next": "https://evil.example/"})
    assert away["Location"] == reverse("leads:lead-detail", args=[scored.pk])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"score": "101"}, "less than or equal to 100"),
        ({"score": "-1"}, "greater than or equal to 0"),
        ({"score": ""}, "This field is required."),
        ({"reason": ""}, "This field is required."),
        ({"reason": "who_they_are"}, "Select a valid choice."),
        ({"note": "x" * 201}, "at most 200 characters"),
        ({"note": "no children"}, "who somebody is must not weigh on a score"),
    ],
)
def test_what_cannot_be_kept_is_said(
    agent_client: Client, scored: Lead, wrong: dict[str, str], error: str
) -> None:
    response = agent_client.post(address(scored), {**SAID, **wrong})

    assert response.status_code == 422
    assert error in response.content.decode()
    assert not ScoreOverride.objects.exists()


@pytest.mark.django_db
def test_a_lead_without_a_score_has_nothing_to_stand_beside(agent_client: Client, lead: Lead) -> None:
    response = agent_client.post(address(lead), SAID)

    assert told(response) == ["This lead has no score yet: there is nothing to stand beside."]
    assert "no score yet" in agent_client.get(address(lead)).content.decode()
    assert not ScoreOverride.objects.exists()


@pytest.mark.django_db
def test_a_lead_whose_outcome_is_known_takes_no_view(agent_client: Client, scored: Lead) -> None:
    EventFactory(lead=scored, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW, data={"opportunity_id": "a"})

    response = agent_client.post(address(scored), SAID)

    assert told(response) == ["What became of this lead is known already."]
    assert not ScoreOverride.objects.exists()


@pytest.mark.django_db
def test_what_a_models_score_foretells_is_kept_and_asked_for(
    agent_client: Client, scored: Lead, agent: User
) -> None:
    ModelVersionFactory(tenant=scored.tenant, name="scores-7", target="showing")
    LeadScore.objects.update(model_version="scores-7", mode="model")

    assert "so many keep an appointment within 90 days" in agent_client.get(address(scored)).content.decode()
    row = say(scored, agent)

    assert (row.target, row.model_version) == ("showing", "scores-7")


# Graded


def happen(lead: Lead, kind: Kind, days: float) -> None:
    at = NOW + days * DAY
    EventFactory(lead=lead, kind=kind, occurred_at=at, recorded_at=at, data={"opportunity_id": "a"})


@pytest.mark.django_db
def test_a_faded_view_ends_at_night_and_waits_for_its_grade(
    scored: Lead, agent: User, freeze: Freeze
) -> None:
    row = say(scored, agent)
    freeze(NOW + 31 * DAY)

    tasks.tend_overrides()

    row.refresh_from_db()
    assert (row.end, row.ended_at, row.came) == ("faded", NOW + 30 * DAY, None)
    assert Lead.objects.get(pk=scored.pk).view_until is None
    assert selectors.people_against_model(scored.tenant) is None

    freeze(NOW + 90 * DAY)
    tasks.tend_overrides()
    row.refresh_from_db()
    assert (row.came, row.known_at, row.graded_at) == (False, NOW + 90 * DAY, NOW + 90 * DAY)


@pytest.mark.django_db
def test_a_win_grades_and_ends_it_and_nothing_is_graded_twice(
    scored: Lead, agent: User, freeze: Freeze
) -> None:
    row = say(scored, agent)
    happen(scored, Kind.OPPORTUNITY_WON, 5)
    freeze(NOW + 6 * DAY)

    assert services.tend_overrides() == 1
    assert services.tend_overrides() == 0

    row.refresh_from_db()
    assert (row.came, row.known_at, row.graded_at) == (True, NOW + 5 * DAY, NOW + 6 * DAY)
    assert (row.end, row.ended_at) == ("outcome", NOW + 6 * DAY)
    assert Lead.objects.get(pk=scored.pk).view_score is None
    graded = selectors.people_against_model(scored.tenant)
    assert graded is not None
    found, by_rules = graded
    assert (found.count, found.nearer, by_rules) == (1, 1, 1)
    assert found.brier == pytest.approx(0.04)
    assert found.model_brier == pytest.approx((1 - row.model_score / 100) ** 2)


@pytest.mark.django_db
def test_one_who_was_lost_and_won_after_all_is_graded_anew(scored: Lead, agent: User, freeze: Freeze) -> None:
    row = say(scored, agent)
    happen(scored, Kind.OPPORTUNITY_LOST, 5)
    freeze(NOW + 6 * DAY)
    tasks.tend_overrides()
    row.refresh_from_db()
    assert row.came is False

    happen(scored, Kind.OPPORTUNITY_WON, 20)
    freeze(NOW + 21 * DAY)
    tasks.tend_overrides()

    row.refresh_from_db()
    assert (row.came, row.known_at) == (True, NOW + 20 * DAY)


@pytest.mark.django_db
def test_what_became_of_the_survivor_grades_a_merged_lead(scored: Lead, agent: User, freeze: Freeze) -> None:
    row = say(scored, agent)
    survivor = LeadFactory(tenant=scored.tenant)
    merge_leads(survivor=survivor, absorbed=scored, by=agent, reason="the same person")
    happen(survivor, Kind.OPPORTUNITY_WON, 3)
    freeze(NOW + 4 * DAY)

    tasks.tend_overrides()

    row.refresh_from_db()
    assert row.came is True


def graded(lead: Lead, count: int, *, score: float, came: bool, version: str = "") -> None:
    for _ in range(count):
        ScoreOverride.objects.create(
            tenant=lead.tenant,
            lead=lead,
            score=score,
            reason="met",
            model_score=50.0,
            model_tier="steady",
            model_version=version,
            target="closing",
            ended_at=NOW,
            end="outcome",
            came=came,
            known_at=NOW,
            graded_at=NOW,
        )


@pytest.mark.django_db
def test_the_overview_says_nothing_before_the_first_grade(
    agent_client: Client, scored: Lead, agent: User, other_tenant: Tenant
) -> None:
    say(scored, agent)
    graded(LeadFactory(tenant=other_tenant), 3, score=90.0, came=True)

    assert "People against the model" not in agent_client.get(reverse("scoring:overview")).content.decode()


@pytest.mark.django_db
def test_the_overview_says_when_too_few_are_graded(agent_client: Client, lead: Lead) -> None:
    graded(lead, 2, score=90.0, came=True)
    graded(lead, 1, score=50.0, came=True)

    page = agent_client.get(reverse("scoring:overview")).content.decode()

    assert "People against the model" in page
    assert "people were nearer <b" in page
    assert "both alike" in page
    assert "Too few to conclude: it takes 20 graded at least." in page
    assert "3 stood against the rules" in page
    assert "People less score" not in page


@pytest.mark.django_db
def test_the_overview_says_who_was_nearer(agent_client: Client, lead: Lead) -> None:
    graded(lead, 22, score=90.0, came=True, version="scores-1")
    graded(lead, 3, score=90.0, came=False, version="scores-1")

    page = agent_client.get(reverse("scoring:overview")).content.decode()

    assert "Your team was nearer more often than chance explains." in page
    assert "88%" in page
    assert "People less score, Brier" in page
    assert "stood against the rules" not in page
