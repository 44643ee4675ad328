"""What a client may see of a listing: the MLS's display rules, in one place for pages and programs.

Private remarks, the fields kept in `private` and `other`, and offers of compensation are never part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

ADDRESS_WITHHELD = "Address withheld by the seller"
ROUGH_DEGREES = 2
"""Places of a masked pin: about half a mile."""

HIDDEN_STATUSES = frozenset({"Delete", "Incomplete"})
OPEN_TO_CLIENTS = frozenset({"Public", "IDX", "VOW"})
NON_DISCLOSURE = frozenset({"AK", "ID", "KS", "LA", "MS", "MO", "MT", "NM", "ND", "TX", "UT", "WY"})
"""States in which what a home sold for is not public."""


class Medium(Protocol):
    """What of a photo decides who may see it."""

    permission: list[str]
    media_alteration: str


M = TypeVar("M", bound=Medium)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing is, as exactly as may be told."""

    address: str
    city: str
    state: str
    postal_code: str
    latitude: float | None
    longitude: float | None
    is_exact: bool

    @property
    def line(self) -> str:
        """Return it as one line."""
        region = " ".join(part for part in (self.state, self.postal_code) if part)
        return ", ".join(part for part in (self.address, self.city, region) if part)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose listing it is and where it is from; shown wherever the listing is."""

    office: str
    agent: str
    contact: str
    source: str
    updated_at: datetime
    disclaimer: str = ""

    @property
    def line(self) -> str:
        """Return it as one line, without the disclaimer."""
        by = ", ".join(part for part in (self.agent, self.office, self.contact) if part)
        parts = [f"Listed by {by}" if by else "", f"Source: {self.source}" if self.source else ""]
        return " · ".join([part for part in parts if part] + [f"Updated {self.updated_at:%b %-d, %Y}"])


@dataclass(frozen=True, slots=True)
class Shown:
    """A listing as a client may see it."""

    place: Place
    attribution: Attribution
    remarks: str
    close_price: Decimal | None
    may_value: bool
    may_comment: bool


def is_shown(listing: Any) -> bool:
    """Tell whether clients may see a listing at all."""
    office = listing.list_office if listing.list_office_id is not None else None
    return (
        listing.internet_entire_listing_display_yn is not False
        and listing.standard_status not in HIDDEN_STATUSES
        and (office is None or office.is_in_idx is not False)
    )


def shown(listing: Any) -> Shown | None:
    """Return a listing as a client may see it; None where they may not see it at all."""
    if not is_shown(listing):
        return None
    return Shown(
        place=place_of(listing),
        attribution=attribution_of(listing),
        remarks=remarks_of(listing),
        close_price=close_price_of(listing),
        may_value=listing.internet_automated_valuation_display_yn is not False,
        may_comment=listing.internet_consumer_comment_yn is not False,
    )


def place_of(listing: Any) -> Place:
    """Return where a listing is; of one whose address is withheld the pin is rounded, too."""
    exact = listing.internet_address_display_yn is not False
    address = listing.unparsed_address if exact else ADDRESS_WITHHELD
    return Place(
        address=address,
        city=listing.city,
        state=listing.state_or_province,
        postal_code=listing.postal_code,
        latitude=_pin(listing.latitude, exact=exact),
        longitude=_pin(listing.longitude, exact=exact),
        is_exact=exact,
    )


def _pin(degrees: float | None, *, exact: bool) -> float | None:
    return degrees if exact or degrees is None else round(degrees, ROUGH_DEGREES)


def remarks_of(listing: Any) -> str:
    """Return the public remarks; where the address is withheld they do not name it either."""
    text: str = listing.public_remarks
    street = listing.unparsed_address.split(",")[0].split("#")[0].strip()
    if listing.internet_address_display_yn is not False or len(street) < 5:
        return text
    spaced = r"\s+".join(re.escape(word) for word in street.split())
    return re.sub(spaced, "(address withheld)", text, flags=re.IGNORECASE)


def attribution_of(listing: Any) -> Attribution:
    """Return whose listing it is; needs its feed for the MLS's name and disclaimer."""
    feed = listing.feed if listing.feed_id is not None else None
    return Attribution(
        office=listing.list_office_name,
        agent=listing.list_agent_full_name,
        contact=listing.attribution_contact or listing.list_office_phone,
        source=listing.originating_system_name or (feed.name if feed is not None else ""),
        updated_at=listing.modification_timestamp,
        disclaimer=feed.disclaimer if feed is not None else "",
    )


def close_price_of(listing: Any) -> Decimal | None:
    """Return what a home sold for, once it is closed and where that is public."""
    is_open = listing.standard_status == "Closed" and listing.state_or_province not in NON_DISCLOSURE
    price: Decimal | None = listing.close_price
    return price if is_open else None


def may_see_medium(medium: Medium) -> bool:
    """Tell whether clients may see a photo, plan or tour."""
    return not medium.permission or bool(OPEN_TO_CLIENTS & set(medium.permission))


def media_for_clients(media: Iterable[M]) -> list[M]:
    """Return the media clients may see."""
    return [medium for medium in media if may_see_medium(medium)]
