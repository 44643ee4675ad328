"""A home that came on the market or changed finds its buyers at once: saved searches, and who saved it."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from leads.events import Kind
from leads.models import Event, Lead, Membership, Role, Tenant
from leads.services.events import NewEvent, record_events
from leads.services.notifications import NewNotification, notify
from matching import engine
from matching.factors import Market
from matching.homes import Homes
from matching.models import Listing, Match, SavedSearch, StandardStatus
from matching.models.listings import ON_MARKET
from matching.named import NAMES
from matching.reasons import explained
from matching.searches import Searches, searches_hit, searches_of
from matching.selectors.fits import market_of
from matching.selectors.homes import homes_among, homes_for
from matching.wants import Wants, wants_of

MOST_TENANTS = 8
SAVED_SPAN = timedelta(days=365)
WAITS = {SavedSearch.Frequency.DAILY: timedelta(days=1), SavedSearch.Frequency.WEEKLY: timedelta(days=7)}
WHY_WORDS: Mapping[str, str] = {
    Match.Why.NEW: "new on the market",
    Match.Why.PRICE: "price cut",
    Match.Why.BACK: "back on the market",
    Match.Why.CHANGED: "changed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A home that may fit somebody now, and why."""

    listing_id: int
    why: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A tenant's saved searches as columns; rows and wants in the same order."""

    mark: tuple[Any, ...]
    rows: tuple[SavedSearch, ...]
    wants: tuple[Wants, ...]
    searches: Searches


_compiled: OrderedDict[int, _Compiled] = OrderedDict()
_lock = Lock()


def find_buyers(*, event_id: int) -> int:
    """Match every home an event tells of with the tenant's saved searches; return how many matches are new.

    Told again, an event makes none.
    """
    event = Event.objects.select_related("tenant").get(pk=event_id)
    changes = {change.listing_id: change for change in changes_of(event)}
    if not changes:
        return 0
    tenant = event.tenant
    homes = homes_among(tenant, pks=sorted(changes))
    listings = Listing.objects.for_tenant(tenant).displayable().in_bulk([int(pk) for pk in homes.pk])
    market = market_of(homes_for(tenant))
    found = 0
    for row, pk in enumerate(homes.pk.tolist()):
        listing = listings.get(pk)
        if listing is not None and listing.standard_status in ON_MARKET:
            found += _tell_of(event, changes[pk], listing, homes.take([row]), market)
    return found


def changes_of(event: Event) -> list[Change]:
    """Return what an event says of homes that may fit somebody now: new, cheaper, back, otherwise changed."""
    if event.kind == Kind.LISTING_ADDED:
        return [Change(int(pk), Match.Why.NEW) for pk in event.data.get("listing_ids", ())]
    return [change for told in event.data.get("listings", ()) if (change := _change(told)) is not None]


def _change(told: Mapping[str, Any]) -> Change | None:
    old, new = told.get("price") or (None, None)
    before, after = told.get("status") or ("", "")
    if after and after in ON_MARKET and before not in (*ON_MARKET, StandardStatus.INCOMPLETE):
        return Change(int(told["id"]), Match.Why.BACK)
    if after == StandardStatus.ACTIVE and before in (StandardStatus.COMING_SOON, StandardStatus.INCOMPLETE):
        return Change(int(told["id"]), Match.Why.NEW)
    if old is not None and new is not None and new < old:
        return Change(int(told["id"]), Match.Why.PRICE, f"from ${old:,.0f} to ${new:,.0f}")
    if old is None and new is not None:
        return Change(int(told["id"]), Match.Why.CHANGED, f"now at ${new:,.0f}")
    return None


@transaction.atomic
def _tell_of(event: Event, change: Change, listing: Listing, home: Homes, market: Market) -> int:
    """Keep whom one home fits now, note it in their timelines, and tell those who want to know at once."""
    compiled = _searches(event.tenant)
    hits = searches_hit(home, compiled.searches, market=market)
    chosen: dict[int, tuple[SavedSearch | None, Wants]] = {}
    for search, wants, hit in zip(compiled.rows, compiled.wants, hits, strict=True):
        if hit and (search.lead_id not in chosen or _is_sooner(search, chosen[search.lead_id][0])):
            chosen[search.lead_id] = (search, wants)
    if change.why in (Match.Why.PRICE, Match.Why.BACK):
        for lead_id in _savers(listing):
            chosen.setdefault(lead_id, (None, Wants()))
    if not chosen:
        return 0
    leads = Lead.objects.active().for_tenant(event.tenant).in_bulk(chosen)
    now = timezone.now()
    matches = [
        _match(event, change, listing, leads[pk], search, wants, home, market, now)
        for pk, (search, wants) in sorted(chosen.items())
        if pk in leads
    ]
    known = set(
        Match.objects.filter(listing=listing, change_key=_key(event)).values_list("lead_id", flat=True)
    )
    fresh = [match for match in matches if match.lead_id not in known]
    Match.objects.bulk_create(fresh, ignore_conflicts=True)
    record_events(events=[_event(match, listing, now) for match in fresh])
    _schedule([match for match in fresh if match.told_at is None], now)
    _notify([match for match in fresh if match.told_at is not None], listing, leads)
    return len(fresh)


def _is_sooner(search: SavedSearch, other: SavedSearch | None) -> bool:
    """Tell whether a search is told of before another of the same lead."""
    order = list(SavedSearch.Frequency.values)
    return other is None or order.index(search.frequency) < order.index(other.frequency)


def _match(
    event: Event,
    change: Change,
    listing: Listing,
    lead: Lead,
    search: SavedSearch | None,
    wants: Wants,
    home: Homes,
    market: Market,
    now: datetime,
) -> Match:
    matches = engine.match(home, wants, market=market)
    why = explained(home, matches, 0, wants, market=market).sentence() if search is not None else ""
    words = " ".join(part for part in (WHY_WORDS[change.why], change.words) if part)
    is_instant = search is None or search.frequency == SavedSearch.Frequency.INSTANT
    return Match(
        tenant_id=lead.tenant_id,
        lead=lead,
        listing=listing,
        saved_search=search,
        why=change.why,
        score=100.0 * float(matches.totals[0]),
        coverage=float(matches.coverage[0]),
        words=f"{words[:1].upper()}{words[1:]}. {why}"[:300].strip(),
        matched_at=now,
        told_at=now if is_instant else None,
        change_key=_key(event),
    )


def _key(event: Event) -> str:
    return f"event:{event.pk}"


def _event(match: Match, listing: Listing, now: datetime) -> NewEvent:
    return NewEvent(
        tenant_id=match.tenant_id,
        lead_id=match.lead_id,
        kind=Kind.LISTING_MATCHED,
        occurred_at=now,
        data={
            "listing_key": listing.listing_key,
            "listing_id": listing.pk,
            "why": match.why,
            "score": round(match.score, 1),
            "saved_search_id": match.saved_search_id,
            "words": match.words,
        },
        dedupe_key=f"match:{match.lead_id}:{listing.pk}:{match.change_key}",
    )


def _savers(listing: Listing) -> list[int]:
    """Return the leads who saved a home within a year and did not take it off since."""
    rows = Event.objects.filter(
        tenant_id=listing.tenant_id,
        kind__in=(Kind.LISTING_SAVED, Kind.LISTING_UNSAVED, Kind.LISTING_DISMISSED),
        occurred_at__gt=timezone.now() - SAVED_SPAN,
        lead__isnull=False,
    )
    called = {name for name in (listing.listing_key, listing.listing_id) if name}
    rows = rows.annotate(home=Coalesce(*(KT(f"data__{name}") for name in NAMES))).filter(home__in=called)
    latest = dict(rows.order_by("occurred_at", "pk").values_list("lead_id", "kind"))
    return sorted(pk for pk, kind in latest.items() if pk is not None and kind == Kind.LISTING_SAVED)


def _searches(tenant: Tenant) -> _Compiled:
    """Return a tenant's saved searches as columns, made anew when one was changed, added or removed."""
    rows = SavedSearch.objects.filter(tenant=tenant, lead__status=Lead.Status.ACTIVE)
    rows = rows.exclude(frequency=SavedSearch.Frequency.OFF)
    told = rows.aggregate(count=Count("pk"), newest=Max("changed_at"), last=Max("pk"))
    mark = (told["count"], told["newest"], told["last"])
    with _lock:
        kept = _compiled.get(tenant.pk)
        if kept is None or kept.mark != mark:
            searches = tuple(rows.order_by("pk"))
            wants = tuple(wants_of(search.wants).as_filter() for search in searches)
            kept = _compiled[tenant.pk] = _Compiled(mark, searches, wants, searches_of(wants))
        _compiled.move_to_end(tenant.pk)
        while len(_compiled) > MOST_TENANTS:
            _compiled.popitem(last=False)
        return kept


def _schedule(matches: Sequence[Match], now: datetime) -> None:
    """Set when searches with something to tell are told of: a day or a week after the last time."""
    for frequency, wait in WAITS.items():
        due = {match.saved_search_id or 0 for match in matches if _frequency(match) == frequency}
        rows = SavedSearch.objects.filter(pk__in=due, due_at__isnull=True)
        for pk, told_at in rows.values_list("pk", "told_at"):
            next_at = now if told_at is None else max(now, told_at + wait)
            SavedSearch.objects.filter(pk=pk, due_at__isnull=True).update(due_at=next_at)


def _frequency(match: Match) -> str:
    return match.saved_search.frequency if match.saved_search is not None else ""


def _notify(matches: Sequence[Match], listing: Listing, leads: Mapping[int, Lead]) -> None:
    """Tell the agents of these leads once a home, and the leads who have a portal of their own."""
    if not matches:
        return
    place = listing.unparsed_address or f"MLS {listing.listing_id or listing.listing_key}"
    words = WHY_WORDS[matches[0].why]
    counts: dict[int, int] = defaultdict(int)
    for match in matches:
        agent = leads[match.lead_id].assigned_to_id
        if agent is not None:
            counts[agent] += 1
    url = reverse("matching:listing-buyers", args=[listing.pk])
    fresh = [
        NewNotification(listing.tenant_id, agent, f"{place} ({words}) fits {_buyers(count)}"[:200], url)
        for agent, count in sorted(counts.items())
    ]
    shown = place if listing.shows_address else f"A home in {listing.city or 'your area'}"
    fresh += [
        NewNotification(listing.tenant_id, user, f"{shown}: {words}"[:200])
        for user in _portal_users(listing.tenant_id, [match.lead_id for match in matches])
    ]
    notify(notifications=fresh)


def _buyers(count: int) -> str:
    return f"{count} of your buyers" if count > 1 else "a buyer of yours"


def _portal_users(tenant_id: int, leads: Sequence[int]) -> list[int]:
    rows = Membership.objects.filter(
        tenant_id=tenant_id, role=Role.BUYER, is_active=True, lead_id__in=leads, user__is_active=True
    )
    return list(rows.order_by("pk").values_list("user_id", flat=True))


def searches_to_tell(*, now: datetime) -> list[int]:
    """Return the daily and weekly searches that have something to tell by now."""
    due = SavedSearch.objects.filter(due_at__lte=now).order_by("due_at")
    return list(due.values_list("pk", flat=True)[:1_000])


@transaction.atomic
def tell_search(*, search_id: int, now: datetime) -> int:
    """Tell what a daily or weekly search found since the last time; return how many homes. Told once."""
    search = SavedSearch.objects.select_for_update().filter(pk=search_id, due_at__lte=now).first()
    if search is None:
        return 0
    search.due_at, search.told_at = None, now
    search.save(update_fields=["due_at", "told_at"])
    found = Match.objects.filter(saved_search=search, told_at__isnull=True).order_by("pk")
    homes = found.values("listing_id").distinct().count()
    found.update(told_at=now)
    lead = Lead.objects.active().filter(pk=search.lead_id).first()
    if not homes or lead is None or search.frequency == SavedSearch.Frequency.OFF:
        return 0
    told = f"{homes} home{'s' if homes != 1 else ''} found by a saved search"
    fresh = [
        NewNotification(search.tenant_id, user, f"{told}: {search.name}"[:200])
        for user in _portal_users(search.tenant_id, [search.lead_id])
    ]
    if lead.assigned_to_id is not None:
        url = reverse("leads:lead-detail", args=[lead.pk])
        fresh.append(
            NewNotification(search.tenant_id, lead.assigned_to_id, f"{told} of a buyer of yours", url)
        )
    notify(notifications=fresh)
    return homes
