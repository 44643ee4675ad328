"""Weights and the market in a browser: every look with rows in them, and the way to a published set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.market_files import MonthFact, month_end
from leads.models import Lead, Tenant, User
from scoring import services, tasks
from scoring.models import MarketMonth, WeightSet
from scoring.pillars import Pillar
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import EVERY_LOOK, Violation, look, overflow, violations
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)

ONES = {str(pillar): 1.0 for pillar in Pillar}
PATHS = ["/agent/scoring/weights/", "/agent/scoring/weights/1/", "/agent/scoring/market/"]


def last_month(back: int = 0) -> date:
    """Return the first day of a month that is over."""
    day = datetime.now(UTC).date().replace(day=1)
    for _ in range(back + 1):
        day = (day - timedelta(days=1)).replace(day=1)
    return day


@pytest.fixture
def rows(tenant: Tenant, broker: User) -> WeightSet:
    """A market of four months in use, and a draft that was looked at and makes scores less right."""
    facts = [
        MonthFact(
            "Austin, TX",
            last_month(back),
            {"homes_for_sale": 900.0, "homes_sold": 450.0, "days_on_market": 21.0},
        )
        for back in range(4)
    ]
    rates = {month_end(last_month(back)): 6.0 + back / 4 for back in range(6)}
    services.keep_market(tenant=tenant, by=broker, months=facts, rates=rates)
    services.set_market_use(tenant=tenant, uses_market=True, area="", by=broker)
    lead: Lead = LeadFactory(tenant=tenant, first_name="Maya", last_name="Okafor", score=41.0, tier="steady")
    figure = {"value": 0.1, "low": 0.05, "high": 0.2}
    measures = dict.fromkeys(("auc", "recall_top_20", "log_loss", "ece"), figure)
    tiers = {"hot": 1, "warm": 2, "steady": 3, "quiet": 4}
    preview: dict[str, Any] = {
        **{"at": datetime.now(UTC).isoformat(), "leads": 10, "tiers": tiers, "new_tiers": tiers},
        **{"changed": 1, "hot_alerts": 0, "hot_a_week": 2.0},
        "moved": [
            {"lead_id": lead.pk, "score": 41.0, "tier": "steady", "new_score": 66.0, "new_tier": "warm"}
        ],
        "back_test": {
            **{"rows": 90, "leads": 60, "came": 20, "plain": measures, "weighted": measures},
            **{"saved": {"value": -0.02, "low": -0.03, "high": -0.01}, "ece_change": 0.034},
        },
    }
    made: WeightSet = WeightSet.objects.create(
        tenant=tenant,
        number=1,
        origin="broker",
        weights={"": ONES | {"urgency": 1.5}, "investor": ONES | {"financing": 1.4}},
        preview=preview,
        reason="Set by hand.",
        made_by=broker,
    )
    return made


@EVERY_LOOK
def test_pages_with_rows_stand(
    clean: Page, live: str, broker: User, rows: WeightSet, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    broken: dict[str, tuple[int, list[Violation]]] = {}
    for path in PATHS:
        clean.goto(live + path)
        wide, found = overflow(clean), violations(clean)
        if wide > 0 or found:
            broken[path] = (wide, found)

    assert broken == {}


def test_a_broker_enters_a_month_and_sets_weights_without_script(
    browser: Browser, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False)
    sign_in_to(context, broker)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)

    page.goto(f"{live}/agent/scoring/market/")
    form = page.locator("section", has=page.get_by_role("heading", name="Enter a month"))
    form.get_by_label("Area").fill("Austin, TX")
    form.get_by_label("Month", exact=True).fill(f"{last_month():%Y-%m}")
    form.get_by_label("Homes for sale").fill("1200")
    form.get_by_label("Homes sold").fill("400")
    form.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("main")).to_contain_text("kept.")
    assert MarketMonth.objects.get().homes_for_sale == 1200

    page.goto(f"{live}/agent/scoring/weights/")
    page.get_by_role("button", name="Set by hand").click()
    page.get_by_label("Urgency, all leads").fill("1.25")
    page.get_by_label("Financing, investor leads").fill("1.5")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("main")).to_contain_text("Look at what it would change before you publish it.")
    row = WeightSet.objects.get()
    assert (row.weights[""]["urgency"], row.weights["investor"]["financing"]) == (1.25, 1.5)

    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("Waiting for a worker.")
    tasks.carry_out_run(tenant.model_runs.get().pk)
    page.reload()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("main")).to_contain_text("set-1 serves. Leads are scored anew.")
    context.close()
