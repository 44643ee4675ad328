from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.models import Lead
from scoring import services
from scoring.models import LeadScore
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(lead: Lead) -> LeadScore:
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, data={"text": "Hello"})
    return services.score_leads(event_ids=[event.pk])[0]


def test_predictions_are_listed_and_searched(signed_admin_client: Client, row: LeadScore) -> None:
    for asked in ({}, {"q": str(row.lead_id)}, {"q": str(row.event_id)}):
        response = signed_admin_client.get(reverse("admin:scoring_leadscore_changelist"), asked)

        assert response.status_code == 200
        assert list(response.context["cl"].queryset) == [row]


def test_a_prediction_is_shown_but_not_changed(signed_admin_client: Client, row: LeadScore) -> None:
    change = reverse("admin:scoring_leadscore_change", args=[row.pk])
    score = row.score

    assert signed_admin_client.get(change).status_code == 200
    assert signed_admin_client.post(change, {"score": 99}).status_code == 403
    assert signed_admin_client.get(reverse("admin:scoring_leadscore_add")).status_code == 403
    assert (
        signed_admin_client.post(reverse("admin:scoring_leadscore_delete", args=[row.pk])).status_code == 403
    )
    row.refresh_from_db()
    assert row.score == score


def test_a_row_names_no_person(row: LeadScore) -> None:
    assert str(row) == f"score {row.pk} of lead {row.lead_id}"
