from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from leads.models import Event, Lead, Tenant, User, WebhookDelivery
from tests import ghl
from tests.conftest import Freeze, SignIn
from tests.factories import WebhookDeliveryFactory

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BODY = {
    "type": "ContactCreate",
    "webhookId": "w-1",
    "timestamp": NOW.isoformat(),
    "id": "contact-1",
    "firstName": "Marked",
    "email": "marked@example.com",
}


@pytest.fixture(autouse=True)
def _door(settings: Settings, freeze: Freeze, db: None) -> None:
    ghl.open_door(settings)
    freeze(NOW)


@pytest.fixture
def delivery(tenant: Tenant) -> WebhookDelivery:
    (delivery,) = ghl.deliver(BODY | {"locationId": tenant.location_id})
    return delivery


def test_broker_sees_what_came_and_what_became_of_it(
    broker_client: Client, delivery: WebhookDelivery
) -> None:
    page = broker_client.get(reverse("leads:delivery-list"))

    text = page.content.decode()
    assert page.status_code == 200
    assert "ContactCreate" in text
    assert "Processed" in text
    assert "marked@example.com" not in text


def test_detail_shows_the_body_and_its_events(broker_client: Client, delivery: WebhookDelivery) -> None:
    text = broker_client.get(reverse("leads:delivery-detail", args=[delivery.pk])).content.decode()

    assert "marked@example.com" in text
    assert "contact.created" in text
    assert reverse("leads:lead-detail", args=[Lead.objects.get().pk]) in text


def test_body_that_is_no_json_is_shown_as_it_came(broker_client: Client, tenant: Tenant) -> None:
    delivery = WebhookDeliveryFactory(tenant=tenant, body="<b>not json</b>", state="failed")

    text = broker_client.get(reverse("leads:delivery-detail", args=[delivery.pk])).content.decode()

    assert "&lt;b&gt;not json&lt;/b&gt;" in text


def test_replay_processes_again_and_makes_nothing_twice(
    broker_client: Client, delivery: WebhookDelivery
) -> None:
    address = reverse("leads:delivery-replay", args=[delivery.pk])

    answer = broker_client.post(address)
    delivery.refresh_from_db()
    assert (answer.status_code, delivery.state) == (302, "accepted")
    ghl.work()

    delivery.refresh_from_db()
    assert delivery.state == "processed"
    assert Event.objects.count() == 1
    assert broker_client.get(address).status_code == 405


def test_waiting_delivery_is_not_put_in_line_twice(broker_client: Client, tenant: Tenant) -> None:
    waiting = WebhookDeliveryFactory(tenant=tenant)

    answer = broker_client.post(reverse("leads:delivery-replay", args=[waiting.pk]), follow=True)

    assert "still waiting for its first turn" in answer.content.decode()


def test_filters_live_in_the_address(broker_client: Client, tenant: Tenant) -> None:
    WebhookDeliveryFactory(tenant=tenant, type="NoteCreate", state="failed", reason="id: is missing")
    WebhookDeliveryFactory(tenant=tenant, type="TaskCreate", state="ignored", door="workflow")
    old = WebhookDeliveryFactory(tenant=tenant, type="ContactDelete", state="processed")
    WebhookDelivery.objects.filter(pk=old.pk).update(received_at=NOW - timedelta(days=3))

    def shown(**params: str) -> list[str]:
        page = broker_client.get(reverse("leads:delivery-list"), params)
        return [row.type for row in page.context["page"].object_list]

    assert shown() == ["ContactDelete", "TaskCreate", "NoteCreate"]
    assert shown(state="failed") == ["NoteCreate"]
    assert shown(door="workflow") == ["TaskCreate"]
    assert shown(type="TaskCreate") == ["TaskCreate"]
    assert shown(period="day") == ["TaskCreate", "NoteCreate"]
    assert shown(q="is missing") == ["NoteCreate"]
    assert shown(q=old.webhook_id) == ["ContactDelete"]
    assert shown(state="nonsense", period="nonsense", page="999") == shown()
    assert shown(q="\x00", type="\x00") == shown()
    assert shown(type="Nothing") == []


def test_counts_are_of_the_last_day(broker_client: Client, tenant: Tenant) -> None:
    WebhookDeliveryFactory(tenant=tenant, state="failed")
    old = WebhookDeliveryFactory(tenant=tenant, state="failed")
    WebhookDelivery.objects.filter(pk=old.pk).update(received_at=NOW - timedelta(days=3))

    page = broker_client.get(reverse("leads:delivery-list"))

    assert {state: count for state, _, count in page.context["counts"]} == {
        "accepted": 0,
        "processed": 0,
        "ignored": 0,
        "quarantined": 0,
        "failed": 1,
    }


def test_page_takes_the_same_queries_however_many_rows(
    broker_client: Client, tenant: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    WebhookDeliveryFactory.create_batch(60, tenant=tenant, state="processed")

    with django_assert_max_num_queries(14):
        broker_client.get(reverse("leads:delivery-list"))


def test_other_tenants_deliveries_do_not_exist(
    other_tenant: Tenant, delivery: WebhookDelivery, sign_in: SignIn, broker_client: Client
) -> None:
    theirs = WebhookDeliveryFactory(tenant=other_tenant, type="TheirsOnly")

    for name in ("leads:delivery-detail", "leads:delivery-replay"):
        address = reverse(name, args=[theirs.pk])
        assert broker_client.post(address).status_code in (404, 405)
        assert broker_client.get(address).status_code in (404, 405)
    assert "TheirsOnly" not in broker_client.get(reverse("leads:delivery-list")).content.decode()
    theirs.refresh_from_db()
    assert theirs.state == "accepted"


def test_agents_buyers_and_strangers_are_turned_away(
    agent_client: Client, buyer_client: Client, client: Client, delivery: WebhookDelivery
) -> None:
    addresses = [
        reverse("leads:delivery-list"),
        reverse("leads:delivery-detail", args=[delivery.pk]),
    ]
    for address in addresses:
        assert agent_client.get(address).status_code == 403
        assert buyer_client.get(address).status_code == 403
        assert client.get(address).status_code == 302
    replay = reverse("leads:delivery-replay", args=[delivery.pk])
    assert [each.post(replay).status_code for each in (agent_client, buyer_client, client)] == [403, 403, 302]
    delivery.refresh_from_db()
    assert delivery.state == "processed"


def test_unknown_locations_are_for_superusers_only(
    broker_client: Client, signed_admin_client: Client, admin: User, tenant: Tenant
) -> None:
    (stray,) = ghl.deliver(BODY | {"locationId": "nowhere"})
    address, params = reverse("leads:delivery-list"), {"place": "unknown"}

    assert stray.tenant is None
    assert admin.is_superuser
    assert list(broker_client.get(address, params).context["page"].object_list) == []
    assert list(signed_admin_client.get(address, params).context["page"].object_list) == [stray]
    assert list(signed_admin_client.get(address).context["page"].object_list) == []
    detail = reverse("leads:delivery-detail", args=[stray.pk])
    assert broker_client.get(detail).status_code == 404
    assert signed_admin_client.get(detail).status_code == 200


def test_empty_page_says_what_to_do(broker_client: Client) -> None:
    text = broker_client.get(reverse("leads:delivery-list")).content.decode()

    assert "No webhook has come yet" in text
