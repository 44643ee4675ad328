"""How much of daily life can be done on foot: our own estimate from places near a home; pure.

Fifteen points over nine kinds of place. The nearest place of a kind takes the kind's first weight, the next
nearest the second, and each weight fades with the way there: in full up to a quarter mile, none from a mile
and a half. Ways are straight lines times 1.3. Kinds of which nothing at all is known are left out of both
sides, and `known` says how much of the fifteen points was judged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

NAME: Final = "Walkability estimate"
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "grocery": (3.0,),
    "restaurant": (0.75, 0.45, 0.25, 0.25, 0.225, 0.225, 0.225, 0.225, 0.2, 0.2),
    "shopping": (0.5, 0.45, 0.4, 0.35, 0.3),
    "coffee": (1.25, 0.75),
    "bank": (1.0,),
    "park": (1.0,),
    "school": (1.0,),
    "library": (1.0,),
    "entertainment": (1.0,),
}
FULL = sum(map(sum, WEIGHTS.values()))
DECAY_MILES = (0.25, 0.5, 0.75, 1.0, 1.5)
DECAY = (1.0, 0.75, 0.45, 0.12, 0.0)
REACH_MILES = DECAY_MILES[-1]

LEAST_SHARE = 0.01

MOST_PENALTY = 0.05
CROSSINGS = (60.0, 200.0)
"""Crossings a square mile: the full penalty at the first or fewer, none at the second or more."""
BLOCK_MILES = (0.075, 0.12)
"""Mean length of a block: no penalty up to the first, the full one from the second on."""

BANDS = (
    (90, "Daily errands need no car"),
    (70, "Most errands can be done on foot"),
    (50, "Some errands can be done on foot"),
    (25, "Most errands need a car"),
    (0, "Nearly all errands need a car"),
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Walkability:
    """Estimates of many homes; `points` add up to `raw`, before the penalty."""

    score: Floats
    raw: Floats
    points: Mapping[str, Floats]
    known: float
    penalty: Floats


def decay(network_miles: ArrayLike) -> Floats:
    """Return what is left of a weight at so many miles on foot."""
    left: Floats = np.interp(np.asarray(network_miles, float), DECAY_MILES, DECAY)
    return left


def judged(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the kinds that can be judged by how many places of each are known at all.

    Of a kind with fewer than one place for a hundred restaurants a file holds strays only.
    """
    least = max(1.0, counts.get("restaurant", 0) * LEAST_SHARE)
    return tuple(kind for kind in WEIGHTS if counts.get(kind, 0) >= least)


def walkability(
    network_miles: Mapping[str, Floats],
    *,
    known: Collection[str] = tuple(WEIGHTS),
    crossings: ArrayLike | None = None,
    block_miles: ArrayLike | None = None,
) -> Walkability:
    """Return the estimate of homes, 0–100, from miles on foot to the nearest places of each kind.

    Arrays hold a row a home, its nearest place first, and are padded with infinity. Without street figures
    there is no penalty.
    """
    kinds = [kind for kind in WEIGHTS if kind in known]
    if not kinds:
        raise ValueError("no kind of place is known")
    homes = len(next(iter(network_miles.values())))
    points = {kind: _points(network_miles.get(kind), WEIGHTS[kind], homes) for kind in kinds}
    raw: Floats = np.sum(list(points.values()), axis=0)
    full = sum(sum(WEIGHTS[kind]) for kind in kinds)
    lost = np.zeros(homes)
    if crossings is not None:
        lost += MOST_PENALTY * np.interp(np.asarray(crossings, float), CROSSINGS, (1.0, 0.0))
    if block_miles is not None:
        lost += MOST_PENALTY * np.interp(np.asarray(block_miles, float), BLOCK_MILES, (0.0, 1.0))
    return Walkability(
        score=100 * raw / full * (1 - lost), raw=raw, points=points, known=full / FULL, penalty=lost
    )


def _points(miles: Floats | None, weights: tuple[float, ...], homes: int) -> Floats:
    if miles is None:
        return np.zeros(homes)
    nearest = miles[:, : len(weights)]
    points: Floats = decay(nearest) @ np.array(weights[: nearest.shape[1]])
    return points


def band(score: float) -> str:
    """Return an estimate in words."""
    return next(words for least, words in BANDS if score >= least or not least)
