"""What moved a lead's score between two moments: two questions, answered at once if the history is short."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leads.ml.features import State, advance, vector
from leads.models import Lead
from leads.selectors.alerts import settings_of
from leads.selectors.histories import facts_of, histories_of
from scoring import selectors
from scoring.changes import Change, Moment, change
from scoring.engine import Case
from scoring.models import ScoreQuery
from scoring.selectors import CURRENT
from scoring.services import serving
from scoring.services.explaining import served_as
from scoring.services.queries import answer_query, ask_score, wait_for_answer

LONG = 3000
"""Events from which a history is left to a worker: to replay more takes over a tenth of a second."""


@dataclass(frozen=True, slots=True)
class AskedChange:
    """The questions about two moments, and those of them a worker has still to be given."""

    before: ScoreQuery
    after: ScoreQuery
    to_queue: tuple[int, ...]

    @property
    def answer(self) -> Change | None:
        """Return what moved the score, or None while a worker has not answered both."""
        if self.before.answer is None or self.after.answer is None:
            return None
        return change(_moment(self.before.at, self.before.answer), _moment(self.after.at, self.after.answer))


def ask_change(*, lead: Lead, start: datetime, end: datetime) -> AskedChange:
    """Ask for the scores of two moments under what serves now; a long history is left to a worker."""
    asked = [ask_score(lead=lead, at=at, model=CURRENT) for at in (start, end)]
    before, after = (query for query, _ in asked)
    still = [query for query, _ in asked if query.answered_at is None]
    if not still:
        return AskedChange(before, after, ())
    if has_long_past(lead=lead, until=end):
        return AskedChange(before, after, tuple(query.pk for query, is_open in asked if is_open))
    for query in still:
        answer_query(query=query)
        query.refresh_from_db()
    return AskedChange(before, after, ())


def has_long_past(*, lead: Lead, until: datetime) -> bool:
    """Tell whether a history is too long to be replayed while a page is waited for."""
    return selectors.has_long_history(lead, until=until, most=LONG)


def wait_for_change(*, asked: AskedChange) -> AskedChange:
    """Return the questions once both are answered, or as they are when patience ends."""
    after = wait_for_answer(query=asked.after)  # of the longer history
    before = asked.before if after.answered_at is None else wait_for_answer(query=asked.before)
    return replace(asked, before=before, after=after)


def moved_by_events(
    *, lead: Lead, start: datetime, end: datetime, events: Collection[int]
) -> dict[int, float]:
    """Return the points by which each of some events moved the score at its moment, by what serves now.

    What they leave of the change between two moments is other events and the time that passed.
    """
    served = served_as(lead, CURRENT)
    facts = sorted(histories_of([lead], until=end)[lead.pk], key=lambda fact: fact.key)
    known, personal = facts_of(lead), served.personal_of([lead])
    settings = settings_of([lead.tenant_id])[lead.tenant_id]
    state: State = {}
    found: list[int] = []
    cases: list[Case] = []
    for fact in facts:
        later = advance(state, fact)
        if fact.event_id in events and start < fact.occurred_at <= end:
            found.append(fact.event_id)
            cases += [
                served.case(lead, vector(each, fact.occurred_at, known), settings, personal)
                for each in (state, later)
            ]
        state = later
    scores = [score.score for score in serving.score_cases(cases, served.model, now=end)]
    return {event_id: scores[2 * i + 1] - scores[2 * i] for i, event_id in enumerate(found)}


def _moment(at: datetime, told: Mapping[str, Any]) -> Moment:
    return Moment(
        at=at,
        score=told["score"],
        tier=told["tier"],
        base=told["base"],
        points={one["feature"]: one["points"] for one in told["contributions"]},
        values=told.get("values", {}),
        mode=told["mode"],
        model_version=told["model_version"],
    )
