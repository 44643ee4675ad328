"""The months of one simulated person, as the webhooks GoHighLevel would have sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from leads.ghl.simulator import texts
from leads.ghl.simulator.manners import DAYS, MANNERS, MONTHS, Manner
from leads.ghl.simulator.people import Person
from leads.ghl.simulator.wire import Post, Wire

DEALS = {"ready": 0.9, "active": 0.8, "browsing": 0.5, "cold": 0.2}
"""Share of last year's leads for whom the agent opened an opportunity."""
WON = {"ready": (0.4, 0.65), "active": (0.2, 0.42), "browsing": (0.06, 0.2), "cold": (0.01, 0.05)}
"""Share of last year's deals that were won where agent and lead never met, and where they did."""


@dataclass(slots=True)
class _Story:
    """A story being told: the person, the dice, what is so far."""

    person: Person
    wire: Wire
    brokerage: str
    now: datetime
    random: Random
    posts: list[Post] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def name(self, what: str) -> str:
        """Return a name no other part of this story has."""
        self.count += 1
        return f"{what}-{self.count}"

    def words(self, lines: tuple[str, ...], at: datetime) -> str:
        """Return one of the lines with the person's own facts filled in."""
        person, month = self.person, (at + timedelta(days=45)).month - 1
        return self.random.choice(lines).format(
            area=person.area,
            beds=person.beds,
            brokerage=self.brokerage,
            budget=person.budget_text,
            city=person.city,
            day=self.random.choice(DAYS[person.language]),
            first=person.first,
            month=MONTHS[month][person.language == "es"],
            street=person.street,
            weeks=self.random.choice((3, 4, 6)),
        )

    def add(self, at: datetime, body: dict[str, object], *, is_workflow: bool = False) -> None:
        """Add a webhook, unless it lies ahead."""
        if at <= self.now:
            self.posts.append(Post(at, body, is_workflow))

    def after(self, at: datetime, hours: float) -> datetime:
        """Return a moment some hours later, more or less."""
        return at + timedelta(hours=self.random.expovariate(1 / hours) + 0.02)

    def says(self, at: datetime, stage: str) -> None:
        """Let the person write."""
        lines = texts.REPLIES[self.person.language].get(stage) or texts.REPLIES["en"][stage]
        by_mail = self.random.random() < 0.12
        self.add(
            at,
            self.wire.message(
                inbound=True,
                channel="Email" if by_mail else "SMS",
                at=at,
                name=self.name(stage),
                text=self.words(lines, at),
                subject=f"Re: {self.person.area}" if by_mail else "",
            ),
        )

    def team(self, at: datetime, which: str, *, automatic: bool = False) -> None:
        """Let the team write, or its automation."""
        lines = texts.AGENT[self.person.language][which]
        self.add(
            at,
            self.wire.message(
                inbound=False,
                channel="SMS",
                at=at,
                name=self.name(which),
                text=self.words(lines, at),
                source="workflow" if automatic else "app",
                user="" if automatic else self.person.agent,
            ),
        )

    def snapshot(self, kind: str, at: datetime, denied: tuple[str, ...] = ()) -> None:
        """Add a contact snapshot as it stands."""
        created = kind == "ContactCreate"
        self.add(
            at,
            self.wire.contact(
                kind,
                tags=list(self.tags),
                custom=dict(self.custom),
                assigned=self.person.agent,
                updated=None if created else at,
                denied=denied,
            ),
        )


def tell_story(person: Person, *, location_id: str, brokerage: str, now: datetime) -> list[Post]:
    """Return everything that happened with a person up to now, in its order."""
    story = _Story(person, Wire(location_id, person), brokerage, now, Random(person.seed ^ 0x5EED))
    manner = MANNERS[person.intent]
    _arrive(story)
    ends = person.created_at + timedelta(days=manner.lasts_days * story.random.uniform(0.5, 1.5))
    if person.intent == "ready" and not person.is_past:
        ends = now  # these are the ones whose time is now
    _talk(story, manner, ends)
    _mail(story, manner, ends if person.is_past else now)
    _leave(story, manner, ends)
    return sorted(story.posts, key=lambda post: post.at)


def _arrive(story: _Story) -> None:
    person, at = story.person, story.person.created_at
    story.tags = [texts.TAGS[person.segment], "newsletter"] if story.random.random() < 0.8 else []
    story.snapshot("ContactCreate", at)
    first = at + timedelta(seconds=20)
    opener = story.words(texts.OPENERS[person.language][person.segment], first)
    if person.source in ("Website", "Facebook ad", "Google ad"):
        event = "ValuationRequested" if person.segment == "seller" else "FormSubmitted"
        form = texts.FORMS[person.segment]
        body = story.wire.form(event, at=first, name="first", form=form, message=opener)
        story.add(first, body, is_workflow=True)
    elif person.intent != "cold" or story.random.random() < 0.4:
        body = story.wire.message(inbound=True, channel="SMS", at=first, name="opener", text=opener)
        story.add(first, body)
    story.team(at + timedelta(minutes=1), "welcome", automatic=True)
    story.team(story.after(at, story.random.choice((0.1, 0.5, 3.0, 9.0))), "answer")


def _talk(story: _Story, manner: Manner, ends: datetime) -> None:
    """Let the conversation go from stage to stage until it ends."""
    person, random = story.person, story.random
    at = story.after(person.created_at, manner.reply_hours)
    stages = _stages(person, manner)
    stages = stages[: random.randint(len(stages) // 2, len(stages))]  # not everyone tells everything
    if person.is_past:
        deal = random.random() < DEALS[person.intent]
    else:
        deal = person.intent in ("ready", "active") and random.random() < 0.9
    opened = at + timedelta(hours=5)
    if deal:
        _opportunity(story, "OpportunityCreate", "new", opened, opened)
    met = False
    for number, stage in enumerate(stages):
        if at >= min(ends, story.now):
            break
        if random.random() < manner.answers:
            story.says(at, stage)
            if stage in ("budget", "timeline", "financing") and random.random() < 0.7:
                _note_answer(story, stage, story.after(at, 2))
            if random.random() < manner.calls:
                _call(story, story.after(at, 3))
        if stage == "showing" and random.random() < manner.visits:
            met = True
            _visit(story, manner, story.after(at, 4), deal=deal, opened=opened)
        answered = story.after(at, random.choice((0.2, 1.0, 5.0)))
        is_fresh = story.now - at < timedelta(days=2)
        if not is_fresh or random.random() < 0.5:  # of the newest messages some still wait for an answer
            story.team(answered, "answer" if number % 3 else "nudge")
        if random.random() < 0.2:
            moment = story.after(answered, 1)
            note = story.wire.note(at=moment, name=story.name("note"), text=random.choice(texts.NOTES))
            story.add(moment, note)
        if random.random() < 0.35 * manner.answers:
            _browse(story, story.after(answered, 6))
        at = story.after(answered, manner.gap_days * 24 * random.uniform(0.4, 1.4))
    if deal and person.is_past:
        _end(story, at, opened, met=met)
    elif deal and met and at < story.now:
        _close(story, at, opened)


def _stages(person: Person, manner: Manner) -> list[str]:
    stages = list(manner.stages)
    if person.segment == "seller":
        swap = {"financing": "listing", "showing": "listing", "liked": "motive", "offer": "agreed"}
        stages = [swap.get(stage, stage) for stage in stages]
    elif person.segment in ("investor", "luxury"):
        stages = ["cash" if stage == "financing" else stage for stage in stages]
    return stages


def _opportunity(
    story: _Story, kind: str, stage: str, opened: datetime, at: datetime, status: str = "open"
) -> None:
    """Add an opportunity's change; GHL announces each by a second, general webhook too."""
    for each in (kind, "OpportunityUpdate"):
        body = story.wire.opportunity(
            each, stage=stage, status=status, added=opened, updated=at, user=story.person.agent
        )
        story.add(at, body)


def _note_answer(story: _Story, stage: str, at: datetime) -> None:
    """Let the agent write an answer into the contact's fields."""
    person = story.person
    story.custom |= {
        "budget": {"budget": str(person.budget)},
        "timeline": {"timeline": story.random.choice(("0-3 months", "3-6 months"))},
        "financing": {"financing": "Pre-approved"},
    }[stage]
    story.custom.setdefault("location", person.area)
    story.custom.setdefault("property", f"{person.beds} bedrooms")
    story.snapshot("ContactUpdate", at)
    if stage == "financing":
        story.tags = [*story.tags, "pre-approved"]
        story.snapshot("ContactTagUpdate", at + timedelta(minutes=2))


def _call(story: _Story, at: datetime) -> None:
    random = story.random
    inbound, taken = random.random() < 0.6, random.random() < 0.75
    body = story.wire.message(
        inbound=inbound,
        channel="CALL",
        at=at,
        name=story.name("call"),
        seconds=random.randint(90, 900) if taken else 0,
        status="completed" if taken else "no-answer",
        user=story.person.agent,
    )
    story.add(at, body)
    if inbound and not taken:
        back = story.after(at, 1)
        seconds = random.randint(60, 400)
        body = story.wire.message(
            inbound=False,
            channel="CALL",
            at=back,
            name=story.name("call"),
            seconds=seconds,
            status="completed",
            user=story.person.agent,
        )
        story.add(back, body)


def _visit(story: _Story, manner: Manner, at: datetime, *, deal: bool, opened: datetime) -> None:
    """Book a showing, confirm it, and see whether they come."""
    random, user = story.random, story.person.agent
    starts = (at + timedelta(days=random.uniform(1, 4))).replace(minute=0, second=0, microsecond=0)
    name = story.name("visit")
    story.add(
        at,
        story.wire.appointment(
            "AppointmentCreate", name=name, status="new", starts=starts, added=at, updated=at, user=user
        ),
    )
    steps = [(at + timedelta(hours=3), "confirmed")]
    kept = random.random() < manner.shows_up
    steps.append((starts + timedelta(hours=1), "showed" if kept else random.choice(("noshow", "cancelled"))))
    for moment, status in steps:
        story.add(
            moment,
            story.wire.appointment(
                "AppointmentUpdate",
                name=name,
                status=status,
                starts=starts,
                added=at,
                updated=moment,
                user=user,
            ),
        )
    if deal:
        _opportunity(story, "OpportunityStageUpdate", "showing", opened, at + timedelta(minutes=5))


def _close(story: _Story, at: datetime, opened: datetime) -> None:
    """Go on to an offer; some win, some lose, most are still open."""
    _opportunity(story, "OpportunityStageUpdate", "offer", opened, at)
    dice, later = story.random.random(), at + timedelta(days=6)
    if dice < 0.3 and later < story.now:
        _opportunity(story, "OpportunityStatusUpdate", "offer", opened, later, status="won")
    elif dice < 0.4 and later < story.now:
        _opportunity(story, "OpportunityStatusUpdate", "offer", opened, later, status="lost")


def _end(story: _Story, at: datetime, opened: datetime, *, met: bool) -> None:
    """Let last year's deal be won or lost; who met the agent wins most often."""
    random = story.random
    won = random.random() < WON[story.person.intent][met]
    if won:
        _opportunity(story, "OpportunityStageUpdate", "offer", opened, at)
    later = at + timedelta(days=random.uniform(12, 40))
    _opportunity(
        story,
        "OpportunityStatusUpdate",
        "offer" if won else "showing" if met else "new",
        opened,
        later,
        status="won" if won else random.choice(("lost", "abandoned")),
    )


def _browse(story: _Story, at: datetime) -> None:
    """Look at homes on the website, which a workflow reports."""
    random = story.random
    for _ in range(random.randint(1, 3)):
        event = random.choices(("ListingViewed", "ListingSaved", "PageViewed"), (6, 2, 3))[0]
        body = story.wire.form(
            event, at=at, name=story.name("browse"), listing=f"MLS{random.randint(100000, 999999)}"
        )
        story.add(at, body, is_workflow=True)
        at += timedelta(minutes=random.uniform(1, 9))


def _mail(story: _Story, manner: Manner, until: datetime) -> None:
    """Send the newsletter every other week or so."""
    person, random = story.person, story.random
    if "newsletter" not in story.tags:
        return
    at = person.created_at + timedelta(days=random.uniform(3, 14))
    while at < min(until, story.now):
        name = story.name("newsletter")
        for moment, outcome in _outcomes(story, manner, at):
            story.add(moment, story.wire.email_event(outcome, at=moment, name=name))
            if outcome == "failed":
                return
        at += timedelta(days=random.uniform(12, 18))


def _outcomes(story: _Story, manner: Manner, at: datetime) -> Iterator[tuple[datetime, str]]:
    random = story.random
    if random.random() < 0.004:
        yield at, "failed"
        return
    yield at, "delivered"
    if random.random() < manner.opens:
        opened = story.after(at, 7)
        yield opened, "opened"
        if random.random() < manner.clicks / manner.opens:
            yield opened + timedelta(minutes=1), "clicked"


def _leave(story: _Story, manner: Manner, ends: datetime) -> None:
    """Let some ask for silence."""
    if ends < story.now and story.random.random() < manner.leaves:
        story.says(ends, "refusal")
        story.team(ends + timedelta(minutes=3), "goodbye")
        story.snapshot("ContactDndUpdate", ends + timedelta(minutes=5), denied=("SMS", "Call"))
