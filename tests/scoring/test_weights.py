"""Weights are learned where an effect is proved, and stay at one where none is."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.ml.metrics import Flags, Values
from scoring.engine import Weights
from scoring.outcomes import Target
from scoring.pillars import Pillar
from scoring.weights import (
    Adjustment,
    Basis,
    MarketConditions,
    combine,
    conditions_at,
    learn,
    market_weights,
    personal_weights,
)
from scoring.weights.market import SEASON

PILLARS = tuple(Pillar)
INVESTOR = "investor"
SEGMENTS = ("", INVESTOR, "luxury", "seller")
SPREADS = np.array([0.8, 0.7, 0.6, 0.5, 0.3, 0.5, 0.4])
"""Of the pillars' margins in the simulated tenant."""

PLAIN = {segment: np.ones(7) for segment in SEGMENTS}
ALIKE = np.array([1.0, 1.6, 1.4, 1.0, 1.0, 1.0, 0.7])
TRUTH = dict.fromkeys(SEGMENTS, ALIKE) | {INVESTOR: np.array([1.0, 1.6, 0.8, 1.7, 1.0, 1.0, 0.7])}

Tenant = tuple[Values, Values, Flags, list[str], Values]


def simulated(seed: int, truth: dict[str, Values], count: int = 4_000) -> Tenant:
    """Return margins, base, outcomes, segments and times of leads whose pillars count as `truth` says."""
    rng = np.random.default_rng(seed)
    segments = rng.choice(SEGMENTS, count, p=[0.4, 0.3, 0.1, 0.2]).tolist()
    margins = rng.normal(size=(count, 7)) * SPREADS
    base = np.full(count, -2.2)
    odds = base + (margins * np.array([truth[one] for one in segments])).sum(axis=1)
    outcomes = rng.random(count) < 1.0 / (1.0 + np.exp(-odds))
    return margins, base, outcomes, segments, rng.permutation(count).astype(float)


def test_the_interval_covers_the_truth_of_known_effects() -> None:
    covered, moved = list[bool](), list[bool]()
    for seed in range(40):
        margins, base, outcomes, segments, _ = simulated(seed, TRUTH)
        found = learn(margins, base, outcomes, segments)
        for segment in SEGMENTS:
            for one, true in zip(found.estimates(segment), TRUTH[segment], strict=True):
                covered.append(one.low <= true <= one.high)
                if true != 1.0:
                    moved.append(covered[-1])

    assert np.mean(covered) >= 0.95
    assert np.mean(moved) >= 0.90


def test_weights_stay_at_exactly_one_without_an_effect() -> None:
    found = [learn(*simulated(seed, PLAIN)[:4]) for seed in range(40)]

    assert all(one.is_plain for one in found)
    assert all(set(one.weights(INVESTOR).values()) == {1.0} for one in found)
    assert found[0].reason == (
        "Learned from 4,000 leads, 704 of whom closed: no part counts more or less than in the plain model,"
        " so all weights stay at one."
    )


def test_learned_weights_are_nearer_to_the_truth_than_one() -> None:
    missed = plain = 0.0
    for seed in range(20):
        margins, base, outcomes, segments, _ = simulated(seed, TRUTH)
        found = learn(margins, base, outcomes, segments)
        for segment in SEGMENTS:
            told = np.array([found.weights(segment)[pillar] for pillar in PILLARS])
            missed += float(((told - TRUTH[segment]) ** 2).sum())
            plain += float(((1.0 - TRUTH[segment]) ** 2).sum())

    assert missed < 0.5 * plain


def test_a_segment_without_a_difference_of_its_own_takes_the_weight_of_all() -> None:
    margins, base, outcomes, segments, _ = simulated(1, TRUTH, 12_000)
    found = learn(margins, base, outcomes, segments)
    investor = {one.pillar: one for one in found.estimates(INVESTOR)}
    luxury = {one.pillar: one for one in found.estimates("luxury")}

    assert investor[Pillar.FINANCING].basis is Basis.OWN
    assert investor[Pillar.FINANCING].low > 1.2
    assert luxury[Pillar.INTENT].basis is Basis.ALL
    assert luxury[Pillar.INTENT].weight == found.weights()[Pillar.INTENT]
    assert found.weights("never seen") == found.weights()
    assert found.leads == {"": 12_000, INVESTOR: 3_628, "luxury": 1_216, "seller": 2_413}


def test_a_published_weight_of_its_own_has_an_interval_without_one() -> None:
    for seed in range(10):
        margins, base, outcomes, segments, _ = simulated(seed, TRUTH)
        found = learn(margins, base, outcomes, segments)
        for segment in SEGMENTS:
            for one in found.estimates(segment):
                assert 0.5 <= one.low <= one.estimate <= one.high <= 2.0
                assert (one.weight == 1.0) or one.basis is not Basis.PLAIN
                if one.basis is Basis.OWN or not segment:
                    assert one.weight == (1.0 if one.basis is Basis.PLAIN else one.estimate)
                    assert one.basis is Basis.PLAIN or not one.low <= 1.0 <= one.high


def test_strength_is_chosen_forward_in_time_where_times_are_given() -> None:
    margins, base, outcomes, segments, times = simulated(3, TRUTH)
    found = learn(margins, base, outcomes, segments, times=times)
    none = learn(*simulated(3, PLAIN)[:4], times=times)

    assert found.forward_gain is not None
    assert found.forward_gain > 0.005
    assert none.forward_gain is not None
    assert abs(none.forward_gain) < 0.002
    assert none.is_plain


def test_leads_in_another_order_give_the_same_weights() -> None:
    margins, base, outcomes, segments, times = simulated(5, TRUTH)
    mixed = np.random.default_rng(0).permutation(len(base))
    one = learn(margins, base, outcomes, segments, times=times)
    other = learn(
        margins[mixed], base[mixed], outcomes[mixed], [segments[i] for i in mixed], times=times[mixed]
    )

    assert one.weights(INVESTOR) == pytest.approx(other.weights(INVESTOR), abs=1e-6)


def test_an_effect_beyond_the_bounds_is_held_at_the_bound() -> None:
    truth = {segment: np.array([1.0, 4.0, -1.0, 1.0, 1.0, 1.0, 1.0]) for segment in SEGMENTS}
    found = learn(*simulated(2, truth)[:4])

    assert found.weights()[Pillar.INTENT] == 2.0
    assert found.weights()[Pillar.URGENCY] == 0.5


def test_margins_that_only_rank_are_made_log_odds_first() -> None:
    margins, base, outcomes, segments, _ = simulated(4, PLAIN, 8_000)
    steep = learn(3.0 * margins, base, outcomes, segments)
    fitted = learn(3.0 * margins, base, outcomes, segments, fit_steepness=True)

    assert not steep.is_plain
    assert fitted.is_plain
    assert fitted.steepness == pytest.approx(1.0 / 3.0, rel=0.1)


def test_without_enough_leads_before_the_first_fold_all_evidence_counts() -> None:
    margins, base, outcomes, segments, times = simulated(0, PLAIN, 400)
    late = times + 400.0 * outcomes
    found = learn(margins, base, outcomes, segments, times=late)

    assert found.forward_gain is None
    assert found.is_plain


@pytest.mark.parametrize("came", [0, 1, 19, 181, 200])
def test_nothing_is_learned_from_too_few_outcomes(came: int) -> None:
    rng = np.random.default_rng(0)
    outcomes = np.arange(200) < came
    found = learn(rng.normal(size=(200, 7)), np.zeros(200), outcomes, [INVESTOR] * 200)

    assert found.is_plain
    assert found.reason == (
        f"Nothing learned: of 200 leads {came} closed; at least 20 that did and 20 that did not are needed."
    )


def test_sentences_say_what_came() -> None:
    margins, base, outcomes, segments, _ = simulated(1, TRUTH, 12_000)
    found = learn(margins, base, outcomes, segments, target=Target.SHOWING)
    none = learn(*simulated(0, PLAIN)[:4], target=Target.SHOWING)
    few = learn(margins[:9], base[:9], outcomes[:9], segments[:9], target=Target.SHOWING)

    came = f"{found.conversions['']:,} of whom kept an appointment"
    assert found.reason.startswith(f"Learned from 12,000 leads, {came}: ")
    assert any(one.endswith(f", learned from 12,000 leads, {came}.") for one in found.sentences[""])
    assert none.reason == (
        "Learned from 4,000 leads, 704 of whom kept an appointment: no part counts more or less than in the"
        " plain model, so all weights stay at one."
    )
    assert few.reason.startswith("Nothing learned: of 9 leads ")
    assert few.reason.endswith(" kept an appointment; at least 20 that did and 20 that did not are needed.")


def test_no_leads_at_all_give_plain_weights() -> None:
    found = learn(np.zeros((0, 7)), np.zeros(0), np.zeros(0, dtype=bool), [])

    assert found.weights() == dict.fromkeys(PILLARS, 1.0)


def test_a_pillar_that_never_says_anything_stays_at_one() -> None:
    margins, base, outcomes, segments, _ = simulated(6, TRUTH)
    margins[:, 4] = 0.0
    fit = {one.pillar: one for one in learn(margins, base, outcomes, segments).estimates()}[Pillar.FIT]

    assert (fit.weight, fit.basis) == (1.0, Basis.PLAIN)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_margins_that_are_no_numbers_are_refused(wrong: float) -> None:
    margins, base, outcomes, segments, _ = simulated(0, PLAIN, 100)
    margins[3, 2] = wrong

    with pytest.raises(ValueError, match="Margins must be finite numbers."):
        learn(margins, base, outcomes, segments)


def test_shapes_that_disagree_are_refused() -> None:
    margins, base, outcomes, segments, _ = simulated(0, PLAIN, 100)

    with pytest.raises(ValueError, match="Margins of 99 leads and 7 pillars are needed."):
        learn(margins, base[1:], outcomes, segments)
    with pytest.raises(ValueError, match="Outcomes, segments and times are needed for each lead."):
        learn(margins, base, outcomes, segments[1:])


def test_every_moved_weight_is_said_in_a_sentence() -> None:
    margins, base, outcomes, segments, _ = simulated(1, TRUTH, 12_000)
    found = learn(margins, base, outcomes, segments)
    urgency = {one.pillar: one for one in found.estimates()}[Pillar.URGENCY]

    assert (
        f"Urgency of all leads counts {urgency.weight:.2f} times"
        f" (95%: {urgency.low:.2f}–{urgency.high:.2f}), learned from 12,000 leads,"
        f" {found.conversions['']:,} of whom closed."
    ) in found.sentences[""]
    assert (
        f"Buying signals of luxury leads counts {found.weights()[Pillar.INTENT]:.2f} times,"
        " as with all leads: this segment shows no difference."
    ) in found.sentences["luxury"]


@pytest.mark.parametrize(
    "conditions",
    [
        MarketConditions(),
        MarketConditions(5.0, 0.0, 4, 6.5, 6.5),
        MarketConditions(4.0, -0.1, 10, 6.25, 6.5),
        MarketConditions(mortgage_rate=7.0),
        MarketConditions(math.nan, math.nan, 13, math.nan, 6.0),
        MarketConditions(0.0, -1.0, 0),
    ],
)
def test_a_market_that_is_average_or_unknown_changes_nothing(conditions: MarketConditions) -> None:
    told = market_weights(conditions)

    assert told.multipliers == dict.fromkeys(PILLARS, 1.0)
    assert told.is_neutral
    assert told.reasons[Pillar.FIT] == (
        "What they look for counts as usual: nothing known of the market speaks for a change."
    )


def test_a_tight_market_with_rising_rates_is_told_with_reasons() -> None:
    told = market_weights(MarketConditions(2.0, -0.25, 6, 7.0, 5.75))

    assert told.multipliers == pytest.approx(
        {
            Pillar.ENGAGEMENT: math.exp(-0.5 * math.log(1.25 / 1.1)),
            Pillar.INTENT: 1.0,
            Pillar.URGENCY: math.exp(0.1 + 0.05 * math.log2(0.9 / 0.75)),
            Pillar.FINANCING: math.exp(0.06 + 0.08),
            Pillar.FIT: math.exp(-0.08 - 0.04 * math.log2(0.9 / 0.75)),
            Pillar.RELATIONSHIP: 1.0,
            Pillar.CONTEXT: 1.0,
        }
    )
    assert told.reasons[Pillar.URGENCY] == (
        "Urgency counts 12% more: few homes are for sale (2.0 months of supply)"
        " and 25% fewer homes are for sale than a year ago."
    )
    assert told.reasons[Pillar.FINANCING] == (
        "Financing counts 15% more: few homes are for sale (2.0 months of supply)"
        " and mortgage rates are 1.2 points above the 5.8% of the past year."
    )
    assert told.reasons[Pillar.ENGAGEMENT] == (
        "Engagement counts 6% less: in the busy season many only look around."
    )


def test_what_speaks_against_is_told_as_such() -> None:
    told = market_weights(MarketConditions(months_of_supply=9.0, mortgage_rate=8.0, usual_rate=6.0))

    assert told.multipliers[Pillar.FINANCING] == pytest.approx(math.exp(0.08 * 1.75 - 0.06 * math.log2(1.5)))
    assert told.reasons[Pillar.FINANCING] == (
        "Financing counts 11% more: mortgage rates are 2.0 points above the 6.0% of the past year,"
        " though many homes are for sale (9.0 months of supply)."
    )


def _figures() -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(-1e3, 1e3)


@given(_figures(), _figures(), st.none() | st.integers(-1, 14), _figures(), _figures())
def test_no_market_turns_a_weight_by_more_than_a_fifth(
    months: float | None, change: float | None, month: int | None, rate: float | None, usual: float | None
) -> None:
    told = market_weights(MarketConditions(months, change, month, rate, usual))

    assert all(0.8 <= one <= 1.2 for one in told.multipliers.values())
    assert set(told.reasons) == set(PILLARS)


@given(st.floats(0.1, 60.0), st.floats(0.1, 60.0))
def test_multipliers_are_monotone_in_supply(one: float, other: float) -> None:
    low, high = (
        market_weights(MarketConditions(months_of_supply=months)).multipliers
        for months in sorted((one, other))
    )

    assert low[Pillar.URGENCY] >= high[Pillar.URGENCY]
    assert low[Pillar.FINANCING] >= high[Pillar.FINANCING]
    assert low[Pillar.FIT] <= high[Pillar.FIT]


@given(st.floats(-0.9, 3.0), st.floats(-0.9, 3.0), st.floats(-4.0, 4.0), st.floats(-4.0, 4.0))
def test_multipliers_are_monotone_in_inventory_and_rates(a: float, b: float, c: float, d: float) -> None:
    fewer, more = (
        market_weights(MarketConditions(inventory_change=one)).multipliers for one in sorted((a, b))
    )
    cheap, dear = (
        market_weights(MarketConditions(mortgage_rate=6.0 + one, usual_rate=6.0)).multipliers
        for one in sorted((c, d))
    )

    assert fewer[Pillar.URGENCY] >= more[Pillar.URGENCY]
    assert fewer[Pillar.FIT] <= more[Pillar.FIT]
    assert cheap[Pillar.FINANCING] <= dear[Pillar.FINANCING]


def test_engagement_counts_less_the_busier_the_month() -> None:
    told = [
        market_weights(MarketConditions(month=month)).multipliers[Pillar.ENGAGEMENT]
        for month in sorted(range(1, 13), key=lambda month: SEASON[month - 1])
    ]

    assert told == sorted(told, reverse=True)
    assert told[0] == pytest.approx(math.exp(-0.5 * math.log(0.67 / 0.9)))


def test_conditions_are_read_from_series_up_to_a_day() -> None:
    months = [date(2021, month, 28) for month in range(1, 13)] + [
        date(2022, month, 28) for month in (1, 2, 3)
    ]
    inventory = [(day, 1_000.0 - 20.0 * i) for i, day in enumerate(months)]
    sales = [(day, 300.0 + 10.0 * i) for i, day in enumerate(months)]
    weeks = [(date(2021, 1, 7) + timedelta(days=7 * i), 3.0 if i < 60 else 4.5) for i in range(70)]

    found = conditions_at(date(2022, 3, 10), inventory=inventory, sales=sales, mortgage_rates=weeks)

    # the figures of March and the rates of the weeks to come are not known yet
    assert found == MarketConditions(
        months_of_supply=740.0 / 420.0,
        inventory_change=740.0 / 980.0 - 1.0,
        month=3,
        mortgage_rate=4.5,
        usual_rate=157.5 / 52.0,
    )


def test_old_or_missing_series_say_nothing() -> None:
    assert conditions_at(date(2026, 4, 1)) == MarketConditions(month=4)
    old = [(date(2025, 1, 31), 900.0), (date(2025, 2, 28), 900.0), (date(2025, 3, 31), 900.0)]
    assert conditions_at(
        date(2026, 4, 1), inventory=old, sales=old, mortgage_rates=old[:1]
    ) == MarketConditions(month=4)


def past(count: int, told_by: int, seed: int = 0) -> tuple[Values, Values, Flags]:
    """Return moments of a lead whose steps one pillar alone foretold."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=(count, 7))
    return margins, np.full(count, -0.5), margins[:, told_by] > 0.3


def test_a_lead_with_hardly_a_past_has_no_weights_of_its_own() -> None:
    assert personal_weights(*past(3, 2)) == Adjustment()
    assert personal_weights(np.zeros((0, 7)), np.zeros(0), np.zeros(0, dtype=bool)) == Adjustment()


def test_own_observations_move_the_weights_the_more_there_are() -> None:
    means = [
        np.mean([personal_weights(*past(count, 2, seed)).of(Pillar.URGENCY) for seed in range(20)])
        for count in (4, 8, 16, 32)
    ]

    assert means == sorted(means)
    assert 1.0 < means[0] < 1.05
    assert 1.08 < means[-1] <= 1.2


def test_what_a_lead_never_followed_counts_less_within_a_fifth() -> None:
    margins, base, _ = past(400, 2)
    told = personal_weights(margins, base, margins[:, 0] < 0)

    assert told.of(Pillar.ENGAGEMENT) == 0.8
    assert told.reasons[Pillar.ENGAGEMENT] == (
        "Engagement counts 20% less with them:"
        " in 400 moments of their own past it told less than with others."
    )


def test_a_lead_that_is_only_keener_moves_no_pillar_much() -> None:
    rng = np.random.default_rng(1)
    margins = np.full((12, 7), 0.1) + rng.normal(size=(12, 7)) * 0.02
    told = personal_weights(margins, np.full(12, -1.0), np.ones(12, dtype=bool))

    assert all(abs(one - 1.0) < 0.03 for one in told.multipliers.values())


def test_moments_that_are_no_numbers_are_refused() -> None:
    margins, base, steps = past(10, 0)
    with pytest.raises(ValueError, match="Margins and steps of 10 moments and 7 pillars are needed."):
        personal_weights(margins[:, 1:], base, steps)
    base[0] = np.nan
    with pytest.raises(ValueError, match="Margins must be finite numbers."):
        personal_weights(margins, base, steps)


def test_all_three_multiply_within_the_bounds_and_keep_their_reasons() -> None:
    found = combine(
        "set-3",
        learned={Pillar.URGENCY: 1.5, Pillar.FIT: 0.55, Pillar.INTENT: 1.9},
        learned_reasons={Pillar.URGENCY: "Learned.", Pillar.CONTEXT: "Not told, for it counts once."},
        market=Adjustment({Pillar.URGENCY: 1.1, Pillar.FIT: 0.8}, {Pillar.URGENCY: "Few homes."}),
        personal=Adjustment({Pillar.URGENCY: 0.9, Pillar.INTENT: 1.2}, {Pillar.URGENCY: "Their own past."}),
    )
    parts = {part.pillar: part for part in found.parts}

    assert parts[Pillar.URGENCY].weight == pytest.approx(1.5 * 1.1 * 0.9)
    assert parts[Pillar.URGENCY].reasons == ("Learned.", "Few homes.", "Their own past.")
    assert (parts[Pillar.FIT].weight, parts[Pillar.INTENT].weight) == (0.5, 2.0)
    assert parts[Pillar.CONTEXT].reasons == ()
    assert found.weights.name == "set-3"
    assert found.weights.of(Pillar.URGENCY) == parts[Pillar.URGENCY].weight


def test_nothing_to_say_is_the_plain_engine() -> None:
    assert combine("standard").weights == Weights("standard", dict.fromkeys(PILLARS, 1.0))
