"""The difference of two arms with an interval that is valid however often one looks.

Normal mixture confidence sequence (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, Annals of
Statistics 49(2), section 3.2), the interval of the mixture sequential probability ratio test (Johari, Koomen,
Pekelis and Walsh 2022, Operations Research 70(3)). With the difference D, its variance 1/V, and ρ > 0, all of

    D ± √((V + ρ) · ln((V + ρ) / (ρ α²))) / V

hold the true difference at once with probability 1 − α. The variance is estimated, so this holds in the limit
(Waudby-Smith et al. 2024, Annals of Statistics 52(6)); shares are drawn to the middle by one success and one
failure (Agresti and Caffo 2000), without which few closings would look surer than they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST = 20
"""Leads of each arm below which nothing is concluded."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The mean of an arm's leads and the variance of that mean."""

    count: int
    mean: float
    variance: float

    @classmethod
    def of_share(cls, hits: int, count: int) -> Sample:
        """Return a share of leads."""
        if not 0 <= hits <= count:
            raise ValueError("There cannot be more hits than leads.")
        held = (hits + 1.0) / (count + 2.0)
        return cls(count, hits / count if count else 0.0, held * (1.0 - held) / (count + 2.0))

    @classmethod
    def of_values(cls, count: int, mean: float, spread: float) -> Sample:
        """Return the mean of some figure with its standard deviation between leads."""
        if count < 0 or spread < 0 or not (math.isfinite(mean) and math.isfinite(spread)):
            raise ValueError("Count and spread must not be negative, and mean and spread finite.")
        return cls(count, mean, spread * spread / count if count else math.inf)


@dataclass(frozen=True, slots=True)
class Difference:
    """Treated minus control, its always valid interval, and the chance of one so great without any."""

    value: float
    low: float
    high: float
    chance: float


NOTHING_KNOWN = Difference(0.0, -math.inf, math.inf, 1.0)


def tuning(information: float, alpha: float) -> float:
    """Return the ρ with which the interval is narrowest where V = `information` (Howard et al. 2021)."""
    twice = -2.0 * math.log(alpha)
    return information / (twice + math.log1p(twice))


def difference(control: Sample, treated: Sample, *, information: float, alpha: float = 0.05) -> Difference:
    """Return treated minus control; `information` is 1 / variance of the difference once all leads are in."""
    if min(control.count, treated.count) < LEAST:
        return NOTHING_KNOWN
    variance = control.variance + treated.variance
    value = treated.mean - control.mean
    if variance <= 0.0:
        return Difference(value, -math.inf, math.inf, 1.0)
    v, rho = 1.0 / variance, tuning(information, alpha)
    reach = boundary(v, rho, alpha) / v
    ratio = 0.5 * math.log(rho / (v + rho)) + 0.5 * (value * v) ** 2 / (v + rho)
    return Difference(value, value - reach, value + reach, math.exp(-max(0.0, ratio)))


def boundary(v: float, rho: float, alpha: float) -> float:
    """Return how far the sum of standard normal steps stays within at all times v with chance 1 − α."""
    return math.sqrt((v + rho) * math.log((v + rho) / (rho * alpha * alpha)))
