"""The market's page and its imports, through the door."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Tenant, User
from matching.models import AreaKind, MarketSeries, MarketSnapshot, StandardStatus
from matching.services import take_snapshots
from tests.conftest import Freeze
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 15, tzinfo=UTC)
RATES = "DATE,MORTGAGE30US\n1999-04-02,7.33\n2026-10-08,6.30\n2026-10-15,.\n2026-10-22,6.41\n"
WIDE = """RegionID,SizeRank,RegionName,RegionType,StateName,2023-09-30,2026-09-30,2026-10-31
1,0,United States,country,,1400000.0,1410000.0,1420000.0
2,1,"Austin, TX",msa,TX,9000.0,,9200.4
"""
WEEKS = """RegionID,RegionName,2026-10-03,2026-10-10
2,"Austin, TX",450000,455000
"""


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def page(name: str = "market") -> str:
    return reverse(f"matching:{name}")


def read(browser: Client, **asked: str) -> str:
    response = browser.get(page(), asked)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def upload(browser: Client, text: str, name: str = "market.csv", **fields: str) -> Any:
    return browser.post(page("market-import"), {"file": SimpleUploadedFile(name, text.encode()), **fields})


def a_year(tenant: Tenant, city: str = "Harborview") -> None:
    """Twelve sales a month since a year, each after twenty days, and fifty homes for sale."""
    for back in range(12):
        month = 11 - back
        closed = date(2026, month, 5) if month > 0 else date(2025, 12 + month, 5)
        for _ in range(12):
            ListingFactory(
                tenant=tenant,
                city=city,
                standard_status=StandardStatus.CLOSED,
                on_market_date=closed - timedelta(days=50),
                purchase_contract_date=closed - timedelta(days=30),
                close_date=closed,
                close_price=520_000,
            )
    ListingFactory.create_batch(50, tenant=tenant, city=city, on_market_date=date(2026, 10, 2))
    take_snapshots(tenant=tenant, now=NOW)


def test_without_anything_the_page_says_what_will_come(agent_client: Client, broker_client: Client) -> None:
    seen = read(agent_client)

    assert "No month worked out yet" in seen
    assert "No series yet" in seen
    assert "Import series" not in seen
    assert "Import series" in read(broker_client)


def test_figures_stand_with_their_counts_and_their_source(tenant: Tenant, agent_client: Client) -> None:
    a_year(tenant)

    seen = read(agent_client)

    assert "Everywhere, October 2026" in seen
    assert "From your listings as they stood at the end of the month." in seen
    assert 'Worked out <time datetime="2026-11-10T15:00:00+00:00">' in seen
    assert "72 sales in 6 months" in seen
    assert "Seller&#x27;s market" in seen  # 50 homes for sale, 12 sales a month
    assert "12 homes sold" in seen
    assert "View as table" in seen
    assert 'href="?area=city%3AHarborview"' in seen


def test_what_rests_on_too_few_is_not_told(tenant: Tenant, agent_client: Client) -> None:
    for closed in (date(2026, 9, 5), date(2026, 10, 6)):
        ListingFactory(
            tenant=tenant,
            standard_status=StandardStatus.CLOSED,
            on_market_date=date(2026, 9, 1),
            close_date=closed,
            close_price=520_000,
        )
    take_snapshots(tenant=tenant, now=NOW)

    seen = read(agent_client)

    assert "too few: 1 homes sold" in seen
    assert "$520,000" not in seen
    assert "market</span>" not in seen


def test_the_address_says_what_is_shown(tenant: Tenant, agent_client: Client) -> None:
    a_year(tenant)
    ListingFactory(
        tenant=tenant, city="Quay", property_sub_type="Condominium", on_market_date=date(2026, 11, 2)
    )
    take_snapshots(tenant=tenant, now=NOW)

    running = read(agent_client, area="city:Quay", month="2026-11", type="Condominium")
    assert "Quay, November 2026" in running
    assert "on 10 November 2026; the month still runs" in running
    assert '<option value="city:Quay" selected>Quay</option>' in running

    assert "Nothing of October 2026" in read(agent_client, area="city:Quay", month="2026-10")
    assert "Everywhere, October 2026" in read(agent_client, area="city:Nowhere", month="soon", type="Castle")


def test_the_season_needs_two_years(tenant: Tenant, agent_client: Client) -> None:
    def keep(months: int) -> None:
        MarketSnapshot.objects.all().delete()
        for back in range(1, months + 1):
            year, month = divmod(2026 * 12 + 10 - back, 12)
            first = date(year, month + 1, 1)
            following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
            MarketSnapshot.objects.create(
                tenant=tenant,
                area_kind=AreaKind.EVERYWHERE,
                month=first,
                as_of=following - timedelta(days=1),
                figures={"homes_sold": [20 + month, 20 + month]},
                computed_at=NOW,
            )

    keep(23)
    assert "Season of sales" not in read(agent_client)
    keep(24)
    assert "Season of sales" in read(agent_client)


def test_rates_are_imported_with_their_source_and_told(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    done = upload(broker_client, RATES, "MORTGAGE30US.csv")

    assert told(done) == ["Kept: 3 figures of 1 area, from Freddie Mac, by FRED."]
    seen = read(broker_client)
    assert "Mortgage rate, 30 years fixed, United States" in seen
    assert "6.41%" in seen
    assert "22 October 2026 · Freddie Mac, by FRED · 3 figures drawn" in seen
    events = Event.objects.filter(kind=Kind.MARKET_UPDATED).order_by("pk")
    assert [one.data for one in events] == [
        {"source": "Freddie Mac, by FRED", "mortgage_rate": 6.3, "rate_on": "2026-10-08"},
        {"source": "Freddie Mac, by FRED", "mortgage_rate": 6.41, "rate_on": "2026-10-22"},
    ]
    assert {one.actor_id for one in events} == {broker.pk}


def test_a_column_a_month_is_read_and_the_latest_told(tenant: Tenant, broker_client: Client) -> None:
    name = "Metro_invt_fs_uc_sfrcondo_sm_month.csv"
    upload(broker_client, WIDE, name, area="austin, tx")
    again = upload(broker_client, WIDE.replace("9200.4", "9300"), name, area="Austin, TX", source=" Our MLS ")

    assert told(again)[-1] == "Kept: 2 figures of 1 area, from Our MLS."
    rows = MarketSeries.objects.order_by("day").values_list("region", "measure", "day", "value", "source")
    assert list(rows) == [
        ("Austin, TX", "homes_for_sale", date(2023, 9, 30), 9000.0, "Our MLS"),
        ("Austin, TX", "homes_for_sale", date(2026, 10, 31), 9300.0, "Our MLS"),
    ]
    assert [one.data for one in Event.objects.filter(kind=Kind.MARKET_UPDATED).order_by("pk")] == [
        {"source": "Zillow Research", "area": "Austin, TX", "month": "2026-10-01", "homes_for_sale": 9200.0},
        {"source": "Our MLS", "area": "Austin, TX", "month": "2026-10-01", "homes_for_sale": 9300.0},
    ]


def test_a_column_a_week_keeps_its_days(broker_client: Client) -> None:
    upload(broker_client, WEEKS, "Metro_median_sale_price_uc_sfrcondo_sm_week.csv")

    rows = MarketSeries.objects.order_by("day").values_list("measure", "day", "value")
    assert list(rows) == [
        ("sale_price", date(2026, 10, 3), 450_000.0),
        ("sale_price", date(2026, 10, 10), 455_000.0),
    ]
    assert "$455,000" in read(broker_client)
    assert not Event.objects.filter(kind=Kind.MARKET_UPDATED).exists()


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (WIDE, "table.csv", "Say what the columns of this table hold: homes for sale, homes sold"),
        (WIDE.replace("9200.4", "many"), "invt.csv", "“many” is no number."),
        ("a,b\n1,2\n", "x.csv", "The columns tell no market figures."),
        ("DATE,MORTGAGE30US\n2026-10-08,\n", "x.csv", "The file tells no figure: every cell is empty."),
        ("", "x.csv", "The submitted file is empty."),
        (
            "RegionName,2026-09-30\n" + "".join(f'"Town {n}",5\n' for n in range(51)),
            "invt.csv",
            "The file is of 51 areas, at most 50 are taken in: name yours.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(
    broker_client: Client, text: str, name: str, said: str
) -> None:
    answer = upload(broker_client, text, name)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not MarketSeries.objects.exists()


def test_a_broker_has_it_worked_out_now(
    tenant: Tenant, broker_client: Client, agent_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    ListingFactory(tenant=tenant, on_market_date=date(2026, 11, 2))

    assert agent_client.post(page("market-look")).status_code == 403
    assert not MarketSnapshot.objects.exists()
    done = broker_client.post(page("market-look"))

    assert told(done) == ["The market is being worked out. Look again in a minute."]
    assert MarketSnapshot.objects.exists()


def test_the_page_costs_the_same_however_much_there_is(tenant: Tenant, agent_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(agent_client)
        return len(captured)

    ListingFactory(tenant=tenant, on_market_date=date(2026, 11, 2))
    take_snapshots(tenant=tenant, now=NOW)
    few = queries()
    a_year(tenant, "Quay")

    assert queries() == few


def test_another_tenants_market_is_not_ours(other_tenant: Tenant, agent_client: Client) -> None:
    a_year(other_tenant)

    assert "No month worked out yet" in read(agent_client)
