"""An agent says what became of a lead where the CRM does not; scores and learning follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from leads.errors import DomainError
from leads.events import Kind, Mark
from leads.models import Event, Lead, Tenant, User
from leads.services.leads import mark_outcome
from scoring import services
from scoring.models import LeadScore
from scoring.outcomes import Target
from scoring.selectors import training_rows
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.histories import fact, of

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def lead(tenant: Tenant) -> Lead:
    row: Lead = LeadFactory(tenant=tenant, created_at=NOW - timedelta(days=200))
    return row


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_mark_ends_a_lead_until_the_crm_says_otherwise() -> None:
    opened = fact(Kind.OPPORTUNITY_CREATED, 1, 1, opportunity_id="a")
    lost = fact(Kind.LEAD_MARKED, 2, 2, mark="lost")
    won = fact(Kind.LEAD_MARKED, 3, 3, mark="won")
    back = fact(Kind.LEAD_MARKED, 4, 4, mark="open")
    later = fact(Kind.OPPORTUNITY_WON, 5, 5, opportunity_id="a")
    nonsense = fact(Kind.LEAD_MARKED, 6, 6, mark="maybe")

    def ended(*facts: Any) -> tuple[float, float]:
        vector = of(*facts, days=10)
        return vector["won"], vector["lost"]

    assert ended(opened) == (0.0, 0.0)
    assert ended(opened, lost) == (0.0, 1.0)
    assert ended(opened, lost, won) == (1.0, 0.0)
    assert ended(opened, lost, won, back) == (0.0, 0.0)
    assert ended(opened, lost, later) == (1.0, 0.0)
    assert ended(opened, lost, nonsense) == (0.0, 1.0)
    assert of(lost, days=10)["velocity_30d"] == 0.0


@pytest.mark.django_db
def test_an_agent_marks_a_lead_and_the_score_follows(
    agent_client: Client, agent: User, lead: Lead, freeze: Freeze
) -> None:
    freeze(NOW)
    before = text(agent_client.get(f"/agent/leads/{lead.pk}/"))
    kept = agent_client.post(f"/agent/leads/{lead.pk}/mark/", {"mark": "won", "note": " With us, Maple St "})
    event = Event.objects.get(kind=Kind.LEAD_MARKED)
    services.score_leads(event_ids=[event.pk])
    after = text(agent_client.get(f"/agent/leads/{lead.pk}/"))
    again = agent_client.post(f"/agent/leads/{lead.pk}/mark/", {"mark": "won"})

    assert "Mark it where they do not" in before
    assert kept.headers["Location"] == f"/agent/leads/{lead.pk}/"
    assert (event.data, event.actor_id) == ({"mark": "won", "words": "Closed: With us, Maple St"}, agent.pk)
    assert 'chip-good">Closed</span>' in after
    assert "Closed: With us, Maple St, marked" in after
    assert LeadScore.objects.get().event_id == event.pk
    assert told(again)[-1] == "It is marked “Closed” already."


@pytest.mark.django_db
@pytest.mark.parametrize("data", [{}, {"mark": "maybe"}, {"mark": "won", "note": "x" * 201}])
def test_what_is_no_mark_is_refused(agent_client: Client, lead: Lead, data: dict[str, str]) -> None:
    response = agent_client.post(f"/agent/leads/{lead.pk}/mark/", data)

    assert told(response) == ["Choose closed, lost or still open, and say why in 200 characters at most."]
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_models_learn_from_marks(tenant: Tenant, lead: Lead, agent: User, freeze: Freeze) -> None:
    EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW - timedelta(days=150))
    freeze(NOW - timedelta(days=140))
    mark_outcome(lead=lead, mark=Mark.WON, by=agent)
    rows = training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)

    assert rows.came.tolist() == [True]
    with pytest.raises(DomainError, match="already"):
        mark_outcome(lead=lead, mark="won", by=agent)
    mark_outcome(lead=lead, mark="open", by=None)
    assert Event.objects.filter(kind=Kind.LEAD_MARKED).count() == 2
