"""What a lead said, as signals: answers to the seven questions, buying signals, objections, mood, haste.

Only the words of the lead count: what they quote is cut away. The signals say nothing about who the lead is,
and a Spanish message gives the same signals as its English twin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leads.fields import CALENDAR, amounts_in, dates_in, fold
from leads.ml.phrases import Hit, Reading, read
from leads.ml.sentiment import sentiment
from leads.ml.urgency import urgency

BUYING_SIGNALS = ("showing", "preapproved", "price_agreed", "offer")
OBJECTIONS = ("too_expensive", "not_interested", "has_agent")
DECLARATIONS = (
    "first_time", "sell", "valuation", "buy_after_sale", "upsize", "downsize", "invest", "relocate",
    "cash_ready",
)  # fmt: skip
"""What a lead says of their plans; segments read these."""

NOTED = ("cash", "lender", "lease_end", "negotiation", "hesitation")
"""What else is noted of a message: how they pay, what presses them, where they waver or bargain."""

MAX_LENGTH = 2_000
LEAST_BUDGET = 20_000
A_WEEK = timedelta(days=7)
_PRICE_QUESTION = re.compile(r"\b(?:price|asking|listed|cost|precio|cuesta|vale)\b")
_PLACE = re.compile(
    r"\b(?:[Ii]n|[Nn]ear|[Aa]round|[Ee]n|[Cc]erca de)\s+(?:the\s+)?(?P<name>[A-ZÁÉÍÓÚÑ][a-záéíóúñ]{2,})"
)
"""A place is told by its capital letter; what it is called counts for nothing, only that one was named."""

_TONGUES = frozenset({"english", "spanish", "french", "portuguese", "chinese", "korean", "russian", "arabic"})
_TAG = re.compile(r"<(?:br|/p|/div)[^>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]{1,500}>")
_QUOTED = re.compile(
    r"^(?:on .{5,120} wrote:|el .{5,120} escribi[oó]:|-+ ?(?:original message|mensaje original) ?-+"
    r"|from: .+|de: .+@.+|_{10,}).*",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_QUOTE_LINE = re.compile(r"^>.*$", re.MULTILINE)
_SENTENCE = re.compile(r"[.!?\n]+(?:\s|$)")


@dataclass(frozen=True, slots=True)
class TextSignals:
    """What one message says."""

    answers: frozenset[str]
    buying: frozenset[str]
    objections: frozenset[str]
    declared: frozenset[str]
    noted: frozenset[str]
    financing: int
    """1 pre-approved or cash, −1 said not (yet) approved, 0 not said."""
    budget: float | None
    move_at: datetime | None
    sentiment: float
    urgency: float | None
    question: bool
    sentences: int


def own_words(body: str) -> str:
    """Return what the writer wrote: no markup, no quoted mail below it."""
    text = body[: 4 * MAX_LENGTH].replace("\r", "")
    if "<" in text:
        text = _ANY_TAG.sub(" ", _TAG.sub("\n", text))
    if ">" in text:
        text = _QUOTE_LINE.sub("", text)
    if ":" in text or "____" in text or "--" in text:
        text = _QUOTED.sub("", text)
    return text[:MAX_LENGTH].strip()


def read_message(body: str, *, now: datetime) -> TextSignals:
    """Return the signals of one inbound message sent at `now`."""
    words = own_words(body)
    text = fold(words)
    reading = read(text)
    budget = _budget(text, reading)
    move_at = _move_at(text, reading, now)
    standing = {hit.concept for hit in reading.hits if not hit.negated}
    named = {hit.concept for hit in reading.hits}
    financing = _financing(reading)
    days = None if move_at is None else (move_at - now).total_seconds() / 86400
    haste = urgency(reading.hits, None if days is None else max(days, 0.0))

    answers: set[str] = {
        topic for topic in ("location", "property", "financing", "condition", "timeline") if topic in named
    }
    if _names_place(words):
        answers.add("location")
    if "motivation" in standing:
        answers.add("motivation")
    if budget is not None:
        answers.add("budget")
    if move_at is not None or "no_rush" in named:
        answers.add("timeline")
    buying: set[str] = {signal for signal in ("showing", "offer") if signal in standing}
    if financing > 0:
        answers.add("financing")
        if _stated(reading, "preapproved", "preapproved_bare"):
            buying.add("preapproved")
    if _stated(reading, "price_agreed"):
        buying.add("price_agreed")
    return TextSignals(
        answers=frozenset(answers),
        buying=frozenset(buying),
        objections=frozenset(objection for objection in OBJECTIONS if objection in standing),
        declared=frozenset(said for said in DECLARATIONS if said in standing),
        noted=_noted(reading, standing),
        financing=financing,
        budget=budget,
        move_at=move_at,
        sentiment=sentiment(reading.hits),
        urgency=haste,
        question="?" in text,
        sentences=max(1, len(_SENTENCE.findall(text + " "))),
    )


def _names_place(words: str) -> bool:
    """Tell whether a place is named after "in", "near" or "around"; months, weekdays and tongues are none."""
    names = (fold(match["name"]) for match in _PLACE.finditer(words))
    return any(name not in CALENDAR and name not in _TONGUES for name in names)


def _holds(hit: Hit, reading: Reading) -> bool:
    """Tell whether a statement is made: not denied, not still to come, not asked."""
    asked = hit.concept != "preapproved" and hit.clause in reading.questions
    return not (hit.negated or hit.pending or asked)


def _stated(reading: Reading, *concepts: str) -> bool:
    return any(hit.concept in concepts and _holds(hit, reading) for hit in reading.hits)


def _noted(reading: Reading, standing: set[str]) -> frozenset[str]:
    """Return what is to be noted; a lender still looked for, or asked about, is none."""
    noted: set[str] = {name for name in ("lease_end", "negotiation", "hesitation") if name in standing}
    if "cash_ready" in standing:
        noted.add("cash")
    if "lender" in standing and _stated(reading, "lender"):
        noted.add("lender")
    return frozenset(noted)


def _financing(reading: Reading) -> int:
    """Return 1 when the money is said to be there, −1 when it is said not to be, else 0."""
    cash = any(hit.concept == "cash_ready" and not hit.negated for hit in reading.hits)
    if cash or _stated(reading, "preapproved", "preapproved_bare"):
        return 1
    lacking = any(
        (hit.concept == "preapproved_bare" and (hit.negated or hit.pending))
        or (hit.concept == "preapproval" and hit.negated)
        or (hit.concept == "financing" and hit.pending)
        for hit in reading.hits
    )
    return -1 if lacking else 0


def _budget(text: str, reading: Reading) -> float | None:
    """Return the largest sum the lead is ready to spend, if they named one."""
    cues = {hit.clause for hit in reading.hits if hit.concept in {"budget_cue", "preapproved_bare"}}
    agreed = {hit.clause for hit in reading.hits if hit.concept == "price_agreed"}
    best: float | None = None
    for amount in amounts_in(text):
        if amount.monthly or amount.value < LEAST_BUDGET:
            continue
        clause = reading.clause_at(amount.start)
        if clause in agreed or (clause in reading.questions and _PRICE_QUESTION.search(text)):
            continue
        if clause in cues or len(reading.words) <= 6:
            best = max(best or 0.0, amount.value)
    return best


def _move_at(text: str, reading: Reading, now: datetime) -> datetime | None:
    """Return the day the lead means to move by, if they named one; the day of a showing is not it."""
    cues = {hit.clause for hit in reading.hits if hit.concept == "move_cue"}
    showings = {hit.clause for hit in reading.hits if hit.concept == "showing"}
    days = [
        mention.day
        for mention in dates_in(text, now)
        if (clause := reading.clause_at(mention.start)) not in showings
        and mention.day > now.date()
        and (clause in cues or (len(reading.words) <= 4 and mention.day >= now.date() + A_WEEK))
    ]
    return datetime.combine(min(days), datetime.min.time(), UTC) if days else None
