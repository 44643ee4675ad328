"""Tell whether homes of one group of areas are shown more seldom than of another; a screen, not a legal test.

The four-fifths rule (29 CFR 1607.4(D)): a group shown less than 0.8 times as often as the group shown most is
flagged. A ratio above may still be a sure difference and one below may be chance, so each comes with its
interval, z and counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.ml.metrics import wilson

FOUR_FIFTHS = 0.8
SMALL = 30
"""Fewer homes than this and nothing can be concluded."""
DRAWS = 2_000
SURE = 0.05

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """How often the homes of a group were selected, against the group selected most."""

    name: str
    selected: int
    total: int
    ratio: float
    is_reference: bool
    z: float | None
    """Two-proportion, against the reference; None for the reference, and where nothing varies."""
    p: float | None
    """Two-sided."""

    @property
    def rate(self) -> float:
        return self.selected / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Return Wilson's 95% interval of the rate."""
        return wilson(self.selected, self.total)

    @property
    def is_flagged(self) -> bool:
        return self.ratio < FOUR_FIFTHS

    @property
    def is_small(self) -> bool:
        return self.total < SMALL

    @property
    def is_sure(self) -> bool:
        """Tell whether the difference is hardly chance."""
        return self.p is not None and self.p < SURE


@dataclass(frozen=True, slots=True)
class Screen:
    """Every group with homes that could be selected, and those with none."""

    groups: tuple[Group, ...]
    empty: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        return next((group.name for group in self.groups if group.is_reference), "")

    @property
    def flagged(self) -> list[str]:
        return [group.name for group in self.groups if group.is_flagged]

    @property
    def small(self) -> list[str]:
        return [group.name for group in self.groups if group.is_small]


def four_fifths(selected_total: Mapping[str, tuple[int, int]]) -> Screen:
    """Compare how often homes of each group were selected, of all that could be."""
    for name, (selected, total) in selected_total.items():
        if not 0 <= selected <= total:
            raise ValueError(f"{name}: {selected} of {total} cannot be.")
    counted = {name: counts for name, counts in selected_total.items() if counts[1] > 0}
    empty = tuple(name for name in selected_total if name not in counted)
    if not counted:
        return Screen((), empty)
    best = max(counted, key=lambda name: counted[name][0] / counted[name][1])
    highest = counted[best][0] / counted[best][1]
    groups = []
    for name, (selected, total) in counted.items():
        z = None if name == best else _z(selected, total, *counted[best])
        groups.append(
            Group(
                name=name,
                selected=selected,
                total=total,
                ratio=selected / total / highest if highest > 0 else 1.0,
                is_reference=name == best,
                z=z,
                p=None if z is None else math.erfc(abs(z) / math.sqrt(2.0)),
            )
        )
    return Screen(tuple(groups), empty)


def _z(selected: int, total: int, reference_selected: int, reference_total: int) -> float | None:
    """Return the difference of two shares in pooled standard errors."""
    pooled = (selected + reference_selected) / (total + reference_total)
    error = math.sqrt(pooled * (1.0 - pooled) * (1.0 / total + 1.0 / reference_total))
    return (selected / total - reference_selected / reference_total) / error if error > 0 else None


def ratio_intervals(
    names: Sequence[str], selected: Counts, total: Counts, reference: str, *, seed: int, draws: int = DRAWS
) -> dict[str, tuple[float, float] | None]:
    """Return 95% intervals of every group's ratio to the reference, by drawing buyers anew.

    A row a buyer, a column a group. What one buyer is shown hangs together, so buyers are drawn, not homes.
    None where fewer than two buyers tell of a group, or of the reference.
    """
    buyers = len(selected)
    base = list(names).index(reference)
    if buyers < 2:
        return dict.fromkeys(names)
    weights = np.random.default_rng(seed).multinomial(buyers, np.full(buyers, 1.0 / buyers), draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = (weights @ selected) / (weights @ total)
        ratios = rates / rates[:, [base]]
    told: dict[str, tuple[float, float] | None] = {}
    for column, name in enumerate(names):
        of_group = ratios[:, column][np.isfinite(ratios[:, column])]
        has_enough = min((total[:, column] > 0).sum(), (total[:, base] > 0).sum()) >= 2
        if not has_enough or len(of_group) < draws / 2:
            told[name] = None
            continue
        low, high = np.quantile(of_group, (0.025, 0.975))
        told[name] = (float(low), float(high))
    return told
