"""Store simulated listings in the benchmark's first tenant; prints what it took as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import django
import orjson

django.setup()

from leads.models import Tenant  # noqa: E402  (Django must be set up first)
from matching.listings import dictionary  # noqa: E402
from matching.listings.reading import Reading, read_listing  # noqa: E402
from matching.models import Listing  # noqa: E402
from matching.services import Stored, store_listings  # noqa: E402
from matching.services.listings import BATCH  # noqa: E402

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TYPES = ("Single Family Residence", "Townhouse", "Condominium", "Duplex", "Manufactured Home")
STATUSES = ("Active", "Active", "Active", "Pending", "Closed")
COLLECTIONS = (
    "Appliances",
    "Flooring",
    "Heating",
    "Cooling",
    "ParkingFeatures",
    "Roof",
    "View",
    "LotFeatures",
)
REMARKS = "A bright home near the park with a new roof, a fenced garden and a workshop. " * 6


def record(number: int, rng: Random) -> dict[str, Any]:
    """Return a listing of some 70 fields and three photos."""
    price = rng.randrange(150, 1_500) * 1_000
    lists = {
        name: rng.sample(dictionary.LOOKUPS[name], min(4, len(dictionary.LOOKUPS[name])))
        for name in COLLECTIONS
    }
    changed_at = NOW - timedelta(minutes=rng.randrange(1, 500_000))
    return {
        "ListingKey": f"BENCH{number}",
        "ListingId": str(10_000_000 + number),
        "OriginatingSystemName": "Bench MLS",
        "StandardStatus": rng.choice(STATUSES),
        "MlsStatus": "Local wording",
        "PropertyType": "Residential",
        "PropertySubType": rng.choice(TYPES),
        "ListPrice": price,
        "OriginalListPrice": price + rng.choice((0, 0, 10_000)),
        "PriceChangeTimestamp": changed_at.isoformat(),
        "ListingContractDate": changed_at.date().isoformat(),
        "OnMarketDate": changed_at.date().isoformat(),
        "DaysOnMarket": rng.randrange(120),
        "CumulativeDaysOnMarket": rng.randrange(200),
        "StreetNumber": str(rng.randrange(1, 9_999)),
        "StreetName": "Alder",
        "StreetSuffix": "Street",
        "City": "Harborview",
        "StateOrProvince": "WA",
        "PostalCode": str(98_001 + rng.randrange(100)),
        "CountyOrParish": "King",
        "SubdivisionName": "North Bank",
        "Latitude": 47.2 + rng.random(),
        "Longitude": -122.8 + rng.random(),
        "BedroomsTotal": rng.randrange(1, 6),
        "BathroomsFull": rng.randrange(1, 4),
        "BathroomsHalf": rng.randrange(2),
        "BathroomsTotalInteger": 3,
        "LivingArea": rng.randrange(600, 4_500),
        "LivingAreaUnits": "Square Feet",
        "LotSizeAcres": round(rng.uniform(0.05, 2.0), 4),
        "YearBuilt": rng.randrange(1900, 2026),
        "Stories": rng.randrange(1, 4),
        "GarageSpaces": float(rng.randrange(3)),
        "NewConstructionYN": False,
        "AssociationFee": 120.0,
        "AssociationFeeFrequency": "Monthly",
        "TaxAnnualAmount": round(price * 0.011, 2),
        "TaxYear": 2025,
        "PublicRemarks": REMARKS,
        "PrivateRemarks": "Call first.",
        "ShowingContactPhone": "206-555-0100",
        "ListAgentKey": f"A{number % 2_000}",
        "ListAgentFullName": f"Agent {number % 2_000}",
        "ListOfficeKey": f"O{number % 200}",
        "ListOfficeName": f"Office {number % 200}",
        "InternetEntireListingDisplayYN": True,
        "InternetAddressDisplayYN": True,
        **lists,
        **{name: rng.random() < 0.5 for name in list(dictionary.FLAGS)[:12]},
        **{f"NWM_Local{k}": f"value {k}" for k in range(8)},
        "Media": [
            {
                "MediaKey": f"{number}-{k}",
                "MediaURL": f"https://img.example.com/{number}/{k}.jpg",
                "Order": k,
                "MediaCategory": "Photo",
            }
            for k in range(3)
        ],
        "ModificationTimestamp": changed_at.isoformat(),
    }


def pages(numbers: range, *, seed: int, **changes: Any) -> Iterator[str]:
    """Yield pages of records as JSON text."""
    for start in range(numbers.start, numbers.stop, BATCH):
        held = [
            {**record(number, Random(seed * 1_000_003 + number)), **changes}
            for number in range(start, min(start + BATCH, numbers.stop))
        ]
        yield json.dumps({"value": held})


def store(tenant: Tenant, pages_of: Iterator[str]) -> tuple[Stored, float]:
    """Read and store pages and return what became of them, and the seconds without making the pages."""
    stored, seconds = Stored(), 0.0
    for page in pages_of:
        began = time.perf_counter()
        read = [read_listing(row, now=NOW) for row in orjson.loads(page)["value"]]
        good = [each for each in read if isinstance(each, Reading)]
        stored.add(store_listings(tenant=tenant, readings=good, now=NOW, backfill=True))
        seconds += time.perf_counter() - began
    return stored, round(seconds, 1)


def main() -> None:
    """Store, store again, change some."""
    parser = argparse.ArgumentParser()
    parser.add_argument("listings", type=int)
    parser.add_argument("changed", type=int)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    tenant = Tenant.objects.order_by("pk")[0]
    every, some = range(given.listings), range(given.changed)
    rows = []
    for what, numbers, changes in (
        ("new", every, {}),
        ("the same again", every, {}),
        ("changed price", some, {"ListPrice": 99_000, "ModificationTimestamp": NOW.isoformat()}),
    ):
        stored, seconds = store(tenant, pages(numbers, seed=given.seed, **changes))
        counted = (stored.created, stored.updated, stored.unchanged)
        expected = {
            "new": (len(numbers), 0, 0),
            "the same again": (0, 0, len(numbers)),
            "changed price": (0, len(numbers), 0),
        }
        if counted != expected[what]:
            raise SystemExit(f"{what}: {counted} listings new, updated, unchanged")
        rows.append({"what": what, "n": len(numbers), "seconds": seconds})
    assert Listing.objects.filter(tenant=tenant).count() == given.listings
    sys.stdout.write(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
