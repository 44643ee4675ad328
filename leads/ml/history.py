"""What is remembered of a lead's history: `advance` folds one fact after another into a small state.

Counts fade exponentially and are kept in closed form, so no list of events is stored. A fact that comes late
(`needs_rebuild`) means replaying the lead's facts from the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leads.events import Kind
from leads.ml.text import TextSignals, read_message

State = dict[str, Any]

DAY = 86_400.0
SPANS = (1.0, 7.0, 30.0)
"""Days over which activity fades: after one span an act counts 1/e."""

COUNT_SPAN = 30.0
FORGOTTEN = 1e-9
URGENCY_SPAN = 21.0
"""Days over which haste that was only said (no date named) fades."""

MOOD_SHARE = 0.3
"""Weight of the latest message in the running tone, and of the latest reply in the running reply times."""

NEW_CONVERSATION = 3 * DAY
"""Silence after which a message of the lead starts a conversation anew."""

KEPT = 6
ID_LENGTH = 40
"""Appointments and opportunities remembered; a lead seldom has more at once."""

# What each act is worth beside one message: usual weights of browsing signals, scaled to a saved home = 1.
ACTS: Mapping[str, float] = {
    Kind.MESSAGE_RECEIVED: 1.0,
    Kind.CALL_RECEIVED: 1.0,
    Kind.CALL_MISSED: 1.0,
    Kind.VOICEMAIL_RECEIVED: 1.0,
    Kind.VOICE_AI_CALL_ENDED: 1.0,
    Kind.FORM_SUBMITTED: 1.0,
    Kind.SURVEY_SUBMITTED: 1.0,
    Kind.SHOWING_REQUESTED: 2.0,
    Kind.VALUATION_REQUESTED: 2.0,
    Kind.APPOINTMENT_BOOKED: 1.0,
    Kind.APPOINTMENT_CONFIRMED: 0.5,
    Kind.APPOINTMENT_SHOWED: 2.0,
    Kind.LISTING_SAVED: 1.0,
    Kind.LISTING_SHARED: 0.8,
    Kind.EMAIL_CLICKED: 0.3,
    Kind.LINK_CLICKED: 0.3,
    Kind.LISTING_VIEWED: 0.1,
    Kind.PAGE_VIEWED: 0.1,
    Kind.ORDER_PLACED: 1.0,
    Kind.INVOICE_PAID: 1.0,
}
COUNTED: Mapping[str, str] = {
    Kind.FORM_SUBMITTED: "forms",
    Kind.SURVEY_SUBMITTED: "forms",
    Kind.PAGE_VIEWED: "page_views",
    Kind.LINK_CLICKED: "page_views",
    Kind.LISTING_VIEWED: "listing_views",
    Kind.LISTING_SAVED: "listing_saves",
    Kind.LISTING_SHARED: "listing_saves",
    Kind.SHOWING_REQUESTED: "showing_requests",
    Kind.VALUATION_REQUESTED: "valuation_requests",
    Kind.EMAIL_CLICKED: "email_clicks",
    Kind.EMAIL_OPENED: "email_opens",
    Kind.APPOINTMENT_SHOWED: "appointments_kept",
    Kind.APPOINTMENT_MISSED: "appointments_missed",
    Kind.OPPORTUNITY_MOVED: "stage_moves",
}
WAITS = frozenset({Kind.MESSAGE_RECEIVED, Kind.CALL_MISSED, Kind.VOICEMAIL_RECEIVED})
"""After these the lead waits for an answer."""

INBOUND = WAITS | {Kind.CALL_RECEIVED, Kind.VOICE_AI_CALL_ENDED}
OUTBOUND = frozenset({Kind.MESSAGE_SENT, Kind.CALL_MADE})
WRITTEN = frozenset({Kind.MESSAGE_RECEIVED, Kind.FORM_SUBMITTED, Kind.SURVEY_SUBMITTED})
"""Only here is the text the lead's own; a call's transcript has the words of both."""

TALKED = frozenset({Kind.CALL_RECEIVED, Kind.CALL_MADE, Kind.VOICE_AI_CALL_ENDED})
OPPORTUNITIES: Mapping[str, str] = {
    Kind.OPPORTUNITY_CREATED: "open",
    Kind.OPPORTUNITY_REOPENED: "open",
    Kind.OPPORTUNITY_MOVED: "",
    Kind.OPPORTUNITY_VALUED: "",
    Kind.OPPORTUNITY_WON: "won",
    Kind.OPPORTUNITY_LOST: "lost",
    Kind.OPPORTUNITY_ABANDONED: "lost",
    Kind.OPPORTUNITY_DELETED: "gone",
}
APPOINTMENTS_AHEAD = frozenset(
    {Kind.APPOINTMENT_BOOKED, Kind.APPOINTMENT_CONFIRMED, Kind.APPOINTMENT_RESCHEDULED}
)
APPOINTMENTS_OVER = frozenset({Kind.APPOINTMENT_CANCELLED, Kind.APPOINTMENT_SHOWED, Kind.APPOINTMENT_MISSED})
SIGNALS = ("showing", "preapproved", "price_agreed", "offer", "too_expensive", "not_interested", "has_agent")


@dataclass(frozen=True, slots=True)
class EventFact:
    """One fact of the log, as far as features need it."""

    kind: str
    occurred_at: datetime
    data: Mapping[str, Any]
    event_id: int

    @property
    def key(self) -> tuple[float, int]:
        """Return what facts are ordered by: when they happened, then when they were recorded."""
        return self.occurred_at.timestamp(), self.event_id


def needs_rebuild(state: State, fact: EventFact) -> bool:
    """Tell whether a fact comes at or before the last one the state has seen."""
    return bool(state) and fact.key <= (state["at"], state["id"])


def replay(facts: Iterable[EventFact], now: datetime | None = None) -> State:
    """Return the state after every fact up to `now`, in their order."""
    state: State = {}
    for fact in sorted(facts, key=lambda fact: fact.key):
        if now is None or fact.occurred_at <= now:
            state = advance(state, fact)
    return state


def advance(state: State, fact: EventFact) -> State:
    """Return the state after one more fact; the state given is left as it was."""
    at, kind, data = fact.occurred_at.timestamp(), fact.kind, fact.data
    after = dict(state)
    after["fades"] = faded(state, at)
    after["at"], after["id"] = at, fact.event_id
    after.setdefault("first", at)
    _act(after, kind, at)
    if kind in COUNTED:
        _count(after, COUNTED[kind])
    if kind in INBOUND:
        _inbound(after, kind, at)
    elif kind in OUTBOUND:
        _outbound(after, at, automatic=bool(data.get("is_automatic")))
    if kind in TALKED and data.get("seconds"):
        _count(after, "talk_minutes", float(data["seconds"]) / 60)
    if kind in WRITTEN and isinstance(data.get("text"), str):
        _read(after, data["text"], fact.occurred_at, counted=kind == Kind.MESSAGE_RECEIVED)
    if kind == Kind.SHOWING_REQUESTED:
        after["said"] = {**after.get("said", {}), "showing": at}
    if kind in OPPORTUNITIES:
        _opportunity(after, OPPORTUNITIES[kind], data, at)
    elif kind in APPOINTMENTS_AHEAD or kind in APPOINTMENTS_OVER:
        _appointment(after, kind, data, at)
    else:
        _consent(after, kind, data)
    return after


def faded(state: State, at: float) -> dict[str, float]:
    """Return the fading counts brought forward to `at`."""
    fades: dict[str, float] = state.get("fades", {})
    if not fades:
        return {}
    days = (at - state["at"]) / DAY
    rates = {span: math.exp(-days / span) for span in (*SPANS, URGENCY_SPAN)}
    later = ((name, value * rates[_SPAN_OF.get(name, COUNT_SPAN)]) for name, value in fades.items())
    return {name: value for name, value in later if value > FORGOTTEN}


_SPAN_OF = {**{f"acts_{span:g}": span for span in SPANS}, "haste": URGENCY_SPAN}


def _count(after: State, name: str, by: float = 1.0) -> None:
    fades = after["fades"]
    fades[name] = fades.get(name, 0.0) + by


def _act(after: State, kind: str, at: float) -> None:
    weight = ACTS.get(kind)
    if weight is None:
        return
    for span in SPANS:
        _count(after, f"acts_{span:g}", weight)
    after["acted"] = at


def _inbound(after: State, kind: str, at: float) -> None:
    """Note that the lead got in touch: replying, or of their own accord."""
    asked = after.pop("asked", None)
    if asked is not None:
        _smooth(after, "lead_reply", math.log1p((at - asked) / 3600))
    last_out = after.get("out_at")
    started = last_out is None or at - last_out > NEW_CONVERSATION
    _count(after, "inbound")
    if started:
        _count(after, "started")
    if kind in WAITS:
        after.setdefault("waits", at)
    else:
        after.pop("waits", None)


def _outbound(after: State, at: float, *, automatic: bool) -> None:
    """Note that we got in touch; an automatic message is no answer."""
    _count(after, "outbound")
    after["out_at"] = at
    after.setdefault("asked", at)
    if automatic:
        return
    waits = after.pop("waits", None)
    if waits is not None:
        _smooth(after, "team_reply", math.log1p((at - waits) / 60))


def _smooth(after: State, name: str, value: float) -> None:
    """Keep a running mean that leans on the latest value."""
    known = after.get(name)
    after[name] = value if known is None else known + MOOD_SHARE * (value - known)


def _read(after: State, text: str, at: datetime, *, counted: bool) -> None:
    """Fold what the lead said into the state."""
    signals = read_message(text, now=at)
    if counted:
        _count(after, "messages")
        _count(after, "questions", float(signals.question))
        _smooth(after, "sentences", float(signals.sentences))
    if signals.sentiment:
        after["mood_last"] = signals.sentiment
        _smooth(after, "mood", signals.sentiment)
    if signals.answers:
        after["answers"] = sorted({*after.get("answers", ()), *signals.answers})
    if signals.declared:
        after["declared"] = sorted({*after.get("declared", ()), *signals.declared})
    if signals.budget is not None:
        after["budget"] = signals.budget
    if signals.financing:
        after["financing"] = signals.financing
    if signals.move_at is not None:
        after["move_at"] = signals.move_at.timestamp()
    if signals.urgency is not None and signals.move_at is None:
        after["fades"]["haste"] = signals.urgency
    _say(after, signals, at.timestamp())


def _say(after: State, signals: TextSignals, at: float) -> None:
    """Note when each signal was last given; one of interest takes back a refusal, and the other way round."""
    said = signals.buying | signals.objections
    if not said:
        return
    kept = dict(after.get("said", {}))
    if "not_interested" in said:
        kept = {}
    elif signals.buying:
        kept.pop("not_interested", None)
    kept.update(dict.fromkeys(sorted(said), at))
    after["said"] = kept


def _opportunity(after: State, becomes: str, data: Mapping[str, Any], at: float) -> None:
    name = str(data.get("opportunity_id", ""))[:ID_LENGTH]
    held = dict(after.get("deals", {}))
    known = held.pop(name, None)
    status = becomes or (known[0] if known else "open")
    if status != "gone":
        held[name] = [status, at]
    # The oldest goes first; the order of keys says nothing, for the database does not keep it.
    after["deals"] = dict(sorted(held.items(), key=lambda item: (item[1][1], item[0]))[-KEPT:])


def _appointment(after: State, kind: str, data: Mapping[str, Any], at: float) -> None:
    name = str(data.get("appointment_id", ""))[:ID_LENGTH]
    held = dict(after.get("appointments", {}))
    held.pop(name, None)
    if kind in APPOINTMENTS_AHEAD:
        held[name] = _starts(data, at)
    after["appointments"] = dict(sorted(held.items(), key=lambda item: (item[1], item[0]))[-KEPT:])


def _starts(data: Mapping[str, Any], at: float) -> float:
    """Return when an appointment starts; one without a time is taken to lie within two weeks."""
    try:
        starts = datetime.fromisoformat(str(data.get("starts_at", "")))
    except ValueError:
        return at + 14 * DAY
    return (starts if starts.tzinfo else starts.replace(tzinfo=UTC)).timestamp()


def _consent(after: State, kind: str, data: Mapping[str, Any]) -> None:
    """Keep which channels the lead has closed, and whether mail reaches them."""
    closed = set(after.get("closed", ()))
    if kind == Kind.CONSENT_CHANGED and isinstance(data.get("channels"), Mapping):
        for channel, state in data["channels"].items():
            closed = closed | {channel} if state == "denied" else closed - {channel}
    elif kind == Kind.CONTACT_CREATED and isinstance(data.get("denied"), list):
        closed |= {str(channel) for channel in data["denied"]}
    elif kind in (Kind.EMAIL_UNSUBSCRIBED, Kind.EMAIL_COMPLAINED):
        closed.add("Email")
    elif kind == Kind.EMAIL_BOUNCED:
        after["bounced"] = True
    elif kind == Kind.EMAIL_CLICKED:
        after.pop("bounced", None)
    if closed or "closed" in after:
        after["closed"] = sorted(closed)


def fresh_signals(before: State, after: State) -> frozenset[str]:
    """Return the signals given since `before`."""
    known: Mapping[str, float] = before.get("said", {})
    return frozenset(name for name, at in after.get("said", {}).items() if at > known.get(name, -math.inf))
