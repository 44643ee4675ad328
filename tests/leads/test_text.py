from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.ml.catalogue import QUESTIONS
from leads.ml.sentiment import sentiment
from leads.ml.text import own_words, read_message
from leads.ml.urgency import deadline_urgency, urgency

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)

TWINS = [
    ("We are pre-approved for 600k", "Estamos preaprobados por 600 mil"),
    ("We don't have a pre-approval letter", "No tenemos carta de preaprobación"),
    ("No pre-approval so far", "Sin preaprobación hasta ahora"),
    ("My rental ends in June", "Mi alquiler termina en junio"),
    ("We have to be out by June 1", "Tenemos que salir antes del 1 de junio"),
    ("We're not pre-approved yet", "Todavía no estamos preaprobados"),
    ("I need to get pre-approved first", "Primero necesito estar preaprobado"),
    ("Can we see the house on Saturday?", "¿Podemos ver la casa el sábado?"),
    ("I would like to schedule a showing", "Me gustaría agendar una visita"),
    ("I don't want to see the house", "No quiero ver la casa"),
    ("We accept the offer", "Aceptamos la oferta"),
    ("The price works for us", "El precio nos funciona"),
    ("We want to make an offer", "Queremos hacer una oferta"),
    ("It is too expensive", "Es muy cara"),
    ("Not interested", "No me interesa"),
    ("We already have an agent", "Ya tenemos agente"),
    ("Our budget is around $580k", "Nuestro presupuesto es de alrededor de $580k"),
    ("Up to half a million", "Hasta medio millón"),
    ("Looking in Ballard, near downtown", "Buscamos en Ballard, cerca del centro"),
    ("We need to move by June 1", "Necesitamos mudarnos antes del 1 de junio"),
    ("Our lease ends in May", "Nuestro contrato termina en mayo"),
    ("I need it as soon as possible", "Lo necesito lo antes posible"),
    ("No rush, just looking", "Sin prisa, solo mirando"),
    ("Maybe next year", "Quizás el próximo año"),
    ("3 bedrooms, 2 bathrooms and a garage", "3 recámaras, 2 baños y garaje"),
    ("It needs work, the kitchen is original", "Necesita reparaciones, la cocina original"),
    ("Move-in ready please", "Lista para mudarse por favor"),
    ("We pay all cash", "Pagamos de contado"),
    ("I got a new job", "Tengo nuevo trabajo"),
    ("Tired of renting", "Cansado de rentar"),
    ("Thinking of selling my house", "Pensando en vender mi casa"),
    ("How much is my house worth?", "¿Cuánto vale mi casa?"),
    ("This is for investment", "Es una inversión"),
    ("It is our first home", "Es nuestra primera casa"),
    ("I love it, thanks!", "Me encanta, ¡gracias!"),
    ("This is terrible", "Esto es horrible"),
    ("We are very frustrated", "Estamos muy frustrados"),
    ("Stop calling me", "Dejen de llamarme"),
    ("Around Tacoma", "Cerca de Tacoma"),
    ("We need to move before May", "Necesitamos mudarnos antes de mayo"),
    ("We want a private visit", "Queremos una visita privada"),
    ("The bank gave us the pre-approval", "El banco nos dio la preaprobación"),
    ("We would pay all cash", "Pagaríamos de contado"),
    ("580k works for us", "580 mil nos funciona"),
    ("Please prepare the offer", "Por favor prepare la oferta"),
    ("Something smaller, a single story", "Algo más pequeño, de un solo piso"),
    ("We would sell first", "Vendemos primero"),
    ("Can we see it this afternoon?", "¿Podemos verla por la tarde?"),
    ("Call me today", "Llámeme hoy"),
]


@pytest.mark.parametrize(("english", "spanish"), TWINS)
def test_a_spanish_message_gives_the_signals_of_its_english_twin(english: str, spanish: str) -> None:
    assert read_message(english, now=NOW) == read_message(spanish, now=NOW)


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        ("Our max is $450,000", {"budget"}),
        ("580k", {"budget"}),
        ("We could spend five hundred thousand", {"budget"}),
        ("The house next door sold for 450k", set()),
        ("Is the price 450k?", set()),
        ("Rent is $2,500 a month", set()),
        ("Houses in the north end, please", {"location"}),
        ("Somewhere near my work", {"location"}),
        ("We must close by 5/1", {"timeline"}),
        ("Just browsing for now", {"timeline"}),
        ("Two story with a yard, 1800 sqft", {"property"}),
        ("Our lender said FHA is fine", {"financing"}),
        ("We have outgrown this place, we need more space", {"motivation"}),
        ("Does it need a new roof?", {"condition"}),
        ("See you Saturday", set()),
        ("We rent now", set()),
        ("Please write in Spanish", set()),
        ("Say hello to Maria", set()),
        ("Anything in Ballard?", {"location"}),
        ("In the near future", set()),
        ("In 3 weeks", {"timeline"}),
        ("Thanks!", set()),
    ],
)
def test_messages_answer_qualification_questions(body: str, answers: set[str]) -> None:
    signals = read_message(body, now=NOW)

    assert signals.answers == answers
    assert signals.answers <= set(QUESTIONS)


def test_one_message_may_answer_all_seven() -> None:
    body = (
        "New job in Tacoma, so we need to move by June 1. Budget is 500-580k, pre-approved with our lender. "
        "Looking in the north end: 3 beds, 2 baths, move-in ready is best but a newer roof is enough."
    )

    signals = read_message(body, now=NOW)

    assert signals.answers == set(QUESTIONS)
    assert signals.budget == 580_000.0
    assert signals.move_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert signals.buying == {"preapproved"}


@pytest.mark.parametrize(
    ("body", "financing", "buying"),
    [
        ("We're pre-approved", 1, {"preapproved"}),
        ("I have my pre-approval letter", 1, {"preapproved"}),
        ("The bank approved us... pre-approved up to 600k", 1, {"preapproved"}),
        ("Pre-qualified already", 1, {"preapproved"}),
        ("We are pre-approved but haven't seen anything we like", 1, {"preapproved"}),
        ("Haven't seen anything yet, but we are pre-approved", 1, {"preapproved"}),
        ("No problem, we are pre-approved", 1, {"preapproved"}),
        ("not pre-approved yet", -1, set()),
        ("We are not pre-approved", -1, set()),
        ("I haven't been pre approved", -1, set()),
        ("We don't have a pre-approval letter", -1, set()),
        ("Sin preaprobación hasta ahora", -1, set()),
        ("No problem getting a pre-approval", 0, set()),
        ("We pay all cash, no pre-approval needed", 1, set()),
        ("Pre-approval? Not yet.", -1, set()),
        ("Pre-approved not yet", -1, set()),
        ("Need to get pre-approved first", -1, set()),
        ("still waiting on pre-approval", -1, set()),
        ("How do I get preapproved?", -1, set()),
        ("Must I be pre-approved?", 0, set()),
        ("We pay cash", 1, set()),
        ("We will not pay cash", 0, set()),
        ("My lender is Chase", 0, set()),
    ],
)
def test_financing_counts_only_as_it_stands(body: str, financing: int, buying: set[str]) -> None:
    signals = read_message(body, now=NOW)

    assert signals.financing == financing
    assert signals.buying == buying


@pytest.mark.parametrize(
    ("body", "buying"),
    [
        ("Can we see it tomorrow?", {"showing"}),
        ("When could I tour the condo", {"showing"}),
        ("book a viewing", {"showing"}),
        ("Can I see more photos?", set()),
        ("We don't need to see it", set()),
        ("I can't wait to see the house", {"showing"}),
        ("We agreed on 560k", {"price_agreed"}),
        ("We'll take it", {"price_agreed"}),
        ("Is the price good?", set()),
        ("We do not agree to the price", set()),
        ("Let's put in an offer", {"offer"}),
        ("Not ready to make an offer", set()),
    ],
)
def test_buying_signals(body: str, buying: set[str]) -> None:
    assert read_message(body, now=NOW).buying == buying


@pytest.mark.parametrize(
    ("body", "objections"),
    [
        ("That's out of our budget", {"too_expensive"}),
        ("It isn't too expensive", set()),
        ("we already bought a house", {"not_interested"}),
        ("Working with another realtor", {"has_agent"}),
        ("wrong number", {"not_interested"}),
    ],
)
def test_objections(body: str, objections: set[str]) -> None:
    assert read_message(body, now=NOW).objections == objections


def test_what_is_quoted_is_not_said_by_the_lead() -> None:
    mail = (
        "Thanks, sounds good.\r\n\r\nOn Mon, Mar 9, 2026 at 3:15 PM Sam Agent wrote:\r\n"
        "> Would you like to see the house? Are you pre-approved for 600k?\r\n"
    )

    signals = read_message(mail, now=NOW)

    assert signals.buying == frozenset()
    assert signals.answers == frozenset()
    assert own_words(mail) == "Thanks, sounds good."


def test_a_place_in_quoted_mail_is_not_named_by_the_lead() -> None:
    mail = "Yes\n\nEl lun, 9 mar 2026 a las 15:15, Sam escribió:\nTenemos casas en Ballard, 3 recámaras"

    assert read_message(mail, now=NOW).answers == frozenset()


def test_markup_is_not_text() -> None:
    assert own_words("<div>Can we <b>see it</b>?<BR>Thanks</div>") == "Can we  see it ?\nThanks"


def test_the_day_of_a_showing_is_no_move_date() -> None:
    assert read_message("Can we see it on June 5?", now=NOW).move_at is None


def test_the_earliest_date_to_come_is_the_move_date() -> None:
    signals = read_message("Lease ends May 1 and we close by June 1, it began 3/1/2025", now=NOW)

    assert signals.move_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_names_and_origins_change_nothing() -> None:
    plain = read_message("Can we see the house? We are pre-approved.", now=NOW)
    told = read_message(
        "Can we see the house? We are pre-approved. Guadalupe Hernandez-Okafor, mosque", now=NOW
    )

    assert plain == told.__class__(
        **{f: getattr(told, f) for f in told.__slots__ if f != "sentences"}, sentences=2
    )


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("great", 2 / 3),
        ("good", 1 / 2),
        ("see you at 5", 0.0),
        ("bad", -1 / 2),
        ("very bad", -1.5 / 2.5),
        ("not great", -1 / 2),
        ("not bad", 0.5 / 1.5),
        ("No problem", 0.0),
        ("great, but slow", 1 / 2),
    ],
)
def test_sentiment(body: str, level: float) -> None:
    assert read_message(body, now=NOW).sentiment == pytest.approx(level)


def test_sentiment_of_nothing_is_plain() -> None:
    assert sentiment([]) == 0.0


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("Hello", None),
        ("asap", 0.9),
        ("not urgent", 0.05),
        ("soon", 0.5),
        ("no rush", 0.05),
        ("No rush, we move by March 20", 0.05),
        ("We must move in 60 days", pytest.approx(0.5, abs=0.01)),
    ],
)
def test_urgency(body: str, level: float | None) -> None:
    assert read_message(body, now=NOW).urgency == level


def test_urgency_halves_every_sixty_days_and_ends_with_the_day() -> None:
    assert deadline_urgency(0) == 1.0
    assert deadline_urgency(60) == 0.5
    assert deadline_urgency(120) == 0.25
    assert deadline_urgency(-1) == 0.0
    assert urgency([], 60) == 0.5
    assert urgency([], None) is None


@given(st.text(max_size=3_000))
def test_any_text_gives_signals_in_range(body: str) -> None:
    signals = read_message(body, now=NOW)

    assert -1 < signals.sentiment < 1
    assert signals.urgency is None or 0 <= signals.urgency <= 1
    assert signals.financing in {-1, 0, 1}
    assert signals.sentences >= 1
