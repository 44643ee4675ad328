"""Files of places: kept until a worker takes them in, then taken in whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from leads.errors import DomainError
from leads.imports import FileError
from leads.models import Tenant, User
from leads.ops.logs import get_logger
from matching.models import (
    AgencyLink,
    Neighborhood,
    PlaceImport,
    PlaceKind,
    PointOfInterest,
    School,
    TransitStop,
)
from matching.places.catalogue import Category
from matching.places.files import MAX_BYTES, Progress
from matching.places.gtfs import read_gtfs
from matching.places.neighborhoods import read_neighborhoods
from matching.places.pois import read_pois
from matching.places.rows import Told
from matching.places.schools import read_schools

log = get_logger("places")

State = PlaceImport.State
LEASE = timedelta(minutes=10)
KEPT_ERRORS = 2_000
BATCH = 2_000

MODELS: Mapping[str, Any] = {
    PlaceKind.NEIGHBORHOODS: Neighborhood,
    PlaceKind.SCHOOLS: School,
    PlaceKind.POIS: PointOfInterest,
    PlaceKind.TRANSIT: TransitStop,
}
_SAME_FOR_ALL = ("source_date", "licence")


@dataclass(slots=True)
class Counts:
    """What became of a file's places."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    write: list[models.Model] = field(default_factory=list)


def prepare_place_import(
    *,
    tenant: Tenant,
    by: User | None,
    kind: str,
    file_name: str,
    content: bytes,
    source: str,
    source_date: date,
    licence: str = "",
    replaces: bool = False,
    category: str = "",
    name_property: str = "",
) -> PlaceImport:
    """Keep a file to be taken in; what it is from and of when is not optional."""
    source = " ".join(source.split())
    if kind not in MODELS:
        raise DomainError(f"Choose what the file holds: {', '.join(PlaceKind.values)}.", "kind")
    if not source:
        raise DomainError("Say whose data it is: every figure names its source.", "source")
    if source_date > timezone.now().date() + timedelta(days=1):
        raise DomainError("The date of the data is still to come.", "source_date")
    if category and category not in Category.__members__.values():
        raise DomainError(f"There is no kind of place “{category}”.", "category")
    if len(content) > MAX_BYTES:
        raise FileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Cut it by area.", "file")
    return PlaceImport.objects.create(
        tenant=tenant,
        by=by,
        kind=kind,
        file_name=file_name[:200],
        digest=hashlib.sha256(content).hexdigest(),
        content=content,
        source=source[:100],
        source_date=source_date,
        licence=licence.strip()[:200],
        replaces=replaces,
        category=category,
        name_property=name_property.strip()[:100],
    )


def run_place_import(
    *, place_import: PlaceImport, progress: Callable[[PlaceImport], None] | None = None
) -> PlaceImport:
    """Take a file in: all its good rows in one transaction, or, where it cannot be read, none."""
    row = _take_lease(place_import.pk)
    if row is None:
        return PlaceImport.objects.get(pk=place_import.pk)

    def tell(done: int, total: int) -> None:
        row.done, row.total, row.leased_until = done, total, timezone.now() + LEASE
        row.save(update_fields=["done", "total", "leased_until"])
        if progress is not None:
            progress(row)

    try:
        told = _read(row, tell)
        if not told.places:
            raise (
                FileError("No row of the file could be taken in.", "rows")
                if told.errors
                else FileError("The file holds no place of a kind we keep.", "rows")
            )
    except FileError as error:
        row.state, row.error = State.FAILED, error.message[:500]
        return _finish(row)
    row.total, row.done = told.total, told.total
    row.failed, row.ignored = told.failed, told.ignored
    row.left_out = list(told.left_out)
    row.errors = [error.as_dict() for error in told.errors[:KEPT_ERRORS]]
    with transaction.atomic():
        counts = _keep(row, told)
    row.created, row.updated = counts.created, counts.updated
    row.unchanged, row.removed = counts.unchanged, counts.removed
    row.state = State.DONE
    return _finish(row)


@transaction.atomic
def remove_source(*, tenant: Tenant, kind: str, source: str) -> int:
    """Remove all places of a kind that came from a source; return how many there were."""
    if kind not in MODELS:
        raise DomainError("There is no such kind of place.", "kind")
    rows = MODELS[kind].objects.filter(tenant=tenant, source=source)
    count = int(rows.count())
    rows.delete()
    return count


@transaction.atomic
def keep_agency_link(
    *,
    tenant: Tenant,
    by: User,
    name: str,
    city: str,
    county: str,
    state_or_province: str,
    url: str,
    checked_on: date,
) -> AgencyLink:
    """Keep where a jurisdiction's police publish their figures; given again, it is replaced."""
    link, _ = AgencyLink.objects.update_or_create(
        tenant=tenant,
        city=city,
        county=county,
        state_or_province=state_or_province,
        defaults={"name": name, "url": url, "checked_on": checked_on, "made_by": by},
    )
    return link


def remove_agency_link(*, link: AgencyLink) -> None:
    """Forget a link."""
    link.delete()


def waiting_place_imports() -> list[int]:
    """Return the imports that are in nobody's hands."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=timezone.now())
    return list(
        PlaceImport.objects.filter(free, state=State.RUNNING).order_by("pk").values_list("pk", flat=True)
    )


def _read(row: PlaceImport, tell: Progress) -> Told:
    content = bytes(row.content)
    if row.kind == PlaceKind.POIS:
        category = Category(row.category) if row.category else None
        return read_pois(content, row.file_name, category=category, progress=tell)
    if row.kind == PlaceKind.NEIGHBORHOODS:
        return read_neighborhoods(content, name_property=row.name_property, progress=tell)
    if row.kind == PlaceKind.SCHOOLS:
        return read_schools(content, row.file_name, progress=tell)
    return read_gtfs(content, day=row.source_date, progress=tell)


def _keep(row: PlaceImport, told: Told) -> Counts:
    """Write places that are new or otherwise than before; remove what the file no longer has, if it may."""
    model = MODELS[row.kind]
    held = {
        one.external_id: one
        for one in model.objects.select_for_update().filter(tenant=row.tenant, source=row.source)
    }
    slugs = _Slugs(row.tenant, held) if row.kind == PlaceKind.NEIGHBORHOODS else None
    counts = Counts()
    names: set[str] = set()
    for external_id, place in told.places.items():
        before = held.pop(external_id, None)
        columns: dict[str, Any] = dict(place)
        names.update(columns)
        if slugs is not None:
            columns["slug"] = before.slug if before is not None else slugs.of(place["name"])
        if before is None:
            counts.created += 1
        elif any(getattr(before, name) != value for name, value in place.items()):
            counts.updated += 1
        else:
            counts.unchanged += 1
            if all(getattr(before, name) == getattr(row, name) for name in _SAME_FOR_ALL):
                continue
        counts.write.append(
            model(
                tenant=row.tenant,
                place_import=row,
                external_id=external_id,
                source=row.source,
                source_date=row.source_date,
                licence=row.licence,
                **columns,
            )
        )
    model.objects.bulk_create(
        counts.write,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "source", "external_id"],
        update_fields=sorted(names | {"place_import", *_SAME_FOR_ALL}),
    )
    if row.replaces and not told.errors:
        counts.removed = len(held)
        model.objects.filter(pk__in=[one.pk for one in held.values()]).delete()
    return counts


class _Slugs:
    """Addresses of areas, each once in a tenant."""

    def __init__(self, tenant: Tenant, held: Mapping[str, Neighborhood]) -> None:
        self._taken = set(Neighborhood.objects.filter(tenant=tenant).values_list("slug", flat=True))

    def of(self, name: str) -> str:
        """Return a free address for a name."""
        plain = slugify(name)[:110] or "area"
        slug, number = plain, 1
        while slug in self._taken:
            number += 1
            slug = f"{plain}-{number}"
        self._taken.add(slug)
        return slug


@transaction.atomic
def _take_lease(import_id: int) -> PlaceImport | None:
    row = PlaceImport.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=import_id)
    now: datetime = timezone.now()
    if row.state != State.RUNNING or (row.leased_until is not None and row.leased_until > now):
        return None
    row.leased_until = now + LEASE
    row.save(update_fields=["leased_until"])
    return row


def _finish(row: PlaceImport) -> PlaceImport:
    """Note the end and let go of the file."""
    row.content, row.ended_at, row.leased_until = b"", timezone.now(), None
    row.save()
    log.info(
        "places.done", import_id=row.pk, kind=row.kind, state=row.state, rows=row.total, failed=row.failed
    )
    return row
