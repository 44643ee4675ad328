"""Every route of the ground's API, tried by those it is not for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from leads import authentication
from leads.authentication import issue_tokens
from leads.models import Alert, APIKey, Event, Lead, LeadMerge, Membership, Role, Tenant, User
from leads.redis import circuit
from leads.services.accounts import change_password, create_api_key, revoke_api_key
from leads.services.merging import merge_leads
from tests.conftest import Freeze
from tests.factories import AlertFactory, LeadFactory, MembershipFactory
from tests.leads.api import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "leads/", None),
    ("POST", "leads/", {"name": "Eve"}),
    ("GET", "leads/{lead}/", None),
    ("PATCH", "leads/{lead}/", {"first_name": "Eve"}),
    ("DELETE", "leads/{lead}/", None),
    ("GET", "leads/{lead}/events/", None),
    ("POST", "leads/{lead}/events/", {"kind": "listing.viewed"}),
    ("GET", "leads/{lead}/duplicates/", None),
    ("POST", "leads/{lead}/merge/", {"absorbed": 1}),
    ("GET", "merges/", None),
    ("POST", "merges/{merge}/undo/", None),
    ("GET", "alerts/", None),
    ("GET", "alerts/{alert}/", None),
    ("POST", "alerts/{alert}/acknowledge/", None),
]
OF_ONE = [route for route in ROUTES if "{" in route[1]]


@pytest.fixture
def rows(tenant: Tenant) -> dict[str, int]:
    """The rows the routes are about, all of our tenant."""
    lead = LeadFactory(tenant=tenant)
    merge = merge_leads(survivor=LeadFactory(tenant=tenant), absorbed=LeadFactory(tenant=tenant), by=None)
    return {"lead": lead.pk, "merge": merge.pk, "alert": AlertFactory(lead=lead).pk}


def _state() -> list[Any]:
    """Return what a refused call must leave as it was."""
    return [
        list(Lead.objects.order_by("pk").values_list("pk", "first_name", "status")),
        list(Alert.objects.values_list("pk", "state")),
        list(LeadMerge.objects.values_list("pk", "undone_at")),
        Event.objects.count(),
    ]


def _assert_problem(response: Any, status: int) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "errors", "correlation_id"}
    assert body["status"] == status
    assert body["correlation_id"] == response["X-Correlation-ID"]


def _try_all(program: Caller, status: int, rows: dict[str, int], routes: list[tuple[str, str, Any]]) -> None:
    """Try routes and see each refused, nothing changed."""
    before = _state()
    for method, path, body in routes:
        response = program.send(method, path.format(**rows), body)

        _assert_problem(response, status)
        assert status != 401 or response["WWW-Authenticate"] == 'Bearer realm="api"'
        assert _state() == before, (method, path)


def test_a_stranger_is_refused(rows: dict[str, int]) -> None:
    _try_all(Caller(), 401, rows, ROUTES)


def test_a_buyer_is_refused(rows: dict[str, int], buyer: User) -> None:
    _try_all(caller(buyer.memberships.get()), 403, rows, ROUTES)


def test_rows_of_another_tenant_do_not_exist(rows: dict[str, int], other_agent: User) -> None:
    _try_all(caller(other_agent.memberships.get()), 404, rows, OF_ONE)


@pytest.mark.parametrize("path", ["leads/", "merges/", "alerts/"])
def test_lists_hold_rows_of_the_tenant_only(
    path: str, rows: dict[str, int], agent: User, other_agent: User
) -> None:
    assert caller(agent.memberships.get()).get(path).json()["count"] > 0
    assert caller(other_agent.memberships.get()).get(path).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }


def test_a_signed_in_browser_is_not_a_caller(rows: dict[str, int], agent_client: Client) -> None:
    before = _state()
    for method, path, _ in ROUTES:
        address = f"/api/v1/{path.format(**rows)}"
        assert agent_client.generic(method, address, content_type="application/json").status_code == 401

    assert _state() == before


@pytest.mark.parametrize("wrong", ["{", "[]", '"x"', "null", "\xff", "{" * 2000])
def test_a_bad_body_is_a_problem(wrong: str, rows: dict[str, int], agent: User) -> None:
    before = _state()
    program = caller(agent.memberships.get())
    for method, path, body in ROUTES:
        if body is not None:
            _assert_problem(program.send(method, path.format(**rows), wrong.encode("latin-1")), 400)

    assert _state() == before


def test_an_address_the_api_does_not_have_is_a_problem() -> None:
    _assert_problem(Caller().get("nothing/here/"), 404)


def test_a_method_a_route_does_not_have_is_a_problem(agent: User) -> None:
    _assert_problem(caller(agent.memberships.get()).send("PUT", "leads/", {}), 405)


@pytest.mark.parametrize("pk", ["0", "99999999999999999999", "x"])
def test_a_key_that_no_row_has_is_not_found(pk: str, agent: User) -> None:
    _assert_problem(caller(agent.memberships.get()).get(f"leads/{pk}/"), 404)


# Tokens


def test_a_token_is_given_for_email_and_password(agent: User, tenant: Tenant, lead: Lead) -> None:
    response = Caller().post(
        "auth/token/", {"email": agent.email.upper(), "password": "correct horse battery"}
    )

    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh"}
    found = Caller(f"Bearer {response.json()['access']}").get("leads/").json()
    assert [row["id"] for row in found["results"]] == [lead.pk]


def test_a_refresh_token_gives_a_new_access_token(agent: User) -> None:
    refresh = str(issue_tokens(agent.memberships.get()))

    response = Caller().post("auth/token/refresh/", {"refresh": refresh})

    assert response.status_code == 200
    assert Caller(f"Bearer {response.json()['access']}").get("leads/").status_code == 200


def test_the_tenant_of_a_token_can_be_chosen(agent: User, tenant: Tenant, other_tenant: Tenant) -> None:
    MembershipFactory(user=agent, tenant=other_tenant)
    theirs = LeadFactory(tenant=other_tenant)
    body = {"email": agent.email, "password": "correct horse battery"}

    token = Caller().post("auth/token/", {**body, "location_id": other_tenant.location_id}).json()["access"]

    assert [row["id"] for row in Caller(f"Bearer {token}").get("leads/").json()["results"]] == [theirs.pk]
    _assert_problem(Caller().post("auth/token/", {**body, "location_id": "elsewhere"}), 401)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "nobody@example.com", "password": "x"}, 401),
        ({"email": "not an address", "password": "x"}, 400),
        ({"email": "nobody@example.com"}, 400),
        ([], 400),
    ],
)
def test_a_token_is_refused(body: Any, status: int) -> None:
    _assert_problem(Caller().post("auth/token/", body), status)


def test_a_buyer_gets_no_token(buyer: User) -> None:
    response = Caller().post("auth/token/", {"email": buyer.email, "password": "correct horse battery"})

    _assert_problem(response, 401)


def test_five_failures_lock_the_account_for_a_while(agent: User) -> None:
    for _ in range(4):
        response = Caller().post("auth/token/", {"email": agent.email, "password": "wrong"})
        assert response.status_code == 401

    Caller().post("auth/token/", {"email": agent.email.upper(), "password": "wrong"})
    response = Caller().post("auth/token/", {"email": agent.email, "password": "correct horse battery"})

    _assert_problem(response, 429)
    assert response["Retry-After"] == "900"


def test_an_expired_token_is_refused(agent: User, freeze: Freeze) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    tokens = issue_tokens(agent.memberships.get())
    access, refresh = Caller(f"Bearer {tokens.access_token}"), str(tokens)
    assert access.get("leads/").status_code == 200

    clock.shift(timedelta(minutes=30))
    _assert_problem(access.get("leads/"), 401)
    assert Caller().post("auth/token/refresh/", {"refresh": refresh}).status_code == 200

    clock.shift(timedelta(days=7))
    _assert_problem(Caller().post("auth/token/refresh/", {"refresh": refresh}), 401)


def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_call(agent: User) -> None:
    tokens = issue_tokens(agent.memberships.get())

    _assert_problem(Caller().post("auth/token/refresh/", {"refresh": str(tokens.access_token)}), 401)
    _assert_problem(Caller(f"Bearer {tokens}").get("leads/"), 401)


def _close_membership(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(is_active=False)


def _close_user(member: Membership) -> None:
    User.objects.filter(pk=member.user_id).update(is_active=False)


def _close_tenant(member: Membership) -> None:
    Tenant.objects.filter(pk=member.tenant_id).update(is_active=False)


def _new_password(member: Membership) -> None:
    change_password(user=member.user, password="another horse battery")


@pytest.mark.parametrize("end", [_close_membership, _close_user, _close_tenant, _new_password])
def test_tokens_end_with_what_they_stand_for(end: Any, agent: User) -> None:
    member = agent.memberships.get()
    tokens = issue_tokens(member)
    access = Caller(f"Bearer {tokens.access_token}")
    assert access.get("leads/").status_code == 200

    end(member)

    _assert_problem(access.get("leads/"), 401)
    _assert_problem(Caller().post("auth/token/refresh/", {"refresh": str(tokens)}), 401)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer a b",
        "Bearer x.y.z",
        "Bearer \xff",
        "Api-Key",
        "Api-Key x",
        "Api-Key a.b",
        "Basic YTpi",
    ],
)
def test_a_credential_that_is_none_is_refused(authorization: str) -> None:
    _assert_problem(Caller(authorization).get("leads/"), 401)


# Keys


def test_a_key_calls_as_its_membership(agent: User, lead: Lead) -> None:
    _, text = create_api_key(membership=agent.memberships.get(), name="Website")

    assert [row["id"] for row in Caller(f"Api-Key {text}").get("leads/").json()["results"]] == [lead.pk]


def test_a_key_is_kept_as_a_digest(agent: User) -> None:
    key, text = create_api_key(membership=agent.memberships.get(), name="Website")

    row = APIKey.objects.get()
    assert text.partition(".")[2] not in f"{row.pk} {row.hashed_key}"
    assert row.prefix == text.partition(".")[0] == key.prefix


def test_a_revoked_key_is_refused(agent: User) -> None:
    key, text = create_api_key(membership=agent.memberships.get(), name="Website")
    revoke_api_key(key=key)

    _assert_problem(Caller(f"Api-Key {text}").get("leads/"), 401)


def test_an_expired_key_is_refused(agent: User, freeze: Freeze) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    _, text = create_api_key(
        membership=agent.memberships.get(), name="Website", expires_at=datetime(2026, 11, 2, tzinfo=UTC)
    )
    assert Caller(f"Api-Key {text}").get("leads/").status_code == 200

    clock.shift(timedelta(days=2))

    _assert_problem(Caller(f"Api-Key {text}").get("leads/"), 401)


@pytest.mark.parametrize("end", [_close_membership, _close_user, _close_tenant])
def test_keys_end_with_what_they_stand_for(end: Any, agent: User) -> None:
    member = agent.memberships.get()
    _, text = create_api_key(membership=member, name="Website")

    end(member)

    _assert_problem(Caller(f"Api-Key {text}").get("leads/"), 401)


# How often


def test_the_101st_request_in_a_minute_waits(agent: User, broker: User) -> None:
    one = caller(agent.memberships.get())
    for _ in range(100):
        assert one.get("alerts/").status_code == 200

    response = one.get("leads/")

    _assert_problem(response, 429)
    assert 1 <= int(response["Retry-After"]) <= 60
    assert caller(agent.memberships.get()).get("leads/").status_code == 429  # a new token is the same caller
    assert caller(broker.memberships.get()).get("leads/").status_code == 200


def test_a_key_and_its_user_are_counted_apart(agent: User, redis_client: Any) -> None:
    _, text = create_api_key(membership=agent.memberships.get(), name="Website")

    Caller(f"Api-Key {text}").get("leads/")
    caller(agent.memberships.get()).get("leads/")

    keys = {key.decode() for key in redis_client.keys("throttle:*")}
    assert keys == {f"throttle:caller:key:{text.partition('.')[0]}", f"throttle:caller:user:{agent.pk}"}
    assert all(0 < redis_client.pttl(key) <= 60_000 for key in keys)


def test_without_redis_each_process_counts_for_itself(
    agent: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(authentication, "_here", authentication._Windows())
    circuit.reset()
    try:
        one = caller(agent.memberships.get())
        for _ in range(100):
            assert one.get("merges/").status_code == 200

        response = one.get("merges/")
    finally:
        circuit.reset()

    _assert_problem(response, 429)
    assert 1 <= int(response["Retry-After"]) <= 60


def test_windows_of_one_process_slide_and_are_bounded() -> None:
    windows = authentication._Windows(size=2)
    assert [windows.count("a", 60, 2, now) for now in (0, 1, 2)] == [0, 0, 58]

    assert [windows.count("a", 60, 2, now) for now in (60, 60.5, 61)] == [0, 0.5, 0]

    for key in ("b", "c"):
        windows.count(key, 60, 2, 61)
    assert list(windows._windows) == ["b", "c"]


def test_an_address_may_ask_for_twenty_tokens_a_minute(db: None, redis_client: Any) -> None:
    for n in range(20):
        body = {"email": f"nobody{n}@example.com", "password": "x"}
        assert Caller().post("auth/token/", body).status_code == 401

    _assert_problem(Caller().post("auth/token/", {"email": "a@example.com", "password": "x"}), 429)
    assert not [key for key in redis_client.keys("*") if b"127.0.0.1" in key]


def test_the_throttle_is_the_contracts() -> None:
    assert authentication.CallerThrottle.THROTTLE_RATES["caller"] == "100/min"


def test_roles_of_the_team_may_all_call(tenant: Tenant) -> None:
    for role in (Role.AGENT, Role.BROKER, Role.ADMIN):
        assert caller(MembershipFactory(tenant=tenant, role=role)).get("leads/").status_code == 200
