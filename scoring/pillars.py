"""The seven things a score is made of, and which of them each feature speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Pillar(StrEnum):
    """What a contribution is about."""

    ENGAGEMENT = "engagement"
    INTENT = "intent"
    URGENCY = "urgency"
    FINANCING = "financing"
    FIT = "fit"
    RELATIONSHIP = "relationship"
    CONTEXT = "context"


PILLAR_LABELS = {
    Pillar.ENGAGEMENT: "Engagement",
    Pillar.INTENT: "Buying signals",
    Pillar.URGENCY: "Urgency",
    Pillar.FINANCING: "Financing",
    Pillar.FIT: "What they look for",
    Pillar.RELATIONSHIP: "Relationship",
    Pillar.CONTEXT: "Context",
}

_FEATURES: Mapping[Pillar, tuple[str, ...]] = {
    Pillar.ENGAGEMENT: (
        *("velocity_1d", "velocity_7d", "velocity_30d", "velocity_change", "velocity_change_1d"),
        *("days_since_engaged", "days_since_wrote", "days_since_visit", "inbound_30d"),
        *("text_share", "email_share", "call_share", "channel_mix", "week_regularity", "day_regularity"),
        *("weekend_share", "late_share", "forms", "page_views", "sessions", "session_depth"),
        *("session_latest", "listing_views", "email_clicks", "email_opens", "talk_minutes"),
    ),
    Pillar.INTENT: (
        *("days_since_showing", "days_since_price_agreed", "days_since_offer", "days_since_not_interested"),
        *("days_since_has_agent", "days_since_negotiation", "negotiations", "commitment"),
        *("appointment_ahead", "listing_saves", "listing_shares", "view_to_save", "save_to_showing"),
        *("showing_requests", "valuation_requests", "answered_motivation", "selling", "investing"),
        *("days_since_hesitation", "objections"),
    ),
    Pillar.URGENCY: ("urgency", "days_to_move", "lease_ending", "relocating", "answered_timeline"),
    Pillar.FINANCING: (
        *("answered_budget", "answered_financing", "financing_ready", "cash_buyer", "lender_named"),
        *("days_since_preapproved", "days_since_too_expensive", "price_to_budget"),
    ),
    Pillar.FIT: (
        *("answered_location", "answered_property", "answered_condition", "repeat_views", "price_focus"),
        *("price_drift", "size_focus", "size_drift", "area_focus", "area_drift"),
    ),
    Pillar.RELATIONSHIP: (
        *("outbound_30d", "initiative", "lead_reply_hours", "team_reply_minutes", "lead_reply_trend"),
        *("team_reply_trend", "waiting_hours", "question_share", "message_sentences", "sentiment"),
        *("sentiment_change", "sentiment_trend", "unhappy_share", "appointments_kept"),
        *("appointments_missed", "appointments_cancelled", "show_rate"),
    ),
    Pillar.CONTEXT: (
        *("days_known", "answers", "opportunity_open", "stage_moves", "won", "lost", "opted_out"),
        *("email_bounced", "profile_quality", "source_close_rate", "season", "season_rising"),
        *("months_of_supply", "market_price_change", "days_on_market"),
    ),
}

PILLARS: Mapping[str, Pillar] = {name: pillar for pillar, names in _FEATURES.items() for name in names}
"""The pillar of every feature of the catalogue."""

OWN = Pillar.CONTEXT
"""The pillar of the features made of a tenant's own fields."""
