from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path

from leads import access
from leads.models import Lead, Membership, Role, Tenant, User
from tests.conftest import SignIn
from tests.factories import (
    AlertFactory,
    CustomFieldFactory,
    EventFactory,
    IdentityFactory,
    InvitationFactory,
    LeadFactory,
    MembershipFactory,
    NotificationFactory,
    UserFactory,
    WebhookDeliveryFactory,
)


def _who(request: access.MemberRequest) -> HttpResponse:
    return JsonResponse({"tenant": request.tenant.pk, "role": request.membership.role})


def _anyone(request: access.UserRequest) -> HttpResponse:
    return JsonResponse({"user": request.user.pk, "member": request.membership is not None})


async def _stream(request: access.MemberRequest) -> HttpResponseBase:
    return JsonResponse({"tenant": request.tenant.pk})


def _next(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"next": access.safe_next(request)})


urlpatterns = [
    path("agent-page/", access.agent_required(_who)),
    path("broker-page/", access.broker_required(_who)),
    path("admin-page/", access.admin_required(_who)),
    path("buyer-page/", access.buyer_required(_who)),
    path("seller-page/", access.seller_required(_who)),
    path("signed-in-page/", access.sign_in_required(_anyone)),
    path("stream/", access.agent_required(_stream)),
    path("next/", _next),
    path("", include("config.urls")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

PAGES = {
    "agent-page": {Role.AGENT, Role.BROKER, Role.ADMIN},
    "broker-page": {Role.BROKER, Role.ADMIN},
    "admin-page": {Role.ADMIN},
    "buyer-page": {Role.BUYER},
    "seller-page": {Role.SELLER},
    "signed-in-page": set(Role),
}


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("role", list(Role))
def test_a_page_opens_for_its_roles_only(where: str, role: Role, tenant: Tenant, sign_in: SignIn) -> None:
    member = MembershipFactory(tenant=tenant, role=role)

    response = sign_in(member.user).get(f"/{where}/")

    assert response.status_code == (200 if role in PAGES[where] else 403)


@pytest.mark.parametrize("where", [*PAGES, "stream"])
def test_a_stranger_is_sent_to_sign_in(where: str, client: Client) -> None:
    response = client.get(f"/{where}/?tier=hot")

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next=/{where}/%3Ftier%3Dhot"


def test_a_strangers_post_does_not_come_back_as_a_get(client: Client) -> None:
    assert client.post("/agent-page/")["Location"] == "/accounts/login/?next=/"


def test_a_stranger_by_htmx_gets_401_and_a_way_to_sign_in(client: Client) -> None:
    response = client.get(
        "/agent-page/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/agent/leads/?tier=hot"},
    )

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/accounts/login/?next=/agent/leads/%3Ftier%3Dhot"


def test_a_stranger_by_htmx_from_elsewhere_is_not_sent_there(client: Client) -> None:
    response = client.get(
        "/agent-page/", headers={"HX-Request": "true", "HX-Current-URL": "http://evil.example/phish/"}
    )

    assert response["HX-Redirect"] == "/accounts/login/?next=/"


def test_a_program_that_is_a_stranger_gets_a_problem_document(client: Client) -> None:
    response = client.get("/agent-page/", headers={"Accept": "application/json"})

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_pages_about_people_are_not_cached(agent_client: Client) -> None:
    assert "no-store" in agent_client.get("/agent-page/")["Cache-Control"]


def test_an_async_view_is_guarded_too(agent: User, buyer: User, tenant: Tenant, sign_in: SignIn) -> None:
    assert sign_in(agent).get("/stream/").json() == {"tenant": tenant.pk}
    assert sign_in(buyer).get("/stream/").status_code == 403


@pytest.mark.django_db(transaction=True)
async def test_the_guard_works_under_asgi(async_client: AsyncClient, agent: User, tenant: Tenant) -> None:
    assert (await async_client.get("/stream/")).status_code == 302

    await async_client.aforce_login(agent, backend="django.contrib.auth.backends.ModelBackend")

    assert (await async_client.get("/stream/")).json() == {"tenant": tenant.pk}
    assert (await async_client.get("/agent-page/")).json()["tenant"] == tenant.pk


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", "https:evil"],
)
def test_next_never_leaves_the_site(target: str, client: Client) -> None:
    assert client.post("/next/", {"next": target}).json() == {"next": "/"}


def test_next_within_the_site_is_kept(client: Client) -> None:
    assert client.post("/next/", {"next": "/agent/leads/?q=1"}).json() == {"next": "/agent/leads/?q=1"}


# Membership of the request


def test_the_membership_picked_in_the_session_is_used(tenant: Tenant, other_tenant: Tenant) -> None:
    user = UserFactory()
    MembershipFactory(user=user, tenant=tenant)
    second = MembershipFactory(user=user, tenant=other_tenant, role=Role.BROKER)
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/agent-page/").json() == {"tenant": tenant.pk, "role": "agent"}

    response = browser.post("/account/membership/", {"membership": second.pk, "next": "/agent-page/"})

    assert response["Location"] == "/agent-page/"
    assert browser.get("/agent-page/").json() == {"tenant": other_tenant.pk, "role": "broker"}


def test_a_team_membership_comes_before_a_clients(tenant: Tenant, other_tenant: Tenant) -> None:
    user = UserFactory()
    MembershipFactory(user=user, tenant=other_tenant, role=Role.BUYER)
    MembershipFactory(user=user, tenant=tenant, role=Role.AGENT)
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    assert browser.get("/agent-page/").json() == {"tenant": tenant.pk, "role": "agent"}


def test_anothers_membership_cannot_be_picked(agent_client: Client, other_agent: User) -> None:
    membership = other_agent.memberships.get()

    assert agent_client.post("/account/membership/", {"membership": membership.pk}).status_code == 404


def _end_membership(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(is_active=False)


def _end_tenant(member: Membership) -> None:
    Tenant.objects.filter(pk=member.tenant_id).update(is_active=False)


@pytest.mark.parametrize("end", [_end_membership, _end_tenant])
def test_an_ended_membership_or_tenant_is_refused_at_the_next_request(
    end: Callable[[Membership], None], agent: User, agent_client: Client
) -> None:
    assert agent_client.get("/agent-page/").status_code == 200

    end(agent.memberships.get())

    assert agent_client.get("/agent-page/").status_code == 403
    assert agent_client.get("/signed-in-page/").json() == {"user": agent.pk, "member": False}


def test_a_closed_account_is_a_stranger(agent: User, agent_client: Client) -> None:
    User.objects.filter(pk=agent.pk).update(is_active=False)

    assert agent_client.get("/signed-in-page/").status_code == 302


def test_a_page_costs_three_queries_to_know_who_asks(
    agent_client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):  # session, user, memberships with their tenants
        agent_client.get("/agent-page/")


# Objects


def _request(membership: Membership) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = membership.user
    request.membership = membership  # type: ignore[attr-defined]
    request.tenant = membership.tenant  # type: ignore[attr-defined]
    return request


def test_a_lead_of_the_tenant_is_given_and_anothers_does_not_exist(
    agent: User, lead: Lead, other_lead: Lead
) -> None:
    request = _request(agent.memberships.get())

    assert access.get_lead(request, lead.pk) == lead
    for pk in (other_lead.pk, 0):
        with pytest.raises(Http404):
            access.get_lead(request, pk)


def test_a_deleted_lead_does_not_exist_and_a_merged_one_names_its_survivor(agent: User, lead: Lead) -> None:
    request = _request(agent.memberships.get())
    gone = LeadFactory(tenant=lead.tenant, status=Lead.Status.DELETED)
    merged = LeadFactory(tenant=lead.tenant, status=Lead.Status.MERGED, merged_into=lead)

    with pytest.raises(Http404):
        access.get_lead(request, gone.pk)
    assert access.get_lead(request, merged.pk).merged_into == lead


def test_a_buyer_sees_no_lead_but_themselves(buyer: User, lead: Lead) -> None:
    membership = buyer.memberships.get()
    request = _request(membership)

    assert list(access.leads_for(request)) == [membership.lead]
    with pytest.raises(Http404):
        access.get_lead(request, lead.pk)


def test_a_request_without_a_membership_sees_no_lead(lead: Lead) -> None:
    request = RequestFactory().get("/")
    request.membership = None  # type: ignore[attr-defined]

    assert list(access.leads_for(request)) == []
    with pytest.raises(Http404):
        access.get_lead(request, lead.pk)


TEAM_ROWS: list[tuple[Callable[[HttpRequest], Any], Callable[[Lead], Any]]] = [
    (access.alerts_for, lambda lead: AlertFactory(lead=lead)),
    (access.identities_for, lambda lead: IdentityFactory(lead=lead)),
    (access.events_for, lambda lead: EventFactory(lead=lead)),
    (access.custom_fields_for, lambda lead: CustomFieldFactory(tenant=lead.tenant)),
]
MANAGED_ROWS: list[tuple[Callable[[HttpRequest], Any], Callable[[Lead], Any]]] = [
    (access.deliveries_for, lambda lead: WebhookDeliveryFactory(tenant=lead.tenant)),
    (access.invitations_for, lambda lead: InvitationFactory(tenant=lead.tenant)),
]


@pytest.mark.parametrize(("rows_for", "make"), TEAM_ROWS)
def test_the_team_sees_its_tenants_rows_and_clients_none(
    rows_for: Callable[[HttpRequest], Any],
    make: Callable[[Lead], Any],
    agent: User,
    buyer: User,
    lead: Lead,
    other_lead: Lead,
) -> None:
    ours = make(lead)
    make(other_lead)

    assert list(rows_for(_request(agent.memberships.get()))) == [ours]
    with pytest.raises(PermissionDenied):
        rows_for(_request(buyer.memberships.get()))


@pytest.mark.parametrize(("rows_for", "make"), MANAGED_ROWS)
def test_the_broker_sees_the_tenants_managed_rows_and_agents_none(
    rows_for: Callable[[HttpRequest], Any],
    make: Callable[[Lead], Any],
    agent: User,
    broker: User,
    lead: Lead,
    other_lead: Lead,
) -> None:
    ours = make(lead)
    make(other_lead)

    assert list(rows_for(_request(broker.memberships.get()))) == [ours]
    with pytest.raises(PermissionDenied):
        rows_for(_request(agent.memberships.get()))


def test_single_rows_of_another_tenant_do_not_exist(
    broker: User, other_lead: Lead, other_agent: User
) -> None:
    request = _request(broker.memberships.get())
    other = other_lead.tenant

    for get, pk in [
        (access.get_alert, AlertFactory(lead=other_lead).pk),
        (access.get_delivery, WebhookDeliveryFactory(tenant=other).pk),
        (access.get_invitation, InvitationFactory(tenant=other).pk),
        (access.get_member, other_agent.memberships.get().pk),
        (access.get_merge, 1),
    ]:
        with pytest.raises(Http404):
            get(request, pk)


def test_leads_can_be_assigned_to_the_active_team_only(
    agent: User, broker: User, buyer: User, other_agent: User
) -> None:
    ended = MembershipFactory(tenant=broker.memberships.get().tenant, is_active=False)
    request = _request(agent.memberships.get())

    assert {m.user for m in access.team_for(request)} == {agent, broker}
    assert ended not in access.team_for(request)


def test_notifications_are_the_users_own_in_the_present_tenant(
    agent: User, broker: User, tenant: Tenant
) -> None:
    mine = NotificationFactory(user=agent, tenant=tenant)
    NotificationFactory(user=broker, tenant=tenant)
    NotificationFactory(user=agent)

    assert list(access.notifications_for(_request(agent.memberships.get()))) == [mine]
