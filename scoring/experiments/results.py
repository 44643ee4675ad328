"""What an experiment says today, and whether it should go on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from leads.figures import signed
from leads.ml.metrics import wilson
from scoring.experiments.assignment import MISMATCH, mismatch_chance
from scoring.experiments.planning import Plan
from scoring.experiments.sequential import Difference, Sample, difference
from scoring.outcomes import WORDS, Target

LEAST_DAYS = 14.0
"""Days before anything is won: every day of the week counts alike."""

LEAST_CLOSINGS = 10
"""Closings in both arms before anything is won or given up."""


class Stop(StrEnum):
    """What to do."""

    KEEP_RUNNING = "keep running"
    WON = "stop: won"
    LOST = "stop: lost"
    NO_DIFFERENCE = "stop: no difference"
    HARM = "stop: harm"
    SAMPLE_RATIO = "stop: sample ratio broken"


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant: leads assigned, leads whose outcome is known, and for how many of those it came."""

    name: str
    assigned: int
    known: int
    closed: int

    @property
    def rate(self) -> float:
        return self.closed / self.known if self.known else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return Wilson's 95% interval of the rate; of one look, to be shown and not to decide by."""
        return wilson(self.closed, self.known)

    @property
    def words(self) -> str:
        return f"{100.0 * self.rate:.1f}% of {self.known:,} leads"


@dataclass(frozen=True, slots=True)
class Guard:
    """A figure that may not get worse by more than `limit`; higher is worse."""

    name: str
    control: Sample
    treated: Sample
    limit: float
    unit: str = "points"
    """What it is told in; shares are told in points."""

    @property
    def scale(self) -> float:
        return 100.0 if self.unit == "points" else 1.0


@dataclass(frozen=True, slots=True)
class GuardReading:
    """How a guard stands; broken once it is surely worse, and by more than the limit as far as is known."""

    guard: Guard
    difference: Difference

    @property
    def broken(self) -> bool:
        return self.difference.low > 0.0 and self.difference.value > self.guard.limit

    @property
    def sentence(self) -> str:
        """Say how the figure differs between the arms."""
        scale, unit, found = self.guard.scale, self.guard.unit, self.difference
        if not math.isfinite(found.low):
            return f"{self.guard.name}: too few leads yet."
        sign, side = (1.0, "worse") if found.value > 0 else (-1.0, "better")
        low, high = sorted((sign * scale * found.low, sign * scale * found.high))
        return (
            f"{self.guard.name} {side} by {abs(scale * found.value):.2g} {unit}"
            f" (95%: {low:.2g} to {high:.2g}); {scale * self.guard.limit:.2g} allowed."
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """The results of an experiment at one look."""

    control: Arm
    treated: Arm
    difference: Difference
    guards: tuple[GuardReading, ...]
    ratio_chance: float
    stop: Stop
    sentence: str

    @property
    def is_over(self) -> bool:
        return self.stop is not Stop.KEEP_RUNNING


def read(
    planned: Plan,
    control: Arm,
    treated: Arm,
    *,
    days: float,
    guards: Sequence[Guard] = (),
    target: Target = Target.CLOSING,
) -> Reading:
    """Return what may be said of a target after so many days; it may be asked as often as one likes.

    The first of these that holds decides: the sample ratio is broken; a guard is; the treated arm is better,
    or worse, for sure; an effect that matters is ruled out, or all planned leads are known.
    """
    chance = mismatch_chance((control.assigned, treated.assigned), tuple(planned.shares.values()))
    found = difference(
        Sample.of_share(control.closed, control.known),
        Sample.of_share(treated.closed, treated.known),
        information=planned.information,
        alpha=planned.alpha,
    )
    watched = tuple(_guard(guard, planned, len(guards)) for guard in guards)
    stop = _stop(planned, control, treated, found, watched, chance, days)
    return Reading(
        control=control,
        treated=treated,
        difference=found,
        guards=watched,
        ratio_chance=chance,
        stop=stop,
        sentence=_sentence(stop, planned, control, treated, found, watched, chance, target),
    )


def _guard(guard: Guard, planned: Plan, count: int) -> GuardReading:
    """Return how a guard stands; the chance of a false alarm is shared among all of them."""
    variance = guard.control.variance * guard.control.count + guard.treated.variance * guard.treated.count
    each = 0.5 * planned.leads
    information = each / variance if 0.0 < variance < math.inf else 1.0
    found = difference(guard.control, guard.treated, information=information, alpha=planned.alpha / count)
    return GuardReading(guard, found)


def _stop(
    planned: Plan,
    control: Arm,
    treated: Arm,
    found: Difference,
    guards: Sequence[GuardReading],
    chance: float,
    days: float,
) -> Stop:
    closings = control.closed + treated.closed
    if chance < MISMATCH:
        return Stop.SAMPLE_RATIO
    if any(guard.broken for guard in guards):
        return Stop.HARM
    if found.high < 0.0:
        return Stop.LOST
    if days < LEAST_DAYS or closings < LEAST_CLOSINGS:
        return Stop.KEEP_RUNNING
    if found.low > 0.0:
        return Stop.WON
    if found.high < planned.least_effect or control.known + treated.known >= planned.leads:
        return Stop.NO_DIFFERENCE
    return Stop.KEEP_RUNNING


def _sentence(
    stop: Stop,
    planned: Plan,
    control: Arm,
    treated: Arm,
    found: Difference,
    guards: Sequence[GuardReading],
    chance: float,
    target: Target,
) -> str:
    """Say the result in one sentence."""
    if stop is Stop.SAMPLE_RATIO:
        return (
            f"The leads are not split as planned: {treated.assigned:,} against {control.assigned:,},"
            f" which chance does in {_rare(chance)}. Nothing can be concluded; look for what loses leads."
        )
    if stop is Stop.HARM:
        broken = next(guard for guard in guards if guard.broken)
        return f"“{treated.name}” does harm: {broken.sentence}"
    rates = f"{treated.words} {WORDS[target].did} against {control.words} under “{control.name}”"
    if not math.isfinite(found.low):
        return f"Too early to say anything of “{treated.name}”: {rates}."
    told = (
        f"{rates}, a difference of {_points(found.value)} points"
        f" (95%, valid at every look: {_points(found.low)} to {_points(found.high)})"
    )
    if stop is Stop.WON:
        return f"“{treated.name}” won: {told}."
    if stop is Stop.LOST:
        return f"“{treated.name}” lost: {told}."
    if stop is Stop.NO_DIFFERENCE:
        wanted = f"{100.0 * planned.least_effect:.1f} points"
        if found.high < planned.least_effect:
            return f"“{treated.name}” does not gain the {wanted} that matter: {told}."
        return f"No difference between “{treated.name}” and “{control.name}” was proved: {told}."
    left = max(0, planned.leads - control.known - treated.known)
    return f"Still open: {told}; {left:,} of the {planned.leads:,} leads planned are to come."


def _points(share: float) -> str:
    return signed(100.0 * share)


def _rare(chance: float) -> str:
    return "1 of 1,000,000 cases or less" if chance < 1e-6 else f"1 of {round(1.0 / chance):,} cases"
