"""The demo's homes: a drawn town, what was sold in it, and buyers who look at homes through the real door."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from leads.demo import HARBOR, SEED, people_of, workflow_secret
from leads.ghl import signatures
from leads.ghl.simulator import Person
from leads.ghl.simulator.sender import Letter, deliver
from leads.ghl.simulator.wire import APP_ID, Wire
from leads.models import Identity, Lead, Tenant
from matching import services
from matching.homes import Homes
from matching.listings.reading import Reading, read_listing
from matching.models import Criteria, Listing, Neighborhood, PlaceImport, SavedSearch
from matching.models.places import PlaceKind
from matching.selectors.homes import homes_for
from matching.services.criteria import keep_criteria, save_search
from matching.services.place_imports import prepare_place_import, run_place_import
from matching.services.places import compute_places
from matching.simulator import draw_ground, make_gtfs, make_listings, make_places, make_schools
from matching.simulator.ground import CONDO, HOUSE, SOURCE, TOWN
from matching.wants import Wants, wants_of

Say = Callable[[str], None]

ON_MARKET, SOLD = 1_200, 4_000
BUYERS = 90
SEARCHERS = 60
BATCH = 1_000
ACTS: Mapping[str, float] = {
    "ListingViewed": 10,
    "ListingSaved": 3,
    "ListingShared": 1,
    "ListingDismissed": 2,
}
EAGER: Mapping[str, tuple[int, int]] = {"ready": (8, 18), "active": (5, 12)}
SELDOM = (1, 5)
KINDS = ((HOUSE,), (HOUSE, TOWN), (CONDO, TOWN))
LIKES = (
    *("garage", "fireplace", "cooling", "view", "basement", "hardwood_floors", "kitchen_island"),
    *("walk_in_closet", "open_floor_plan", "patio_or_deck", "fenced_yard", "dishwasher"),
)


def seed(*, say: Say, url: str = "") -> None:
    """Bring the drawn town into the first simulated tenant, once, and let its buyers look around."""
    tenant = Tenant.objects.filter(location_id=HARBOR.location_id, is_simulated=True, is_active=True).first()
    if tenant is None or Criteria.objects.filter(tenant=tenant).exists():
        return
    now = timezone.now()
    if not Listing.objects.filter(tenant=tenant).exists():
        say(f"drawing a town with {ON_MARKET:,} homes for sale and {SOLD:,} sold")
        _bring_places(tenant, now)
        _bring_listings(tenant, now)
        compute_places(tenant=tenant, now=now)
        services.take_snapshots(tenant=tenant, now=now)
    homes = homes_for(tenant)
    buyers = _enter_criteria(tenant, now)
    say(f"{len(buyers)} buyers look for a home")
    letters = list(_letters(tenant, buyers, homes, now))
    key = signatures.make_simulator_key(settings.SIMULATOR_KEY_FILE)
    count = deliver(letters, url=url or settings.DOOR_URL, key=key, app_id=settings.GHL_APP_ID or APP_ID)
    say(f"{count:,} webhooks tell what they did with homes")


def _bring_places(tenant: Tenant, now: datetime) -> None:
    """Take in neighborhoods, shops, schools and buses by the importers any brokerage uses."""
    ground = draw_ground(seed=SEED)
    parks = [shape for shape in ground.shapes if "leisure" in shape["properties"]]
    schools = make_schools(seed=SEED, year=now.year - 1)
    files: tuple[tuple[str, str, bytes], ...] = (
        (PlaceKind.NEIGHBORHOODS, "neighborhoods.geojson", _collection(ground.neighborhoods)),
        (PlaceKind.POIS, "places.geojson", json.dumps(make_places(seed=SEED)).encode()),
        (
            PlaceKind.POIS,
            "parks.geojson",
            _collection(parks),
        ),
        (PlaceKind.SCHOOLS, "schools.csv", _csv(schools)),
        (PlaceKind.TRANSIT, "timetable.zip", make_gtfs(service_day=f"{now:%Y%m%d}")),
    )
    for kind, name, content in files:
        row = prepare_place_import(
            tenant=tenant,
            by=None,
            kind=kind,
            file_name=name,
            content=content,
            source=SOURCE,
            source_date=now.date(),
            licence="None needed: nothing of it exists",
        )
        done = run_place_import(place_import=row)
        if done.state != PlaceImport.State.DONE:
            raise RuntimeError(f"{name} of the demo: {done.error or done.errors}")


def _bring_listings(tenant: Tenant, now: datetime) -> None:
    readings: list[Reading] = []
    for record in make_listings(seed=SEED, now=now, on_market=ON_MARKET, sold=SOLD):
        read = read_listing(record, now=now)
        if not isinstance(read, Reading):
            raise RuntimeError(f"A listing of the demo: {read.faults}")
        readings.append(read)
    for start in range(0, len(readings), BATCH):
        services.store_listings(
            tenant=tenant, readings=readings[start : start + BATCH], now=now, backfill=True
        )


def _enter_criteria(tenant: Tenant, now: datetime) -> list[tuple[Person, Wants]]:
    """Enter what buyers of the demo look for, as their agents would; some have a saved search."""
    people = [person for person in people_of(HARBOR, tenant) if person.segment != "seller"]
    people.sort(key=lambda person: (person.intent not in EAGER, person.contact_id))
    contacts = Identity.objects.filter(
        tenant=tenant, kind=Identity.Kind.CONTACT_ID, lead__status=Lead.Status.ACTIVE
    )
    leads = {row.value: row.lead for row in contacts.select_related("lead__assigned_to", "lead__tenant")}
    outlines = {row.name: row.boundary for row in Neighborhood.objects.filter(tenant=tenant)}
    buyers: list[tuple[Person, Wants]] = []
    taken: set[int] = set()
    for person in people:
        lead = leads.get(person.contact_id)
        if lead is None or lead.pk in taken or len(buyers) == BUYERS:
            continue
        taken.add(lead.pk)
        told = _told(person, outlines)
        keep_criteria(lead=lead, told=told, by=lead.assigned_to, now=now)
        buyers.append((person, wants_of(told)))
        if len(buyers) <= SEARCHERS:
            save_search(
                lead=lead,
                name="From our first talk",
                told={name: told[name] for name in ("price_max", "beds_min", "types") if name in told},
                frequency=random.Random(person.seed).choice(SavedSearch.Frequency.values[:3]),
                by=lead.assigned_to,
                now=now,
            )
    return buyers


def _told(person: Person, outlines: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person said they look for."""
    rng = random.Random(person.seed)
    price = float(min(max(person.budget, 280_000), 1_400_000))
    told: dict[str, Any] = {
        "price_target": round(price * 0.93 / 5_000) * 5_000.0,
        "price_max": price,
        "beds_min": float(min(person.beds, 4)),
        "baths_min": float(rng.choice((1, 1.5, 2))),
        "sqft_min": float(rng.choice((900, 1_200, 1_500))),
        "nice_to_haves": dict.fromkeys(rng.sample(LIKES, rng.randint(2, 4)), 3),
        "amenities": rng.sample(("grocery", "coffee", "park", "gym"), 2),
        "importance": {"price": "must", "beds": rng.choice(("must", 4, 3))},
    }
    if rng.random() < 0.6:
        told["types"] = rng.choice(
            (
                ["Single Family Residence"],
                ["Single Family Residence", "Townhouse"],
                ["Condominium", "Townhouse"],
            )
        )
    if outlines and rng.random() < 0.7:
        names = rng.sample(sorted(outlines), min(len(outlines), rng.choice((1, 2))))
        told["areas"] = [{"name": name, "polygon": _corners(outlines[name])} for name in names]
    if rng.random() < 0.5:
        told["commute_targets"] = [
            {
                "name": "work",
                "latitude": 47.2395,
                "longitude": -121.9378,
                "mode": rng.choice(("drive", "drive", "transit")),
                "arrive_by": "08:30",
                "max_minutes": float(rng.choice((20, 25, 30))),
            }
        ]
    return told


def _corners(boundary: Any) -> list[list[float]]:
    """Return the outline of the first part of a neighborhood as the wants take it."""
    ring = boundary
    while isinstance(ring[0][0], list):
        ring = ring[0]
    return [[latitude, longitude] for longitude, latitude in ring[:-1]]


def _letters(
    tenant: Tenant, buyers: Sequence[tuple[Person, Wants]], homes: Homes, now: datetime
) -> Iterator[tuple[int, Letter]]:
    """Yield what buyers did with homes in the last weeks, each by a taste of their own."""
    told = Listing.objects.filter(tenant=tenant).values_list("pk", "listing_key", "unparsed_address")
    named = {pk: {"listing_key": key, "address": address} for pk, key, address in told}
    secret = workflow_secret(tenant)
    for lane, (person, wants) in enumerate(buyers):
        rng = random.Random(person.seed + 1)
        wire = Wire(tenant.location_id, person)
        low, high = EAGER.get(person.intent, SELDOM)
        near = _near(homes, wants)
        at = now - timedelta(days=rng.uniform(2, 21))
        for step in range(rng.randint(low, high)):
            pk = int(homes.pk[rng.choice(near)])
            event = rng.choices(list(ACTS), list(ACTS.values()))[0]
            more = {"seconds": str(rng.randint(8, 180))} if event == "ListingViewed" else {}
            if event == "ListingDismissed":
                more = {"reason": rng.choice(("price", "location", "size", "features"))}
            body = wire.form(event, at=at, name=f"homes/{step}", **named[pk], **more)
            yield lane, Letter(body, f"{tenant.location_id}/homes/{person.contact_id}/{step}", secret)
            at = min(at + timedelta(hours=rng.expovariate(1 / 20)), now)


def _near(homes: Homes, wants: Wants) -> list[int]:
    """Return the rows a person with such wants would come across: about their price, a little beyond, too."""
    price = wants.price_max or 600_000.0
    rows = [
        row
        for row, asked in enumerate(homes.list_price.tolist())
        if 0.62 * price < asked < 1.06 * price and homes.bedrooms_total[row] >= (wants.beds_min or 0) - 1
    ]
    return rows or list(range(len(homes)))


def _collection(features: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
