"""A tenant's neighborhoods as areas a buyer may choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q

from leads.models import Tenant
from matching.areas import thinned
from matching.models import Neighborhood
from matching.wants import Area
from matching.wants.reading import MOST_CORNERS


def neighborhood_choices(tenant: Tenant) -> list[tuple[int, str]]:
    """Return the number and name of each, by name."""
    return list(Neighborhood.objects.filter(tenant=tenant).order_by("name", "pk").values_list("pk", "name"))


def areas_of(
    tenant: Tenant, *, pks: Iterable[int] = (), names: Iterable[str] = ()
) -> dict[int, Sequence[Area]]:
    """Return the areas of some neighborhoods, by number or by name: one for each of their parts."""
    pks, names = list(pks), list(names)
    if not pks and not names:
        return {}
    rows = Neighborhood.objects.filter(Q(pk__in=pks) | Q(name__in=names), tenant=tenant)
    return {
        pk: [Area(name[:60], _corners(part[0])) for part in boundary]
        for pk, name, boundary in rows.order_by("pk").values_list("pk", "name", "boundary")
    }


def _corners(ring: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a ring of GeoJSON, which names the longitude first."""
    return tuple(thinned([(y, x) for x, y, *_ in ring], MOST_CORNERS))
