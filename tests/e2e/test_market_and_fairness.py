"""The market, findings in texts and the audit in a browser: every look with rows in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from leads.market_files import Point
from leads.models import Tenant, User
from matching import services
from matching.models import Criteria, StandardStatus, Surface
from matching.services.market import keep_series
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import EVERY_LOOK, assert_stands, look
from tests.factories import LeadFactory
from tests.matching.factories import ListingFactory, TextFindingFactory

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = [
    "/agent/matching/market/",
    "/agent/matching/market/?area=city:Quay",
    "/agent/matching/fair-housing/",
    "/agent/matching/fair-housing/?state=overridden",
    "/agent/matching/audit/",
]


def month(back: int) -> date:
    """Return the fifth of a month that is over."""
    day = datetime.now(UTC).date().replace(day=1)
    for _ in range(back + 1):
        day = (day - timedelta(days=1)).replace(day=1)
    return day.replace(day=5)


@pytest.fixture
def rows(tenant: Tenant, broker: User) -> None:
    """Two towns with a year of sales, rates, findings of every kind, lists shown in two months."""
    now = datetime.now(UTC)
    for city, postal_code in (("Harborview", "98001"), ("Quay", "98002")):
        for back in range(12):
            closed = month(back)
            for number in range(12):
                ListingFactory(
                    tenant=tenant,
                    city=city,
                    postal_code=postal_code,
                    standard_status=StandardStatus.CLOSED,
                    on_market_date=closed - timedelta(days=50 + number),
                    purchase_contract_date=closed - timedelta(days=30),
                    close_date=closed,
                    close_price=520_000 - 4_000 * back,
                )
        ListingFactory.create_batch(
            15, tenant=tenant, city=city, postal_code=postal_code, on_market_date=month(1)
        )
    services.take_snapshots(tenant=tenant, now=now)
    points = [
        Point("", "mortgage_rate", now.date() - timedelta(days=7 * week), 6.0 + week / 20)
        for week in range(9)
    ]
    keep_series(tenant=tenant, by=broker, points=points, source="Freddie Mac, by FRED", now=now)
    TextFindingFactory(listing__tenant=tenant)
    TextFindingFactory(listing__tenant=tenant, severity="block", term="adults only", sentence="Adults only.")
    TextFindingFactory(
        listing__tenant=tenant,
        state="overridden",
        reason="A quote of the district's page",
        overridden_by=broker,
        overridden_at=now,
    )
    homes = list(tenant.listings.filter(standard_status=StandardStatus.ACTIVE))
    for at in (now, now - timedelta(days=31)):
        for buyer in range(4):
            lead = LeadFactory(tenant=tenant)
            Criteria.objects.create(tenant=tenant, lead=lead, wants={"price_max": 600_000})
            services.record_exposures(
                lead=lead,
                surface=Surface.PAGE,
                listing_ids=[home.pk for home in homes[buyer : buyer + 18]],
                eligible=services.eligible_by_area(postal_codes=[home.postal_code for home in homes]),
                now=at,
                version="match-1",
            )
    services.try_other_names(tenant=tenant, by=broker, now=now)


@EVERY_LOOK
def test_pages_with_rows_stand(
    clean: Page, live: str, broker: User, rows: None, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    for path in PATHS:
        assert_stands(clean, path)


def test_a_text_is_checked_and_mended_by_keyboard(
    clean: Page, live: str, broker: User, rows: None, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, broker)
    clean.goto("/agent/matching/fair-housing/")

    clean.get_by_role("textbox", name="Text").fill("Perfect for a growing family!")
    clean.get_by_role("button", name="Check").press("Enter")
    expect(clean.get_by_text("2 places to mend")).to_be_visible()
    expect(clean.get_by_text("Say what the home has, not who should live there.").first).to_be_visible()

    clean.goto("/agent/matching/fair-housing/")
    clean.get_by_label("Why it stays").first.fill("The district's own words")
    clean.get_by_role("button", name="Keep “top rated schools” with this reason").first.press("Enter")
    expect(clean.get_by_text("Kept, with your reason.")).to_be_visible()
