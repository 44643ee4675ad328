"""Read a file of leads and refuse, in one sentence, what cannot be learned from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leads.backtest.files import FileError, Table, names_of, read_table
from leads.ml.columns import Column, epochs, read_flag, read_moment_or_epoch
from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Values

ID, CREATED, OUTCOME, DECIDED, AS_OF = "contact_id", "created_at", "converted", "converted_at", "as_of"
OUTCOMES = (OUTCOME, DECIDED)
RESERVED = (ID, CREATED, *OUTCOMES, AS_OF)
_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads of a file; moments are unix seconds, NaN where the file holds none."""

    path: Path
    ids: tuple[str, ...]
    outcomes: Flags | None
    created: Values | None
    decided: Values | None
    as_of: Values | None
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def known_outcomes(self) -> Flags:
        """Return the outcomes; only a file to learn from has them."""
        if self.outcomes is None:
            raise ValueError("These leads have no outcomes.")
        return self.outcomes

    @property
    def moments(self) -> Values | None:
        """Return when each lead is looked at, as far as the file says; dates count back from there."""
        if self.as_of is None or self.created is None:
            return self.as_of if self.as_of is not None else self.created
        return np.where(np.isnan(self.as_of), self.created, self.as_of)

    def take(self, rows: NDArray[np.int64]) -> Leads:
        """Return these leads, in this order."""

        def some(values: Values | None) -> Values | None:
            return None if values is None else values[rows]

        return Leads(
            self.path,
            tuple(self.ids[row] for row in rows),
            None if self.outcomes is None else self.outcomes[rows],
            some(self.created),
            some(self.decided),
            some(self.as_of),
            {name: column.take(rows) for name, column in self.columns.items()},
        )


def read_leads(path: Path, *, now: datetime, learn: bool, as_text: frozenset[str] = frozenset()) -> Leads:
    """Return the leads of a file; one to `learn` from has outcomes, in another they are ignored."""
    names = _reserved(names_of(path))
    table = read_table(path, as_text=as_text | {names.get(ID, ID)})
    ids = _ids(table, names)
    latest = now.timestamp() + DAY
    outcomes = _outcomes(table, names) if learn else None
    return Leads(
        path=path,
        ids=ids,
        outcomes=outcomes,
        created=_moments(table, names.get(CREATED), latest),
        decided=_moments(table, names.get(DECIDED), latest) if learn else None,
        as_of=_moments(table, names.get(AS_OF), None),
        columns={name: column for name, column in table.columns.items() if name not in names.values()},
    )


def _reserved(columns: Sequence[str]) -> dict[str, str]:
    """Return how the file spells the columns that have a meaning of their own."""
    found = dict[str, str]()
    for name in columns:
        plain = _WORD.sub("_", name.casefold()).strip("_")
        if plain in RESERVED and (plain not in found or name == plain):
            found[plain] = name
    return found


def _ids(table: Table, names: Mapping[str, str]) -> tuple[str, ...]:
    column = table.column(names.get(ID, ID), why="which lead each row is")
    if column.kind != "text":
        raise FileError(f"{table.path}: the column {ID} holds times, not ids: name the right column so.")
    _refuse_first(table, ID, column.missing, "is empty", "give every lead an id")
    sizes = np.bincount(column.codes, minlength=len(column.levels))
    if (sizes > 1).any():
        code = int(np.flatnonzero(sizes > 1)[0])
        rows = np.flatnonzero(column.codes == code)
        raise FileError(
            f"{table.path}: {int((sizes > 1).sum())} contact ids come more than once (the first in rows "
            f"{rows[0] + 1} and {rows[1] + 1}): keep one row for each lead.",
            ID,
        )
    return tuple(column.levels[code] for code in column.codes)


def _outcomes(table: Table, names: Mapping[str, str]) -> Flags:
    column = table.column(names.get(OUTCOME, OUTCOME), why="1 for leads who converted, 0 for others")
    told = column.read(read_flag)
    wrong = ~column.missing & ~np.isin(told, (0.0, 1.0))
    _refuse_first(table, OUTCOME, column.missing, "is empty", "leave out leads that are not decided yet")
    _refuse_first(
        table, OUTCOME, wrong, "is neither 0 nor 1", "write 1 for who converted, 0 for who did not", column
    )
    outcomes: Flags = np.asarray(told == 1.0, dtype=np.bool_)
    if outcomes.all() or not outcomes.any():
        raise FileError(
            f"{table.path}: all {len(outcomes)} leads have {OUTCOME} {int(outcomes[0])}: both outcomes are "
            "needed to tell leads apart; export the others too.",
            OUTCOME,
        )
    return outcomes


def _moments(table: Table, name: str | None, latest: float | None) -> Values | None:
    """Return the times of a column, refusing what is no time or lies ahead."""
    if name is None:
        return None
    column = table.columns[name]
    told = epochs(column.numbers) if column.kind == "number" else column.read(read_moment_or_epoch)
    _refuse_first(
        table,
        name,
        ~column.missing & np.isnan(told),
        "is no time",
        "write times like 2026-03-31 or 2026-03-31T14:05:00Z",
        column,
    )
    if latest is not None:
        _refuse_first(
            table, name, told > latest, "lies in the future", "correct it, or leave the lead out", column
        )
    return told


def _refuse_first(
    table: Table, name: str, wrong: Flags, what: str, mend: str, column: Column | None = None
) -> None:
    """Raise for the first row that is wrong, saying how many are."""
    rows = np.flatnonzero(wrong)
    if len(rows) == 0:
        return
    more = f" (so {'is' if len(rows) == 2 else 'are'} {len(rows) - 1} more)" if len(rows) > 1 else ""
    held = "" if column is None else f" “{column.text(int(rows[0]))[:40]}”"
    raise FileError(f"{table.path}, row {rows[0] + 1}: {name}{held} {what}{more}: {mend}.", name)


def in_order(leads: Leads, order: str | None) -> tuple[Leads, Values, str]:
    """Return the leads in the order of time, their times, and which order that is."""
    way = order or (CREATED if leads.created is not None else "file")
    if way == "file":
        return leads, np.arange(len(leads), dtype=np.float64), way
    if leads.created is None:
        raise FileError(
            f"{leads.path} has no column {CREATED} to order leads by: add it, or use --order file if the "
            "rows are in the order of time.",
            CREATED,
        )
    empty = np.flatnonzero(np.isnan(leads.created))
    if len(empty):
        raise FileError(
            f"{leads.path}, row {empty[0] + 1}: {CREATED} is empty ({len(empty)} in all): fill it, or use "
            "--order file if the rows are in the order of time.",
            CREATED,
        )
    rows = np.argsort(leads.created, kind="stable")
    return leads.take(rows), leads.created[rows], way


def arrival(leads: Leads) -> dict[str, Values]:
    """Return what the moment a lead came says of it."""
    created = leads.created
    if created is None:
        return {}
    # 1970-01-01 was a Thursday: Monday is 0
    found = {"created_at: weekday": (np.floor(created / DAY) + 3) % 7}
    if (np.nan_to_num(created) % DAY != 0).any():
        found["created_at: hour (UTC)"] = (created % DAY) / 3600.0
    if leads.as_of is not None:
        found["created_at: days known"] = (leads.as_of - created) / DAY
    return found
