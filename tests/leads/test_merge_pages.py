"""The page that merges two records of one person, and undoing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Event, Lead, LeadMerge, Tenant, User
from leads.services.merging import merge_leads
from tests.factories import CustomFieldFactory, IdentityFactory, LeadFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def dana(tenant: Tenant) -> Lead:
    lead: Lead = LeadFactory(
        tenant=tenant,
        first_name="Dana",
        last_name="Ortiz",
        email="dana@example.net",
        phone="",
        tags=["vip"],
        segment="investor",
        custom={"pool": "yes"},
        profile={"budget": 500000.0, "segment": "investor"},
        consent={"SMS": {"state": "granted"}},
    )
    return lead


@pytest.fixture
def other(tenant: Tenant, agent: User) -> Lead:
    lead: Lead = LeadFactory(
        tenant=tenant,
        first_name="D.",
        last_name="Ortiz",
        email="ortiz@example.org",
        phone="+12065550123",
        tags=["open house"],
        custom={"pool": "no", "beds": 3},
        profile={"timeline": "0-3 months"},
        consent={"SMS": {"state": "denied"}},
        assigned_to=agent,
    )
    return lead


def page_of(lead: Lead) -> str:
    return f"/agent/leads/{lead.pk}/merge/"


def rows_of(response: Any) -> dict[str, tuple[Any, Any, Any]]:
    return {row.label: (row.survivor, row.absorbed, row.result) for row in response.context["rows"]}


def said(response: Any) -> list[str]:
    return [str(note) for note in get_messages(response.wsgi_request)]


# Finding


def test_who_may_be_the_same_person_is_offered_with_the_reason(
    agent_client: Client, dana: Lead, tenant: Tenant
) -> None:
    by_email = LeadFactory(tenant=tenant, email="dana@example.net")
    by_name = LeadFactory(tenant=tenant, first_name="dana", last_name="ORTIZ", email="", phone="")
    LeadFactory(tenant=tenant, first_name="Dana", last_name="Ortiz-Lee")
    LeadFactory(first_name="Dana", last_name="Ortiz")  # of another tenant

    response = agent_client.get(page_of(dana))

    assert [(each.lead, each.reasons) for each in response.context["likely"]] == [
        (by_email, ("same e-mail address",)),
        (by_name, ("same name",)),
    ]
    page = response.content.decode()
    assert f'href="{page_of(dana)}?other={by_email.pk}"' in page
    assert "Same name" in page


def test_others_are_found_by_what_is_typed(
    agent_client: Client, dana: Lead, other: Lead, other_lead: Lead
) -> None:
    response = agent_client.get(page_of(dana), {"q": "ortiz"})

    assert response.context["found"] == [other]
    nobody = agent_client.get(page_of(dana), {"q": "nobody"}).content.decode()
    assert "No other lead matches “nobody”." in nobody


def test_the_page_asks_little(
    agent_client: Client, dana: Lead, tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    LeadFactory.create_batch(12, tenant=tenant, first_name="Dana", last_name="Ortiz")

    with django_assert_num_queries(11):
        agent_client.get(page_of(dana), {"q": "ortiz"})


# Looking


def test_the_two_are_shown_side_by_side_with_what_they_become(
    agent_client: Client, agent: User, dana: Lead, other: Lead
) -> None:
    CustomFieldFactory(tenant=dana.tenant, key="beds", name="Bedrooms")

    response = agent_client.get(page_of(dana), {"other": other.pk})

    assert response.status_code == 200
    assert rows_of(response) == {
        "First name": ("Dana", "D.", "Dana"),
        "Last name": ("Ortiz", "Ortiz", "Ortiz"),
        "E-mail": ("dana@example.net", "ortiz@example.org", "dana@example.net"),
        "Phone": ("", "+12065550123", "+12065550123"),
        "Segment": ("Investor", "", "Investor"),
        "Assigned to": ("", str(agent), str(agent)),
        "GoHighLevel contact": (dana.contact_id, other.contact_id, dana.contact_id),
        "Budget": (500000.0, "", 500000.0),
        "Timeline": ("", "0-3 months", "0-3 months"),
        "Bedrooms": ("", 3, 3),
        "Pool": ("yes", "no", "yes"),
        "Tags": (["vip"], ["open house"], ["vip", "open house"]),
        "Consent, SMS": ("Granted", "Denied", "Denied"),
    }
    page = response.content.decode()
    assert page.count("Known by the other too.") == 2
    assert "A refusal on either record holds." in page
    assert not LeadMerge.objects.exists()
    assert Event.objects.count() == 0


def test_the_other_record_can_be_the_one_that_stays(agent_client: Client, dana: Lead, other: Lead) -> None:
    response = agent_client.get(page_of(dana), {"other": str(other.pk), "keep": "other"})

    assert rows_of(response)["First name"] == ("D.", "Dana", "D.")


def test_looking_asks_little(
    agent_client: Client, dana: Lead, other: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(8):
        agent_client.get(page_of(dana), {"other": other.pk})


@pytest.mark.parametrize("query", [{"other": "x"}, {"other": "0"}, {"other": ""}, {"keep": "me"}])
def test_a_strange_address_shows_the_choice(agent_client: Client, dana: Lead, query: dict[str, str]) -> None:
    response = agent_client.get(page_of(dana), query)

    assert response.status_code == 200
    assert "May be the same person" in response.content.decode()


def test_what_cannot_be_merged_is_said(
    agent_client: Client, dana: Lead, other: Lead, tenant: Tenant, other_lead: Lead
) -> None:
    merged = LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=other)

    itself = agent_client.get(page_of(dana), {"other": dana.pk})
    gone = agent_client.post(page_of(dana), {"other": merged.pk})

    assert (itself.status_code, said(itself)) == (409, ["A lead cannot be merged with itself."])
    assert (gone.status_code, said(gone)) == (
        409,
        [f"Lead {merged.pk} was merged into lead {other.pk} already. Merge that one instead."],
    )
    assert agent_client.get(page_of(dana), {"other": other_lead.pk}).status_code == 404
    assert agent_client.post(page_of(dana), {"other": other_lead.pk}).status_code == 404
    assert agent_client.post(page_of(dana), {}).status_code == 422
    assert not LeadMerge.objects.exists()


# Merging and undoing


@pytest.mark.parametrize("keep", ["this", "other", ""])
def test_two_become_one_and_part_again(
    agent_client: Client, agent: User, dana: Lead, other: Lead, keep: str
) -> None:
    survivor, absorbed = (other, dana) if keep == "other" else (dana, other)

    response = agent_client.post(
        page_of(dana), {"other": other.pk, "keep": keep, "reason": "Met them at the open house"}
    )

    merge = LeadMerge.objects.get()
    assert response.headers["Location"] == f"/agent/leads/{survivor.pk}/"
    assert (merge.survivor, merge.absorbed, merge.by) == (survivor, absorbed, agent)
    absorbed.refresh_from_db()
    assert absorbed.merged_into == survivor
    assert Event.objects.get(kind=Kind.LEAD_MERGED).actor == agent
    page = agent_client.get(f"/agent/leads/{survivor.pk}/").content.decode()
    assert "Met them at the open house" in page
    assert f'action="/agent/merges/{merge.pk}/undo/"' in page
    gone = agent_client.get(f"/agent/leads/{absorbed.pk}/")
    assert gone.status_code == 410
    assert f'action="/agent/merges/{merge.pk}/undo/"' in gone.content.decode()
    assert agent_client.get(page_of(absorbed)).status_code == 410

    undone = agent_client.post(f"/agent/merges/{merge.pk}/undo/")

    assert said(undone)[-1] == "The merge is undone: both records stand on their own again."
    absorbed.refresh_from_db()
    assert (absorbed.status, absorbed.merged_into_id) == ("active", None)
    page = agent_client.get(f"/agent/leads/{survivor.pk}/").content.decode()
    assert "undone" in page
    assert "/undo/" not in page
    assert f'href="/agent/leads/{absorbed.pk}/"' in page
    assert "Became part of" in agent_client.get(f"/agent/leads/{absorbed.pk}/").content.decode()


def test_records_changed_since_they_were_looked_at_are_shown_again(
    agent_client: Client, dana: Lead, other: Lead
) -> None:
    seen = agent_client.get(page_of(dana), {"other": other.pk}).context["form"]["edition"].value()
    Lead.objects.filter(pk=other.pk).update(city="Salem", score=91.0)
    typed = {"other": other.pk, "keep": "this", "edition": seen, "reason": "Met them"}

    stale = agent_client.post(page_of(dana), typed)

    assert (stale.status_code, said(stale)) == (
        409,
        ["One of the two was changed meanwhile. Look again before you merge them."],
    )
    assert rows_of(stale)["City"] == ("", "Salem", "Salem")
    assert stale.context["form"]["reason"].value() == "Met them"
    assert not LeadMerge.objects.exists()

    again = {**typed, "edition": stale.context["form"]["edition"].value()}
    assert agent_client.post(page_of(dana), again).status_code == 302
    assert LeadMerge.objects.get().reason == "Met them"


def test_scores_and_messages_meanwhile_do_not_get_in_the_way(
    agent_client: Client, dana: Lead, other: Lead
) -> None:
    seen = agent_client.get(page_of(dana), {"other": other.pk}).context["form"]["edition"].value()
    Lead.objects.update(score=91.0, tier="hot", last_event_at=NOW, last_inbound_at=NOW)

    response = agent_client.post(page_of(dana), {"other": other.pk, "edition": seen})

    assert response.status_code == 302
    assert LeadMerge.objects.get().absorbed == other


def test_a_reason_that_is_too_long_is_said(agent_client: Client, dana: Lead, other: Lead) -> None:
    response = agent_client.post(page_of(dana), {"other": other.pk, "reason": "x" * 201})

    assert response.status_code == 422
    assert "Ensure this value has at most 200 characters" in response.content.decode()
    assert rows_of(response)["First name"] == ("Dana", "D.", "Dana")
    assert not LeadMerge.objects.exists()


def test_only_the_last_merge_that_stands_is_offered_to_be_undone(
    agent_client: Client, dana: Lead, other: Lead, tenant: Tenant
) -> None:
    first = merge_leads(survivor=dana, absorbed=other, by=None)
    second = merge_leads(survivor=dana, absorbed=LeadFactory(tenant=tenant), by=None)

    page = agent_client.get(f"/agent/leads/{dana.pk}/").content.decode()
    refused = agent_client.post(f"/agent/merges/{first.pk}/undo/")

    assert f"/agent/merges/{second.pk}/undo/" in page
    assert f"/agent/merges/{first.pk}/undo/" not in page
    assert said(refused) == [f"Lead {dana.pk} took part in a later merge ({second.pk}). Undo that one first."]
    assert LeadMerge.objects.filter(undone_at=None).count() == 2


def test_who_may_not_merges_and_undoes_nothing(
    buyer_client: Client, other_agent_client: Client, dana: Lead, other: Lead
) -> None:
    merge = merge_leads(survivor=dana, absorbed=other, by=None)
    IdentityFactory(lead=dana)

    assert buyer_client.post(page_of(dana), {"other": other.pk}).status_code == 403
    assert buyer_client.post(f"/agent/merges/{merge.pk}/undo/").status_code == 403
    assert other_agent_client.post(f"/agent/merges/{merge.pk}/undo/").status_code == 404
    merge.refresh_from_db()
    assert merge.undone_at is None


def test_an_answer_kept_as_a_custom_field_too_is_compared_once(
    agent_client: Client, dana: Lead, other: Lead, tenant: Tenant
) -> None:
    CustomFieldFactory(tenant=tenant, key="when", name="Timeline", answers="timeline")
    other.custom = {"when": "0-3 months", "beds": 3}
    other.save()

    page = agent_client.get(page_of(dana), {"other": other.pk})

    labels = [row.label for row in page.context["rows"]]
    assert labels.count("Timeline") == 1
    assert rows_of(page)["Timeline"] == ("", "0-3 months", "0-3 months")
