from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import lucide
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.events import Kind
from leads.ml.catalogue import FEATURES, INDEX, NAMES, VERSION
from leads.ml.features import EventFact, FeatureVector, LeadFacts, replay, vector
from leads.models.leads import Tier as LeadTier
from scoring import engine
from scoring.engine import Case, Mode, Pillar, Thresholds, Tier, Weights
from scoring.pillars import PILLAR_LABELS, PILLARS
from scoring.reasons import ASK, WORDINGS, Reason, age, next_action, reasons_for
from scoring.rules import CROWDING, RULES, Values, link

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
UNKNOWN = {
    "lead_reply_hours": -1.0,
    "team_reply_minutes": -1.0,
    "days_to_move": 365.0,
    "source_close_rate": 1.75,
}
QUIET = {
    **{name: 365.0 for name in NAMES if name.startswith("days_since_")},
    **UNKNOWN,
    "days_since_engaged": 0.0,
}


def lead(**values: float) -> FeatureVector:
    """Return the features of a lead nothing is known of, but for `values`."""
    row = np.zeros(len(NAMES))
    for name, value in {**QUIET, **values}.items():
        row[INDEX[name]] = value
    return FeatureVector(row)


LOW = np.array([feature.low for feature in FEATURES])
HIGH = np.array([min(feature.high, 1e4) for feature in FEATURES])


def _vector(seed: int) -> FeatureVector:
    """Return features all over their ranges, many of them at an end or near the low one."""
    rng = np.random.default_rng(seed)
    place = rng.choice([0.0, 1.0, -1.0, -2.0], size=len(NAMES), p=[0.3, 0.1, 0.3, 0.3])
    place = np.where(place == -1.0, rng.random(len(NAMES)), place)
    place = np.where(place == -2.0, rng.random(len(NAMES)) ** 6, place)
    return FeatureVector(LOW + place * (HIGH - LOW))


def vectors() -> st.SearchStrategy[FeatureVector]:
    return st.integers(0, 2**32 - 1).map(_vector)


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    return Weights("drawn", {pillar: draw(st.floats(0.25, 4.0)) for pillar in Pillar})


def total(score: engine.Score) -> float:
    return score.base + sum(one.points for one in score.contributions)


@given(vectors(), weights())
@settings(max_examples=200, deadline=None)
def test_contributions_sum_to_the_score(features: FeatureVector, drawn: Weights) -> None:
    score = engine.score(features, weights=drawn, now=NOW)

    assert abs(total(score) - score.score) < 1e-6
    assert abs(score.base + sum(share.points for share in score.pillars) - score.score) < 1e-6


@given(vectors(), weights())
@settings(max_examples=200, deadline=None)
def test_a_score_stays_within_0_and_100(features: FeatureVector, drawn: Weights) -> None:
    score = engine.score(features, weights=drawn, now=NOW)

    assert 0 <= score.score <= 100
    assert score.tier == Thresholds().tier(score.score)


@given(st.lists(st.tuples(vectors(), weights()), min_size=1, max_size=9), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_batch_scores_as_its_leads_one_by_one_in_any_order(
    drawn: list[tuple[FeatureVector, Weights]], random: Any
) -> None:
    cases = [Case(features, weight) for features, weight in drawn]
    alone = [engine.score(case.vector, weights=case.weights, now=NOW) for case in cases]
    order = list(range(len(cases)))
    random.shuffle(order)

    shuffled = engine.score_many([cases[i] for i in order], now=NOW)

    assert engine.score_many(cases, now=NOW) == alone
    assert shuffled == [alone[i] for i in order]


RISING = [
    "answered_budget", "answered_financing", "financing_ready", "velocity_1d", "velocity_7d", "velocity_30d",
    "forms", "listing_views", "listing_saves", "email_clicks", "talk_minutes", "urgency", "appointment_ahead",
    "showing_requests", "appointments_kept", "initiative", "sentiment", "opportunity_open", "stage_moves",
    "profile_quality", "source_close_rate",
]  # fmt: skip
FALLING = [
    "days_since_engaged", "days_since_showing", "days_since_preapproved", "days_since_price_agreed",
    "days_since_offer", "appointments_missed", "waiting_hours", "won", "lost", "opted_out", "email_bounced",
]  # fmt: skip


@pytest.mark.parametrize("name", RISING + FALLING)
@given(features=vectors(), step=st.floats(0.01, 5.0))
@settings(max_examples=25, deadline=None)
def test_more_of_a_good_thing_never_lowers_the_score(name: str, features: FeatureVector, step: float) -> None:
    more = features.values.copy()
    more[INDEX[name]] += step

    before, after = engine.score(features, now=NOW).score, engine.score(FeatureVector(more), now=NOW).score

    assert after >= before - 1e-9 if name in RISING else after <= before + 1e-9


@given(vectors(), st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_opened_mail_counts_nothing(features: FeatureVector, opens: int) -> None:
    more = features.values.copy()
    more[INDEX["email_opens"]] = opens

    assert engine.score(FeatureVector(more), now=NOW) == engine.score(features, now=NOW)


@given(vectors())
@settings(max_examples=50, deadline=None)
def test_every_point_has_the_sign_of_its_rule(features: FeatureVector) -> None:
    signs = {one.feature: one.points for one in engine.score(features, now=NOW).contributions}

    for rule in RULES:
        margin = float((rule.weight * rule.shape(np.array([features[rule.feature]])))[0])
        assert np.sign(signs.get(rule.feature, 0.0)) == np.sign(margin)


def test_a_lead_nothing_is_known_of() -> None:
    score = engine.score(lead(), now=NOW)

    assert score.base == pytest.approx(15.0)
    assert score.score == pytest.approx(100 / (1 + np.exp(-(np.log(0.15 / 0.85) + 0.6))))
    assert score.tier == Tier.QUIET
    assert score.mode == Mode.RULES
    assert score.model_version == ""
    assert score.interval is None
    assert [one.feature for one in score.contributions] == ["days_since_engaged"]
    assert score.contributions[0].label == "Time since they last acted"
    assert {share.pillar for share in score.pillars} == set(Pillar) == set(PILLAR_LABELS)


EAGER: dict[str, float] = {
    **{f"answered_{question}": 1.0 for question in ASK},
    "financing_ready": 1.0, "velocity_1d": 4.0, "velocity_7d": 1.5, "velocity_30d": 0.6, "talk_minutes": 15.0,
    "urgency": 0.9, "days_since_preapproved": 3.0, "lead_reply_hours": 1.0, "profile_quality": 80.0,
    "opportunity_open": 1.0, "source_close_rate": 3.0, "sentiment": 0.5,
}  # fmt: skip


def test_evidence_above_even_odds_counts_ever_less() -> None:
    showing, price = {"days_since_showing": 0.0}, {"days_since_price_agreed": 0.0}
    steps = [EAGER, EAGER | showing, EAGER | showing | {"appointments_kept": 2.0}]
    scores = [engine.score(lead(**step), now=NOW).score for step in [*steps, steps[-1] | price]]

    assert [round(one, 1) for one in scores] == [94.4, 96.2, 96.8, 97.9]
    alone = engine.score(lead(**showing), now=NOW).score - engine.score(lead(), now=NOW).score
    assert round(alone, 1) == 24.8


@pytest.mark.parametrize(
    ("margin", "share"),
    [(-2.0, 1 / (1 + np.exp(2.0))), (0.0, 0.5), (CROWDING, 8 / 9), (3 * CROWDING, 64 / 65)],
)
def test_the_link_is_logistic_below_even_odds_and_a_cube_above(margin: float, share: float) -> None:
    assert link(np.array([margin]))[0] == pytest.approx(share, abs=1e-12)


@given(st.floats(-40, 40), st.floats(0, 5))
@settings(max_examples=200, deadline=None)
def test_the_link_never_falls_and_has_no_step(margin: float, more: float) -> None:
    low, high = link(np.array([margin, margin + more])).tolist()

    assert 0 < low <= high < 1
    assert high - low <= more / 4 + 1e-12


def test_a_total_of_zero_gives_the_base() -> None:
    balance = lead(days_since_engaged=365.0)
    recency = next(rule for rule in RULES if rule.feature == "days_since_engaged")
    margin = float((recency.weight * recency.shape(np.array([365.0])))[0])
    level = engine.score(
        lead(days_since_engaged=365.0, urgency=1.0),
        weights=Weights("even", {Pillar.URGENCY: -margin}),
        now=NOW,
    )

    assert level.score == pytest.approx(level.base, abs=1e-9)
    assert total(level) == pytest.approx(level.score, abs=1e-9)
    assert [one.feature for one in level.contributions] == ["days_since_engaged", "urgency"]
    assert level.contributions[1].points == pytest.approx(-margin * 100 * 0.15 * 0.85, rel=1e-4)
    assert engine.score(balance, now=NOW).score < level.score


def test_weights_multiply_their_pillar_alone() -> None:
    features = lead(urgency=0.5)
    plain = engine.score(features, now=NOW)

    doubled = engine.score(features, weights=Weights("rush", {Pillar.URGENCY: 2.0}), now=NOW)
    without = engine.score(features, weights=Weights("calm", {Pillar.URGENCY: 0.0}), now=NOW)

    assert without.score < plain.score < doubled.score
    assert without.score == pytest.approx(engine.score(lead(), now=NOW).score)
    assert {share.pillar: share.weight for share in doubled.pillars}[Pillar.URGENCY] == 2.0


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (100, "hot"),
        (85, "hot"),
        (84.999, "warm"),
        (65, "warm"),
        (64.999, "steady"),
        (40, "steady"),
        (39.999, "quiet"),
    ],
)
def test_tiers_begin_at_their_thresholds(score: float, tier: str) -> None:
    assert Thresholds().tier(score) == tier


def test_thresholds_are_the_tenants_own() -> None:
    score = engine.score(lead(), thresholds=Thresholds(hot=20, warm=10, steady=5), now=NOW)

    assert score.tier == Tier.HOT


def test_tiers_are_those_of_the_lead() -> None:
    assert [tier.value for tier in Tier] == LeadTier.values


def test_nobody_is_scored_for_nobody() -> None:
    assert engine.score_many([], now=NOW) == []


def test_features_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="Features of version old given, 2026.2 expected"):
        engine.score(replace(lead(), version="old"), now=NOW)


class Slope:
    """A linear model with a plateau in its calibration."""

    version = "slope-1"
    feature_version = VERSION
    names = NAMES
    features: Sequence[tuple[str, Pillar]] = [("urgency", Pillar.URGENCY), ("answers", Pillar.CONTEXT)]

    def matrix(self, vectors: Sequence[FeatureVector]) -> Values:
        return np.stack([vector.values for vector in vectors])

    def explain(self, matrix: Values) -> tuple[float, Values]:
        return -1.0, matrix[:, [INDEX["urgency"], INDEX["answers"]]].T * np.array([[1.0], [-0.5]])

    def probability(self, margin: Values) -> Values:
        return np.asarray(np.clip(0.5 + margin / 4, 0.1, 0.6))

    def interval(self, margin: Values) -> tuple[Values, Values]:
        return self.probability(margin - 0.4), self.probability(margin + 0.2)


@given(vectors(), weights())
@settings(max_examples=50, deadline=None)
def test_a_models_score_adds_up_as_well(features: FeatureVector, drawn: Weights) -> None:
    score = engine.score(features, weights=drawn, model=Slope(), now=NOW)

    assert score.mode == Mode.MODEL
    assert score.model_version == "slope-1"
    assert score.base == 25.0
    assert 10 - 1e-9 <= score.score <= 60 + 1e-9
    assert abs(total(score) - score.score) < 1e-6
    assert score.interval is not None
    assert 10 - 1e-9 <= score.interval[0] <= score.score <= score.interval[1] <= 60 + 1e-9


def test_the_interval_of_a_models_score_is_of_its_total_margin() -> None:
    score = engine.score(lead(urgency=1.0), model=Slope(), now=NOW)

    assert score.score == pytest.approx(50.0)
    assert score.interval is not None
    assert [round(end, 9) for end in score.interval] == [40.0, 55.0]
    assert engine.score(lead(urgency=1.0), now=NOW).interval is None


def test_a_fingerprint_tells_inputs_apart() -> None:
    assert engine.fingerprint(lead()) == engine.fingerprint(lead())
    assert engine.fingerprint(lead()) != engine.fingerprint(lead(urgency=0.1))
    assert len(engine.fingerprint(lead())) == 16


def story(*messages: str) -> FeatureVector:
    facts = [
        EventFact(Kind.MESSAGE_RECEIVED, NOW - timedelta(hours=3 - i), {"text": text}, i)
        for i, text in enumerate(messages)
    ]
    return vector(replay(facts), NOW, LeadFacts(created_at=NOW - timedelta(hours=3)))


def test_the_reasons_say_what_happened_and_when() -> None:
    score = engine.score(story("Can we see the house?"), now=NOW)

    assert [reason.sentence(NOW) for reason in score.reasons] == [
        "Asked for a showing 3 h ago", "Active 3 h ago", "Starts the conversation",
    ]  # fmt: skip
    assert score.reasons[0].as_dict() == {
        "icon": "calendar-plus", "text": "Asked for a showing", "points": round(score.reasons[0].points, 1),
        "at": "2026-03-10T12:00:00+00:00",
    }  # fmt: skip
    assert Reason("dot", "Part", 1.04).as_dict() == {"icon": "dot", "text": "Part", "points": 1.0, "at": None}


def test_the_seven_answers_are_one_reason() -> None:
    score = engine.score(story("Around 580k near downtown, 3 bedrooms, we need to move by June 1"), now=NOW)

    assert score.reasons[0].text == "Answered 4 of 7 questions"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"days_since_engaged": 30.0}, "Silent for 30 days"),
        ({"days_since_engaged": 2.0}, "Came in"),
        ({"urgency": 0.9}, "In a hurry"),
        ({"urgency": 0.2, "days_since_engaged": 4.7}, "Spoke of time"),
        ({"urgency": 0.9, "days_to_move": 0.4}, "Wants to move at once"),
        ({"urgency": 0.9, "days_to_move": 21.2}, "Wants to move in 21 days"),
        ({"urgency": 0.5, "days_to_move": 91.0, "days_since_engaged": 4.7}, "Wants to move in 3 months"),
        ({"financing_ready": 1.0, "days_since_engaged": 4.7}, "Financing in place"),
        ({"financing_ready": -1.0, "days_since_engaged": 4.7}, "Not pre-approved yet"),
        ({"sentiment": 0.9, "days_since_engaged": 4.7}, "Friendly tone"),
        ({"sentiment": -0.9, "days_since_engaged": 4.7}, "Unhappy tone"),
        ({"sentiment_change": 2.0, "days_since_engaged": 4.7}, "Tone got warmer"),
        ({"sentiment_change": -2.0, "days_since_engaged": 4.7}, "Tone got cooler"),
        ({"lead_reply_hours": 1.0, "days_since_engaged": 4.7}, "Replies fast"),
        ({"lead_reply_hours": 9.0, "days_since_engaged": 4.7}, "Replies"),
        ({"source_close_rate": 22.5}, "Source that closes often"),
        ({"source_close_rate": 0.2, "days_since_engaged": 4.7}, "Source that seldom closes"),
        ({"profile_quality": 90.0, "days_since_engaged": 4.7}, "Complete record"),
        ({"profile_quality": 50.0, "days_since_engaged": 4.7}, "Part of the record filled in"),
        ({"waiting_hours": 200.0, "days_since_engaged": 4.7}, "Waits for our reply"),
        ({"won": 1.0}, "Deal won"),
        ({"velocity_7d": 3.0}, "Active this week"),
        ({"velocity_1d": 9.0, "days_since_engaged": 4.7}, "Very active today"),
    ],
)
def test_reasons_in_words(values: dict[str, float], text: str) -> None:
    reasons = engine.score(lead(**values), now=NOW).reasons

    assert text in [reason.text for reason in reasons]


@pytest.mark.parametrize("feature", [
    "days_since_showing", "days_since_preapproved", "days_since_not_interested", "opportunity_open",
    "opted_out", "appointments_kept", "velocity_1d", "urgency", "financing_ready", "sentiment",
    "lead_reply_hours", "team_reply_minutes", "waiting_hours", "sentiment_change", "velocity_change",
])  # fmt: skip
def test_what_did_not_happen_is_never_told_as_if_it_had(feature: str) -> None:
    """A model takes points off for what was not said; in words it is left out."""
    assert reasons_for(lead(), [(feature, -40.0)], now=NOW) == ()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"channel_mix": 0.5}, "In touch in more than one way"),
        ({"call_share": 0.6}, "Prefers calls"),
        ({"call_share": 0.3}, "Calls at times"),
        ({"text_share": 0.5}, "Prefers texts"),
        ({"week_regularity": 0.7}, "Active at the same times of the week"),
        ({"show_rate": 0.7}, "Keeps appointments"),
        ({"show_rate": 0.3}, "Misses appointments"),
        ({"repeat_views": 0.2}, "Came back to the same homes"),
    ],
)
def test_what_a_model_alone_counts_is_told_as_something_the_lead_does(
    values: dict[str, float], text: str
) -> None:
    (feature,) = values

    assert [one.text for one in reasons_for(lead(**values), [(feature, 5.0)], now=NOW)] == [text]


@pytest.mark.parametrize("feature", ["channel_mix", "call_share", "week_regularity", "repeat_views"])
def test_a_habit_that_is_not_there_is_not_told(feature: str) -> None:
    assert reasons_for(lead(), [(feature, -40.0)], now=NOW) == ()


def test_what_a_lead_did_is_told_before_what_the_team_did() -> None:
    vector = lead(opportunity_open=1.0, stage_moves=2.0, days_since_showing=1.0, listing_saves=3.0)
    points = [
        ("opportunity_open", 40.0),
        ("stage_moves", 30.0),
        ("days_since_showing", 9.0),
        ("listing_saves", 5.0),
    ]

    told = [reason.text for reason in reasons_for(vector, points, now=NOW)]

    assert told == ["Asked for a showing", "Saved or shared homes", "Open opportunity"]


def test_a_feature_of_a_model_without_words_is_told_by_its_label() -> None:
    class Views(Slope):
        features = [("days_known", Pillar.CONTEXT), ("answers", Pillar.CONTEXT)]

    score = engine.score(lead(urgency=1.0), model=Views(), now=NOW)

    assert score.reasons[0] == Reason("dot", "Time since first contact", cast(float, pytest.approx(25.0)))


def test_every_rule_has_words_and_every_icon_exists() -> None:
    told = {rule.feature for rule in RULES if not rule.feature.startswith("answered_")}

    assert told <= WORDINGS.keys()
    for wording in WORDINGS.values():
        assert "<svg" in lucide._render_icon(wording.icon, 13)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=2, minutes=50), "2 h ago"),
        (timedelta(days=3), "3 d ago"),
    ],
)
def test_age_in_one_unit(length: timedelta, text: str) -> None:
    assert age(length) == text


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({"won": 1.0, "waiting_hours": 1.0}, "Ask for a referral"),
        ({"opted_out": 1.0, "waiting_hours": 1.0}, "Wait: opted out"),
        ({"lost": 1.0}, "Leave in peace"),
        ({"days_since_not_interested": 3.0}, "Leave in peace"),
        ({"days_since_price_agreed": 1.0, "days_since_showing": 1.0}, "Write up the offer"),
        ({"days_since_showing": 1.0, "waiting_hours": 1.0}, "Book the showing"),
        ({"days_since_showing": 1.0, "appointment_ahead": 1.0}, "Confirm appointment"),
        ({"waiting_hours": 1.0, "appointment_ahead": 1.0}, "Reply to them"),
        ({"appointments_missed": 0.9}, "Offer another time"),
        ({"financing_ready": -1.0}, "Suggest a lender"),
        ({"days_since_engaged": 8.0}, "Check in"),
        ({}, "Ask about budget"),
        ({"answered_budget": 1.0}, "Ask about the area"),
        ({name: 1.0 for name in NAMES if name.startswith("answered_")}, "Suggest homes to see"),
    ],
)
def test_the_next_action(values: dict[str, float], action: str) -> None:
    assert next_action(lead(**values)) == action
    assert len(action) <= 120


def test_every_question_can_be_asked() -> None:
    assert [f"answered_{question}" for question in ASK] == [n for n in NAMES if n.startswith("answered_")]


def test_every_feature_speaks_of_one_pillar() -> None:
    assert sorted(PILLARS) == sorted(NAMES)
    assert set(PILLARS.values()) == set(PILLAR_LABELS) == set(Pillar)
