"""Rows of places as files told them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leads.imports import RowError


@dataclass(frozen=True, slots=True)
class Told:
    """What a file told: its places by their ids, each the columns of a row, and what could not be read."""

    places: Mapping[str, Mapping[str, Any]]
    total: int
    errors: Sequence[RowError] = ()
    ignored: int = 0
    left_out: Sequence[str] = ()
    """Columns nothing was taken from."""
    service_date: date | None = None
    """The weekday a timetable was counted on."""

    @property
    def failed(self) -> int:
        """Return how many rows could not be read, each however many errors it has."""
        return len({error.row for error in self.errors})
