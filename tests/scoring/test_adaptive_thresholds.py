"""Tiers begin where the team's time ends and enough leads close; none leaves its tier for a trifle."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.ml.metrics import wilson
from scoring.engine import Thresholds, Tier
from scoring.outcomes import Target
from scoring.thresholds import Capacity, Cuts, Graded, Recent, choose_cuts, standard_cuts

TEAM = Capacity(hot_a_week=40.0, warm_a_week=60.0, agents=2)
CUTS = Cuts(71.0, 60.0, 40.0, 3.0, ("Why.",))


def tenant(
    seed: int = 0, count: int = 3_000, *, low: float = 0.0, high: float = 100.0, power: float = 2.0
) -> tuple[Recent, Graded]:
    """Return ten weeks of leads and three thousand graded ones; the higher the score, the more close."""
    rng = np.random.default_rng(seed)
    scores = low + (high - low) * rng.random(count)
    past = low + (high - low) * rng.random(3_000)
    closed = rng.random(3_000) < 0.3 * ((past - low) / (high - low)) ** power
    return Recent(scores, [""] * count, 10.0), Graded(past, closed, [""] * 3_000)


def test_adaptive_threshold_learning() -> None:
    recent, graded = tenant()
    _, weaker = tenant(power=12.0)

    usual = choose_cuts(recent, graded, TEAM)[""]
    busier = choose_cuts(recent, graded, replace(TEAM, hot_a_week=20.0))[""]
    choosy = choose_cuts(recent, graded, replace(TEAM, least_precision=0.15))[""]
    choosier = choose_cuts(recent, weaker, replace(TEAM, least_precision=0.15))[""]

    # 300 leads a week come evenly over 0–100: the 40 and the 20 best lie above 87 and 93
    assert [int((recent.scores >= cut).sum()) for cut in (86, 87, 92, 93)] == [412, 378, 232, 197]
    assert (usual.hot, usual.hot_a_week, busier.hot, busier.hot_a_week) == (87.0, 37.8, 93.0, 19.7)
    # a wish that is met anyway changes nothing; once fewer close, the cut rises until it is met again
    assert choosy == usual
    assert (choosier.hot, choosier.precise) == (90.0, True)
    assert choosier.precision is not None
    assert choosier.precision.low >= 0.15
    assert usual.reasons == (
        "Hot from 87: your two agents can call 40 leads a week;"
        " of the leads above it 26% closed (95%: 22–31%).",
        "Warm from 68: 57.9 more leads a week.",
        "Steady from 48: 10% of the closings came from below.",
    )


@pytest.mark.parametrize(
    ("low", "high", "cuts"),
    [
        (60.0, 100.0, (95.0, 88.0, 79.0, 1.75)),
        (0.0, 30.0, (26.0, 21.0, 14.0, 1.25)),
        (0.0, 3.0, (2.6, 2.1, 1.4, 0.125)),
        (0.0, 0.3, (0.26, 0.21, 0.14, 0.0125)),
    ],
)
def test_cuts_follow_whatever_scale_the_scores_have(low: float, high: float, cuts: Any) -> None:
    recent, graded = tenant(low=low, high=high)
    found = choose_cuts(recent, graded, TEAM)[""]

    assert (found.hot, found.warm, found.steady, found.margin) == pytest.approx(cuts)
    assert found.hot_a_week is not None
    assert 34.0 <= found.hot_a_week <= 40.0


def test_precision_is_the_closed_share_above_the_cut_with_its_interval() -> None:
    recent, graded = tenant()
    found = choose_cuts(recent, graded, TEAM)[""].precision
    above = graded.scores >= 87.0

    assert found is not None
    assert (found.leads, found.closed) == (int(above.sum()), int(graded.outcomes[above].sum()))
    assert (found.low, found.high) == wilson(found.closed, found.leads)
    assert found.share == found.closed / found.leads


def test_nobody_below_half_the_average_is_hot_however_much_time_there_is() -> None:
    """Most leads hardly score: the best fifth reaches down to those nobody closes, the hot cut does not."""
    rng = np.random.default_rng(3)
    scores = np.where(rng.random(4_000) < 0.1, rng.uniform(20, 60, 4_000), rng.uniform(0, 1, 4_000))
    closed = rng.random(4_000) < scores / 100
    recent = Recent(scores, [""] * 4_000, 4.0)

    cuts = choose_cuts(recent, Graded(scores, closed, [""] * 4_000), Capacity(1_000.0, 2_000.0))[""]

    average = float(scores.mean())
    assert 5.0 < average < 6.0
    assert cuts.hot == np.ceil(average / 2)
    assert cuts.warm == np.ceil(average / 4)
    assert cuts.reasons[0].startswith(
        "Hot from 3: scores below are under half the average, so 116 a week are hot, though your team can"
    )


def test_a_wish_no_cut_can_make_sure_of_is_said() -> None:
    found = choose_cuts(*tenant(), replace(TEAM, least_precision=0.5))[""]

    assert (found.hot, found.precise) == (87.0, False)
    assert found.reasons[0].endswith(
        "of the leads above it 26% closed (95%: 22–31%): no higher cut makes sure of the 50% wanted."
    )


def test_a_wish_that_raises_the_cut_is_the_reason() -> None:
    found = choose_cuts(*tenant(power=8.0), replace(TEAM, least_precision=0.16, agents=1))[""]

    assert found.hot > 87.0
    assert found.precision is not None
    assert found.precision.low >= 0.16
    assert found.reasons[0].startswith(
        f"Hot from {found.hot:g}: at least 16% are to close, so {found.hot_a_week:.3g} a week are hot,"
        " though your agent can call 40 leads a week; of the leads above it"
    )


def test_who_could_call_everybody_still_calls_the_best_fifth_first() -> None:
    recent, graded = tenant()
    found = choose_cuts(recent, graded, Capacity(1_000.0, 1_000.0))[""]

    assert (recent.scores >= found.hot).mean() <= 0.2
    assert (recent.scores >= found.hot - 1.0).mean() > 0.2
    assert (recent.scores >= found.warm).mean() <= 0.5
    assert found.reasons[0].startswith(
        "Hot from 81: the best 20% of the leads are 58.7 a week, and your team can call 1000 leads a week;"
    )


def segmented() -> tuple[Recent, Graded]:
    """Return a tenant whose investors close at low scores and often, and a handful of luxury leads."""
    rng = np.random.default_rng(4)
    names = rng.choice(["", "investor", "luxury", "seller"], 4_000, p=[0.3, 0.3, 0.01, 0.39])
    scores = np.where(names == "investor", 60.0, 100.0) * rng.random(4_000)
    chance = np.where(names == "investor", 0.3, 0.1) * scores / 100.0
    closed = rng.random(4_000) < chance
    half = slice(0, 2_000)
    return (
        Recent(scores[half], names[half].tolist(), 8.0),
        Graded(scores[2_000:], closed[2_000:], names[2_000:].tolist()),
    )


def test_segments_get_cuts_of_their_own_within_the_teams_time() -> None:
    recent, graded = segmented()
    found = choose_cuts(recent, graded, TEAM)
    labels = np.array(recent.segments)
    hot = sum(int((recent.scores[labels == name] >= found[name].hot).sum()) for name in found)
    warm = sum(int((recent.scores[labels == name] >= found[name].warm).sum()) for name in found)

    assert set(found) == {"", "investor", "luxury", "seller"}
    assert found["investor"].hot < found[""].hot
    assert not found["investor"].pooled
    assert 30.0 <= hot / recent.weeks <= 40.0
    assert (warm - hot) / recent.weeks <= 60.0
    assert (
        " of the 40 leads a week your two agents can call are investor leads, for they bring 5"
        in (found["investor"].reasons[0])
    )


def test_a_segment_with_few_leads_takes_the_cuts_of_all() -> None:
    recent, graded = segmented()
    found = choose_cuts(recent, graded, TEAM)

    assert found["luxury"].pooled
    assert found["luxury"].thresholds == found[""].thresholds
    assert found["luxury"].reasons[0] == (
        "As for all leads: 21 luxury leads and 3 closings, 100 and 10 are needed for cuts of their own."
    )


def test_a_segment_is_named_as_people_write_it() -> None:
    recent, graded = segmented()
    renamed = [one.replace("luxury", "first_time_buyer") for one in recent.segments]
    found = choose_cuts(replace(recent, segments=renamed), graded, TEAM)

    assert found["first_time_buyer"].reasons[0].startswith("As for all leads: 21 first-time buyer leads and ")


def test_reasons_say_what_came() -> None:
    recent, graded = segmented()
    found = choose_cuts(recent, replace(graded, target=Target.SHOWING), TEAM)
    known, past = tenant()
    past = replace(past, target=Target.SHOWING)
    single = choose_cuts(known, past, TEAM)[""]

    assert single.reasons == (
        "Hot from 87: your two agents can call 40 leads a week;"
        " of the leads above it 26% kept an appointment (95%: 22–31%).",
        "Warm from 68: 57.9 more leads a week.",
        "Steady from 48: 10% of the kept appointments came from below.",
    )
    assert found["luxury"].reasons[0] == (
        "As for all leads: 21 luxury leads and 3 kept appointments,"
        " 100 and 10 are needed for cuts of their own."
    )
    assert "% of the kept appointments" in found["investor"].reasons[0]
    assert standard_cuts(past).reasons[2].endswith(": below lie leads that seldom keep an appointment.")
    assert Cuts.from_json(single.as_json()) == single


def test_with_few_leads_the_standard_cuts_stay() -> None:
    recent, graded = tenant(count=49)
    found = choose_cuts(replace(recent, segments=["investor"] * 49), graded, TEAM)

    assert found[""].thresholds == Thresholds(margin=3.0)
    assert found["investor"].pooled
    assert found[""].reasons == ("Standard cuts: 49 leads so far, 50 are needed to choose others.",)
    own = choose_cuts(recent, graded, TEAM, standard=Thresholds(20.0, 10.0, 4.0))[""]
    assert (own.hot, own.warm, own.steady, own.margin) == (20.0, 10.0, 4.0, 1.5)
    nobody = choose_cuts(Recent(np.zeros(0), [], 4.0), Graded(np.zeros(0), np.zeros(0, bool), []), TEAM)
    assert nobody[""].thresholds == Thresholds(margin=3.0)


def test_with_few_closings_time_alone_decides() -> None:
    recent, graded = tenant()
    few = replace(graded, outcomes=np.arange(3_000) < 9)
    found = choose_cuts(recent, few, replace(TEAM, least_precision=0.2))[""]

    assert (found.hot, found.precision, found.precise) == (87.0, None, True)
    assert found.reasons[0].endswith("; 9 closings are too few to tell how many of them close.")
    assert found.reasons[2] == "Steady from 34: half of the other leads lie below."


@pytest.mark.parametrize(
    "scores", [np.full(200, 84.0), np.repeat([84.0, 84.5], 100), np.repeat([0.0, 84.0], 100), np.zeros(60)]
)
def test_leads_that_share_a_score_never_make_tiers_cross(scores: Any) -> None:
    found = choose_cuts(
        Recent(scores, [""] * len(scores), 1.0), Graded(np.zeros(0), np.zeros(0, bool), []), TEAM
    )[""]

    assert found.hot > found.warm > found.steady
    assert found.margin > 0
    assert (scores >= found.hot).sum() <= 40


@given(
    st.lists(st.integers(0, 10_000).map(lambda one: one / 100.0), min_size=50, max_size=80),
    st.floats(0.0, 200.0),
    st.floats(0.0, 200.0),
    st.floats(0.0, 1.0),
    st.integers(0, 99),
)
def test_any_scores_give_tiers_in_order_within_the_teams_time(
    scores: list[float], hot: float, warm: float, least: float, seed: int
) -> None:
    values = np.array(scores)
    outcomes = np.random.default_rng(seed).random(len(values)) < values / 100.0
    labels = [""] * len(values)
    found = choose_cuts(
        Recent(values, labels, 2.0), Graded(values, outcomes, labels), Capacity(hot, warm, least)
    )[""]

    assert found.hot > found.warm > found.steady
    assert 0 < found.margin <= 3.0
    assert (values >= found.hot).sum() <= 2.0 * hot
    assert ((values >= found.warm) & (values < found.hot)).sum() <= 2.0 * warm


@pytest.mark.parametrize(
    ("score", "previous", "tier"),
    [
        (70.9, None, Tier.WARM),
        (71.0, None, Tier.HOT),
        (70.9, Tier.HOT, Tier.HOT),
        (68.0, Tier.HOT, Tier.HOT),
        (67.9, Tier.HOT, Tier.WARM),
        (57.5, Tier.HOT, Tier.WARM),
        (56.9, Tier.HOT, Tier.STEADY),
        (70.9, Tier.WARM, Tier.WARM),
        (57.0, Tier.WARM, Tier.WARM),
        (36.9, Tier.WARM, Tier.QUIET),
        (71.0, Tier.WARM, Tier.HOT),
        (39.0, Tier.QUIET, Tier.QUIET),
        (40.0, Tier.QUIET, Tier.STEADY),
        (90.0, Tier.QUIET, Tier.HOT),
    ],
)
def test_a_lead_leaves_a_tier_only_well_below_its_cut(
    score: float, previous: Tier | None, tier: Tier
) -> None:
    assert CUTS.thresholds.tier(score, previous) is tier


def test_a_score_that_trembles_at_the_cut_changes_tier_once() -> None:
    rng = np.random.default_rng(0)
    tier, changes, naive = Tier.WARM, 0, 0
    for score in 71.0 + 1.4 * (2.0 * rng.random(100) - 1.0):
        naive += CUTS.thresholds.tier(float(score)) is not tier
        now = CUTS.thresholds.tier(float(score), tier)
        changes += now is not tier
        tier = now

    assert (tier, changes) == (Tier.HOT, 1)
    assert naive > 20


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.sampled_from(Tier))
def test_a_higher_score_never_means_a_lower_tier(one: float, other: float, previous: Tier) -> None:
    order = [Tier.QUIET, Tier.STEADY, Tier.WARM, Tier.HOT]
    low, high = (order.index(CUTS.thresholds.tier(s, previous)) for s in sorted((one, other)))

    assert low <= high
    assert high >= order.index(CUTS.thresholds.tier(max(one, other)))


def test_cuts_survive_json() -> None:
    for found in choose_cuts(*segmented(), TEAM).values():
        assert Cuts.from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize(
    ("recent", "graded", "capacity", "message"),
    [
        (Recent(np.array([np.nan]), [""], 1.0), None, TEAM, "Scores must be finite numbers."),
        (Recent(np.zeros(2), [""], 1.0), None, TEAM, "A segment is needed for each score."),
        (None, Graded(np.zeros(1), np.zeros(2, bool), [""]), TEAM, "An outcome is needed"),
        (Recent(np.zeros(1), [""], 0.0), None, TEAM, "Weeks must be above zero"),
        (None, None, Capacity(-1.0, 0.0), "capacities not below"),
    ],
)
def test_figures_that_make_no_sense_are_refused(
    recent: Recent | None, graded: Graded | None, capacity: Capacity, message: str
) -> None:
    usual = tenant(count=60)
    with pytest.raises(ValueError, match=message):
        choose_cuts(recent or usual[0], graded or usual[1], capacity)
