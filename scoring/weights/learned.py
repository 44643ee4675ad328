"""Learn how strongly each pillar counts, by segment, from what became of leads.

The spreads of the priors (see `posterior`) are not chosen but averaged over a grid, each point counting by
how probable it makes the outcomes: by its evidence or, when times are given, by the probabilities it gave to
later leads before they were known (prequential evidence, Dawid 1984). So the intervals hold what is not known
of the spreads, too.

Of many weights some look different by chance. A weight is published only if it stands against all the others
(Holm 1979, 5%): a segment's own where it differs from the one of all, the one of all where that differs from
one. Everything else counts once, as in the plain model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from leads.ml.metrics import Z95, Flags, Values
from scoring.outcomes import WORDS, Target
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.weights.combined import HIGHEST, LOWEST
from scoring.weights.posterior import Posterior, Sample, Spreads, fit, log_likelihood, shares, two_sided

COMMON = (0.03, 0.1, 0.25, 0.6)
OWN = (0.03, 0.1, 0.25, 0.6)
"""Spreads tried: from hardly any effect to the ends of the bounds."""

LEAST_RARER = 20
"""Leads with the rarer outcome below which nothing is learned."""

FOLDS = 4
FIRST = 0.4
"""Share of the leads before the first fold that is foretold."""

ERROR = 0.05


class Basis(StrEnum):
    """What a published weight rests on."""

    OWN = "own"
    ALL = "all leads"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One pillar's weight in one segment: published, and as estimated with its 95% interval."""

    pillar: Pillar
    weight: float
    estimate: float
    low: float
    high: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class Learned:
    """The weights of every segment; under the empty name, those of all and of leads without a segment."""

    segments: Mapping[str, tuple[Estimate, ...]]
    leads: Mapping[str, int]
    conversions: Mapping[str, int]
    spreads: Spreads | None = None
    """The likeliest ones; None if nothing was learned."""
    steepness: float = 1.0
    """What the margins were multiplied with first, so that as a whole they fit the outcomes."""
    forward_gain: float | None = None
    """Log loss a lead less than the plain model's, foretold forward in time; None without times."""
    reason: str = ""
    sentences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def weights(self, segment: str = "") -> dict[Pillar, float]:
        """Return the published weights of a segment; of all for one never seen."""
        return {one.pillar: one.weight for one in self.estimates(segment)}

    def estimates(self, segment: str = "") -> tuple[Estimate, ...]:
        return self.segments.get(segment, self.segments[""])

    @property
    def is_plain(self) -> bool:
        """Tell whether every weight is exactly one."""
        return all(one.weight == 1.0 for told in self.segments.values() for one in told)


def learn(
    margins: Values,
    base: Values,
    outcomes: Flags,
    segments: Sequence[str],
    *,
    pillars: Sequence[Pillar] = tuple(Pillar),
    times: Values | None = None,
    fit_steepness: bool = False,
    target: Target = Target.CLOSING,
) -> Learned:
    """Return the weights of pillars by segment.

    `margins` (n, p) are log odds summed within pillars by the plain model, `base` (n,) its log odds at the
    start, `outcomes` (n,) what came, `times` (n,) when each lead was looked at, in any unit. For margins that
    rank but are no log odds of this outcome (the rules'), `fit_steepness` first fits one factor to them all.
    `target` is what came, for the sentences.
    ValueError if shapes disagree or a number is not finite.
    """
    margins, base, outcomes = np.asarray(margins, float), np.asarray(base, float), np.asarray(outcomes, bool)
    labels = np.asarray(segments, dtype=str)
    _check(margins, base, outcomes, labels, pillars, times)
    names = sorted({*labels.tolist()} - {""})
    groups = np.array([0, *range(1, len(names) + 1)])[np.searchsorted(["", *names], labels)]
    leads = {name: int((groups == i).sum()) for i, name in enumerate(names, 1)} | {"": len(base)}
    came = {name: int(outcomes[groups == i].sum()) for i, name in enumerate(names, 1)}
    came[""] = int(outcomes.sum())
    rarer = min(came[""], leads[""] - came[""])
    if rarer < LEAST_RARER:
        reason = (
            f"Nothing learned: of {leads['']:,} leads {came['']:,} {WORDS[target].did};"
            f" at least {LEAST_RARER} that did and {LEAST_RARER} that did not are needed."
        )
        plain = tuple(Estimate(pillar, 1.0, 1.0, LOWEST, HIGHEST, Basis.PLAIN) for pillar in pillars)
        return Learned({"": plain} | dict.fromkeys(names, plain), leads, came, reason=reason)
    steepness = _steepness(margins, base, outcomes) if fit_steepness else 1.0
    scaled = steepness * margins
    order = np.arange(len(base)) if times is None else np.argsort(times, kind="stable")
    sample = Sample(base + scaled.sum(axis=1), scaled, outcomes, groups, len(names)).ordered(order)
    grid = [Spreads(common, own) for common in COMMON for own in (OWN if names else OWN[:1])]
    found = [fit(sample, spreads) for spreads in grid]
    evidence = np.array([one.evidence for one in found])
    gain = None
    if times is not None and (forward := _forward(sample, grid)) is not None:
        evidence, gain = forward
    counted = shares(evidence)
    told = _published(found, counted, names, pillars)
    sentences = {
        name: _sentences(name, rows, _learned_from(leads[name], came[name], target))
        for name, rows in told.items()
    }
    return Learned(
        segments=told,
        leads=leads,
        conversions=came,
        spreads=grid[int(np.argmax(counted))],
        steepness=steepness,
        forward_gain=gain,
        reason=_summary(told, _learned_from(leads[""], came[""], target)),
        sentences=sentences,
    )


def _check(
    margins: Values,
    base: Values,
    outcomes: Flags,
    labels: Values,
    pillars: Sequence[Pillar],
    times: Values | None,
) -> None:
    count = len(base)
    if margins.shape != (count, len(pillars)):
        raise ValueError(f"Margins of {count} leads and {len(pillars)} pillars are needed.")
    if len(outcomes) != count or len(labels) != count or (times is not None and len(times) != count):
        raise ValueError("Outcomes, segments and times are needed for each lead.")
    if not (np.isfinite(margins).all() and np.isfinite(base).all()):
        raise ValueError("Margins must be finite numbers.")


def _steepness(margins: Values, base: Values, outcomes: Flags) -> float:
    """Return the factor that fits the margins as a whole to the outcomes, the level being free."""
    total = margins.sum(axis=1)
    sample = Sample(base, total[:, None], outcomes, np.zeros(len(base), dtype=np.int64), 0)
    slope = float(fit(sample, Spreads(10.0, 1.0)).mode[0, 1])
    return max(0.0, slope)


def _forward(sample: Sample, grid: Sequence[Spreads]) -> tuple[Values, float] | None:
    """Return the log probability each grid point gave to later leads, and the gain of all over the plain.

    None where the leads before the first fold are too few to learn from.
    """
    count = len(sample.plain)
    bounds = [round(count * part) for part in np.linspace(FIRST, 1.0, FOLDS + 1)]
    first = sample.outcomes[: bounds[0]]
    if min(int(first.sum()), int((~first).sum())) < LEAST_RARER:
        return None
    given = np.zeros(len(grid))
    gained = 0.0
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        seen, later = sample.until(begin), sample.part(slice(begin, end))
        found = [fit(seen, spreads) for spreads in grid]
        told = np.array([log_likelihood(one, later) for one in found])
        # what is known before the fold decides how much each point counts in it
        counted = shares(given) if given.any() else shares(np.array([one.evidence for one in found]))
        plain = log_likelihood(fit(seen, Spreads(1e-3, 1e-3)), later)
        best = float(told.max())
        gained += best + math.log(float((counted * np.exp(told - best)).sum())) - plain
        given += told
    return given, gained / (count - bounds[0])


@dataclass(frozen=True, slots=True)
class _Moments:
    """Mean and standard deviation of deviations (rows, p)."""

    mean: Values
    spread: Values


def _published(
    found: Sequence[Posterior], counted: Values, names: Sequence[str], pillars: Sequence[Pillar]
) -> dict[str, tuple[Estimate, ...]]:
    """Return the estimates of every segment with the weights that stand."""
    common = _moments(found, counted, 0, with_common=False)
    whole = [_moments(found, counted, i, with_common=True) for i in range(1, len(names) + 1)]
    apart = [_moments(found, counted, i, with_common=False) for i in range(1, len(names) + 1)]
    z = np.array([one.mean / one.spread for one in (common, *apart)])
    stands = _holm(z)
    estimates = {"": tuple(_estimate(pillar, common, j, stands[0, j]) for j, pillar in enumerate(pillars))}
    for i, name in enumerate(names, 1):
        estimates[name] = tuple(
            _estimate(pillar, whole[i - 1], j, stands[i, j], estimates[""][j])
            for j, pillar in enumerate(pillars)
        )
    return estimates


def _moments(found: Sequence[Posterior], counted: Values, group: int, *, with_common: bool) -> _Moments:
    """Return mean and spread of a group's deviations over all posteriors, each counting its share."""
    means, squares = [], []
    for one in found:
        width = one.mode.shape[1]
        mine = slice(group * width + 1, (group + 1) * width)
        mean, variance = one.mode[group, 1:], np.diag(one.covariance)[mine]
        if with_common:
            both = np.diag(one.covariance[mine, 1:width])
            mean = mean + one.mode[0, 1:]
            variance = variance + np.diag(one.covariance)[1:width] + 2.0 * both
        means.append(mean)
        squares.append(variance + mean * mean)
    mean = counted @ np.array(means)
    return _Moments(mean, np.sqrt(np.maximum(counted @ np.array(squares) - mean * mean, 1e-18)))


def _holm(z: Values) -> Flags:
    """Return which deviations are there though so many were looked at (Holm 1979)."""
    chances = np.array([two_sided(float(one)) for one in z.ravel()])
    order = np.argsort(chances, kind="stable")
    limits = ERROR / (len(chances) - np.arange(len(chances)))
    passed = np.logical_and.accumulate(chances[order] <= limits)
    stands = np.zeros(len(chances), dtype=np.bool_)
    stands[order] = passed
    return stands.reshape(z.shape)


def _estimate(
    pillar: Pillar, moments: _Moments, j: int, stands: bool, common: Estimate | None = None
) -> Estimate:
    """Return a pillar's estimate and the weight to publish."""
    mean, reach = 1.0 + float(moments.mean[j]), Z95 * float(moments.spread[j])
    estimate, low, high = (_bounded(one) for one in (mean, mean - reach, mean + reach))
    if not stands and common is not None:
        weight, basis = common.weight, Basis.PLAIN if common.basis is Basis.PLAIN else Basis.ALL
    elif not stands or low <= 1.0 <= high:
        weight, basis = 1.0, Basis.PLAIN
    else:
        weight, basis = estimate, Basis.ALL if common is None else Basis.OWN
    return Estimate(pillar, weight, estimate, low, high, basis)


def _bounded(weight: float) -> float:
    return min(HIGHEST, max(LOWEST, weight))


def _learned_from(leads: int, came: int, target: Target) -> str:
    return f"learned from {leads:,} leads, {came:,} of whom {WORDS[target].did}"


def _sentences(segment: str, told: Sequence[Estimate], learned_from: str) -> tuple[str, ...]:
    """Say of every weight that is not one what it rests on."""
    whom = f"of {segment.replace('_', ' ')} leads" if segment else "of all leads"
    return tuple(
        f"{PILLAR_LABELS[one.pillar]} {whom} counts {one.weight:.2f} times"
        + (
            f" (95%: {one.low:.2f}–{one.high:.2f}), {learned_from}."
            if one.basis is Basis.OWN or not segment
            else ", as with all leads: this segment shows no difference."
        )
        for one in told
        if one.weight != 1.0
    )


def _summary(told: Mapping[str, Sequence[Estimate]], learned_from: str) -> str:
    moved = {one.pillar for rows in told.values() for one in rows if one.weight != 1.0}
    learned = f"{learned_from[:1].upper()}{learned_from[1:]}"
    if not moved:
        return f"{learned}: no part counts more or less than in the plain model, so all weights stay at one."
    return f"{learned}: {', '.join(PILLAR_LABELS[one] for one in Pillar if one in moved)} changed."
