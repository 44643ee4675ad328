"""What lifts a lead is something an agent can do, never who somebody is, and the engine reckons it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.events import Kind
from leads.ml.catalogue import FEATURES, INDEX, NAMES, VERSION
from leads.ml.features import FeatureVector
from leads.ml.metrics import Values
from scoring import engine
from scoring.engine import Case, Pillar, Thresholds, Tier, Weights
from scoring.levers import (
    INFLUENCED,
    LEVERS,
    Lever,
    Lift,
    levers_for,
    lifts,
    pulled,
    smallest_lift,
    smallest_lifts,
)
from scoring.reasons import ASK
from tests.histories import fact, of

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
KEYS = {lever.key: lever for lever in LEVERS}
QUIET = {
    **{name: 365.0 for name in NAMES if name.startswith("days_since_")},
    "lead_reply_hours": -1.0,
    "team_reply_minutes": -1.0,
    "days_to_move": 365.0,
    "source_close_rate": 1.75,
    "days_since_engaged": 1.0,
}

FIXED = frozenset(
    {
        *("days_known", "source_close_rate", "season", "season_rising", "months_of_supply", "days_on_market"),
        *("market_price_change", "won", "lost", "opted_out", "cash_buyer", "lender_named", "profile_quality"),
        *("urgency", "days_to_move", "lease_ending", "relocating", "selling", "investing"),
        *("price_focus", "price_drift", "price_to_budget", "size_focus", "size_drift"),
        *("area_focus", "area_drift", "repeat_views", "week_regularity", "day_regularity"),
        *("weekend_share", "late_share", "text_share", "email_share", "call_share", "channel_mix"),
        *("sentiment", "sentiment_change", "sentiment_trend", "unhappy_share", "message_sentences"),
        *("question_share", "initiative", "lead_reply_hours", "lead_reply_trend", "opportunity_open"),
        *("stage_moves", "days_since_not_interested", "days_since_has_agent", "days_since_too_expensive"),
    }
)
"""What a lead is, wants, feels or did, what the market does, and what only bookkeeping changes."""

PROTECTED = re.compile(
    r"rac(e|ial)|ethnic|colou?r|religio|church|sex|gender|orientation|disab|handicap|famil|child|kid|pregnan"
    r"|marital|married|national|origin|citizen|immigra|language|accent|age\b|elder|senior|veteran|military"
    r"|voucher|section 8|assistance|source of income|name\b|photo|zip|school|crime|safe",
    re.IGNORECASE,
)


def lead(**values: float) -> FeatureVector:
    """Return the features of a lead nothing is known of, but for `values`."""
    row = np.zeros(len(NAMES))
    for name, value in {**QUIET, **values}.items():
        row[INDEX[name]] = value
    return FeatureVector(row)


def case(hot: float = 85.0, warm: float = 65.0, steady: float = 40.0, **values: float) -> Case:
    return Case(lead(**values), thresholds=Thresholds(hot, warm, steady))


def score_after(one: Case, *keys: str) -> engine.Score:
    changed = pulled(one.vector, [KEYS[key] for key in keys])
    return engine.score(changed, now=NOW, weights=one.weights, thresholds=one.thresholds)


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.key)
def test_no_lever_touches_a_protected_or_fixed_trait(lever: Lever) -> None:
    for vector in (lead(), _any(1), _any(2)):
        after = pulled(vector, [lever])
        told = set(lever.changes({name: vector[name] for name in NAMES}))

        assert {name for name in NAMES if after[name] != vector[name]} <= told <= INFLUENCED
        assert not told & FIXED
    assert not PROTECTED.search(lever.label)


def test_what_levers_change_is_named_and_none_of_it_protected() -> None:
    assert set(NAMES) >= INFLUENCED | FIXED
    assert not INFLUENCED & FIXED
    assert not [name for name in INFLUENCED if PROTECTED.search(name.replace("_", " "))]
    assert len(KEYS) == len(LEVERS) == 14


def test_replying_lifts_a_lead_that_waits() -> None:
    one = case(answered_budget=1.0, answers=1.0, waiting_hours=48.0)
    now, then = engine.score(one.vector, now=NOW), score_after(one, "reply")
    between = case(
        steady=(now.score + then.score) / 2.0, waiting_hours=48.0, answered_budget=1.0, answers=1.0
    )
    found = smallest_lift(between, now=NOW)

    assert found == Lift(
        ("reply",), ("Reply within the hour",), 3.0, now.score, then.score, Tier.QUIET, Tier.STEADY
    )
    assert found is not None
    assert found.sentence == (f"Reply within the hour: from {now.score:.1f} to {then.score:.1f}, steady")


def test_the_least_work_is_taken_though_other_levers_lift_more() -> None:
    one = case(waiting_hours=48.0)
    cut = engine.score(one.vector, now=NOW).score + 0.1
    found = smallest_lift(case(steady=cut, waiting_hours=48.0), now=NOW)

    assert found is not None
    assert found.keys == ("reply",)
    assert score_after(one, "preapproval").score > found.new_score


def test_of_like_work_the_one_that_lifts_more_is_taken() -> None:
    one = case()
    asked = {f"ask_{question}": score_after(one, f"ask_{question}").score for question in ASK}
    cut = engine.score(one.vector, now=NOW).score + 0.1
    found = smallest_lift(case(steady=cut), now=NOW)

    assert found is not None
    assert found.keys == (max(asked, key=lambda key: asked[key]),)
    assert found.new_score == max(asked.values())


def test_two_levers_lift_where_none_alone_does() -> None:
    one = case()
    alone = max(score_after(one, lever.key).score for lever in levers_for(one.vector))
    found = smallest_lift(case(steady=alone + 0.5), now=NOW)

    assert found is not None
    assert len(found.keys) == 2
    assert found.new_tier is Tier.STEADY
    assert found.new_score == score_after(one, *found.keys).score >= alone + 0.5
    work = sum(KEYS[key].minutes for key in found.keys)
    cheaper = [
        pair
        for pair in combinations(levers_for(one.vector), 2)
        if sum(lever.minutes for lever in pair) < work
    ]
    assert all(score_after(one, *(lever.key for lever in pair)).score < alone + 0.5 for pair in cheaper)
    first, second = found.labels
    assert found.sentence.startswith(f"{first} and {second[0].lower()}{second[1:]}: from ")


def scored(cases: Sequence[Case]) -> list[engine.Score]:
    return engine.score_many(cases, now=NOW)


def test_several_lifts_come_with_the_least_work_first() -> None:
    one = case(waiting_hours=48.0)
    cut = engine.score(one.vector, now=NOW).score + 0.1
    low = case(steady=cut, waiting_hours=48.0)

    found = lifts([low], score=scored, most=3)[0]
    every = lifts([low], score=scored, most=99)[0]

    assert [lift.minutes for lift in found] == [3.0, 5.0, 5.0]
    assert found == every[:3]
    assert all(len(lift.keys) == 1 and lift.new_tier is Tier.STEADY for lift in every)
    assert [lift.minutes for lift in every] == sorted(lift.minutes for lift in every)


def test_who_is_held_in_a_tier_is_lifted_above_it() -> None:
    one = case()
    cut = engine.score(one.vector, now=NOW).score + 0.1
    low = case(steady=cut)

    held = lifts([low], score=scored, held=[Tier.STEADY])[0][0]

    assert lifts([low], score=scored)[0][0].new_tier is Tier.STEADY
    assert (held.tier, held.new_tier) == (Tier.STEADY, Tier.WARM)
    assert lifts([low], score=scored, held=[Tier.HOT])[0] == []
    assert lifts([low], score=scored, held=[Tier.QUIET]) == lifts([low], score=scored)


def test_scores_by_another_measure_lift_nobody() -> None:
    def fails_after_the_first(cases: Sequence[Case]) -> list[engine.Score]:
        is_first = len(cases) == 1
        return engine.score_many(cases, now=NOW, model=TalkModel() if is_first else None)

    assert lifts([case(hot=8.0, warm=4.0, steady=2.0)], score=fails_after_the_first) == [[]]


def test_where_no_pair_lifts_there_is_none() -> None:
    assert smallest_lift(case(hot=99.9, warm=99.8, steady=99.7), now=NOW) is None


def test_who_is_hot_needs_no_lift() -> None:
    assert smallest_lift(case(hot=10.0, warm=5.0, steady=1.0), now=NOW) is None


@pytest.mark.parametrize(
    "refusal",
    [
        {"won": 1.0},
        {"lost": 1.0},
        {"opted_out": 1.0},
        {"days_since_not_interested": 3.0},
        {"days_since_has_agent": 300.0},
    ],
)
def test_who_refused_or_has_an_agent_is_left_in_peace(refusal: dict[str, float]) -> None:
    one = case(steady=1e-6, warm=90.0, hot=95.0, waiting_hours=10.0, **refusal)

    assert levers_for(one.vector) == []
    assert smallest_lift(one, now=NOW) is None


def test_only_what_makes_sense_is_offered() -> None:
    done = lead(
        appointment_ahead=1.0,
        financing_ready=1.0,
        answers=7.0,
        **{f"answered_{question}": 1.0 for question in ASK},
    )

    assert [lever.key for lever in levers_for(done)] == ["call", "meet"]
    assert [lever.key for lever in levers_for(lead(cash_buyer=1.0, financing_ready=0.0))][-2:] == [
        "call",
        "book",
    ]
    asked = [lever.key for lever in levers_for(lead(days_since_engaged=8.0, email_bounced=1.0))]
    assert {"check_in", "email"} <= set(asked)
    assert "reply" not in asked


def test_what_a_lever_says_is_what_the_log_would_say() -> None:
    """Book an appointment and ask the money question in the log, and pull the levers: the same features."""
    past = [fact(Kind.MESSAGE_RECEIVED, 0, 1, text="Hello, I saw the house")]
    before = of(*past, days=3.0)
    booked = of(
        *past,
        fact(Kind.APPOINTMENT_BOOKED, 3.0, 2, appointment_id="a", starts_at="2026-03-10T10:00:00+00:00"),
        days=3.0,
    )
    told = pulled(before, [KEYS["book"]])

    changed = {name for name in NAMES if booked[name] != pytest.approx(before[name])}
    assert {"appointment_ahead", "velocity_1d", "velocity_7d", "velocity_30d", "commitment"} <= changed
    for name in INFLUENCED:
        assert told[name] == pytest.approx(booked[name], abs=1e-9), name


def test_an_appointment_held_counts_as_in_the_log() -> None:
    past = [
        fact(Kind.MESSAGE_RECEIVED, 0, 1, text="Hello, I saw the house"),
        fact(Kind.APPOINTMENT_BOOKED, 1.0, 2, appointment_id="a", starts_at="2026-03-05T10:00:00+00:00"),
    ]
    before = of(*past, days=3.0)
    held = of(*past, fact(Kind.APPOINTMENT_SHOWED, 3.0, 3, appointment_id="a"), days=3.0)
    told = pulled(before, [KEYS["meet"]])

    for name in INFLUENCED:
        assert told[name] == pytest.approx(held[name], abs=1e-9), name


LOW = np.array([feature.low for feature in FEATURES])
HIGH = np.array([min(feature.high, 400.0) for feature in FEATURES])


def _any(seed: int) -> FeatureVector:
    rng = np.random.default_rng(seed)
    values = LOW + rng.random(len(NAMES)) ** 3 * (HIGH - LOW)
    for name in ("won", "lost", "opted_out", "appointment_ahead", "email_bounced", "cash_buyer"):
        values[INDEX[name]] = float(rng.random() < 0.1)
    for name in ("days_since_not_interested", "days_since_has_agent"):
        values[INDEX[name]] = 365.0
    return FeatureVector(values)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
def test_a_batch_gives_what_leads_give_one_by_one(seeds: list[int]) -> None:
    cases = [
        Case(_any(seed), Weights("drawn", {Pillar.INTENT: 1.5}), Thresholds(60.0 + seed % 30, 50.0, 20.0))
        for seed in seeds
    ]
    together = smallest_lifts(cases, now=NOW)

    assert together == [smallest_lift(one, now=NOW) for one in cases]
    for one, found in zip(cases, together, strict=True):
        if found is not None:
            after = score_after(one, *found.keys)
            assert (found.new_score, found.new_tier) == (after.score, after.tier)
            assert found.new_score > found.score


def test_features_stay_within_their_ranges_whatever_is_pulled() -> None:
    for seed in range(50):
        vector = _any(seed)
        for pair in combinations(LEVERS, 2):
            values = pulled(vector, pair).values
            assert (values >= LOW).all()
            assert (values <= np.array([feature.high for feature in FEATURES]) + 1e-9).all()


def test_nothing_is_changed_in_the_lead_itself() -> None:
    one = case(waiting_hours=5.0)
    values = one.vector.values.copy()
    smallest_lift(one, now=NOW)

    assert (one.vector.values == values).all()


def test_no_leads_give_no_lifts() -> None:
    assert smallest_lifts([], now=NOW) == []


@dataclass(frozen=True)
class TalkModel:
    """A model for which minutes on the phone alone count."""

    version: str = "scores-test"
    feature_version: str = VERSION
    names: Sequence[str] = NAMES
    features: Sequence[tuple[str, Pillar]] = (("talk_minutes", Pillar.ENGAGEMENT),)

    def matrix(self, vectors: Sequence[FeatureVector]) -> Values:
        return np.stack([vector.values for vector in vectors])

    def explain(self, matrix: Values) -> tuple[float, Values]:
        return -4.0, 0.1 * matrix[:, [INDEX["talk_minutes"]]].T

    def probability(self, margin: Values) -> Values:
        return np.asarray(1.0 / (1.0 + np.exp(-margin)))

    def interval(self, margin: Values) -> tuple[Values, Values]:
        return self.probability(margin - 0.1), self.probability(margin + 0.1)


def test_a_model_reckons_with_what_it_has_learned() -> None:
    found = smallest_lift(case(hot=8.0, warm=4.0, steady=1.0, waiting_hours=9.0), now=NOW, model=TalkModel())

    assert found is not None
    assert found.keys == ("call",)
    assert found.score == pytest.approx(100.0 / (1.0 + np.exp(4.0)))
    assert found.new_score == pytest.approx(100.0 / (1.0 + np.exp(3.0)))
    assert found.sentence == "Talk for ten minutes on the phone: from 1.8 to 4.7, warm"
