"""The picture of a listing: its first photo that is at hand, else the drawn one."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from matching.listings import artwork
from matching.listings.display import media_for_clients
from matching.models import Listing, Media


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is sent, and what tells it from others."""

    content: bytes
    content_type: str
    mark: str


def photos_of(listing: Listing, *, for_clients: bool) -> list[Media]:
    """Return a listing's photos in their order, the preferred one first, without their contents."""
    rows = list(listing.media.filter(media_category__in=("", "Photo")).defer("content"))
    rows.sort(key=lambda row: (row.preferred_photo_yn is not True, row.order, row.pk))
    return media_for_clients(rows) if for_clients else rows


def picture_of(listing: Listing, *, for_clients: bool) -> Picture:
    """Return the first photo we hold, else what is drawn."""
    for photo in photos_of(listing, for_clients=for_clients):
        if photo.content_type and (held := photo_picture(photo)) is not None:
            return held
    return drawn_picture(listing)


def photo_picture(photo: Media) -> Picture | None:
    """Return a photo we hold; None when it is only an address so far."""
    content = bytes(photo.content)
    if not content:
        return None
    return Picture(content, photo.content_type, f"{photo.pk}-{sha256(content).hexdigest()[:16]}")


def drawn_picture(listing: Listing) -> Picture:
    svg = artwork.drawing(listing.pk, listing.property_sub_type, listing.property_type)
    mark = f"drawn-{artwork.VERSION}-{listing.pk}-{listing.property_sub_type}-{listing.property_type}"
    return Picture(svg.encode(), "image/svg+xml", sha256(mark.encode()).hexdigest()[:20])
