"""What became of leads, and the moments of their past a model may learn from.

A row is a lead at a moment while it was open; its label is whether the outcome came within the horizon after.
A moment whose horizon is not over yet has no label: taking those that ended early would teach that outcomes
come fast (right censoring). The label is known from the outcome on, else from the end of the horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leads.events import Kind, Mark

HORIZON = timedelta(days=90)
FIRST_LOOK = timedelta(days=1)
"""A lead is first looked at a day after it came: what the form said alone is hardly a history."""
EVERY = timedelta(days=30)
MOST_LOOKS = 8
ACTIVE_WITHIN = timedelta(days=90)
"""A lead silent for longer is not looked at: that nothing comes of it needs no model."""


class Target(StrEnum):
    """What a model foretells."""

    CLOSING = "closing"
    SHOWING = "showing"


@dataclass(frozen=True, slots=True)
class Words:
    """How sentences speak of what came: of leads that did it, that do it, and of what they did."""

    did: str
    do: str
    plural: str


WORDS: dict[str, Words] = {
    Target.CLOSING: Words("closed", "close", "closings"),
    Target.SHOWING: Words("kept an appointment", "keep an appointment", "kept appointments"),
}
TARGET_LABELS = {
    Target.CLOSING: "closes within 90 days",
    Target.SHOWING: "keeps an appointment within 90 days",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One event that ends, reopens or furthers a lead's story."""

    at: datetime
    kind: str
    mark: str = ""

    @property
    def word(self) -> str:
        """Return `won`, `lost`, `open`, `kept` or nothing."""
        return self.mark if self.kind == Kind.LEAD_MARKED else _WORDS.get(self.kind, "")


_WORDS: dict[str, str] = {
    Kind.OPPORTUNITY_WON: Mark.WON,
    Kind.OPPORTUNITY_LOST: Mark.LOST,
    Kind.OPPORTUNITY_ABANDONED: Mark.LOST,
    Kind.OPPORTUNITY_CREATED: Mark.OPEN,
    Kind.OPPORTUNITY_REOPENED: Mark.OPEN,
    Kind.APPOINTMENT_SHOWED: "kept",
}
OUTCOME_KINDS = frozenset({*_WORDS, Kind.LEAD_MARKED})


@dataclass(frozen=True, slots=True)
class Look:
    """A moment of a lead's past with what came of it, and when that was known."""

    at: datetime
    came: bool
    known_at: datetime


def looks(
    acts: Sequence[datetime], outcomes: Sequence[Outcome], *, target: Target, now: datetime
) -> list[Look]:
    """Return the moments a lead gives for learning; `acts` and `outcomes` in the order of time."""
    if not acts:
        return []
    found = []
    for at in _moments(acts[0], now):
        if not _is_open(outcomes, at, target) or not _is_active(acts, at):
            continue
        came = came_after(outcomes, at, target=target)
        found.append(Look(at, came is not None, at + HORIZON if came is None else came))
    return found


def recent_looks(
    acts: Sequence[datetime], outcomes: Sequence[Outcome], *, target: Target, now: datetime
) -> list[datetime]:
    """Return the moments like those of `looks` whose horizon is not over yet."""
    if not acts:
        return []
    moments = [at for at in _moments(acts[0], now + HORIZON) if at + HORIZON > now]
    return [at for at in moments if _is_open(outcomes, at, target) and _is_active(acts, at)]


def came_after(outcomes: Sequence[Outcome], at: datetime, *, target: Target) -> datetime | None:
    """Return when the target came within the horizon after a moment; None where it did not."""
    came = next((one.at for one in outcomes if _counts(one, target) and one.at > at), None)
    return came if came is not None and came <= at + HORIZON else None


def _moments(first: datetime, now: datetime) -> Iterator[datetime]:
    """Yield a day after the first act and then every 30 days, as far as the horizon is over."""
    at = first + FIRST_LOOK
    for _ in range(MOST_LOOKS):
        if at + HORIZON > now:
            return
        yield at
        at += EVERY


def _counts(outcome: Outcome, target: Target) -> bool:
    return outcome.word == (Mark.WON if target is Target.CLOSING else "kept")


def _is_open(outcomes: Sequence[Outcome], at: datetime, target: Target) -> bool:
    """Tell whether the target had not come and the lead was not lost by a moment."""
    before = [one for one in outcomes if one.at <= at]
    if target is Target.SHOWING and any(one.word == "kept" for one in before):
        return False
    standing = [one.word for one in before if one.word in set(Mark)]
    return not standing or standing[-1] == Mark.OPEN


def _is_active(acts: Sequence[datetime], at: datetime) -> bool:
    return any(at - ACTIVE_WITHIN <= act <= at for act in reversed(acts))
