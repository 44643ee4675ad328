"""Live messages as they travel: who wants which, and the frames they become; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leads.realtime.groups import TEAM, TOPIC_OF_TYPE, TOPICS, audiences_of

PING = '{"type":"ping"}'
RESET = '{"type":"reset"}'
FRAME_MESSAGES = 200
SUPERSEDED = "score_update"
"""The newest of this type for a lead stands for all before it in one frame."""
TOLD = "alert"
"""A page tells of every message of this type by name, whatever it shows: the fragment has the name."""


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered message, its JSON ready to send."""

    tenant_id: int
    number: int
    type: str
    audience: str
    lead_id: int | None
    at: datetime
    event_at: datetime
    plain: str
    html: str
    score: float | None = None

    @property
    def target(self) -> str:
        """Return the id of the element the message's fragment is for."""
        return self.html[2 : self.html.index('"', 2)] if self.html else ""

    @property
    def topic(self) -> str:
        return TOPIC_OF_TYPE[self.type]

    def text(self, *, with_html: bool) -> str:
        """Return the message's JSON."""
        return f'{self.plain},"html":{self.html}}}' if with_html and self.html else self.plain + "}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: fragments for anything else would travel to be thrown away."""

    targets: frozenset[str] = frozenset()
    from_score: float | None = None
    """A board takes in any lead from this score on; None: there is no board."""

    def takes(self, message: Message) -> bool:
        """Tell whether a message's fragment has a place on the page, or a name to tell there."""
        if message.type == TOLD:
            return True
        if message.score is not None and self.from_score is not None and message.score >= self.from_score:
            return True
        return message.target in self.targets


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Wants:
    """What a reader subscribed to, and how it wants it; `html` with what is `shown` means for that alone."""

    topics: frozenset[str] = TOPICS
    html: bool = False
    batch: bool = False
    shown: Shown | None = None

    def text(self, message: Message) -> str:
        """Return a message's JSON for this reader."""
        return message.text(with_html=self.html and (self.shown is None or self.shown.takes(message)))


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads: a member of a tenant, through a session or a token."""

    user_id: int
    membership_id: int
    tenant_id: int
    role: str
    stamp: str = ""
    session_key: str = ""
    expires_at: datetime | None = None

    @property
    def audiences(self) -> frozenset[str]:
        return audiences_of(self.role, self.user_id)


def opening(*, number: int, type: str, location_id: str, at: datetime, event_at: datetime, data: str) -> str:
    """Return a message's JSON up to, and without, its HTML and its closing brace."""
    return (
        f'{{"id":{number},"type":"{type}","tenant":{json.dumps(location_id)}'
        f',"at":"{stamp(at)}","event_at":"{stamp(event_at)}","data":{data}'
    )


def stamp(moment: datetime) -> str:
    """Return a moment in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wanted(messages: Iterable[Message], wants: Wants, audiences: frozenset[str]) -> list[Message]:
    """Return the messages a reader subscribed to and may see."""
    return [each for each in messages if each.topic in wants.topics and each.audience in audiences]


def frames(messages: Sequence[Message], wants: Wants) -> list[str]:
    """Return messages as frames: one each, or lists of them for a reader of batches."""
    if not wants.batch:
        return [wants.text(each) for each in messages]
    newest = without_superseded(messages)
    return [
        "[" + ",".join(wants.text(each) for each in newest[start : start + FRAME_MESSAGES]) + "]"
        for start in range(0, len(newest), FRAME_MESSAGES)
    ]


def without_superseded(messages: Sequence[Message]) -> list[Message]:
    """Return messages without the score updates of a lead that a later one replaces."""
    seen: set[int] = set()
    kept: list[Message] = []
    for message in reversed(messages):
        if message.type == SUPERSEDED and message.lead_id is not None:
            if message.lead_id in seen:
                continue
            seen.add(message.lead_id)
        kept.append(message)
    kept.reverse()
    return kept


def personal_numbers(messages: Iterable[Message], audiences: frozenset[str]) -> tuple[int, ...]:
    """Return the numbers of messages meant for these audiences alone, not for the whole team."""
    return tuple(each.number for each in messages if each.audience != TEAM and each.audience in audiences)
