from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from leads.models import Tenant
from matching.listings import artwork
from matching.listings.pictures import MAX_BYTES, PictureRefused, picture_type
from matching.models import Media
from tests.matching.factories import ListingFactory
from tests.matching.photos import JPEG, PNG, WEBP


@pytest.mark.parametrize(
    ("content", "expected"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]
)
def test_pictures_are_known_by_their_content(content: bytes, expected: str) -> None:
    assert picture_type(content) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<svg onload='x()'/>", "no JPEG, PNG or WebP"),
        (b"GIF89a....", "no JPEG, PNG or WebP"),
        (PNG[:30], "cut short"),
        (JPEG[:-2], "cut short"),
        (WEBP[:12] + b"x", "cut short"),
        (JPEG + b"\0" * MAX_BYTES, "larger than 8 MB"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(PictureRefused, match=said):
        picture_type(content)


@pytest.mark.parametrize(
    ("sub_type", "property_type"),
    [("", ""), *((name, "Residential") for name in artwork._BY_TYPE), ("", "Land"), ("Yurt", "Residential")],
)
def test_a_drawing_is_whole_and_always_the_same(sub_type: str, property_type: str) -> None:
    first = artwork.drawing(7, sub_type, property_type)
    artwork.drawing.cache_clear()

    assert artwork.drawing(7, sub_type, property_type) == first
    assert ElementTree.fromstring(first).get("viewBox") == "0 0 640 400"
    assert len(first) < 20_000
    assert "<script" not in first
    assert "style=" not in first


def test_drawings_differ() -> None:
    assert len({artwork.drawing(number, "Single Family Residence") for number in range(50)}) == 50


@pytest.mark.django_db
def test_a_listing_without_photos_is_drawn_and_cached(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant)
    url = reverse("pictures:listing", args=[listing.pk])

    answer = agent_client.get(url)

    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "private, max-age=86400"
    assert answer.content.decode() == artwork.drawing(listing.pk, "Single Family Residence", "Residential")
    again = agent_client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
def test_the_preferred_photo_is_the_picture(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant)
    Media.objects.create(listing=listing, media_key="a", content=JPEG, content_type="image/jpeg", order=0)
    best = Media.objects.create(
        listing=listing,
        media_key="b",
        content=PNG,
        content_type="image/png",
        order=5,
        preferred_photo_yn=True,
    )

    answer = agent_client.get(reverse("pictures:listing", args=[listing.pk]))

    assert (answer.headers["Content-Type"], answer.content) == ("image/png", PNG)
    assert agent_client.get(reverse("pictures:photo", args=[listing.pk, best.pk])).content == PNG


@pytest.mark.django_db
def test_a_photo_that_is_only_an_address_is_drawn_for_now(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant)
    photo = Media.objects.create(listing=listing, media_key="a", media_url="https://img.example.com/1.jpg")

    answer = agent_client.get(reverse("pictures:photo", args=[listing.pk, photo.pk]))

    assert answer.headers["Content-Type"] == "image/svg+xml"


@pytest.mark.django_db
def test_clients_see_what_may_be_displayed_only(buyer_client: Client, tenant: Tenant) -> None:
    hidden = ListingFactory(tenant=tenant, internet_entire_listing_display_yn=False)
    shown = ListingFactory(tenant=tenant)
    secret = Media.objects.create(
        listing=shown, media_key="a", content=PNG, content_type="image/png", permission=["Agent Only"]
    )

    assert buyer_client.get(reverse("pictures:listing", args=[hidden.pk])).status_code == 404
    answer = buyer_client.get(reverse("pictures:listing", args=[shown.pk]))
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert buyer_client.get(reverse("pictures:photo", args=[shown.pk, secret.pk])).status_code == 404


@pytest.mark.django_db
def test_another_tenant_sees_no_picture(other_agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant)
    assert other_agent_client.get(reverse("pictures:listing", args=[listing.pk])).status_code == 404
