"""What moved a score between two moments: the differences of its parts, which add up exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scoring.pillars import OWN, PILLARS, Pillar


@dataclass(frozen=True, slots=True)
class Moment:
    """A score as it was at a moment: base + Σ points = score; `values` are the features it came from."""

    at: datetime
    score: float
    tier: str
    base: float
    points: Mapping[str, float]
    values: Mapping[str, float]
    mode: str
    model_version: str


@dataclass(frozen=True, slots=True)
class Move:
    """How far one feature moved a score, and what it was before and after."""

    feature: str
    before: float | None
    after: float | None
    points: float


@dataclass(frozen=True, slots=True)
class Change:
    """Two moments of a lead and what lies between: base + Σ moves = the later score less the earlier."""

    before: Moment
    after: Moment
    base: float
    """What another start moved: none where both moments are scored by the same model."""
    moves: tuple[Move, ...]
    pillars: tuple[tuple[Pillar, float], ...]

    @property
    def points(self) -> float:
        return self.after.score - self.before.score

    @property
    def is_by_one_measure(self) -> bool:
        """Tell whether both moments are scored by the same model, or both by the rules."""
        return (self.before.mode, self.before.model_version) == (self.after.mode, self.after.model_version)


def change(before: Moment, after: Moment) -> Change:
    """Return what moved a score from one moment to another, the largest move first."""
    moves = [
        Move(
            name,
            before.values.get(name),
            after.values.get(name),
            after.points.get(name, 0.0) - before.points.get(name, 0.0),
        )
        for name in {**before.points, **after.points}
    ]
    pillars: dict[Pillar, float] = {}
    for move in moves:
        pillar = PILLARS.get(move.feature, OWN)
        pillars[pillar] = pillars.get(pillar, 0.0) + move.points
    return Change(
        before=before,
        after=after,
        base=after.base - before.base,
        moves=tuple(sorted((move for move in moves if move.points), key=lambda move: -abs(move.points))),
        pillars=tuple(sorted(pillars.items(), key=lambda pillar: -abs(pillar[1]))),
    )
