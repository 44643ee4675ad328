"""What is around homes and in areas, each figure with whom it is from and of when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from django.db.models import Avg, Count, Max, Min, Q

from leads.models import Tenant
from matching import comfort, transit, walkability
from matching.commute import straight_miles
from matching.models import (
    AgencyLink,
    Listing,
    ListingPlaces,
    Neighborhood,
    PlaceImport,
    PlaceKind,
    PointOfInterest,
    School,
    TransitStop,
)
from matching.models.listings import ON_MARKET
from matching.places.catalogue import LABELS, Category

NEAR_SCHOOLS_MILES = 3.0
MOST_SCHOOLS = 12
DEGREES = 1 / 69.0

_MODELS: Mapping[PlaceKind, Any] = {
    PlaceKind.NEIGHBORHOODS: Neighborhood,
    PlaceKind.SCHOOLS: School,
    PlaceKind.POIS: PointOfInterest,
    PlaceKind.TRANSIT: TransitStop,
}


@dataclass(frozen=True, slots=True)
class Cited:
    """Whose data a figure rests on, and of when."""

    source: str
    date: date
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Places of a kind from one source."""

    kind: PlaceKind
    source: str
    licence: str
    count: int
    oldest: date
    newest: date


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest place of a kind."""

    label: str
    name: str
    miles: float
    cited: Cited


@dataclass(frozen=True, slots=True)
class SchoolNear:
    school: School
    miles: float


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around a listing."""

    places: ListingPlaces
    nearest: Sequence[Near]
    schools: Sequence[SchoolNear]
    agency: AgencyLink | None
    cited: Mapping[str, Sequence[Cited]]
    """Kind of file → what the figures made of it rest on."""
    band: str = ""
    judged: float | None = None
    """Of the fifteen points of walkability those whose kinds of place are known, where that is not all."""


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """An area, its homes for sale and the mean of what is around them."""

    area: Neighborhood
    homes: int
    walkability: float | None
    comfort: float | None
    transit: float | None


@dataclass(frozen=True, slots=True)
class AreaPlaces:
    """What lies within an area."""

    counts: Sequence[tuple[str, int]]
    schools: Sequence[School]
    stops: int
    departures: int
    cited: Sequence[Cited] = field(default_factory=tuple)


def held_places(tenant: Tenant) -> list[Held]:
    """Return what a tenant has of each kind and source."""
    found = []
    for kind, model in _MODELS.items():
        rows = model.objects.filter(tenant=tenant).values("source").order_by("source")
        for row in rows.annotate(
            count=Count("pk"), oldest=Min("source_date"), newest=Max("source_date"), licence=Max("licence")
        ):
            told = (row["licence"], row["count"], row["oldest"], row["newest"])
            found.append(Held(kind, row["source"], *told))
    return found


def cited(held: Iterable[Held], *kinds: PlaceKind) -> list[Cited]:
    """Return what figures of some kinds rest on."""
    told = [Cited(one.source, one.newest, one.licence) for one in held if one.kind in kinds]
    return list(dict.fromkeys(told))


def around(listing: Listing) -> Around | None:
    """Return what is known around a listing; None before it was worked out."""
    rows = ListingPlaces.objects.select_related("neighborhood", "stop", "tenant")
    places = rows.filter(listing=listing).first()
    if places is None:
        return None
    made = {
        row.pk: row
        for row in PlaceImport.objects.filter(
            tenant=places.tenant, pk__in=[pk for ids in places.made_from.values() for pk in ids]
        ).defer("content", "errors")
    }
    return Around(
        places=places,
        nearest=_nearest(places),
        schools=_schools(places),
        agency=agency_of(listing),
        cited={
            kind: list(
                dict.fromkeys(
                    Cited(made[pk].source, made[pk].source_date, made[pk].licence) for pk in ids if pk in made
                )
            )
            for kind, ids in places.made_from.items()
        },
        band="" if places.walkability is None else walkability.band(places.walkability),
        judged=(
            None
            if places.walkability_known is None or places.walkability_known >= 1
            else round(places.walkability_known * walkability.FULL, 1)
        ),
    )


def _nearest(places: ListingPlaces) -> list[Near]:
    ids = [told[1] for told in places.nearest.values()]
    rows = PointOfInterest.objects.filter(tenant_id=places.tenant_id, pk__in=ids).in_bulk()
    return [
        Near(
            LABELS[kind],
            rows[told[1]].name,
            told[0],
            Cited(rows[told[1]].source, rows[told[1]].source_date, rows[told[1]].licence),
        )
        for kind in Category
        if (told := places.nearest.get(kind.value)) is not None and told[1] in rows
    ]


def _schools(places: ListingPlaces) -> list[SchoolNear]:
    """Return the schools within some miles, the nearest first."""
    north, east = NEAR_SCHOOLS_MILES * DEGREES, NEAR_SCHOOLS_MILES * DEGREES * 1.6
    rows = School.objects.filter(
        tenant_id=places.tenant_id,
        latitude__range=(places.latitude - north, places.latitude + north),
        longitude__range=(places.longitude - east, places.longitude + east),
    )
    schools = list(rows)
    miles = straight_miles(
        np.array([one.latitude for one in schools], float),
        np.array([one.longitude for one in schools], float),
        (places.latitude, places.longitude),
    )
    near = sorted(zip(miles.tolist(), schools, strict=True), key=lambda one: (one[0], one[1].pk))
    return [SchoolNear(school, away) for away, school in near if away <= NEAR_SCHOOLS_MILES][:MOST_SCHOOLS]


def agency_of(listing: Listing) -> AgencyLink | None:
    """Return the link to the police agency of a listing's city, else of its county."""
    links = AgencyLink.objects.filter(
        tenant_id=listing.tenant_id, state_or_province__iexact=listing.state_or_province
    )
    if listing.city:
        found = links.filter(city__iexact=listing.city).first()
        if found is not None:
            return found
    if not listing.county_or_parish:
        return None
    return links.filter(city="", county__iexact=listing.county_or_parish).first()


def area_figures(tenant: Tenant) -> list[AreaFigures]:
    """Return a tenant's areas by name, never by a figure."""
    for_sale = Q(listing_places__listing__standard_status__in=ON_MARKET)
    rows = Neighborhood.objects.filter(tenant=tenant).defer("boundary").order_by("name", "pk")
    return [
        AreaFigures(area, area.homes, area.walkable, area.comfortable, area.served)
        for area in rows.annotate(
            homes=Count("listing_places", filter=for_sale),
            walkable=Avg("listing_places__walkability", filter=for_sale),
            comfortable=Avg("listing_places__comfort", filter=for_sale),
            served=Avg("listing_places__transit", filter=for_sale),
        )
    ]


def area_places(area: Neighborhood) -> AreaPlaces:
    """Return what lies within an area."""
    box = {
        "tenant_id": area.tenant_id,
        "latitude__range": (area.south, area.north),
        "longitude__range": (area.west, area.east),
    }
    outline = area.outline

    def inside(rows: Sequence[Any]) -> list[Any]:
        held = outline.holds([row.latitude for row in rows], [row.longitude for row in rows])
        return [row for row, is_in in zip(rows, held.tolist(), strict=True) if is_in]

    pois = inside(list(PointOfInterest.objects.filter(**box).defer("outline")))
    stops = inside(list(TransitStop.objects.filter(**box)))
    schools = inside(list(School.objects.filter(**box).order_by("name", "pk")))
    counts = Counter(poi.category for poi in pois)
    told = dict.fromkeys(Cited(row.source, row.source_date, row.licence) for row in [*pois, *stops])
    return AreaPlaces(
        counts=[(LABELS[kind], counts[kind.value]) for kind in Category if counts[kind.value]],
        schools=schools,
        stops=len(stops),
        departures=sum(stop.departures for stop in stops),
        cited=list(told),
    )


FORMULAS = (
    (walkability.NAME, (walkability.__doc__ or "").partition("\n\n")[2]),
    (comfort.NAME, (comfort.__doc__ or "").partition("\n\n")[2]),
    (transit.NAME, (transit.__doc__ or "").partition("\n\n")[2]),
)
"""How each estimate is made, in the words of its module."""
