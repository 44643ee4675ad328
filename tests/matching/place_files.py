"""Small files of places, as the tests of places write them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

SQUARE = [[-122.4, 47.5], [-122.2, 47.5], [-122.2, 47.7], [-122.4, 47.7], [-122.4, 47.5]]
BOW = [[-122, 47], [-121, 48], [-122, 48], [-121, 47], [-122, 47]]


def feature(geometry: Any, id: object = None, **properties: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "Feature", "properties": properties, "geometry": geometry}
    return told if id is None else {**told, "id": id}


def point(lat: float, lon: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


def geojson(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def areas() -> bytes:
    return geojson(
        feature({"type": "Polygon", "coordinates": [SQUARE]}, NAME="Alder Heights"),
        feature({"type": "Polygon", "coordinates": [BOW]}, NAME="Bow Tie"),
    )


def pois() -> bytes:
    return geojson(
        feature(point(47.601, -122.3), "node/1", amenity="cafe", name="Bean"),
        feature(point(47.602, -122.3), "node/2", shop="supermarket", name="Corner Grocery"),
        feature(point(0, 0), "node/3", amenity="bank"),
        feature(point(47.603, -122.3), "node/4", amenity="waste_basket"),
        feature(point(47.604, -122.31), "node/5", amenity="bench"),
        feature(
            {
                "type": "Polygon",
                "coordinates": [[[-122.29, 47.6], [-122.28, 47.6], [-122.28, 47.61], [-122.29, 47.6]]],
            },
            "way/6",
            leisure="park",
            name="Alder Park",
        ),
    )


SCHOOLS = b"""NCESSCH,SCH_NAME,LAT,LON,LEA_NAME,GSLO,GSHI,growth percentile,tested students,year,% free lunch
530771001234,Alder School,47.61,-122.31,Harborview Schools,KG,05,62,310,2025,41
53077100999,Birch High,47.62,-122.32,Harborview Schools,09,12,,,,20
530771001235,Cedar Middle,47.63,-122.33,Harborview Schools,06,08,101,100,2025,20
530771001236,Dogwood,47.63,-122.33,Harborview Schools,06,08,50,100,,20
530771001237,Elm,,,Harborview Schools,06,08,,,,20
"""

TABLES = {
    "agency.txt": "agency_id,agency_name\nA,Harbor Transit\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon,location_type\n"
    "S1,Alder & 1st,47.600,-122.300,0\nS2,Alder & 9th,47.650,-122.300,\n"
    "S3,Nowhere,0,0,0\nP1,Station,47.6,-122.3,1\n",
    "routes.txt": "route_id,route_short_name,route_long_name,route_type\n"
    "7,7,Alder Street,3\nX,,School run,1501\n",
    "trips.txt": "route_id,service_id,trip_id,direction_id\n"
    "7,WK,T1,0\n7,WK,T2,0\n7,WK,T3,1\n7,SAT,T4,0\nX,WK,T5,0\n7,WK,T6,0\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n"
    "T1,08:00:00,08:00:00,S1,1,\nT1,08:20:00,08:20:00,S2,2,\n"
    "T2,25:10:00,25:10:00,S1,1,\nT2,25:30:00,25:30:00,S2,2,\n"
    "T3,09:00:00,09:00:00,S2,1,\nT3,09:20:00,09:20:00,S1,2,\n"
    "T4,10:00:00,10:00:00,S1,1,\nT4,10:20:00,10:20:00,S2,2,\n"
    "T5,10:00:00,10:00:00,S1,1,\n"
    "T6,06:00:00,06:00:00,S1,1,\nT6,06:20:00,06:20:00,S2,2,\n"
    "T1,08:30:00,08:30:00,S9,3,\n",
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nT6,12:00:00,13:00:00,1800\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
    "start_date,end_date\n"
    "WK,1,1,1,1,1,0,0,20261102,20261231\nSAT,0,0,0,0,0,1,0,20261102,20261231\n",
    "calendar_dates.txt": "service_id,date,exception_type\nWK,20261126,2\nSAT,20261126,1\n",
}
"""A bus each way: out at 8:00, 12:00, 12:30 and 1:10 at night, back at 9:00."""


def gtfs(**tables: str | None) -> bytes:
    """Return a zipped timetable; a table named as `stops` is put in the place of ours, None leaves it out."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**TABLES, **{f"{key}.txt": value for key, value in tables.items()}}.items():
            if text is not None:
                archive.writestr(name, text)
    return held.getvalue()
