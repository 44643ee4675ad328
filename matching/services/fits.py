"""Keep what an agent was shown of a lead's homes, and what the lead said of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import transaction

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, Lead, User
from leads.services.events import record_event
from matching.models import Listing, Ranking, Surface
from matching.reasons import NAMES
from matching.selectors.fits import Fit, Fits, eligible_pks
from matching.selectors.homes import postal_codes
from matching.services.fairness import Eligible, eligible_by_area, record_exposures


def record_shown(*, lead: Lead, fits: Fits, rows: Sequence[Fit], now: datetime) -> Ranking | None:
    """Keep which homes were put before the agent of a lead; the same list counts once a day."""
    wants = fits.wanted.wants
    return record_exposures(
        lead=lead,
        surface=Surface.PANEL,
        listing_ids=[fit.listing.pk for fit in rows],
        eligible=lambda: _eligible(lead, fits),
        now=now,
        version=fits.wanted.version,
        sets_schools=wants.says("schools"),
        sets_safety=wants.says("safety"),
    )


def _eligible(lead: Lead, fits: Fits) -> Eligible:
    open_to = ~fits.matches.excluded
    names = np.array([*fits.homes.neighborhoods, ""], dtype=object)
    return eligible_by_area(
        postal_codes=postal_codes(lead.tenant, eligible_pks(fits.homes, open_to)),
        neighborhoods=names[fits.homes.neighborhood[open_to]],
    )


@transaction.atomic
def rule_out(*, lead: Lead, listing: Listing, reason: str, by: User, now: datetime) -> Event:
    """Record that a lead told its agent not to want a home, and over which factor; "" is not said.

    Only the lead's own word counts as theirs: what an agent thinks of a home is no behaviour of the lead.
    """
    if reason and reason not in NAMES:
        raise DomainError("Choose one of the reasons, or none.", "reason")
    address = listing.unparsed_address or f"MLS {listing.listing_id}"
    event = record_event(
        tenant=lead.tenant,
        lead=lead,
        kind=Kind.LISTING_DISMISSED,
        occurred_at=now,
        data={
            "listing_key": listing.listing_key,
            "address": address,
            "reason": reason,
            "words": f"{address}: {NAMES[reason] if reason else 'no reason given'}, as told to the agent",
            "told_to_agent": True,
        },
        actor_id=by.pk,
    )
    assert event is not None  # without a key nothing is a repeat
    return event
