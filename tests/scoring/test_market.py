"""Market rows, by hand and from files, and what they do to the weights; through the door."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.errors import DomainError
from leads.events import Kind
from leads.market_files import MonthFact
from leads.models import Event, Lead, Tenant, User
from matching.models import StandardStatus
from matching.services import take_snapshots
from scoring import selectors, services, tasks
from scoring.models import LeadScore, MarketMonth, MortgageRate, WeightSet, WeightSettings
from scoring.pillars import Pillar
from scoring.services import serving
from tests.conftest import Freeze
from tests.factories import EventFactory
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
LONG = """area,month,homes_for_sale,homes_sold,mortgage_rate
"Austin, TX",2026-07,"1,000",500,6.2
"Austin, TX",2026-08,1000,500,6.2
"Austin, TX",2026-09,1000,500,7.2
"""
WIDE = """RegionID,SizeRank,RegionName,RegionType,StateName,2026-07-31,2026-08-31,2026-09-30
1,0,United States,country,,1400000.0,1410000.0,1420000.0
2,1,"Austin, TX",msa,TX,9000.0,,9200.4
"""
RATES = "DATE,MORTGAGE30US\n2026-10-08,6.30\n2026-10-15,.\n"


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def page(name: str = "market", *args: int) -> str:
    return reverse(f"scoring:{name}", args=args)


def read(browser: Client) -> str:
    response = browser.get(page())
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def upload(browser: Client, text: str, name: str = "market.csv", **fields: str) -> Any:
    return browser.post(page("market-import"), {"file": SimpleUploadedFile(name, text.encode()), **fields})


def keep(tenant: Tenant, *months: tuple[str, float, float], area: str = "Austin, TX") -> None:
    """Keep months, such as ("2026-09", for sale, sold)."""
    services.keep_market(
        tenant=tenant,
        by=None,
        months=[
            MonthFact(area, date.fromisoformat(f"{month}-01"), {"homes_for_sale": stock, "homes_sold": sold})
            for month, stock, sold in months
        ],
    )


def tight(tenant: Tenant) -> None:
    """A market of two months of supply."""
    keep(tenant, ("2026-07", 1000, 500), ("2026-08", 1000, 500), ("2026-09", 1000, 500))


# By hand


def test_without_figures_the_page_says_how_to_begin(agent_client: Client, broker_client: Client) -> None:
    seen = read(agent_client)

    assert "Enter your market month by month, or import a file" in seen
    assert "Your broker says whether the market counts." in seen
    assert "It changes nothing until it is put to use" in seen
    assert "Enter a month" not in seen
    assert "Enter a month" in read(broker_client)


def test_a_month_is_entered_replaced_and_removed(tenant: Tenant, broker: User, broker_client: Client) -> None:
    facts = {"area": " Austin,  TX ", "month": "2026-09", "homes_for_sale": "1200", "homes_sold": "400"}
    kept = broker_client.post(page("market-month"), facts)
    again = facts | {"area": "austin, tx", "homes_sold": "300", "days_on_market": "41.5"}
    broker_client.post(page("market-month"), again)
    row = MarketMonth.objects.get()

    assert told(kept) == ["Austin, TX, September 2026: kept."]
    assert (row.area, row.month, row.homes_for_sale, row.homes_sold) == (
        "Austin, TX",
        date(2026, 9, 1),
        1200,
        300,
    )
    assert (row.months_of_supply, row.days_on_market, row.by) == (None, 41.5, broker)
    assert '<td class="num">Sep 2026</td>' in read(broker_client)

    removed = broker_client.post(page("market-month-remove", row.pk))
    assert told(removed)[-1] == "Austin, TX, September 2026 removed."
    assert not MarketMonth.objects.exists()
    events = Event.objects.filter(kind=Kind.MARKET_UPDATED).order_by("pk")
    assert [event.data for event in events] == [
        {"months": 1, "rates": 0},
        {"months": 1, "rates": 0},
        {"removed": "Austin, TX, September 2026"},
    ]
    assert {event.actor_id for event in events} == {broker.pk}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("month", "2026-10", "October 2026 is not over: enter it once it is."),
        ("month", "soon", "Write the month as 2026-09."),
        ("area", "", "This field is required."),
        ("homes_sold", "-1", "Ensure this value is greater than or equal to 0."),
        ("months_of_supply", "200", "Ensure this value is less than or equal to 120."),
    ],
)
def test_a_wrong_month_is_told_and_not_kept(broker_client: Client, field: str, value: str, said: str) -> None:
    facts = {"area": "Austin", "month": "2026-09", "homes_for_sale": "1200", "homes_sold": "400"}
    response = broker_client.post(page("market-month"), facts | {field: value})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not MarketMonth.objects.exists()


def test_a_rate_is_entered_and_removed(broker_client: Client) -> None:
    wrong = broker_client.post(page("market-rate"), {"day": "2026-10-15", "rate": "0.065"})
    later = broker_client.post(page("market-rate"), {"day": "2026-10-21", "rate": "6.5"})
    kept = broker_client.post(page("market-rate"), {"day": "2026-10-15", "rate": "6.5"})
    broker_client.post(page("market-rate"), {"day": "2026-10-15", "rate": "6.4"})
    row = MortgageRate.objects.get()

    assert "Ensure this value is greater than or equal to 0.5." in wrong.content.decode()
    assert "The day is still to come." in later.content.decode()
    assert told(kept)[-1] == "6.5% on 15 October 2026: kept."
    assert (row.day, row.rate) == (date(2026, 10, 15), 6.4)
    assert "6.4%" in read(broker_client)
    assert told(broker_client.post(page("market-rate-remove", row.pk)))[-1] == "6.4% on 2026-10-15 removed."
    assert not MortgageRate.objects.exists()


# From files


def test_a_row_a_month_is_imported(tenant: Tenant, broker_client: Client) -> None:
    response = upload(broker_client, LONG + '"Austin, TX",2026-06,,410,\n', area="")
    june = MarketMonth.objects.get(month=date(2026, 6, 1))

    assert told(response) == ["Kept: 4 months of 1 area and 3 mortgage rates."]
    assert (june.homes_for_sale, june.homes_sold) == (None, 410)
    assert list(MortgageRate.objects.order_by("day").values_list("day", "rate")) == [
        (date(2026, 7, 31), 6.2),
        (date(2026, 8, 31), 6.2),
        (date(2026, 9, 30), 7.2),
    ]
    upload(
        broker_client,
        "area,month,median dom,notes\nAUSTIN, \n".replace("AUSTIN, ", '"AUSTIN, TX",Jun 2026,33,x'),
    )
    june.refresh_from_db()
    assert (june.area, june.homes_sold, june.days_on_market) == ("Austin, TX", 410, 33.0)


def test_every_wrong_cell_is_told_and_nothing_kept(tenant: Tenant, broker_client: Client) -> None:
    text = (
        "area,month,homes_for_sale,homes_sold,mortgage_rate\n"
        "Austin,2026-09,12,3,6.5\n"
        "Austin,2026-09,12,3,6.5\n"
        ",2026-08,12,many,6.5\n"
        "Austin,2026-10,12,3,6.5\n"
        "Austin,2026-13,12,3,6.5\n"
        "Austin,2026-07,-4,3,0.065\n"
        "Austin,2026-06,,,\n"
        "Dallas,2026-09,5,5,6.6\n"
    )
    response = upload(broker_client, text)
    seen = " ".join(response.content.decode().split())

    assert response.status_code == 422
    assert "9 figures cannot be read, so nothing of the file was kept." in seen
    for row, column, what in (
        (3, "month", "Austin has this month in another row."),
        (4, "area", "The area is missing."),
        (4, "homes_sold", "“many” is no number."),
        (5, "month", "October 2026 is not over."),
        (6, "month", "“2026-13” is no month."),
        (7, "homes_for_sale", "-4 homes for sale cannot be."),
        (7, "mortgage_rate", "A rate of 0.065% cannot be."),
        (8, "Whole row", "The row tells no figure."),
        (9, "mortgage_rate", "Another row gives 6.5 for 30 September 2026."),
    ):
        assert f'<td class="num">{row}</td><td>{column}</td><td>{what}</td>' in seen
    assert not MarketMonth.objects.exists()
    assert not MortgageRate.objects.exists()
    assert not Event.objects.filter(kind=Kind.MARKET_UPDATED).exists()


def test_a_column_a_month_is_imported_by_area(broker_client: Client) -> None:
    unknown = upload(broker_client, WIDE, "zhvi.csv")
    nobody = upload(broker_client, WIDE, "Metro_invt_fs.csv", area="Austen, TX")
    kept = upload(broker_client, WIDE, "Metro_invt_fs.csv", area="austin, tx")
    upload(broker_client, WIDE, "table.csv", area="Austin, TX", figure="homes_sold")

    assert "Say what the columns of this table hold: homes for sale" in unknown.content.decode()
    assert "There is no area “Austen, TX” in the file." in nobody.content.decode()
    assert "Do you mean Austin, TX?" in nobody.content.decode()
    assert told(kept)[-1] == "Kept: 2 months of 1 area and 0 mortgage rates."
    rows = MarketMonth.objects.order_by("month").values_list("month", "homes_for_sale", "homes_sold")
    assert list(rows) == [(date(2026, 7, 1), 9000, 9000), (date(2026, 9, 1), 9200, 9200)]


def test_rates_by_day_are_imported(broker_client: Client) -> None:
    response = upload(broker_client, RATES)

    assert told(response) == ["Kept: 0 months of 0 areas and 1 mortgage rates."]
    assert MortgageRate.objects.get().day == date(2026, 10, 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The submitted file is empty."),
        ("name,email\nA,a@example.com\n", "The columns tell no market figures."),
        ("month,homes_sold\n2026-09,4\n", "Say in a column “area” which area the figures are of."),
        ("area,month,homes_sold\n", "The file has headings but no rows."),
        ("DATE,MORTGAGE30US\n2026-10-15,.\n", "The file tells no figure: every cell is empty."),
    ],
)
def test_a_file_of_another_kind_is_refused(broker_client: Client, text: str, said: str) -> None:
    response = upload(broker_client, text)

    assert response.status_code == 422
    assert said in response.content.decode()


def test_a_table_of_too_many_figures_asks_for_areas(broker_client: Client) -> None:
    months = ",".join(f"{year}-{month:02}-28" for year in range(2000, 2016) for month in range(1, 13))
    rows = "".join(f"Area {n}{',1' * 192}\n" for n in range(120))
    response = upload(broker_client, f"RegionName,{months}\n{rows}", "sales_count.csv")

    assert "The file holds 23,040 figures, at most 20,000 are taken in: name your areas." in (
        response.content.decode()
    )


def test_the_command_imports_and_refuses_alike(tenant: Tenant, tmp_path: Path) -> None:
    good, bad, out, err = tmp_path / "invt.csv", tmp_path / "bad.csv", StringIO(), StringIO()
    good.write_text(WIDE)
    bad.write_text("area,month,homes_sold,notes\nAustin,2026-09,x,a\nAustin,2026-08,y,b\n")
    call_command("import_market", good, tenant=tenant.location_id, area=["Austin, TX"], stdout=out)
    with pytest.raises(CommandError, match="2 figures cannot be read, so nothing of the file was kept"):
        call_command("import_market", bad, tenant=tenant.location_id, stderr=err)

    assert "kept 2 months of 1 areas and 0 mortgage rates" in out.getvalue()
    assert "row 2, homes_sold: “x” is no number. Write homes sold as a number" in err.getvalue()
    assert "row 3, homes_sold" in err.getvalue()
    assert MarketMonth.objects.count() == 2
    with pytest.raises(CommandError, match="There is no tenant nobody"):
        call_command("import_market", good, tenant="nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_market", tmp_path / "none.csv", tenant=tenant.location_id)
    with pytest.raises(CommandError, match="Say what the columns"):
        call_command("import_market", _named(tmp_path, "t.csv", WIDE), tenant=tenant.location_id)


def _named(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


# What is known


def test_conditions_are_those_of_the_area_that_counts(tenant: Tenant) -> None:
    tight(tenant)
    keep(tenant, ("2025-09", 2000, 400))
    services.keep_market(
        tenant=tenant, by=None, rates={date(2026, 3, 1): 6.0, date(2026, 9, 1): 6.0, date(2026, 10, 15): 7.0}
    )
    found = selectors.market_of(tenant.pk, chosen="", day=TODAY)

    assert (found.area, found.latest, found.is_stale) == ("Austin, TX", date(2026, 9, 30), False)
    assert found.conditions.months_of_supply == 2.0
    assert found.conditions.inventory_change == -0.5
    assert (found.conditions.mortgage_rate, found.conditions.usual_rate) == (7.0, 6.0)
    assert found.adjustment.of(Pillar.URGENCY) > 1.0 > found.adjustment.of(Pillar.FIT)
    assert "few homes are for sale (2.0 months of supply)" in found.adjustment.reasons[Pillar.URGENCY]

    MarketMonth.objects.filter(month=date(2026, 9, 1)).update(months_of_supply=8.0)
    assert selectors.market_of(tenant.pk, chosen="", day=TODAY).conditions.months_of_supply == 8.0


def test_of_several_areas_one_must_be_chosen(tenant: Tenant, broker: User, broker_client: Client) -> None:
    tight(tenant)
    keep(tenant, ("2026-09", 10, 1), area="Dallas")

    assert "There are figures of 2 areas. Say which one counts" in read(broker_client)
    refused = broker_client.post(page("market-use"), {"uses_market": "on", "area": ""})
    assert told(refused)[-1] == "Say which area counts: there are figures of several."
    broker_client.post(page("market-use"), {"uses_market": "on", "area": "Dallas"})
    assert WeightSettings.objects.get().area == "Dallas"
    with pytest.raises(DomainError, match="no figures of that area"):
        services.set_market_use(tenant=tenant, uses_market=True, area="Houston", by=broker)


def test_stale_figures_say_so_and_change_nothing(tenant: Tenant, agent_client: Client) -> None:
    keep(tenant, ("2026-03", 1000, 500), ("2026-04", 1000, 500), ("2026-05", 1000, 500))
    services.keep_market(tenant=tenant, by=None, rates={date(2026, 5, 1): 6.0})
    seen = read(agent_client)

    assert "The newest month of Austin, TX ended on 31 May 2026, more than 120 days ago" in seen
    assert "The newest mortgage rate is of 1 May 2026, more than 120 days ago" in seen
    found = selectors.market_of(tenant.pk, chosen="", day=TODAY)
    assert found.adjustment.is_neutral


def test_too_few_months_are_told(tenant: Tenant, agent_client: Client) -> None:
    keep(tenant, ("2026-09", 1000, 500))

    assert "2 more months with sales needed" in read(agent_client)


# In use


def served(tenant: Tenant) -> serving.Served:
    serving.forget()
    return serving.served_for([tenant.pk])[tenant.pk]


def test_the_market_turns_weights_only_when_put_to_use(
    tenant: Tenant, broker: User, broker_client: Client
) -> None:
    refused = broker_client.post(page("market-use"), {"uses_market": "on", "area": ""})
    assert told(refused) == ["Enter figures of your market first: there is nothing to go by."]
    tight(tenant)
    assert served(tenant).weights_of("") is serving.PLAIN

    used = broker_client.post(page("market-use"), {"uses_market": "on", "area": ""})
    assert told(used)[-1] == "The market turns the weights. Leads are scored anew."
    weights = served(tenant).weights_of("")
    adjustment = selectors.market_of(tenant.pk, chosen="", day=TODAY).adjustment
    assert weights.name == "standard+market"
    assert all(weights.of(pillar) == adjustment.of(pillar) for pillar in Pillar)
    assert "In use" in read(broker_client)
    event = Event.objects.get(kind=Kind.WEIGHTS_CHANGED)
    assert (event.data, event.actor_id) == ({"market": True, "area": ""}, broker.pk)

    WeightSet.objects.create(
        tenant=tenant, number=3, origin="broker", state="serving", weights={"": {"urgency": 1.95}}
    )
    both = served(tenant).weights_of("seller")
    assert both.name == "set-3+market"
    assert both.of(Pillar.URGENCY) == 2.0
    assert both.of(Pillar.FIT) == adjustment.of(Pillar.FIT)

    off = broker_client.post(page("market-use"), {"area": ""})
    assert told(off)[-1] == "The market no longer turns the weights. Leads are scored anew."
    assert served(tenant).weights_of("").name == "set-3"


def test_a_look_reads_one_small_row_unless_figures_changed(
    tenant: Tenant, broker: User, freeze: Freeze
) -> None:
    tight(tenant)
    services.set_market_use(tenant=tenant, uses_market=True, area="", by=broker)
    before = served(tenant).weights_of("")
    serving._held.looked_at = float("-inf")
    with CaptureQueriesContext(connection) as again:
        serving.served_for([tenant.pk])

    assert len(again) == 5
    assert not any("scoring_marketmonth" in query["sql"] for query in again)
    freeze(NOW + timedelta(seconds=1))
    keep(tenant, ("2026-09", 9000, 500))
    serving._held.looked_at = float("-inf")
    assert serving.served_for([tenant.pk])[tenant.pk].weights_of("") != before


def test_a_score_says_that_the_market_turned_it_and_adds_up(
    tenant: Tenant, lead: Lead, broker: User, agent_client: Client
) -> None:
    tight(tenant)
    services.set_market_use(tenant=tenant, uses_market=True, area="", by=broker)
    serving.forget()
    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, data={"text": "We must move by next month, lease is ending"}
    )
    row = services.score_leads(event_ids=[event.pk])[0]

    assert row.weight_set == "standard+market"
    assert {name: weight for name, _, weight in row.pillars}["urgency"] > 1.0
    assert row.base + sum(points for _, _, points in row.contributions) == pytest.approx(row.score, abs=1e-6)
    assert row.base + sum(points for _, points, _ in row.pillars) == pytest.approx(row.score, abs=1e-6)


def test_new_figures_score_leads_anew_only_where_the_market_counts(
    tenant: Tenant, lead: Lead, broker: User, django_capture_on_commit_callbacks: Any
) -> None:
    tight(tenant)
    first = Event.objects.filter(kind=Kind.MARKET_UPDATED).latest("pk")
    assert services.tenants_to_rescore(event_ids=[first.pk]) == []

    event = EventFactory(
        lead=lead, kind=Kind.MESSAGE_RECEIVED, data={"text": "We must move by next month, lease is ending"}
    )
    plain = services.score_leads(event_ids=[event.pk])[0]
    services.set_market_use(tenant=tenant, uses_market=True, area="", by=broker)
    keep(tenant, ("2026-09", 1000, 500))
    serving.forget()
    changes = list(
        Event.objects.filter(kind__in=[Kind.WEIGHTS_CHANGED, Kind.MARKET_UPDATED]).values_list(
            "pk", flat=True
        )
    )
    with django_capture_on_commit_callbacks(execute=True):
        tasks.follow_changes(changes)
    tasks.rescore_tenant(tenant.pk)
    newest = LeadScore.objects.filter(lead=lead).latest("pk")

    assert (plain.weight_set, newest.weight_set) == ("standard", "standard+market")
    assert newest.score > plain.score


def test_rows_of_another_tenant_are_not_ours(
    tenant: Tenant, other_tenant: Tenant, broker_client: Client
) -> None:
    tight(other_tenant)
    services.keep_market(tenant=other_tenant, by=None, rates={date(2026, 9, 1): 6.0})

    assert "No figures yet" in read(broker_client)
    for name, row in (
        ("market-month-remove", MarketMonth.objects.all()[0]),
        ("market-rate-remove", MortgageRate.objects.get()),
    ):
        assert broker_client.post(page(name, row.pk)).status_code == 404
    assert MarketMonth.objects.count() == 3


def test_the_list_costs_the_same_however_long(tenant: Tenant, agent_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(agent_client)
        return len(captured)

    keep(tenant, ("2026-09", 1, 1))
    few = queries()
    begin = date(2020, 1, 1)
    services.keep_market(
        tenant=tenant,
        by=None,
        months=[
            MonthFact("Austin, TX", (begin + timedelta(days=31 * n)).replace(day=1), {"homes_sold": 4.0})
            for n in range(40)
        ],
    )

    assert queries() == few


# Told by events


def tell(tenant: Tenant, at: datetime = NOW, **data: Any) -> Event:
    event: Event = EventFactory(
        lead=None,
        tenant=tenant,
        kind=Kind.MARKET_UPDATED,
        occurred_at=at,
        data={"source": "listings", "area": "Riverton", "month": "2026-09-01", **data},
    )
    tasks.follow_changes([event.pk])
    return event


def months() -> list[tuple[str, int | None, int | None, str]]:
    rows = MarketMonth.objects.order_by("area", "month")
    return list(rows.values_list("area", "homes_for_sale", "homes_sold", "source"))


def test_what_listings_tell_is_kept_with_its_source_and_renewed(
    tenant: Tenant, broker_client: Client
) -> None:
    tell(tenant, homes_for_sale=62, homes_sold=15, mortgage_rate=6.3, rate_on="2026-09-24")
    tell(tenant, NOW + timedelta(days=1), homes_for_sale=61, mortgage_rate=6.4, rate_on="2026-09-24")
    late = tell(tenant, NOW - timedelta(days=1), homes_for_sale=1, mortgage_rate=1, rate_on="2026-09-24")
    tasks.follow_changes([late.pk])

    assert months() == [("Riverton", 61, 15, "listings")]
    assert list(MortgageRate.objects.values_list("rate", "source")) == [(6.4, "listings")]
    assert "<td>Listings</td>" in read(broker_client)
    assert Event.objects.filter(kind=Kind.MARKET_UPDATED).count() == 3  # it tells nothing on


def test_what_the_team_entered_is_not_overwritten(tenant: Tenant, broker_client: Client) -> None:
    keep(tenant, ("2026-09", 70, 20), area="riverton")
    services.keep_market(tenant=tenant, by=None, rates={date(2026, 9, 24): 6.1})
    tell(tenant, homes_for_sale=62, homes_sold=15, mortgage_rate=6.3, rate_on="2026-09-24")
    assert months() == [("riverton", 70, 20, "")]
    assert MortgageRate.objects.get().rate == 6.1
    assert "<td>Entered</td>" in read(broker_client)

    MarketMonth.objects.all().delete()
    tell(tenant, homes_for_sale=62, homes_sold=15)
    keep(tenant, ("2026-09", 71, 21), area="Riverton")
    tell(tenant, NOW + timedelta(days=1), homes_for_sale=60)
    assert months() == [("Riverton", 71, 21, "")]


def test_the_area_that_counts_stays_when_others_are_told(tenant: Tenant, broker: User) -> None:
    tight(tenant)
    services.set_market_use(tenant=tenant, uses_market=True, area="", by=broker)

    tell(tenant, homes_for_sale=62, homes_sold=15)

    settings = WeightSettings.objects.get(tenant=tenant)
    market = selectors.market_of(tenant.pk, chosen=settings.area, day=TODAY)
    assert (settings.area, market.area, market.must_choose) == ("Austin, TX", "Austin, TX", False)


def test_a_look_at_listings_reaches_the_weights(tenant: Tenant) -> None:
    for _ in range(12):
        ListingFactory(
            tenant=tenant,
            standard_status=StandardStatus.CLOSED,
            on_market_date=date(2026, 9, 1),
            purchase_contract_date=date(2026, 9, 9),
            close_date=date(2026, 9, 28),
            close_price=500_000,
        )
    ListingFactory.create_batch(2, tenant=tenant, on_market_date=date(2026, 9, 2))

    take_snapshots(tenant=tenant, now=NOW)
    told = Event.objects.filter(kind=Kind.MARKET_UPDATED)
    tasks.follow_changes([event.pk for event in told])

    assert months() == [("All our listings", 2, 12, "listings"), ("Harborview", 2, 12, "listings")]
    assert set(MarketMonth.objects.values_list("days_on_market", flat=True)) == {8.0}
    assert told.count() == 2
