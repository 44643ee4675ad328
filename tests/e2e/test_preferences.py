"""Notices, chosen keys and density, in a browser."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from leads.alerting import AlertDraft
from leads.models import Lead, Notification, Tenant, User
from leads.services.alerts import raise_alerts
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import assert_stands, look
from tests.factories import AlertFactory, LeadFactory, NotificationFactory, TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/notifications/", "/account/keyboard/", "/account/appearance/"]


@pytest.fixture
def notices(tenant: Tenant, agent: User) -> list[Notification]:
    """Eight notices about eight leads, four of them unread."""
    found: list[Notification] = []
    for number in range(8):
        lead = LeadFactory(tenant=tenant, score=90 - number, tier="hot", assigned_to=agent)
        alert = AlertFactory(lead=lead, reason=f"Now hot: score {90 - number}.")
        found.append(
            NotificationFactory(
                tenant=tenant,
                user=agent,
                alert=alert,
                text=alert.reason,
                url=f"/agent/leads/{lead.pk}/",
                read_at=timezone.now() if number < 4 else None,
            )
        )
    return found


# Every page, as it may be looked at


@pytest.mark.parametrize(
    ("width", "theme", "density"),
    [
        (1440, "light", "comfortable"),
        (390, "dark", "compact"),
        *[
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [
                (1440, "light", "compact"),
                (1440, "dark", "comfortable"),
                (1440, "dark", "compact"),
                (390, "light", "comfortable"),
                (390, "light", "compact"),
                (390, "dark", "comfortable"),
            ]
        ],
    ],
)
def test_pages_stand(
    clean: Page,
    notices: list[Notification],
    agent: User,
    buyer: User,
    tenant: Tenant,
    sign_in_to: SignedIn,
    width: int,
    theme: str,
    density: str,
) -> None:
    NotificationFactory(tenant=tenant, user=buyer)
    TenantFactory(name="Not served", is_active=False)
    User.objects.update(density=density)
    User.objects.filter(pk=agent.pk).update(is_superuser=True)
    look(clean, width=width, theme=theme)
    sign_in_to(clean, agent)
    for path in [*PAGES, "/agent/", "/agent/leads/", "/integrations/ghl/locations/"]:
        assert_stands(clean, path)
    sign_in_to(clean, buyer)
    for path in PAGES:
        assert_stands(clean, path)


# Notices


def test_a_new_notice_appears_by_itself(
    clean: Page, agent: User, tenant: Tenant, lead: Lead, sign_in_to: SignedIn
) -> None:
    Lead.objects.filter(pk=lead.pk).update(assigned_to=agent)
    sign_in_to(clean, agent)
    clean.goto("/notifications/")
    expect(clean.locator("hl-live")).to_have_attribute("data-state", "open")
    expect(clean.get_by_text("All caught up")).to_be_visible()

    raise_alerts(drafts=[AlertDraft(tenant.pk, lead.pk, "hot_lead", "Now hot: 91.", timezone.now(), "1")])

    notice = clean.locator("#notices li")
    expect(notice).to_contain_text("Now hot: 91.")
    clean.locator("summary:visible").first.click()
    expect(clean.locator(".menu-panel [data-unread]:visible")).to_have_text("1 unread")


def test_notices_are_read_by_button_and_by_following_them(
    clean: Page, agent: User, notices: list[Notification], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/notifications/?show=unread")
    expect(clean.locator("#notices li")).to_have_count(4)

    clean.locator(f"#notice-read-{notices[7].pk}").click()
    expect(clean.locator(f"#notice-{notices[7].pk}")).to_have_attribute("data-state", "read")
    with clean.expect_response(f"**/notifications/{notices[6].pk}/read/"):
        clean.locator(f"#notice-link-{notices[6].pk}").click()
    clean.wait_for_url(f"**{notices[6].url}")
    clean.goto("/notifications/?show=unread")
    expect(clean.locator("#notices li")).to_have_count(2)
    clean.get_by_role("button", name="Mark all as read").click()

    expect(clean.get_by_text("Nothing is unread.")).to_be_visible()
    assert not Notification.objects.filter(user=agent, read_at__isnull=True).exists()


def test_notices_are_read_without_script(
    browser: Browser, live: str, agent: User, notices: list[Notification], sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live)
    sign_in_to(context, agent)
    page = context.new_page()
    page.goto("/notifications/?show=unread")

    page.get_by_role("button", name=re.compile("Mark as read.*score 83")).click()
    expect(page).to_have_url(re.compile(r"/notifications/\?show=unread$"))
    expect(page.locator("#notices li")).to_have_count(3)
    page.get_by_role("button", name="Mark all as read").click()

    expect(page.get_by_text("3 marked as read.")).to_be_visible()
    context.close()


# Keys


def test_chosen_keys_do_what_the_usual_ones_did(
    clean: Page, agent: User, notices: list[Notification], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/account/keyboard/")
    clean.get_by_label("Next row").fill("d")
    clean.get_by_label("Go to Leads").fill("zl")
    clean.get_by_label("This list of shortcuts").fill("h")
    clean.get_by_label("New lead").fill("")
    clean.get_by_role("button", name="Save the keys").click()
    expect(clean.get_by_text("Your keys are saved.")).to_be_visible()
    expect(clean.get_by_label("Go to Leads")).to_have_value("z l")
    clean.locator("h1").click()  # out of any field

    clean.keyboard.press("z")
    clean.keyboard.press("l")
    clean.wait_for_url("**/agent/leads/")
    clean.keyboard.press("n")  # nothing now
    clean.keyboard.press("j")
    expect(clean.locator("[data-rows] .is-current")).to_have_count(0)
    clean.keyboard.press("D")  # with caps lock on
    expect(clean.locator("[data-rows] .is-current")).to_have_count(1)
    expect(clean).to_have_url(re.compile("/agent/leads/$"))
    clean.keyboard.press("?")
    expect(clean.locator("#shortcuts")).to_be_hidden()
    clean.keyboard.press("h")

    expect(clean.locator("#shortcuts")).to_be_visible()
    expect(clean.locator("#shortcuts dl div", has_text="Go to Leads").locator("kbd")).to_have_text(["z", "l"])
    expect(clean.locator("#shortcuts dl")).not_to_contain_text("New lead")


def test_keys_that_clash_are_refused_without_script(
    browser: Browser, live: str, agent: User, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live)
    sign_in_to(context, agent)
    page = context.new_page()
    page.goto("/account/keyboard/")
    page.get_by_label("New lead").fill("j")
    page.get_by_label("New lead").press("Enter")

    summary = page.locator(".error-summary")
    expect(summary).to_contain_text("New lead: “j” is used for “Next row” already.")
    expect(page.get_by_label("New lead")).to_have_value("j")
    expect(page.get_by_label("New lead")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Bring the usual keys back").click()

    expect(page.get_by_text("Every shortcut has its usual keys again.")).to_be_visible()
    expect(page.get_by_label("New lead")).to_have_value("n")
    context.close()


# Density


def test_compact_pages_are_denser_from_the_first_paint(
    clean: Page, agent: User, notices: list[Notification], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    before = _heights(clean)
    clean.goto("/account/appearance/")
    clean.get_by_role("button", name="Compact").click()
    expect(clean.get_by_role("button", name="Compact (in use)")).to_have_attribute("aria-pressed", "true")

    after = _heights(clean)

    assert (before["row"], after["row"]) == (64, 36)
    assert (before["head"], after["head"]) == (56, 44)
    assert after["notice"] < before["notice"]
    with clean.expect_response("**/agent/leads/") as answer:
        clean.goto("/agent/leads/")
    assert 'data-density="compact"' in answer.value.text().split("<head>")[0]


def _heights(page: Page) -> dict[str, float]:
    found = {}
    page.goto("/agent/leads/")
    found["row"] = _height(page, "[data-rows] tr")
    page.goto("/notifications/")
    found["head"] = _height(page, ".card-head")
    found["notice"] = _height(page, "#notices li")
    return found


def _height(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["height"]


def test_what_is_touched_keeps_its_size_on_a_phone(
    browser: Browser, live: str, agent: User, notices: list[Notification], sign_in_to: SignedIn
) -> None:
    User.objects.filter(pk=agent.pk).update(density="compact")
    context = browser.new_context(
        base_url=live, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    sign_in_to(context, agent)
    page = context.new_page()
    page.set_default_timeout(15_000)

    for path in ("/agent/leads/", "/agent/", "/notifications/", "/account/keyboard/", "/account/appearance/"):
        page.goto(path)
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                  ".btn, .control, .search-field, tr:has(a), #notices li, .nav, .bottom-bar a")]
                .filter((one) => one.offsetParent !== null)
                .map((one) => [one.className || one.tagName, one.getBoundingClientRect().height,
                               one.matches(".btn-sm") ? 40 : 44])
                .filter(([, height, least]) => height < least)"""
        )
        assert (path, small) == (path, [])
    context.close()
