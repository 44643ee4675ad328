"""The match is exact, explains itself, and treats what is not known as not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import engine
from matching.factors import Market
from matching.homes import homes_of
from matching.musts import broken, musts_of
from matching.wants import FACTORS, INDEX, WEIGHTS, Area, Wants
from tests.matching.cases import SQUARE, WORK, home, patient, simulated, wanted

MARKET = Market(0.065, down_share=0.2, tax_share=0.012, median_days=30.0, usual_saves=6.0)
WANTS = Wants(
    price_target=400_000,
    price_max=480_000,
    monthly_max=3000,
    beds_min=3,
    baths_min=2,
    sqft_min=1600,
    types=("Single Family Residence",),
    year_min=1980,
    nice_to_haves={"pool": 2, "garage": 4},
    areas=(SQUARE,),
    commute_targets=(WORK,),
    amenities=("park",),
)


def test_the_overall_score_with_two_unknown_factors() -> None:
    """The worked case: 76 points, 89 % of the weight resting on something stated."""
    stated = {
        **{"price": 0.6, "location": 1, "beds": 1, "baths": 0.5, "size": 1, "property_type": 1},
        **{"features": 0.7, "commute": 0.8, "amenities": 0.55, "financial_fit": 1, "market": 0.4},
    }
    scores, known = np.full((15, 1), 0.5), np.zeros((15, 1), dtype=bool)
    for name, score in stated.items():
        scores[INDEX[name]], known[INDEX[name]] = score, True
    weights = np.array([WEIGHTS[name] for name in FACTORS])
    totals, coverage, base = engine.summed(scores, known, weights)
    matches = engine.Matches(
        np.array([1]), weights, scores, known, totals, coverage, base, (), np.zeros(1, dtype=np.int64)
    )

    assert totals[0] == pytest.approx(0.762, abs=1e-12)
    assert matches.points(0) == 76
    assert coverage[0] == pytest.approx(0.89)
    assert matches.unknown(0) == ("lot_age_condition", "walkability")
    assert engine.leading(matches.strengths(0), 3) == ("location", "financial_fit", "beds")
    assert engine.leading(-matches.strengths(0), 3) == ("market",)


@patient(60)
@given(wanted(), st.integers(0, 2**16))
def test_contributions_sum_to_the_match(wants: Wants, seed: int) -> None:
    homes = simulated(40, seed, stated=0.7, living=False)
    matches = engine.match(homes, wants, market=MARKET)
    parts = matches.contributions()

    assert np.abs(matches.base + parts.sum(axis=0) - matches.totals).max() < 1e-12
    assert (
        np.abs(matches.base + matches.contributions([3, 5]).sum(axis=0) - matches.totals[[3, 5]]).max()
        < 1e-12
    )
    gap = engine.difference(matches, 3, 5)
    assert gap.sum() == pytest.approx(matches.totals[3] - matches.totals[5], abs=1e-12)


@patient(60)
@given(wanted(), st.integers(0, 2**16))
def test_scores_totals_and_coverage_stay_in_bounds(wants: Wants, seed: int) -> None:
    matches = engine.match(simulated(40, seed, stated=0.6, living=False), wants, market=MARKET)

    for values in (matches.scores, matches.totals, matches.coverage):
        assert (values >= 0).all()
        assert (values <= 1 + 1e-12).all()
    assert (matches.scores[~matches.known] == 0.5).all()


@patient(40)
@given(wanted(), st.integers(0, 2**16))
def test_homes_match_alike_in_any_order_and_one_by_one(wants: Wants, seed: int) -> None:
    homes = simulated(25, seed, stated=0.7, living=False)
    matches = engine.match(homes, wants, market=MARKET)
    order = np.random.default_rng(seed).permutation(len(homes))
    turned = engine.match(homes.take(order), wants, market=MARKET)

    assert np.abs(turned.totals - matches.totals[order]).max() < 1e-12
    assert (turned.broken == matches.broken[order]).all()
    assert turned.pk[turned.top(10)].tolist() == matches.pk[matches.top(10)].tolist()
    for row in range(5):
        alone = engine.match(homes.take([row]), wants, market=MARKET)
        assert alone.totals[0] == pytest.approx(matches.totals[row], abs=1e-12)
        assert alone.broken[0] == matches.broken[row]


@patient(60)
@given(wanted())
def test_what_is_not_stated_never_excludes(wants: Wants) -> None:
    silent = homes_of({"pk": [1, 2]})
    matches = engine.match(silent, wants.as_filter(), market=MARKET)

    assert not matches.excluded.any()


def test_a_must_feature_not_stated_keeps_the_home() -> None:
    wants = Wants(must_haves=("garage",))

    assert engine.match(home(), wants).top(1).tolist() == [0]
    assert [must.key for must in engine.match(home(lacks=["garage"]), wants).why_excluded(0)] == [
        "must_haves:garage"
    ]
    assert not engine.match(home(has=["garage"]), wants).excluded[0]


def test_each_must_says_which_it_is() -> None:
    limits = replace(
        WANTS,
        lot_min=5000,
        condition="move-in",
        sqft_max=2500,
        must_haves=("garage",),
        deal_breakers=("hoa",),
        monthly_max=2000,
    ).as_filter()
    poor = home(
        list_price=500_000,
        latitude=31.0,
        longitude=-97.0,
        bedrooms_total=2,
        baths=1,
        living_area=1000,
        property_sub_type="Condominium",
        lot_size_square_feet=900,
        year_built=1940,
        condition="Fixer",
        tax_annual=4000,
        standard_status="Closed",
        lacks=["garage"],
        has=["hoa"],
    )
    keys = [must.key for must in engine.match(poor, limits, market=MARKET).why_excluded(0)]

    assert keys == [
        *("standard_status", "price_max", "areas", "beds_min", "baths_min", "sqft_min", "types", "lot_min"),
        *(
            "year_min",
            "condition",
            "commute_targets",
            "monthly_max",
            "must_haves:garage",
            "deal_breakers:hoa",
        ),
    ]
    assert broken(home(living_area=2600), limits)[0] == 1 << [m.key for m in musts_of(limits)].index(
        "sqft_max"
    )


def test_the_best_come_first_and_even_ones_by_number() -> None:
    totals = np.array([0.5, 0.7, 0.7, 0.1, 0.7])
    pk = np.array([5, 9, 3, 1, 4])

    assert engine.best(totals, pk, 2).tolist() == [2, 4]
    assert engine.best(totals, pk, 4).tolist() == [2, 4, 1, 0]
    assert engine.best(totals, pk, 9).tolist() == [2, 4, 1, 0, 3]
    assert engine.best(totals, pk, 0).tolist() == []


def test_weights_may_come_by_name() -> None:
    homes = homes_of({"pk": [1], "list_price": [450_000], "walkability": [50.0]})
    matches = engine.match(homes, Wants(price_max=500_000), {"price": 3.0, "walkability": 1.0})

    assert matches.totals[0] == pytest.approx(0.875)
    assert matches.points(0) == 88


def test_who_wants_nothing_finds_every_home_as_good_as_another() -> None:
    ignoring = Wants(importance={"walkability": "ignore", "market": "ignore"})
    matches = engine.match(simulated(5), ignoring)

    assert matches.totals.tolist() == [0.5] * 5
    assert matches.base == 0.5
    assert not matches.contributions().any()
    assert not matches.coverage.any()


def _gain(relevance: np.ndarray, order: np.ndarray, k: int = 10) -> float:
    """Return NDCG at k."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.sort(relevance)[::-1][:k] @ discounts
    return float(relevance[order[:k]] @ discounts / ideal)


def test_property_matching_relevance() -> None:
    """In a made-up town whose buyers' true worth of each home is known, the best homes come first.

    A buyer's truth is a weighing of all they can see of a home (also what listings leave out) that
    lies around their stated importance; filters alone show what passes, the newest first.
    """
    rng = np.random.default_rng(11)
    homes = simulated(3000, 11, stated=0.92)
    whole = simulated(3000, 11, stated=1.1)
    matched, filtered = [], []
    for number in range(40):
        wants = replace(
            WANTS,
            price_target=float(rng.integers(280, 480)) * 1000,
            price_max=float(rng.integers(480, 640)) * 1000,
            beds_min=float(rng.integers(2, 5)),
            sqft_min=float(rng.integers(1200, 2400)),
            areas=(Area("chosen", tuple((a + rng.normal(0, 0.05), b) for a, b in SQUARE.polygon)),)
            * (number % 2),
            importance={"price": "must", "beds": int(rng.integers(1, 6)), "commute": int(rng.integers(1, 6))},
        )
        truth = engine.match(whole, wants, wants.weights() * rng.lognormal(0, 0.5, 15), market=MARKET)
        worth = np.where(truth.excluded, 0.0, np.maximum(truth.totals - 0.5, 0.0) ** 2)
        matches = engine.match(homes, wants, market=MARKET)
        shown = matches.top(10)
        passing = np.flatnonzero(~engine.match(homes, wants.as_filter(), market=MARKET).excluded)
        newest = passing[np.argsort(np.nan_to_num(homes.days_on_market[passing], nan=999), kind="stable")]
        rest = np.setdiff1d(np.flatnonzero(~matches.excluded), newest)
        matched.append(_gain(worth, shown))
        filtered.append(_gain(worth, np.concatenate([newest, rest])))

    assert np.mean(matched) > 0.85
    assert np.mean(matched) > np.mean(filtered) + 0.15
    assert np.mean(np.array(matched) > np.array(filtered)) > 0.9


def test_the_known_best_homes_come_first() -> None:
    """Homes made to fit fully lead any thousand that are not."""
    homes = simulated(1000, 3)
    fitting = {
        "list_price": 390_000.0,
        "latitude": 30.27,
        "longitude": -97.74,
        "bedrooms_total": 3.0,
        "baths": 2.0,
        "living_area": 1800.0,
        "property_sub_type": homes_of(
            {"pk": [1], "property_sub_type": ["Single Family Residence"]}
        ).property_sub_type[0],
        "year_built": 2010.0,
        "tax_annual": 4000.0,
        "walkability": 95.0,
        "days_on_market": 90.0,
        "listing_terms": -1,
    }
    columns = {name: getattr(homes, name).copy() for name in fitting}
    for name, value in fitting.items():
        columns[name][[5, 77, 640]] = value
    near = homes.amenity_miles.copy()
    near[[5, 77, 640]] = 0.1
    states = homes.features.copy()
    states[[5, 77, 640]] = 1
    matches = engine.match(
        replace(homes, amenity_miles=near, features=states, **columns), WANTS, market=MARKET
    )

    assert set(matches.top(3).tolist()) == {5, 77, 640}
