"""Keep count of a reading: what came, what was refused and why, which values nobody knew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from matching.listings.reading import Reading, Refused, read_listing
from matching.listings.values import Fault
from matching.models import FeedRun
from matching.services.listings import Stored

KEPT_ERRORS = 2_000
KEPT_UNKNOWN = 200
COUNTS = ("created", "updated", "unchanged", "deleted", "strays")


@dataclass(slots=True)
class Batch:
    """Some records, read: those that can be stored, and what is wrong with the others."""

    good: list[Reading] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0
    size: int = 0


def read_batch(records: Iterable[Any], *, now: datetime, first: int, system: str = "") -> Batch:
    """Read records; `first` is the number of the first of them."""
    batch = Batch()
    for number, record in enumerate(records, start=first):
        read = read_listing(record, now=now, system=system)
        batch.size += 1
        batch.errors += [_error(number, read.listing_key, fault) for fault in read.faults]
        if isinstance(read, Refused):
            batch.refused += 1
        else:
            batch.good.append(read)
            batch.unknown += read.unknown
    return batch


def _error(number: int, key: str, fault: Fault) -> dict[str, Any]:
    what = f"{fault.what} The listing was stored without it." if fault.kept else fault.what
    return {"row": number, "key": key[:100], "field": fault.field, "what": what, "mend": fault.mend}


def note_batch(run: FeedRun, batch: Batch, stored: Stored) -> None:
    """Count a stored batch in and save it, in the transaction of the caller."""
    run.done += batch.size
    run.failed += batch.refused
    for name in COUNTS:
        setattr(run, name, getattr(run, name) + getattr(stored, name))
    run.errors = (run.errors + batch.errors)[:KEPT_ERRORS]
    _count_unknown(run, batch.unknown)
    run.save(update_fields=["done", "failed", *COUNTS, "errors", "unknown"])


def _count_unknown(run: FeedRun, unknown: Sequence[tuple[str, str]]) -> None:
    for lookup, value in unknown:
        counts = run.unknown.setdefault(lookup, {})
        if value in counts or len(counts) < KEPT_UNKNOWN:
            counts[value] = counts.get(value, 0) + 1
