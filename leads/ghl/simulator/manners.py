"""How seriousness shows in what people do."""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = (
    ("January", "enero"),
    ("February", "febrero"),
    ("March", "marzo"),
    ("April", "abril"),
    ("May", "mayo"),
    ("June", "junio"),
    ("July", "julio"),
    ("August", "agosto"),
    ("September", "septiembre"),
    ("October", "octubre"),
    ("November", "noviembre"),
    ("December", "diciembre"),
)
DAYS = {
    "en": ("Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("jueves", "viernes", "sábado", "domingo"),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How an intent shows: how often they answer, how long they take, how far they go, when they stop."""

    answers: float
    reply_hours: float
    gap_days: float
    stages: tuple[str, ...]
    visits: float
    shows_up: float
    opens: float
    clicks: float
    lasts_days: float
    calls: float
    leaves: float


MANNERS = {
    "ready": Manner(
        answers=0.95,
        reply_hours=0.6,
        gap_days=2.2,
        stages=(
            "budget",
            "details",
            "financing",
            "timeline",
            "showing",
            "motive",
            "liked",
            "question",
            "offer",
            "agreed",
        ),
        visits=0.9,
        shows_up=0.95,
        opens=0.8,
        clicks=0.45,
        lasts_days=45,
        calls=0.5,
        leaves=0.0,
    ),
    "active": Manner(
        answers=0.75,
        reply_hours=4.0,
        gap_days=5.0,
        stages=("budget", "details", "question", "timeline", "showing", "question", "financing"),
        visits=0.45,
        shows_up=0.8,
        opens=0.6,
        clicks=0.22,
        lasts_days=75,
        calls=0.3,
        leaves=0.05,
    ),
    "browsing": Manner(
        answers=0.4,
        reply_hours=20.0,
        gap_days=13.0,
        stages=("browsing", "question", "details", "browsing", "objection"),
        visits=0.08,
        shows_up=0.5,
        opens=0.35,
        clicks=0.07,
        lasts_days=100,
        calls=0.08,
        leaves=0.15,
    ),
    "cold": Manner(
        answers=0.15,
        reply_hours=40.0,
        gap_days=18.0,
        stages=("browsing", "refusal", "objection"),
        visits=0.01,
        shows_up=0.3,
        opens=0.15,
        clicks=0.01,
        lasts_days=35,
        calls=0.02,
        leaves=0.35,
    ),
}
