"""What an agent says of a lead beside its score: how it fades, what became of it, and who was nearer.

An override never changes a score. It stands beside it, loses half its weight each week, ends after thirty
days, and is graded like the score of that time once the outcome is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from leads.events import Mark
from leads.ml.metrics import (
    Flags,
    Groups,
    Interval,
    Values,
    brier,
    log_loss,
    mean_interval,
    wilson,
)
from scoring.outcomes import HORIZON, Outcome, Target

HALF_LIFE = timedelta(days=7)
LASTS = timedelta(days=30)

LEAST_GRADED = 20
"""Graded overrides below which nothing is concluded: a share of fewer lies anywhere."""


class Reason(StrEnum):
    """Why an agent sees a lead otherwise: only what somebody did, said or arranged, never who they are."""

    TALKED = "talked"
    MET = "met"
    ELSEWHERE = "elsewhere"
    FINANCING = "financing"
    TIMING = "timing"
    OTHER_AGENT = "other_agent"
    LOOKING = "looking"
    OTHER = "other"


REASON_LABELS = {
    Reason.TALKED: "I talked to them",
    Reason.MET: "I met them",
    Reason.ELSEWHERE: "They act where we do not see it",
    Reason.FINANCING: "I know more about their financing",
    Reason.TIMING: "I know more about when they move",
    Reason.OTHER_AGENT: "They have another agent",
    Reason.LOOKING: "They are only looking",
    Reason.OTHER: "Something else",
}


def strength(age: timedelta) -> float:
    """Return what is left of an override: 1 at first, half after each week, nothing after thirty days."""
    if age >= LASTS:
        return 0.0
    return float(0.5 ** (max(age, timedelta()) / HALF_LIFE))


def taken_together(score: float, said: float, left: float) -> float:
    """Return a score and what is left of an override as one number between the two."""
    return score + left * (said - score)


@dataclass(frozen=True, slots=True)
class Known:
    """What became of a lead an override was about, and when that was known."""

    came: bool
    at: datetime


def became(outcomes: Sequence[Outcome], said_at: datetime, *, target: Target, now: datetime) -> Known | None:
    """Return what came of a lead after an override, or None while it is open.

    What counts is whether the target came within the horizon; a lead lost meanwhile is taken as not come
    until it does. `outcomes` in the order of time.
    """
    word = Mark.WON.value if target is Target.CLOSING else "kept"
    end = said_at + HORIZON
    after = [one for one in outcomes if said_at < one.at <= min(now, end)]
    came = next((one for one in after if one.word == word), None)
    if came is not None:
        return Known(True, came.at)
    if now >= end:
        return Known(False, end)
    standing = [one for one in after if one.word in set(Mark)]
    if standing and standing[-1].word == Mark.LOST:
        return Known(False, standing[-1].at)
    return None


@dataclass(frozen=True, slots=True)
class Comparison:
    """People against the model on the same leads at the same moments; lower losses are better."""

    count: int
    nearer: int
    """Times the people were nearer to what came."""
    equal: int
    share: Interval
    """Of the times one was nearer, how often the people were."""
    brier: float
    model_brier: float
    log_loss: float
    model_log_loss: float
    difference: Interval
    """Brier of the people less that of the model."""

    @property
    def model_nearer(self) -> int:
        return self.count - self.nearer - self.equal

    @property
    def is_enough(self) -> bool:
        return self.count >= LEAST_GRADED

    @property
    def verdict(self) -> str:
        """Return what may be said of it."""
        if not self.is_enough:
            return f"Too few to conclude: it takes {LEAST_GRADED} graded at least."
        if self.share.low > 0.5:
            return "Your team was nearer more often than chance explains."
        if self.share.high < 0.5:
            return "The model was nearer more often than chance explains."
        return "Neither was nearer more often than chance explains."


def compared(came: Flags, said: Values, scores: Values, *, leads: Groups, seed: int) -> Comparison | None:
    """Return how people's numbers did against the model's, both 0 to 100; None of none.

    Several overrides of one lead are drawn together: they are no independent evidence.
    """
    if len(came) == 0:
        return None
    people, model = said / 100.0, scores / 100.0
    theirs, ours = (people - came) ** 2, (model - came) ** 2
    nearer, equal = int((theirs < ours).sum()), int((theirs == ours).sum())
    decided = len(came) - equal
    return Comparison(
        count=len(came),
        nearer=nearer,
        equal=equal,
        share=Interval(nearer / decided if decided else float("nan"), *wilson(nearer, decided)),
        brier=brier(came, people),
        model_brier=brier(came, model),
        log_loss=log_loss(came, people),
        model_log_loss=log_loss(came, model),
        difference=mean_interval(np.asarray(theirs - ours), seed=seed, groups=leads),
    )
