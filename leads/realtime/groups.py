"""Names on the wire: topics a screen may subscribe to, who may hear what, and the hub's one group."""

from __future__ import annotations

GROUP = "live"
"""The channel layer group every hub listens to; its messages carry tenant ids only."""
WAKE = "live.wake"

TOPIC_OF_TYPE = {
    "score_update": "scores",
    "alert": "alerts",
    "dashboard_refresh": "dashboard",
    "message": "messages",
    "deal_update": "deals",
    "listing_update": "listings",
}
TOPICS = frozenset(TOPIC_OF_TYPE.values())
TEAM = "team"
TEAM_ROLES = frozenset({"agent", "broker", "admin"})


def user_audience(user_id: int) -> str:
    """Return the audience of one person."""
    return f"user:{user_id}"


def audiences_of(role: str, user_id: int) -> frozenset[str]:
    """Return the audiences a member in this role belongs to."""
    own = user_audience(user_id)
    return frozenset({TEAM, own}) if role in TEAM_ROLES else frozenset({own})
