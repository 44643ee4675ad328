"""Pages in a browser: signing in, keyboard, palette, theme, no script, every width, accessibility."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Browser, Page, Route, expect

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from leads.services.events import record_event
from matching.models import Listing, SentListing
from matching.services.criteria import keep_criteria, look_together, save_search
from matching.services.preferences import learn_from
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import EVERY_LOOK, Violation, look, overflow, violations
from tests.factories import AlertFactory, ConversationFactory, EventFactory, LeadFactory, MessageFactory
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = [
    "/",
    "/accounts/login/",
    "/agent/",
    "/agent/?show=hot",
    "/agent/leads/",
    "/agent/leads/?tier=quiet",
    "/agent/leads/new/",
    "/agent/leads/{lead}/",
    "/agent/leads/{lead}/edit/",
    "/agent/leads/{lead}/merge/",
    "/agent/leads/{lead}/score/",
    "/agent/leads/{lead}/score/change/",
    "/agent/leads/{lead}/score/view/",
    "/agent/leads/{lead}/criteria/",
    "/agent/leads/{lead}/household/",
    "/agent/leads/{lead}/why-not/?home=alder",
    "/agent/leads/{lead}/matches/",
    "/agent/leads/{lead}/matches/{home}/",
    "/agent/leads/{lead}/matches/{home}/send/",
    "/agent/leads/{lead}/sent/{sent}/",
    "/h/{token}/",
    "/agent/alerts/",
    "/agent/alerts/rules/",
    "/agent/matching/",
    "/agent/matching/?home=alder",
    "/agent/listings/{home}/buyers/?lead=maya",
    "/agent/scoring/",
    "/agent/scoring/models/",
    "/agent/scoring/weights/",
    "/agent/scoring/market/",
    "/agent/scoring/tiers/",
    "/agent/scoring/experiments/",
    "/agent/scoring/experiments/new/",
    "/agent/settings/integrations/",
    "/agent/settings/webhooks/",
    "/agent/settings/team/",
    "/agent/system/",
    "/search/?q=ma",
    "/account/",
    "/account/keyboard/",
]
NEAR = {1440: (1024, 1920, 1440), 390: (320, 768, 390)}
"""Widths at which nothing may reach over the side, beside those the rules are tried at: these come last."""


@pytest.fixture
def leads(tenant: Tenant, agent: User) -> list[Lead]:
    """Some leads in all tiers, with a history."""
    now = datetime.now(UTC)
    made: list[Lead] = []
    for number, (score, tier) in enumerate(
        [(92.0, "hot"), (74.0, "warm"), (51.0, "steady"), (12.0, "quiet")]
    ):
        lead: Lead = LeadFactory(
            tenant=tenant,
            first_name=["Maya", "Daniel", "Priya", "Tom"][number],
            last_name="Okafor",
            phone=f"+1415555014{number}",
            score=score,
            previous_score=score - 4 + 2 * number,
            tier=tier,
            segment="first_time_buyer",
            next_action="Call now",
            reasons=[{"icon": "key-round", "text": "Asked for a showing"}],
            quality=60,
            quality_missing=[{"field": "budget", "label": "Budget", "worth": 10}],
            assigned_to=agent,
            tags=["open-house"],
            last_event_at=now - timedelta(minutes=number),
        )
        conversation = ConversationFactory(lead=lead)
        event = EventFactory(lead=lead)
        MessageFactory(conversation=conversation, event_id=event.pk)
        AlertFactory(lead=lead)
        made.append(lead)
    return made


def homes_for_sale(lead: Lead) -> list[Listing]:
    """Make three homes, and keep what a lead looks for and did with one of them."""
    homes: list[Listing] = [
        ListingFactory(tenant=lead.tenant, list_price=480_000 + 40_000 * number) for number in range(3)
    ]
    told = {"price_max": 600_000, "beds_min": 3, "importance": {"price": "must", "beds": 5}}
    now = datetime.now(UTC)
    keep_criteria(lead=lead, told=told, by=None, now=now)
    data = {"listing_key": homes[1].listing_key}
    event = record_event(tenant=lead.tenant, lead=lead, kind=Kind.LISTING_SAVED, occurred_at=now, data=data)
    assert event is not None
    learn_from(event_ids=[event.pk])
    save_search(lead=lead, name="Near work", told=told, frequency="daily", by=None, now=now)
    look_together(lead=lead, other=LeadFactory(tenant=lead.tenant), now=now)
    return homes


def test_signing_in_and_out_by_the_form(clean: Page, live: str, agent: User) -> None:
    hasher = Argon2PasswordHasher()
    agent.password = hasher.encode("correct horse battery", hasher.salt())
    agent.save(update_fields=["password"])

    clean.goto(f"{live}/agent/")
    clean.get_by_label("E-mail").fill(agent.email)
    clean.get_by_label("Password").fill("correct horse battery")
    clean.get_by_role("main").get_by_role("button", name="Sign in").click()

    expect(clean.get_by_role("heading", name="Command centre", level=1)).to_be_visible()
    clean.locator("aside details summary").click()
    clean.locator("aside").get_by_role("button", name="Sign out").click()
    clean.goto(f"{live}/agent/")
    expect(clean.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


def test_palette_opens_by_key_and_goes_where_it_is_told(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")

    clean.keyboard.press("Control+k")
    expect(clean.locator("#palette")).to_be_visible()
    clean.keyboard.type("maya")
    expect(clean.locator("#palette-list [role=option]")).to_have_count(2)
    clean.keyboard.press("Escape")
    expect(clean.locator("#palette")).to_be_hidden()
    clean.keyboard.press("/")
    expect(clean.locator("#palette-query")).to_be_focused()
    expect(clean.locator("#palette-list [aria-selected=true]")).to_contain_text("Maya Okafor")
    clean.keyboard.press("Enter")

    clean.wait_for_url(f"**/agent/leads/{leads[0].pk}/")


def test_single_keys_go_places_and_can_be_turned_off(
    clean: Page, live: str, agent: User, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")

    clean.keyboard.press("g")
    clean.keyboard.press("l")
    clean.wait_for_url("**/agent/leads/")
    clean.keyboard.press("?")
    expect(clean.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    with clean.expect_response("**/account/keyboard/"):
        clean.get_by_role("button", name="Turn off").click()
    clean.keyboard.press("Escape")
    clean.keyboard.press("?")

    expect(clean.locator("#shortcuts")).to_be_hidden()
    agent.refresh_from_db()
    assert agent.shortcuts_enabled is False
    clean.reload()
    expect(clean.locator("html")).to_have_attribute("data-shortcuts", "off")


def test_rows_are_walked_ticked_and_assigned_by_keyboard(
    clean: Page, live: str, agent: User, broker: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/")
    expect(clean.locator("[data-bulk-bar]")).to_be_hidden()

    clean.keyboard.press("j")
    clean.keyboard.press("j")
    expect(clean.locator(f"#lead-{leads[1].pk} a.row-link")).to_be_focused()
    clean.keyboard.press("x")
    expect(clean.locator("[data-bulk-count]")).to_have_text("1")
    clean.get_by_label("Assign to").select_option(label="Blake Broker")
    clean.get_by_role("button", name="Assign").click()

    expect(clean.locator("#toasts")).to_contain_text("1 lead assigned to Blake Broker.")
    assert Lead.objects.get(assigned_to=broker) == leads[1]


def test_theme_changes_at_once_and_is_kept(clean: Page, live: str, agent: User, sign_in_to: SignedIn) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")
    light = clean.evaluate("getComputedStyle(document.body).backgroundColor")

    with clean.expect_response("**/account/theme/"):
        clean.get_by_role("button", name="Switch to dark theme").click()

    expect(clean.locator("html")).to_have_attribute("data-theme", "dark")
    assert clean.evaluate("getComputedStyle(document.body).backgroundColor") != light
    clean.reload()
    expect(clean.locator("html")).to_have_attribute("data-theme", "dark")
    expect(clean.get_by_role("button", name="Switch to light theme")).to_be_visible()


def test_why_this_score_comes_by_itself(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/{leads[0].pk}/")

    section = clean.locator("section", has=clean.get_by_role("heading", name="Why this score"))
    expect(section.locator(".skeleton")).to_have_count(0)
    expect(section.get_by_text("could not be loaded")).to_have_count(0)


def test_section_that_fails_says_so_and_is_asked_for_again(
    page: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(page, agent)
    score = f"**/agent/leads/{leads[0].pk}/score/"
    page.route(score, lambda route: route.fulfill(status=503, body="down"))
    page.goto(f"{live}/agent/leads/{leads[0].pk}/")
    expect(page.get_by_text("This section could not be loaded.")).to_be_visible()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()

    page.unroute(score)
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_text("This section could not be loaded.")).to_have_count(0)


def test_section_that_refreshes_by_itself_leaves_its_buttons_as_they_are(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/{leads[0].pk}/")
    held: list[Route] = []
    clean.route("**/?part=standing", lambda route: held.append(route))  # Playwright marks what it calls
    with clean.expect_request("**/?part=standing"):
        clean.evaluate("htmx.trigger(document.body, 'live:lead')")

    call = clean.locator("#next .btn-primary")
    expect(clean.locator(".htmx-request", has=call)).to_have_count(1)
    expect(call).to_have_css("opacity", "1")
    held[0].continue_()
    expect(clean.locator(".htmx-request")).to_have_count(0)


def test_main_actions_work_without_script(
    browser: Browser, live: str, agent: User, broker: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False)
    sign_in_to(context, agent)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)

    page.goto(f"{live}/agent/")
    expect(page.locator("tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Switch to dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    page.locator("aside").get_by_role("link", name="Search").click()
    page.get_by_role("main").get_by_role("searchbox").fill("Maya")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Maya Okafor").click()
    page.get_by_label("Note").fill("Wants a yard.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_role("main")).to_contain_text("The note is kept.")

    page.goto(f"{live}/agent/leads/")
    page.locator(f"#lead-{leads[3].pk} input").check()
    page.get_by_label("Assign to").select_option(label="Blake Broker")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("main")).to_contain_text("1 lead assigned to Blake Broker.")

    assert Event.objects.filter(kind="note.added", lead=leads[0]).count() == 1
    assert Lead.objects.get(assigned_to=broker) == leads[3]
    context.close()


@EVERY_LOOK
def test_styleguide_breaks_no_accessibility_rule(
    clean: Page, live: str, admin: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(clean, admin)
    look(clean, width=width, theme=theme)
    clean.goto(f"{live}/styleguide/")

    assert violations(clean) == []


@EVERY_LOOK
def test_pages_stand(
    clean: Page, live: str, broker: User, leads: list[Lead], sign_in_to: SignedIn, width: int, theme: str
) -> None:
    homes = homes_for_sale(leads[0])
    sent = SentListing.objects.create(tenant=homes[0].tenant, lead=leads[0], listing=homes[0], sent_by=broker)
    named = {"lead": leads[0].pk, "home": homes[0].pk, "sent": sent.pk, "token": sent.token}
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    broken: dict[str, tuple[list[int], list[Violation]]] = {}
    for path in PAGES:
        clean.goto(live + path.format(**named))
        wide = []
        for other in NEAR[width]:
            clean.set_viewport_size({"width": other, "height": 900})
            if overflow(clean) > 0:
                wide.append(other)
        found = violations(clean)
        if wide or found:
            broken[path] = (wide, found)

    assert broken == {}


def test_open_dialogs_break_no_accessibility_rule(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")
    clean.keyboard.press("Control+k")
    assert violations(clean) == []
    clean.keyboard.press("Escape")
    clean.keyboard.press("?")
    assert violations(clean) == []


def test_drawer_holds_every_page_on_a_phone(
    clean: Page, live: str, broker: User, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, broker)
    clean.set_viewport_size({"width": 390, "height": 844})
    clean.goto(f"{live}/agent/")
    expect(clean.locator("aside")).to_be_hidden()

    clean.get_by_role("navigation", name="Quick").get_by_text("More").click()
    clean.locator("#more").get_by_role("link", name="System").click()

    clean.wait_for_url("**/agent/system/")


def test_page_stays_light(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sizes: list[int] = []
    clean.on("response", lambda response: sizes.append(int(response.headers.get("content-length", 0))))
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")

    assert (
        sum(sizes) < 220_000
    )  # the page itself is sent without compression; the proxy in front compresses it
