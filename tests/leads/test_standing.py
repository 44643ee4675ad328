from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Lead, LiveMessage, User
from leads.services.standing import Standing, update_standing
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
REASON = {"icon": "calendar-plus", "text": 'Asked for a "showing"', "points": 9.1, "at": NOW.isoformat()}


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def standing(lead: Lead, **fields: Any) -> Standing:
    return replace(
        Standing(
            lead_id=lead.pk,
            score=71.25,
            tier="warm",
            low=None,
            high=None,
            next_action="Book the showing",
            reasons=[REASON],
            scored_at=NOW,
            event_at=NOW - timedelta(seconds=2),
            sentences=["Asked for a showing just now"],
        ),
        **fields,
    )


def test_a_standing_is_written_to_the_lead(lead: Lead) -> None:
    update_standing(standings=[standing(lead, low=60.5, high=80.5, segment="seller")])

    lead.refresh_from_db()
    assert (lead.score, lead.tier, lead.score_low, lead.score_high) == (71.25, "warm", 60.5, 80.5)
    assert (lead.previous_score, lead.scored_at) == (None, NOW)
    assert lead.tier_changed_at == NOW - timedelta(seconds=2)
    assert (lead.next_action, lead.reasons, lead.segment) == ("Book the showing", [REASON], "seller")


@pytest.mark.parametrize("score", [0.1 + 0.2, 100.0, 0.0, 1 / 3 * 100])
def test_a_score_keeps_every_bit(score: float, lead: Lead) -> None:
    update_standing(standings=[standing(lead, score=score)])

    lead.refresh_from_db()
    assert lead.score == score


def test_an_empty_segment_leaves_the_one_known(lead: Lead) -> None:
    update_standing(standings=[standing(lead, segment="seller")])
    update_standing(standings=[standing(lead)])

    lead.refresh_from_db()
    assert lead.segment == "seller"


def test_the_previous_score_is_the_last_other_figure(lead: Lead) -> None:
    for score in (40.0, 50.0, 50.2, 50.4):
        update_standing(standings=[standing(lead, score=score)])

    lead.refresh_from_db()
    assert (lead.score, lead.previous_score, lead.score_change) == (50.4, 40.0, 10)


def test_history_filled_in_later_is_no_move(lead: Lead) -> None:
    update_standing(standings=[standing(lead, score=40.0)])
    update_standing(standings=[standing(lead, score=62.0, event_at=NOW - timedelta(days=12))])
    lead.refresh_from_db()
    assert (lead.score, lead.score_change) == (62.0, None)

    update_standing(standings=[standing(lead, score=61.0)])

    lead.refresh_from_db()
    assert lead.score_change == -1


def test_the_tier_keeps_the_time_it_changed(lead: Lead) -> None:
    later = NOW + timedelta(hours=1)
    update_standing(standings=[standing(lead)])
    update_standing(standings=[standing(lead, scored_at=later)])
    lead.refresh_from_db()
    assert lead.tier_changed_at == NOW - timedelta(seconds=2)

    update_standing(standings=[standing(lead, tier="hot", event_at=NOW - timedelta(days=2), scored_at=later)])
    lead.refresh_from_db()
    assert lead.tier_changed_at == NOW - timedelta(days=2)  # when the event that raised it happened

    update_standing(standings=[standing(lead, score=10.0, tier="quiet", scored_at=later)])
    lead.refresh_from_db()
    assert lead.tier_changed_at == later  # time took it down


def test_open_screens_get_the_row(lead: Lead, agent: User) -> None:
    Lead.objects.filter(pk=lead.pk).update(assigned_to=agent, score=40.0, tier="steady")
    for days, score in ((3, 20.0), (1, 40.0)):
        EventFactory(
            lead=lead,
            kind=Kind.LEAD_SCORED,
            occurred_at=NOW - timedelta(days=days),
            data={"score": score, "previous_score": None},
        )

    update_standing(standings=[standing(lead)])

    message = LiveMessage.objects.get()
    assert message.html is not None
    row = message.html[f"lead-{lead.pk}"]
    assert (message.type, message.tenant_id, message.lead_id) == ("score_update", lead.tenant_id, lead.pk)
    assert message.audience == "team"
    assert message.event_at == NOW - timedelta(seconds=2)
    assert message.data == {
        "lead_id": lead.pk,
        "contact_id": lead.contact_id,
        "score": 71.25,
        "previous_score": 40.0,
        "tier": "warm",
        "previous_tier": "steady",
        "reasons": ["Asked for a showing just now"],
        "next_action": "Book the showing",
        "scored_at": NOW.isoformat(),
    }
    assert f'<tr id="lead-{lead.pk}"' in row
    assert agent.get_short_name() in row
    assert "Score over 14 days" in row
    assert "Asked for a &quot;showing&quot; · <time" in row


def test_nothing_is_sent_for_nobody(lead: Lead) -> None:
    update_standing(standings=[])
    update_standing(standings=[standing(lead, lead_id=999_999)])

    assert not LiveMessage.objects.exists()


@pytest.mark.parametrize("count", [1, 20])
def test_a_batch_is_written_in_a_fixed_number_of_queries(
    count: int, lead: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    leads: list[Lead] = [lead, *(LeadFactory(tenant=lead.tenant) for _ in range(count - 1))]

    with django_assert_num_queries(3):
        update_standing(standings=[standing(one) for one in leads])

    assert LiveMessage.objects.count() == count
