"""The broker's settings in a browser: the connection at work, and an import without any script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.ghl import oauth
from leads.models import Lead, LeadImport, Tenant, User
from leads.services import imports
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import overflow, violations
from tests.factories import CustomFieldFactory, GHLConnectionFactory

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = (
    b"First Name,Last Name,E-mail,Mobile,Budget,Notes\n"
    b"Dana,Whitfield,dana@example.com,(541) 555-0142,$580k,open house\n"
    b"Omar,Reyes,omar@example.com,,$500-600k,\n"
    b"Bad,Values,not-an-address,12,cheap,\n"
)


@pytest.fixture
def connected(tenant: Tenant) -> Tenant:
    """A tenant whose connection lacks a scope and whose back-fill is under way."""
    GHLConnectionFactory(
        tenant=tenant,
        scopes=[scope for scope in oauth.SCOPES if scope != "opportunities.write"],
        daily_remaining=143_210,
        backfill_cursor={
            "state": "running",
            "phase": "opportunities",
            "after": None,
            "counts": {"contacts": 412, "opportunities": 50},
            "totals": {"contacts": 412, "opportunities": 120},
            "started_at": datetime.now(UTC).isoformat(),
            "lease": 4_000_000_000,
        },
    )
    for name, answers in (("What is your budget?", "budget"), ("Move date", "timeline"), ("Pets", "")):
        CustomFieldFactory(tenant=tenant, name=name, answers=answers)
    return tenant


@pytest.mark.parametrize("width", [1440, 390])
def test_the_integrations_page_stands_at_every_width(
    clean: Page, connected: Tenant, broker: User, sign_in_to: SignedIn, width: int
) -> None:
    sign_in_to(clean, broker)
    clean.set_viewport_size({"width": width, "height": 900})

    clean.goto("/agent/settings/integrations/")

    expect(clean.get_by_text("1 permission missing")).to_be_visible()
    expect(clean.get_by_text("143,210 of 200,000")).to_be_visible()
    assert (overflow(clean), violations(clean)) == (0, [])


def test_the_progress_of_a_backfill_moves_by_itself(
    clean: Page, connected: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, broker)
    clean.goto("/agent/settings/integrations/")
    row = connected.connection
    row.backfill_cursor["counts"]["opportunities"] = 97
    row.save(update_fields=["backfill_cursor"])

    expect(clean.locator("#backfill")).to_contain_text("97")


def test_a_file_is_imported_without_script(
    browser: Browser, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(
        java_script_enabled=False, base_url=live, viewport={"width": 390, "height": 844}
    )
    sign_in_to(context, broker)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)
    page.goto("/agent/settings/import/")
    page.get_by_label("CSV or JSON file").set_input_files(
        {"name": "leads.csv", "mimeType": "text/csv", "buffer": CONTENT}
    )

    page.get_by_role("button", name="Upload and look").click()

    expect(page.get_by_text("Of the first 3 of 3 rows, 2 can be read")).to_be_visible()
    page.get_by_label("Field that Notes fills").select_option(label="Tags")
    page.get_by_role("button", name="Keep and look again").click()
    expect(page.get_by_label("Field that Notes fills")).to_have_value("tags")
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.get_by_text("0 of 3 rows")).to_be_visible()
    imports.run_import(lead_import=LeadImport.objects.get())
    page.reload()
    expect(page.get_by_text("3 of 3 rows")).to_be_visible()
    assert Lead.objects.get(email="dana@example.com").tags == ["open house"]
    context.close()


def test_an_import_page_stands_at_phone_width(
    clean: Page, tenant: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    made = imports.prepare_import(tenant=tenant, by=broker, file_name="leads.csv", content=CONTENT)
    sign_in_to(clean, broker)
    clean.set_viewport_size({"width": 390, "height": 844})

    clean.goto(f"/agent/settings/import/{made.pk}/")

    expect(clean.get_by_text("This is not an amount of money.")).to_be_visible()
    assert (overflow(clean), violations(clean)) == (0, [])
