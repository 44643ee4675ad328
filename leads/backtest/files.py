"""Read CSV and Parquet: a table of columns at once, or a long file piece by piece."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from leads.errors import DomainError
from leads.ml.columns import MISSING, Column, column_of, number_column, text_column
from leads.ml.metrics import Values

DELIMITERS = ",;\t|"
BLOCK = 4 * 1024 * 1024
"""Bytes of a file in memory at a time when it is read piece by piece."""

ROWS = 65_536
LONGEST_HEADER = 1024 * 1024
_MAGIC = b"PAR1"


class FileError(DomainError):
    """A file cannot be used; the message says what, where and how to mend it."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file by their names."""

    path: Path
    columns: Mapping[str, Column]
    rows: int

    def column(self, name: str, *, why: str) -> Column:
        """Return a column that has to be there."""
        if name not in self.columns:
            raise FileError(
                f"{self.path} has no column {name} ({why}): add it, or rename one of "
                f"{listed(self.columns)} to it.",
                "column",
            )
        return self.columns[name]


def listed(names: Sequence[str] | Mapping[str, Any], most: int = 8) -> str:
    """Return names for a sentence; of many only the first."""
    told = [str(name) for name in names]
    return ", ".join(told[:most]) + (f" and {len(told) - most} more" if len(told) > most else "")


def read_table(path: Path, *, as_text: frozenset[str] = frozenset()) -> Table:
    """Return the whole file; columns `as_text` stay text even if they hold numbers alone."""
    source = _Source.of(path)
    try:
        table = source.read()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _unreadable(path, error) from error
    if table.num_rows == 0:
        raise FileError(f"{path} holds no rows under its heading: export it again with the leads in.", "rows")
    columns = {
        name: _column(table.column(place), text=name in as_text)
        for place, name in enumerate(source.names)
        if name
    }
    return Table(path, columns, table.num_rows)


def stream(path: Path, names: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
    """Yield the columns of these names (those the file has) piece by piece."""
    source = _Source.of(path)
    wanted = {name: source.names.index(name) for name in names if name in source.names}
    try:
        for batch in source.batches():
            yield {name: batch.column(place) for name, place in wanted.items()}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _unreadable(path, error) from error


def names_of(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a file."""
    return _Source.of(path).names


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    names: tuple[str, ...]
    delimiter: str
    encoding: str

    @staticmethod
    def of(path: Path) -> _Source:
        """Look at how a file is written."""
        try:
            with path.open("rb") as file:
                start = file.read(LONGEST_HEADER)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror or error}.", "file") from error
        if start.startswith(_MAGIC):
            try:
                held = [str(name).strip() for name in pq.read_schema(path).names]
            except (pa.ArrowInvalid, OSError) as error:
                raise _unreadable(path, error) from error
            return _Source(path, _unlike(path, held), "", "")
        if not start.strip():
            raise FileError(f"{path} is empty: export it again, with a heading and rows.", "file")
        if b"\0" in start[:4096]:
            raise FileError(f"{path} is neither CSV nor Parquet: save it as CSV (UTF-8).", "file")
        encoding = _encoding(path)
        heading = start.decode(encoding, errors="ignore").lstrip("\ufeff").splitlines()[0]
        delimiter = max(DELIMITERS, key=heading.count)
        names = [name.strip() for name in next(csv.reader([heading], delimiter=delimiter))]
        return _Source(path, _unlike(path, names), delimiter, encoding)

    def read(self) -> pa.Table:
        if not self.delimiter:
            return pq.read_table(self.path)
        return pcsv.read_csv(self.path, *self._options(use_threads=True))

    def batches(self) -> Iterator[pa.RecordBatch]:
        if not self.delimiter:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=ROWS)
            return
        with pcsv.open_csv(self.path, *self._options(use_threads=False)) as reader:
            yield from reader

    def _options(self, *, use_threads: bool) -> tuple[pcsv.ReadOptions, pcsv.ParseOptions, Any]:
        places = [str(place) for place in range(len(self.names))]
        return (
            pcsv.ReadOptions(
                column_names=places,
                skip_rows=1,
                block_size=BLOCK,
                use_threads=use_threads,
                encoding=self.encoding,
            ),
            pcsv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            pcsv.ConvertOptions(column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False),
        )


def _unlike(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, none of which may come twice."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise FileError(f"{path} has the column {twice[0]} twice: rename one of them.", "column")
    return tuple(names)


def _encoding(path: Path) -> str:
    """Return how a file's text is coded: UTF-8, else what Excel writes on Windows."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(BLOCK):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf8"


def _unreadable(path: Path, error: Exception) -> FileError:
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return FileError(f"{path} cannot be read ({reason}): mend that place, or export the file again.", "file")


def _column(values: pa.ChunkedArray, *, text: bool) -> Column:
    """Return an Arrow column as one of ours."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return Column("moment", seconds_of(values))
    if not text and (number := numbers_of(values)) is not None:
        return number_column(number)
    if pa.types.is_nested(values.type):
        return column_of(None if value is None else str(value) for value in values.to_pylist())
    coded = pc.utf8_trim_whitespace(values.cast(pa.large_string())).combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    levels = ["" if level is None else level for level in coded.dictionary.to_pylist()]
    codes = np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    empty = np.array([*(level.casefold() in MISSING for level in levels), True])
    return text_column(levels, np.where(empty[codes], -1, codes))


def numbers_of(values: pa.ChunkedArray) -> Values | None:
    """Return a column as float64 (NaN is missing), or nothing where some value is no plain number."""
    kind = values.type
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        told = pc.utf8_trim_whitespace(values)
        nothing = pc.is_in(pc.utf8_lower(told), value_set=pa.array(sorted(MISSING), kind))
        values = pc.if_else(nothing, pa.scalar(None, kind), told)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)) and not (
        pa.types.is_decimal(kind)
    ):
        return None
    try:
        found = values.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        return None
    return np.asarray(pc.fill_null(found, np.nan).to_numpy(), dtype=np.float64)


def seconds_of(values: pa.ChunkedArray | pa.Array) -> Values:
    """Return times or days as unix seconds (NaN is missing)."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"))
    told = values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.int64())
    numbers = pc.divide(told.cast(pa.float64(), safe=False), 1e6)
    return np.asarray(pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
