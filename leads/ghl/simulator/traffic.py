"""Live traffic: what the people of a brokerage do now, at any rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from leads.ghl.simulator import texts
from leads.ghl.simulator.manners import DAYS, MANNERS, MONTHS
from leads.ghl.simulator.people import Person
from leads.ghl.simulator.wire import Body, Wire

WEIGHTS = {"ready": 8.0, "active": 4.0, "browsing": 1.5, "cold": 0.5}
DOINGS = {
    "says": 46,
    "team": 22,
    "email": 12,
    "call": 7,
    "visit": 5,
    "stage": 4,
    "note": 2,
    "task": 2,
}


class Traffic:
    """An endless, seeded stream of webhook bodies about known people."""

    def __init__(self, *, seed: int, location_id: str, people: Sequence[Person], brokerage: str) -> None:
        self.random = Random(seed)
        self.location_id = location_id
        self.people = people
        self.brokerage = brokerage
        self._weights = [WEIGHTS[person.intent] for person in people]
        self._count = 0

    def bodies(self, clock: Iterator[datetime]) -> Iterator[tuple[Person, Body]]:
        """Yield one body for each moment of the clock, the serious people most often."""
        for at in clock:
            person = self.random.choices(self.people, self._weights)[0]
            doing = self.random.choices(list(DOINGS), list(DOINGS.values()))[0]
            self._count += 1
            yield person, self._body(doing, person, at)

    def _body(self, doing: str, person: Person, at: datetime) -> Body:
        wire, random = Wire(self.location_id, person), self.random
        name = f"live-{at.isoformat()}-{self._count}"
        if doing == "says":
            stage = random.choice(MANNERS[person.intent].stages)
            if person.segment == "seller" and stage in ("showing", "financing"):
                stage = "listing"
            lines = texts.REPLIES[person.language].get(stage) or texts.REPLIES["en"][stage]
            return wire.message(
                inbound=True, channel="SMS", at=at, name=name, text=self._words(person, lines, at)
            )
        if doing == "team":
            lines = texts.AGENT[person.language]["answer"]
            text = self._words(person, lines, at)
            return wire.message(inbound=False, channel="SMS", at=at, name=name, text=text, user=person.agent)
        if doing == "email":
            outcome = random.choices(("delivered", "opened", "clicked"), (5, 3, 2))[0]
            return wire.email_event(outcome, at=at, name=name)
        if doing == "call":
            seconds = random.choice((0, 95, 240, 610))
            status = "completed" if seconds else "no-answer"
            inbound = random.random() < 0.6
            return wire.message(
                inbound=inbound,
                channel="CALL",
                at=at,
                name=name,
                seconds=seconds,
                status=status,
                user=person.agent,
            )
        if doing == "visit":
            starts = (at + timedelta(days=random.randint(1, 5))).replace(minute=0, second=0, microsecond=0)
            return wire.appointment(
                "AppointmentCreate",
                name=name,
                status="new",
                starts=starts,
                added=at,
                updated=at,
                user=person.agent,
            )
        if doing == "stage":
            stage = random.choice(("new", "contacted", "showing", "offer"))
            kind = "OpportunityStageUpdate"
            return wire.opportunity(
                kind, stage=stage, status="open", added=person.created_at, updated=at, user=person.agent
            )
        if doing == "note":
            return wire.note(at=at, name=name, text=random.choice(texts.NOTES))
        due = at + timedelta(days=1)
        return wire.task(at=at, due=due, name=name, title=f"Call {person.first} back", user=person.agent)

    def _words(self, person: Person, lines: tuple[str, ...], at: datetime) -> str:
        random, month = self.random, (at + timedelta(days=45)).month - 1
        return random.choice(lines).format(
            area=person.area,
            beds=person.beds,
            brokerage=self.brokerage,
            budget=person.budget_text,
            city=person.city,
            day=random.choice(DAYS[person.language]),
            first=person.first,
            month=MONTHS[month][person.language == "es"],
            street=person.street,
            weeks=random.choice((3, 4, 6)),
        )
