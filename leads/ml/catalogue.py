"""Every feature: its name, unit, range, and what an agent calls it.

None of them says who a person is. Message length counts sentences, not words, so that no language looks
keener than another; all messengers count as one channel; which area a home lies in is no feature, only how
often the lead comes back to the same one. There is no feature of names, places of origin, household, age or
anything the Fair Housing Act protects, nor one that stands in for it.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "2026.2"
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


def _told(name: str, label: str) -> Feature:
    return Feature(name, "yes or no", 0.0, 1.0, label)


def _share(name: str, label: str) -> Feature:
    return Feature(name, "share", 0.0, 1.0, label)


def _recent(name: str, label: str) -> Feature:
    return Feature(name, "count, fading over 30 days", 0.0, 1e6, label)


FEATURES: tuple[Feature, ...] = (
    Feature("velocity_1d", "acts a day", 0.0, 1e6, "Activity today"),
    Feature("velocity_7d", "acts a day", 0.0, 1e6, "Activity this week"),
    Feature("velocity_30d", "acts a day", 0.0, 1e6, "Activity this month"),
    Feature("velocity_change", "share", -1.0, 1.0, "Activity, week against month"),
    Feature("velocity_change_1d", "share", -1.0, 1.0, "Activity, today against week"),
    _days("days_since_engaged", "Time since they last acted"),
    _days("days_since_wrote", "Time since they last wrote"),
    _days("days_since_visit", "Time since they last looked around"),
    _days("days_known", "Time since first contact"),
    _recent("inbound_30d", "Messages and calls from them"),
    _recent("outbound_30d", "Messages and calls to them"),
    Feature("initiative", "share", 0.0, 1.0, "How often they start the conversation"),
    Feature("lead_reply_hours", "hours, −1 unknown", -1.0, 8760.0, "How fast they reply"),
    Feature("team_reply_minutes", "minutes, −1 unknown", -1.0, 525_600.0, "How fast we reply"),
    Feature("lead_reply_trend", "log ratio", -10.0, 10.0, "Their replies, latest against usual"),
    Feature("team_reply_trend", "log ratio", -14.0, 14.0, "Our replies, latest against usual"),
    Feature("waiting_hours", "hours", 0.0, 720.0, "Time they have waited for our reply"),
    Feature("question_share", "share", 0.0, 1.0, "Questions among their messages"),
    Feature("message_sentences", "sentences", 0.0, 1e3, "Length of their messages"),
    Feature("sentiment", "−1 to 1", -1.0, 1.0, "Tone of their messages"),
    Feature("sentiment_change", "−2 to 2", -2.0, 2.0, "Tone, latest against usual"),
    Feature("sentiment_trend", "−2 to 2", -2.0, 2.0, "Where the tone of their last messages goes"),
    _share("unhappy_share", "Unhappy ones among their messages"),
    _share("text_share", "Texts among their contacts"),
    _share("email_share", "E-mails among their contacts"),
    _share("call_share", "Calls among their contacts"),
    Feature("channel_mix", "0 to 1", 0.0, 1.0, "How many ways they get in touch"),
    Feature("week_regularity", "0 to 1", 0.0, 1.0, "Same time of the week"),
    Feature("day_regularity", "0 to 1", 0.0, 1.0, "Same time of day"),
    _share("weekend_share", "Active on weekends"),
    _share("late_share", "Active late at night"),
    Feature("urgency", "0 to 1", 0.0, 1.0, "How soon they want to move"),
    Feature("days_to_move", "days", 0.0, LONG_AGO, "Days until their move date"),
    _told("lease_ending", "Said their lease ends"),
    _told("relocating", "Said they relocate"),
    _told("selling", "Said they have a home to sell"),
    _told("investing", "Said they invest"),
    Feature("answers", "count", 0.0, 7.0, "Qualification questions answered"),
    *(Feature(f"answered_{q}", "yes or no", 0.0, 1.0, label) for q, label in zip(QUESTIONS, (
        "Told their budget", "Told where", "Told when", "Told which kind of home", "Spoke about financing",
        "Told why they move", "Told which condition",
    ), strict=True)),
    Feature("financing_ready", "−1, 0 or 1", -1.0, 1.0, "Financing in place"),
    _told("cash_buyer", "Pays cash"),
    _told("lender_named", "Spoke of their lender"),
    _days("days_since_showing", "Asked for a showing"),
    _days("days_since_preapproved", "Said they are pre-approved"),
    _days("days_since_price_agreed", "Agreed to a price"),
    _days("days_since_offer", "Spoke of making an offer"),
    _days("days_since_too_expensive", "Found it too expensive"),
    _days("days_since_not_interested", "Said they are not interested"),
    _days("days_since_has_agent", "Said they have another agent"),
    _days("days_since_hesitation", "Said they are not sure"),
    _days("days_since_negotiation", "Bargained"),
    _recent("objections", "Objections raised"),
    _recent("negotiations", "Messages in which they bargained"),
    Feature("commitment", "step", 0.0, 7.0, "How far they have come towards a deal"),
    Feature("appointment_ahead", "yes or no", 0.0, 1.0, "Appointment ahead"),
    _recent("appointments_kept", "Appointments kept"),
    _recent("appointments_missed", "Appointments missed"),
    _recent("appointments_cancelled", "Appointments cancelled"),
    _share("show_rate", "Appointments kept, of all kept or missed"),
    _recent("forms", "Forms submitted"),
    _recent("page_views", "Pages and links visited"),
    _recent("sessions", "Visits to the web site"),
    Feature("session_depth", "acts a visit", 0.0, 1e3, "How much they look at in a visit"),
    Feature("session_latest", "acts", 0.0, 1e6, "What they looked at in today's visit"),
    _recent("listing_views", "Homes viewed"),
    _recent("listing_saves", "Homes saved or shared"),
    _recent("listing_shares", "Homes shared"),
    _share("view_to_save", "Homes saved, of those viewed"),
    _share("save_to_showing", "Showings requested, of homes saved"),
    _share("repeat_views", "Homes viewed again"),
    Feature("price_focus", "0 to 1", 0.0, 1.0, "How alike in price the homes are"),
    Feature("price_drift", "log ratio", -1.0, 1.0, "Price of homes, latest against usual"),
    Feature("price_to_budget", "log ratio", -1.0, 1.0, "Price of homes against their budget"),
    Feature("size_focus", "0 to 1", 0.0, 1.0, "How alike in size the homes are"),
    Feature("size_drift", "log ratio", -1.0, 1.0, "Size of homes, latest against usual"),
    _share("area_focus", "Homes in the area they look at most"),
    _share("area_drift", "Homes in an area new to them"),
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
    Feature("season", "−1 to 1", -1.0, 1.0, "Time of year, from winter to summer"),
    Feature("season_rising", "−1 to 1", -1.0, 1.0, "Time of year, from fall to spring"),
    Feature("months_of_supply", "months", 0.0, 60.0, "Homes for sale against those that sell"),
    Feature("market_price_change", "share", -1.0, 1.0, "Prices around, within a year"),
    _days("days_on_market", "Time homes around take to sell"),
)  # fmt: skip
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME = {feature.name: feature for feature in FEATURES}
INDEX = {name: i for i, name in enumerate(NAMES)}
