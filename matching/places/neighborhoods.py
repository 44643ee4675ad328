"""Read outlines of neighborhoods from GeoJSON; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads.imports import FileError, RowError
from matching.geo import ShapeError, outline_of, read_polygons
from matching.places.features import Element, RowRefused, element_of, text
from matching.places.files import Progress, no_progress, objects_of, text_of
from matching.places.rows import Told

_NAMES = (
    *("name", "neighborhood", "neighbourhood", "nhood", "hood", "s_hood", "l_hood", "area", "area_name"),
    *("label", "district", "community", "zone", "es_zone", "ms_zone", "hs_zone", "zcta5ce10", "zip"),
    *("zipcode", "zip_code", "postal_code"),
)
_ID_ONLY = frozenset({"@id", "osm_id", "id", "objectid", "gid"})


def read_neighborhoods(content: bytes, *, name_property: str = "", progress: Progress = no_progress) -> Told:
    """Return the areas of a file; `name_property` says where their names are, if it cannot be guessed."""
    told, _ = objects_of(text_of(content))
    named = name_property or _name_property(told)
    places: dict[str, dict[str, Any]] = {}
    errors: list[RowError] = []
    for row, one in enumerate(told, start=1):
        if row % 50 == 0:
            progress(row, len(told))
        try:
            external_id, place = _area(element_of(row, one), named)
            if external_id in places:
                raise RowRefused(
                    named, f"“{external_id}” is in the file twice.", "Give each area its own id or name."
                )
            places[external_id] = place
        except RowRefused as refused:
            errors.append(refused.at(row))
        except ShapeError as refused:
            errors.append(RowError(row, "geometry", refused.what, refused.mend))
    progress(len(told), len(told))
    return Told(places, len(told), errors)


def _area(element: Element, named: str) -> tuple[str, dict[str, Any]]:
    name = text(next((v for k, v in element.tags.items() if k.lower() == named.lower()), ""), 200)
    if not name:
        raise RowRefused(named, "The area has no name.", f"Fill in “{named}”.")
    boundary = read_polygons(element.geometry)
    outline = outline_of(boundary)
    south, west, north, east = outline.box
    return element.external_id or name[:100], {
        "name": name,
        "boundary": boundary,
        "square_miles": round(outline.square_miles, 6),
        "south": south,
        "west": west,
        "north": north,
        "east": east,
    }


def _name_property(told: list[Any]) -> str:
    """Guess which property names the areas: one we know, else the only one with text."""
    first: Mapping[str, Any] = {}
    for row, one in enumerate(told, start=1):
        try:
            first = element_of(row, one).tags
        except RowRefused:
            continue
        if first:
            break
    lower = {key.lower(): key for key in first}
    for name in _NAMES:
        if name in lower:
            return lower[name]
    texts = [key for key, value in first.items() if isinstance(value, str) and key.lower() not in _ID_ONLY]
    if len(texts) == 1:
        return texts[0]
    known = ", ".join(first) or "none"
    raise FileError(f"Say which property holds the names; there are: {known}.", "name_property")
