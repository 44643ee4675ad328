"""Try buyers under other names, languages and phone areas: what homes they are shown may not change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from leads.models import Lead, Tenant, User
from matching import inputs
from matching.models import Counterfactual, Criteria, Listing
from matching.selectors import fits
from matching.wants import WantsError

BUYERS = 25
"""Buyers tried, the latest to say what they look for; a random few would not be tried twice alike."""

Swap = Callable[[Lead], None]


def _rename(lead: Lead) -> None:
    lead.first_name, lead.last_name = "Lakisha", "Washington-Nguyen"
    lead.email = "lakisha.washington-nguyen@example.com"


def _respeak(lead: Lead) -> None:
    lead.profile = {**lead.profile, "language": "es", "preferred_language": "Spanish"}
    lead.custom = {**lead.custom, "language": "es", "preferred_language": "Spanish"}


def _move_phone(lead: Lead) -> None:
    lead.phone = "+13135550123"
    lead.city, lead.state, lead.postal_code, lead.address = "Detroit", "MI", "48201", "1 Woodward Avenue"


SWAPS: dict[str, Swap] = {"name": _rename, "language": _respeak, "phone_area_and_address": _move_phone}


@dataclass(frozen=True, slots=True)
class _Difference:
    largest: float
    moved: int


def may_try(tenant: Tenant) -> bool:
    """Tell whether there is a buyer with criteria and a home for sale to try it with."""
    has_homes = Listing.objects.for_tenant(tenant).on_market().exists()
    return has_homes and Criteria.objects.filter(tenant=tenant).exists()


def try_other_names(
    *, tenant: Tenant, by: User | None, now: datetime, buyers: int = BUYERS
) -> Counterfactual | None:
    """Rank homes for buyers as they are and as somebody else, as every list is ranked; keep what moved.

    A score has moved when it is another number, a home when it stands elsewhere in the list or not at all.
    None where there is nobody to try it with.
    """
    largest, moved, tried, homes, version = dict.fromkeys(SWAPS, 0.0), 0, 0, 0, ""
    latest = (
        Criteria.objects.filter(tenant=tenant).select_related("lead__tenant").order_by("-changed_at", "-pk")
    )
    for criteria in latest[:buyers]:
        try:
            before = fits.fits_of(criteria.lead, now=now)
        except WantsError:
            continue  # criteria that cannot be read rank nothing, under no name
        tried, homes, version = tried + 1, before.among, before.wanted.version
        for what, swap in SWAPS.items():
            other = copy.deepcopy(criteria.lead)
            swap(other)
            found = _difference(before, fits.fits_of(other, now=now))
            largest[what] = max(largest[what], found.largest)
            moved += found.moved
    if not tried or not homes:
        return None
    return Counterfactual.objects.create(
        tenant=tenant,
        by=by,
        version=version,
        features=inputs.digest(),
        buyers=tried,
        listings=homes,
        swaps=largest,
        moved=moved,
        ran_at=now,
    )


def _difference(one: fits.Fits, other: fits.Fits) -> _Difference:
    """Return the largest difference of a total, and how many totals and places in the list are others."""
    gaps = np.abs(one.matches.totals - other.matches.totals)
    barred = one.matches.excluded != other.matches.excluded
    places = [(row.listing.pk, row.rank) for row in one.rows]
    others = {(row.listing.pk, row.rank) for row in other.rows}
    return _Difference(
        float(gaps.max(initial=0.0)),
        int(((gaps > 0) | barred).sum()) + sum(place not in others for place in places),
    )
