"""What a buyer does moves the weights by Bayes' rule, within bounds, and never where it must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import engine, features, preferences
from matching.homes import homes_of
from matching.observations import observed
from matching.preferences import SIGNALS, Signal
from matching.wants import FACTORS, INDEX, Wants
from tests.matching.cases import SQUARE, patient, simulated
from tests.matching.test_engine import MARKET, WANTS

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
STATED = WANTS.weights()


def scores(**by_name: float) -> np.ndarray:
    values = np.full(15, 0.5)
    for name, score in by_name.items():
        values[INDEX[name]] = score
    return values


def did(kind: str, *, rank: int | None = None, reason: str | None = None, **by_name: float) -> Signal:
    return Signal(kind, scores(**by_name), NOW, rank, reason)


def test_one_update_is_the_worked_one() -> None:
    mean, variance = preferences.step(
        np.array([0.0, 0.6, 0.4]), np.full(3, 0.25), np.array([1.0, 0.8, -0.5]), True, 1.5
    )

    assert [round(v, 6) for v in variance] == [0.228951, 0.236108, 0.244383]
    assert [round(m, 6) for m in mean] == [0.147829, 0.72196, 0.321103]


def test_what_was_seen_less_counts_more() -> None:
    weights = [preferences.position_weight(rank) for rank in (1, 2, 5, 10, 50)]

    assert [round(weight, 4) for weight in weights] == [1.0, 1.6245, 3.0852, 5.0119, 10]
    assert preferences.position_weight(0) == 1.0


def test_who_did_nothing_is_believed() -> None:
    belief = preferences.prior(STATED, NOW)

    assert preferences.weights_of(belief) == pytest.approx(STATED)
    assert preferences.changes(belief) == ()
    assert belief.signals == 0


def test_saving_homes_for_their_size_makes_size_count_more() -> None:
    belief = preferences.prior(STATED, NOW)
    for _ in range(6):
        belief = preferences.learned(belief, did("save", size=1.0, beds=0.4))
    weights = preferences.weights_of(belief)

    assert weights[INDEX["size"]] > 1.25 * STATED[INDEX["size"]]
    assert weights[INDEX["beds"]] < STATED[INDEX["beds"]]
    told = {change.factor: change.is_more for change in preferences.changes(belief)}
    assert told["size"] is True
    assert belief.signals == 6
    undone = preferences.undone(belief, "size")
    assert preferences.weights_of(undone)[INDEX["size"]] == pytest.approx(STATED[INDEX["size"]])
    assert preferences.weights_of(undone)[INDEX["beds"]] == pytest.approx(weights[INDEX["beds"]])


@pytest.mark.parametrize("score", [1.0, 0.0])
def test_a_dismissal_with_a_reason_changes_that_factor_only(score: float) -> None:
    before = preferences.prior(STATED, NOW)
    after = preferences.learned(before, did("dismiss", reason="price", price=score, size=0.1, commute=1.0))
    moved = np.flatnonzero(after.mean != before.mean)

    assert moved.tolist() == [1 + INDEX["price"]]
    assert preferences.weights_of(after)[INDEX["price"]] > STATED[INDEX["price"]]


signals = st.builds(
    Signal,
    st.sampled_from(tuple(SIGNALS)),
    st.lists(st.floats(0, 1), min_size=15, max_size=15).map(np.array),
    st.integers(0, 200).map(lambda days: NOW + timedelta(days=days)),
    st.none() | st.integers(1, 200),
    st.none() | st.sampled_from(FACTORS),
)


@patient()
@given(st.lists(signals, max_size=25), st.lists(st.floats(0, 0.5), min_size=15, max_size=15))
def test_whatever_happens_weights_stay_in_bounds_and_steps_are_short(
    history: list[Signal], stated: list[float]
) -> None:
    belief = preferences.prior(np.array(stated), NOW)
    for signal in sorted(history, key=lambda each: each.at):
        before = preferences.faded(belief, signal.at)
        belief = preferences.learned(belief, signal)
        assert np.abs(belief.mean - before.mean).max() <= preferences.MOST_STEP + 1e-12
        for name in preferences.FROZEN:
            assert belief.mean[1 + INDEX[name]] == before.mean[1 + INDEX[name]]
    for weights in (preferences.weights_of(belief), preferences.drawn(belief, 3)):
        assert (weights >= 0.25 * belief.stated - 1e-12).all()
        assert (weights <= 4 * belief.stated + 1e-12).all()
        for name in preferences.FROZEN:
            assert weights[INDEX[name]] == belief.stated[INDEX[name]]
    assert (belief.variance > 0).all()
    again = preferences.posterior_of(belief.as_json())
    assert again.mean == pytest.approx(belief.mean)
    assert (again.stated == belief.stated).all()
    assert (again.at, again.signals, again.version) == (belief.at, belief.signals, belief.version)


def test_what_was_learned_is_half_forgotten_in_thirty_days() -> None:
    belief = preferences.learned(preferences.prior(STATED, NOW), did("save", size=1.0))
    start = preferences.prior(STATED, NOW)
    later = preferences.faded(belief, NOW + timedelta(days=30))
    size = 1 + INDEX["size"]

    def evidence(one: preferences.Posterior) -> float:
        return float(one.mean[size] / one.variance[size] - start.mean[size] / start.variance[size])

    assert evidence(later) == pytest.approx(evidence(belief) / 2)
    assert preferences.faded(belief, NOW - timedelta(days=1)) is belief
    forgotten = preferences.faded(belief, NOW + timedelta(days=900))
    assert preferences.weights_of(forgotten) == pytest.approx(STATED)


def test_what_the_buyer_says_anew_starts_from_there() -> None:
    belief = preferences.learned(preferences.prior(STATED, NOW), did("offer", size=1.0, beds=1.0))
    weights = STATED.copy()
    weights[INDEX["size"]] = 0.02
    after = preferences.restated(belief, weights)

    assert preferences.weights_of(after)[INDEX["size"]] == pytest.approx(0.02)
    assert after.mean[1 + INDEX["beds"]] == belief.mean[1 + INDEX["beds"]]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"stated": []},
        {"stated": {}, "intercept": [0], "factors": {}},
        {
            "stated": {},
            "intercept": [0, -1],
            "factors": {},
            "at": NOW.isoformat(),
            "signals": 0,
            "version": "1",
        },
        {"stated": {}, "intercept": [0, 1], "factors": {"age": [0, 1]}},
    ],
)
def test_a_broken_belief_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="This is no belief about a buyer"):
        preferences.posterior_of(broken)


def test_a_draw_is_the_same_for_a_seed_and_differs_between_seeds() -> None:
    belief = preferences.prior(STATED, NOW)

    assert (preferences.drawn(belief, 1) == preferences.drawn(belief, 1)).all()
    assert (preferences.drawn(belief, 1) != preferences.drawn(belief, 2)).any()


def test_learning_finds_what_a_buyer_really_weighs() -> None:
    """Buyers state common weights and act by their own: homes they never saw are ranked more as they do."""
    homes = simulated(600, 21)
    matches = engine.match(homes, WANTS, market=MARKET)
    frozen = [INDEX[name] for name in preferences.FROZEN]
    unseen = slice(300, 600)
    gains = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        own = STATED * np.exp(rng.normal(0, 0.9, 15))
        own[frozen] = STATED[frozen]
        truth, _, _ = engine.summed(matches.scores, matches.known, own)
        belief = preferences.prior(STATED, NOW)
        shown = rng.choice(300, 80, replace=False)
        for row in shown:
            kind = "save" if truth[row] > np.quantile(truth[shown], 0.6) else "dismiss"
            belief = preferences.learned(belief, Signal(kind, matches.scores[:, row], NOW))
        after, _, _ = engine.summed(matches.scores, matches.known, preferences.weights_of(belief))
        before = np.corrcoef(matches.totals[unseen], truth[unseen])[0, 1]
        gains.append(np.corrcoef(after[unseen], truth[unseen])[0, 1] - before)

    assert np.mean(gains) > 0.05
    assert np.mean(np.array(gains) > 0) > 0.7


def test_stated_and_observed_stand_side_by_side() -> None:
    saved = homes_of(
        {
            "pk": range(13),
            "bedrooms_total": [3] * 9 + [4] * 3 + [None],
            "list_price": [520_000.0] * 9 + [450_000] * 4,
            "year_built": [1960] * 13,
            "property_sub_type": ["Townhouse"] * 10 + ["Condominium"] * 3,
        }
    )
    wants = Wants(
        price_target=490_000,
        price_max=500_000,
        beds_min=4,
        year_min=1980,
        types=("Condominium",),
        areas=(SQUARE,),
    )
    told = {each.key: each for each in observed(wants, saved)}

    assert told["beds_min"].text == "you ask for 4 bedrooms; 9 of 12 saved homes have 3"
    assert told["beds_min"].change == {"beds_min": 3.0}
    assert told["price_max"].text == "your limit is $500,000; 9 of 13 saved homes cost more"
    assert told["price_max"].change == {"price_max": 520_000.0}
    assert told["year_min"].text == "you ask for 1980 or newer; 13 of 13 saved homes are older"
    assert told["types"].text == "you ask for condominium; 10 of 13 saved homes are of the type townhouse"
    assert [each.key for each in observed(wants, saved)] == ["year_min", "types", "beds_min", "price_max"]
    assert observed(Wants(), homes_of({"pk": []})) == ()


def test_features_are_observed_against_what_homes_usually_have() -> None:
    states = np.full((10, homes_of({"pk": [1]}).features.shape[1]), -1)
    keys = {name: features.INDEX[name] for name in ("garage", "pool", "porch", "hoa", "basement")}
    states[:, keys["garage"]] = 1
    states[:, keys["pool"]] = [1] * 7 + [0] * 3
    states[:, keys["porch"]] = [0] * 8 + [1] * 2
    states[:, keys["hoa"]] = [1] * 6 + [0] * 4
    states[:, keys["basement"]] = 1
    saved = homes_of({"pk": range(10), "features": states})
    usual = states.copy()
    usual[:, keys["pool"]] = [1] * 2 + [0] * 8
    among = homes_of({"pk": range(10), "features": usual})
    wants = Wants(must_haves=("porch",), nice_to_haves={"basement": 4}, deal_breakers=("hoa",))
    told = {each.key: (each.text, dict(each.change)) for each in observed(wants, saved, among)}

    assert told == {
        "feature:porch": ("porch is a must for you; 8 of 10 saved homes have none", {"must_haves": []}),
        "feature:pool": (
            "you do not ask for private pool; 7 of 10 saved homes have it",
            {"nice_to_haves": {"basement": 4, "pool": 3}},
        ),
        "feature:hoa": (
            "homeowners association is a deal-breaker for you; 6 of 10 saved homes have it",
            {"deal_breakers": []},
        ),
    }
    assert "feature:pool" not in {each.key for each in observed(wants, saved)}


def test_smaller_and_cheaper_homes_are_observed() -> None:
    saved = homes_of(
        {
            "pk": range(5),
            "living_area": [1480] * 5,
            "list_price": [301_000] * 5,
            "lot_size_square_feet": [4000] * 5,
        }
    )
    told = {
        each.key: each for each in observed(Wants(price_target=400_000, sqft_min=1800, lot_min=5000), saved)
    }

    assert told["sqft_min"].text == "you ask for 1,800 sq ft; 5 of 5 saved homes have less"
    assert told["sqft_min"].change == {"sqft_min": 1450.0}
    assert told["lot_min"].text == "you ask for 5,000 sq ft of lot; 5 of 5 saved homes have less"
    assert told["price_target"].text == "your target is $400,000; 5 of 5 saved homes cost less than $340,000"
    assert told["price_target"].change == {"price_target": 305_000.0}
