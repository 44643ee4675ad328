"""Who gets which variant: by a hash of experiment and lead, so that nobody has to remember it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

MISMATCH = 0.001
"""Chance of shares so far off below which the assignment is broken (Fabijan et al. 2019, KDD)."""


def drawn(key: str, lead_id: int) -> float:
    """Return a number in [0, 1) that is always the same for a key and lead, and unrelated between keys."""
    digest = hashlib.sha256(f"{key}:{lead_id}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2.0**53


def variant_of(lead_id: int, *, key: str, shares: Mapping[str, float]) -> str:
    """Return the variant of a lead. ValueError if the shares are not above 0 or do not add up to 1."""
    if not shares or min(shares.values()) <= 0 or not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-9):
        raise ValueError("The shares of the variants must be above 0 and add up to 1.")
    place, reached = drawn(f"variant:{key}", lead_id), 0.0
    for name, share in shares.items():
        reached += share
        if place < reached:
            return name
    return list(shares)[-1]


def mismatch_chance(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return how likely counts so far from the shares are by chance (Pearson's chi-square)."""
    total = sum(counts)
    if total == 0 or len(counts) < 2:
        return 1.0
    expected = [total * share / sum(shares) for share in shares]
    square = sum((count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True))
    return chi_square_tail(square, len(counts) - 1)


def chi_square_tail(square: float, freedom: int) -> float:
    """Return P(χ² ≥ square); Q(a + 1, x) = Q(a, x) + xᵃ e⁻ˣ / Γ(a + 1) (DLMF 8.8.6)."""
    x = 0.5 * square
    if x <= 0.0:
        return 1.0
    a = 0.5 if freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(x)) if freedom % 2 else math.exp(-x)
    while a < 0.5 * freedom:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1.0))
        a += 1.0
    return min(1.0, tail)
