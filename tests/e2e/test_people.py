"""Signing in, joining, one's account, the team, the API's page and the admin, in a browser."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Browser, Page, expect

from leads.models import APIKey, Lead, Membership, Role, Tenant, User
from leads.services import team
from tests.e2e.conftest import SignedIn
from tests.factories import IdentityFactory, InvitationFactory, LeadFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
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


def _stands(page: Page, path: str) -> None:
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    violations = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    found = [(rule["id"], [node["html"][:120] for node in rule["nodes"]][:3]) for rule in violations]
    assert (path, overflow, found) == (path, 0, [])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_for_strangers_stand(page: Page, width: int, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    for path in FOR_STRANGERS:
        page.goto(path)
        _stands(page, path)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_account_and_team_stand(
    clean: Page, brokerage: Tenant, broker: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    clean.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    clean.set_viewport_size({"width": width, "height": 900})
    sign_in_to(clean, broker)
    for path in FOR_BROKERS:
        clean.goto(path)
        _stands(clean, path)


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
