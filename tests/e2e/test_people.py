"""Signing in, joining, one's account, the team, the API's page and the admin, in a browser."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Browser, Page, expect

from leads.models import APIKey, Lead, Membership, Role, Tenant, User
from leads.services import team
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import EVERY_LOOK, assert_stands, look
from tests.factories import IdentityFactory, InvitationFactory, LeadFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

FOR_STRANGERS = [
    "/",
    "/accounts/login/",
    "/accounts/password-reset/",
    "/accounts/password-reset/sent/",
    "/accounts/password-reset/x/y/",
    "/accounts/invite/none/",
    "/api/docs/",
]
FOR_BROKERS = [
    "/account/",
    "/account/security/",
    "/account/appearance/",
    "/account/keyboard/",
    "/account/keys/",
    "/agent/settings/team/",
]
PASSWORD = "correct horse battery"


@pytest.fixture
def brokerage(tenant: Tenant, broker: User) -> Tenant:
    """A team with people of every sort."""
    for role in Role:
        member = MembershipFactory(tenant=tenant, role=role)
        if role == Role.AGENT:
            LeadFactory.create_batch(3, tenant=tenant, assigned_to=member.user)
    MembershipFactory(tenant=tenant, is_active=False)
    MembershipFactory(user=broker, role=Role.AGENT)
    InvitationFactory(tenant=tenant, invited_by=broker)
    APIKey.objects.create_key(name="Website", membership=broker.memberships.get(tenant=tenant))
    return tenant


@EVERY_LOOK
def test_pages_for_strangers_stand(page: Page, width: int, theme: str) -> None:
    look(page, width=width, theme=theme)
    for path in FOR_STRANGERS:
        assert_stands(page, path)


@EVERY_LOOK
def test_pages_of_account_and_team_stand(
    clean: Page, brokerage: Tenant, broker: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    look(clean, width=width, theme=theme)
    sign_in_to(clean, broker)
    for path in FOR_BROKERS:
        assert_stands(clean, path)


def test_someone_signs_in_and_out(clean: Page, agent: User) -> None:
    hasher = Argon2PasswordHasher()  # the server's own, not the quick one of the tests
    User.objects.filter(pk=agent.pk).update(password=hasher.encode(PASSWORD, hasher.salt()))
    clean.goto("/agent/leads/")
    clean.get_by_label("E-mail").fill(agent.email)
    clean.get_by_label("Password").fill(PASSWORD)
    clean.get_by_role("button", name="Sign in").click()

    expect(clean).to_have_url(re.compile("^[^?]+/agent/leads/$"))
    clean.goto("/account/security/")
    expect(clean.get_by_text("This browser")).to_be_visible()
    clean.locator("summary:visible").first.click()
    clean.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(clean.get_by_role("link", name="Sign in").first).to_be_visible()


def test_someone_joins_by_invitation_without_script(
    browser: Browser, live: str, tenant: Tenant, broker: User
) -> None:
    _, token = team.invite(tenant=tenant, email="noor@example.com", role=Role.AGENT, by=broker)
    context = browser.new_context(java_script_enabled=False, base_url=live)
    page = context.new_page()
    page.goto(f"/accounts/invite/{token}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Join {tenant.name}")

    page.get_by_label("Your name").fill("Noor New")
    page.get_by_label("New password").fill("staple horse battery")
    page.get_by_role("button", name="Join").click()

    expect(page).to_have_url(re.compile("/agent/$"))
    assert Membership.objects.get(user__email="noor@example.com").role == "agent"
    context.close()


def test_an_invitation_and_a_key_show_their_secret_once(
    clean: Page, brokerage: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, broker)
    clean.goto("/agent/settings/team/")
    clean.get_by_label("E-mail").fill("lee@example.com")
    clean.get_by_role("button", name="Send the invitation").click()
    expect(clean.locator("#invitation-link")).to_contain_text("/accounts/invite/")

    clean.goto("/account/keys/")
    clean.get_by_label("What is it for?").fill("Nightly export")
    clean.get_by_role("button", name="Make a key").click()
    expect(clean.locator("#new-key")).to_contain_text(".")
    clean.goto("/account/keys/")
    expect(clean.get_by_text("Nightly export", exact=True).first).to_be_visible()
    expect(clean.locator("#new-key")).to_have_count(0)


def test_the_admin_breaks_no_policy(clean: Page, lead: Lead, admin: User, sign_in_to: SignedIn) -> None:
    IdentityFactory(lead=lead)
    sign_in_to(clean, admin)
    for path in (
        "/admin/",
        "/admin/leads/lead/",
        f"/admin/leads/lead/{lead.pk}/change/",
        "/admin/leads/user/add/",
        f"/admin/leads/membership/{admin.memberships.get().pk}/change/",
    ):
        clean.goto(path)
        expect(clean.locator("#site-name")).to_be_visible()
