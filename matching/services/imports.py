"""Bring files of listings in, by chunks that can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.models import Tenant
from leads.ops.logs import get_logger
from matching.listings import files
from matching.listings.files import File
from matching.models import FeedRun, ListingMapping
from matching.services.listings import BATCH, store_listings
from matching.services.runs import Batch, note_batch, read_batch

log = get_logger("listings")

Progress = Callable[[FeedRun, Batch], None]


@dataclass(frozen=True, slots=True)
class Look:
    """What a dry run found: rows, those that cannot be stored, and what is wrong."""

    rows: int
    refused: int
    errors: list[dict[str, Any]]


def saved_mapping(*, tenant: Tenant, name: str) -> dict[str, str]:
    """Return the mapping kept under a name."""
    row = ListingMapping.objects.filter(tenant=tenant, name=name).first()
    if row is None:
        raise DomainError(f"There is no mapping “{name}”. Save one with --save-mapping.", "mapping")
    return dict(row.columns)


def save_mapping(*, tenant: Tenant, name: str, columns: Mapping[str, str]) -> ListingMapping:
    """Keep a mapping under a name, in place of the one before."""
    row, _ = ListingMapping.objects.update_or_create(
        tenant=tenant, name=name[:100], defaults={"columns": dict(columns), "updated_at": timezone.now()}
    )
    return row


def look_at_file(*, file: File, mapping: Mapping[str, str], system: str = "") -> Look:
    """Read a whole file as the import would, and keep nothing."""
    now = timezone.now()
    rows = refused = 0
    errors: list[dict[str, Any]] = []
    for chunk in _chunks(file, mapping, 0):
        batch = read_batch(chunk, now=now, first=rows + 1, system=system)
        rows, refused = rows + batch.size, refused + batch.refused
        errors += batch.errors
    return Look(rows, refused, errors)


def file_run(*, tenant: Tenant, digest: str) -> FeedRun | None:
    """Return the last reading of this very file, ended or not."""
    return FeedRun.objects.filter(tenant=tenant, digest=digest, feed=None).order_by("-pk").first()


def begin_file(*, tenant: Tenant, source: str, digest: str) -> FeedRun:
    """Begin to read a file."""
    return FeedRun.objects.create(tenant=tenant, source=source[:200], digest=digest)


def import_file(
    *,
    run: FeedRun,
    file: File,
    mapping: Mapping[str, str],
    system: str = "",
    progress: Progress | None = None,
) -> FeedRun:
    """Store the rows that are still to do; each chunk is done wholly or not at all."""
    is_first = run.tenant.listings.count() == run.created  # also when it was interrupted
    for chunk in _chunks(file, mapping, run.done):
        now = timezone.now()
        batch = read_batch(chunk, now=now, first=run.done + 1, system=system)
        with transaction.atomic():
            stored = store_listings(tenant=run.tenant, readings=batch.good, now=now, backfill=is_first)
            note_batch(run, batch, stored)
        if progress is not None:
            progress(run, batch)
    run.ended_at = timezone.now()
    run.save(update_fields=["ended_at"])
    log.info("listings.imported", run_id=run.pk, rows=run.done, created=run.created, failed=run.failed)
    return run


def _chunks(file: File, mapping: Mapping[str, str], done: int) -> Iterator[list[Any]]:
    rows = (files.apply_mapping(row, mapping) for row in islice(files.rows_of(file), done, None))
    while chunk := list(islice(rows, BATCH)):
        yield chunk
