"""A superuser connects a location this server does not know, or works in one it has."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from leads.errors import DomainError
from leads.models import GHLConnection, Membership, Role, Tenant, User
from leads.services import team
from tests.conftest import SignIn
from tests.factories import GHLConnectionFactory, MembershipFactory, TenantFactory, UserFactory
from tests.ghl_api import COMPANY, LOCATION, StubGHL, ok, refused, stand_in

PAGE = reverse("leads:ghl-locations")
SETTINGS = reverse("leads:settings-ghl")
BEGIN = reverse("leads:ghl-connect-new")
CALLBACK = reverse("leads:ghl-callback")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    return stand_in(monkeypatch, settings)


@pytest.fixture
def root(db: None) -> User:
    """Who runs the server, and belongs to no brokerage."""
    user: User = UserFactory(name="Robin Root", is_superuser=True, is_staff=True)
    return user


@pytest.fixture
def root_client(root: User, sign_in: SignIn) -> Client:
    return sign_in(root)


def told(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


def begin(browser: Client) -> str:
    return parse_qs(urlsplit(browser.get(BEGIN)["Location"]).query)["state"][0]


# Who comes in


def test_one_who_runs_the_server_is_led_to_the_locations(root_client: Client) -> None:
    for route in ("leads:settings-ghl", "leads:ghl-connect"):
        response = root_client.get(reverse(route))
        assert (response.status_code, response["Location"]) == (302, PAGE)
    assert f'href="{PAGE}"' in root_client.get("/").content.decode()
    assert f'href="{PAGE}"' in root_client.get("/admin/").content.decode()
    assert "No location yet" in root_client.get(PAGE).content.decode()


def test_a_stranger_is_sent_to_sign_in(client: Client, tenant: Tenant) -> None:
    join = reverse("leads:ghl-location-join", args=[tenant.pk])

    for response in (client.get(PAGE), client.get(BEGIN), client.post(join)):
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("leads:login"))


def test_no_role_alone_opens_the_locations(
    tenant: Tenant, other_tenant: Tenant, agent_client: Client, broker_client: Client, buyer_client: Client
) -> None:
    join = reverse("leads:ghl-location-join", args=[other_tenant.pk])

    for browser in (agent_client, broker_client, buyer_client):
        assert browser.get(PAGE).status_code == 403
        assert browser.get(BEGIN).status_code == 403
        assert browser.post(join).status_code == 403
    assert not Membership.objects.filter(tenant=other_tenant).exists()


def test_staff_without_the_rights_of_a_superuser_stay_out(sign_in: SignIn, tenant: Tenant) -> None:
    browser = sign_in(UserFactory(is_staff=True))

    assert browser.get(PAGE).status_code == 403
    assert browser.get(SETTINGS).status_code == 403
    assert browser.get(reverse("leads:ghl-connect")).status_code == 403


def test_a_superuser_who_is_an_agent_is_led_there_too(agent: User, agent_client: Client) -> None:
    User.objects.filter(pk=agent.pk).update(is_superuser=True)

    assert agent_client.get(SETTINGS)["Location"] == PAGE
    assert agent_client.post(reverse("leads:workflow-secret-rotate")).status_code == 403


def test_an_admin_who_is_a_superuser_keeps_the_page_of_their_tenant(signed_admin_client: Client) -> None:
    page = signed_admin_client.get(SETTINGS).content.decode()

    assert "Not connected" in page
    assert f'href="{PAGE}"' in page


# The page


def test_locations_are_listed_with_their_state(
    root: User, root_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connected, plain, removed = (
        TenantFactory(name=name, is_active=name != "Cedar") for name in ("Alder", "Birch", "Cedar")
    )
    GHLConnectionFactory(tenant=connected)
    MembershipFactory(user=root, tenant=plain, role=Role.ADMIN)

    page = root_client.get(PAGE).content.decode()

    rows = page.split("<li ")[-3:]
    assert [name in row for name, row in zip(("Alder", "Birch", "Cedar"), rows, strict=True)] == [True] * 3
    assert [">Connected<" in row for row in rows] == [True, False, False]
    assert "Work here as admin" in rows[0]
    assert f'href="{SETTINGS}"' in rows[1]
    assert "App removed" in rows[2]
    assert f"/{removed.pk}/join/" not in rows[2]
    TenantFactory.create_batch(20)
    # session, user, memberships, count, page, figures of the frame, cursor
    with django_assert_num_queries(7):
        root_client.get(PAGE)


def test_locations_are_found_by_name_and_id(root_client: Client) -> None:
    TenantFactory(name="Alder & Pine", location_id="locAlder")
    TenantFactory(name="Birch")

    for q in ("ald", "locAlder"):
        page = root_client.get(PAGE, {"q": q}).content.decode()
        assert "Alder &amp; Pine" in page
        assert "Birch" not in page
    assert "No location matches “zzz”" in root_client.get(PAGE, {"q": "zzz"}).content.decode()


# Working in one


def test_a_superuser_works_in_a_location_as_its_admin(
    root: User, root_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    MembershipFactory(user=root, tenant=other_tenant, role=Role.AGENT)

    response = root_client.post(reverse("leads:ghl-location-join", args=[tenant.pk]))

    assert response["Location"] == SETTINGS
    assert told(response) == ["You work at Hearth Realty now, as its admin."]
    assert Membership.objects.get(user=root, tenant=tenant).role == Role.ADMIN
    page = root_client.get(SETTINGS).content.decode()
    assert tenant.location_id in page
    assert other_tenant.location_id not in page


def test_joining_again_brings_an_ended_membership_back(
    root: User, root_client: Client, tenant: Tenant
) -> None:
    MembershipFactory(user=root, tenant=tenant, role=Role.ADMIN, is_active=False)

    root_client.post(reverse("leads:ghl-location-join", args=[tenant.pk]))
    root_client.post(reverse("leads:ghl-location-join", args=[tenant.pk]))

    assert Membership.objects.get(user=root, tenant=tenant).is_active


def test_joining_connects_a_location_whose_agency_is_connected(
    api: StubGHL, root_client: Client, django_capture_on_commit_callbacks: object
) -> None:
    tenant = TenantFactory(location_id=LOCATION, company_id=COMPANY)
    GHLConnectionFactory(tenant=None, user_type=GHLConnection.UserType.COMPANY, company_id=COMPANY)
    api.on("POST", "/oauth/locationToken", ok("location_token", 201))
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    api.on("GET", "/users/", ok("users"))

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        root_client.post(reverse("leads:ghl-location-join", args=[tenant.pk]))

    assert GHLConnection.objects.get(tenant=tenant).access_token == "location-access-1"


def test_a_location_that_is_gone_or_removed_is_not_joined(root: User, root_client: Client) -> None:
    removed = TenantFactory(name="Cedar", is_active=False)

    response = root_client.post(reverse("leads:ghl-location-join", args=[removed.pk]))
    missing = root_client.post(reverse("leads:ghl-location-join", args=[removed.pk + 1]))

    assert told(response) == ["Cedar is not served: the app was removed there. Connect it again."]
    assert missing.status_code == 404
    assert not root.memberships.exists()
    assert root_client.get(reverse("leads:ghl-location-join", args=[removed.pk])).status_code == 405


def test_only_a_superuser_joins_uninvited(agent: User, other_tenant: Tenant) -> None:
    with pytest.raises(DomainError) as raised:
        team.join_as_admin(tenant=other_tenant, user=agent)

    assert raised.value.code == "role"
    assert not other_tenant.memberships.exists()


# Connecting a new one


def test_a_new_location_becomes_a_tenant_with_its_admin(
    api: StubGHL, root: User, root_client: Client, django_capture_on_commit_callbacks: object
) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))
    api.on("GET", f"/locations/{LOCATION}", ok("location"))
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    api.on("GET", "/users/", ok("users"))
    state = begin(root_client)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        response = root_client.get(CALLBACK, {"code": "c0de", "state": state})

    assert response["Location"] == SETTINGS
    assert told(response) == ["Connected. Hearthline reads this location's fields and team now."]
    tenant = Tenant.objects.get()
    assert (tenant.location_id, tenant.company_id) == (LOCATION, COMPANY)
    assert (tenant.name, tenant.time_zone) == ("Alder & Pine Realty", "America/Los_Angeles")
    assert tenant.installed_at is not None
    assert GHLConnection.objects.get(tenant=tenant).access_token == "access-2"
    membership = Membership.objects.get(user=root)
    assert (membership.tenant, membership.role) == (tenant, Role.ADMIN)
    assert tenant.custom_fields.count() == 3
    assert "Alder &amp; Pine Realty" in root_client.get(SETTINGS).content.decode()


def test_a_new_location_can_do_without_its_name(api: StubGHL, root_client: Client) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))
    api.on("GET", f"/locations/{LOCATION}", refused(401, "The token is not authorized for this scope."))

    root_client.get(CALLBACK, {"code": "c0de", "state": begin(root_client)})

    tenant = Tenant.objects.get()
    assert tenant.name == f"Location {LOCATION[-6:]}"
    assert "lacks the scope locations.readonly" in GHLConnection.objects.get(tenant=tenant).last_error


def test_a_known_location_keeps_its_name_and_its_team(
    api: StubGHL, root: User, root_client: Client, broker: User, tenant: Tenant
) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(location_id=LOCATION, is_active=False)
    api.on("POST", "/oauth/token", ok("token_location"))

    root_client.get(CALLBACK, {"code": "c0de", "state": begin(root_client)})

    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.is_active) == ("Hearth Realty", True)
    held = {(each.user, each.role) for each in tenant.memberships.all()}
    assert held == {(broker, Role.BROKER), (root, Role.ADMIN)}
    assert api.asked("GET", f"/locations/{LOCATION}") == []


def test_an_agency_is_connected_without_a_tenant(api: StubGHL, root: User, root_client: Client) -> None:
    api.on("POST", "/oauth/token", ok("token_company"))

    response = root_client.get(CALLBACK, {"code": "c0de", "state": begin(root_client)})

    assert response["Location"] == PAGE
    assert told(response) == ["The agency is connected. Its locations appear here as it installs them."]
    assert GHLConnection.objects.get().company_id == COMPANY
    assert not Tenant.objects.exists()
    assert not root.memberships.exists()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"userType": "Location"}, "GoHighLevel named no location. Connect again and choose one."),
        ({"userType": "Company"}, "GoHighLevel named no agency. Connect again."),
    ],
)
def test_a_grant_for_nothing_connects_nothing(
    api: StubGHL, root_client: Client, answer: dict[str, str], sentence: str
) -> None:
    tokens = {"access_token": "a", "refresh_token": "b", "expires_in": 86_399}
    api.on("POST", "/oauth/token", httpx.Response(200, json=tokens | answer))

    response = root_client.get(CALLBACK, {"code": "c0de", "state": begin(root_client)})

    assert (response["Location"], told(response)) == (PAGE, [sentence])
    assert not GHLConnection.objects.exists()
    assert not Tenant.objects.exists()


def test_a_code_that_is_refused_is_said(api: StubGHL, root_client: Client) -> None:
    api.on("POST", "/oauth/token", refused(400, "invalid_grant"))

    response = root_client.get(CALLBACK, {"code": "c0de", "state": begin(root_client)})

    assert response["Location"] == PAGE
    assert "does not accept the code" in told(response)[0]
    assert not Tenant.objects.exists()


def test_a_refusal_on_the_consent_page_is_said(api: StubGHL, root_client: Client) -> None:
    response = root_client.get(CALLBACK, {"state": begin(root_client), "error": "access_denied"})

    assert response["Location"] == PAGE
    assert told(response) == ["GoHighLevel sent no code: the connection was not allowed there."]


def test_without_an_app_nothing_begins(root_client: Client, settings: Settings) -> None:
    settings.GHL_CLIENT_ID = ""

    response = root_client.get(BEGIN, follow=True)

    assert response.redirect_chain[-1][0] == PAGE
    assert "Set GHL_CLIENT_ID and GHL_CLIENT_SECRET first" in response.content.decode()


@pytest.mark.parametrize("change", ["state", "until", "rights"])
def test_an_answer_not_asked_for_connects_nothing(
    api: StubGHL, root: User, root_client: Client, broker_client: Client, change: str
) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))
    state = begin(root_client)
    session = root_client.session
    if change == "until":
        until = (timezone.now() - timedelta(seconds=1)).timestamp()
        session["ghl_state"] = {**session["ghl_state"], "until": until}
    session.save()
    browser = root_client
    if change == "rights":  # a broker's browser that got hold of a superuser's state
        browser, kept = broker_client, session["ghl_state"]
        session = broker_client.session
        session["ghl_state"] = kept
        session.save()

    given = "other" if change == "state" else state
    response = browser.get(CALLBACK, {"code": "c0de", "state": given})

    assert told(response)[0].startswith("This answer of GoHighLevel was not asked for here")
    assert api.requests == []
    assert not GHLConnection.objects.exists()


def test_a_state_of_a_tenant_is_no_use_once_its_role_ended(
    api: StubGHL, root: User, root_client: Client, tenant: Tenant
) -> None:
    membership = MembershipFactory(user=root, tenant=tenant, role=Role.ADMIN)
    state = parse_qs(urlsplit(root_client.get(reverse("leads:ghl-connect"))["Location"]).query)["state"][0]
    Membership.objects.filter(pk=membership.pk).update(role=Role.AGENT)

    response = root_client.get(CALLBACK, {"code": "c0de", "state": state})

    assert told(response)[0].startswith("This answer of GoHighLevel was not asked for here")
    assert api.requests == []
