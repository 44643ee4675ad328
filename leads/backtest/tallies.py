"""Count what happened to leads: how often, how lately and how much, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Values

WEEK = 7 * DAY
MOST_KINDS = 200
OTHERS = "other kinds"


@dataclass(slots=True)
class Tallies:
    """For each lead (rows) and kind (columns): how often by then and ever, since when, how much."""

    leads: int
    kinds: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: Values = field(init=False)
    ever: Values = field(init=False)
    weekly: Values = field(init=False)
    last: Values = field(init=False)
    sums: Values = field(init=False)
    valued: Values = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.leads, 16)
        for name in ("counts", "ever", "weekly", "sums", "valued"):
            setattr(self, name, np.zeros(shape, dtype=np.float32))
        self.last = np.full(shape, np.nan)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the kinds as a report tells them."""
        return tuple(f"{kind} ({way})" if way else kind for kind, way in self.kinds)

    def place(self, kind: str, direction: str) -> int:
        """Return the column of a kind; a new one gets one as long as there are not too many."""
        key = (kind, direction)
        if key not in self.kinds:
            if len(self.kinds) >= MOST_KINDS:
                key = (OTHERS, "")
            self.kinds.setdefault(key, len(self.kinds))
            if len(self.kinds) > self.counts.shape[1]:
                self._widen()
        return self.kinds[key]

    def _widen(self) -> None:
        for name in ("counts", "ever", "weekly", "sums", "valued", "last"):
            held = getattr(self, name)
            more = np.full_like(held, np.nan if name == "last" else 0.0)
            setattr(self, name, np.concatenate([held, more], axis=1))

    def add(self, rows: Any, places: Any, at: Values, values: Values, before: Flags, until: Values) -> None:
        """Count events of leads (rows) and kinds (places); `before` tells which may be used."""
        np.add.at(self.ever, (rows, places), 1.0)
        rows, places, at, values = rows[before], places[before], at[before], values[before]
        np.add.at(self.counts, (rows, places), 1.0)
        np.add.at(self.weekly, (rows, places), (at >= until[rows] - WEEK).astype(np.float32))
        np.fmax.at(self.last, (rows, places), at)
        known = ~np.isnan(values)
        np.add.at(self.sums, (rows[known], places[known]), values[known])
        np.add.at(self.valued, (rows[known], places[known]), 1.0)
