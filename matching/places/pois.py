"""Read files of points of interest: OpenStreetMap as GeoJSON, Overpass or loose objects, or a table; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leads.imports import RowError, read_sheet
from matching.geo import ShapeError
from matching.places.catalogue import Category, category_of
from matching.places.features import Element, RowRefused, element_of, made_id, spot_of, text
from matching.places.files import Progress, no_progress, objects_of, text_of
from matching.places.rows import Told

STEP = 5_000
MOST_OF_PIECES = 512
_LARGE = frozenset({Category.PARK, Category.DOG_PARK, Category.TRAIL})
"""Kinds whose nearest edge is what counts, not their middle."""
KINDS = frozenset(kind.value for kind in Category)
_OWN = ("category", "kind")


def read_pois(
    content: bytes, file_name: str, *, category: Category | None = None, progress: Progress = no_progress
) -> Told:
    """Return the places of a file; `category` is what they are where their tags do not say."""
    rows = list(_rows(content, file_name))
    places: dict[str, dict[str, Any]] = {}
    seen: dict[str, int] = {}
    errors: list[RowError] = []
    ignored = 0
    for row, told in enumerate(rows, start=1):
        if row % STEP == 0:
            progress(row, len(rows))
        try:
            element = element_of(row, told)
            found = _category(element) or category
            if found is None:
                ignored += 1
                continue
            place = _place(element, found)
        except RowRefused as refused:
            errors.append(refused.at(row))
            continue
        except ShapeError as refused:
            errors.append(RowError(row, "geometry", refused.what, refused.mend))
            continue
        made = made_id(found, place["name"], place["latitude"], place["longitude"])
        external_id = element.external_id or made
        before = places.get(external_id)
        if before is not None:
            if (before["category"], before["name"]) != (place["category"], place["name"]):
                what = f"Row {seen[external_id]} has the same id and tells otherwise."
                errors.append(RowError(row, "id", what, "Keep one of the two."))
            elif place["outline"] and before["outline"]:  # another piece of the same park
                before["outline"] = (before["outline"] + place["outline"])[:MOST_OF_PIECES]
            continue
        places[external_id] = place
        seen[external_id] = row
    progress(len(rows), len(rows))
    return Told(places, len(rows), errors, ignored)


def _rows(content: bytes, file_name: str) -> Iterable[Any]:
    told = text_of(content)
    if told.lstrip()[:1] in ("{", "["):
        return objects_of(told)[0]
    return read_sheet(told.encode(), file_name).rows


def _category(element: Element) -> Category | None:
    """Return what an element is: by its tags, or by a column of its own."""
    found = category_of(element.tags)
    if found is not None:
        return found
    for name in _OWN:
        value = text(element.tags.get(name), 40).lower().replace(" ", "_")
        if value in KINDS:
            return Category(value)
        for key in ("amenity", "shop", "leisure"):
            if (found := category_of({key: value})) is not None:
                return found
    return None


def _place(element: Element, category: Category) -> dict[str, Any]:
    spot = spot_of(element.geometry)
    outline = [list(point) for point in spot.outline] if category in _LARGE else []
    return {
        "category": category.value,
        "name": text(element.tags.get("name"), 200),
        "latitude": round(spot.lat, 7),
        "longitude": round(spot.lon, 7),
        "outline": outline or None,
    }
