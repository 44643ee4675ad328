"""What people did with homes, in the order of time, and how homes stood at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from leads.ml.metrics import Values
from matching.ranking.traits import Traits

Rows = NDArray[np.int64]

HALF_LIVES = (30.0, 90.0, 180.0, 365.0, 1e5)
"""Days in which what happened counts half; the last is as good as ever."""

LATELY = 180.0
MOST_HOMES = 50
"""Homes from which somebody looked at too many to tell which belong together."""

STRENGTH = 30.0
STANDING = (
    *(f"popularity, half-life {days:g} days" for days in HALF_LIVES[:-1]),
    "popularity ever",
    "days since first",
    "days since last",
    "rate since first",
    "trend",
    "newly turned to, lately",
    "newly turned to, ever",
    "popularity of homes with such words",
    "popularity nearby",
    "popularity expected of such a home",
)


@dataclass(frozen=True, slots=True)
class Past:
    """Who did something with which home, when (days) and how much it says, in the order of time."""

    people: Rows
    homes: Rows
    at: Values
    weights: Values
    count: int
    """How many homes there are."""

    def __len__(self) -> int:
        return len(self.at)

    def before(self, moment: float) -> Past:
        """Return what happened before a moment."""
        end = int(np.searchsorted(self.at, moment, side="left"))
        return Past(self.people[:end], self.homes[:end], self.at[:end], self.weights[:end], self.count)

    def persons(self) -> Iterator[tuple[int, Rows]]:
        """Yield each person with the rows of what they did, in the order of time."""
        order = np.argsort(self.people, kind="stable")
        ends = np.flatnonzero(np.diff(self.people[order])) + 1
        for rows in np.split(order, ends):
            if len(rows):
                yield int(self.people[rows[0]]), rows


@dataclass(frozen=True, slots=True)
class Standing:
    """How homes stood at a moment: their popularity, and which were chosen by the same people."""

    at: float
    values: Values
    """One row a home, the columns as `STANDING` names them."""
    ever: Values
    lately: Values
    _homes_of: _Groups
    _people_of: _Groups
    sizes: Values

    def together(self, mine: Rows) -> tuple[Values, Values]:
        """Return how many who chose my homes chose each home (n,), and that sum of cosines."""
        count = len(self.ever)
        both, cosines = np.zeros(count), np.zeros(count)
        for home in mine.tolist():
            people = self._people_of.of(home)
            if len(people) == 0:
                continue
            told = np.bincount(self._homes_of.all_of(people), minlength=count).astype(np.float64)
            told[home] = 0.0
            both += told
            cosines += told / np.sqrt(np.maximum(self.sizes, 1.0) * max(self.sizes[home], 1.0))
        return both, cosines


@dataclass(frozen=True, slots=True)
class _Groups:
    """Members of numbered groups, laid end to end."""

    starts: Rows
    members: Rows

    @staticmethod
    def by(groups: Rows, members: Rows, count: int) -> _Groups:
        order = np.argsort(groups, kind="stable")
        return _Groups(np.searchsorted(groups[order], np.arange(count + 1)), members[order])

    def of(self, group: int) -> Rows:
        return self.members[self.starts[group] : self.starts[group + 1]]

    def all_of(self, groups: Rows) -> Rows:
        return np.concatenate([self.of(group) for group in groups.tolist()])


def standing_at(past: Past, traits: Traits, moment: float) -> Standing:
    """Return how homes stood by what happened before a moment."""
    past = past.before(moment)
    count, ago = past.count, moment - past.at
    said = np.maximum(past.weights, 0.0)

    def fading(days: float, rows: Rows | slice = slice(None)) -> Values:
        told = said[rows] * 0.5 ** (ago[rows] / days)
        return np.bincount(past.homes[rows], told, minlength=count).astype(np.float64)

    popular = [fading(days) for days in HALF_LIVES]
    first, last = np.full(count, np.nan), np.full(count, np.nan)
    np.fmin.at(first, past.homes, past.at)
    np.fmax.at(last, past.homes, past.at)
    pairs, firsts = np.unique(past.people * count + past.homes, return_index=True)
    firsts = np.sort(firsts)
    turned = firsts[_returned(past.people[firsts])]
    yearly, ever = popular[3], popular[4]
    known = np.isfinite(first)
    age = np.where(known, moment - first, np.nan)
    rate = np.log1p(ever / np.maximum(np.nan_to_num(age, nan=0.0) / 30.0, 1.0))
    columns = [
        *(np.log1p(one) for one in popular),
        np.log1p(age),
        np.log1p(moment - last),
        rate,
        np.log1p(popular[1]) - np.log1p(yearly),
        np.log1p(fading(LATELY, turned)),
        np.log1p(fading(HALF_LIVES[-1], turned)),
        np.log1p(_by_words(traits, yearly)),
        np.log1p(_nearby(traits, yearly)),
        _expected(traits, np.log1p(yearly), known),
    ]
    people, homes = _few(pairs // count, pairs % count)
    most = int(people.max(initial=-1)) + 1
    return Standing(
        at=moment,
        values=np.stack(columns, axis=1),
        ever=ever,
        lately=popular[1],
        _homes_of=_Groups.by(people, homes, most),
        _people_of=_Groups.by(homes, people, count),
        sizes=np.bincount(pairs % count, minlength=count).astype(np.float64),
    )


def _returned(people: Rows) -> NDArray[np.bool_]:
    """Tell of each row, in the order of time, whether the person was there before."""
    told = np.ones(len(people), dtype=np.bool_)
    told[np.unique(people, return_index=True)[1]] = False
    return told


def _few(people: Rows, homes: Rows) -> tuple[Rows, Rows]:
    """Return the pairs of people who did not choose too many homes."""
    if len(people) == 0:
        return people, homes
    kept = np.bincount(people)[people] <= MOST_HOMES
    return people[kept], homes[kept]


def _by_words(traits: Traits, popular: Values) -> Values:
    """Return the popularity of other homes, each as far as it shares words."""
    if traits.words is None:
        return np.zeros(traits.count)
    told = np.asarray(traits.words @ (traits.words.T @ popular))
    return np.maximum(told - popular, 0.0)


def _nearby(traits: Traits, popular: Values) -> Values:
    """Return the popularity of other homes, each as far as it is near."""
    told = np.zeros(traits.count)
    if traits.near is None:
        return told
    homes, others, share = traits.near
    np.add.at(told, homes, share * popular[others])
    return told


def _expected(traits: Traits, popular: Values, known: NDArray[np.bool_]) -> Values:
    """Return the popularity to expect of each home by its attributes, learned from those known so far."""
    if known.sum() < 20 or traits.design.shape[1] == 0:
        return np.zeros(traits.count)
    line = Ridge(alpha=STRENGTH).fit(traits.design[known], popular[known])
    return np.asarray(line.predict(traits.design), dtype=np.float64)
