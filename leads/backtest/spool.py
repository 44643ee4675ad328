"""Lay rows aside on disk in parts, and take each part back sorted by lead and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

PART = 64 * 1024 * 1024
"""Bytes of the file a part stands for: so much is sorted in memory at once."""

MOST_PARTS = 256


class Spool:
    """Rows of leads, written as they come; a lead's rows are all in one part."""

    def __init__(self, parts: int) -> None:
        self._undo = ExitStack()
        self._folder = Path(self._undo.enter_context(TemporaryDirectory(prefix="hearthline-")))
        self._parts = parts
        self._writers = dict[int, Any]()

    @staticmethod
    def beside(path: Path) -> Spool:
        """Return a spool with parts enough for the rows of a file."""
        return Spool(min(MOST_PARTS, 1 + path.stat().st_size // PART))

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Lay rows aside; `lead`, `at` and `id` are among the columns."""
        batch = pa.RecordBatch.from_pydict(dict(columns))
        parts = np.asarray(columns["lead"]) % self._parts
        for part in np.unique(parts).tolist():
            if part not in self._writers:
                sink = self._undo.enter_context(pa.OSFile(str(self._file(part)), "wb"))
                self._writers[part] = self._undo.enter_context(pa.ipc.new_stream(sink, batch.schema))
            self._writers[part].write_batch(batch.filter(pa.array(parts == part)))

    def seal(self) -> None:
        """End the writing."""
        for writer in self._writers.values():
            writer.close()

    def leads(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield the rows of each lead in the order of time, then of the file."""
        for part in sorted(self._writers):
            with pa.OSFile(str(self._file(part))) as source:
                table = pa.ipc.open_stream(source).read_all()
            table = table.sort_by([("lead", "ascending"), ("at", "ascending"), ("id", "ascending")])
            leads = table.column("lead").to_numpy()
            bounds = [0, *(np.flatnonzero(np.diff(leads)) + 1).tolist(), len(leads)]
            for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
                yield int(leads[begin]), table.slice(begin, end - begin).to_pylist()

    def close(self) -> None:
        """Remove what was laid aside."""
        self._undo.close()

    def _file(self, part: int) -> Path:
        return self._folder / f"{part}.arrow"
