"""Learn from what a buyer does with homes how much each factor counts for them; within bounds, and undoable.

Each buyer has a logistic regression of their own, of liking a home on its factor scores less 0.5, with an
independent normal belief about every coefficient. The prior lies at the stated weights, log-scaled; one
signal moves it by one step of Bayes' rule. What was learned fades with a half-life of thirty days, and a
learned weight stays between a quarter and four times the stated one. Schools, safety and location stay as the
buyer stated them; nothing is learned from one buyer for another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from matching.factors import UNKNOWN
from matching.homes import Flags, Values
from matching.wants import FACTORS, INDEX

VERSION = "1"

SIGNALS: Mapping[str, float] = MappingProxyType(
    {
        "impression_no_click": -0.02,
        "view": 0.1,
        "view_over_60s": 0.2,
        "photo_gallery_80pct": 0.15,
        "save": 1.0,
        "unsave": -0.7,
        "share": 0.8,
        "dismiss": -1.0,
        "note_added": 0.5,
        "tour_request": 2.0,
        "toured_liked": 3.0,
        "toured_rejected": -2.0,
        "offer": 4.0,
    }
)
"""What a buyer may do with a home: for it above 0, against it below, and how much it tells."""

FROZEN = frozenset({"schools", "safety", "location"})
PRIOR_SD = 0.5
HALF_LIFE_DAYS = 30.0
LEAST, MOST = 0.25, 4.0
"""Bounds of a learned weight, in stated ones."""

MOST_STEP = 0.25
"""How far one signal may move a coefficient."""

SLOPE = 0.7
CLIP = 10.0
TOLD_FROM = 1.25
"""A change of a weight is told from this ratio on, up or down."""

_SCALE = float(len(FACTORS))
_LEARNED: Flags = np.array([name not in FROZEN for name in FACTORS])


def position_weight(rank: int) -> float:
    """Return how much an event counts by the rank the home was shown at: seen less is told more by."""
    return min(CLIP, math.pow(max(rank, 1), SLOPE))


def step(mean: Values, variance: Values, x: Values, liked: bool, weight: float) -> tuple[Values, Values]:
    """Return mean and variance after one signal; plain Bayes, unbounded.

    v ← 1 / (1/v + k·p(1−p)·x²), then m ← m + v·k·(y − p)·x.
    """
    p = _sigmoid(float(mean @ x))
    after = 1.0 / (1.0 / variance + weight * p * (1.0 - p) * x**2)
    return mean + after * weight * ((1.0 if liked else 0.0) - p) * x, after


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing a buyer did with a home, and how the home met their wants then.

    `scores` are the fifteen factor scores, 0.5 where not known. `rank` is the place in a list it was shown
    at, from 1. `reason` names the one factor a dismissal was about.
    """

    kind: str
    scores: Values
    at: datetime
    rank: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of one buyer: an intercept and fifteen coefficients, and the weights they stated."""

    stated: Values
    """(15,)"""
    mean: Values
    """(16,), the intercept first."""
    variance: Values
    at: datetime
    """The moment up to which what was learned has faded."""
    signals: int = 0
    version: str = VERSION

    def as_json(self) -> dict[str, Any]:
        """Return the form `posterior_of` reads back, factors by name."""
        return {
            "version": self.version,
            "at": self.at.astimezone(UTC).isoformat(),
            "signals": self.signals,
            "stated": dict(zip(FACTORS, self.stated.tolist(), strict=True)),
            "intercept": [float(self.mean[0]), float(self.variance[0])],
            "factors": {
                name: [float(mean), float(variance)]
                for name, mean, variance in zip(FACTORS, self.mean[1:], self.variance[1:], strict=True)
            },
        }


def prior(weights: Values, now: datetime) -> Posterior:
    """Return what is believed of a buyer who did nothing yet."""
    mean, variance = _prior(weights)
    return Posterior(np.array(weights, dtype=np.float64), mean, variance, now)


def posterior_of(told: Mapping[str, Any]) -> Posterior:
    """Return a belief as it was kept; a factor that was not kept is at its prior. Raises ValueError."""
    try:
        stated = np.array([float(told["stated"].get(name, 0.0)) for name in FACTORS])
        mean, variance = _prior(stated)
        kept = {0: told["intercept"]} | {1 + INDEX[name]: pair for name, pair in told["factors"].items()}
        for number, (middle, spread) in kept.items():
            mean[number], variance[number] = float(middle), float(spread)
        if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
            raise ValueError("a mean or a variance is not a number it can be")
        at = datetime.fromisoformat(told["at"])
        return Posterior(stated, mean, variance, at, int(told["signals"]), str(told["version"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"This is no belief about a buyer: {error}.") from error


def faded(belief: Posterior, now: datetime) -> Posterior:
    """Return a belief whose evidence is half as strong for every thirty days that passed."""
    days = (now - belief.at).total_seconds() / 86_400
    if days <= 0:
        return belief
    left = 0.5 ** (days / HALF_LIFE_DAYS)
    mean, variance = _prior(belief.stated)
    precision = (1.0 - left) / variance + left / belief.variance
    middle = ((1.0 - left) * mean / variance + left * belief.mean / belief.variance) / precision
    return replace(belief, mean=middle, variance=1.0 / precision, at=now)


def learned(belief: Posterior, signal: Signal) -> Posterior:
    """Return the belief after one signal, faded to its moment first."""
    belief = faded(belief, signal.at)
    told = SIGNALS[signal.kind]
    weight = abs(told) * (1.0 if signal.rank is None else position_weight(signal.rank))
    x = np.concatenate([[1.0], np.asarray(signal.scores) - UNKNOWN])
    moved = np.concatenate([[True], _LEARNED & (belief.stated > 0)])
    if signal.reason is not None:
        named = 1 + INDEX[signal.reason]
        moved &= np.arange(len(x)) == named
        # a home refused for its price tells that price counts, whatever we thought of this one
        x = np.where(np.arange(len(x)) == named, -np.abs(x), 0.0)
    mean, variance = step(belief.mean, belief.variance, x, told > 0, weight)
    mean = np.clip(mean, belief.mean - MOST_STEP, belief.mean + MOST_STEP)
    return replace(
        belief,
        mean=np.where(moved, mean, belief.mean),
        variance=np.where(moved, variance, belief.variance),
        signals=belief.signals + 1,
    )


def restated(belief: Posterior, weights: Values) -> Posterior:
    """Return the belief after the buyer said anew what counts: factors that changed start from there."""
    mean, variance = _prior(weights)
    same = np.concatenate([[True], np.asarray(weights) == belief.stated])
    return replace(
        belief,
        stated=np.array(weights, dtype=np.float64),
        mean=np.where(same, belief.mean, mean),
        variance=np.where(same, belief.variance, variance),
    )


def undone(belief: Posterior, factor: str) -> Posterior:
    """Return the belief with one factor back at what the buyer stated."""
    mean, variance = _prior(belief.stated)
    here = np.arange(len(mean)) == 1 + INDEX[factor]
    return replace(
        belief,
        mean=np.where(here, mean, belief.mean),
        variance=np.where(here, variance, belief.variance),
    )


def weights_of(belief: Posterior) -> Values:
    """Return the learned weights (15,), within their bounds; what is frozen or weighs nothing stays."""
    return _bounded(belief, belief.mean[1:])


def drawn(belief: Posterior, seed: int) -> Values:
    """Return weights drawn from the belief (Thompson's way to explore), within the same bounds."""
    rng = np.random.default_rng(seed)
    return _bounded(belief, rng.normal(belief.mean[1:], np.sqrt(belief.variance[1:])))


@dataclass(frozen=True, slots=True)
class Change:
    """A factor that counts otherwise than the buyer stated, by what they do."""

    factor: str
    stated: float
    """Share of the weight of all factors."""
    learned: float

    @property
    def is_more(self) -> bool:
        return self.learned > self.stated


def changes(belief: Posterior) -> tuple[Change, ...]:
    """Return the factors whose learned weight differs clearly from the stated one, largest ratio first."""
    weights = weights_of(belief)
    asked = belief.stated > 0
    ratios = np.divide(weights, belief.stated, out=np.ones(len(weights)), where=asked)
    clear = np.flatnonzero(np.maximum(ratios, 1.0 / ratios) >= TOLD_FROM)
    order = clear[np.argsort(-np.abs(np.log(ratios[clear])), kind="stable")]
    stated, now = belief.stated / belief.stated.sum(), weights / weights.sum()
    return tuple(Change(FACTORS[k], float(stated[k]), float(now[k])) for k in order)


def _prior(weights: Values) -> tuple[Values, Values]:
    mean = np.concatenate([[0.0], np.log1p(_SCALE * np.asarray(weights, dtype=np.float64))])
    return mean, np.full(len(mean), PRIOR_SD**2)


def _bounded(belief: Posterior, coefficients: Values) -> Values:
    weights = np.expm1(coefficients) / _SCALE
    bounded = np.clip(weights, LEAST * belief.stated, MOST * belief.stated)
    return np.where(_LEARNED, bounded, belief.stated)


def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))
