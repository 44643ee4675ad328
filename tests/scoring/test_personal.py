"""Weights fitted to single leads by their own past: found, measured, put to use, and told."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from scoring import selectors, services, tasks
from scoring.models import LeadScore, PersonalWeights, WeightSettings
from scoring.services import serving
from scoring.weights import common_course
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WEEKS = 20
COURSE = ((1.5, 1.5), (1.5, -1.5), (-1.5, 1.5), (-1.5, -1.5))
"""Engagement and buying signals of four weeks, over and over."""
TEXT = "Can we see the house on Saturday?"


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def make_lead(tenant: Tenant, rng: random.Random, follows: str = "") -> Lead:
    """Make a lead with a score a week, and a step in the week after: as all do, or as one part alone says."""
    lead: Lead = LeadFactory(
        tenant=tenant,
        created_at=NOW - timedelta(weeks=WEEKS + 2),
        score=30.0,
        tier="quiet",
        last_event_at=NOW,
        scored_at=NOW,
    )
    rows, events = [], []
    for week in range(WEEKS):
        at = NOW - timedelta(weeks=WEEKS - week, hours=1)
        margins = dict(zip(("engagement", "intent"), COURSE[week % len(COURSE)], strict=True))
        odds = -1.0 + sum(margins.values())
        score, base = (100.0 / (1.0 + math.exp(-one)) for one in (odds, -1.0))
        total = sum(margins.values())
        chord = (score - base) / total if total else base * (100.0 - base) / 100.0
        pillars = [[name, margin * chord, 1.0] for name, margin in margins.items()]
        rows.append(
            LeadScore(
                **{"tenant": tenant, "lead": lead, "score": score, "base": base, "tier": "quiet"},
                **{"contributions": [], "pillars": pillars, "mode": "rules", "weight_set": "standard"},
                **{"feature_version": "1", "inputs_hash": "0", "event_at": at, "scored_at": at},
            )
        )
        steps = margins[follows] > 0 if follows else rng.random() < 1.0 / (1.0 + math.exp(-odds - 1.0))
        if steps:
            events.append((Kind.MESSAGE_RECEIVED, at + timedelta(days=3)))
        events.append((Kind.MESSAGE_SENT, at + timedelta(days=4)))
    LeadScore.objects.bulk_create(rows)
    for kind, at in events:
        EventFactory(lead=lead, kind=kind, occurred_at=at)
    return lead


@pytest.fixture
def leads(tenant: Tenant) -> list[Lead]:
    """Eight leads like all others; one whose engagement alone foretells, one whose signals alone do."""
    rng = random.Random(4)
    usual = [make_lead(tenant, rng) for _ in range(8)]
    return [*usual, make_lead(tenant, rng, "engagement"), make_lead(tenant, rng, "intent")]


def page() -> str:
    return reverse("scoring:weights")


def read(browser: Client, address: str = "") -> str:
    response = browser.get(address or page())
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_who_differs_from_all_is_weighed_by_what_foretold_their_own_steps(
    tenant: Tenant, leads: list[Lead]
) -> None:
    settings = services.fit_personal(tenant=tenant, now=NOW)
    own = {row.lead_id: row for row in PersonalWeights.objects.all()}
    engaged, signalled = own[leads[-2].pk].multipliers, own[leads[-1].pk].multipliers

    assert 0.8 <= engaged["intent"] < 1.0 < engaged["engagement"] <= 1.2
    assert 0.8 <= signalled["engagement"] < 1.0 < signalled["intent"] <= 1.2
    assert own[leads[-2].pk].moments == WEEKS
    assert set(own[leads[-2].pk].reasons) == set(engaged)
    assert settings.personal["leads"] == settings.personal["tried"] == 10
    assert settings.personal["turned"] == len(own)
    assert settings.personal["saved"]["low"] <= settings.personal["saved"]["value"]
    assert settings.uses_personal is False
    assert not Event.objects.filter(kind=Kind.WEIGHTS_CHANGED).exists()


def test_fitted_again_it_is_the_same_and_who_is_gone_is_forgotten(tenant: Tenant, leads: list[Lead]) -> None:
    services.fit_personal(tenant=tenant, now=NOW)
    before = list(PersonalWeights.objects.order_by("pk").values_list("pk", "multipliers"))
    tasks.retrain_all_personal()
    assert list(PersonalWeights.objects.order_by("pk").values_list("pk", "multipliers")) == before

    LeadScore.objects.filter(lead=leads[-1]).delete()
    tasks.retrain_personal(tenant.pk)
    assert not PersonalWeights.objects.filter(lead=leads[-1]).exists()
    tasks.retrain_personal(0)


def test_margins_are_taken_back_to_what_counts_once(tenant: Tenant, leads: list[Lead]) -> None:
    """A week scored with a weight of two tells the same of the part as one scored without."""
    plain = {past.lead_id: past for past in selectors.own_pasts(tenant, now=NOW, mode="rules", least=4)}
    for row in LeadScore.objects.filter(lead=leads[0]):
        LeadScore.objects.filter(pk=row.pk).update(pillars=[[name, p, 2.0] for name, p, _ in row.pillars])
    weighed = {past.lead_id: past for past in selectors.own_pasts(tenant, now=NOW, mode="rules", least=4)}

    first = plain[leads[0].pk]
    assert first.margins[:, :2] == pytest.approx(np.array(COURSE * (WEEKS // len(COURSE))), abs=1e-9)
    assert weighed[leads[0].pk].margins == pytest.approx(first.margins / 2.0, abs=1e-9)
    assert len(first.steps) == WEEKS


def test_too_short_a_past_says_nothing(tenant: Tenant, agent_client: Client) -> None:
    assert "Not fitted yet: that is done each night" in read(agent_client)
    make_lead(tenant, random.Random(1))
    settings = services.fit_personal(tenant=tenant, now=NOW)

    assert settings.personal == {"at": NOW.isoformat(), "leads": 1, "turned": 0}
    assert not PersonalWeights.objects.exists()
    seen = read(agent_client)
    assert "There is too little to try them on." in seen
    assert "Put it to use" not in seen


def test_what_does_not_tell_of_steps_is_no_course() -> None:
    rng = np.random.default_rng(2)
    margins = rng.normal(size=(400, 7))
    against = margins.sum(axis=1) < 0

    assert common_course(margins, against) is None
    assert common_course(margins[:50], ~against[:50]) is None
    found = common_course(margins, rng.random(400) < 1.0 / (1.0 + np.exp(-0.5 * margins.sum(axis=1) - 0.3)))
    assert found is not None
    assert found.slope == pytest.approx(0.5, abs=0.15)
    assert found.level == pytest.approx(0.3, abs=0.3)


def test_it_turns_scores_only_when_put_to_use(
    tenant: Tenant,
    leads: list[Lead],
    broker: User,
    broker_client: Client,
    agent_client: Client,
    django_capture_on_commit_callbacks: Any,
) -> None:
    services.fit_personal(tenant=tenant, now=NOW)
    lead = leads[-2]
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": TEXT})
    with CaptureQueriesContext(connection) as captured:
        plain = services.score_leads(event_ids=[event.pk])[0]
    assert plain.weight_set == "standard"
    assert not any("personalweights" in query["sql"] for query in captured)
    seen = read(agent_client)
    turned = PersonalWeights.objects.count()
    assert f'<b class="num text-ink">{turned}</b> would be weighed otherwise.' in seen
    assert "Log loss saved a lead, of" in seen

    with django_capture_on_commit_callbacks(execute=True):
        used = broker_client.post(reverse("scoring:weights-personal"), {"uses_personal": "on"})
    assert told(used)[-1] == "Each lead's own past turns its weights. Leads are scored anew."
    settings = WeightSettings.objects.get()
    assert (settings.uses_personal, settings.set_by) == (True, broker)
    own = PersonalWeights.objects.get(lead=lead)
    serving.forget()
    again = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": TEXT})
    row = services.score_leads(event_ids=[again.pk])[0]
    weights = {name: weight for name, _, weight in row.pillars}

    assert row.weight_set == "standard+personal"
    assert weights["engagement"] == own.multipliers["engagement"]
    assert row.base + sum(points for _, _, points in row.contributions) == pytest.approx(row.score, abs=1e-6)
    panel = read(agent_client, reverse("scoring:lead-panel", args=[lead.pk]))
    assert own.reasons["engagement"] in panel
    assert services.score_at(lead, NOW).weight_set == "standard+personal"

    broker_client.post(reverse("scoring:weights-personal"))
    serving.forget()
    assert services.score_at(lead, NOW).weight_set == "standard"
    events = Event.objects.filter(kind=Kind.WEIGHTS_CHANGED).order_by("pk")
    assert [(event.data, event.actor_id) for event in (events[0], list(events)[-1])] == [
        ({"personal": True}, broker.pk),
        ({"personal": False}, broker.pk),
    ]


def test_when_used_and_fitted_otherwise_leads_follow(tenant: Tenant, leads: list[Lead], broker: User) -> None:
    services.set_personal_use(tenant=tenant, uses_personal=True, by=broker)
    services.fit_personal(tenant=tenant, now=NOW)
    services.fit_personal(tenant=tenant, now=NOW)
    events = Event.objects.filter(kind=Kind.WEIGHTS_CHANGED).order_by("pk")

    turned = PersonalWeights.objects.count()
    assert [event.data for event in events] == [{"personal": True}, {"personal": True, "turned": turned}]
