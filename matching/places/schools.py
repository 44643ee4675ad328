"""Read schools from a table or GeoJSON, as the NCES and the states publish them; pure.

Nothing is taken but where a school is, which grades it teaches, and how its pupils grew: what a file tells
of who the pupils are is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from leads.imports import FileError, RowError, read_sheet
from matching.geo import ShapeError
from matching.places.features import RowRefused, element_of, made_id, number, spot_of, text
from matching.places.files import Progress, no_progress, objects_of, text_of
from matching.places.rows import Told

_SPELLINGS = {
    "nces_id": "ncessch|nces id|nces school id|nces",
    "name": "name|school|school name|sch name|schnam|property l",
    "level": "level|school level|status|type of school|grade level",
    "low_grade": "gslo|low grade|lowest grade|grade low|grades offered lowest",
    "high_grade": "gshi|high grade|highest grade|grade high|grades offered highest",
    "district": "district|district name|lea name|leanm|agency name",
    "latitude": "lat|latitude|lat1516|y|latcod",
    "longitude": "lon|longitude|lng|lon1516|x|loncod",
    "growth_percentile": "growth percentile|growth|median growth percentile|mgp|sgp",
    "tested_students": "tested students|tested|students tested|number tested|n tested",
    "year": "year|school year|growth year|assessment year",
    "url": "url|website|web site|web",
}
_FIELDS = {spelling: name for name, words in _SPELLINGS.items() for spelling in words.split("|")}
_LEVELS = (
    ("elementary", re.compile(r"\b(elem\w*|es|primary|ps)\b")),
    ("middle", re.compile(r"\b(middle|ms|junior|jhs|intermediate)\b")),
    ("high", re.compile(r"\b(high|hs|secondary|sr)\b")),
)
_BELOW = {"PK": -1, "PREK": -1, "TK": 0, "KG": 0, "K": 0}


def read_schools(content: bytes, file_name: str, *, progress: Progress = no_progress) -> Told:
    """Return the schools of a file."""
    told = text_of(content)
    if told.lstrip()[:1] in ("{", "["):
        rows, first = objects_of(told)[0], 1
    else:
        rows, first = list(read_sheet(told.encode(), file_name).rows), 2
    fields = _fields(rows)
    places: dict[str, dict[str, Any]] = {}
    errors: list[RowError] = []
    for row, one in enumerate(rows, start=first):
        if row % 1_000 == 0:
            progress(row, len(rows))
        try:
            external_id, place = _school(row, one, fields)
            if external_id in places:
                raise RowRefused("nces_id", "The school is in the file twice.", "Keep one of the two rows.")
            places[external_id] = place
        except RowRefused as refused:
            errors.append(refused.at(row))
        except ShapeError as refused:
            errors.append(RowError(row, "geometry", refused.what, refused.mend))
    progress(len(rows), len(rows))
    return Told(places, len(rows), errors, left_out=_left_out(rows, fields))


def _squeezed(heading: object) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", str(heading).lower()).split())


def _columns(rows: Sequence[Any]) -> list[str]:
    first = next((row for row in rows if isinstance(row, Mapping)), {})
    return list(element_of(1, first).tags)


def _fields(rows: Sequence[Any]) -> dict[str, str]:
    """Return which column tells each field."""
    fields: dict[str, str] = {}
    for column in _columns(rows):
        name = _FIELDS.get(_squeezed(column))
        if name is not None:
            fields.setdefault(name, column)
    if "name" not in fields:
        raise FileError("No column holds the names of schools: call it “name”.", "columns")
    return fields


def _left_out(rows: Sequence[Any], fields: Mapping[str, str]) -> list[str]:
    taken = set(fields.values())
    return [column for column in _columns(rows) if column not in taken]


def _school(row: int, told: Any, fields: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    element = element_of(row, told)

    def of(name: str) -> Any:
        return element.tags.get(fields[name]) if name in fields else None

    name = text(of("name"), 200)
    if not name:
        raise RowRefused("name", "The name is missing.", "Write the school's name.")
    nces_id = _nces_id(of("nces_id"))
    geometry = element.geometry
    if "latitude" in fields and "longitude" in fields:
        geometry = {"type": "Point", "coordinates": [of("longitude"), of("latitude")]}
    spot = spot_of(geometry)
    low, high = text(of("low_grade"), 4).upper(), text(of("high_grade"), 4).upper()
    growth, tested, year = _growth(of("growth_percentile"), of("tested_students"), of("year"))
    url = text(of("url"), 500)
    place = {
        "name": name,
        "nces_id": nces_id,
        "level": _level(text(of("level"), 40), name, low, high),
        "low_grade": low,
        "high_grade": high,
        "district": text(of("district"), 200),
        "latitude": round(spot.lat, 7),
        "longitude": round(spot.lon, 7),
        "growth_percentile": growth,
        "tested_students": tested,
        "year": year,
        "url": url if url.startswith(("https://", "http://")) else "",
    }
    made = made_id(name, place["latitude"], place["longitude"])
    return nces_id or element.external_id or made, place


def _nces_id(told: Any) -> str:
    given = text(told, 20).removesuffix(".0")
    if not given:
        return ""
    if not given.isdecimal() or len(given) > 12 or len(given) < 11:
        raise RowRefused("nces_id", "The NCES id is none.", "It has 12 digits; keep leading zeros.")
    return given.zfill(12)


def _growth(percentile: Any, tested: Any, year: Any) -> tuple[float | None, int | None, int | None]:
    """Return the growth figure; it counts only with the pupils tested and its year."""
    if not text(percentile, 20):
        return None, None, None
    growth, pupils = number(str(percentile).removesuffix("%")), number(tested)
    if growth is None or not 0 <= growth <= 100:
        raise RowRefused(
            "growth_percentile", "The growth percentile is none.", "Write 0 to 100, or leave it empty."
        )
    if pupils is None or pupils < 0 or pupils != int(pupils) or pupils > 100_000:
        mend = "A growth figure needs how many pupils were tested."
        raise RowRefused("tested_students", "The number of pupils tested is missing.", mend)
    years = re.findall(r"\d{4}", text(year, 20))
    if not years or not 1990 <= int(years[0]) <= 2100:
        raise RowRefused("year", "The year is missing.", "A growth figure needs the year it is of.")
    return growth, int(pupils), int(years[0])


def _level(told: str, name: str, low: str, high: str) -> str:
    """Return whom a school teaches: by what the file says, by its grades, or by its name."""
    found = _named_level(told.lower())
    if found is None and (last := _grade(high)) is not None and (first := _grade(low)) is not None:
        if last <= 6:
            return "elementary"
        if last <= 9:
            return "middle" if first >= 5 else "other"
        return "high" if first >= 7 else "other"
    return found or _named_level(name.lower()) or "other"


def _named_level(words: str) -> str | None:
    return next((level for level, pattern in _LEVELS if pattern.search(words)), None)


def _grade(told: str) -> int | None:
    if told in _BELOW:
        return _BELOW[told]
    return int(told) if told.isdecimal() else None
