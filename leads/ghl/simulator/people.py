"""Simulated people: who they are, what they want, how serious they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

SEGMENTS = {
    "first_time_buyer": 0.27,
    "move_up": 0.18,
    "seller": 0.18,
    "downsizer": 0.12,
    "relocation": 0.11,
    "investor": 0.09,
    "luxury": 0.05,
}
INTENTS = {"ready": 0.07, "active": 0.14, "browsing": 0.44, "cold": 0.35}
# Referrals are few and serious, paid clicks many and idle: how often each intent comes by each source.
SOURCES: Mapping[str, Mapping[str, float]] = {
    "ready": {"Referral": 5, "Past client": 3, "Sign call": 3, "Open house": 3, "Website": 3, "Zillow": 2},
    "active": {"Website": 4, "Open house": 3, "Zillow": 4, "Realtor.com": 3, "Referral": 2, "Google ad": 1},
    "browsing": {"Zillow": 5, "Realtor.com": 4, "Facebook ad": 4, "Google ad": 3, "Website": 3},
    "cold": {"Facebook ad": 6, "Google ad": 4, "Zillow": 3, "Realtor.com": 2},
}
BUDGETS = {
    "first_time_buyer": (320, 560),
    "move_up": (550, 950),
    "downsizer": (350, 650),
    "investor": (250, 700),
    "luxury": (1500, 3800),
    "relocation": (420, 900),
    "seller": (400, 900),
}
SPANISH_SHARE = 0.18
DAYS_BACK = 150
# Those of last year: their stories have ended, and of those who stayed to be counted more were serious.
PAST_INTENTS = {"ready": 0.2, "active": 0.28, "browsing": 0.32, "cold": 0.2}
PAST_DAYS = (100, 480)
PAST_FIRST = 100_000
"""Their first number: nobody of now shares it."""

FIRST = (  # noqa: SIM905 a list of words reads best as words
    "Avery Jordan Riley Casey Morgan Quinn Rowan Skyler Emerson Finley Harper Logan Parker Reese "
    "Sawyer Taylor Amara Bianca Camila Daniel Elena Farid Grace Hassan Imani Jamal Keiko Leila Mateo "
    "Nadia Omar Priya Rafael Sofia Tomas Uma Victor Wen Ximena Yusuf Zoe Marcus Hannah Diego Lucia "
    "Andre Noor Ivan Mei Kofi Ingrid"
).split()
LAST = (  # noqa: SIM905 a list of words reads best as words
    "Abbott Bennett Castillo Delgado Ellison Fontaine Garza Holloway Iverson Jimenez Kowalski "
    "Lindqvist Mendoza Nakamura Okafor Pereira Quintero Ramsey Sandoval Thornton Underwood Valdez "
    "Whitaker Xiong Yamada Zamora Ashford Brennan Calloway Draper Espinoza Fairbanks Granger "
    "Hathaway Ibarra Jensen Keller Lockwood Marlowe"
).split()
STREETS = ("Alder St", "Birch Ave", "Cedar Ln", "Dogwood Dr", "Elm St", "Fir Ct", "Hazel Way", "Juniper Pl")

MARKETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "WA": {
        "Seattle": ("Ballard", "Fremont", "Queen Anne", "West Seattle", "Green Lake"),
        "Bellevue": ("Crossroads", "Somerset", "Newport Hills"),
        "Tacoma": ("Proctor", "North End", "Hilltop"),
    },
    "TX": {
        "Austin": ("Mueller", "Zilker", "Hyde Park", "Barton Hills"),
        "Round Rock": ("Teravista", "Forest Creek"),
    },
}
AREA_CODES = {"WA": ("206", "253", "425", "360", "509"), "TX": ("512", "737", "210", "214", "713")}
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Person:
    """A simulated lead; `intent` is the hidden truth that behaviour follows."""

    contact_id: str
    first: str
    last: str
    email: str
    phone: str
    segment: str
    intent: str
    language: str
    source: str
    city: str
    state: str
    postal: str
    area: str
    street: str
    budget: int
    beds: int
    agent: str
    created_at: datetime
    seed: int
    is_past: bool = False

    @property
    def budget_text(self) -> str:
        """Return the budget the way people type it."""
        thousands = self.budget // 1000
        return f"${thousands / 1000:g}M" if thousands >= 1000 else f"${thousands}k"


def make_id(*parts: object) -> str:
    """Return a 20-letter id as GHL makes them, the same for the same parts."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:15], "big")
    letters = ""
    while len(letters) < 20:
        number, rest = divmod(number, len(_LETTERS))
        letters += _LETTERS[rest]
    return letters


def choose(random: Random, weights: Mapping[str, float]) -> str:
    """Return one of the names, by their weights."""
    return random.choices(list(weights), list(weights.values()))[0]


def make_phone(state: str, number: int) -> str:
    """Return a number of the ranges that are kept for fiction."""
    codes = AREA_CODES[state]
    if number < 100 * len(codes):
        return f"+1{codes[number // 100]}55501{number % 100:02d}"
    return f"+1555{number % 10_000_000:07d}"


def make_people(
    *,
    seed: int,
    location_id: str,
    count: int,
    now: datetime,
    state: str,
    agents: tuple[str, ...],
    past: bool = False,
) -> list[Person]:
    """Make the people of one brokerage, or those of last year; the same seed and moment make the same."""
    numbers = range(PAST_FIRST, PAST_FIRST + count) if past else range(count)
    return [_make_person(seed, location_id, number, now, state, agents, past) for number in numbers]


def _make_person(
    seed: int,
    location_id: str,
    number: int,
    now: datetime,
    state: str,
    agents: tuple[str, ...],
    past: bool,
) -> Person:
    own = int.from_bytes(hashlib.sha256(f"{seed}/{location_id}/{number}".encode()).digest()[:8], "big")
    random = Random(own)
    segment, intent = choose(random, SEGMENTS), choose(random, PAST_INTENTS if past else INTENTS)
    city = random.choice(list(MARKETS[state]))
    low, high = BUDGETS[segment]
    first, last = random.choice(FIRST), random.choice(LAST)
    # The serious ones are mostly recent: those from long ago have bought, sold or gone.
    days = PAST_DAYS if past else (0.2, {"ready": 24, "active": 50}.get(intent, DAYS_BACK))
    age = timedelta(days=random.uniform(*days), seconds=random.uniform(0, 3600))
    return Person(
        contact_id=make_id(seed, location_id, "contact", number),
        first=first,
        last=last,
        email=f"{first}.{last}{number}@example.com".lower(),
        phone=make_phone(state, number),
        segment=segment,
        intent=intent,
        language="es" if random.random() < SPANISH_SHARE else "en",
        source=choose(random, SOURCES[intent]),
        city=city,
        state=state,
        postal={"WA": "98", "TX": "78"}[state] + f"{random.randint(100, 199)}",
        area=random.choice(MARKETS[state][city]),
        street=f"{random.randint(100, 9900)} {random.choice(STREETS)}",
        budget=random.randint(low // 5, high // 5) * 5000,
        beds=random.randint(2, 5),
        agent=random.choice(agents),
        created_at=now - age,
        seed=own,
        is_past=past,
    )
