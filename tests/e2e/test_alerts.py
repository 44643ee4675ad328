from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from leads.alerting import AlertDraft
from leads.models import Alert, Lead, Tenant, User
from leads.services.alerts import raise_alerts
from tests.e2e.conftest import SignedIn
from tests.factories import AlertFactory, LeadFactory

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def feed(tenant: Tenant, agent: User) -> list[Alert]:
    """Open alerts of every kind, one of them late, and some of earlier days."""
    now = timezone.now()
    alerts: list[Alert] = [
        AlertFactory(
            lead=LeadFactory(tenant=tenant, tier="hot"),
            kind=kind,
            reason=reason,
            assigned_to=agent if number % 2 else None,
            raised_at=now - timedelta(minutes=number),
            goal_at=now + timedelta(minutes=5 - number * 2),
            escalated_at=now if number == 5 else None,
        )
        for number, (kind, reason) in enumerate(
            [
                ("hot_lead", "Now hot: score 91, up 12."),
                ("buying_signal", "Asked for a showing and said they are pre-approved."),
                ("tier_jump", "Rose from steady to warm: score 68, up 18."),
                ("score_drop", "Score fell 22 points to 61."),
                ("reply_waiting", "A message has waited more than 15 minutes for a reply."),
                ("hot_silent", "Hot, but no contact for 48 hours."),
            ]
        )
    ]
    for day in range(6):
        raised = now - timedelta(days=day, hours=1)
        AlertFactory(
            lead=LeadFactory(tenant=tenant),
            state="acknowledged",
            raised_at=raised,
            goal_at=raised + timedelta(minutes=5),
            acknowledged_at=raised + timedelta(minutes=3 if day % 3 else 9),
            acknowledged_by=agent,
        )
    return alerts


def test_clocks_run_and_an_alert_is_taken_in_place(
    clean: Page, agent: User, sign_in_to: SignedIn, feed: list[Alert]
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/agent/alerts/")

    row = clean.locator(f"#alert-{feed[0].pk}")
    expect(row.locator("hl-clock time")).to_have_text(re.compile(r"^\d:\d\d left$"))
    expect(clean.locator(f"#alert-{feed[5].pk} hl-clock")).to_have_attribute("data-state", "late")
    row.get_by_role("button", name="Take it").click()

    expect(row).to_contain_text("Handled in time")
    feed[0].refresh_from_db()
    assert feed[0].acknowledged_by == agent


def test_a_new_alert_appears_by_itself(
    clean: Page, agent: User, tenant: Tenant, lead: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/agent/alerts/")
    expect(clean.locator("hl-live")).to_have_attribute("data-state", "open")
    expect(clean.get_by_text("Quiet")).to_be_visible()

    (alert,) = raise_alerts(
        drafts=[AlertDraft(tenant.pk, lead.pk, "hot_lead", "Now hot: score 91.", timezone.now(), "1")]
    )

    expect(clean.locator(f"#alert-{alert.pk}")).to_be_visible()
    expect(clean.locator("#alert-counts dd").first).to_contain_text("1")


def test_a_new_alert_is_told_by_name_where_its_lead_is_not_shown(
    clean: Page, agent: User, tenant: Tenant, lead: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/agent/scoring/")
    expect(clean.locator("hl-live")).to_have_attribute("data-state", "open")

    raise_alerts(
        drafts=[AlertDraft(tenant.pk, lead.pk, "hot_lead", "Now hot: score 91.", timezone.now(), "1")]
    )

    expect(clean.locator("#toasts")).to_contain_text(f"{lead.name} · Now hot: score 91.")


def test_filters_change_the_address_and_the_feed(
    clean: Page, agent: User, sign_in_to: SignedIn, feed: list[Alert]
) -> None:
    sign_in_to(clean, agent)
    clean.goto("/agent/alerts/")

    clean.get_by_label("Kind").select_option("score_drop")

    expect(clean).to_have_url(re.compile(r"kind=score_drop"))
    expect(clean.locator("#alert-feed li")).to_have_count(1)


def test_the_page_works_without_script(
    browser: Browser, live: str, agent: User, sign_in_to: SignedIn, feed: list[Alert]
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live)
    sign_in_to(context, agent)
    page = context.new_page()
    page.goto("/agent/alerts/?kind=hot_lead")

    page.get_by_role("button", name="Take it").click()

    expect(page.locator("#alert-feed li")).to_have_count(5)
    context.close()


def test_rules_are_previewed_without_leaving_the_page(
    clean: Page, broker: User, sign_in_to: SignedIn, feed: list[Alert]
) -> None:
    sign_in_to(clean, broker)
    clean.goto("/agent/alerts/rules/")

    clean.get_by_label("Hot from").fill("200")
    clean.get_by_role("button", name="Preview").click()
    expect(clean.locator("#alert-preview")).to_contain_text("Correct the marked fields")
    clean.get_by_label("Hot from").fill("90")
    clean.get_by_role("button", name="Preview").click()

    expect(clean.locator("#alert-preview")).to_contain_text("would have raised")
    expect(clean).to_have_url(re.compile(r"/agent/alerts/rules/$"))
