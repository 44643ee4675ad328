from __future__ import annotations

import math

import numpy as np
import pytest

from leads.events import Kind
from leads.ml.features import FeatureVector
from leads.ml.talk import trend_of
from tests.histories import fact, of, said


def test_reply_times_and_where_they_go() -> None:
    facts = [
        fact(Kind.MESSAGE_SENT, 0, 1),
        fact(Kind.MESSAGE_RECEIVED, 1 / 24, 2),  # within an hour
        fact(Kind.MESSAGE_SENT, 1 / 24 + 10 / 1440, 3),  # within ten minutes
        fact(Kind.MESSAGE_RECEIVED, 1 / 24 + 10 / 1440 + 3 / 24, 4),  # within three hours
        fact(Kind.MESSAGE_SENT, 1 / 24 + 10 / 1440 + 3 / 24 + 1 / 1440, 5),  # within a minute
    ]

    vector = of(*facts, days=1)

    assert vector["lead_reply_trend"] == pytest.approx(0.7 * math.log(4 / 2))
    assert vector["team_reply_trend"] == pytest.approx(0.7 * math.log(2 / 11))
    assert vector["lead_reply_hours"] == pytest.approx(math.expm1(math.log(2) + 0.3 * math.log(2)))
    assert of(*facts[:3], days=1)["lead_reply_trend"] == 0.0
    assert of(days=1)["team_reply_trend"] == 0.0


def test_sentiment_progression_analysis() -> None:
    warmer = said("terrible", "bad", "ok", "good", "great")
    cooler = said("great", "good", "bad", "terrible")

    # tones −2/3, −1/2, (plain), 1/2, 2/3: the line that fits best, over the whole of them
    slope = (-1.5 * -0.667 - 0.5 * -0.5 + 0.5 * 0.5 + 1.5 * 0.667) / 5
    assert warmer["sentiment_trend"] == pytest.approx(3 * slope)
    assert cooler["sentiment_trend"] == pytest.approx(-3 * slope)
    assert warmer["sentiment_change"] > 0 > cooler["sentiment_change"]
    assert warmer["sentiment"] > cooler["sentiment"]
    assert said("good", "great")["sentiment_trend"] == 0.0
    assert said("good", "good", "good")["sentiment_trend"] == 0.0


def test_sentiment_progression_is_that_of_the_last_messages() -> None:
    long_ago = said(*["terrible"] * 5, *["good"] * 8)

    assert long_ago["sentiment_trend"] == 0.0
    assert long_ago["sentiment"] > 0.4


def test_the_steepest_progression_is_two() -> None:
    assert trend_of([-1.0] * 4 + [1.0] * 4) == 2.0
    assert trend_of([1.0] * 4 + [-1.0] * 4) == -2.0
    assert trend_of([-1.0, 0.0, 1.0]) == pytest.approx(2.0)


def test_sentiment_progression_is_the_same_in_spanish() -> None:
    english = said("This is terrible", "It is bad", "good", "I love it, thanks!")
    spanish = said("Esto es horrible", "Es malo", "bueno", "Me encanta, ¡gracias!")

    assert english["sentiment_trend"] == spanish["sentiment_trend"] > 1.0


def test_unhappy_messages_among_all() -> None:
    facts = [
        fact(Kind.MESSAGE_RECEIVED, 0, i, text=text) for i, text in enumerate(("bad", "ok", "good", "mal"))
    ]

    assert of(*facts, days=0)["unhappy_share"] == 0.5
    assert of(*facts, days=9)["unhappy_share"] == pytest.approx(0.5)


def test_channels() -> None:
    facts = [
        fact(Kind.MESSAGE_RECEIVED, 0, 1, channel="SMS"),
        fact(Kind.MESSAGE_RECEIVED, 0, 2, channel="Email"),
        fact(Kind.CALL_RECEIVED, 0, 3),
        fact(Kind.CALL_MISSED, 0, 4),
    ]

    vector = of(*facts, days=0)

    assert (vector["text_share"], vector["email_share"], vector["call_share"]) == (0.25, 0.25, 0.5)
    assert vector["channel_mix"] == 1 - (0.0625 + 0.0625 + 0.25)
    assert of(facts[0], days=0)["channel_mix"] == 0.0
    assert of(days=0)["text_share"] == 0.0


def test_all_messengers_are_one_channel() -> None:
    vectors = [
        of(fact(Kind.MESSAGE_RECEIVED, 0, 1, channel=name, text="Hello"), days=1)
        for name in ("SMS", "WhatsApp", "FB", "Live_Chat", "")
    ]

    assert all(np.array_equal(vectors[0].values, one.values) for one in vectors)
    assert vectors[0]["text_share"] == 1.0


def test_only_what_the_lead_writes_is_time_since_they_wrote() -> None:
    wrote = fact(Kind.MESSAGE_RECEIVED, 0, 1, text="hello")

    assert of(wrote, fact(Kind.MESSAGE_SENT, 1, 2, text="hi"), days=2)["days_since_wrote"] == 2.0
    assert of(fact(Kind.CALL_RECEIVED, 1, 2, text="hi"), days=2)["days_since_wrote"] == 365.0


def noted(vector: FeatureVector) -> set[str]:
    """Return what of the lead's plans, money and doubts the features tell."""
    days = {"days_since_negotiation", "days_since_hesitation"}
    flags = {"lender_named", "cash_buyer", "lease_ending", "relocating", "selling", "investing"}
    return {name for name in flags if vector[name]} | {name for name in days if vector[name] < 365}


@pytest.mark.parametrize(
    ("english", "spanish", "expected"),
    [
        ("My lender is ready", "Mi prestamista está listo", {"lender_named"}),
        ("We are working with a bank", "Estamos trabajando con un banco", {"lender_named"}),
        ("I need a lender", "Necesito un prestamista", set()),
        ("Do you know a good lender?", "¿Conoce un buen prestamista?", set()),
        ("We don't have a lender", "No tenemos prestamista", set()),
        ("We pay all cash", "Pagamos de contado", {"cash_buyer"}),
        ("Our lease ends in May", "Nuestro contrato termina en mayo", {"lease_ending"}),
        ("relocating in three months", "reubicación en tres meses", {"relocating"}),
        ("Thinking of selling my house", "Pensando en vender mi casa", {"selling"}),
        ("We need to sell first", "Vendemos primero", {"selling"}),
        ("This is for investment", "Es una inversión", {"investing"}),
        ("Can they lower the price?", "¿Pueden bajar el precio?", {"days_since_negotiation"}),
        ("Would they take 550k?", "¿Aceptarían 550 mil?", {"days_since_negotiation"}),
        ("We would like to negotiate", "Queremos negociar", {"days_since_negotiation"}),
        ("We won't negotiate", "No vamos a negociar", set()),
        (
            "Will the seller cover closing costs?",
            "¿El vendedor cubre los gastos de cierre?",
            {"days_since_negotiation"},
        ),
        ("We need to think about it", "Tenemos que pensarlo", {"days_since_hesitation"}),
        ("I am not sure", "No estoy seguro", {"days_since_hesitation"}),
        ("We have a granite counter at home", "Tenemos una encimera", set()),
        ("The north side", "El lado norte", set()),
    ],
)
def test_plans_money_and_doubts_in_both_languages(english: str, spanish: str, expected: set[str]) -> None:
    assert noted(said(english)) == noted(said(spanish)) == expected


def test_cash_counts_until_they_say_the_money_is_not_there() -> None:
    assert said("We pay all cash")["cash_buyer"] == 1.0
    assert said("We pay all cash", "We are not pre-approved yet")["cash_buyer"] == 0.0
    assert said("We are pre-approved")["cash_buyer"] == 0.0


def test_the_end_of_a_lease_is_news_for_a_year() -> None:
    assert said("Our lease ends soon", days=364)["lease_ending"] == 1.0
    assert said("Our lease ends soon", days=365)["lease_ending"] == 0.0


def test_objections_and_bargaining_are_counted_and_dated() -> None:
    vector = said("It is too expensive, and I am not sure", "Not interested", "Would they take 500k?", days=5)

    assert vector["objections"] == pytest.approx(2 * math.exp(-5 / 30) + math.exp(-4 / 30))
    assert vector["negotiations"] == pytest.approx(math.exp(-3 / 30))
    assert vector["days_since_negotiation"] == 3.0
    assert vector["days_since_hesitation"] == 5.0


def test_what_we_said_is_not_said_by_the_lead() -> None:
    words = "We pay all cash, would they take 500k? I am not sure. My lender and our lease ends. Terrible!"

    ours = of(fact(Kind.MESSAGE_SENT, 0, 1, text=words), fact(Kind.CALL_RECEIVED, 0, 2, text=words), days=0)
    silent = of(fact(Kind.MESSAGE_SENT, 0, 1), fact(Kind.CALL_RECEIVED, 0, 2), days=0)

    assert np.array_equal(ours.values, silent.values)


def test_a_name_in_a_message_changes_no_feature() -> None:
    texts = "Hi, this is {}. Our budget is $580k and our lease ends in May. Can we see the house?"

    vectors = [
        said(texts.format(name))
        for name in ("Emily Walsh", "Lakisha Washington", "José Hernández", "Wei Zhang")
    ]

    assert all(np.array_equal(vectors[0].values, one.values) for one in vectors)


@pytest.mark.parametrize(
    ("texts", "step"),
    [
        ((), 0.0),
        (("Hello",), 1.0),
        (("Our budget is $580k near downtown, 3 bedrooms",), 2.0),
        (("Can we see the house?",), 3.0),
        (("We want to make an offer",), 5.0),
        (("We want to make an offer", "580k works for us"), 6.0),
        (("580k works for us", "Not interested"), 0.0),
    ],
)
def test_commitment_is_the_furthest_step(texts: tuple[str, ...], step: float) -> None:
    assert said(*texts, days=9)["commitment"] == step


def test_commitment_of_acts() -> None:
    booked = fact(Kind.APPOINTMENT_BOOKED, 0, 1, appointment_id="a", starts_at="2026-03-05T10:00:00+00:00")
    kept = fact(Kind.APPOINTMENT_SHOWED, 4, 2, appointment_id="a")
    won = fact(Kind.OPPORTUNITY_WON, 5, 3, opportunity_id="o")
    lost = fact(Kind.OPPORTUNITY_LOST, 6, 4, opportunity_id="o")

    assert of(booked, days=1)["commitment"] == 4.0
    assert of(booked, kept, days=80)["commitment"] == 4.0
    assert of(booked, kept, won, days=5)["commitment"] == 7.0
    assert of(booked, kept, won, lost, days=6)["commitment"] == 0.0
    assert of(fact(Kind.LISTING_SAVED, 0, 1), days=89)["commitment"] == 2.0
    assert of(fact(Kind.LISTING_SAVED, 0, 1), days=91)["commitment"] == 0.0
    assert of(fact(Kind.VALUATION_REQUESTED, 0, 1), days=1)["commitment"] == 3.0


def test_appointments_kept_missed_and_cancelled() -> None:
    def rate(*kinds: Kind) -> float:
        return of(*(fact(kind, 0, i) for i, kind in enumerate(kinds)), days=0)["show_rate"]

    assert rate() == 0.5
    assert rate(Kind.APPOINTMENT_SHOWED) == pytest.approx(2 / 3)
    assert rate(Kind.APPOINTMENT_MISSED, Kind.APPOINTMENT_MISSED) == 0.25
    assert of(fact(Kind.APPOINTMENT_CANCELLED, 0, 1), days=0)["appointments_cancelled"] == 1.0
