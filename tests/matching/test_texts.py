"""Sentences about homes that fair housing forbids or comes close to: found, shown, kept or mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.errors import DomainError
from leads.models import Tenant, User
from matching import services, tasks
from matching.models import Listing, StandardStatus, TextFinding, TextsRead
from matching.texts import findings_in, street_of
from tests.conftest import Freeze
from tests.matching.factories import ListingFactory, TextFindingFactory

NOW = datetime(2026, 11, 10, 15, tzinfo=UTC)
WARNED = "Bright kitchen. Close to top rated schools! New roof."


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def told(text: str, *names: str) -> list[tuple[str, str]]:
    return [(one.finding.term, one.sentence) for one in findings_in(text, names)]


def read(tenant: Tenant, now: datetime = NOW, **how: Any) -> int:
    return services.check_remarks(tenant=tenant, now=now, **how)


def findings() -> list[tuple[str, str, str]]:
    return list(TextFinding.objects.order_by("pk").values_list("term", "severity", "state"))


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def page(name: str = "fair-housing", *args: int) -> str:
    return reverse(f"matching:{name}", args=args)


def body(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_finding_stands_in_its_sentence() -> None:
    assert told(WARNED) == [("top rated schools", "Close to top rated schools!")]
    assert told("Bright kitchen.\nNew roof.") == []
    assert told("No smoking. Adults only!\nAdults  only, please") == [
        ("adults only", "Adults only!"),
        ("adults only", "Adults only, please"),
    ]


def test_what_runs_over_the_end_of_a_line_is_found_too() -> None:
    assert told("A home with top rated\nschools nearby") == [
        ("top rated schools", "A home with top rated schools nearby")
    ]


def test_a_homes_own_names_are_no_findings() -> None:
    text = "On Christian Hill Road, in Catholic Point. A quiet street."

    assert [term for term, _ in told(text)] == ["catholic", "christian"]
    assert told(text, "Christian Hill Road", "Catholic Point") == []
    assert [term for term, _ in told("A christian home.", "Christian Hill Road")] == [
        "christian",
        "christian home",
    ]


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("12 Christian Hill Road, Unit 4", "Christian Hill Road"),
        ("12B Main Street Apt 7", "Main Street"),
        ("Main Street", "Main Street"),
        ("", ""),
    ],
)
def test_a_street_is_read_off_an_address(address: str, street: str) -> None:
    assert street_of(address) == street


def test_long_sentences_are_kept_short() -> None:
    assert len(findings_in("adults only " + "x" * 900)[0].sentence) == 500


@pytest.mark.django_db
def test_remarks_are_read_once_and_again_when_written(tenant: Tenant, other_tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant, public_remarks=WARNED, updated_at=NOW - timedelta(hours=2))
    ListingFactory(tenant=tenant, public_remarks="Quiet street.", updated_at=NOW - timedelta(hours=2))
    ListingFactory(tenant=other_tenant, public_remarks=WARNED)

    assert [read(tenant), read(tenant)] == [2, 0]
    row = TextFinding.objects.get()
    assert (row.listing, row.sentence, row.state) == (listing, "Close to top rated schools!", "open")
    assert (row.rule, row.category) == ("Judges schools instead of naming them.", "schools")
    assert row.instead == "Name the assigned district and link to its page."

    Listing.objects.filter(pk=listing.pk).update(public_remarks="Adults only.", updated_at=NOW)
    assert read(tenant) == 1
    assert findings() == [("top rated schools", "warn", "mended"), ("adults only", "block", "open")]

    later = NOW + timedelta(hours=1)
    Listing.objects.filter(pk=listing.pk).update(public_remarks=WARNED, updated_at=later)
    read(tenant, later)
    assert findings() == [("top rated schools", "warn", "open"), ("adults only", "block", "mended")]


@pytest.mark.django_db
def test_many_remarks_are_read_in_turns(tenant: Tenant) -> None:
    for _ in range(5):
        ListingFactory(tenant=tenant, public_remarks=WARNED, updated_at=NOW)

    assert [read(tenant, turn=2) for _ in range(4)] == [2, 2, 1, 0]
    assert len(findings()) == 5
    assert TextsRead.objects.get().read == 5


@pytest.mark.django_db
def test_other_terms_and_all_is_read_anew(tenant: Tenant) -> None:
    ListingFactory(tenant=tenant, public_remarks=WARNED)
    read(tenant)
    TextsRead.objects.update(terms="of yesterday")

    assert read(tenant) == 1
    assert len(findings()) == 1


@pytest.mark.django_db
def test_a_listing_that_is_deleted_has_nothing_to_mend(tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant, public_remarks=WARNED, updated_at=NOW)
    read(tenant)
    Listing.objects.filter(pk=listing.pk).update(
        standard_status=StandardStatus.DELETE, updated_at=NOW + timedelta(hours=1)
    )
    read(tenant)

    assert findings() == [("top rated schools", "warn", "mended")]


@pytest.mark.django_db
def test_the_clock_has_new_remarks_read(tenant: Tenant) -> None:
    ListingFactory(tenant=tenant, public_remarks=WARNED)

    tasks.check_all_remarks()
    tasks.check_remarks(0)

    assert len(findings()) == 1


@pytest.mark.django_db
def test_a_warned_sentence_is_kept_with_a_reason(
    tenant: Tenant, broker: User, broker_client: Client, agent_client: Client
) -> None:
    row = TextFindingFactory(listing__tenant=tenant)
    assert "Your broker may keep it, with a reason." in body(agent_client.get(page()))
    assert 'name="reason"' in body(broker_client.get(page()))

    assert said(broker_client.post(page("finding-keep", row.pk), {"reason": " "})) == ["Say why it stays."]
    assert agent_client.post(page("finding-keep", row.pk), {"reason": "x"}).status_code == 403
    done = broker_client.post(page("finding-keep", row.pk), {"reason": "A quote of the  district's page"})

    assert said(done)[-1] == "Kept, with your reason."
    row.refresh_from_db()
    assert (row.state, row.reason, row.overridden_by, row.overridden_at) == (
        "overridden",
        "A quote of the district's page",
        broker,
        NOW,
    )
    assert "No remarks read yet" in body(broker_client.get(page()))
    assert "A quote of the district&#x27;s page" in body(broker_client.get(page(), {"state": "overridden"}))


@pytest.mark.django_db
def test_what_the_law_forbids_cannot_be_kept(tenant: Tenant, broker: User, broker_client: Client) -> None:
    row = TextFindingFactory(listing__tenant=tenant, severity="block", term="adults only")

    assert "No reason makes this publishable" in body(broker_client.get(page()))
    refused = broker_client.post(page("finding-keep", row.pk), {"reason": "The owner insists"})

    assert said(refused) == ["This may not be published, whatever the reason: mend the text."]
    row.refresh_from_db()
    assert (row.state, row.reason) == ("open", "")


@pytest.mark.django_db
def test_a_text_is_checked_before_it_is_published(tenant: Tenant, agent: User, agent_client: Client) -> None:
    clean = body(agent_client.post(page("text-check"), {"text": "Three bedrooms, fenced yard."}))
    assert "Nothing was found in this text." in clean

    found = body(
        agent_client.post(page("text-check"), {"text": "Perfect for a growing family! Top rated schools."})
    )
    agent_client.post(page("text-check"), {"text": "Top rated schools."})

    assert "3 places to mend" in found
    assert "Perfect for a growing family!</blockquote>" in found
    rows = TextFinding.objects.filter(tenant=tenant, place="marketing", listing=None, checked_by=agent)
    assert sorted(rows.values_list("term", "severity")) == [
        ("for a growing family", "block"),
        ("perfect/ideal/great for + person", "block"),
        ("top rated schools", "warn"),
    ]
    assert agent_client.post(page("text-check"), {"text": ""}).status_code == 422


@pytest.mark.django_db
def test_a_marketing_text_is_noted_as_mended_and_found_again(tenant: Tenant, agent_client: Client) -> None:
    agent_client.post(page("text-check"), {"text": "Top rated schools."})
    row = TextFinding.objects.get()
    remark = TextFindingFactory(listing__tenant=tenant)

    done = agent_client.post(page("finding-mended", row.pk))
    refused = agent_client.post(page("finding-mended", remark.pk))

    assert said(done)[0] == "Noted as mended."
    assert said(refused)[-1].startswith("Remarks are mended at their source")
    assert set(findings()) == {("top rated schools", "warn", "mended"), ("top rated schools", "warn", "open")}
    agent_client.post(page("text-check"), {"text": "Top rated schools."})
    row.refresh_from_db()
    assert row.state == "open"


@pytest.mark.django_db
def test_findings_of_others_are_not_ours(other_tenant: Tenant, broker: User, broker_client: Client) -> None:
    row = TextFindingFactory(listing__tenant=other_tenant)

    assert "No remarks read yet" in body(broker_client.get(page()))
    for name in ("finding-keep", "finding-mended"):
        assert broker_client.post(page(name, row.pk), {"reason": "x"}).status_code == 404
    with pytest.raises(DomainError, match="Say why"):
        services.override_finding(finding=row, reason="", by=broker, now=NOW)


@pytest.mark.django_db
def test_the_list_costs_the_same_however_long(tenant: Tenant, broker_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            broker_client.get(page())
        return len(captured)

    TextFindingFactory(listing__tenant=tenant)
    few = queries()
    TextFindingFactory.create_batch(20, listing__tenant=tenant)

    assert queries() == few
