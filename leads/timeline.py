"""How each kind of event reads in a lead's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leads.events import Kind


@dataclass(frozen=True, slots=True)
class Line:
    """One event in words: a title, perhaps a detail, and how it looks."""

    icon: str
    title: str
    detail: str = ""
    tone: str = ""


LOOKS: Mapping[str, tuple[str, str, str]] = {
    Kind.CONTACT_CREATED: ("user-plus", "Became a lead", ""),
    Kind.CONTACT_UPDATED: ("pencil", "Record updated", ""),
    Kind.CONTACT_DELETED: ("user-x", "Deleted in GoHighLevel", "bad"),
    Kind.CONTACT_TAGGED: ("tag", "Tagged", ""),
    Kind.CONTACT_UNTAGGED: ("tag", "Tag removed", ""),
    Kind.CONSENT_CHANGED: ("shield-check", "Consent changed", ""),
    Kind.MESSAGE_RECEIVED: ("message-circle", "Wrote to us", "info"),
    Kind.MESSAGE_SENT: ("send", "We wrote", ""),
    Kind.MESSAGE_FAILED: ("message-circle-off", "A message did not go through", "bad"),
    Kind.CALL_RECEIVED: ("phone-incoming", "Called us", "info"),
    Kind.CALL_MADE: ("phone-outgoing", "We called", ""),
    Kind.CALL_MISSED: ("phone-missed", "A call was missed", "warn"),
    Kind.VOICEMAIL_RECEIVED: ("voicemail", "Left a voicemail", "info"),
    Kind.VOICE_AI_CALL_ENDED: ("phone", "Voice assistant call", ""),
    Kind.CONVERSATION_READ: ("check-check", "Conversation read", ""),
    Kind.EMAIL_DELIVERED: ("mail-check", "E-mail delivered", ""),
    Kind.EMAIL_OPENED: ("mail-open", "Opened an e-mail", ""),
    Kind.EMAIL_CLICKED: ("mouse-pointer-click", "Clicked in an e-mail", "info"),
    Kind.EMAIL_BOUNCED: ("mail-x", "E-mail bounced", "bad"),
    Kind.EMAIL_COMPLAINED: ("mail-warning", "Marked an e-mail as spam", "bad"),
    Kind.EMAIL_UNSUBSCRIBED: ("bell-off", "Unsubscribed from e-mail", "warn"),
    Kind.APPOINTMENT_BOOKED: ("calendar-plus", "Appointment booked", "good"),
    Kind.APPOINTMENT_CONFIRMED: ("calendar-check", "Appointment confirmed", "good"),
    Kind.APPOINTMENT_RESCHEDULED: ("calendar-clock", "Appointment moved", ""),
    Kind.APPOINTMENT_CANCELLED: ("calendar-x", "Appointment cancelled", "warn"),
    Kind.APPOINTMENT_SHOWED: ("calendar-check", "Came to the appointment", "good"),
    Kind.APPOINTMENT_MISSED: ("calendar-x", "Missed the appointment", "warn"),
    Kind.OPPORTUNITY_CREATED: ("circle-plus", "Opportunity opened", ""),
    Kind.OPPORTUNITY_MOVED: ("move-right", "Opportunity moved on", ""),
    Kind.OPPORTUNITY_VALUED: ("circle-dollar-sign", "Opportunity value changed", ""),
    Kind.OPPORTUNITY_ASSIGNED: ("user-check", "Opportunity assigned", ""),
    Kind.OPPORTUNITY_WON: ("trophy", "Opportunity won", "good"),
    Kind.OPPORTUNITY_LOST: ("circle-x", "Opportunity lost", "bad"),
    Kind.OPPORTUNITY_ABANDONED: ("circle-slash", "Opportunity abandoned", "warn"),
    Kind.OPPORTUNITY_REOPENED: ("rotate-ccw", "Opportunity reopened", ""),
    Kind.OPPORTUNITY_DELETED: ("trash-2", "Opportunity deleted", ""),
    Kind.TASK_CREATED: ("list-todo", "Task added", ""),
    Kind.TASK_COMPLETED: ("circle-check", "Task done", ""),
    Kind.TASK_DELETED: ("list-x", "Task deleted", ""),
    Kind.NOTE_ADDED: ("notebook-pen", "Note", ""),
    Kind.NOTE_CHANGED: ("notebook-pen", "Note changed", ""),
    Kind.NOTE_DELETED: ("notebook-pen", "Note deleted", ""),
    Kind.CAMPAIGN_CHANGED: ("megaphone", "Campaign", ""),
    Kind.FORM_SUBMITTED: ("clipboard-check", "Submitted a form", "info"),
    Kind.SURVEY_SUBMITTED: ("clipboard-list", "Answered a survey", "info"),
    Kind.LINK_CLICKED: ("link", "Clicked a link", ""),
    Kind.PAGE_VIEWED: ("eye", "Viewed a page", ""),
    Kind.LISTING_VIEWED: ("house", "Viewed a home", "info"),
    Kind.LISTING_SAVED: ("heart", "Saved a home", "good"),
    Kind.LISTING_SHARED: ("share-2", "Shared a home", "good"),
    Kind.LISTING_UNSAVED: ("heart-off", "Took a home off the saved ones", ""),
    Kind.LISTING_DISMISSED: ("thumbs-down", "Dismissed a home", "warn"),
    Kind.SEARCH_SAVED: ("bell-plus", "Saved a search", "good"),
    Kind.CRITERIA_CHANGED: ("list-filter", "What they look for changed", "info"),
    Kind.SHOWING_REQUESTED: ("key-round", "Asked for a showing", "good"),
    Kind.VALUATION_REQUESTED: ("scale", "Asked what their home is worth", "good"),
    Kind.ORDER_PLACED: ("shopping-bag", "Placed an order", ""),
    Kind.INVOICE_PAID: ("receipt", "Paid an invoice", ""),
    Kind.LEAD_ASSIGNED: ("user-check", "Assigned", ""),
    Kind.LEAD_MERGED: ("merge", "Merged with another record", ""),
    Kind.LEAD_UNMERGED: ("split", "Merge undone", ""),
    Kind.LEAD_ENRICHED: ("sparkles", "Record enriched", ""),
    Kind.LEAD_MARKED: ("flag", "Outcome marked by hand", ""),
    Kind.LEAD_SCORED: ("gauge", "Score changed", ""),
    Kind.LEAD_OVERRIDDEN: ("hand", "The team's own view", ""),
    Kind.LEAD_OVERRIDE_WITHDRAWN: ("hand", "The team's own view withdrawn", ""),
    Kind.LEAD_AT_RISK: ("moon", "May go quiet", "warn"),
    Kind.LISTING_MATCHED: ("house-plus", "A home fits", "info"),
    Kind.LISTING_SENT: ("send", "A home was sent", ""),
    Kind.ALERT_TRIGGERED: ("bell-ring", "Alert", "hot"),
    Kind.ALERT_ACKNOWLEDGED: ("bell", "Alert acknowledged", ""),
    Kind.ALERT_ESCALATED: ("bell-electric", "Alert escalated to the broker", "bad"),
    Kind.LISTING_ADDED: ("house-plus", "Homes came on the market", ""),
    Kind.LISTING_CHANGED: ("house", "Homes changed price or status", ""),
    Kind.MARKET_UPDATED: ("chart-line", "Market figures updated", ""),
    Kind.MODEL_CHANGED: ("brain-circuit", "Scores come from another model", ""),
    Kind.THRESHOLDS_CHANGED: ("sliders-horizontal", "Tiers begin at other scores", ""),
    Kind.WEIGHTS_CHANGED: ("scale", "Parts of the score weigh otherwise", ""),
    Kind.EXPERIMENT_STARTED: ("flask-conical", "An experiment began", ""),
    Kind.EXPERIMENT_ENDED: ("flask-conical-off", "An experiment ended", ""),
    Kind.TENANT_INSTALLED: ("plug", "Connected to GoHighLevel", ""),
    Kind.TENANT_UNINSTALLED: ("unplug", "Disconnected from GoHighLevel", ""),
}
UNKNOWN = ("dot", "Something happened", "")

DETAILS: Mapping[str, tuple[str, ...]] = {
    Kind.APPOINTMENT_BOOKED: ("title",),
    Kind.APPOINTMENT_CONFIRMED: ("title",),
    Kind.APPOINTMENT_RESCHEDULED: ("title",),
    Kind.APPOINTMENT_CANCELLED: ("title",),
    Kind.CAMPAIGN_CHANGED: ("status",),
    Kind.EMAIL_OPENED: ("subject",),
    Kind.EMAIL_CLICKED: ("url",),
    Kind.FORM_SUBMITTED: ("form", "name"),
    Kind.LINK_CLICKED: ("url",),
    Kind.LISTING_VIEWED: ("address", "listing_key"),
    Kind.LISTING_SAVED: ("address", "listing_key"),
    Kind.LISTING_SHARED: ("address", "listing_key"),
    Kind.LISTING_UNSAVED: ("address", "listing_key"),
    Kind.LISTING_DISMISSED: ("words", "address", "listing_key"),
    Kind.LISTING_MATCHED: ("words", "address", "listing_key"),
    Kind.LISTING_SENT: ("address", "listing_key"),
    Kind.SEARCH_SAVED: ("name",),
    Kind.MESSAGE_FAILED: ("error",),
    Kind.NOTE_ADDED: ("text",),
    Kind.NOTE_CHANGED: ("text",),
    Kind.PAGE_VIEWED: ("title", "url"),
    Kind.SHOWING_REQUESTED: ("address", "listing_key"),
    Kind.SURVEY_SUBMITTED: ("survey", "name"),
    Kind.TASK_CREATED: ("title",),
    Kind.TASK_COMPLETED: ("title",),
    Kind.ALERT_TRIGGERED: ("reason",),
    Kind.LEAD_MARKED: ("words",),
    Kind.LEAD_OVERRIDDEN: ("words",),
}
"""The first of these values that an event carries is shown under its title."""


def describe(kind: str, data: Mapping[str, Any]) -> Line:
    """Return an event in words."""
    icon, title, tone = LOOKS.get(kind, UNKNOWN)
    if kind == Kind.LEAD_SCORED:
        return _scored(data, icon)
    if kind == Kind.LEAD_OVERRIDDEN and isinstance(data.get("score"), int | float):
        title = f"The team's own view: {round(data['score'])}, beside a score of {round(data['model_score'])}"
    if kind in (Kind.CONTACT_TAGGED, Kind.CONTACT_UNTAGGED):
        return Line(icon, title, ", ".join(str(tag) for tag in data.get("tags", [])), tone)
    if kind == Kind.CONTACT_UPDATED:
        return Line(icon, title, _fields(data.get("fields", [])), tone)
    if kind == Kind.OPPORTUNITY_VALUED and isinstance(data.get("value"), int | float):
        return Line(icon, title, f"${data['value']:,.0f}", tone)
    detail = next((str(data[name]) for name in DETAILS.get(kind, ()) if data.get(name)), "")
    return Line(icon, title, detail, tone)


def _scored(data: Mapping[str, Any], icon: str) -> Line:
    score, before = data.get("score"), data.get("previous_score")
    if not isinstance(score, int | float):
        return Line(icon, "Score changed")
    if not isinstance(before, int | float):
        return Line(icon, f"First score: {round(score)}")
    if round(score) == round(before):  # the brokerage moved its tiers, or the score crossed one by a hair
        return Line(icon, f"Tier changed at score {round(score)}", _tier_move(data), "")
    if data.get("anew"):
        return Line(icon, f"Scored anew by other measures: {round(score)}", _tier_move(data))
    verb, tone = ("rose", "good") if score >= before else ("fell", "warn")
    return Line(icon, f"Score {verb} from {round(before)} to {round(score)}", _tier_move(data), tone)


def _tier_move(data: Mapping[str, Any]) -> str:
    tier, before = data.get("tier"), data.get("previous_tier")
    return (
        f"{str(before).capitalize()} → {str(tier).capitalize()}" if tier and before and tier != before else ""
    )


def _fields(names: Any) -> str:
    words = [str(name).removeprefix("custom.").removeprefix("profile.").replace("_", " ") for name in names]
    return ", ".join(words[:6]) + ("…" if len(words) > 6 else "")
