from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, Lead, Tenant
from leads.services.events import record_event
from matching import engine, preferences
from matching.models import Criteria, Household, Listing, SavedSearch, StandardStatus
from matching.selectors import fits
from matching.selectors.homes import forget_homes, homes_among
from matching.services.criteria import (
    answer_observation,
    keep_criteria,
    look_alone,
    look_together,
    save_search,
    undo_learned,
)
from matching.services.preferences import learn_from
from matching.wants import INDEX, WantsError
from tests import factories
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WANTS: dict[str, Any] = {
    "price_target": 500_000,
    "price_max": 600_000,
    "beds_min": 3,
    "importance": {"price": "must"},
}


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


def did(lead: Lead, kind: Kind, listing: Listing, *, days: float = 1.0, **data: Any) -> Event:
    event = record_event(
        tenant=lead.tenant,
        lead=lead,
        kind=kind,
        occurred_at=NOW - timedelta(days=days),
        data={"listing_key": listing.listing_key, **data},
    )
    assert event is not None
    return event


def looking(lead: Lead, **wants: Any) -> Criteria:
    return keep_criteria(lead=lead, told={**WANTS, **wants}, by=None, now=NOW)


# What is looked for


def test_what_a_lead_looks_for_is_kept_and_told_in_the_timeline(lead: Lead) -> None:
    user = factories.UserFactory()

    criteria = keep_criteria(lead=lead, told=WANTS, by=user, now=NOW)

    assert criteria.wants == WANTS
    event = Event.objects.get(kind=Kind.CRITERIA_CHANGED)
    assert (event.lead_id, event.actor_id) == (lead.pk, user.pk)
    assert event.data == {"fields": ["beds_min", "importance", "price_max", "price_target"]}


def test_what_cannot_be_looked_for_changes_nothing(lead: Lead) -> None:
    looking(lead)

    with pytest.raises(WantsError) as caught:
        keep_criteria(lead=lead, told={"price_max": -1, "religion": "any"}, by=None, now=NOW)

    assert caught.value.code == "fair_housing"
    assert Criteria.objects.get().wants == WANTS


def test_answers_in_the_crm_stand_in_until_somebody_enters_criteria(lead: Lead) -> None:
    lead.profile = {"budget": 450_000, "timeline": "ASAP", "location": "Ballard"}
    lead.save()

    assumed = fits.wanted_by(lead)
    looking(lead)
    entered = fits.wanted_by(lead)

    assert assumed.assumed == ("price_max", "urgency")
    assert assumed.wants.price_max == 450_000
    assert entered.assumed == ()
    assert entered.wants.price_max == 600_000


@pytest.mark.parametrize("profile", [{}, {"budget": "a lot"}, {"budget": True}, {"budget": 1e12}])
def test_answers_that_say_nothing_are_no_limits(profile: dict[str, Any]) -> None:
    assert fits.assumed_wants(profile)[1] == ()


# Homes for a lead


def test_homes_are_ranked_with_points_that_add_up_and_reasons(lead: Lead) -> None:
    best = ListingFactory(tenant=lead.tenant, list_price=Decimal(480_000))
    dearer = ListingFactory(tenant=lead.tenant, list_price=Decimal(580_000))
    ListingFactory(tenant=lead.tenant, list_price=Decimal(700_000))  # above the must
    looking(lead)

    found = fits.fits_of(lead, now=NOW)

    assert [fit.listing.pk for fit in found.rows] == [best.pk, dearer.pk]
    assert (found.among, found.fitting) == (3, 2)
    for fit in found.rows:
        assert sum(part.points for part in fit.parts) == pytest.approx(100 * fit.total, abs=1e-9)
        assert fit.parts[INDEX["schools"]].share == fit.parts[INDEX["safety"]].share == 0.0
    assert found.rows[0].parts[INDEX["price"]].score == 1.0
    assert found.rows[1].parts[INDEX["price"]].score == pytest.approx(0.36)
    assert "$480,000" in found.rows[0].why.sentence()


def test_a_home_that_was_dismissed_is_left_out_until_it_is_saved(lead: Lead) -> None:
    kept, gone = ListingFactory(tenant=lead.tenant), ListingFactory(tenant=lead.tenant)
    looking(lead)
    did(lead, Kind.LISTING_DISMISSED, gone, days=2)

    found = fits.fits_of(lead, now=NOW)
    assert [fit.listing.pk for fit in found.rows] == [kept.pk]
    assert found.dismissed == 1

    did(lead, Kind.LISTING_SAVED, gone, days=1)
    assert {fit.listing.pk for fit in fits.fits_of(lead, now=NOW).rows} == {kept.pk, gone.pk}


def test_homes_of_another_tenant_never_fit(lead: Lead, other_tenant: Tenant) -> None:
    ListingFactory(tenant=other_tenant)
    looking(lead)

    assert fits.fits_of(lead, now=NOW).rows == ()


def test_a_home_is_explained_though_it_was_sold(lead: Lead) -> None:
    sold = ListingFactory(
        tenant=lead.tenant, list_price=Decimal(650_000), standard_status=StandardStatus.CLOSED
    )
    looking(lead)

    why = fits.why_not(lead, sold)

    assert [words for _, words in why.breaks][0] == "its status is Closed"
    assert any("$650,000" in words for _, words in why.breaks)
    assert fits.fit_of(lead, sold).listing == sold


def test_moving_a_limit_tells_exactly_what_it_opens(lead: Lead) -> None:
    ListingFactory(tenant=lead.tenant, list_price=Decimal(590_000))
    opened = ListingFactory(tenant=lead.tenant, list_price=Decimal(615_000))
    looking(lead)

    found = fits.fits_of(lead, now=NOW)
    moved = next(one for one in fits.relaxations_of(lead, found) if one.must.limit == "price_max")

    assert moved.opens == 1
    assert found.homes.pk[moved.rows[0]] == opened.pk


def test_the_best_saved_home_is_what_others_are_held_against(lead: Lead) -> None:
    saved = ListingFactory(tenant=lead.tenant, list_price=Decimal(550_000))
    ListingFactory(tenant=lead.tenant, list_price=Decimal(480_000))
    looking(lead)
    assert fits.best_saved(lead, fits.fits_of(lead, now=NOW)) is None

    did(lead, Kind.LISTING_SAVED, saved)
    found = fits.best_saved(lead, fits.fits_of(lead, now=NOW))

    assert found is not None
    assert found[0] == saved
    assert found[1].sum() == pytest.approx(fits.fit_of(lead, saved).total, abs=1e-12)


# Whom a home fits


def test_a_home_finds_its_buyers(lead: Lead) -> None:
    home = ListingFactory(tenant=lead.tenant, list_price=Decimal(550_000))
    eager = factories.LeadFactory(tenant=lead.tenant)
    looking(lead)
    looking(eager, price_target=590_000)
    looking(factories.LeadFactory(tenant=lead.tenant), price_max=500_000)
    looking(factories.LeadFactory())

    rows, among = fits.buyers_of(home)

    assert [row.lead for row in rows] == [eager, lead]
    assert among == 3
    assert rows[0].points > rows[1].points


# What they do


def test_weights_follow_what_a_buyer_does_and_a_repeat_changes_nothing(lead: Lead) -> None:
    cheap = ListingFactory(tenant=lead.tenant, list_price=Decimal(450_000), bedrooms_total=2)
    looking(lead)
    events = [did(lead, Kind.LISTING_SAVED, cheap, days=3 - day).pk for day in range(3)]

    assert learn_from(event_ids=events) == 1
    first = Criteria.objects.get(lead=lead)
    assert learn_from(event_ids=events) == 0

    again = Criteria.objects.get(lead=lead)
    assert again.learned == first.learned
    assert again.learned_event_id == max(events)
    wanted = fits.wanted_by(lead)
    assert wanted.belief is not None
    assert wanted.belief.signals == 3
    price, beds = INDEX["price"], INDEX["beds"]
    assert wanted.weights[price] > wanted.stated[price]
    assert wanted.weights[beds] < wanted.stated[beds]
    assert np.all(wanted.weights <= 4 * wanted.stated + 1e-12)
    assert wanted.version == "match-1/1.3"


def test_a_dismissal_with_a_reason_moves_that_factor_alone(lead: Lead) -> None:
    home = ListingFactory(tenant=lead.tenant, list_price=Decimal(595_000))
    looking(lead)

    learn_from(event_ids=[did(lead, Kind.LISTING_DISMISSED, home, reason="price").pk])

    wanted = fits.wanted_by(lead)
    moved = {name for name, k in INDEX.items() if abs(wanted.weights[k] - wanted.stated[k]) > 1e-12}
    assert moved == {"price"}


def test_what_was_learned_can_be_undone_by_factor_or_as_a_whole(lead: Lead) -> None:
    home = ListingFactory(tenant=lead.tenant, list_price=Decimal(450_000))
    looking(lead)
    with pytest.raises(DomainError, match="Nothing was learned"):
        undo_learned(lead=lead, factor="price")
    learn_from(event_ids=[did(lead, Kind.LISTING_SAVED, home).pk])

    undo_learned(lead=lead, factor="price")
    wanted = fits.wanted_by(lead)
    assert wanted.weights[INDEX["price"]] == pytest.approx(wanted.stated[INDEX["price"]], abs=1e-12)
    with pytest.raises(DomainError, match="no such factor"):
        undo_learned(lead=lead, factor="luck")

    undo_learned(lead=lead, factor="")
    assert fits.wanted_by(lead).belief is None


def test_events_of_homes_nobody_knows_teach_nothing(lead: Lead) -> None:
    looking(lead)
    event = did(lead, Kind.LISTING_SAVED, ListingFactory.build(listing_key="nowhere"))

    assert learn_from(event_ids=[event.pk]) == 1
    belief = preferences.posterior_of(Criteria.objects.get().learned)
    assert belief.signals == 0


def test_what_is_observed_is_taken_over_or_told_no_more(lead: Lead) -> None:
    looking(lead, beds_min=4)
    for day in range(6):
        did(lead, Kind.LISTING_SAVED, ListingFactory(tenant=lead.tenant, bedrooms_total=3), days=day + 1)
    wanted = fits.wanted_by(lead)
    told = {one.key: one for one in fits.observations_of(lead, wanted)}
    (key,) = [key for key, one in told.items() if "6 of 6 saved homes have 3" in one.text]

    criteria = answer_observation(lead=lead, key=key, accept=True, by=None, now=NOW)

    assert criteria.wants["beds_min"] == 3
    assert criteria.answers[key]["accepted"] is True
    with pytest.raises(DomainError, match="answered already"):
        answer_observation(lead=lead, key=key, accept=False, by=None, now=NOW)


# Together


def test_two_buyers_look_together_and_part_again(lead: Lead) -> None:
    other = factories.LeadFactory(tenant=lead.tenant)
    home = ListingFactory(tenant=lead.tenant, list_price=Decimal(550_000))
    looking(lead)
    looking(other, price_target=400_000)

    look_together(lead=lead, other=other, now=NOW)
    found = fits.fits_of(lead, now=NOW)
    together = fits.household_of(lead, found.wanted, found.homes)

    assert together is not None
    assert [person.name for person in together.people] == [lead.name, other.name]
    assert found.homes.pk[together.shortlist(5)].tolist() == [home.pk]
    look_alone(lead=other)
    assert not Household.objects.exists()
    assert fits.household_of(lead, fits.wanted_by(lead), found.homes) is None


def test_nobody_looks_together_with_another_tenants_lead(lead: Lead, other_lead: Lead) -> None:
    for other in (lead, other_lead):
        with pytest.raises(DomainError, match="another lead of this brokerage"):
            look_together(lead=lead, other=other, now=NOW)
    assert not Household.objects.exists()


# Saved searches


def test_a_search_is_saved_under_a_name_of_its_own(lead: Lead) -> None:
    search = save_search(lead=lead, name=" Near  work ", told=WANTS, frequency="daily", by=None, now=NOW)

    assert (search.name, search.wants, search.frequency) == ("Near work", WANTS, "daily")
    assert Event.objects.get(kind=Kind.SEARCH_SAVED).data == {
        "name": "Near work",
        "saved_search_id": search.pk,
    }
    renamed = save_search(
        lead=lead, name="Near work", told=WANTS, frequency="off", by=None, now=NOW, search=search
    )
    assert renamed.pk == search.pk
    assert Event.objects.filter(kind=Kind.SEARCH_SAVED).count() == 1


@pytest.mark.parametrize(
    ("name", "told", "frequency", "words"),
    [
        ("Mine", {}, "daily", "at least one thing"),
        ("Mine", WANTS, "hourly", "at once, daily, weekly or never"),
        (" ", WANTS, "daily", "needs a name"),
        ("Taken", WANTS, "daily", "of that name already"),
    ],
)
def test_a_search_that_cannot_be_is_refused(
    lead: Lead, name: str, told: dict[str, Any], frequency: str, words: str
) -> None:
    save_search(lead=lead, name="Taken", told=WANTS, frequency="daily", by=None, now=NOW)

    with pytest.raises(DomainError, match=words):
        save_search(lead=lead, name=name, told=told, frequency=frequency, by=None, now=timezone.now())
    assert SavedSearch.objects.count() == 1


def test_a_home_may_be_named_by_its_mls_number(lead: Lead) -> None:
    home = ListingFactory(tenant=lead.tenant, listing_id="MLS777")
    looking(lead)
    record_event(
        tenant=lead.tenant, lead=lead, kind=Kind.LISTING_SAVED, occurred_at=NOW, data={"listing": "MLS777"}
    )

    learn_from(event_ids=list(Event.objects.values_list("pk", flat=True)))
    forget_homes()

    found = fits.fits_of(lead, now=NOW)
    assert found.wanted.belief is not None
    assert found.wanted.belief.signals == 1
    saved = fits.best_saved(lead, found)
    assert saved is not None
    assert saved[0] == home


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"seconds": "75"}, "view_over_60s"),
        ({"seconds": 75}, "view_over_60s"),
        ({"seconds": "a while", "photos_share": "0.9"}, "photo_gallery_80pct"),
        ({"seconds": True}, "view"),
        ({}, "view"),
    ],
)
def test_a_view_tells_more_the_longer_it_was(lead: Lead, told: dict[str, Any], kind: str) -> None:
    home = ListingFactory(tenant=lead.tenant, list_price=Decimal(450_000))
    looking(lead)
    stated = fits.wanted_by(lead)

    learn_from(event_ids=[did(lead, Kind.LISTING_VIEWED, home, **told).pk])

    score, _ = engine.factor_scores(homes_among(lead.tenant, pks=[home.pk]), stated.wants, [True] * 15)
    moment = NOW - timedelta(days=1)
    expected = preferences.learned(
        preferences.prior(stated.stated, moment), preferences.Signal(kind, score[:, 0], moment)
    )
    wanted = fits.wanted_by(lead)
    assert wanted.belief is not None
    price = 1 + INDEX["price"]
    assert wanted.belief.mean[price] == pytest.approx(expected.mean[price], abs=1e-12)
