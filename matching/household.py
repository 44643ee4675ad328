"""Two buyers of one household: what a home is worth to each, what neither need give up, where they disagree.

Each person keeps wants and weights of their own; nothing is averaged away. A home is on the shortlist if no
other home suits one of them better and nobody worse (Pareto).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.engine import EVEN, Matches, match
from matching.factors import NO_MARKET, Market
from matching.homes import Flags, Homes, Ints, Values
from matching.wants import FACTORS, Wants


@dataclass(frozen=True, slots=True)
class Person:
    """One buyer of a household: a name for the page, wants, and weights where they are learned."""

    name: str
    wants: Wants
    weights: Values | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """How two persons differ over one factor."""

    factor: str
    shares: tuple[float, float]
    """What the factor weighs for each, as a share of all."""
    scores: tuple[float, float] | None = None
    """How the home meets what each wants of it; nothing where it is asked of no home in particular."""

    @property
    def size(self) -> float:
        """Return the difference it makes: in weight, or for a home in what it adds to the total."""
        if self.scores is None:
            return abs(self.shares[0] - self.shares[1])
        return abs(self.shares[0] * self.scores[0] - self.shares[1] * self.scores[1])


@dataclass(frozen=True, slots=True)
class Shared:
    """How homes suit the persons of a household."""

    people: tuple[Person, ...]
    matches: tuple[Matches, ...]
    """One for each person, of the same homes."""

    @property
    def totals(self) -> Values:
        """Return each person's totals (people, n)."""
        return np.stack([matches.totals for matches in self.matches])

    @property
    def open_to_all(self) -> Flags:
        """Tell which homes break nobody's musts."""
        kept: Flags = ~np.logical_or.reduce([matches.excluded for matches in self.matches])
        return kept

    def refused_by(self, row: int) -> tuple[str, ...]:
        """Return who has a must that a home breaks."""
        return tuple(
            person.name
            for person, matches in zip(self.people, self.matches, strict=True)
            if matches.excluded[row]
        )

    def shortlist(self, count: int) -> Ints:
        """Return homes of the Pareto front, best first by the total of whom they suit least."""
        rows = np.flatnonzero(self.open_to_all)
        totals = self.totals[:, rows]
        front = rows[undominated(totals)]
        chosen = self.totals[:, front]
        steps = np.round(np.stack([chosen.sum(axis=0), chosen.min(axis=0)]) / EVEN)
        return front[np.lexsort((self.matches[0].pk[front], *-steps))][:count]

    def gaps(self, row: int | None = None) -> tuple[Gap, ...]:
        """Return where the first two persons differ, most first: in weights, or over one home."""
        first, second = self.matches[:2]
        found = [
            Gap(
                name,
                (float(first.shares[k]), float(second.shares[k])),
                None if row is None else (float(first.scores[k, row]), float(second.scores[k, row])),
            )
            for k, name in enumerate(FACTORS)
        ]
        return tuple(sorted((gap for gap in found if gap.size > EVEN), key=lambda gap: -gap.size))


def shared(homes: Homes, people: Sequence[Person], *, market: Market = NO_MARKET) -> Shared:
    """Match homes to every person of a household."""
    matches = (match(homes, person.wants, person.weights, market=market) for person in people)
    return Shared(tuple(people), tuple(matches))


def undominated(totals: Values) -> Ints:
    """Return the columns that no other is above in one row and below in none, in their order."""
    left = np.round(totals / EVEN)
    columns = np.arange(totals.shape[1])
    kept: list[Ints] = []
    while columns.size:
        highest = left[:, [int(left.sum(axis=0).argmax())]]
        kept.append(columns[(left == highest).all(axis=0)])
        beside = (left > highest).any(axis=0)
        left, columns = left[:, beside], columns[beside]
    return np.sort(np.concatenate(kept)) if kept else columns
