"""Turn columns of any type into numbers a model can learn from, learned on training rows alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from leads.ml.columns import (
    YES,
    Codes,
    Column,
    read_flag,
    read_moment,
    read_number,
)
from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Values

Kind = Literal["number", "moment", "flag", "category", "text", "presence"]

ALIKE = 0.95
"""Share of the filled rows that have to read as a number or a date for the column to be one."""

UNIQUE = 0.9
"""Share of different values among the filled rows from which a column is an id."""

PROSE = (3.0, 20.0, 0.5)
"""Words and characters a value, and share of different ones, from which a column is free text."""

LEVELS = 20
FEATURES = 400
"""Levels with a feature of their own: of one column, and of all at most."""

LEAST_LEVEL = (20, 0.005)
"""Rows, and share of the rows, a level needs to have a feature of its own."""

LEAST_GAP = (10, 0.005)
PULL = 20.0
"""Rows at the base rate the rate of a level is shrunk by."""

DENSE = 20
"""A column of different whole numbers is an id when they lie this close: n of them within n times this."""

PERSONAL = frozenset(
    {"name", "full name", "first name", "last name", "middle name", "email", "e mail", "email address"}
    | {"phone", "phone number", "mobile", "mobile phone", "address", "street", "street address"}
)
_ID = re.compile(r"(^|[ _-])(id|uuid|guid|number|no|key|num)$")
_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one column becomes features."""

    name: str
    kind: Kind
    has_gaps: bool = False
    levels: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    usual: float = math.nan
    note: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the features, in their order."""
        told: tuple[str, ...] = ()
        if self.kind in ("number", "flag"):
            told = (self.name,)
        elif self.kind == "moment":
            told = (f"{self.name}: days before",)
        elif self.kind == "text":
            told = (f"{self.name}: length", f"{self.name}: words")
        elif self.kind == "category":
            told = tuple(f"{self.name} = {level}" for level in self.levels)
            if self.rates:
                told += (f"{self.name}: how common", f"{self.name}: past rate")
        return (*told, f"{self.name} is missing") if self.has_gaps else told

    def encode(self, column: Column, moments: Values | None) -> Values:
        """Return the features (n, k) of a column."""
        parts = list[Values]()
        if self.kind == "number":
            parts.append(column.read(read_number))
        elif self.kind == "flag":
            parts.append(column.read(read_flag))
        elif self.kind == "moment":
            told = column.read(read_moment)
            start = np.zeros(len(column)) if moments is None else moments
            parts.append((start - told) / DAY)
        elif self.kind == "text":
            parts += [column.read(len), column.read(lambda text: len(text.split()))]
        elif self.kind == "category":
            index = {level: place for place, level in enumerate(self.levels)}
            places = column.read(lambda text: float(index.get(_fold(text), -1)))
            parts += [(places == place).astype(np.float64) for place in range(len(self.levels))]
            if self.rates:
                parts.append(column.read(lambda text: math.log1p(self.counts.get(_fold(text), 0))))
                parts.append(column.read(lambda text: self.rates.get(_fold(text), self.usual)))
        if self.has_gaps:
            parts.append(column.missing.astype(np.float64))
        return np.stack(parts, axis=1) if parts else np.zeros((len(column), 0))


@dataclass(frozen=True, slots=True)
class Encoder:
    """How the columns of a file become features, and which are left out and why."""

    plans: tuple[Plan, ...]
    left_out: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all features, in their order."""
        return tuple(name for plan in self.plans for name in plan.features)

    def encode(self, columns: Mapping[str, Column], moments: Values | None, rows: int) -> Values:
        """Return the features (rows, k) of rows; dates count back from `moments` (unix seconds) if given."""
        told = [plan.encode(columns[plan.name], moments) for plan in self.plans]
        return np.concatenate(told, axis=1) if told else np.zeros((rows, 0))


def fit_encoder(
    columns: Mapping[str, Column],
    outcomes: Flags,
    times: Values,
    *,
    moments: Values | None = None,
) -> tuple[Encoder, Values]:
    """Return how these training rows are encoded, and their features (n, k).

    The rate of a level, which only columns of very many levels get, counts for each training row the rows
    before its time alone; later rows get that of all training rows.
    """
    plans, left_out = list[Plan](), dict[str, str]()
    most = max(4, min(LEVELS, FEATURES // max(1, len(columns))))
    for name, column in columns.items():
        plan = _plan(name, column, outcomes, most)
        if isinstance(plan, str):
            left_out[name] = plan
        else:
            plans.append(plan)
    encoder = Encoder(tuple(plans), left_out)
    matrix = encoder.encode(columns, moments, len(outcomes))
    for plan in plans:
        if plan.rates:
            place = encoder.names.index(f"{plan.name}: past rate")
            matrix[:, place] = _rates_before(columns[plan.name], outcomes, times)
    return encoder, matrix


def _plan(name: str, column: Column, outcomes: Flags, most: int) -> Plan | str:
    """Return how a column becomes features, or why it does not."""
    missing = int(column.missing.sum())
    rows = len(column)
    if missing == rows:
        return "empty"
    least, share = LEAST_GAP
    has_gaps = max(least, share * rows) <= missing <= rows - max(least, share * rows)
    kind, note = _kind(name, column)
    if kind in ("same", "id", "personal"):
        if has_gaps:
            return Plan(
                name, "presence", has_gaps=True, note=_WHY[kind] + ": only whether it is filled counts"
            )
        return _WHY[kind]
    if kind == "category":
        return _category(name, column, outcomes, has_gaps, most)
    return Plan(name, kind, has_gaps=has_gaps, note=note)  # type: ignore[arg-type]


_WHY = {
    "same": "the same in every row",
    "id": "an id: nearly every row has its own",
    "personal": "says who a person is",
}


def _kind(name: str, column: Column) -> tuple[str, str]:
    """Return what a column holds, and a note when not all of it does."""
    if _WORD.sub(" ", name.casefold()).strip() in PERSONAL:
        return "personal", ""
    known = column.take(np.flatnonzero(~column.missing))
    if known.kind != "text":
        singles = len(np.unique(known.numbers))
        if singles == 1:
            return "same", ""
        return ("id" if known.kind == "number" and _is_id(name, known.numbers, singles) else known.kind), ""
    if len(known.levels) == 1:
        return "same", ""
    if not np.isnan(known.read(read_flag)).any():
        return "flag", ""
    for kind, reader in (("number", read_number), ("moment", read_moment)):
        unread = int(np.isnan(known.read(reader)).sum())
        if unread <= (1.0 - ALIKE) * len(known):
            note = f"{unread} of {len(known)} values are no {kind} and count as missing" if unread else ""
            if kind == "number" and not unread:
                told = known.read(reader)
                if _is_id(name, told, len(np.unique(told))):
                    return "id", ""
            return kind, note
    words, length, unlike = PROSE
    share = len(known.levels) / len(known)
    mean_words = float(known.read(lambda text: len(text.split())).mean())
    if share >= unlike and mean_words >= words and float(known.read(len).mean()) >= length:
        return "text", ""
    return ("id" if share > UNIQUE and len(known) >= LEAST_LEVEL[0] else "category"), ""


def _is_id(name: str, numbers: Values, singles: int) -> bool:
    """Tell whether numbers only count rows: whole, all different, and called so or close together."""
    if singles < len(numbers) or len(numbers) < LEAST_LEVEL[0] or (numbers != np.round(numbers)).any():
        return False
    called = _ID.search(name.casefold().strip()) is not None
    return called or float(np.ptp(numbers)) < DENSE * len(numbers)


def _category(name: str, column: Column, outcomes: Flags, has_gaps: bool, most: int) -> Plan:
    """Return a feature for each frequent level; of very many, also how common and how good each is."""
    codes = column.codes[column.codes >= 0]
    hits = np.bincount(codes, weights=outcomes[column.codes >= 0], minlength=len(column.levels))
    sizes = np.bincount(codes, minlength=len(column.levels))
    counts, converted = dict[str, int](), dict[str, float]()
    for level, size, hit in zip(column.levels, sizes.tolist(), hits.tolist(), strict=True):
        folded = _fold(level)
        counts[folded] = counts.get(folded, 0) + int(size)
        converted[folded] = converted.get(folded, 0.0) + hit
    least, share = LEAST_LEVEL
    common = sorted(counts, key=lambda level: (-counts[level], level))
    frequent = [level for level in common if counts[level] >= min(max(least, share * len(column)), 2_000)]
    if len(frequent) == len(counts) == 2 and not has_gaps:
        frequent = frequent[1:] if frequent[0] not in YES else frequent[:1]
    usual = float(outcomes.mean())
    many = len(counts) > LEVELS
    rates = {
        level: (converted[level] + PULL * usual) / (size + PULL) for level, size in counts.items() if many
    }
    return Plan(
        name,
        "category",
        has_gaps=has_gaps,
        levels=tuple(frequent[:most]),
        counts=counts if many else {},
        rates=rates,
        usual=usual,
    )


def _rates_before(column: Column, outcomes: Flags, times: Values) -> Values:
    """Return each row's rate of its level among the rows before its time (n,); rows of one time see none."""
    seen, converted = _before(np.zeros(len(column), dtype=np.int64), outcomes, times)
    usual = (converted + 1.0) / (seen + 2.0)
    count, hits = _before(column.codes, outcomes, times)
    return np.where(column.missing, np.nan, (hits + PULL * usual) / (count + PULL))


def _before(codes: Codes, outcomes: Flags, times: Values) -> tuple[Values, Values]:
    """Return how many rows of the same code came before each row, and how many of those converted."""
    order = np.lexsort((times, codes))
    code, time = codes[order], times[order]
    begins = np.r_[True, code[1:] != code[:-1]]
    moves = begins | np.r_[True, time[1:] != time[:-1]]
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(begins, places, 0))
    now = np.maximum.accumulate(np.where(moves, places, 0))
    total = np.r_[0.0, np.cumsum(outcomes[order])]
    seen, converted = np.empty(len(order)), np.empty(len(order))
    seen[order] = now - first
    converted[order] = total[now] - total[first]
    return seen, converted


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
