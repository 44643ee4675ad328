from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from leads.models import Notification, Tenant, User
from tests.conftest import SignIn
from tests.factories import AlertFactory, LeadFactory, MembershipFactory, NotificationFactory, UserFactory

PAGE = "/notifications/"
HTMX = {"HX-Request": "true"}


def shown(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="notice-(\d+)"', page)]


def unread_told(response: object) -> int:
    found: int = json.loads(response.headers["HX-Trigger"])["unread"]["value"]  # type: ignore[attr-defined]
    return found


@pytest.fixture
def notices(agent: User, tenant: Tenant) -> list[Notification]:
    """Three notices of the agent's, the last one read, beside those of others."""
    found: list[Notification] = NotificationFactory.create_batch(
        2, user=agent, tenant=tenant, url="/agent/leads/7/"
    )
    found.append(NotificationFactory(user=agent, tenant=tenant, read_at=timezone.now()))
    NotificationFactory(user=agent)  # of another tenant
    NotificationFactory(tenant=tenant)  # of a colleague
    return found


def test_notices_are_shown_newest_first_to_their_reader_only(
    agent_client: Client, notices: list[Notification]
) -> None:
    page = agent_client.get(PAGE).content.decode()

    assert shown(page) == [each.pk for each in reversed(notices)]
    assert '<a class="row-link" id="notice-link-' in page
    assert 'href="/agent/leads/7/"' in page


def test_unread_notices_can_be_shown_alone(agent_client: Client, notices: list[Notification]) -> None:
    page = agent_client.get(PAGE, {"show": "unread"}).content.decode()

    assert shown(page) == [notices[1].pk, notices[0].pk]
    assert 'href="/notifications/?show=unread" aria-current="true"' in page


def test_a_notice_of_an_alert_names_the_lead_to_the_team(
    agent_client: Client, agent: User, tenant: Tenant
) -> None:
    lead = LeadFactory(tenant=tenant, first_name="Maya", last_name="Okafor")
    NotificationFactory(user=agent, tenant=tenant, alert=AlertFactory(lead=lead), text="Turned hot.")

    page = agent_client.get(PAGE).content.decode()

    assert "Maya Okafor · Hot lead" in page


def test_one_who_left_the_team_is_told_no_name(tenant: Tenant, buyer: User, sign_in: SignIn) -> None:
    lead = LeadFactory(tenant=tenant, first_name="Maya", last_name="Okafor")
    NotificationFactory(user=buyer, tenant=tenant, alert=AlertFactory(lead=lead), text="Turned hot.")

    page = sign_in(buyer).get(PAGE).content.decode()

    assert "Turned hot." in page
    assert "Okafor" not in page


def test_pages_go_on_where_the_last_one_ended(agent_client: Client, agent: User, tenant: Tenant) -> None:
    keys = [each.pk for each in NotificationFactory.create_batch(65, user=agent, tenant=tenant)][::-1]

    first = agent_client.get(PAGE).content.decode()
    NotificationFactory(user=agent, tenant=tenant)  # comes while they read
    second = agent_client.get(PAGE, {"before": keys[29]}).content.decode()
    third = agent_client.get(PAGE, {"before": keys[59]}).content.decode()

    assert shown(first) == keys[:30]
    assert f'href="/notifications/?show=all&amp;before={keys[29]}"' in first
    assert "Newest" not in first
    assert shown(second) == keys[30:60]
    assert shown(third) == keys[60:]
    assert "Earlier" not in third
    assert 'href="/notifications/?show=all"' in third
    assert "Nothing before this" in agent_client.get(PAGE, {"before": keys[-1]}).content.decode()


@pytest.mark.parametrize("before", ["x", "-1", "1.5", "9" * 30, "²"])
def test_a_page_that_begins_nowhere_is_not_found(agent_client: Client, before: str) -> None:
    assert agent_client.get(PAGE, {"before": before}).status_code == 404


@pytest.mark.parametrize("count", [2, 30])
def test_the_page_asks_a_fixed_number_of_times(
    agent_client: Client,
    agent: User,
    tenant: Tenant,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for lead in LeadFactory.create_batch(count, tenant=tenant):
        NotificationFactory(user=agent, tenant=tenant, alert=AlertFactory(lead=lead))
    agent_client.get(PAGE)

    # session, user, memberships, cursor, counts, page, figures of the frame
    with django_assert_num_queries(7):
        agent_client.get(PAGE)


def test_every_role_has_its_own_frame(
    broker_client: Client, signed_admin_client: Client, buyer_client: Client, seller_client: Client
) -> None:
    for team_client in (broker_client, signed_admin_client):
        page = team_client.get(PAGE).content.decode()
        assert 'data-portal="agent"' in page
        assert "Command centre" in page
        assert "hot, waits too long for a reply" in page
    for portal, client in (("buyer", buyer_client), ("seller", seller_client)):
        page = client.get(PAGE).content.decode()
        assert f'data-portal="{portal}"' in page
        assert "Command centre" not in page
        assert "When your agent shares something with you" in page


def test_one_without_a_membership_has_none(sign_in: SignIn, db: None) -> None:
    browser = sign_in(UserFactory())

    assert "All caught up" in browser.get(PAGE).content.decode()
    assert browser.post("/notifications/read/", follow=True).status_code == 200


def test_the_frame_counts_what_is_unread(
    agent_client: Client, buyer_client: Client, buyer: User, tenant: Tenant, notices: list[Notification]
) -> None:
    NotificationFactory(user=buyer, tenant=tenant)

    for_agent = agent_client.get("/agent/").content.decode()
    for_buyer = buyer_client.get("/").content.decode()

    count = '<span class="chip chip-accent num" data-unread ><span data-count>{}</span>'
    assert count.format(2) in for_agent
    assert count.format(1) in for_buyer
    assert '<span data-unread ><span class="count-badge" data-count>1</span>' in for_buyer


def test_palette_and_menu_lead_to_it(agent_client: Client) -> None:
    page = agent_client.get("/agent/").content.decode()

    assert page.count('href="/notifications/"') == 4  # two menus, the drawer, the palette
    assert 'href="/notifications/"' in agent_client.get("/search/", {"q": "noti"}).content.decode()


# Reading


def test_a_notice_is_marked_as_read(agent_client: Client, notices: list[Notification]) -> None:
    response = agent_client.post(
        f"/notifications/{notices[0].pk}/read/", {"next": "/notifications/?show=unread"}
    )

    assert response["Location"] == "/notifications/?show=unread"
    assert _unread(notices) == [False, True, False]


def test_a_notice_marked_on_the_page_comes_back_as_a_row(
    agent_client: Client, notices: list[Notification]
) -> None:
    response = agent_client.post(f"/notifications/{notices[0].pk}/read/", headers=HTMX)

    row = response.content.decode()
    assert shown(row) == [notices[0].pk]
    assert 'data-state="read"' in row
    assert "Mark as read" not in row
    assert unread_told(response) == 1


def test_a_notice_read_twice_keeps_its_first_time(agent_client: Client, notices: list[Notification]) -> None:
    read_at = timezone.now() - timedelta(days=1)
    Notification.objects.filter(pk=notices[0].pk).update(read_at=read_at)

    agent_client.post(f"/notifications/{notices[0].pk}/read/")

    assert Notification.objects.get(pk=notices[0].pk).read_at == read_at


@pytest.mark.parametrize("whose", ["a colleague's", "of another tenant"])
def test_the_notice_of_another_does_not_exist(
    whose: str, agent: User, agent_client: Client, tenant: Tenant
) -> None:
    mine = whose == "of another tenant"
    notice = NotificationFactory(user=agent) if mine else NotificationFactory(tenant=tenant)

    assert agent_client.post(f"/notifications/{notice.pk}/read/").status_code == 404
    assert Notification.objects.get(pk=notice.pk).read_at is None


def test_all_are_marked_as_read_but_what_came_since(
    agent_client: Client, agent: User, tenant: Tenant, notices: list[Notification]
) -> None:
    later = NotificationFactory(user=agent, tenant=tenant)

    response = agent_client.post("/notifications/read/", {"upto": notices[2].pk}, follow=True)

    assert "2 marked as read." in response.content.decode()
    assert _unread([*notices, later]) == [False, False, False, True]
    assert Notification.objects.filter(read_at__isnull=True).count() == 3  # the others' and the later one


def test_all_marked_on_an_earlier_page_leave_what_came_since(
    agent_client: Client, agent: User, tenant: Tenant
) -> None:
    keys = [each.pk for each in NotificationFactory.create_batch(33, user=agent, tenant=tenant)]
    page = agent_client.get(PAGE, {"before": keys[3]}).content.decode()
    later = NotificationFactory(user=agent, tenant=tenant)
    [upto] = re.findall(r'name="upto" value="(\d+)"', page)
    [address] = re.findall(r'hx-post="(/notifications/read/[^"]*)"', page)

    response = agent_client.post(unescape(address), {"upto": upto}, headers=HTMX)

    assert list(Notification.objects.filter(read_at=None)) == [later]
    assert unread_told(response) == 1
    assert shown(response.content.decode()) == keys[2::-1]  # still the page they were on


def test_all_marked_on_the_page_come_back_as_a_list(
    agent_client: Client, notices: list[Notification]
) -> None:
    response = agent_client.post("/notifications/read/?show=unread", headers=HTMX)

    page = response.content.decode()
    assert "<html" not in page
    assert "Nothing is unread. What comes next appears here." in page
    assert unread_told(response) == 0
    assert "Nothing was unread." in agent_client.post("/notifications/read/", follow=True).content.decode()


def test_the_list_alone_is_for_a_page_that_stays_open(
    agent_client: Client, notices: list[Notification]
) -> None:
    response = agent_client.get(PAGE, {"part": "list"}, headers=HTMX)

    assert "<html" not in response.content.decode()
    assert shown(response.content.decode()) == [each.pk for each in reversed(notices)]
    assert unread_told(response) == 2
    assert "<html" in agent_client.get(PAGE, {"part": "list"}).content.decode()


def test_reading_is_not_done_by_a_link(agent_client: Client, notices: list[Notification]) -> None:
    assert agent_client.get("/notifications/read/").status_code == 405
    assert agent_client.get(f"/notifications/{notices[0].pk}/read/").status_code == 405


def test_switching_to_another_tenant_shows_its_notices(agent: User, agent_client: Client) -> None:
    elsewhere = MembershipFactory(user=agent)
    notice = NotificationFactory(user=agent, tenant=elsewhere.tenant)
    agent_client.post("/account/membership/", {"membership": elsewhere.pk})

    assert shown(agent_client.get(PAGE).content.decode()) == [notice.pk]


def _unread(notices: list[Notification]) -> list[bool]:
    return [Notification.objects.get(pk=each.pk).read_at is None for each in notices]
