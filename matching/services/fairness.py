"""Keep what was shown to whom, and into which groups areas fall, for the audit of fair housing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from numpy.typing import ArrayLike

from leads.errors import DomainError
from leads.imports import FileError, read_sheet
from leads.models import Lead, Tenant
from matching.models import AreaGroup, AreaKind, Exposure, Ranking, Surface

KEPT = 50
"""Homes of a list that are kept; nobody sees what comes after."""

Eligible = Mapping[str, Mapping[str, int]]


@transaction.atomic
def record_exposures(
    *,
    lead: Lead,
    surface: Surface,
    listing_ids: Sequence[int],
    eligible: Eligible | Callable[[], Eligible],
    now: datetime,
    version: str = "",
    sets_schools: bool = False,
    sets_safety: bool = False,
) -> Ranking | None:
    """Keep which homes a lead was shown, the first first; the same list again that day is not counted twice.

    `eligible` is what `eligible_by_area` says of all homes that met what the lead must have, the shown too; a
    function is asked only for a list that was not kept yet.
    """
    kept = list(listing_ids)[:KEPT]
    if not kept:
        return None
    digest = hashlib.sha1(",".join(map(str, kept)).encode(), usedforsecurity=False).hexdigest()
    day = now.astimezone(ZoneInfo(lead.tenant.time_zone)).date()
    ranking, is_new = Ranking.objects.get_or_create(
        lead=lead,
        surface=surface,
        shown_on=day,
        digest=digest,
        defaults={
            "tenant_id": lead.tenant_id,
            "shown": len(kept),
            "eligible": eligible,
            "version": version,
            "sets_schools": sets_schools,
            "sets_safety": sets_safety,
            "shown_at": now,
        },
    )
    if is_new:
        Exposure.objects.bulk_create(
            Exposure(
                tenant_id=lead.tenant_id,
                ranking=ranking,
                lead=lead,
                listing_id=pk,
                surface=surface,
                rank=rank,
                shown_at=now,
            )
            for rank, pk in enumerate(kept, start=1)
        )
    return ranking


def eligible_by_area(*, postal_codes: ArrayLike, neighborhoods: ArrayLike | None = None) -> Eligible:
    """Count homes by area; a home whose area is not known counts nowhere."""
    told = {AreaKind.POSTAL_CODE.value: _counted(postal_codes)}
    if neighborhoods is not None:
        told[AreaKind.NEIGHBORHOOD.value] = _counted(neighborhoods)
    return told


def _counted(areas: ArrayLike) -> dict[str, int]:
    names, counts = np.unique(np.asarray(areas, dtype=str), return_counts=True)
    return {
        str(name): int(count) for name, count in zip(names, counts, strict=True) if name not in ("", "None")
    }


MOST_AREAS = 20_000


@transaction.atomic
def import_area_groups(*, tenant: Tenant, content: bytes, file_name: str, now: datetime) -> tuple[int, int]:
    """Replace the tenant's table of areas and groups by a file's; return how many of each.

    The file is made outside, of areas and not of people; with a row that cannot be read nothing changes.
    """
    sheet = read_sheet(content, file_name)
    columns = {name.strip().casefold(): name for name in sheet.columns}
    if not {"area", "group"} <= columns.keys():
        raise FileError("The file needs the columns “area” and “group”.", "columns")
    told: dict[str, str] = {}
    for number, row in enumerate(sheet.rows, start=2):
        area, group = (" ".join(str(row.get(columns[name]) or "").split()) for name in ("area", "group"))
        if not area or not group:
            raise DomainError(f"Row {number}: area or group is missing.", "rows")
        if len(area) > 120 or len(group) > 80:
            raise DomainError(f"Row {number}: the name is too long.", "rows")
        if told.setdefault(area, group) != group:
            raise DomainError(f"Row {number}: {area} is in two groups.", "rows")
    if len(told) > MOST_AREAS:
        raise DomainError(f"The file has {len(told):,} areas; at most {MOST_AREAS:,} are kept.", "rows")
    AreaGroup.objects.filter(tenant=tenant).delete()
    AreaGroup.objects.bulk_create(
        AreaGroup(tenant=tenant, area=area, group=group, imported_at=now) for area, group in told.items()
    )
    return len(told), len(set(told.values()))
