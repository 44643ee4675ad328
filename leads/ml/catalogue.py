"""Every feature: its name, unit, range, and what an agent calls it.

None of them says who a person is. Message length counts sentences, not words, so that no language looks
keener than another; there is no feature of names, places of origin, household, age or anything the Fair
Housing Act protects, nor one that stands in for it.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "2026.1"
"""Names, order and meaning of the features below; a vector of another version is refused."""

LONG_AGO = 365.0
"""Days that stand for "never" or "longer than a year ago"."""

QUESTIONS = ("budget", "location", "timeline", "property", "financing", "motivation", "condition")
"""The seven qualification questions, in the order an agent asks them."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about a lead's history at a moment."""

    name: str
    unit: str
    low: float
    high: float
    label: str


def _days(name: str, label: str) -> Feature:
    return Feature(name, "days", 0.0, LONG_AGO, label)


def _recent(name: str, label: str) -> Feature:
    return Feature(name, "count, fading over 30 days", 0.0, 1e6, label)


FEATURES: tuple[Feature, ...] = (
    Feature("velocity_1d", "acts a day", 0.0, 1e6, "Activity today"),
    Feature("velocity_7d", "acts a day", 0.0, 1e6, "Activity this week"),
    Feature("velocity_30d", "acts a day", 0.0, 1e6, "Activity this month"),
    Feature("velocity_change", "share", -1.0, 1.0, "Activity, week against month"),
    _days("days_since_engaged", "Time since they last acted"),
    _days("days_known", "Time since first contact"),
    _recent("inbound_30d", "Messages and calls from them"),
    _recent("outbound_30d", "Messages and calls to them"),
    Feature("initiative", "share", 0.0, 1.0, "How often they start the conversation"),
    Feature("lead_reply_hours", "hours, −1 unknown", -1.0, 8760.0, "How fast they reply"),
    Feature("team_reply_minutes", "minutes, −1 unknown", -1.0, 525_600.0, "How fast we reply"),
    Feature("waiting_hours", "hours", 0.0, 720.0, "Time they have waited for our reply"),
    Feature("question_share", "share", 0.0, 1.0, "Questions among their messages"),
    Feature("message_sentences", "sentences", 0.0, 1e3, "Length of their messages"),
    Feature("sentiment", "−1 to 1", -1.0, 1.0, "Tone of their messages"),
    Feature("sentiment_change", "−2 to 2", -2.0, 2.0, "Tone, latest against usual"),
    Feature("urgency", "0 to 1", 0.0, 1.0, "How soon they want to move"),
    Feature("days_to_move", "days", 0.0, LONG_AGO, "Days until their move date"),
    Feature("answers", "count", 0.0, 7.0, "Qualification questions answered"),
    *(Feature(f"answered_{q}", "yes or no", 0.0, 1.0, label) for q, label in zip(QUESTIONS, (
        "Told their budget", "Told where", "Told when", "Told which kind of home", "Spoke about financing",
        "Told why they move", "Told which condition",
    ), strict=True)),
    Feature("financing_ready", "−1, 0 or 1", -1.0, 1.0, "Financing in place"),
    _days("days_since_showing", "Asked for a showing"),
    _days("days_since_preapproved", "Said they are pre-approved"),
    _days("days_since_price_agreed", "Agreed to a price"),
    _days("days_since_offer", "Spoke of making an offer"),
    _days("days_since_too_expensive", "Found it too expensive"),
    _days("days_since_not_interested", "Said they are not interested"),
    _days("days_since_has_agent", "Said they have another agent"),
    Feature("appointment_ahead", "yes or no", 0.0, 1.0, "Appointment ahead"),
    _recent("appointments_kept", "Appointments kept"),
    _recent("appointments_missed", "Appointments missed"),
    _recent("forms", "Forms submitted"),
    _recent("page_views", "Pages and links visited"),
    _recent("listing_views", "Homes viewed"),
    _recent("listing_saves", "Homes saved or shared"),
    _recent("showing_requests", "Showings requested online"),
    _recent("valuation_requests", "Valuations requested"),
    _recent("email_clicks", "E-mail links clicked"),
    _recent("email_opens", "E-mails opened"),
    _recent("talk_minutes", "Minutes on the phone"),
    Feature("opportunity_open", "yes or no", 0.0, 1.0, "Open opportunity"),
    _recent("stage_moves", "Opportunity moved on"),
    Feature("won", "yes or no", 0.0, 1.0, "Deal won"),
    Feature("lost", "yes or no", 0.0, 1.0, "Deal lost"),
    Feature("opted_out", "share of channels", 0.0, 1.0, "Opted out"),
    Feature("email_bounced", "yes or no", 0.0, 1.0, "E-mail address bounces"),
    Feature("profile_quality", "0 to 100", 0.0, 100.0, "Record completeness"),
    Feature("source_close_rate", "percent", 0.0, 100.0, "How leads of this source usually close"),
)  # fmt: skip
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME = {feature.name: feature for feature in FEATURES}
INDEX = {name: i for i, name in enumerate(NAMES)}
