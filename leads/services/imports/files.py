"""Files of leads: kept for a look, then brought in by chunks that can be taken up again."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from leads import imports
from leads.custom_fields import FieldType
from leads.errors import DomainError
from leads.ghl.writeback import OWN_KEYS
from leads.imports import ReadRow, RowError, Sheet
from leads.models import CustomField, LeadImport, Tenant, User
from leads.ops.logs import get_logger
from leads.services.imports.rows import CHUNK, keep_rows

log = get_logger("imports")

State = LeadImport.State
LOOKED_AT = 1_000
KEPT_ERRORS = 5_000
LEASE = timedelta(minutes=3)
Progress = Callable[[LeadImport], None]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do, judged by its first rows."""

    sheet: Sheet
    mapping: Mapping[str, str]
    targets: tuple[tuple[str, str], ...]
    samples: tuple[Mapping[str, Any], ...]
    looked_at: int
    good: int
    errors: tuple[RowError, ...]
    problem: str = ""


def field_types(tenant: Tenant) -> list[FieldType]:
    """Return the tenant's own fields that a column can fill."""
    rows = CustomField.objects.filter(tenant=tenant).exclude(key__in=OWN_KEYS).order_by("name")
    return [FieldType(row.key, row.name, row.data_type, tuple(row.options)) for row in rows]


@transaction.atomic
def prepare_import(
    *,
    tenant: Tenant,
    by: User | None,
    file_name: str,
    content: bytes,
    mapping: Mapping[str, str] | None = None,
) -> LeadImport:
    """Keep a file for a look; the guessed mapping is completed by the given one."""
    sheet = imports.read_sheet(content, file_name)
    types = field_types(tenant)
    chosen = {**imports.guess_mapping(sheet.columns, types), **(mapping or {})}
    if mapping:
        wanted = {target for target in mapping.values() if target}
        chosen = {
            column: target if column in mapping or target not in wanted else ""
            for column, target in chosen.items()
        }
        imports.check_mapping(chosen, sheet.columns, types)
    return LeadImport.objects.create(
        tenant=tenant,
        by=by,
        file_name=file_name[:200],
        digest=digest_of(content, chosen),
        content=base64.b64encode(content).decode(),
        mapping=chosen,
        total=len(sheet.rows),
    )


def digest_of(content: bytes, mapping: Mapping[str, str]) -> str:
    """Return what tells one file, read in one way, from all others."""
    return hashlib.sha256(content + json.dumps(dict(mapping), sort_keys=True).encode()).hexdigest()


def preview(*, lead_import: LeadImport) -> Preview:
    """Read the first rows as the import would, and keep nothing."""
    sheet, types, now = sheet_of(lead_import), field_types(lead_import.tenant), timezone.now()
    targets = (*imports.TARGETS.items(), *((f"custom.{each.key}", each.name) for each in types))
    looked = sheet.rows[:LOOKED_AT]
    errors: list[RowError] = []
    good = 0
    for number, row in enumerate(looked, start=1):
        read = imports.read_row(number, row, lead_import.mapping, types, now=now)
        if isinstance(read, ReadRow):
            good += 1
        else:
            errors += read
    return Preview(
        sheet=sheet,
        mapping=lead_import.mapping,
        targets=targets,
        samples=sheet.rows[:3],
        looked_at=len(looked),
        good=good,
        errors=tuple(errors),
        problem=_problem(lead_import.mapping, sheet, types),
    )


def _problem(mapping: Mapping[str, str], sheet: Sheet, types: Sequence[FieldType]) -> str:
    try:
        imports.check_mapping(mapping, sheet.columns, types)
    except DomainError as error:
        return error.message
    return ""


@transaction.atomic
def map_columns(*, lead_import: LeadImport, mapping: Mapping[str, str]) -> LeadImport:
    """Say which column is which field."""
    row = _locked(lead_import.pk)
    if row.state != State.PREVIEW:
        raise DomainError("This import has begun: its columns are settled.", "started")
    sheet = sheet_of(row)
    chosen = {**row.mapping, **mapping}
    imports.check_mapping(chosen, sheet.columns, field_types(row.tenant))
    row.mapping = chosen
    row.digest = digest_of(base64.b64decode(row.content), chosen)
    row.save(update_fields=["mapping", "digest"])
    return row


@transaction.atomic
def start_import(*, lead_import: LeadImport) -> LeadImport:
    """Begin; from here on the import goes on until it is through."""
    row = _locked(lead_import.pk)
    if row.state != State.PREVIEW:
        raise DomainError("This import has begun already.", "started")
    imports.check_mapping(row.mapping, sheet_of(row).columns, field_types(row.tenant))
    row.state = State.RUNNING
    row.save(update_fields=["state"])
    return row


@transaction.atomic
def discard_import(*, lead_import: LeadImport) -> None:
    """Throw a file away that was only looked at."""
    row = _locked(lead_import.pk)
    if row.state != State.PREVIEW:
        raise DomainError("This import has begun: it cannot be thrown away.", "started")
    row.state, row.content, row.ended_at = State.DISCARDED, "", timezone.now()
    row.save(update_fields=["state", "content", "ended_at"])


def run_import(*, lead_import: LeadImport, progress: Progress | None = None) -> LeadImport:
    """Bring the rows in that are still to do, chunk by chunk; each chunk is done wholly or not at all."""
    row = _take_lease(lead_import.pk)
    if row is None:
        return LeadImport.objects.get(pk=lead_import.pk)
    sheet, types = sheet_of(row), field_types(row.tenant)
    while row.done < row.total:
        chunk = sheet.rows[row.done : row.done + CHUNK]
        row = _bring_in(row, chunk, types)
        if progress is not None:
            progress(row)
    return _finish(row)


def waiting_imports() -> list[LeadImport]:
    """Return the imports that run but are in nobody's hands."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=timezone.now())
    return list(LeadImport.objects.filter(free, state=State.RUNNING).order_by("pk"))


def unfinished_import(*, tenant: Tenant, digest: str) -> LeadImport | None:
    """Return the import of this very file that began and did not end."""
    return LeadImport.objects.filter(tenant=tenant, digest=digest, state=State.RUNNING).first()


def columns_of(lead_import: LeadImport) -> tuple[str, ...]:
    """Return the columns of the kept file in their order, which the stored mapping does not keep."""
    return sheet_of(lead_import).columns


def sheet_of(lead_import: LeadImport) -> Sheet:
    """Read the kept file."""
    return imports.read_sheet(base64.b64decode(lead_import.content), lead_import.file_name)


def _bring_in(row: LeadImport, rows: Sequence[imports.Row], types: Sequence[FieldType]) -> LeadImport:
    now = timezone.now()
    good: list[ReadRow] = []
    errors: list[RowError] = []
    bad = 0
    for number, given in enumerate(rows, start=row.done + 1):
        read = imports.read_row(number, given, row.mapping, types, now=now)
        if isinstance(read, ReadRow):
            good.append(read)
        else:
            errors += read
            bad += 1
    for attempt in range(3):
        try:
            return _keep(row.pk, good, errors, bad, len(rows), now)
        except IntegrityError:  # a webhook made the same person known meanwhile: look again
            if attempt == 2:
                raise
    raise AssertionError


@transaction.atomic
def _keep(
    import_id: int, good: Sequence[ReadRow], errors: Sequence[RowError], bad: int, count: int, now: datetime
) -> LeadImport:
    row = _locked(import_id)
    chunk = keep_rows(lead_import=row, good=good, now=now)
    row.done += count
    row.created += chunk.created
    row.updated += chunk.updated
    row.unchanged += chunk.unchanged
    row.failed += bad
    row.errors = (row.errors + [error.as_dict() for error in errors])[:KEPT_ERRORS]
    row.leased_until = now + LEASE
    row.save()
    return row


@transaction.atomic
def _take_lease(import_id: int) -> LeadImport | None:
    row = _locked(import_id)
    now = timezone.now()
    if row.state != State.RUNNING or (row.leased_until is not None and row.leased_until > now):
        return None
    row.leased_until = now + LEASE
    row.save(update_fields=["leased_until"])
    return row


@transaction.atomic
def _finish(lead_import: LeadImport) -> LeadImport:
    """Note the end and let go of the file."""
    row = _locked(lead_import.pk)
    row.state, row.content, row.ended_at, row.leased_until = State.DONE, "", timezone.now(), None
    row.save(update_fields=["state", "content", "ended_at", "leased_until"])
    log.info("import.done", import_id=row.pk, rows=row.total, created=row.created, failed=row.failed)
    return row


def _locked(import_id: int) -> LeadImport:
    return LeadImport.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=import_id)
