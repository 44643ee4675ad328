"""Read homes, what people did with them, and people; refuse in one sentence what cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leads.backtest.engines import Tell
from leads.backtest.events import moments_in
from leads.backtest.files import FileError, listed, names_of, read_table, stream
from leads.ml.columns import Column
from leads.ml.memory import DAY
from leads.ml.metrics import Values
from matching.ranking.past import Past

KEY, USER, AT, KIND = "listing_key", "user_id", "occurred_at", "kind"
NEEDED = (USER, KEY, AT)

SAYS: Mapping[str, float] = {
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
"""What each kind says of somebody's liking; what is not here says 1."""

SAID_EVERY = 1_000_000


@dataclass(frozen=True, slots=True)
class Homes:
    """The homes of a file."""

    path: Path
    keys: tuple[str, ...]
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Interactions:
    """What people did, and what of the file was not used."""

    past: Past
    people: tuple[str, ...]
    rows: int
    unknown: int
    """Rows of homes that are not among the listings."""
    doubles: int
    kinds: Mapping[str, int]


def read_homes(path: Path) -> Homes:
    """Return the homes of a file, each once."""
    table = read_table(path, as_text=frozenset({KEY}))
    column = table.column(KEY, why="which home each row is")
    _refuse_empty(path, KEY, column.missing, 0)
    sizes = np.bincount(column.codes, minlength=len(column.levels))
    if (sizes > 1).any():
        rows = np.flatnonzero(column.codes == np.flatnonzero(sizes > 1)[0])
        raise FileError(
            f"{path}: {int((sizes > 1).sum())} listing keys come more than once (the first in rows "
            f"{rows[0] + 1} and {rows[1] + 1}): keep one row for each home.",
            KEY,
        )
    if len(column) < 2:
        raise FileError(f"{path} holds one home alone: there is nothing to rank.", "rows")
    columns = {name: one for name, one in table.columns.items() if name != KEY}
    return Homes(path, tuple(column.levels[code] for code in column.codes), columns)


def read_interactions(path: Path, homes: Homes, *, now: datetime, tell: Tell) -> Interactions:
    """Return what people did with these homes, in the order of time; what is there twice counts once."""
    names = names_of(path)
    lacking = [name for name in NEEDED if name not in names]
    if lacking:
        raise FileError(
            f"{path} has no column {lacking[0]}: interactions need {', '.join(NEEDED)} and {KIND}; it has "
            f"{listed(names)}.",
            "column",
        )
    keys = pa.array(homes.keys, pa.string())
    people, kinds = _Codes(), _Codes()
    parts = list[tuple[NDArray[np.int64], NDArray[np.int64], Values, NDArray[np.int64]]]()
    rows = 0
    for batch in stream(path, [*NEEDED, KIND]):
        at = moments_in(path, batch[AT], rows, now)
        users, told = _text(batch[USER]), _text(batch[KEY])
        _refuse_empty(path, USER, _empty(users), rows)
        _refuse_empty(path, KEY, _empty(told), rows)
        places = np.asarray(pc.fill_null(pc.index_in(told, value_set=keys), -1), dtype=np.int64)
        what = _text(batch[KIND]) if KIND in batch else pa.array([""] * len(at), pa.string())
        parts.append((people.of(users), places, at, kinds.of(pc.fill_null(what, ""))))
        if (rows + len(at)) // SAID_EVERY > rows // SAID_EVERY:
            tell(f"{rows + len(at):,} interactions read")
        rows += len(at)
    if rows == 0:
        raise FileError(f"{path} holds no rows under its heading: export it again.", "rows")
    person, home, at, kind = (np.concatenate(column) for column in zip(*parts, strict=True))
    known = home >= 0
    if not known.any():
        raise FileError(
            f"{path}: none of its {rows} interactions is with a home of {homes.path}: compare {KEY} in both "
            "files.",
            KEY,
        )
    if not known.all():
        tell(f"{int((~known).sum()):,} of {rows:,} interactions are with homes not in {homes.path}: left out")
    told_once = np.unique(np.stack([at, person, home, kind])[:, known], axis=1)
    person, home, kind = (column.astype(np.int64) for column in told_once[1:])
    weights = np.array([_says(name) for name in kinds.names])[kind]
    if not (weights > 0).any():
        raise FileError(f"{path}: nobody liked a home: every {KIND} in it turns a home down.", KIND)
    return Interactions(
        past=Past(person, home, told_once[0] / DAY, weights, len(homes)),
        people=tuple(people.names),
        rows=rows,
        unknown=int((~known).sum()),
        doubles=int(known.sum()) - len(kind),
        kinds={
            name or "(none)": int(count)
            for name, count in zip(kinds.names, np.bincount(kind, minlength=len(kinds.names)), strict=True)
        },
    )


def read_users(path: Path, *, tell: Tell) -> tuple[str, ...]:
    """Return the people of a file, each once."""
    table = read_table(path, as_text=frozenset({USER}))
    column = table.column(USER, why="whom to rank homes for")
    _refuse_empty(path, USER, column.missing, 0)
    if len(column.levels) < len(column):
        tell(f"{len(column) - len(column.levels):,} rows of {path} name somebody a second time: left out")
    return tuple(dict.fromkeys(column.levels[code] for code in column.codes))


class _Codes:
    """Numbers for names, in the order they come."""

    def __init__(self) -> None:
        self._numbers = dict[str, int]()

    @property
    def names(self) -> list[str]:
        return list(self._numbers)

    def of(self, values: pa.Array) -> NDArray[np.int64]:
        coded = values.dictionary_encode()
        numbers = [
            self._numbers.setdefault(name, len(self._numbers)) for name in coded.dictionary.to_pylist()
        ]
        return np.asarray(np.array(numbers, dtype=np.int64)[np.asarray(coded.indices)])


def _says(kind: str) -> float:
    return SAYS.get(kind.strip().casefold().replace(".", "_").replace(" ", "_"), 1.0)


def _text(values: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(values.cast(pa.string()))


def _empty(values: pa.Array) -> NDArray[np.bool_]:
    told = pc.equal(pc.fill_null(values, ""), "")
    return np.asarray(told.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _refuse_empty(path: Path, name: str, empty: NDArray[np.bool_], before: int) -> None:
    if empty.any():
        row = before + int(np.flatnonzero(empty)[0]) + 1
        raise FileError(f"{path}, row {row}: {name} is empty: fill it, or take the row out.", name)
