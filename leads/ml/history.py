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

from leads.events import Kind, Mark
from leads.ml import browsing, custom, rhythm, talk
from leads.ml.memory import DAY, SPANS, State, count, faded

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
    **browsing.VISITS,
    Kind.FORM_SUBMITTED: "forms",
    Kind.SURVEY_SUBMITTED: "forms",
    Kind.EMAIL_CLICKED: "email_clicks",
    Kind.EMAIL_OPENED: "email_opens",
    Kind.APPOINTMENT_SHOWED: "appointments_kept",
    Kind.APPOINTMENT_MISSED: "appointments_missed",
    Kind.APPOINTMENT_CANCELLED: "appointments_cancelled",
    Kind.OPPORTUNITY_MOVED: "stage_moves",
}
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
_MARKS = frozenset(Mark)
TOLD_OF_FIELDS = frozenset({Kind.CONTACT_CREATED, Kind.CONTACT_UPDATED})
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
        count(after, COUNTED[kind])
    if kind in browsing.VISITS:
        browsing.remember(after, kind, data, at)
    elif kind in talk.INBOUND:
        talk.remember_inbound(after, kind, data, at)
    elif kind in talk.OUTBOUND:
        talk.remember_outbound(after, at, automatic=bool(data.get("is_automatic")))
    if kind in talk.TALKED and data.get("seconds"):
        count(after, "talk_minutes", float(data["seconds"]) / 60)
    if kind in talk.WRITTEN and isinstance(data.get("text"), str):
        talk.remember_words(after, data["text"], fact.occurred_at, counted=kind == Kind.MESSAGE_RECEIVED)
    if kind == Kind.SHOWING_REQUESTED:
        after["said"] = {**after.get("said", {}), "showing": at}
    if kind == Kind.LEAD_MARKED and data.get("mark") in _MARKS:
        after["marked"] = [str(data["mark"]), at]
    if kind in TOLD_OF_FIELDS and isinstance(data.get("custom"), Mapping):
        custom.remember(after, data["custom"])
    if kind in OPPORTUNITIES:
        _opportunity(after, OPPORTUNITIES[kind], data, at)
    elif kind in APPOINTMENTS_AHEAD or kind in APPOINTMENTS_OVER:
        _appointment(after, kind, data, at)
    else:
        _consent(after, kind, data)
    return after


def _act(after: State, kind: str, at: float) -> None:
    weight = ACTS.get(kind)
    if weight is None:
        return
    for span in SPANS:
        count(after, f"acts_{span:g}", weight)
    rhythm.remember(after, at)
    after["acted"] = at


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
