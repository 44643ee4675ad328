"""Experiments stay honest: fixed assignment, looks that cost nothing, stop rules, and exploration."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from leads.ml.metrics import Flags, Values, wilson
from scoring.experiments import (
    Arm,
    Guard,
    Plan,
    Reading,
    Sample,
    Stop,
    difference,
    drawn,
    effect_of_treatment,
    explore,
    inverse_propensity_weights,
    mismatch_chance,
    plan,
    read,
    variant_of,
)
from scoring.experiments.assignment import chi_square_tail
from scoring.outcomes import Target

DRAWN = 0.9521865231113127
FIRST = "ttcttctttcctctcc"
PLAN = plan(base_rate=0.1, least_effect=0.05, leads_a_day=20.0)


def looks(seed: int, rates: tuple[float, float], leads: int) -> list[tuple[int, int, int, int]]:
    """Return what is known after every 50 leads: closed and count of control, closed and count of treated."""
    rng = np.random.default_rng(seed)
    treated = rng.random(leads) < 0.5
    closed = rng.random(leads) < np.where(treated, rates[1], rates[0])
    figures = [np.cumsum(one) for one in (~treated & closed, ~treated, treated & closed, treated)]
    return [
        (int(figures[0][i]), int(figures[1][i]), int(figures[2][i]), int(figures[3][i]))
        for i in range(49, leads, 50)
    ]


def rejects(look: tuple[int, int, int, int], planned: Plan) -> bool:
    found = difference(
        Sample.of_share(*look[:2]), Sample.of_share(*look[2:]), information=planned.information
    )
    return found.low > 0.0 or found.high < 0.0


def arms(control: tuple[int, int], treated: tuple[int, int]) -> tuple[Arm, Arm]:
    """Return two arms by closed and known, all assigned leads being known."""
    return (
        Arm("control", control[1], control[1], control[0]),
        Arm("Urgent first", treated[1], treated[1], treated[0]),
    )


def reading(
    control: tuple[int, int], treated: tuple[int, int], *guards: Guard, days: float = 30.0
) -> Reading:
    return read(PLAN, *arms(control, treated), days=days, guards=guards)


def test_a_lead_gets_the_same_variant_for_ever() -> None:
    shares = {"control": 0.5, "treated": 0.5}

    assert [variant_of(lead, key="7:urgent-first", shares=shares) for lead in range(1, 9)] == [
        variant_of(lead, key="7:urgent-first", shares=shares) for lead in range(1, 9)
    ]
    # the hash is part of the contract: another one would move leads between arms that run
    assert drawn("variant:7:urgent-first", 1) == DRAWN
    assert "".join(variant_of(lead, key="7:urgent-first", shares=shares)[0] for lead in range(16)) == FIRST


def test_variants_come_in_their_shares_and_independently_of_other_experiments() -> None:
    shares = {"control": 0.7, "a": 0.2, "b": 0.1}
    one = [variant_of(lead, key="one", shares=shares) for lead in range(20_000)]
    other = [variant_of(lead, key="other", shares=shares) for lead in range(20_000)]

    assert mismatch_chance([one.count(name) for name in shares], list(shares.values())) > 0.01
    both = sum(a == b == "control" for a, b in zip(one, other, strict=True))
    assert mismatch_chance([both, 20_000 - both], [0.49, 0.51]) > 0.01


@pytest.mark.parametrize("shares", [{}, {"a": 0.5, "b": 0.4}, {"a": 1.0, "b": 0.0}, {"a": 1.5, "b": -0.5}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="The shares of the variants must be above 0 and add up to 1."):
        variant_of(1, key="x", shares=shares)


@pytest.mark.parametrize(
    ("square", "freedom", "chance"),
    [
        (3.841458820694124, 1, 0.05),
        (10.827566170662733, 1, 0.001),
        (5.991464547107979, 2, 0.05),
        (7.814727903251179, 3, 0.05),
        (9.487729036781154, 4, 0.05),
        (11.070497693516351, 5, 0.05),
        (0.0, 3, 1.0),
    ],
)
def test_chi_square_tail_is_that_of_the_tables(square: float, freedom: int, chance: float) -> None:
    assert chi_square_tail(square, freedom) == pytest.approx(chance, rel=1e-9)


def test_a_broken_sample_ratio_is_found_and_a_sound_one_is_not() -> None:
    assert mismatch_chance([5_000, 5_000], [0.5, 0.5]) == 1.0
    assert mismatch_chance([5_100, 4_900], [0.5, 0.5]) == pytest.approx(math.erfc(math.sqrt(2.0)))
    assert mismatch_chance([5_300, 4_700], [0.5, 0.5]) < 1e-8
    assert mismatch_chance([0, 0], [0.5, 0.5]) == 1.0
    rng = np.random.default_rng(0)
    false = sum(
        mismatch_chance([int(one), 1_000 - int(one)], [0.5, 0.5]) < 0.001
        for one in rng.binomial(1_000, 0.5, 4_000)
    )
    assert false <= 10


@pytest.mark.parametrize(
    ("base", "effect", "leads"), [(0.10, 0.05, 2 * 686), (0.05, 0.05, 2 * 435), (0.5, 0.1, 2 * 388)]
)
def test_the_power_calculator_gives_the_numbers_of_the_books(base: float, effect: float, leads: int) -> None:
    found = plan(base_rate=base, least_effect=effect, leads_a_day=20.0)

    assert found.leads_at_one_look == leads
    assert found.leads > found.leads_at_one_look
    assert found.days == math.ceil(found.leads / 20.0) + 90
    assert (found.control, found.treated) == ("control", "treated")


def test_more_power_a_smaller_effect_and_uneven_shares_take_more_leads() -> None:
    more_power = plan(base_rate=0.1, least_effect=0.05, leads_a_day=20.0, power=0.9)
    smaller = plan(base_rate=0.1, least_effect=0.025, leads_a_day=20.0)
    uneven = plan(base_rate=0.1, least_effect=0.05, leads_a_day=20.0, shares={"control": 0.9, "new": 0.1})

    assert more_power.leads_at_one_look == 2 * 918
    assert min(more_power.leads, smaller.leads, uneven.leads) > PLAN.leads
    assert smaller.leads > 3 * PLAN.leads
    assert PLAN.sentence == ("To tell 10.0% from 15.0% with 80% power takes 2,628 leads or 222 days.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_rate": 0.0},
        {"base_rate": 0.97},
        {"least_effect": 0.0},
        {"leads_a_day": 0.0},
        {"power": 1.0},
        {"shares": {"a": 0.4, "b": 0.4}},
        {"shares": {"a": 0.3, "b": 0.3, "c": 0.4}},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Both rates|Two shares|Alpha and power"):
        plan(**{"base_rate": 0.1, "least_effect": 0.05, "leads_a_day": 20.0, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
def test_looking_after_every_fifty_leads_finds_no_difference_where_none_is(rate: float) -> None:
    planned = plan(base_rate=rate, least_effect=0.5 * rate, leads_a_day=20.0)
    false = sum(
        any(rejects(look, planned) for look in looks(seed, (rate, rate), 4_000)) for seed in range(400)
    )

    assert false / 400 <= 0.05


def test_the_usual_test_would_find_one_far_too_often() -> None:
    def fooled(look: tuple[int, int, int, int]) -> bool:
        control, treated = Sample.of_share(*look[:2]), Sample.of_share(*look[2:])
        return abs(treated.mean - control.mean) > 1.96 * math.sqrt(control.variance + treated.variance)

    false = sum(any(map(fooled, looks(seed, (0.1, 0.1), 4_000))) for seed in range(400))

    assert false / 400 >= 0.3


def test_the_planned_leads_give_the_planned_power() -> None:
    found = sum(
        any(rejects(look, PLAN) for look in looks(seed, (0.1, 0.15), PLAN.leads)) for seed in range(400)
    )

    assert found / 400 >= 0.8


def test_the_interval_holds_the_true_difference_at_every_look() -> None:
    missed = 0
    for seed in range(400):
        for look in looks(seed, (0.1, 0.14), 3_000):
            found = difference(
                Sample.of_share(*look[:2]), Sample.of_share(*look[2:]), information=PLAN.information
            )
            if not found.low <= 0.04 <= found.high:
                missed += 1
                break

    assert missed / 400 <= 0.05


def test_the_chance_agrees_with_the_interval() -> None:
    for control, treated in (((60, 600), (100, 600)), ((60, 600), (70, 600)), ((100, 600), (40, 600))):
        found = difference(Sample.of_share(*control), Sample.of_share(*treated), information=PLAN.information)
        assert (found.chance < 0.05) == (found.low > 0.0 or found.high < 0.0)


def test_nothing_is_said_of_a_handful_of_leads() -> None:
    found = difference(Sample.of_share(0, 19), Sample.of_share(19, 19), information=1_000.0)

    assert (found.low, found.high, found.chance) == (-math.inf, math.inf, 1.0)
    assert reading((0, 19), (5, 19)).sentence == (
        "Too early to say anything of “Urgent first”:"
        " 26.3% of 19 leads closed against 0.0% of 19 leads under “control”."
    )


def test_the_sentence_says_what_came() -> None:
    found = read(PLAN, *arms((50, 600), (110, 600)), days=14.0, target=Target.SHOWING)

    assert found.sentence.startswith(
        "“Urgent first” won: 18.3% of 600 leads kept an appointment"
        " against 8.3% of 600 leads under “control”,"
    )


def test_an_experiment_keeps_running_until_something_is_proved() -> None:
    found = reading((50, 500), (60, 500))

    assert (found.stop, found.is_over) == (Stop.KEEP_RUNNING, False)
    assert found.treated.interval == wilson(60, 500)
    assert found.sentence == (
        "Still open: 12.0% of 500 leads closed against 10.0% of 500 leads under “control”, a difference of"
        " +2.0 points (95%, valid at every look: −4.2 to +8.2);"
        " 1,628 of the 2,628 leads planned are to come."
    )


def test_a_better_arm_wins_but_not_before_two_weeks() -> None:
    early = reading((50, 600), (110, 600), days=13.9)
    found = reading((50, 600), (110, 600), days=14.0)

    assert early.stop is Stop.KEEP_RUNNING
    assert found.stop is Stop.WON
    assert found.sentence.startswith(
        "“Urgent first” won: 18.3% of 600 leads closed against 8.3% of 600 leads under “control”,"
        " a difference of +10.0 points (95%, valid at every look: +"
    )


def test_a_worse_arm_loses_at_once() -> None:
    found = reading((110, 600), (50, 600), days=3.0)

    assert found.stop is Stop.LOST
    assert "a difference of −10.0 points" in found.sentence


def test_an_effect_that_matters_ruled_out_ends_the_experiment() -> None:
    found = reading((130, 1_200), (110, 1_200))

    assert found.difference.low < 0.0 < found.difference.high < 0.05
    assert found.stop is Stop.NO_DIFFERENCE
    assert found.sentence.startswith("“Urgent first” does not gain the 5.0 points that matter: ")


def test_all_planned_leads_end_the_experiment() -> None:
    found = reading((131, 1_314), (170, 1_314))

    assert found.difference.low < 0.0
    assert found.difference.high > 0.05
    assert found.stop is Stop.NO_DIFFERENCE
    assert found.sentence.startswith("No difference between “Urgent first” and “control” was proved: ")


def test_a_broken_split_ends_the_experiment_before_anything_else() -> None:
    control, treated = arms((50, 600), (110, 600))
    uneven = read(PLAN, replace(control, assigned=700), treated, days=30.0)

    assert uneven.ratio_chance == pytest.approx(math.erfc(math.sqrt(100.0**2 / 1_300.0 / 2.0)))
    assert uneven.stop is Stop.WON
    broken = read(PLAN, replace(control, assigned=760), treated, days=30.0)
    assert broken.stop is Stop.SAMPLE_RATIO
    assert broken.sentence == (
        "The leads are not split as planned: 600 against 760, which chance does in 1 of 69,741 cases."
        " Nothing can be concluded; look for what loses leads."
    )


def test_more_opt_outs_than_allowed_are_harm_though_more_leads_close() -> None:
    guard = Guard("Opt-out rate", Sample.of_share(6, 600), Sample.of_share(48, 600), limit=0.02)
    found = reading((50, 600), (110, 600), guard)

    assert found.stop is Stop.HARM
    assert found.guards[0].broken
    assert found.sentence == (
        "“Urgent first” does harm: Opt-out rate worse by 7 points (95%: 3.3 to 11); 2 allowed."
    )


def test_a_guard_within_its_limit_stops_nothing() -> None:
    slower = Guard(
        "Response time",
        Sample.of_values(600, 30.0, 20.0),
        Sample.of_values(600, 36.0, 20.0),
        limit=10.0,
        unit="minutes",
    )
    noisy = Guard("Opt-out rate", Sample.of_share(6, 60), Sample.of_share(9, 60), limit=0.02)
    better = replace(slower, treated=Sample.of_values(600, 20.0, 20.0))
    found = reading((50, 600), (110, 600), slower, noisy, better)

    assert found.stop is Stop.WON
    assert [guard.broken for guard in found.guards] == [False, False, False]
    assert found.guards[0].difference.low > 0.0
    assert found.guards[2].sentence == ("Response time better by 10 minutes (95%: 6 to 14); 10 allowed.")
    assert (
        reading((5, 60), (5, 60), replace(noisy, control=Sample.of_share(0, 0))).guards[0].sentence
        == "Opt-out rate: too few leads yet."
    )


def test_guards_that_are_looked_at_again_and_again_raise_few_false_alarms() -> None:
    alarms = 0
    for seed in range(300):
        for c, n, t, m in looks(seed, (0.05, 0.05), 2_600):
            guard = Guard("Opt-out rate", Sample.of_share(c, n), Sample.of_share(t, m), limit=0.0)
            if reading((10, 100), (10, 100), guard).guards[0].broken:
                alarms += 1
                break

    assert alarms / 300 <= 0.05


def test_values_that_never_vary_prove_nothing() -> None:
    found = difference(Sample.of_values(30, 1.0, 0.0), Sample.of_values(30, 2.0, 0.0), information=100.0)

    assert (found.value, found.low, found.high) == (1.0, -math.inf, math.inf)


def test_figures_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="more hits than leads"):
        Sample.of_share(3, 2)
    with pytest.raises(ValueError, match="must not be negative"):
        Sample.of_values(10, math.nan, 1.0)


def test_chance_decides_for_its_share_and_the_propensity_is_kept() -> None:
    hot = [explore(lead, is_hot=True, key="7:2026-w10") for lead in range(20_000)]
    other = [explore(lead, is_hot=False, key="7:2026-w10") for lead in range(20_000)]

    assert {one.propensity for one in hot} == {0.05 * 0.5 + 0.95}
    assert {one.propensity for one in other} == {0.05 * 0.5}
    assert np.mean([one.explored for one in hot]) == pytest.approx(0.05, abs=0.005)
    assert np.mean([one.hot for one in hot]) == pytest.approx(0.975, abs=0.005)
    assert np.mean([one.hot for one in other]) == pytest.approx(0.025, abs=0.005)
    assert all(one.hot and one.priority is None for one in hot if not one.explored)
    assert explore(5, is_hot=True, key="7:2026-w10") == hot[5]
    assert not any(explore(lead, is_hot=False, key="7", share=0.0).explored for lead in range(100))


def called_by_score(seed: int, leads: int = 40_000) -> tuple[Flags, Flags, Values]:
    """Return outcomes, calls and propensities where the score picks those who would close anyway.

    A call lifts the chance to close by 0.05 for everybody, whatever the score.
    """
    rng = np.random.default_rng(seed)
    keen = rng.random(leads)
    is_hot = keen + 0.2 * rng.normal(size=leads) > 0.7
    draws = [
        explore(lead, is_hot=bool(hot), key=f"bias:{seed}", share=0.2) for lead, hot in enumerate(is_hot)
    ]
    called = np.array([one.hot for one in draws])
    closed = rng.random(leads) < 0.02 + 0.3 * keen**2 + 0.05 * called
    return closed, called, np.array([one.propensity for one in draws])


def test_weighing_by_propensity_corrects_we_called_them_because_the_score_said_so() -> None:
    covered = 0
    for seed in range(10):
        closed, called, propensity = called_by_score(seed)
        naive = float(closed[called].mean() - closed[~called].mean())
        found = effect_of_treatment(closed, called, propensity)
        covered += found.low <= 0.05 <= found.high

        assert naive > 0.14
        assert found.value == pytest.approx(0.05, abs=0.025)

    assert covered >= 9


def test_weights_are_the_inverse_of_the_chance_of_what_happened() -> None:
    treated = np.array([True, False, True, False])
    weights = inverse_propensity_weights(treated, np.array([0.5, 0.2, 0.001, 0.99]), clip=40.0)

    assert weights.tolist() == [2.0, 1.25, 40.0, 40.0]


@pytest.mark.parametrize("propensity", [0.0, 1.0, np.nan])
def test_where_nothing_was_left_to_chance_there_are_no_weights(propensity: float) -> None:
    with pytest.raises(ValueError, match="Propensities must lie strictly between 0 and 1."):
        inverse_propensity_weights(np.array([True]), np.array([propensity]))


def test_an_effect_needs_both_arms_and_a_propensity_for_each_lead() -> None:
    with pytest.raises(ValueError, match="Treated leads and others are needed."):
        effect_of_treatment(np.ones(3, bool), np.ones(3, bool), np.full(3, 0.5))
    with pytest.raises(ValueError, match="A propensity is needed for each lead."):
        inverse_propensity_weights(np.ones(3, bool), np.full(2, 0.5))
    with pytest.raises(ValueError, match="The share must lie between 0 and 1"):
        explore(1, is_hot=True, key="x", share=1.5)
