from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.events import Kind
from leads.ml import features
from leads.ml.catalogue import FEATURES, NAMES, VERSION
from leads.ml.features import EventFact, LeadFacts, State
from tests.histories import START, TEXTS, at, fact, histories, of, stored


@given(histories(), st.integers(0, 130 * 24 * 60))
@settings(max_examples=150, deadline=None)
def test_replaying_to_a_moment_equals_having_been_there(history: list[EventFact], minute: int) -> None:
    now = START + timedelta(minutes=minute)
    live: State = {}
    for one in sorted(history, key=lambda one: one.key):
        if one.occurred_at <= now:
            live = stored(features.advance(live, one))

    replayed = features.replay(history, now)

    assert live == replayed
    assert np.array_equal(features.vector(live, now).values, features.vector(replayed, now).values)


@given(histories(), st.lists(st.integers(0, 130 * 24 * 60), min_size=1, max_size=4), st.data())
@settings(max_examples=150, deadline=None)
def test_training_and_serving_features_are_equal(
    history: list[EventFact], minutes: list[int], data: st.DataObject
) -> None:
    """Serving has states in the database and facts in batches; training replays the log, to the same bits."""
    record = LeadFacts(START, frozenset({"budget"}), 50.0, "Zillow", "America/Denver")
    ordered = sorted(history, key=lambda one: one.key)
    kept: State = {}
    done = 0
    for now in sorted(START + timedelta(minutes=minute) for minute in minutes):
        ready = [one for one in ordered[done:] if one.occurred_at <= now]
        done += len(ready)
        while ready:
            size = data.draw(st.integers(1, len(ready)), label="batch")
            for one in ready[:size]:
                kept = features.advance(kept, one)
            kept, ready = stored(kept), ready[size:]

        served = features.vector(kept, now, record)
        trained = features.vector(features.replay(history, now), now, record)

        assert served.values.tobytes() == trained.values.tobytes()
        assert served.version == trained.version == VERSION


@given(histories())
@settings(max_examples=60, deadline=None)
def test_facts_after_the_moment_change_nothing(history: list[EventFact]) -> None:
    now = at(60)
    past = [one for one in history if one.occurred_at <= now]

    assert features.replay(history, now) == features.replay(past)


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrival_does_not_matter_after_a_rebuild(history: list[EventFact], random: Any) -> None:
    arrived = list(history)
    random.shuffle(arrived)
    state: State = {}
    for i, one in enumerate(arrived):
        late = features.needs_rebuild(state, one)
        state = features.replay(arrived[: i + 1]) if late else features.advance(state, one)

    assert state == features.replay(history)


@given(histories(), st.floats(0, 400))
@settings(max_examples=100, deadline=None)
def test_every_feature_stays_in_its_range(history: list[EventFact], days: float) -> None:
    state = features.replay(history)
    now = max([at(days), *(one.occurred_at for one in history)])

    values = features.vector(
        state, now, LeadFacts(START, frozenset({"budget"}), 50.0, "Zillow", "Asia/Tokyo")
    ).values

    assert values.shape == (len(FEATURES),)
    for feature, value in zip(FEATURES, values, strict=True):
        assert feature.low <= value <= feature.high, feature.name


@given(histories())
@settings(max_examples=60, deadline=None)
def test_a_state_is_small_plain_json(history: list[EventFact]) -> None:
    state = features.replay(history)

    assert stored(state) == state
    assert len(json.dumps(state)) < 3072


def test_a_fact_leaves_the_state_before_it_untouched() -> None:
    before = features.replay(
        [fact(Kind.MESSAGE_RECEIVED, 0, 1, text=TEXTS[2]), fact(Kind.MESSAGE_SENT, 1, 2)]
    )
    copy = stored(before)

    for kind in Kind:
        features.advance(before, fact(kind, 2, 3, text=TEXTS[0], channels={"SMS": "denied"}))

    assert before == copy


def test_a_state_does_not_tell_of_a_moment_before_its_last_fact() -> None:
    state = features.replay([fact(Kind.MESSAGE_RECEIVED, 5)])

    with pytest.raises(ValueError, match="later than the moment"):
        features.vector(state, at(4))


def test_a_fact_at_or_before_the_last_needs_a_rebuild() -> None:
    state = features.replay([fact(Kind.PAGE_VIEWED, 1, 7)])

    assert not features.needs_rebuild({}, fact(Kind.PAGE_VIEWED, 0, 1))
    assert not features.needs_rebuild(state, fact(Kind.PAGE_VIEWED, 1, 8))
    assert not features.needs_rebuild(state, fact(Kind.PAGE_VIEWED, 1.1, 2))
    assert features.needs_rebuild(state, fact(Kind.PAGE_VIEWED, 1, 7))
    assert features.needs_rebuild(state, fact(Kind.PAGE_VIEWED, 0.9, 9))


def test_names_are_those_of_the_catalogue_and_unique() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(FEATURES) >= 40
    assert all(feature.label and feature.unit and feature.low < feature.high for feature in FEATURES)


def test_engagement_velocity_calculation() -> None:
    steady = [fact(Kind.MESSAGE_RECEIVED, day / 2, day) for day in range(400)]

    now = of(*steady, days=199.5)
    later = of(*steady, days=206.5)

    # two messages a day, met right after one: the sum of exp(-age/span) over a span
    for name, span in (("velocity_1d", 1), ("velocity_7d", 7), ("velocity_30d", 30)):
        assert now[name] == pytest.approx(1 / (span * (1 - math.exp(-0.5 / span))), rel=2e-3)
        assert later[name] == pytest.approx(now[name] * math.exp(-7 / span))
    assert now["velocity_change"] == pytest.approx(0.0, abs=0.02)
    assert later["velocity_change"] < -0.3
    assert now["velocity_change_1d"] == pytest.approx(
        (now["velocity_1d"] - now["velocity_7d"]) / (now["velocity_1d"] + now["velocity_7d"])
    )
    assert later["velocity_change_1d"] < -0.9
    assert now["days_since_engaged"] == 0.0
    assert later["days_since_engaged"] == 7.0


def test_looking_counts_less_than_writing() -> None:
    looked = of(fact(Kind.LISTING_VIEWED, 0), days=0)
    wrote = of(fact(Kind.MESSAGE_RECEIVED, 0), days=0)
    opened = of(fact(Kind.EMAIL_OPENED, 0), days=0)

    assert looked["velocity_1d"] == pytest.approx(0.1)
    assert wrote["velocity_1d"] == 1.0
    assert opened["velocity_1d"] == 0.0
    assert opened["email_opens"] == 1.0


def test_an_unknown_lead_has_no_history() -> None:
    vector = of(days=10, created_at=START, quality=40, source="Zillow Flex")

    assert vector["days_known"] == vector["days_since_engaged"] == 10.0
    assert vector["lead_reply_hours"] == vector["team_reply_minutes"] == -1.0
    assert vector["days_to_move"] == vector["days_since_showing"] == 365.0
    assert vector["profile_quality"] == 40.0
    assert vector["source_close_rate"] == 3.0


def test_reply_times_both_ways() -> None:
    vector = of(
        fact(Kind.MESSAGE_RECEIVED, 0, 1),
        fact(Kind.MESSAGE_SENT, 0.01, 2, is_automatic=True),
        fact(Kind.MESSAGE_SENT, 0.5 / 24, 3),
        fact(Kind.MESSAGE_SENT, 1, 4),
        fact(Kind.MESSAGE_RECEIVED, 0.01 + 2 / 24, 5),
        days=2,
    )

    assert vector["team_reply_minutes"] == pytest.approx(
        math.expm1(math.log1p(30) + 0.3 * (math.log1p((1 - 0.01 - 2 / 24) * 1440) - math.log1p(30)))
    )
    assert vector["lead_reply_hours"] == pytest.approx(2.0)
    assert vector["waiting_hours"] == 0.0
    assert vector["initiative"] == pytest.approx(0.5, abs=0.01)


def test_a_lead_waits_until_a_person_answers() -> None:
    asked = fact(Kind.MESSAGE_RECEIVED, 0, 1)
    machine = fact(Kind.MESSAGE_SENT, 0.1, 2, is_automatic=True)

    assert of(asked, machine, days=0.5)["waiting_hours"] == pytest.approx(12)
    assert of(asked, machine, fact(Kind.CALL_MADE, 0.2, 3), days=0.5)["waiting_hours"] == 0.0
    assert of(asked, machine, fact(Kind.CALL_RECEIVED, 0.2, 3), days=0.5)["waiting_hours"] == 0.0
    assert of(asked, days=90)["waiting_hours"] == 720.0


def test_answers_come_from_messages_and_from_the_record() -> None:
    vector = of(
        fact(Kind.MESSAGE_RECEIVED, 0, 1, text="Around $580k, near downtown"),
        fact(Kind.MESSAGE_SENT, 0, 2, text="3 bedrooms? Are you pre-approved? Move in May?"),
        fact(Kind.VOICE_AI_CALL_ENDED, 0, 3, text="agent: move-in ready? lead: new roof"),
        days=0,
        answered=frozenset({"timeline", "shoe size"}),
    )

    told = {name for name in NAMES if name.startswith("answered_") and vector[name]}
    assert told == {"answered_budget", "answered_location", "answered_timeline"}
    assert vector["answers"] == 3.0


def test_financing_follows_what_was_said_last() -> None:
    no = fact(Kind.MESSAGE_RECEIVED, 0, 1, text="not pre-approved yet")
    yes = fact(Kind.MESSAGE_RECEIVED, 1, 2, text="we are pre-approved now")

    assert of(no, days=2)["financing_ready"] == -1.0
    assert of(no, yes, days=2)["financing_ready"] == 1.0
    assert of(no, yes, days=2)["days_since_preapproved"] == 1.0


def test_signals_are_dated_and_taken_back() -> None:
    asks = fact(Kind.MESSAGE_RECEIVED, 0, 1, text="Can we see the house?")
    refuses = fact(Kind.MESSAGE_RECEIVED, 1, 2, text="not interested")
    returns = fact(Kind.MESSAGE_RECEIVED, 2, 3, text="can we see it after all")
    online = fact(Kind.SHOWING_REQUESTED, 3, 4)

    assert of(asks, days=0.5)["days_since_showing"] == 0.5
    assert of(asks, refuses, days=1)["days_since_showing"] == 365.0
    assert of(asks, refuses, days=1)["days_since_not_interested"] == 0.0
    assert of(asks, refuses, returns, days=2)["days_since_not_interested"] == 365.0
    assert of(asks, refuses, returns, online, days=4)["days_since_showing"] == 1.0


def test_fresh_signals_are_those_given_since() -> None:
    before = features.replay([fact(Kind.MESSAGE_RECEIVED, 0, 1, text="Can we see the house?")])
    after = features.advance(before, fact(Kind.MESSAGE_RECEIVED, 1, 2, text="We are pre-approved"))
    again = features.advance(after, fact(Kind.MESSAGE_RECEIVED, 2, 3, text="Can we see it today?"))

    assert features.fresh_signals({}, before) == {"showing"}
    assert features.fresh_signals(before, after) == {"preapproved"}
    assert features.fresh_signals(after, again) == {"showing"}
    assert features.fresh_signals(again, again) == frozenset()


def test_haste_grows_towards_the_move_date_and_ends_with_it() -> None:
    said = fact(Kind.MESSAGE_RECEIVED, 0, 1, text="We need to move by April 30")

    assert of(said, days=0)["urgency"] == pytest.approx(2 ** (-(60 - 9 / 24) / 60))
    assert of(said, days=30)["urgency"] > of(said, days=0)["urgency"]
    assert of(said, days=59)["days_to_move"] == pytest.approx(15 / 24)
    assert of(said, days=62)["urgency"] == 0.0
    assert of(said, days=62)["days_to_move"] == 365.0


def test_haste_without_a_date_fades() -> None:
    said = fact(Kind.MESSAGE_RECEIVED, 0, 1, text="asap")
    calmed = fact(Kind.MESSAGE_RECEIVED, 1, 2, text="no rush")

    assert of(said, days=0)["urgency"] == 0.9
    assert of(said, days=21)["urgency"] == pytest.approx(0.9 / math.e)
    assert of(said, calmed, days=1)["urgency"] == 0.05


def test_tone_and_questions() -> None:
    vector = of(
        fact(Kind.MESSAGE_RECEIVED, 0, 1, text="good"),
        fact(Kind.MESSAGE_RECEIVED, 0, 2, text="terrible! why?"),
        days=0,
    )

    assert vector["sentiment"] == pytest.approx(0.5 + 0.3 * (-2 / 3 - 0.5))
    assert vector["sentiment_change"] == pytest.approx(-2 / 3 - vector["sentiment"])
    assert vector["question_share"] == 0.5
    assert vector["message_sentences"] == pytest.approx(1.3)


def test_a_spanish_history_gives_the_features_of_its_english_twin() -> None:
    english = ["Our budget is around $580k", "Can we see the house on Saturday?", "I love it, thanks!"]
    spanish = [
        "Nuestro presupuesto es de alrededor de $580k",
        "¿Podemos ver la casa el sábado?",
        "Me encanta, ¡gracias!",
    ]

    twins = [
        of(*(fact(Kind.MESSAGE_RECEIVED, i, i, text=text) for i, text in enumerate(texts)), days=5)
        for texts in (english, spanish)
    ]

    assert np.array_equal(twins[0].values, twins[1].values)


@pytest.mark.parametrize(
    ("kinds", "open_", "won", "lost"),
    [
        ([Kind.OPPORTUNITY_CREATED], 1, 0, 0),
        ([Kind.OPPORTUNITY_MOVED], 1, 0, 0),
        ([Kind.OPPORTUNITY_CREATED, Kind.OPPORTUNITY_WON], 0, 1, 0),
        ([Kind.OPPORTUNITY_LOST], 0, 0, 1),
        ([Kind.OPPORTUNITY_ABANDONED, Kind.OPPORTUNITY_VALUED], 0, 0, 1),
        ([Kind.OPPORTUNITY_LOST, Kind.OPPORTUNITY_REOPENED], 1, 0, 0),
        ([Kind.OPPORTUNITY_WON, Kind.OPPORTUNITY_DELETED], 0, 0, 0),
    ],
)
def test_opportunities(kinds: list[Kind], open_: int, won: int, lost: int) -> None:
    vector = of(*(fact(kind, i, i, opportunity_id="o1") for i, kind in enumerate(kinds)), days=9)

    assert (vector["opportunity_open"], vector["won"], vector["lost"]) == (open_, won, lost)


def test_a_second_open_deal_outweighs_a_won_one() -> None:
    vector = of(
        fact(Kind.OPPORTUNITY_WON, 0, 1, opportunity_id="a"),
        fact(Kind.OPPORTUNITY_CREATED, 1, 2, opportunity_id="b"),
        days=2,
    )

    assert (vector["opportunity_open"], vector["won"]) == (1.0, 0.0)


def test_an_appointment_is_ahead_until_it_is_over() -> None:
    booked = fact(Kind.APPOINTMENT_BOOKED, 0, 1, appointment_id="a", starts_at="2026-03-05T10:00:00+00:00")
    moved = fact(Kind.APPOINTMENT_RESCHEDULED, 1, 2, appointment_id="a", starts_at="2026-03-10T10:00:00")
    kept = fact(Kind.APPOINTMENT_SHOWED, 9.5, 3, appointment_id="a")
    missed = fact(Kind.APPOINTMENT_MISSED, 9.5, 3, appointment_id="a")
    open_end = fact(Kind.APPOINTMENT_BOOKED, 0, 1, appointment_id="b")

    assert of(booked, days=3)["appointment_ahead"] == 1.0
    assert of(booked, days=5)["appointment_ahead"] == 0.0
    assert of(booked, moved, days=5)["appointment_ahead"] == 1.0
    assert of(booked, moved, kept, days=9.5)["appointment_ahead"] == 0.0
    assert of(booked, moved, kept, days=9.5)["appointments_kept"] == 1.0
    assert of(booked, moved, missed, days=9.5)["appointments_missed"] == 1.0
    assert of(open_end, days=13)["appointment_ahead"] == 1.0
    assert of(open_end, days=15)["appointment_ahead"] == 0.0


def test_closed_channels_and_bounces() -> None:
    created = fact(Kind.CONTACT_CREATED, 0, 1, denied=["CALL"])
    denied = fact(Kind.CONSENT_CHANGED, 1, 2, channels={"SMS": "denied", "CALL": "unknown"})
    unsubscribed = fact(Kind.EMAIL_UNSUBSCRIBED, 2, 3)
    bounced = fact(Kind.EMAIL_BOUNCED, 3, 4)
    clicked = fact(Kind.EMAIL_CLICKED, 4, 5)

    assert of(created, days=9)["opted_out"] == pytest.approx(1 / 3)
    assert of(created, denied, days=9)["opted_out"] == pytest.approx(1 / 3)
    assert of(created, denied, unsubscribed, days=9)["opted_out"] == pytest.approx(2 / 3)
    assert of(bounced, days=9)["email_bounced"] == 1.0
    assert of(bounced, clicked, days=9)["email_bounced"] == 0.0


def test_talking_counts_in_minutes() -> None:
    assert of(fact(Kind.CALL_RECEIVED, 0, 1, seconds=300), days=0)["talk_minutes"] == 5.0
    assert of(fact(Kind.CALL_MADE, 0, 1), days=0)["talk_minutes"] == 0.0


@pytest.mark.parametrize(
    ("source", "rate"),
    [
        ("Referral: past client", 22.5),
        ("Open House 3/1", 6.0),
        ("Yard sign", 5.5),
        ("Zillow", 3.0),
        ("Facebook Lead Ad", 0.9),
        ("IDX website", 1.75),
        ("", 1.75),
        ("carrier pigeon", 1.75),
    ],
)
def test_sources_close_at_their_usual_rate(source: str, rate: float) -> None:
    assert of(days=0, source=source)["source_close_rate"] == rate


def test_what_hearthline_concluded_is_no_behaviour() -> None:
    scored = of(fact(Kind.LEAD_SCORED, 0, 1), fact(Kind.ALERT_TRIGGERED, 0, 2), days=1, created_at=START)
    nothing = of(days=1, created_at=START)

    assert np.array_equal(scored.values, nothing.values)
