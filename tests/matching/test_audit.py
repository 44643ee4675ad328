"""The audit of fair housing: what was shown, compared by groups of areas."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from leads.models import Lead, Tenant, User
from matching import inputs, selectors, services, tasks
from matching.models import AreaGroup, Counterfactual, Criteria, Exposure, Listing, Ranking, Surface
from matching.selectors import fits
from matching.wants import refusal_of
from tests.conftest import Freeze
from tests.factories import LeadFactory
from tests.matching.factories import (
    ListingFactory,
    ListingPlacesFactory,
    NeighborhoodFactory,
    TextFindingFactory,
)

NOW = datetime(2026, 11, 10, 15, tzinfo=UTC)
ELIGIBLE = {"postal_code": {"98001": 20, "98002": 20}, "neighborhood": {"Mill Row": 40}}


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def homes(tenant: Tenant, postal_code: str, count: int, **fields: Any) -> list[Listing]:
    return [ListingFactory(tenant=tenant, postal_code=postal_code, **fields) for _ in range(count)]


def show(
    lead: Lead, ids: list[int], eligible: Any = None, at: datetime = NOW, version: str = "match-1"
) -> None:
    services.record_exposures(
        lead=lead,
        surface=Surface.PAGE,
        listing_ids=ids,
        eligible=ELIGIBLE if eligible is None else eligible,
        now=at,
        version=version,
    )


def exposed(tenant: Tenant, by: str = "postal_code") -> selectors.Exposed:
    today = NOW.date()
    return selectors.exposed(tenant, by=by, since=today - timedelta(days=90), until=today)


def uneven(tenant: Tenant, at: datetime = NOW) -> None:
    """Three buyers see eight homes of one ZIP code and two of the other among their first ten."""
    one, two = homes(tenant, "98001", 12), homes(tenant, "98002", 12)
    ids = [home.pk for home in (*one[:8], *two[:2], *two[2:])]
    for _ in range(3):
        show(LeadFactory(tenant=tenant), ids, at=at)


def read(browser: Client, **asked: Any) -> str:
    response = browser.get(reverse("matching:audit"), asked)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def upload(browser: Client, text: str) -> Any:
    file = SimpleUploadedFile("areas.csv", text.encode())
    return browser.post(reverse("matching:audit-groups"), {"file": file})


@pytest.mark.django_db
def test_first_tens_are_compared_with_what_could_be_shown(tenant: Tenant) -> None:
    uneven(tenant)

    told = exposed(tenant)

    counts = {one.group.name: (one.group.selected, one.group.total) for one in told.compared}
    assert counts == {"98001": (24, 60), "98002": (6, 60)}
    assert told.screen.reference == "98001"
    assert told.screen.flagged == ["98002"]
    assert [round(one.group.ratio, 2) for one in told.compared] == [1.0, 0.25]
    assert [one.interval for one in told.compared] == [(1.0, 1.0), (0.25, 0.25)]  # all buyers saw alike
    assert (told.rankings, told.buyers, told.untold, told.inconsistent) == (3, 3, 0, 0)
    assert told.versions == (("match-1", 3),)


@pytest.mark.django_db
def test_months_are_compared_each(tenant: Tenant) -> None:
    uneven(tenant, NOW - timedelta(days=30))
    show(LeadFactory(tenant=tenant), [homes(tenant, "98002", 1)[0].pk], {"postal_code": {"98002": 4}})

    rows = exposed(tenant).trend

    assert [row.month.month for row in rows] == [10, 11]
    october = {name: group.rate for name, group in rows[0].rates.items() if group is not None}
    assert october == {"98001": 0.4, "98002": 0.1}
    assert rows[1].rates["98001"] is None


@pytest.mark.django_db
def test_lists_that_tell_too_little_or_contradict_are_left_out(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)
    ids = [home.pk for home in homes(tenant, "98001", 3)]
    show(lead, ids, {"neighborhood": {"Mill Row": 5}})
    show(lead, ids[::-1], {"postal_code": {"98001": 2}})

    told = exposed(tenant)

    assert (told.untold, told.inconsistent, told.compared) == (1, 1, ())


@pytest.mark.django_db
def test_areas_are_grouped_by_the_teams_table(tenant: Tenant) -> None:
    AreaGroup.objects.create(tenant=tenant, area="98001", group="North")
    uneven(tenant)

    told = exposed(tenant, "group")
    assert [one.group.name for one in told.compared] == ["North"]
    assert told.ungrouped == ("98002",)

    AreaGroup.objects.all().delete()
    AreaGroup.objects.create(tenant=tenant, area="Mill Row", group="Riverside")
    row = NeighborhoodFactory(tenant=tenant, name="Mill Row")
    for home in Listing.objects.filter(tenant=tenant):
        ListingPlacesFactory(listing=home, neighborhood=row)
    told = exposed(tenant, "group")
    assert [(one.group.name, one.group.selected, one.group.total) for one in told.compared] == [
        ("Riverside", 30, 120)
    ]


@pytest.mark.django_db
def test_without_rows_the_page_says_what_is_missing(broker_client: Client, agent_client: Client) -> None:
    seen = read(broker_client)

    for missing in (
        "No lists shown in this time",
        "No list was ranked in this time.",
        "No buyer has criteria yet.",
        "Not made yet.",
        "No remarks read yet.",
        "No sentence was kept",
        "Without a table every area stands for itself.",
    ):
        assert missing in seen
    assert agent_client.get(reverse("matching:audit")).status_code == 403


@pytest.mark.django_db
def test_the_page_shows_rates_ratios_and_what_they_say(tenant: Tenant, broker_client: Client) -> None:
    uneven(tenant)
    uneven(tenant, NOW - timedelta(days=30))

    seen = read(broker_client)

    assert "6 lists shown to 6 buyers" in seen
    assert "Below 0.8" in seen
    assert "Hardly chance" in seen
    assert "Shown most" in seen
    assert "40.0%" in seen
    assert 'id="rates-summary"' in seen
    assert "Mill Row" in read(broker_client, by="neighborhood", days=365)


@pytest.mark.django_db
def test_the_address_says_over_how_long(tenant: Tenant, broker_client: Client) -> None:
    uneven(tenant)
    uneven(tenant, NOW - timedelta(days=40))

    assert "3 lists shown to 3 buyers" in read(broker_client, days=30)
    assert "6 lists shown to 6 buyers" in read(broker_client, days="soon", by="nothing")


@pytest.mark.django_db
def test_who_set_schools_or_safety_is_counted(tenant: Tenant, broker_client: Client) -> None:
    for importance in ({}, {"schools": 3}, {"schools": "ignore", "safety": 5}):
        Criteria.objects.create(
            tenant=tenant, lead=LeadFactory(tenant=tenant), wants={"importance": importance}
        )

    assert selectors.chosen_weights(tenant) == selectors.Chosen(buyers=3, schools=1, safety=1)
    assert "Of 3 buyers with criteria, 1 gave schools a weight and 1 safety." in read(broker_client)


@pytest.mark.django_db
def test_overrides_stand_with_who_and_why(tenant: Tenant, broker_client: Client) -> None:
    TextFindingFactory(
        listing__tenant=tenant, state="overridden", reason="A quote", overridden_at=NOW, overridden_by=None
    )

    seen = read(broker_client)

    assert "A quote" in seen
    assert "someone who has left" in seen
    assert "1 kept with a reason" in seen


@pytest.mark.django_db
def test_a_table_of_areas_replaces_the_one_before(
    tenant: Tenant, other_tenant: Tenant, broker_client: Client
) -> None:
    AreaGroup.objects.create(tenant=other_tenant, area="98001", group="Theirs")
    AreaGroup.objects.create(tenant=tenant, area="98009", group="Old")

    done = upload(broker_client, "Area,Group,note\n98001,North,x\n98002, South \n98001,North,again\n")

    assert [str(one) for one in get_messages(done.wsgi_request)] == ["Kept: 2 areas in 2 groups."]
    rows = AreaGroup.objects.filter(tenant=tenant).values_list("area", "group")
    assert set(rows) == {("98001", "North"), ("98002", "South")}
    assert AreaGroup.objects.filter(tenant=other_tenant).count() == 1
    assert "A table of yours is in use" in read(broker_client)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zip,group\n98001,A\n", "The file needs the columns “area” and “group”."),
        ("area,group\n98001,\n", "Row 2: area or group is missing."),
        ("area,group\n98001,A\n98001,B\n", "Row 3: 98001 is in two groups."),
        (f"area,group\n98001,{'g' * 81}\n", "Row 2: the name is too long."),
        ("", "The submitted file is empty."),
    ],
)
def test_a_table_that_cannot_be_read_changes_nothing(
    tenant: Tenant, broker_client: Client, text: str, why: str
) -> None:
    AreaGroup.objects.create(tenant=tenant, area="98009", group="Old")

    answer = upload(broker_client, text)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert AreaGroup.objects.get().group == "Old"


@pytest.mark.django_db
def test_lists_of_others_are_not_ours(tenant: Tenant, other_tenant: Tenant) -> None:
    uneven(other_tenant)

    assert exposed(tenant).rankings == 0
    assert Exposure.objects.count() == 60
    assert Ranking.objects.filter(tenant=tenant).count() == 0


@pytest.mark.parametrize("name", [name for _, names in inputs.FORBIDDEN for name in names])
def test_no_criteria_may_hold_what_is_never_an_input(name: str) -> None:
    assert refusal_of(name)


def test_no_forbidden_input_is_among_those_allowed() -> None:
    allowed = {name for _, names in inputs.ALLOWED for name in names}

    assert not allowed & {name for _, names in inputs.FORBIDDEN for name in names}
    assert len(inputs.digest()) == 64


# Under other names


def tried(tenant: Tenant, browser: Client) -> list[str]:
    done = browser.post(reverse("matching:audit-trial"))
    return [str(one) for one in get_messages(done.wsgi_request)]


def a_buyer(tenant: Tenant, **wants: Any) -> Lead:
    lead: Lead = LeadFactory(tenant=tenant)
    told = {"price_max": 600_000, "beds_min": 3, **wants}
    Criteria.objects.create(tenant=tenant, lead=lead, wants=told)
    return lead


@pytest.mark.django_db
def test_under_another_name_nothing_moves(tenant: Tenant, broker: User, broker_client: Client) -> None:
    for price in (450_000, 520_000, 590_000, 640_000):
        ListingFactory(tenant=tenant, list_price=price)
    a_buyer(tenant)
    a_buyer(tenant, price_max=500_000)
    a_buyer(tenant, price_max="much")  # cannot be read, so ranks nothing

    assert tried(tenant, broker_client) == ["It is being tried. Look again in a minute."]

    trial = Counterfactual.objects.get()
    assert (trial.buyers, trial.listings, trial.moved, trial.by) == (2, 4, 0, broker)
    assert trial.swaps == {"name": 0.0, "language": 0.0, "phone_area_and_address": 0.0}
    assert (trial.features, trial.version.startswith("match-")) == (inputs.digest(), True)
    assert "Nothing moved" in read(broker_client)


@pytest.mark.django_db
def test_a_ranking_that_looks_at_a_name_is_caught(
    tenant: Tenant, broker_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for price in (450_000, 520_000):
        ListingFactory(tenant=tenant, list_price=price)
    a_buyer(tenant)
    honest = fits.wanted_by

    def by_name(lead: Lead) -> fits.Wanted:
        wanted = honest(lead)
        return wanted if lead.first_name != "Lakisha" else replace(wanted, weights=wanted.weights[::-1])

    monkeypatch.setattr(fits, "wanted_by", by_name)
    tried(tenant, broker_client)

    trial = Counterfactual.objects.get()
    assert trial.moved > 0
    assert trial.swaps["name"] > 0
    assert trial.swaps["language"] == 0
    assert f"{trial.moved} moved" in read(broker_client)


@pytest.mark.django_db
def test_with_nobody_to_try_it_with_that_is_said(tenant: Tenant, broker: User, broker_client: Client) -> None:
    assert tried(tenant, broker_client)[0].startswith("There is nobody to try it with")
    a_buyer(tenant)
    assert tried(tenant, broker_client)[-1].startswith("There is nobody to try it with")

    assert services.try_other_names(tenant=tenant, by=broker, now=NOW) is None
    tasks.try_other_names(0, broker.pk)
    assert not Counterfactual.objects.exists()
