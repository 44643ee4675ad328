"""Keep what was shown to whom, for the audit of fair housing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from numpy.typing import ArrayLike

from leads.models import Lead
from matching.models import AreaKind, Exposure, Ranking, Surface

KEPT = 50
"""Homes of a list that are kept; nobody sees what comes after."""

Eligible = Mapping[str, Mapping[str, int]]


@transaction.atomic
def record_exposures(
    *,
    lead: Lead,
    surface: Surface,
    listing_ids: Sequence[int],
    eligible: Eligible,
    now: datetime,
    version: str = "",
    sets_schools: bool = False,
    sets_safety: bool = False,
) -> Ranking | None:
    """Keep which homes a lead was shown, the first first; the same list again that day is not counted twice.

    `eligible` is what `eligible_by_area` says of all homes that met what the lead must have, the shown too.
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
