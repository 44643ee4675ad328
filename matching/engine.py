"""Match homes to what a buyer wants: out by musts, then a total that its fifteen contributions add up to.

The total of a home is Σ w·s / Σ w over the factors, s being 0.5 where the home does not state what a factor
needs; so contribution i is w_i·s_i / Σ w and total = base + Σ contributions, base being 0. (Only where no
factor weighs anything is the base 0.5 and every contribution 0.) Coverage is the share of the weight that
rests on something stated. The strength of a factor is w·(s − 0.5): reasons are told by it.

Totals are summed factor by factor, so that a home's total does not depend on the homes beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from matching import musts
from matching.factors import NO_MARKET, SCORES, UNKNOWN, Market
from matching.homes import Flags, Homes, Ints, Values
from matching.musts import Must
from matching.wants import FACTORS, INDEX, Wants

EVEN = 1e-9
"""Totals closer than this are one total; the lower number of the listing goes first."""


@dataclass(frozen=True, slots=True)
class Matches:
    """How n homes meet the wants of one buyer. Factors are rows, homes are columns."""

    pk: Ints
    weights: Values
    """(15,), as they were given."""
    scores: Values
    """(15, n); 0.5 where not known, and for a factor that weighs nothing."""
    known: Flags
    """(15, n); false for a factor that weighs nothing, too."""
    totals: Values
    """(n,), 0–1."""
    coverage: Values
    """(n,), 0–1."""
    base: float
    musts: tuple[Must, ...]
    broken: Ints
    """(n,): bit k is set where the home breaks musts[k]."""

    def __len__(self) -> int:
        return len(self.pk)

    @property
    def excluded(self) -> Flags:
        """Tell which homes break a must or meet a deal-breaker."""
        excluded: Flags = self.broken != 0
        return excluded

    @property
    def shares(self) -> Values:
        """Return the weights as shares of their sum (15,)."""
        return _shares(self.weights)

    def points(self, row: int) -> int:
        """Return the total as it is shown, 0–100."""
        return shown(float(self.totals[row]))

    def contributions(self, rows: ArrayLike | None = None) -> Values:
        """Return what each factor adds to the totals (15, k); base + their sum is the total."""
        scores = self.scores if rows is None else self.scores[:, np.asarray(rows)]
        return scores * self.shares[:, None]

    def strengths(self, row: int) -> Values:
        """Return how strongly each factor speaks for a home, or against it (15,)."""
        return self.weights * (self.scores[:, row] - UNKNOWN)

    def unknown(self, row: int) -> tuple[str, ...]:
        """Return the factors that count, but of which the home states nothing."""
        return tuple(
            name
            for name, weight, known in zip(FACTORS, self.weights, self.known[:, row], strict=True)
            if weight > 0 and not known
        )

    def why_excluded(self, row: int) -> tuple[Must, ...]:
        """Return the limits a home breaks."""
        bits = int(self.broken[row])
        return tuple(must for number, must in enumerate(self.musts) if bits >> number & 1)

    def top(self, count: int, among: Flags | None = None) -> Ints:
        """Return the rows of the best homes that break no must, best first."""
        open_to = np.flatnonzero(~self.excluded if among is None else among & ~self.excluded)
        return open_to[best(self.totals[open_to], self.pk[open_to], count)]


def shown(total: float) -> int:
    """Return a total of 0–1 as whole points of 100, halves going up."""
    return int(np.floor(100.0 * total + 0.5 + EVEN))


def in_tenths(points: Values) -> tuple[list[float], float]:
    """Return points as they are shown, to a tenth, and their sum: what is shown adds up exactly."""
    exact = 10.0 * np.asarray(points, dtype=np.float64)
    whole = np.floor(exact + EVEN)
    total = np.floor(exact.sum() + 0.5 + EVEN)
    short = int(total - whole.sum())
    if short > 0:
        whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
    return (whole / 10.0).tolist(), float(total / 10.0)


def best(totals: Values, pk: Ints, count: int) -> Ints:
    """Return where the highest totals stand, highest first; even ones by the number of the listing."""
    count = min(count, len(totals))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    rows = np.arange(len(totals))
    if count < len(totals):
        least = np.partition(totals, len(totals) - count)[len(totals) - count]
        rows = np.flatnonzero(totals >= least - EVEN)
    steps = np.round(totals[rows] / EVEN)
    return rows[np.lexsort((pk[rows], -steps))][:count]


def match(
    homes: Homes,
    wants: Wants,
    weights: Values | Mapping[str, float] | None = None,
    *,
    market: Market | None = None,
) -> Matches:
    """Match homes to wants. Weights (15,), or by name, are the buyer's own as stated unless given."""
    market = NO_MARKET if market is None else market
    weighs = _weights(wants, weights)
    scores, known = factor_scores(homes, wants, weighs > 0, market=market)
    totals, coverage, base = summed(scores, known, weighs)
    return Matches(
        pk=homes.pk,
        weights=weighs,
        scores=scores,
        known=known,
        totals=totals,
        coverage=coverage,
        base=base,
        musts=musts.musts_of(wants),
        broken=musts.broken(homes, wants, market),
    )


def factor_scores(
    homes: Homes, wants: Wants, asked: Sequence[bool] | Flags, *, market: Market = NO_MARKET
) -> tuple[Values, Flags]:
    """Return scores and known (15, n) of the factors asked for; the others are 0.5 and not known."""
    scores = np.full((len(FACTORS), len(homes)), UNKNOWN)
    known = np.zeros(scores.shape, dtype=np.bool_)
    for number, (name, score) in enumerate(SCORES.items()):
        if asked[number] and wants.says(name):
            scores[number], known[number] = score(homes, wants, market)
    return scores, known


def summed(scores: Values, known: Flags, weights: Values) -> tuple[Values, Values, float]:
    """Return totals (n,), coverage (n,) and the base of factor scores under weights."""
    shares = _shares(weights)
    base = 0.0 if shares.any() else UNKNOWN
    totals = np.full(scores.shape[1], base)
    coverage = np.zeros(scores.shape[1])
    for share, score, told in zip(shares, scores, known, strict=True):
        if share:
            totals += share * score
            coverage += share * told
    return totals, coverage, base


def difference(matches: Matches, row: int, other: int) -> Values:
    """Return by how much each factor lifts a total above another's (15,); they sum to the difference."""
    pair = matches.contributions([row, other])
    return pair[:, 0] - pair[:, 1]


def _weights(wants: Wants, weights: Values | Mapping[str, float] | None) -> Values:
    if weights is None:
        return wants.weights()
    if isinstance(weights, Mapping):
        given = np.zeros(len(FACTORS))
        for name, weight in weights.items():
            given[INDEX[name]] = weight
        return given
    return np.asarray(weights, dtype=np.float64)


def _shares(weights: Values) -> Values:
    total = weights.sum()
    return weights / total if total > 0 else np.zeros(len(weights))


def leading(strengths: Values, count: int) -> tuple[str, ...]:
    """Return the factors that speak most strongly for a home; give strengths negated for those against it."""
    order = np.argsort(-np.round(strengths / EVEN), kind="stable")[:count]
    return tuple(FACTORS[number] for number in order if strengths[number] > EVEN)
