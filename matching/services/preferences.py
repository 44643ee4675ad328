"""Learn what a buyer cares about from what they do with homes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from leads.events import Kind
from leads.models import Event, Lead
from matching import preferences
from matching.engine import factor_scores
from matching.factors import NO_MARKET
from matching.models import Criteria, Exposure, Listing, Surface
from matching.named import home_named
from matching.preferences import Signal
from matching.selectors.fits import market_of
from matching.selectors.homes import homes_among, homes_for
from matching.wants import FACTORS, wants_of

LEARNED: Mapping[str, str] = {
    Kind.LISTING_VIEWED: "view",
    Kind.LISTING_SAVED: "save",
    Kind.LISTING_UNSAVED: "unsave",
    Kind.LISTING_SHARED: "share",
    Kind.LISTING_DISMISSED: "dismiss",
    Kind.SHOWING_REQUESTED: "tour_request",
}
"""Kinds of events that tell what a buyer cares about, as the signals the engine knows."""

LONG_VIEW = 60.0
MANY_PHOTOS = 0.8
BATCH = 500


def learn_from(*, event_ids: Sequence[int]) -> int:
    """Learn of the buyers these events are about; return of how many. A repeat changes nothing."""
    leads = Event.objects.filter(pk__in=event_ids, kind__in=LEARNED, lead__isnull=False)
    known = Criteria.objects.filter(lead__in=leads.values("lead"), lead__status=Lead.Status.ACTIVE)
    count = 0
    for pk in known.order_by("pk").values_list("pk", flat=True):
        count += _learn(pk)
    return count


@transaction.atomic
def _learn(pk: int) -> int:
    """Go on from the last event that was learned from, in the order in which they came."""
    criteria = Criteria.objects.select_for_update(of=("self",)).select_related("lead__tenant").get(pk=pk)
    events = list(
        Event.objects.filter(
            tenant_id=criteria.tenant_id,
            lead_id=criteria.lead_id,
            kind__in=LEARNED,
            pk__gt=criteria.learned_event_id,
        ).order_by("pk")[:BATCH]
    )
    if not events:
        return 0
    wants = wants_of(criteria.wants)
    belief = (
        preferences.restated(preferences.posterior_of(criteria.learned), wants.weights())
        if criteria.learned
        else preferences.prior(wants.weights(), events[0].occurred_at)
    )
    for signal in _signals(criteria, events):
        belief = preferences.learned(belief, signal)
    criteria.learned = belief.as_json()
    criteria.learned_event_id = events[-1].pk
    criteria.save(update_fields=["learned", "learned_event_id"])
    return 1


def _signals(criteria: Criteria, events: Iterable[Event]) -> list[Signal]:
    """Return what each event tells; of a home that is not known, nothing."""
    events = [event for event in events if home_named(event.data)]
    tenant, wants = criteria.lead.tenant, wants_of(criteria.wants)
    names = {home_named(event.data) for event in events}
    homes = homes_among(tenant, keys=sorted(names))
    rows = {pk: row for row, pk in enumerate(homes.pk.tolist())}
    known = Listing.objects.filter(pk__in=rows).values_list("listing_id", "listing_key", "pk")
    named = {name: pk for number, key, pk in known for name in (number, key) if name}
    market = market_of(homes_for(tenant)) if rows else NO_MARKET
    scores, _ = factor_scores(homes, wants, [True] * len(FACTORS), market=market)
    found = []
    for event in events:
        pk = named.get(home_named(event.data))
        if pk is not None:
            found.append(
                Signal(
                    _kind(event),
                    scores[:, rows[pk]],
                    event.occurred_at,
                    rank=_rank(criteria.lead_id, pk, event.occurred_at),
                    reason=_reason(event.data),
                )
            )
    return found


def _kind(event: Event) -> str:
    """Return the signal of an event; a view is more, the longer it was."""
    if event.kind == Kind.LISTING_VIEWED:
        if _number(event.data.get("seconds")) >= LONG_VIEW:
            return "view_over_60s"
        if _number(event.data.get("photos_share")) >= MANY_PHOTOS:
            return "photo_gallery_80pct"
    return LEARNED[event.kind]


def _reason(data: Mapping[str, Any]) -> str | None:
    """Return the factor a dismissal was about."""
    return str(data["reason"]) if data.get("reason") in FACTORS else None


def _rank(lead_id: int, listing_id: int, at: datetime) -> int | None:
    """Return the place at which the lead was last shown the home before; the agent's lists are not theirs."""
    shown = Exposure.objects.filter(lead_id=lead_id, listing_id=listing_id, shown_at__lte=at)
    shown = shown.exclude(surface=Surface.PANEL)
    return shown.order_by("-shown_at").values_list("rank", flat=True).first()


def _number(value: Any) -> float:
    """Return a figure that came as one or as text; nothing else counts."""
    if isinstance(value, bool):
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
