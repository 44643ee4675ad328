"""Measure weights on leads that the model behind them had not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.ml import metrics
from leads.ml.calibration import logit
from leads.ml.metrics import Flags, Groups, Values
from scoring.outcomes import Target
from scoring.pillars import Pillar

PILLARS = tuple(Pillar)
RANKING = ("auc", "recall_top_20")
"""Measures that need an order alone; the rules claim no probability."""
ROUNDS = 200
EDGE = 1e-9

WeightsBySegment = Mapping[str, Mapping[Pillar, float]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Leads of one stretch of time, scored by one model that had learned before it began."""

    start: float
    margins: Values
    """By pillar (n, p), as the model's link takes them."""
    link: Callable[[Values], Values]

    def said(self, weights: Values) -> Values:
        """Return the score (n,) as a share, pillars counting as `weights` (n, p) say."""
        return self.link(self.start + (self.margins * weights).sum(axis=1))

    def log_odds(self) -> tuple[Values, Values]:
        """Return the log odds at the start (n,) and by pillar (n, p): the engine's points, in log odds."""
        total = self.margins.sum(axis=1)
        ends = logit(np.clip(self.link(self.start + total), EDGE, 1.0 - EDGE))
        base = logit(np.clip(self.link(np.array([self.start])), EDGE, 1.0 - EDGE))[0]
        flat = np.abs(total) < EDGE
        chord = np.where(flat, 0.0, ends - base) / np.where(flat, 1.0, total)
        return np.full(len(total), base), self.margins * chord[:, None]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Moments of leads in the order of time, what was said of them before it was known, and what came."""

    stretches: tuple[Stretch, ...]
    outcomes: Flags
    segments: NDArray[np.str_]
    times: Values
    lead_ids: Groups
    is_probability: bool
    target: Target = Target.CLOSING
    """What came."""

    @property
    def leads(self) -> int:
        return len(np.unique(self.lead_ids))

    @property
    def came(self) -> int:
        """Return for how many leads it came."""
        return len(np.unique(self.lead_ids[self.outcomes]))

    def said(self, weights: WeightsBySegment) -> Values:
        """Return what is said of each moment (n,) with weights by segment; none given counts once."""
        table = _table(self.segments, weights)
        ends = np.cumsum([len(one.margins) for one in self.stretches])
        parts = np.split(table, ends[:-1])
        return np.concatenate([one.said(part) for one, part in zip(self.stretches, parts, strict=True)])

    def log_odds(self) -> tuple[Values, Values]:
        """Return the log odds at the start (n,) and by pillar (n, p)."""
        told = [one.log_odds() for one in self.stretches]
        return np.concatenate([base for base, _ in told]), np.concatenate([margins for _, margins in told])

    def one_each(self, seed: int) -> NDArray[np.int64]:
        """Return one moment of each lead, drawn: moments of one lead are no independent evidence."""
        drawn = np.random.default_rng(seed).permutation(len(self.lead_ids))
        _, first = np.unique(self.lead_ids[drawn], return_index=True)
        return np.sort(drawn[first])


def _table(segments: NDArray[np.str_], weights: WeightsBySegment) -> Values:
    """Return the weights (n, p) of leads by their segments."""
    table = np.ones((len(segments), len(PILLARS)))
    for segment in np.unique(segments).tolist():
        own = weights.get(segment, weights.get("", {}))
        table[segments == segment] = [own.get(pillar, 1.0) for pillar in PILLARS]
    return table


def compare(unseen: Unseen, weights: WeightsBySegment, *, seed: int) -> dict[str, Any]:
    """Return how right the scores were with the weights and without, as plain JSON.

    Where scores are probabilities, `ece_change` is how much their calibration error grows with the weights
    and `saved` the log loss saved a moment, with its interval.
    """
    plain, weighted = unseen.said({}), unseen.said(weights)
    told = {
        name: metrics.summary(unseen.outcomes, said, seed=seed, rounds=ROUNDS, groups=unseen.lead_ids)
        for name, said in (("plain", plain), ("weighted", weighted))
    }
    size = {"rows": len(unseen.outcomes), "leads": unseen.leads, "came": unseen.came}
    if not unseen.is_probability:
        return size | {name: {key: rows[key] for key in RANKING} for name, rows in told.items()}
    saved = metrics.log_losses(unseen.outcomes, plain) - metrics.log_losses(unseen.outcomes, weighted)
    return {
        **size,
        **told,
        "saved": metrics.mean_interval(saved, seed=seed, groups=unseen.lead_ids).as_json(),
        "ece_change": metrics.ece(unseen.outcomes, weighted) - metrics.ece(unseen.outcomes, plain),
    }
