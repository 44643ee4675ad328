"""Put the learned weights, the market's turn and the lead's own together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scoring.engine import Weights
from scoring.pillars import Pillar

LOWEST, HIGHEST = 0.5, 2.0
"""Bounds of every weight, learned or put together."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What some circumstance multiplies pillars with, and why; a pillar not named counts once."""

    multipliers: Mapping[Pillar, float] = field(default_factory=dict)
    reasons: Mapping[Pillar, str] = field(default_factory=dict)

    def of(self, pillar: Pillar) -> float:
        return self.multipliers.get(pillar, 1.0)

    @property
    def is_neutral(self) -> bool:
        """Tell whether it changes nothing."""
        return all(one == 1.0 for one in self.multipliers.values())


PLAIN = Adjustment()


@dataclass(frozen=True, slots=True)
class Part:
    """One pillar's weight and what it is the product of."""

    pillar: Pillar
    learned: float
    market: float
    personal: float
    weight: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """The weights the engine takes, and how each came about."""

    weights: Weights
    parts: tuple[Part, ...]


def combine(
    name: str,
    *,
    learned: Mapping[Pillar, float] | None = None,
    learned_reasons: Mapping[Pillar, str] | None = None,
    market: Adjustment = PLAIN,
    personal: Adjustment = PLAIN,
) -> Combined:
    """Return the product of all three within the bounds; `learned` may as well be set by a broker."""
    told = learned or {}
    why = learned_reasons or {}
    parts = []
    for pillar in Pillar:
        factors = (told.get(pillar, 1.0), market.of(pillar), personal.of(pillar))
        weight = min(HIGHEST, max(LOWEST, factors[0] * factors[1] * factors[2]))
        given = (why.get(pillar), market.reasons.get(pillar), personal.reasons.get(pillar))
        reasons = tuple(
            text for factor, text in zip(factors, given, strict=True) if text is not None and factor != 1.0
        )
        parts.append(Part(pillar, *factors, weight, reasons))
    return Combined(Weights(name, {part.pillar: part.weight for part in parts}), tuple(parts))
