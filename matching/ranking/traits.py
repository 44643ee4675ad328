"""What the columns of a file say of homes, and in which ways two homes are alike.

Every column becomes one way of being alike: numbers by their distance, categories by being the same, lists
and texts by the words they share (tf–idf), places by how far apart they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import BallTree

from leads.ml.columns import Column, read_moment, read_number
from leads.ml.memory import DAY
from leads.ml.metrics import Values

Rows = NDArray[np.int64]
Kind = Literal["number", "category", "list", "text"]

ALIKE = 0.95
"""Share of the filled rows that have to read as a number, a moment or a list for the column to be one."""

PROSE = (2.5, 0.5)
"""Words a value, and share of different values, from which a column is text."""

MOST_COLUMNS = 40
MOST_WORDS = 20_000
LEVELS = 6
LEAST_LEVEL = 0.03
REACHES = (0.05, 0.5, 2.0, 8.0)
"""Kilometres within which homes count as near: the same house, block, quarter, town."""

EARTH = 6371.0
NEAR, NEIGHBOURS = 0.5, 40
"""Kilometres, and how many homes, that make a neighbourhood of a home."""

LISTED = 2.5
"""Items a value, on average, from which a column is a list."""

TOPICS = 16
TOPIC_SCALE = 2.0
TABLE = 800
"""Homes up to which how alike all pairs are is computed once."""

_WORD = re.compile(r"[\W_]+")
_ID = re.compile(r"(^|[ _-])(id|uuid|guid|key|url|link|picture)$")
_BETWEEN = re.compile(r"\s*[,;|]\s*")
_PLACES = (("latitude", "longitude"), ("lat", "lon"), ("lat", "lng"))


class Way(Protocol):
    """One way of being alike."""

    def between(self, mine: Rows, others: Rows) -> Values:
        """Return how alike homes are to others (m, c), from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class ByNumber:
    """Alike by a number: e^−distance in units of the usual spread; nothing known is alike to nothing."""

    values: Values

    def between(self, mine: Rows, others: Rows) -> Values:
        """Return how alike homes are to others (m, c)."""
        apart = np.abs(self.values[mine][:, None] - self.values[others][None, :])
        return np.nan_to_num(np.exp(-apart), nan=0.0)


@dataclass(frozen=True, slots=True)
class ByLevel:
    """Alike by being the same."""

    codes: Rows

    def between(self, mine: Rows, others: Rows) -> Values:
        """Return 1 where homes hold the same (m, c)."""
        held = self.codes[mine][:, None]
        told = (held == self.codes[others][None, :]) & (held >= 0)
        return np.asarray(told, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ByWords:
    """Alike by the words, or items of a list, both hold: the cosine of their tf–idf."""

    rows: Any

    def between(self, mine: Rows, others: Rows) -> Values:
        """Return the cosines (m, c)."""
        return np.asarray((self.rows[mine] @ self.rows[others].T).todense(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ByPlace:
    """Alike by being near."""

    places: Values
    reach: float

    def between(self, mine: Rows, others: Rows) -> Values:
        """Return e^−(kilometres / reach) (m, c)."""
        told = np.exp(
            -kilometres(self.places[mine][:, None, :], self.places[others][None, :, :]) / self.reach
        )
        return np.nan_to_num(told, nan=0.0)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of homes (n), whatever anybody did."""

    count: int
    ways: tuple[Way, ...]
    way_names: tuple[str, ...]
    plain: Values
    """Attributes as numbers (n, p); NaN is missing."""
    plain_names: tuple[str, ...]
    design: Values
    """All of it as a dense, standardised matrix (n, d): what a regression on homes learns from."""
    words: Any
    """Words of all texts and lists, normalised rows, sparse (n, v); nothing without text."""
    near: tuple[Rows, Rows, Values] | None
    """Pairs of homes close to one another, and how close (0 to 1)."""
    kinds: Mapping[str, str]
    left_out: Mapping[str, str]
    table: NDArray[np.float32] | None = None
    """How alike all pairs are, where there are few homes."""

    def alike(self, mine: Rows, others: Rows) -> Values:
        """Return how alike homes are to others, in every way (m, c, w)."""
        if self.table is not None:
            return np.asarray(self.table[mine[:, None], others[None, :]], dtype=np.float64)
        return self._alike(mine, others)

    def _alike(self, mine: Rows, others: Rows) -> Values:
        if not self.ways:
            return np.zeros((len(mine), len(others), 0))
        return np.stack([way.between(mine, others) for way in self.ways], axis=-1)


def kilometres(here: Values, there: Values) -> Values:
    """Return distances between places in radians (…, 2), flat as a map of a region is."""
    north = there[..., 0] - here[..., 0]
    east = (there[..., 1] - here[..., 1]) * np.cos(0.5 * (there[..., 0] + here[..., 0]))
    return np.asarray(EARTH * np.hypot(north, east))


def traits_of(columns: Mapping[str, Column], count: int, *, seed: int) -> Traits:
    """Return what columns say of homes; ids, constants and what is empty are left out."""
    places, used = _places(columns)
    read = _Read(kinds=dict.fromkeys(used, "place"))
    if places is not None:
        for reach in REACHES:
            read.add_way(f"within {reach:g} km", ByPlace(places, reach))
    for name, column in columns.items():
        if name not in used:
            kind = _kind(name, column) if len(read.kinds) < MOST_COLUMNS else "one column too many"
            read.add(name, kind, column)
    words = _words([sum(parts, []) for parts in zip(*read.bags, strict=True)]) if read.bags else None
    topics = 0 if words is None else min(TOPICS, count - 1, words.shape[1] - 1)
    if topics > 0:
        read.design += list(TOPIC_SCALE * TruncatedSVD(topics, random_state=seed).fit_transform(words).T)
    told = Traits(
        count=count,
        ways=tuple(read.ways),
        way_names=tuple(read.way_names),
        plain=_stacked(read.plain, count),
        plain_names=tuple(read.plain_names),
        design=_stacked(read.design, count),
        words=words,
        near=None if places is None else _near(places),
        kinds=read.kinds,
        left_out=read.left_out,
    )
    if count > TABLE:
        return told
    every = np.arange(count)
    return replace(told, table=told.alike(every, every).astype(np.float32))


@dataclass(slots=True)
class _Read:
    """What has been read of the columns so far."""

    kinds: dict[str, str]
    left_out: dict[str, str] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    way_names: list[str] = field(default_factory=list)
    plain: list[Values] = field(default_factory=list)
    plain_names: list[str] = field(default_factory=list)
    design: list[Values] = field(default_factory=list)
    bags: list[list[list[str]]] = field(default_factory=list)

    def add_way(self, name: str, way: Way) -> None:
        self.ways.append(way)
        self.way_names.append(name)

    def add(self, name: str, kind: str, column: Column) -> None:
        """Take a column in as what it is, or say why not."""
        if kind == "number":
            values = _numbers(column)
            self._describe(name, values)
            self.add_way(name, ByNumber(_standard(values)))
        elif kind == "category":
            for level, held in _levels(column):
                self._describe(f"{name} = {level}", held)
            self.add_way(name, ByLevel(column.codes))
        elif kind in ("list", "text"):
            bag = _bag(column, kind)
            rows = _words(bag)
            if rows is None:
                self.left_out[name] = "no word of it comes twice"
                return
            self._describe(f"{name}: length", np.array([float(len(words)) for words in bag]))
            self.bags.append(bag)
            self.add_way(name, ByWords(rows))
        else:
            self.left_out[name] = kind
            return
        self.kinds[name] = kind

    def _describe(self, name: str, values: Values) -> None:
        self.plain.append(values)
        self.plain_names.append(name)
        self.design.append(np.nan_to_num(_standard(values), nan=0.0))


def _stacked(columns: Sequence[Values], count: int) -> Values:
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0))


def _places(columns: Mapping[str, Column]) -> tuple[Values | None, tuple[str, ...]]:
    """Return where homes are, in radians, and the columns that say so."""
    named = {name.casefold().strip(): name for name in columns}
    for pair in _PLACES:
        if all(name in named for name in pair):
            used = tuple(named[name] for name in pair)
            told = np.stack([_numbers(columns[name]) for name in used], axis=1)
            wrong = (np.abs(told[:, 0]) > 90.0) | (np.abs(told[:, 1]) > 180.0) | (told == 0.0).all(axis=1)
            told[wrong] = np.nan
            if np.isfinite(told).all(axis=1).sum() > 1:
                return np.radians(told), used
    return None, ()


def _near(places: Values) -> tuple[Rows, Rows, Values]:
    """Return pairs of homes close to one another: of each, its nearest."""
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    tree = BallTree(places[known], metric="haversine")
    apart, found = tree.query(places[known], k=min(NEIGHBOURS, len(known)))
    homes, others = np.repeat(known, found.shape[1]), known[found.ravel()]
    share = np.exp(-EARTH * apart.ravel() / NEAR)
    other = homes != others
    return homes[other], others[other], share[other]


def _kind(name: str, column: Column) -> str:
    """Return what a column holds, or why it is left out."""
    known = column.take(np.flatnonzero(~column.missing))
    if len(known) == 0:
        return "empty"
    singles = len(known.levels) if known.kind == "text" else len(np.unique(known.numbers))
    if singles == 1 and len(known) == len(column):
        return "the same in every row"
    called = _ID.search(_WORD.sub(" ", name.casefold()).strip()) is not None
    if called and singles > 0.5 * len(known):
        return "an id"
    if known.kind != "text":
        return "number"
    levels = known.levels
    if float(known.read(lambda text: float(text.startswith("[") and text.endswith("]"))).mean()) >= ALIKE:
        return "list"
    if np.isfinite(_numbers(known)).mean() >= ALIKE:
        return "number"
    items = [part for text in levels for part in _BETWEEN.split(text)]
    if len(items) >= LISTED * len(levels) and sum(len(item.split()) for item in items) <= 3 * len(items):
        return "list"
    words, unlike = PROSE
    mean_words = sum(len(text.split()) for text in levels) / len(levels)
    return "text" if singles > unlike * len(known) and mean_words >= words else "category"


def _numbers(column: Column) -> Values:
    """Return a column as numbers; days where it holds moments."""
    if column.kind == "moment":
        return column.numbers / DAY
    told = column.read(read_number)
    if column.kind == "text" and np.isfinite(told).sum() < ALIKE * (~column.missing).sum():
        moments = column.read(read_moment) / DAY
        return moments if np.isfinite(moments).sum() > np.isfinite(told).sum() else told
    return told


def _standard(values: Values) -> Values:
    """Return numbers in units of their spread from the middle; of skewed positive ones, their logarithms."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return values
    if known.min() > 0 and known.max() > 10.0 * np.median(known):
        values, known = np.log(values), np.log(known)
    spread = float(known.std())
    return np.asarray(np.clip((values - known.mean()) / (spread if spread > 0 else 1.0), -4.0, 4.0))


def _levels(column: Column) -> list[tuple[str, Values]]:
    """Return the frequent levels of a category, and of each home whether it holds it."""
    sizes = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    order = np.argsort(-sizes, kind="stable")[:LEVELS]
    least = max(2.0, LEAST_LEVEL * len(column))
    return [
        (column.levels[code], (column.codes == code).astype(np.float64))
        for code in order
        if sizes[code] >= least
    ]


def _bag(column: Column, kind: str) -> list[list[str]]:
    """Return the words of each row: items of a list, or single words and pairs of a text."""
    told = [_listed(level) if kind == "list" else _spoken(level) for level in column.levels]
    return [told[code] if code >= 0 else [] for code in column.codes.tolist()]


def _listed(text: str) -> list[str]:
    items: Any = None
    if text.startswith("["):
        try:
            items = json.loads(text)
        except ValueError:
            items = None
    if not isinstance(items, list):
        items = _BETWEEN.split(text.strip("[]{}"))
    told = (_WORD.sub("_", str(item).casefold()).strip("_") for item in items)
    return [item for item in told if item]


def _spoken(text: str) -> list[str]:
    words = [word for word in _WORD.split(text.casefold()) if len(word) > 1]
    return [*words, *(f"{first} {second}" for first, second in zip(words, words[1:], strict=False))]


def _words(bags: Sequence[Sequence[str]]) -> Any:
    """Return the tf–idf of bags of words as normalised sparse rows; nothing if no word comes twice."""
    weigh = TfidfVectorizer(analyzer=list, sublinear_tf=True, min_df=2, max_features=MOST_WORDS)
    try:
        return weigh.fit_transform(bags)
    except ValueError:
        return None
