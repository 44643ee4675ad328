"""Say in plain words why a lead scores as it does, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any

from leads.ml import custom
from leads.ml.catalogue import BY_NAME, LONG_AGO, QUESTIONS
from leads.ml.features import FeatureVector

MOST = 3
LEAST_POINTS = 1.0
"""A reason that moved the score by less is not worth a line."""

RECENT_DAYS = 14.0
SILENT_DAYS = 7.0
NOTHING: Mapping[str, float | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reason:
    """One plain reason with its icon, and when what it tells of happened."""

    icon: str
    text: str
    points: float
    at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the form kept in `Lead.reasons`."""
        at = self.at.isoformat() if self.at is not None else None
        return {"icon": self.icon, "text": self.text, "points": round(self.points, 1), "at": at}

    def sentence(self, now: datetime) -> str:
        """Return the reason with its age: "Asked for a showing 2 h ago"."""
        return self.text if self.at is None else f"{self.text} {age(now - self.at)}"


@dataclass(frozen=True, slots=True)
class _Wording:
    """How a feature is told: an icon, words by its value, and how old the fact is in days.

    No words mean that there is nothing to tell: a model counts also what a lead did not do, and that a thing
    was not said must never read as if it had been.
    """

    icon: str
    words: Callable[[FeatureVector], str]
    days: Callable[[FeatureVector], float] | None = None


def _said(icon: str, feature: str, words: str) -> dict[str, _Wording]:
    return {feature: _Wording(icon, lambda v: words if v[feature] < LONG_AGO else "", lambda v: v[feature])}


def _fixed(icon: str, feature: str, words: str) -> dict[str, _Wording]:
    return {feature: _Wording(icon, lambda v: words if v[feature] > 0 else "")}


def _either(icon: str, feature: str, more: str, less: str, *, least: float = 0.05) -> dict[str, _Wording]:
    """Tell a change by its direction."""

    def words(vector: FeatureVector) -> str:
        value = vector[feature]
        return more if value > least else less if value < -least else ""

    return {feature: _Wording(icon, words)}


def _mostly(icon: str, feature: str, mostly: str, sometimes: str = "") -> dict[str, _Wording]:
    """Tell a share by whether it is the greater part."""
    return {
        feature: _Wording(
            icon, lambda v: mostly if v[feature] >= 0.5 else sometimes if v[feature] > 0 else ""
        )
    }


def _move(vector: FeatureVector) -> str:
    if vector["urgency"] <= 0 and vector["days_to_move"] >= LONG_AGO:
        return ""
    days = round(vector["days_to_move"])
    if vector["days_to_move"] >= LONG_AGO:
        return "In a hurry" if vector["urgency"] >= 0.3 else "Spoke of time"
    if days <= 1:
        return "Wants to move at once"
    return f"Wants to move in {days} days" if days < 60 else f"Wants to move in {round(days / 30)} months"


def _activity(vector: FeatureVector) -> str:
    days = vector["days_since_engaged"]
    if days >= SILENT_DAYS:
        return f"Silent for {round(days)} days"
    return "Active" if vector["velocity_30d"] > 0 else "Came in"


WORDINGS: dict[str, _Wording] = {
    **_said("calendar-plus", "days_since_showing", "Asked for a showing"),
    **_said("badge-check", "days_since_preapproved", "Said they are pre-approved"),
    **_said("handshake", "days_since_price_agreed", "Agreed to a price"),
    **_said("file-pen", "days_since_offer", "Spoke of an offer"),
    **_said("circle-dollar-sign", "days_since_too_expensive", "Found it too expensive"),
    **_said("circle-x", "days_since_not_interested", "Said they are not interested"),
    **_said("user-x", "days_since_has_agent", "Said they have another agent"),
    "days_since_engaged": _Wording(
        "activity",
        _activity,
        lambda v: v["days_since_engaged"] if v["days_since_engaged"] < SILENT_DAYS else -1,
    ),
    "urgency": _Wording("timer", _move),
    "financing_ready": _Wording(
        "wallet",
        lambda v: (
            "Financing in place"
            if v["financing_ready"] > 0
            else "Not pre-approved yet"
            if v["financing_ready"] < 0
            else ""
        ),
    ),
    "answers": _Wording(
        "list-checks", lambda v: f"Answered {v['answers']:.0f} of {len(QUESTIONS)} questions"
    ),
    "velocity_1d": _Wording(
        "zap",
        lambda v: (
            "Very active today" if v["velocity_1d"] >= 3 else "Active today" if v["velocity_1d"] > 0 else ""
        ),
    ),
    **_either("smile", "sentiment", "Friendly tone", "Unhappy tone"),
    "lead_reply_hours": _Wording(
        "reply",
        lambda v: (
            "Replies fast"
            if 0 <= v["lead_reply_hours"] < 4
            else "Replies"
            if v["lead_reply_hours"] >= 0
            else ""
        ),
    ),
    "team_reply_minutes": _Wording(
        "reply",
        lambda v: (
            "We reply fast"
            if 0 <= v["team_reply_minutes"] < 60
            else "We reply slowly"
            if v["team_reply_minutes"] >= 0
            else ""
        ),
    ),
    "days_since_wrote": _Wording(
        "message-circle",
        lambda v: "Wrote" if v["days_since_wrote"] < LONG_AGO else "Has not written",
        lambda v: v["days_since_wrote"],
    ),
    "inbound_30d": _Wording(
        "messages-square",
        lambda v: "In touch this month" if v["inbound_30d"] >= 0.5 else "No word this month",
    ),
    "message_sentences": _Wording(
        "file-text",
        lambda v: (
            "Writes at length"
            if v["message_sentences"] >= 3
            else "Writes briefly"
            if v["message_sentences"] > 0
            else ""
        ),
    ),
    "source_close_rate": _Wording(
        "map-pin",
        lambda v: (
            "Source that closes often" if v["source_close_rate"] > 1.75 else "Source that seldom closes"
        ),
    ),
    **_either("message-circle", "sentiment_change", "Tone got warmer", "Tone got cooler"),
    **_either("message-circle", "sentiment_trend", "Tone gets warmer", "Tone gets cooler"),
    **_either("trending-up", "velocity_change", "More active than usual", "Less active than usual"),
    **_either("zap", "velocity_change_1d", "More active today", "Less active today"),
    **_said("globe", "days_since_visit", "Looked around"),
    **_said("circle-question-mark", "days_since_hesitation", "Said they are not sure"),
    **_said("scale", "days_since_negotiation", "Bargained"),
    **_fixed("scale", "negotiations", "Bargains"),
    **_fixed("message-circle-warning", "objections", "Raised objections"),
    **_fixed("banknote", "cash_buyer", "Pays cash"),
    **_fixed("landmark", "lender_named", "Spoke of their lender"),
    **_fixed("file-clock", "lease_ending", "Lease is ending"),
    **_fixed("truck", "relocating", "Relocating"),
    **_fixed("house", "selling", "Has a home to sell"),
    **_fixed("building-2", "investing", "Invests"),
    **_fixed("share-2", "listing_shares", "Shared homes"),
    **_fixed("milestone", "commitment", "Came closer to a deal"),
    **_fixed("calendar-days", "weekend_share", "Active on weekends"),
    **_fixed("moon", "late_share", "Active late at night"),
    **_fixed("send", "outbound_30d", "We reached out this month"),
    **_fixed("trending-up", "velocity_7d", "Active this week"),
    "profile_quality": _Wording(
        "id-card",
        lambda v: "Complete record" if v["profile_quality"] >= 60 else "Part of the record filled in",
    ),
    **_fixed("clock", "waiting_hours", "Waits for our reply"),
    **_fixed("trending-up", "velocity_30d", "Active this month"),
    **_fixed("messages-square", "initiative", "Starts the conversation"),
    **_fixed("circle-question-mark", "question_share", "Asks questions"),
    **_fixed("mouse-pointer-click", "email_clicks", "Clicked links in e-mails"),
    **_fixed("globe", "page_views", "Visited pages"),
    **_fixed("briefcase", "opportunity_open", "Open opportunity"),
    **_fixed("calendar-check", "appointment_ahead", "Appointment ahead"),
    **_fixed("calendar-check", "appointments_kept", "Kept an appointment"),
    **_fixed("calendar-x", "appointments_missed", "Missed an appointment"),
    **_fixed("clipboard-list", "forms", "Filled in a form"),
    **_fixed("house-plus", "showing_requests", "Requested a showing online"),
    **_fixed("badge-dollar-sign", "valuation_requests", "Asked what their home is worth"),
    **_fixed("heart", "listing_saves", "Saved or shared homes"),
    **_fixed("eye", "listing_views", "Viewed homes"),
    **_fixed("phone", "talk_minutes", "Talked on the phone"),
    **_fixed("milestone", "stage_moves", "Opportunity moved on"),
    **_fixed("trophy", "won", "Deal won"),
    **_fixed("circle-slash", "lost", "Deal lost"),
    **_fixed("bell-off", "opted_out", "Opted out of messages"),
    **_fixed("mail-x", "email_bounced", "E-mail bounces"),
    **_fixed("mail-open", "email_opens", "Opens e-mails"),
    **_fixed("globe", "sessions", "Visited the site"),
    **_fixed("globe", "session_latest", "On the site today"),
    **_fixed("eye", "session_depth", "Looks at much in a visit"),
    **_fixed("heart", "view_to_save", "Saves homes they view"),
    **_fixed("house-plus", "save_to_showing", "Asks to see homes they saved"),
    **_fixed("rotate-ccw", "repeat_views", "Came back to the same homes"),
    **_fixed("frown", "unhappy_share", "Wrote unhappy messages"),
    **_fixed("calendar-x", "appointments_cancelled", "Cancelled an appointment"),
    **_fixed("messages-square", "channel_mix", "In touch in more than one way"),
    **_mostly("phone", "call_share", "Prefers calls", "Calls at times"),
    **_mostly("message-square", "text_share", "Prefers texts", "Texts at times"),
    **_mostly("mail", "email_share", "Prefers e-mail", "Writes e-mails at times"),
    **_mostly("calendar-days", "week_regularity", "Active at the same times of the week"),
    **_mostly("clock", "day_regularity", "Active at the same time of day"),
    "show_rate": _Wording(
        "calendar-check",
        lambda v: (
            "Keeps appointments"
            if v["show_rate"] > 0.5
            else "Misses appointments"
            if v["show_rate"] < 0.5
            else ""
        ),
    ),
}
BACKGROUND = frozenset(
    {
        *("opportunity_open", "stage_moves", "outbound_30d", "team_reply_minutes", "team_reply_trend"),
        *("source_close_rate", "season", "season_rising", "days_known", "profile_quality"),
        *("months_of_supply", "market_price_change", "days_on_market"),
    }
)
"""What the team, the source or the season did: told only where the lead itself gives too few reasons."""

OWN_ICON = "list-checks"
ICONS = frozenset(wording.icon for wording in WORDINGS.values())


def reasons_for(
    vector: FeatureVector,
    points: Sequence[tuple[str, float]],
    *,
    now: datetime,
    own: Mapping[str, float | None] = NOTHING,
    least: float = LEAST_POINTS,
) -> tuple[Reason, ...]:
    """Return the weightiest reasons, the lead's own first; the seven answers count as one.

    `own` is what the tenant's own fields tell, by feature.
    """
    grouped: dict[str, float] = {}
    for feature, share in points:
        name = "answers" if feature.startswith("answered_") else feature
        grouped[name] = grouped.get(name, 0.0) + share
    weighty = [item for item in grouped.items() if abs(item[1]) >= least]
    weighty.sort(key=lambda item: (_is_background(item[0]), -abs(item[1])))
    told = (
        _own_reason(feature, own[feature], share) if feature in own else _reason(vector, feature, share, now)
        for feature, share in weighty
    )
    return tuple(islice((reason for reason in told if reason is not None), MOST))


def _is_background(feature: str) -> bool:
    return feature in BACKGROUND or feature.startswith(custom.COHORT)


def _own_reason(feature: str, value: float | None, points: float) -> Reason | None:
    words = custom.words(feature, value)
    return Reason(OWN_ICON, words, points) if words else None


def _reason(vector: FeatureVector, feature: str, points: float, now: datetime) -> Reason | None:
    wording = WORDINGS.get(feature)
    if wording is None:
        return Reason("dot", BY_NAME[feature].label, points)
    if not wording.words(vector):
        return None
    days = wording.days(vector) if wording.days is not None else -1.0
    at = now - timedelta(days=days) if 0 <= days < LONG_AGO else None
    return Reason(wording.icon, wording.words(vector), points, at)


def age(length: timedelta) -> str:
    """Return how long ago something was, in one unit."""
    seconds = length.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


ASK = {
    "budget": "Ask about budget",
    "location": "Ask about the area",
    "timeline": "Ask about timing",
    "property": "Ask about the home",
    "financing": "Ask about financing",
    "motivation": "Ask about motives",
    "condition": "Ask about condition",
}


def next_action(vector: FeatureVector) -> str:
    """Return the one thing to do next."""
    if vector["won"]:
        return "Ask for a referral"
    if vector["opted_out"] >= 1.0:
        return "Wait: opted out"
    if vector["lost"] or vector["days_since_not_interested"] < LONG_AGO:
        return "Leave in peace"
    if vector["days_since_price_agreed"] < RECENT_DAYS:
        return "Write up the offer"
    if vector["days_since_showing"] < RECENT_DAYS and not vector["appointment_ahead"]:
        return "Book the showing"
    if vector["waiting_hours"] > 0:
        return "Reply to them"
    if vector["appointment_ahead"]:
        return "Confirm appointment"
    if vector["appointments_missed"] > max(0.3, vector["appointments_kept"]):
        return "Offer another time"
    if vector["financing_ready"] < 0:
        return "Suggest a lender"
    if vector["days_since_engaged"] >= SILENT_DAYS:
        return "Check in"
    return next((ASK[q] for q in QUESTIONS if not vector[f"answered_{q}"]), "Suggest homes to see")
