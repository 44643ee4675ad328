"""Read a long file of events piece by piece: what happened to each lead before a moment, kind by kind.

Only tallies of kinds stay in memory. Events of kinds whose meaning is known are laid aside on disk in parts
small enough to be sorted, and handed out lead by lead in the order of time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leads.backtest.engines import Tell
from leads.backtest.files import FileError, listed, names_of, numbers_of, seconds_of, stream
from leads.backtest.kinds import fact_of, known_kind
from leads.backtest.spool import Spool
from leads.backtest.tallies import Tallies
from leads.events import CONCLUSIONS, Kind
from leads.ml.columns import read_moment_or_epoch, read_number
from leads.ml.history import EventFact
from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Values

CONTACT, AT, KIND = NEEDED = ("contact_id", "occurred_at", "kind")
OPTIONAL = ("direction", "channel", "value", "text")
SAID_EVERY = 1_000_000


@dataclass(slots=True)
class Log:
    """What a file of events says of some leads, each up to a moment of its own."""

    path: Path
    until: Values
    tallies: Tallies
    known: dict[int, Kind]
    """Which of our kinds a column of the tallies is."""
    tell: Tell
    events: int = 0
    of_leads: int = 0
    used: int = 0
    _spool: Spool | None = None

    def histories(self, hidden: frozenset[int] = frozenset()) -> Iterator[tuple[int, list[EventFact]]]:
        """Yield each lead's events of known kinds in the order of time; `hidden` columns are left out."""
        for lead, rows in self._spool.leads() if self._spool is not None else ():
            facts = [fact_of(self.known[row["kind"]], row) for row in rows if row["kind"] not in hidden]
            if facts:
                yield lead, facts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            self._spool.close()


def last_moment(path: Path, now: datetime) -> float:
    """Return when the last event of a file happened."""
    latest, row = -math.inf, 0
    for batch in stream(path, [AT]):
        at = moments_in(path, batch[AT], row, now)
        latest, row = max(latest, float(at.max(initial=-math.inf))), row + len(at)
    if row == 0:
        raise _empty(path)
    return latest


def _empty(path: Path) -> FileError:
    return FileError(f"{path} holds no rows under its heading: export it again, or leave it out.", "rows")


def read_log(path: Path, ids: Sequence[str], until: Values, *, now: datetime, tell: Tell) -> Log:
    """Return what happened to the leads of these ids, each before its moment of `until` (unix seconds)."""
    lacking = [name for name in NEEDED if name not in names_of(path)]
    if lacking:
        raise FileError(
            f"{path} has no column {lacking[0]}: events need {', '.join(NEEDED)}; it has "
            f"{listed(names_of(path))}.",
            "column",
        )
    log = Log(path, until, Tallies(len(ids)), {}, tell)
    with ExitStack() as undo:
        log._spool = spool = Spool.beside(path)
        undo.callback(spool.close)
        wanted = pa.array(ids, pa.string())
        for batch in stream(path, [*NEEDED, *OPTIONAL]):
            _take(log, batch, wanted, now)
            if log.events // SAID_EVERY > (log.events - len(batch[AT])) // SAID_EVERY:
                tell(f"{log.events:,} events read")
        if log.events == 0:
            raise FileError(
                f"{path} holds no rows under its heading: export it again, or leave it out.", "rows"
            )
        if log.of_leads == 0:
            raise FileError(
                f"{path}: none of its {log.events} events is of a lead asked for: compare {CONTACT} in both "
                "files.",
                CONTACT,
            )
        spool.seal()
        undo.pop_all()
    return log


def _take(log: Log, batch: Mapping[str, pa.Array], wanted: pa.Array, now: datetime) -> None:
    """Count one piece of the file."""
    at = moments_in(log.path, batch[AT], log.events, now)
    leads = pc.index_in(_text(batch[CONTACT]), value_set=wanted)
    rows = np.asarray(pc.fill_null(leads, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    places, unknown = _places(log, batch)
    first = log.events
    log.events += len(at)
    mine = np.flatnonzero((rows >= 0) & (places >= 0))
    log.of_leads += len(mine)
    values = _values(batch.get("value"), len(at))
    before = at < log.until[np.maximum(rows, 0)]
    log.tallies.add(rows[mine], places[mine], at[mine], values[mine], before[mine], log.until)
    log.used += int(before[mine].sum())
    kept = mine[before[mine] & ~unknown[mine]]
    if log._spool is not None and len(kept):
        taken = pa.array(kept)
        log._spool.add(
            {
                "lead": pa.array(rows[kept], pa.int64()),
                "at": pa.array(at[kept], pa.float64()),
                "id": pa.array(kept + first, pa.int64()),
                "kind": pa.array(places[kept], pa.int64()),
                "value": pa.array(values[kept], pa.float64()),
                **{name: _optional(batch.get(name), taken) for name in ("channel", "text")},
            }
        )


def _places(log: Log, batch: Mapping[str, pa.Array]) -> tuple[NDArray[np.int64], Flags]:
    """Return each event's column in the tallies (−1: our own conclusions), and if its kind is unknown."""
    kinds = _text(batch[KIND])
    empty = np.flatnonzero(np.asarray(pc.equal(pc.fill_null(kinds, ""), "")))
    if len(empty):
        raise FileError(
            f"{log.path}, row {log.events + int(empty[0]) + 1}: {KIND} is empty: say what happened.", KIND
        )
    ways = _text(batch["direction"]) if "direction" in batch else pa.array([""] * len(kinds), pa.string())
    pairs = pc.binary_join_element_wise(kinds, pc.fill_null(pc.utf8_lower(ways), ""), "\x1f")
    coded = pairs.dictionary_encode()
    told = list[tuple[int, bool]]()
    for pair in coded.dictionary.to_pylist():
        kind, _, way = pair.partition("\x1f")
        known = known_kind(kind, way)
        if known in CONCLUSIONS:
            told.append((-1, False))
            continue
        place = log.tallies.place(kind, way)
        if known is not None and place == log.tallies.kinds.get((kind, way)):
            log.known[place] = known
        told.append((place, place not in log.known))
    codes = np.asarray(coded.indices)
    return np.array([place for place, _ in told])[codes], np.array([new for _, new in told])[codes]


def moments_in(path: Path, values: pa.Array, row: int, now: datetime) -> Values:
    """Return when events happened; refuse the first that has no time, or one that lies ahead."""
    at = _seconds(values)
    wrong = np.flatnonzero(~(at <= now.timestamp() + DAY))
    if len(wrong):
        what = "lies in the future" if at[wrong[0]] > 0 else "is no time"
        held = str(values[int(wrong[0])].as_py() or "")[:40]
        raise FileError(
            f"{path}, row {row + int(wrong[0]) + 1}: {AT} “{held}” {what}: write times like "
            "2026-03-31T14:05:00Z, and leave out what has not happened yet.",
            AT,
        )
    return at


def _seconds(values: pa.Array) -> Values:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            return seconds_of(values)
        values = values.cast(pa.string())
    told = pc.utf8_trim_whitespace(values)
    for zone in ("UTC", None):
        try:
            return seconds_of(told.cast(pa.timestamp("us", zone)))
        except pa.ArrowInvalid:
            continue
    return np.array([read_moment_or_epoch(text or "") for text in told.to_pylist()], dtype=np.float64)


def _text(values: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(values.cast(pa.string()))


def _values(values: pa.Array | None, count: int) -> Values:
    if values is None:
        return np.full(count, np.nan)
    numbers = numbers_of(pa.chunked_array([values]))
    if numbers is None:
        numbers = np.array([read_number(str(text or "")) for text in values.to_pylist()], dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _optional(values: pa.Array | None, taken: pa.Array) -> pa.Array:
    return pa.nulls(len(taken), pa.string()) if values is None else _text(values.take(taken))
