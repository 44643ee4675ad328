"""Which homes fit a lead, and whom a home fits: rows given to the engine, and told in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from leads.events import Kind
from leads.models import Event, Lead, Tenant
from matching import advice, engine, household, observations, preferences
from matching.diversity import band_of, shelf
from matching.engine import Matches
from matching.factors import Market
from matching.homes import Flags, Homes, Values
from matching.models import Criteria, Listing
from matching.musts import broken
from matching.named import home_named
from matching.preferences import Posterior
from matching.reasons import NAMES, Explained, explained, fact
from matching.selectors.homes import homes_among, homes_for
from matching.wants import FACTORS, Urgency, Wants, WantsError, wants_of

SHOWN = 12
MOST_BUYERS = 50
LOOKED_AT = (Kind.LISTING_SAVED, Kind.LISTING_SHARED, Kind.SHOWING_REQUESTED)
SOON = ("0-3", "asap", "now", "immediately", "this month", "30 days", "60 days", "90 days")
ENGINE = "match-1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a lead looks for, and where that comes from."""

    wants: Wants
    stated: Values
    weights: Values
    criteria: Criteria | None = None
    belief: Posterior | None = None
    assumed: tuple[str, ...] = ()
    """Fields taken from the lead's answers in the CRM, where nobody entered criteria."""

    @property
    def version(self) -> str:
        """Return what ranked: the engine, and how much of what the buyer did is in the weights."""
        signals = self.belief.signals if self.belief is not None else 0
        return f"{ENGINE}/{preferences.VERSION}.{signals}"


@dataclass(frozen=True, slots=True)
class Part:
    """One factor of one home: its share of the weight, its score, the points it brings, what it rests on."""

    factor: str
    label: str
    share: float
    score: float
    points: float
    fact: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """A home for a lead, in figures and in words."""

    listing: Listing
    rank: int
    total: float
    coverage: float
    why: Explained
    parts: tuple[Part, ...]
    is_explored: bool = False

    @property
    def points(self) -> int:
        return engine.shown(self.total)


@dataclass(frozen=True, slots=True)
class Fits:
    """The homes that fit a lead best, among how many."""

    wanted: Wanted
    homes: Homes
    matches: Matches
    rows: tuple[Fit, ...]
    dismissed: int = 0

    @property
    def among(self) -> int:
        return len(self.homes)

    @property
    def fitting(self) -> int:
        """Return how many homes break no must."""
        return int((~self.matches.excluded).sum())


@dataclass(frozen=True, slots=True)
class BuyerFit:
    """A lead a home suits, in figures and in words."""

    lead: Lead
    total: float
    coverage: float
    why: Explained

    @property
    def points(self) -> int:
        return engine.shown(self.total)


def wanted_by(lead: Lead) -> Wanted:
    """Return what a lead looks for: as entered, else what its answers in the CRM say."""
    criteria = Criteria.objects.filter(lead=lead).select_related("household").first()
    if criteria is None:
        wants, assumed = assumed_wants(lead.profile)
        stated = wants.weights()
        return Wanted(wants, stated, stated, assumed=assumed)
    return wanted_of(criteria)


def wanted_of(criteria: Criteria) -> Wanted:
    """Return entered criteria as the engine takes them, with the weights that were learned."""
    wants = wants_of(criteria.wants)
    stated = wants.weights()
    if not criteria.learned:
        return Wanted(wants, stated, stated, criteria)
    belief = preferences.restated(preferences.posterior_of(criteria.learned), stated)
    return Wanted(wants, stated, preferences.weights_of(belief), criteria, belief)


def assumed_wants(profile: Mapping[str, Any]) -> tuple[Wants, tuple[str, ...]]:
    """Return what a lead's answers say of the home looked for, and which fields were taken from them."""
    told: dict[str, Any] = {}
    budget = profile.get("budget")
    if isinstance(budget, int | float) and not isinstance(budget, bool) and budget > 0:
        told["price_max"] = float(budget)
    timeline = str(profile.get("timeline") or "").lower()
    if any(word in timeline for word in SOON):
        told["urgency"] = Urgency.URGENT.value
    try:
        return wants_of(told), tuple(told)
    except WantsError:
        return wants_of({}), ()


def market_of(homes: Homes) -> Market:
    """Return what the homes on the market tell of it; rates and costs are not known here."""
    days = homes.days_on_market[~np.isnan(homes.days_on_market)]
    return Market(
        median_days=float(np.median(days)) if len(days) else None,
        usual_saves=float(np.mean(homes.saves)) if len(homes) else None,
    )


def fits_of(lead: Lead, *, now: datetime, count: int = SHOWN) -> Fits:
    """Return the homes that fit a lead best, different ones, one of ten there to explore and marked."""
    wanted = wanted_by(lead)
    homes = homes_for(lead.tenant)
    market = market_of(homes)
    matches = engine.match(homes, wanted.wants, wanted.weights, market=market)
    dismissed = homes.rows_of(dismissed_by(lead))
    looked_at = homes_among(lead.tenant, keys=keys_of(lead, LOOKED_AT))
    seed = lead.pk * 1_000 + now.timetuple().tm_yday  # the same home all day long
    slots = shelf(
        homes,
        matches,
        count,
        seed=seed,
        band=band_of(looked_at),
        exploring=_explored(homes, wanted, market, seed),
        leave_out=dismissed.tolist(),
    )
    listings = Listing.objects.for_tenant(lead.tenant).in_bulk([int(homes.pk[slot.row]) for slot in slots])
    rows = [
        _fit(listings[pk], rank, slot.row, homes, matches, wanted.wants, market, is_explored=slot.explored)
        for rank, slot in enumerate(slots, start=1)
        if (pk := int(homes.pk[slot.row])) in listings
    ]
    return Fits(wanted, homes, matches, tuple(rows), len(dismissed))


def fitting_of(tenant: Tenant, wants: Wants) -> tuple[int, int, int]:
    """Return how many homes for sale keep every must, how many every limit asked for, and among how many."""
    homes = homes_for(tenant)
    market = market_of(homes)
    kept = [int((broken(homes, each, market) == 0).sum()) for each in (wants, wants.as_filter())]
    return kept[0], kept[1], len(homes)


def fit_of(lead: Lead, listing: Listing) -> Fit:
    """Return how one home, on the market or not, meets what a lead looks for."""
    wanted = wanted_by(lead)
    homes = homes_among(lead.tenant, pks=[listing.pk])
    market = market_of(homes_for(lead.tenant))
    matches = engine.match(homes, wanted.wants, wanted.weights, market=market)
    return _fit(listing, 1, 0, homes, matches, wanted.wants, market)


def why_not(lead: Lead, listing: Listing) -> advice.WhyNot:
    """Return what keeps a home from a lead's list, or costs it points."""
    wanted = wanted_by(lead)
    homes = homes_among(lead.tenant, pks=[listing.pk])
    market = market_of(homes_for(lead.tenant))
    matches = engine.match(homes, wanted.wants, wanted.weights, market=market)
    return advice.why_not(homes, matches, 0, wanted.wants, market=market)


def relaxations_of(lead: Lead, fits: Fits) -> tuple[advice.Relaxation, ...]:
    """Return every limit whose move opens homes, with exact counts over the homes on the market."""
    return advice.relaxations(
        fits.homes,
        fits.wanted.wants,
        fits.wanted.weights,
        market=market_of(fits.homes),
        matches=fits.matches,
    )


def observations_of(lead: Lead, wanted: Wanted) -> tuple[observations.Observation, ...]:
    """Return what the homes a lead saved say otherwise than the lead, but for what was answered already."""
    saved = homes_among(lead.tenant, keys=keys_of(lead, (Kind.LISTING_SAVED,)))
    answered = wanted.criteria.answers if wanted.criteria is not None else {}
    found = observations.observed(wanted.wants, saved, homes_for(lead.tenant))
    return tuple(one for one in found if one.key not in answered)


def best_saved(lead: Lead, fits: Fits) -> tuple[Listing, Values] | None:
    """Return the saved home still for sale that fits best, and its contributions (15,)."""
    rows = fits.homes.rows_of(list(_listing_ids(lead.tenant, keys_of(lead, (Kind.LISTING_SAVED,)))))
    rows = rows[~fits.matches.excluded[rows]]
    if not rows.size:
        return None
    row = rows[engine.best(fits.matches.totals[rows], fits.homes.pk[rows], 1)[0]]
    listing = Listing.objects.get(pk=int(fits.homes.pk[row]))
    return listing, fits.matches.contributions([row])[:, 0]


def household_of(lead: Lead, wanted: Wanted, homes: Homes) -> household.Shared | None:
    """Return how homes suit the persons of a lead's household; none where the lead looks alone."""
    if wanted.criteria is None or wanted.criteria.household_id is None:
        return None
    rows = Criteria.objects.filter(household_id=wanted.criteria.household_id).select_related("lead")
    rows = rows.filter(lead__status=Lead.Status.ACTIVE).order_by("pk")
    people = []
    for row in rows:
        each = wanted_of(row)
        people.append(household.Person(row.lead.name, each.wants, each.weights))
    return household.shared(homes, people, market=market_of(homes)) if len(people) > 1 else None


def buyers_of(listing: Listing, *, count: int = MOST_BUYERS) -> tuple[list[BuyerFit], int]:
    """Return the leads a home suits best, and how many leads look for a home at all."""
    home = homes_among(listing.tenant, pks=[listing.pk])
    market = market_of(homes_for(listing.tenant))
    rows = Criteria.objects.filter(tenant_id=listing.tenant_id, lead__status=Lead.Status.ACTIVE)
    found = []
    looking = 0
    for criteria in rows.select_related("lead", "lead__assigned_to").order_by("pk").iterator(chunk_size=500):
        looking += 1
        wanted = wanted_of(criteria)
        matches = engine.match(home, wanted.wants, wanted.weights, market=market)
        if not matches.excluded[0]:
            found.append((float(matches.totals[0]), criteria, wanted, matches))
    found.sort(key=lambda one: (-round(one[0] / engine.EVEN), one[1].lead_id))
    return [
        BuyerFit(
            criteria.lead,
            total,
            float(matches.coverage[0]),
            explained(home, matches, 0, wanted.wants, market=market),
        )
        for total, criteria, wanted, matches in found[:count]
    ], looking


def keys_of(lead: Lead, kinds: Iterable[Kind]) -> list[str]:
    """Return the names of homes a lead did one of these with, the last first; unsaved is not saved."""
    kinds = tuple(kinds)
    told = (*kinds, Kind.LISTING_UNSAVED) if Kind.LISTING_SAVED in kinds else kinds
    rows = Event.objects.filter(tenant_id=lead.tenant_id, lead=lead, kind__in=told)
    kept: dict[str, bool] = {}
    for kind, data in rows.order_by("-occurred_at", "-pk").values_list("kind", "data"):
        key = home_named(data)
        if key and key not in kept:
            kept[key] = kind != Kind.LISTING_UNSAVED
    return [key for key, is_kept in kept.items() if is_kept]


def dismissed_by(lead: Lead) -> list[int]:
    """Return the listings a lead dismissed and did not save since."""
    rows = Event.objects.filter(
        tenant_id=lead.tenant_id, lead=lead, kind__in=(Kind.LISTING_DISMISSED, Kind.LISTING_SAVED)
    )
    latest: dict[str, str] = {}
    for kind, data in rows.order_by("occurred_at", "pk").values_list("kind", "data"):
        latest[home_named(data)] = kind
    keys = [key for key, kind in latest.items() if key and kind == Kind.LISTING_DISMISSED]
    return list(_listing_ids(lead.tenant, keys))


def _listing_ids(tenant: Tenant, keys: Sequence[str]) -> Iterable[int]:
    return Listing.objects.for_tenant(tenant).named(keys).values_list("pk", flat=True)


def _explored(homes: Homes, wanted: Wanted, market: Market, seed: int) -> Values | None:
    """Return totals under weights drawn from what is believed of the buyer; none before anything is."""
    if wanted.belief is None:
        return None
    drawn = preferences.drawn(wanted.belief, seed)
    return engine.match(homes, wanted.wants, drawn, market=market).totals


def _fit(
    listing: Listing,
    rank: int,
    row: int,
    homes: Homes,
    matches: Matches,
    wants: Wants,
    market: Market,
    *,
    is_explored: bool = False,
) -> Fit:
    home = homes.take([row])
    points = 100.0 * matches.contributions([row])[:, 0]
    parts = [
        Part(
            name,
            NAMES[name],
            float(matches.shares[number]),
            float(matches.scores[number, row]),
            float(points[number]),
            fact(name, home, wants, market=market),
            bool(matches.known[number, row]),
        )
        for number, name in enumerate(FACTORS)
    ]
    return Fit(
        listing,
        rank,
        float(matches.totals[row]),
        float(matches.coverage[row]),
        explained(homes, matches, row, wants, market=market),
        tuple(parts),
        is_explored,
    )


def eligible_pks(homes: Homes, open_to: Flags) -> list[int]:
    """Return the listings that break no must."""
    pks: list[int] = homes.pk[open_to].tolist()
    return pks
