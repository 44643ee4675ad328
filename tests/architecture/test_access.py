"""Every address is tried by a stranger, in each wrong role, from another tenant, and by those it is for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leads.authentication import issue_tokens
from leads.models import Membership, Role, Tenant, User
from tests.architecture.routes import API, EVERYONE, OPEN, PAGES, Route, named_routes
from tests.conftest import SignIn
from tests.factories import MembershipFactory, UserFactory

ROUTES = {**PAGES, **API}
pytestmark = pytest.mark.usefixtures("redis_client")  # nobody is throttled for what another test did
LETTING_IN = {200, 201, 202, 204, 302, 303, 400, 409, 422}


def member(tenant: Tenant, role: Role) -> User:
    user: User = UserFactory()
    MembershipFactory(user=user, tenant=tenant, role=role)
    return user


def address(name: str, route: Route, tenant: Tenant, user: User) -> str:
    return reverse(name, kwargs=route.make(tenant, user) if route.make else None)


def call(browser: Client, route: Route, url: str, **options: Any) -> Any:
    """Call an address as a page's form or a program would; a stream is opened and closed."""
    response = getattr(browser, route.method)(url, **options)
    response.close()
    return response


def token_of(user: User) -> dict[str, str]:
    access = issue_tokens(Membership.objects.get(user=user)).access_token
    return {"Authorization": f"Bearer {access}"}


def test_every_address_has_a_name_and_is_listed() -> None:
    routes = named_routes()
    by_name = {name: pattern for name, pattern in routes if name}
    unnamed = [pattern for name, pattern in routes if not name and f"{pattern}/" not in by_name.values()]

    assert unnamed == []
    assert set(by_name) == set(ROUTES) | (set(OPEN) & set(by_name))


def test_every_name_is_kebab_and_every_address_ends_in_a_slash_or_a_file() -> None:
    for name, pattern in named_routes():
        short = name.rpartition(":")[2]
        assert short == short.lower().replace("_", "-")
        machine = pattern.startswith(("health/", "metrics", "webhooks/")) or name == "leads:landing"
        is_file = "." in pattern.rpartition("/")[2]
        assert machine or is_file or pattern.rstrip("$").endswith("/"), pattern


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_sends_a_stranger_to_sign_in(name: str, tenant: Tenant, agent: User) -> None:
    route = PAGES[name]
    url = _personal_address(name) if route.is_personal else address(name, route, tenant, agent)

    answer = call(Client(), route, url)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("leads:login"))


def _personal_address(name: str) -> str:
    return reverse(name, args=["someone"])


@pytest.mark.parametrize("name", sorted(API))
def test_api_refuses_a_stranger(name: str, tenant: Tenant, agent: User) -> None:
    answer = call(Client(), API[name], address(name, API[name], tenant, agent))
    assert answer.status_code == 401
    assert answer.json()["status"] == 401


WRONG = [(name, role) for name in sorted(ROUTES) for role in Role if role not in ROUTES[name].roles]


@pytest.mark.parametrize(("name", "role"), WRONG)
def test_wrong_role_is_refused(name: str, role: Role, tenant: Tenant, agent: User, sign_in: SignIn) -> None:
    route, user = ROUTES[name], member(tenant, role)
    url = _personal_address(name) if route.is_personal else address(name, route, tenant, agent)
    browser = Client() if name in API else sign_in(user)
    headers = token_of(user) if name in API else {}

    answer = call(browser, route, url, headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("name", sorted(name for name, route in ROUTES.items() if route.make and route.roles))
def test_what_belongs_to_another_tenant_does_not_exist(
    name: str, tenant: Tenant, other_tenant: Tenant, sign_in: SignIn
) -> None:
    route = ROUTES[name]
    role = Role.BROKER if Role.BROKER in route.roles else sorted(route.roles)[0]
    owner, other = member(tenant, role), member(other_tenant, role)
    if route.is_personal:
        sign_in(owner)
    url = address(name, route, tenant, owner)
    browser = Client() if name in API else sign_in(other)
    headers = token_of(other) if name in API else {}

    answer = call(browser, route, url, headers=headers)

    assert answer.status_code == 404


RIGHT = [(name, role) for name in sorted(ROUTES) for role in sorted(ROUTES[name].roles)]


@pytest.mark.parametrize(("name", "role"), RIGHT)
def test_right_role_is_let_in(name: str, role: Role, tenant: Tenant, sign_in: SignIn) -> None:
    route, user = ROUTES[name], member(tenant, role)
    browser = sign_in(user)
    url = address(name, route, tenant, user)
    if name in API:
        browser = Client()
    headers = token_of(user) if name in API else {}

    data = route.data(tenant, user) if route.data else {}
    form = {"content_type": "application/json"} if name in API and route.method == "post" else {}
    answer = call(browser, route, url, headers=headers, data=data, **form)

    assert answer.status_code in ({route.answer} if route.answer else LETTING_IN)


FOR_MEMBERS = sorted(name for name, route in PAGES.items() if route.roles != EVERYONE)


@pytest.mark.parametrize("name", FOR_MEMBERS)
def test_ended_membership_is_let_in_nowhere(name: str, tenant: Tenant, sign_in: SignIn) -> None:
    route = PAGES[name]
    user = member(tenant, Role.BROKER)
    browser = sign_in(user)
    url = _personal_address(name) if route.is_personal else address(name, route, tenant, user)
    Membership.objects.update(is_active=False)

    assert call(browser, route, url).status_code == 403
