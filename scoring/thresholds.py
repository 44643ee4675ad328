"""Choose where a tenant's tiers begin: from how many leads the team can call, and how many of them close.

Scores differ in scale: the rules' bunch between 60 and 100, a model's are closing rates and may all lie below
30. So nothing here is a number on the scale; cuts follow the scores the leads have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.ml.metrics import Flags, Values, wilson
from scoring import cut_words
from scoring.engine import Thresholds
from scoring.outcomes import WORDS, Target, Words

Labels = NDArray[np.str_]

LEAST_LEADS = 50
"""Recent leads below which the tenant's standard cuts stay."""

LEAST_SEGMENT = 100
"""Recent leads from which a segment gets cuts of its own."""

LEAST_CLOSINGS = 10
LEAST_ABOVE = 20
"""Leads above a cut whose closing share says anything."""

MOST_HOT, MOST_WORKED = 0.2, 0.5
"""Share of leads that are hot, and hot or warm, at most: who can call everybody still calls some first."""

LOWEST_HOT, LOWEST_WARM = 0.5, 0.25
"""Shares of the graded leads' average score below which nobody is hot, or warm, however much time there is.

Where most leads hardly score at all, the best fifth would reach down to those nobody closes.
"""

MOST_MISSED = 0.1
"""Share of the closings that come from below steady at most."""

MOST_QUIET = 0.8
"""Share of the leads below warm that are quiet at most."""

LEAST_GAP = 1e-6

MOST_MARGIN = 3.0
"""Points of hysteresis at most; between cuts that lie close it is a quarter of the way."""

_STEPS = ((15.0, 1.0), (1.5, 0.1), (0.0, 0.01))
"""Where the scores' middle nine tenths span so much, cuts are multiples of so much."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the team can do in a week, and what share of the hot leads must close at least."""

    hot_a_week: float
    warm_a_week: float
    least_precision: float = 0.0
    agents: int | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """The leads of the last weeks: score of each (n,), and its segment (n,)."""

    scores: Values
    segments: Sequence[str]
    weeks: float


@dataclass(frozen=True, slots=True)
class Graded:
    """Leads whose outcome is known: score before it was (n,), whether it came (n,), and segment (n,)."""

    scores: Values
    outcomes: Flags
    segments: Sequence[str]
    target: Target = Target.CLOSING


@dataclass(frozen=True, slots=True)
class Precision:
    """For how many of the graded leads above the hot cut it came, with Wilson's 95% interval."""

    leads: int
    closed: int
    low: float
    high: float
    target: str = Target.CLOSING

    @property
    def share(self) -> float:
        return self.closed / self.leads if self.leads else 0.0

    def __str__(self) -> str:
        return cut_words.share_that_came(self.share, self.low, self.high, WORDS[self.target])


@dataclass(frozen=True, slots=True)
class Cuts:
    """Scores from which tiers begin, how far below a lead stays in its tier, and why."""

    hot: float
    warm: float
    steady: float
    margin: float
    reasons: tuple[str, ...]
    pooled: bool = False
    """Whether they are those of all leads, the segment having too few."""
    hot_a_week: float | None = None
    """Leads a week that reach hot with these cuts."""
    precision: Precision | None = None
    precise: bool = True
    """Whether the wanted share of hot leads closes, as far as it can be told."""

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.hot, self.warm, self.steady, self.margin)

    def as_json(self) -> dict[str, Any]:
        """Return the cuts as plain JSON."""
        return asdict(self) | {"reasons": list(self.reasons)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Cuts:
        """Return the cuts kept as JSON."""
        precision = told.get("precision")
        return cls(
            **{
                **told,
                "reasons": tuple(told["reasons"]),
                "precision": Precision(**precision) if precision is not None else None,
            }
        )


def choose_cuts(
    recent: Recent, graded: Graded, capacity: Capacity, *, standard: Thresholds | None = None
) -> dict[str, Cuts]:
    """Return the cuts of all leads, under the empty name, and of every segment among the recent leads.

    What is left of the capacity by leads without cuts of their own is shared among segments by the closings
    they bring. With few leads the `standard` cuts stay. ValueError if arrays disagree or are not finite.
    """
    scores, labels = _checked(recent.scores, recent.segments)
    told, told_labels = _checked(graded.scores, graded.segments)
    outcomes = np.asarray(graded.outcomes, dtype=np.bool_)
    if len(outcomes) != len(told):
        raise ValueError("An outcome is needed for each graded score.")
    if recent.weeks <= 0 or min(capacity.hot_a_week, capacity.warm_a_week) < 0:
        raise ValueError("Weeks must be above zero and capacities not below.")
    names = sorted({*labels.tolist()} - {""})
    if len(scores) < LEAST_LEADS:
        cuts = _standard(standard or Thresholds(), len(scores))
        return {"": cuts} | dict.fromkeys(names, replace(cuts, pooled=True))
    whole = _choose(_Leads(scores, recent.weeks, told, outcomes, graded.target), capacity, _Room.of(capacity))
    closings = {name: int(outcomes[told_labels == name].sum()) for name in names}
    own = [
        name
        for name in names
        if int((labels == name).sum()) >= LEAST_SEGMENT and closings[name] >= LEAST_CLOSINGS
    ]
    rest = scores[~np.isin(labels, own)]
    hot, warm = ((rest >= cut).sum() / recent.weeks for cut in (whole.hot, whole.warm))
    left = Capacity(
        max(0.0, capacity.hot_a_week - float(hot)), max(0.0, capacity.warm_a_week - float(warm - hot))
    )
    found = {"": whole}
    for name in names:
        if name not in own:
            found[name] = _pooled(whole, name, int((labels == name).sum()), closings[name], graded.target)
            continue
        share = closings[name] / sum(closings[one] for one in own)
        leads = _Leads(
            scores[labels == name],
            recent.weeks,
            told[told_labels == name],
            outcomes[told_labels == name],
            graded.target,
        )
        room = _Room(share * left.hot_a_week, share * left.warm_a_week, name, share)
        found[name] = _choose(leads, capacity, room)
    return found


def standard_cuts(graded: Graded) -> Cuts:
    """Return the cuts of whoever has few leads: by the share of the leads the model was tried on.

    ValueError if there are none, arrays disagree or a score is not finite.
    """
    scores, _ = _checked(graded.scores, graded.segments)
    if not len(scores):
        raise ValueError("At least one graded score is needed.")
    everyone = Capacity(float(len(scores)), float(len(scores)))
    cuts = _choose(
        _Leads(scores, 1.0, scores, np.asarray(graded.outcomes, dtype=np.bool_), graded.target),
        everyone,
        _Room.of(everyone),
    )
    tried = f"of the {len(scores):,} earlier leads the model was tried on"
    above = [float((scores >= cut).mean()) for cut in (cuts.hot, cuts.warm)]
    return replace(
        cuts,
        reasons=(
            f"Hot from {cuts.hot:g}: {cut_words.percent(above[0])} {tried} lie above.",
            f"Warm from {cuts.warm:g}: {cut_words.percent(above[1])} lie above.",
            f"Steady from {cuts.steady:g}: below lie leads that seldom {WORDS[graded.target].do}.",
        ),
        hot_a_week=None,
    )


def _checked(scores: Values, segments: Sequence[str]) -> tuple[Values, Labels]:
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(segments, dtype=np.str_)
    if len(labels) != len(values):
        raise ValueError("A segment is needed for each score.")
    if not np.isfinite(values).all():
        raise ValueError("Scores must be finite numbers.")
    return values, labels


def _standard(standard: Thresholds, count: int) -> Cuts:
    reason = f"Standard cuts: {count} leads so far, {LEAST_LEADS} are needed to choose others."
    return Cuts(
        standard.hot,
        standard.warm,
        standard.steady,
        _margin(standard.hot, standard.warm, standard.steady),
        (reason,),
    )


def _pooled(whole: Cuts, name: str, count: int, closings: int, target: Target) -> Cuts:
    leads = f"{count:,} {cut_words.segment_words(name)} leads"
    reason = (
        f"As for all leads: {leads} and {closings:,} {WORDS[target].plural},"
        f" {LEAST_SEGMENT} and {LEAST_CLOSINGS} are needed for cuts of their own."
    )
    return replace(whole, pooled=True, reasons=(reason, *whole.reasons))


def _margin(hot: float, warm: float, steady: float) -> float:
    return min(MOST_MARGIN, 0.25 * min(hot - warm, warm - steady))


@dataclass(frozen=True, slots=True)
class _Room:
    """The leads a week some leads may have of the team's time; for a segment, its name and share."""

    hot: float
    warm: float
    segment: str = ""
    share: float = 1.0

    @classmethod
    def of(cls, capacity: Capacity) -> _Room:
        return cls(capacity.hot_a_week, capacity.warm_a_week)


class _Leads:
    """Scores on a grid of possible cuts: how many come a week at or above each, and how many closed."""

    def __init__(self, scores: Values, weeks: float, told: Values, outcomes: Flags, target: Target) -> None:
        self.words, self.target = WORDS[target], target
        low, high = np.quantile(scores, (0.05, 0.95))
        self.step = next(step for span, step in _STEPS if high - low >= span)
        begin, end = np.floor(scores.min() / self.step), np.ceil(scores.max() / self.step)
        self.grid: Values = np.round(np.arange(begin, end + 2) * self.step, 2)
        self.weeks, self.count = weeks, len(scores)
        self.sorted = np.sort(scores)
        self.above = self.count - np.searchsorted(self.sorted, self.grid, side="left")
        order = np.argsort(told, kind="stable")
        places = np.searchsorted(told[order], self.grid, side="left")
        self.closings = int(outcomes.sum())
        self.missed = np.concatenate([[0], np.cumsum(outcomes[order])])[places]
        self.graded = len(told) - places
        self.closed = self.closings - self.missed
        self.can_grade = self.closings >= LEAST_CLOSINGS
        average = float(told.mean()) if self.can_grade else 0.0
        self.lowest_hot, self.lowest_warm = LOWEST_HOT * average, LOWEST_WARM * average

    def between(self, low: float, high: float) -> float:
        """Return how many leads a week come from one score up to another."""
        ends = np.searchsorted(self.sorted, [low, high], side="left")
        return float(ends[1] - ends[0]) / self.weeks

    def precision(self, place: int) -> Precision:
        """Return what came of graded leads above a cut."""
        leads, closed = int(self.graded[place]), int(self.closed[place])
        return Precision(leads, closed, *wilson(closed, leads), self.target)


def _choose(leads: _Leads, capacity: Capacity, room: _Room) -> Cuts:
    """Return the cuts of leads that have so much room."""
    fits = leads.above <= room.hot * leads.weeks
    among_best = leads.above <= MOST_HOT * leads.count
    by_capacity, by_share = int(np.argmax(fits)), int(np.argmax(among_best))
    by_average = min(int(np.searchsorted(leads.grid, leads.lowest_hot)), len(leads.grid) - 1)
    place, precise = max(by_capacity, by_share, by_average), True
    wanted = capacity.least_precision if leads.can_grade else 0.0
    bound = "capacity" if place == by_capacity else "share" if place == by_share else "average"
    if wanted > 0.0:
        sure = [
            one
            for one in range(place, len(leads.grid))
            if leads.graded[one] >= LEAST_ABOVE and leads.precision(one).low >= wanted
        ]
        precise = bool(sure)
        if sure and sure[0] > place:
            place, bound = sure[0], "precision"
    hot = float(leads.grid[place])
    warm = _warm(leads, room, place)
    steady, why_steady = _steady(leads, warm)
    precision = leads.precision(place) if leads.can_grade and leads.graded[place] else None
    hot_a_week = float(leads.above[place]) / leads.weeks
    told = _told(leads, capacity, precision, precise)
    return Cuts(
        hot=hot,
        warm=warm,
        steady=steady,
        margin=_margin(hot, warm, steady),
        reasons=(
            f"Hot from {hot:g}: {_why_hot(capacity, room, bound, hot_a_week, leads.words)}; {told}.",
            f"Warm from {warm:g}: {leads.between(warm, hot):.3g} more leads a week.",
            f"Steady from {steady:g}: {why_steady}.",
        ),
        hot_a_week=hot_a_week,
        precision=precision,
        precise=precise,
    )


def _warm(leads: _Leads, room: _Room, place: int) -> float:
    """Return the lowest cut below the hot one that the team has time for."""
    more = leads.above[:place] - leads.above[place]
    fits = (more <= room.warm * leads.weeks) & (leads.above[:place] <= MOST_WORKED * leads.count)
    fits &= leads.grid[:place] >= leads.lowest_warm
    if fits.any():
        return float(leads.grid[int(np.argmax(fits))])
    # too many leads share the next score: the order of tiers stays, and none of them is warm
    hot = float(leads.grid[place])
    below = leads.sorted[leads.sorted < hot]
    next_one = max(float(below[-1]) if len(below) else hot, hot - leads.step)
    return 0.5 * (hot + next_one) if next_one < hot - LEAST_GAP else hot - 0.1 * leads.step


def _steady(leads: _Leads, warm: float) -> tuple[float, str]:
    """Return the highest cut below warm that leaves few closings below it, and why."""
    rest = leads.sorted[leads.sorted < warm]
    share = MOST_QUIET if leads.can_grade else 0.5
    highest = min(warm, float(np.quantile(rest, share))) if len(rest) else warm
    fits = (leads.grid <= highest) & (leads.grid < warm)
    if not leads.can_grade:
        return float(leads.grid[_last(fits)]), "half of the other leads lie below"
    place = _last(fits & (leads.missed <= MOST_MISSED * leads.closings))
    missed = cut_words.percent(float(leads.missed[place]) / leads.closings)
    return float(leads.grid[place]), f"{missed} of the {leads.words.plural} came from below"


def _last(fits: Flags) -> int:
    """Return the last place that fits, else the first of all."""
    return int(np.flatnonzero(fits)[-1]) if fits.any() else 0


def _why_hot(capacity: Capacity, room: _Room, bound: str, hot_a_week: float, words: Words) -> str:
    """Say what the hot cut rests on."""
    calls = cut_words.Calls(
        cut_words.team_words(capacity.agents), capacity.hot_a_week, room.segment, room.hot, room.share
    )
    if bound == "precision":
        return cut_words.by_precision(capacity.least_precision, hot_a_week, calls, words)
    if bound == "average":
        return cut_words.by_average(hot_a_week, calls, words)
    if bound == "share":
        return cut_words.by_share(MOST_HOT, hot_a_week, calls, words)
    return calls.told(words)


def _told(leads: _Leads, capacity: Capacity, precision: Precision | None, precise: bool) -> str:
    """Say for how many of the hot leads it came."""
    if not leads.can_grade:
        return cut_words.too_few(leads.closings, leads.words)
    if precision is None:
        return "no lead with a known outcome lies above it"
    return cut_words.of_those_above(str(precision), None if precise else capacity.least_precision)
