"""Find a listing by what an agent types: its MLS number, else a part of its address."""

from __future__ import annotations

from django.db.models import Q

from matching.models import Listing
from matching.models.listings import ListingQuerySet
from matching.selectors.listings import with_words


def listings_named(listings: ListingQuerySet, text: str, *, rows: int) -> list[Listing]:
    """Return the listings of a number; where there is none, those whose address has these words."""
    typed = " ".join(text.split())
    if not typed:
        return []
    numbers = {typed, typed.upper(), typed.removeprefix("#"), typed.upper().removeprefix("MLS ")}
    exact = list(
        listings.filter(Q(listing_id__in=numbers) | Q(listing_key__in=numbers)).order_by("-pk")[:rows]
    )
    if exact:
        return exact
    if named := list(with_words(listings, typed).order_by("standard_status", "-pk")[:rows]):
        return named
    words = listings
    for word in typed.split():
        words = words.filter(Q(unparsed_address__icontains=word) | Q(city__iexact=word) | Q(postal_code=word))
    return list(words.order_by("standard_status", "-pk")[:rows])
