"""Pictures of listings, for everybody who may see the listing."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from leads.access import UserRequest, membership_of, sign_in_required
from matching import access, selectors
from matching.selectors.pictures import Picture

KEPT_SECONDS = 24 * 60 * 60


@sign_in_required
@require_GET
def listing_picture(request: UserRequest, pk: int) -> HttpResponseBase:
    """Send a listing's first photo, or the picture drawn of it."""
    listing = access.get_listing(request, pk)
    return answer_with(request, selectors.picture_of(listing, for_clients=not _is_team(request)))


@sign_in_required
@require_GET
def listing_photo(request: UserRequest, pk: int, photo: int) -> HttpResponseBase:
    """Send one photo; the drawn picture stands in for one that is not fetched yet."""
    listing = access.get_listing(request, pk)
    photos = selectors.photos_of(listing, for_clients=not _is_team(request))
    row = next((each for each in photos if each.pk == photo), None)
    if row is None:
        raise Http404
    return answer_with(request, selectors.photo_picture(row) or selectors.drawn_picture(listing))


def _is_team(request: UserRequest) -> bool:
    membership = membership_of(request)
    return membership is not None and membership.is_team


def answer_with(request: HttpRequest, picture: Picture) -> HttpResponseBase:
    """Send a picture, or nothing to who holds it already."""
    mark = f'"{picture.mark}"'
    answer: HttpResponse
    if request.headers.get("If-None-Match") == mark:
        answer = HttpResponseNotModified()
    else:
        answer = HttpResponse(picture.content, content_type=picture.content_type)
        answer.headers["Content-Disposition"] = "inline"
    answer.headers["ETag"] = mark
    answer.headers["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    return answer
