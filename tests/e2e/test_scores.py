"""A lead's score in a browser: why it is what it is, and what moved it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.events import Kind
from leads.models import Lead, Tenant, User
from scoring import services
from scoring.models import ScoreOverride
from scoring.overrides import Reason
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import EVERY_LOOK, look, overflow, violations
from tests.factories import EventFactory, LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)

HISTORY = [(9.0, "Hello, still there?"), (4.0, "We are pre-approved, around 580k"), (2.0, "Can we see it?")]


@pytest.fixture
def lead(tenant: Tenant, agent: User) -> Lead:
    """A lead known for nine days, scored after each message."""
    now = datetime.now(UTC)
    made: Lead = LeadFactory(
        tenant=tenant,
        first_name="Maya",
        last_name="Okafor",
        assigned_to=agent,
        created_at=now - timedelta(days=9),
    )
    for days, text in HISTORY:
        at = now - timedelta(days=days)
        event = EventFactory(
            lead=made, kind=Kind.MESSAGE_RECEIVED, occurred_at=at, recorded_at=at, data={"text": text}
        )
        services.score_leads(event_ids=[event.pk])
    return made


@EVERY_LOOK
def test_the_score_page_stands(
    clean: Page, live: str, agent: User, lead: Lead, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(clean, agent)
    look(clean, width=width, theme=theme)

    clean.goto(f"{live}/agent/leads/{lead.pk}/score/")

    expect(clean.get_by_role("heading", name="What happened in between")).to_be_visible()
    assert overflow(clean) <= 0
    assert violations(clean) == []


def test_another_span_comes_in_place(
    clean: Page, live: str, agent: User, lead: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/{lead.pk}/score/")
    events = clean.get_by_role("heading", name="What happened in between")
    expect(events).to_contain_text("2")

    clean.get_by_role("link", name="Yesterday").click()

    expect(events).to_contain_text("0")
    expect(clean.get_by_role("heading", name="Why this score", level=1)).to_be_visible()
    clean.get_by_label("From (UTC)").fill("2020-01-01T00:00")
    clean.get_by_role("button", name="Show what moved it").click()
    expect(clean.get_by_text("Nothing was known of this lead before")).to_be_visible()


def test_what_moved_a_score_is_told_without_script(
    browser: Browser, live: str, agent: User, lead: Lead, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False)
    sign_in_to(context, agent)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)

    page.goto(f"{live}/agent/leads/{lead.pk}/score/")
    page.get_by_role("button", name="Show what moved it").click()
    expect(page.get_by_role("heading", name="What moved the score", level=1)).to_be_visible()
    page.get_by_role("link", name="Wrote to us").first.click()

    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.locator(".timeline-item").first).to_contain_text("Wrote to us")
    context.close()


def test_an_agents_view_is_set_and_withdrawn_on_the_leads_page(
    clean: Page, live: str, agent: User, lead: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    page = f"{live}/agent/leads/{lead.pk}/"
    clean.goto(page)

    clean.get_by_text("Say what you think").click()
    clean.get_by_label("Your score, 0 to 100").fill("80")
    clean.get_by_label("Why", exact=True).select_option(label="I met them")
    clean.get_by_role("button", name="Keep my view").click()

    expect(clean.get_by_label("Standing")).to_contain_text("Our view: 80, fading, 30 days left")
    expect(clean).to_have_url(page)
    clean.get_by_text("Your view:").wait_for()
    assert violations(clean) == []
    clean.goto(f"{live}/agent/leads/")
    expect(clean.locator(f"#lead-{lead.pk}")).to_contain_text("Our view: 80, fading, 30 days left")
    clean.goto(page)
    clean.get_by_role("button", name="Withdraw it").click()
    expect(clean.get_by_label("Standing")).not_to_contain_text("Our view")
    assert list(ScoreOverride.objects.values_list("score", "end")) == [(80.0, "withdrawn")]


@EVERY_LOOK
def test_a_view_and_its_grades_stand(
    clean: Page, live: str, agent: User, lead: Lead, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    row = services.set_override(lead=lead, score=80.0, reason=Reason.MET, note="Twice", by=agent)
    known = {"came": True, "known_at": row.set_at, "graded_at": row.set_at}
    ScoreOverride.objects.filter(pk=row.pk).update(**known)
    sign_in_to(clean, agent)
    look(clean, width=width, theme=theme)

    for path in (f"/agent/leads/{lead.pk}/", f"/agent/leads/{lead.pk}/score/view/", "/agent/scoring/"):
        clean.goto(live + path)
        assert (path, overflow(clean) > 0, violations(clean)) == (path, False, [])
    expect(clean.get_by_role("heading", name="People against the model")).to_be_visible()
