"""Listings of the drawn town as RESO records, with what became of each and when."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from matching.simulator.ground import (
    CITY,
    CONDO,
    COUNTY,
    HOODS,
    HOUSE,
    NAMES,
    STATE,
    SUFFIXES,
    TOWN,
    Hood,
    Point,
    latitude_longitude,
    within,
)

SYSTEM = "Rivermouth MLS (simulated)"
SQUARE_FOOT = 330.0
"""Dollars for a square foot of a usual home of the town, today."""

GROWTH = 0.035
"""By which prices rose within a year."""

YEARS_SOLD = 2
OFFICES = (
    ("RM-OFF-1", "Harbor & Pine Realty", "+12535550101"),
    ("RM-OFF-2", "Sound & Summit Homes", "+12535550102"),
    ("RM-OFF-3", "Mill Road Brokers", "+12535550103"),
)
AGENTS = (
    *(("RM-AG-1", "Avery Lindqvist", 0), ("RM-AG-2", "Mateo Sandoval", 0), ("RM-AG-3", "Grace Okafor", 0)),
    *(("RM-AG-4", "Rowan Pike", 1), ("RM-AG-5", "Imogen Hart", 1), ("RM-AG-6", "Silas Boone", 2)),
)
LOOKS = ("Craftsman", "Contemporary", "Ranch", "Colonial", "Mid Century Modern")
COOLINGS = ("Central Air", "Heat Pump", "Ductless")
FLOORS = ("Hardwood", "Tile", "Carpet", "Laminate")
INSIDE = ("Kitchen Island", "Pantry", "Walk-In Closet(s)", "Open Floorplan", "High Ceilings")
KITCHEN = ("Dishwasher", "Disposal", "Gas Range", "Microwave", "Refrigerator", "Stainless Steel Appliance(s)")


def make_listings(*, seed: int, now: datetime, on_market: int, sold: int) -> Iterator[dict[str, Any]]:
    """Return records of homes on the market and of homes sold within two years; keys tell which is which."""
    rng = random.Random(seed)
    for number in range(sold):
        yield _sold(rng, number, now)
    for number in range(on_market):
        yield _offered(rng, number, now)


def _offered(rng: random.Random, number: int, now: datetime) -> dict[str, Any]:
    days = min(240, int(rng.expovariate(1 / 34)))
    home = _home(rng, f"RM-A{number:05d}", now.date() - timedelta(days=days), now)
    shares = (("Active", 0.8), ("Active Under Contract", 0.07), ("Coming Soon", 0.04), ("Pending", 0.09))
    status = _pick(rng, shares)
    if status == "Coming Soon":
        home["OnMarketDate"] = None
        days = 0
    home["StandardStatus"] = status
    moment = _moment(now - timedelta(hours=rng.uniform(0.5, 24 * min(max(days, 1), 12))))
    _cut(rng, home, days, now)
    if status in ("Pending", "Active Under Contract"):
        home["PurchaseContractDate"] = (
            now.date() - timedelta(days=rng.randint(0, min(days, 25)))
        ).isoformat()
        home["StatusChangeTimestamp"] = moment
    home["ModificationTimestamp"] = moment
    return home


def _sold(rng: random.Random, number: int, now: datetime) -> dict[str, Any]:
    closed = now.date() - timedelta(days=_season_day(rng, now.date()))
    market_days = min(200, 4 + int(rng.expovariate(1 / 27)))
    signed = closed - timedelta(days=rng.randint(24, 48))
    home = _home(rng, f"RM-S{number:05d}", signed - timedelta(days=market_days), now)
    _cut(rng, home, market_days, datetime.combine(signed, datetime.min.time(), UTC))
    heat = math.exp(-market_days / 18)
    close = home["ListPrice"] * (0.965 + 0.06 * heat + rng.gauss(0, 0.012))
    home |= {
        "StandardStatus": "Closed",
        "ClosePrice": float(round(close / 500) * 500),
        "CloseDate": closed.isoformat(),
        "PurchaseContractDate": signed.isoformat(),
        "OffMarketDate": signed.isoformat(),
        "DaysOnMarket": market_days,
        "StatusChangeTimestamp": f"{closed.isoformat()}T18:00:00Z",
        "ModificationTimestamp": f"{closed.isoformat()}T18:00:00Z",
    }
    return home


def _season_day(rng: random.Random, today: date) -> int:
    """Return how many days ago a sale closed; more of them close in summer."""
    while True:
        days = rng.randint(1, 365 * YEARS_SOLD)
        when = today - timedelta(days=days)
        if rng.random() < 0.6 + 0.4 * math.cos(2 * math.pi * (when.timetuple().tm_yday - 190) / 365):
            return days


def _cut(rng: random.Random, home: dict[str, Any], days: int, end: datetime) -> None:
    """Lower the price of a home that waited long, and tell when."""
    if days > 25 and rng.random() < 0.55:
        first = home["OriginalListPrice"]
        home["PreviousListPrice"] = first
        home["ListPrice"] = float(round(first * rng.uniform(0.93, 0.985) / 1000) * 1000)
        home["PriceChangeTimestamp"] = _moment(end - timedelta(days=rng.uniform(1, days - 14)))


def _home(rng: random.Random, key: str, listed: date, now: datetime) -> dict[str, Any]:
    hood = rng.choices(HOODS, weights=(18, 20, 20, 18, 14, 10))[0]
    kind = _pick(rng, hood.kinds)
    point = within(hood, rng)
    latitude, longitude = latitude_longitude(point)
    beds = rng.choices((1, 2, 3, 4, 5), weights=_BEDS[kind])[0]
    area = round(_AREA[kind] * (0.55 + 0.17 * beds) * math.exp(rng.gauss(0, 0.13)) / 10) * 10
    built = max(1905, min(now.year, int(rng.gauss(hood.built, 14))))
    renewed = built < now.year - 30 and rng.random() < 0.3
    price = _price(rng, hood, point, kind, area, beds, now.year if renewed else built, listed, now)
    agent_key, agent, office = rng.choice(AGENTS)
    office_key, office_name, phone = OFFICES[office]
    full = max(1, round(beds * 0.6 + rng.uniform(-0.4, 0.6)))
    record: dict[str, Any] = {
        "ListingKey": key,
        "ListingId": key.replace("-", ""),
        "OriginatingSystemName": SYSTEM,
        "PropertyType": "Residential",
        "PropertySubType": kind,
        "PropertyAttachedYN": kind != HOUSE,
        "ListPrice": price,
        "OriginalListPrice": price,
        "ListingContractDate": listed.isoformat(),
        "OnMarketDate": listed.isoformat(),
        "OriginalEntryTimestamp": f"{listed.isoformat()}T09:00:00Z",
        "UnparsedAddress": _address(rng, kind),
        "City": CITY,
        "StateOrProvince": STATE,
        "PostalCode": hood.postal_code,
        "CountyOrParish": COUNTY,
        "SubdivisionName": hood.name,
        "PropertyTimeZoneName": "America/Los_Angeles",
        "Latitude": round(latitude, 6),
        "Longitude": round(longitude, 6),
        "BedroomsTotal": beds,
        "BathroomsFull": full,
        "BathroomsHalf": int(rng.random() < 0.4),
        "LivingArea": float(area),
        "YearBuilt": built,
        "TaxAnnualAmount": float(round(price * rng.uniform(0.0085, 0.0105))),
        "TaxYear": now.year,
        "ListAgentKey": agent_key,
        "ListAgentFullName": agent,
        "ListOfficeKey": office_key,
        "ListOfficeName": office_name,
        "ListOfficePhone": phone,
    }
    if renewed:
        record["YearBuiltEffective"] = now.year - rng.randint(1, 9)
        record["PropertyCondition"] = ["Updated/Remodeled"]
    if kind == HOUSE:
        record["LotSizeSquareFeet"] = float(round(rng.lognormvariate(8.7, 0.35)))
    if kind != HOUSE or rng.random() < 0.15:
        record |= {
            "AssociationYN": True,
            "AssociationFee": float(
                rng.randrange(180, 620, 10) if kind == CONDO else rng.randrange(60, 260, 10)
            ),
            "AssociationFeeFrequency": "Monthly",
        }
    _furnish(rng, record, hood, kind)
    record["PublicRemarks"] = _remarks(record, hood)
    return record


_BEDS = {HOUSE: (0, 12, 42, 34, 12), CONDO: (30, 52, 18, 0, 0), TOWN: (2, 34, 54, 10, 0)}
_AREA = {HOUSE: 1950.0, CONDO: 1180.0, TOWN: 1560.0}


def _price(
    rng: random.Random,
    hood: Hood,
    point: Point,
    kind: str,
    area: int,
    beds: int,
    built: int,
    listed: date,
    now: datetime,
) -> float:
    """Return an asking price: a square foot is dearer in small homes, newer ones, and near the water."""
    years = (now.date() - listed).days / 365
    foot = SQUARE_FOOT * hood.level * (1 + GROWTH) ** -years * (1700 / area) ** 0.28
    foot *= 1 + 0.0016 * (built - 1985) + 0.02 * (beds - 3)
    foot *= {HOUSE: 1.0, CONDO: 0.94, TOWN: 0.97}[kind]
    foot *= 1 + 0.10 * max(0.0, 1 - abs(point[1] - 880) / 200)
    return float(round(area * foot * math.exp(rng.gauss(0, 0.06)) / 1000) * 1000)


def _furnish(rng: random.Random, record: dict[str, Any], hood: Hood, kind: str) -> None:
    """State some of what the home has; what is not stated stays unknown, as in real listings."""
    spaces = rng.choices((0, 1, 2, 3), weights=(20, 30, 42, 8) if kind == HOUSE else (45, 45, 10, 0))[0]
    if rng.random() < 0.9:
        record |= {"GarageYN": spaces > 0, "GarageSpaces": float(spaces)}
    if rng.random() < 0.7:
        record["FireplaceYN"] = rng.random() < 0.55
    if rng.random() < 0.8:
        cools = rng.random() < 0.5
        record["CoolingYN"] = cools
        record["Cooling"] = [rng.choice(COOLINGS)] if cools else ["None"]
    if rng.random() < 0.6:
        record["PoolPrivateYN"] = kind == HOUSE and rng.random() < 0.08
    if rng.random() < 0.5:
        record["ViewYN"] = rng.random() < (0.6 if hood.name in ("Harbor", "Larkspur") else 0.15)
    if kind == HOUSE and rng.random() < 0.5:
        record["BasementYN"] = rng.random() < 0.4
    if kind == HOUSE and rng.random() < 0.4:
        record["Fencing"] = ["Back Yard"]
    if rng.random() < 0.3:
        record["Levels"] = ["One"] if record["LivingArea"] < 1500 else ["Two"]
    if rng.random() < 0.12:
        record["AccessibilityFeatures"] = [rng.choice(("Accessible Entrance", "Accessible Doors"))]
    record["ArchitecturalStyle"] = [rng.choice(LOOKS)]
    record["Flooring"] = sorted(rng.sample(FLOORS, 2))
    record["InteriorFeatures"] = sorted(rng.sample(INSIDE, rng.randint(1, 3)))
    record["Appliances"] = sorted(rng.sample(KITCHEN, rng.randint(2, 5)))
    record["ListingTerms"] = ["Cash", "Conventional", *(["FHA", "VA Loan"] if rng.random() < 0.6 else [])]
    if rng.random() < 0.35:
        record["PatioAndPorchFeatures"] = [rng.choice(("Deck", "Patio", "Front Porch"))]


def _remarks(record: dict[str, Any], hood: Hood) -> str:
    floors = " and ".join(floor.lower() for floor in record["Flooring"])
    inside = ", ".join(item.lower().replace("(s)", "s") for item in record["InteriorFeatures"])
    return (
        f"{record['ArchitecturalStyle'][0]} {record['PropertySubType'].lower()} in {hood.name}, built "
        f"{record['YearBuilt']}. {record['LivingArea']:,.0f} square feet with {floors} floors; {inside}. "
        "A simulated listing: nobody can buy it."
    )


def _address(rng: random.Random, kind: str) -> str:
    street = f"{rng.randint(2, 988)} {rng.choice(NAMES)} {rng.choice(SUFFIXES)}"
    return f"{street}, Unit {rng.randint(101, 912)}" if kind == CONDO else street


def _pick(rng: random.Random, shares: tuple[tuple[str, float], ...]) -> str:
    return rng.choices([name for name, _ in shares], weights=[share for _, share in shares])[0]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
