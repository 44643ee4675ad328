from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind, Mark
from leads.ml import features
from leads.ml.catalogue import INDEX, NAMES
from leads.models import Lead, Tenant
from leads.selectors.histories import facts_before_change, histories_of
from scoring import selectors
from scoring.outcomes import HORIZON, Target
from scoring.selectors.learning import LEFT_OUT
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.past import make_past

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CAME = NOW - timedelta(days=100)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def told(lead: Lead) -> Lead:
    """A lead who wrote on the day it came, asked for a showing after five days, and closed after twenty."""
    Lead.objects.filter(pk=lead.pk).update(created_at=CAME, segment="seller")
    lead.refresh_from_db()
    tell(lead, Kind.MESSAGE_RECEIVED, 0, text="Our budget is around $580k")
    tell(lead, Kind.SHOWING_REQUESTED, 5)
    tell(lead, Kind.OPPORTUNITY_WON, 20)
    return lead


def tell(lead: Lead, kind: Kind, days: float, **data: str) -> None:
    EventFactory(lead=lead, kind=kind, occurred_at=CAME + timedelta(days=days), data=data)


def rows(tenant: Tenant | None, target: Target = Target.CLOSING) -> selectors.Rows:
    return selectors.training_rows(tenant=tenant, now=NOW, target=target)


def test_a_row_holds_what_serving_would_have_seen_at_its_moment(told: Lead, tenant: Tenant) -> None:
    found = rows(tenant)

    at = CAME + timedelta(days=1)
    seen = features.vector(features.replay(histories_of([told])[told.pk], at), at, facts_before_change(told))
    expected = [0.0 if name in LEFT_OUT else seen[name] for name in NAMES]
    assert found.matrix.tolist() == [expected]
    assert found.matrix[0, INDEX["urgency"]] == seen["urgency"]
    assert found.at.tolist() == [at.timestamp()]
    assert found.known_at.tolist() == [(CAME + timedelta(days=20)).timestamp()]
    assert found.came.tolist() == [True]
    assert (found.lead_ids.tolist(), found.segments.tolist()) == ([told.pk], ["seller"])
    assert (len(found), found.leads, found.leads_that_came) == (1, 1, 1)


def test_what_gives_the_outcome_away_or_has_no_history_is_left_out(tenant: Tenant) -> None:
    make_past(tenant, leads=40, now=NOW)
    found = rows(tenant)

    assert set(LEFT_OUT) == {
        *("won", "lost", "email_opens", "profile_quality", "answers"),
        *(name for name in NAMES if name.startswith("answered_")),
    }
    assert {name for name in LEFT_OUT if found.matrix[:, INDEX[name]].any()} == set()


def test_rows_are_of_the_tenant_alone_or_of_everybody(told: Lead, tenant: Tenant, other_lead: Lead) -> None:
    tell(other_lead, Kind.MESSAGE_RECEIVED, 2)

    assert rows(tenant).tenant_ids.tolist() == [tenant.pk]
    assert rows(other_lead.tenant).came.tolist() == [False]
    assert sorted(rows(None).tenant_ids.tolist()) == sorted([tenant.pk, other_lead.tenant_id])


def test_rows_come_in_the_order_of_time(tenant: Tenant) -> None:
    make_past(tenant, leads=60, now=NOW)
    found = rows(tenant)

    assert np.all(np.diff(found.at) >= 0)
    assert np.all(found.at + HORIZON.total_seconds() <= NOW.timestamp())
    assert np.all(found.known_at[found.came] <= found.at[found.came] + HORIZON.total_seconds())
    assert found.only(found.came).leads == found.leads_that_came


def test_the_outcome_of_a_merged_record_is_the_survivors(told: Lead, tenant: Tenant) -> None:
    survivor = LeadFactory(tenant=tenant)
    Lead.objects.filter(pk=told.pk).update(status=Lead.Status.MERGED, merged_into=survivor)

    found = rows(tenant)

    assert (found.lead_ids.tolist(), found.came.tolist()) == ([survivor.pk], [True])


def test_a_mark_by_hand_is_an_outcome_but_no_behaviour(lead: Lead, tenant: Tenant) -> None:
    tell(lead, Kind.MESSAGE_RECEIVED, 0, text="Hello")
    unmarked = rows(tenant)
    tell(lead, Kind.LEAD_MARKED, 9, mark=Mark.WON)

    marked = rows(tenant)

    assert (unmarked.came.tolist(), marked.came.tolist()) == ([False], [True])
    assert unmarked.matrix.tolist() == marked.matrix.tolist()


def test_no_leads_give_no_rows(tenant: Tenant) -> None:
    found = rows(tenant)

    assert (len(found), found.leads, found.leads_that_came) == (0, 0, 0)
    assert found.matrix.shape == (0, len(NAMES))


def test_reading_costs_six_queries_for_each_hundred_leads(
    tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_past(tenant, leads=150, now=NOW)
    told = list[tuple[int, int]]()

    with django_assert_num_queries(1 + 2 * 6):
        selectors.training_rows(
            tenant=tenant, now=NOW, target=Target.CLOSING, progress=lambda *done: told.append(done)
        )

    assert told == [(100, 150), (150, 150)]
