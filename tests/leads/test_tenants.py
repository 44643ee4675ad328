"""Tenants and members as operators make them, through the commands."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.errors import DomainError
from leads.models import Membership, Role, Tenant, User

pytestmark = pytest.mark.django_db
GOOD = "a long enough password"


def run(*arguments: str, stdin: str | None = None, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    if stdin is not None and monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_create_tenant_makes_it_and_again_renames_it() -> None:
    assert run("create_tenant", "locABC", "--name", "Elm Realty", "--time-zone", "America/Chicago") == (
        "tenant locABC made"
    )
    assert run("create_tenant", "locABC", "--name", "Oak Realty") == "tenant locABC was there; name updated"

    tenant = Tenant.objects.get()
    assert (tenant.location_id, tenant.name, tenant.time_zone) == ("locABC", "Oak Realty", "America/Chicago")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("locABC", "--name", " "), "A tenant needs a location id and a name."),
        (
            ("locABC", "--name", "Elm", "--time-zone", "Mars/Base"),
            "Mars/Base is no time zone: give one such as",
        ),
    ],
)
def test_create_tenant_refuses_nonsense(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(DomainError, match=told):
        run("create_tenant", *arguments)
    assert Tenant.objects.count() == 0


def member(monkeypatch: pytest.MonkeyPatch, tenant: Tenant, **options: Any) -> str:
    role, email = options.get("role", "agent"), options.get("email", "Jo@Example.com")
    return run(
        *("create_user", email, "--role", role, "--tenant", tenant.location_id, "--password-stdin"),
        stdin=options.get("password", GOOD) + "\n",
        monkeypatch=monkeypatch,
    )


def test_create_user_makes_a_login_with_a_role(monkeypatch: pytest.MonkeyPatch, tenant: Tenant) -> None:
    said = member(monkeypatch, tenant)

    user = User.objects.get()
    assert user.email == "jo@example.com"
    assert user.check_password(GOOD)
    assert list(user.memberships.values_list("tenant", "role")) == [(tenant.pk, Role.AGENT)]
    assert said == f"user {user.pk} made: agent of {tenant.location_id}"


def test_create_user_again_adds_a_role_and_sets_the_password(
    monkeypatch: pytest.MonkeyPatch, tenant: Tenant
) -> None:
    member(monkeypatch, tenant)
    said = member(monkeypatch, tenant, role="broker", password="another long password")

    user = User.objects.get()
    assert user.check_password("another long password")
    assert sorted(user.memberships.values_list("role", flat=True)) == ["agent", "broker"]
    assert said == f"user {user.pk} was there; password and role set: broker of {tenant.location_id}"


def test_create_user_brings_back_an_ended_membership(monkeypatch: pytest.MonkeyPatch, tenant: Tenant) -> None:
    member(monkeypatch, tenant)
    Membership.objects.update(is_active=False)

    member(monkeypatch, tenant)

    assert Membership.objects.get().is_active


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"email": "not-an-address"}, "not-an-address is not an e-mail address"),
        ({"password": "short"}, "This password is too short"),
        ({"password": ""}, "This password is too short"),
    ],
)
def test_create_user_refuses_what_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tenant: Tenant, options: dict[str, str], told: str
) -> None:
    with pytest.raises(DomainError, match=told):
        member(monkeypatch, tenant, **options)
    assert User.objects.count() == 0


def test_create_user_names_the_missing_tenant_and_the_way_to_it() -> None:
    with pytest.raises(
        DomainError, match="There is no tenant locNone: make it first with `python manage.py create_t"
    ):
        run("create_user", "jo@example.com", "--role", "agent", "--tenant", "locNone", "--password-stdin")


def test_create_user_without_a_terminal_asks_for_the_password_on_stdin(
    monkeypatch: pytest.MonkeyPatch, tenant: Tenant
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(DomainError, match="give it with --password-stdin"):
        run("create_user", "jo@example.com", "--role", "agent", "--tenant", tenant.location_id)


def test_create_user_knows_the_five_roles_only(tenant: Tenant) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'owner'"):
        run("create_user", "jo@example.com", "--role", "owner", "--tenant", tenant.location_id)
