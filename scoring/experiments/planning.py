"""How many leads and days an experiment needs to tell a difference that matters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from scoring.experiments.sequential import boundary, tuning


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment of control against treated sets out to tell, and what it takes."""

    shares: Mapping[str, float]
    """Of the leads, by variant; the first is the control."""
    base_rate: float
    least_effect: float
    """Difference of shares that matters; smaller ones may be missed."""
    alpha: float
    power: float
    leads_at_one_look: int
    """Leads of both arms if one looked only once, at the end."""
    leads: int
    """Leads of both arms with as many looks as one likes."""
    days: int
    """Until that many leads have come and the outcome of the last is known."""
    information: float
    """1 / variance of the difference once all leads are in."""

    @property
    def control(self) -> str:
        return next(iter(self.shares))

    @property
    def treated(self) -> str:
        return list(self.shares)[1]

    @property
    def sentence(self) -> str:
        """Say what it takes."""
        return (
            f"To tell {100 * self.base_rate:.1f}% from {100 * (self.base_rate + self.least_effect):.1f}%"
            f" with {100 * self.power:.0f}% power takes {self.leads:,} leads or {self.days:,} days."
        )


def plan(
    *,
    base_rate: float,
    least_effect: float,
    leads_a_day: float,
    shares: Mapping[str, float] | None = None,
    horizon_days: float = 90.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Plan:
    """Return the leads and days needed to tell two shares apart.

    For one look, Fleiss, Levin and Paik 2003, formula 4.14 without continuity correction:
    N = ((z_α √(p̄q̄ Σ1/f) + z_β √(Σpq/f)) / δ)² leads, f the shares of the arms. With any number of looks z_α
    makes place for the always valid boundary. ValueError if rates, shares, α or power are no such figures.
    """
    split = {"control": 0.5, "treated": 0.5} if shares is None else dict(shares)
    other = base_rate + least_effect
    if not (0.0 < base_rate < 1.0 and 0.0 < other < 1.0 and least_effect != 0.0):
        raise ValueError("Both rates must lie between 0 and 1, and apart.")
    if len(split) != 2 or min(split.values()) <= 0 or not math.isclose(sum(split.values()), 1.0):
        raise ValueError("Two shares above 0 that add up to 1 are needed.")
    if not (0.0 < alpha < 1.0 and 0.0 < power < 1.0 and leads_a_day > 0.0 and horizon_days >= 0.0):
        raise ValueError("Alpha and power must lie between 0 and 1, and leads must come.")
    first, second = split.values()
    mean = first * base_rate + second * other
    alike = math.sqrt(mean * (1.0 - mean) * (1.0 / first + 1.0 / second))
    apart_square = base_rate * (1.0 - base_rate) / first + other * (1.0 - other) / second
    apart = math.sqrt(apart_square)
    normal = NormalDist()
    once, beta = normal.inv_cdf(1.0 - alpha / 2.0), normal.inv_cdf(power)
    always = boundary(1.0, tuning(1.0, alpha), alpha)
    at_one_look, leads = (
        _leads((z * alike + beta * apart) / least_effect, (first, second)) for z in (once, always)
    )
    return Plan(
        shares=split,
        base_rate=base_rate,
        least_effect=abs(least_effect),
        alpha=alpha,
        power=power,
        leads_at_one_look=at_one_look,
        leads=leads,
        days=math.ceil(leads / leads_a_day + horizon_days),
        information=leads / apart_square,
    )


def _leads(root: float, shares: tuple[float, float]) -> int:
    """Return whole leads of both arms together."""
    return sum(math.ceil(root * root * share - 1e-9) for share in shares)
