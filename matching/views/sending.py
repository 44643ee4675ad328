"""Send a home to a lead by a link of its own, and the page that opens behind the link, for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from leads.access import MemberRequest, agent_required, get_lead, membership_of
from leads.authentication import seconds_to_wait
from leads.errors import DomainError
from leads.models import Lead
from matching import selectors
from matching.access import get_listing, get_sent
from matching.forms.sending import SendForm
from matching.listings import display
from matching.models import Listing, SentListing
from matching.selectors import fits as fit_selectors
from matching.services import sending
from matching.services.sending import NoteRefused
from matching.views.pictures import answer_with
from matching.visitors import is_person

DENIED = "denied"
MOST_PHOTOS = 13


@dataclass(frozen=True, slots=True)
class Message:
    """What an agent passes on: a link, the text around it, and ways to carry it."""

    link: str
    text: str
    mail: str
    sms: str


@agent_required
@require_http_methods(["GET", "POST"])
def send_home(request: MemberRequest, pk: int, listing_pk: int) -> HttpResponse:
    """Show what a client would see of a home, and make the link for a lead."""
    lead = get_lead(request, pk)
    listing = get_listing(request, listing_pk)
    form = SendForm(request.POST or None)
    refused: NoteRefused | None = None
    if form.is_valid():
        try:
            sent = sending.send_listing(
                lead=lead,
                listing=listing,
                note=form.cleaned_data["note"],
                reason=form.cleaned_data["reason"],
                by=request.user,
                now=timezone.now(),
            )
            return redirect("matching:lead-sent", lead.pk, sent.pk)
        except NoteRefused as error:
            refused = error
        except DomainError as error:
            messages.error(request, error.message)
    context = {
        "lead": lead,
        "listing": listing,
        "form": form,
        "refused": refused,
        "asks_reason": (refused is not None and not refused.is_forbidden) or form["reason"].value(),
        "shown": display.shown(listing),
        "fit": fit_selectors.fit_of(lead, listing),
        "before": SentListing.objects.filter(lead=lead, listing=listing).first(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "matching/send_home.html", context, status=status)


@agent_required
@require_GET
def sent_home(request: MemberRequest, pk: int, sent_pk: int) -> HttpResponse:
    """Show the link that was made, a text ready to copy, and whether it was opened."""
    lead = get_lead(request, pk)
    sent = get_sent(request, sent_pk, lead)
    context = {"lead": lead, "sent": sent, "message": message_of(lead, sent), "now": timezone.now()}
    return render(request, "matching/sent_home.html", context)


def message_of(lead: Lead, sent: SentListing) -> Message:
    """Return the text to pass on; whoever does not want a channel is offered none."""
    listing, place = sent.listing, display.place_of(sent.listing)
    link = settings.BASE_URL + reverse("sent-listing", args=[sent.token])
    price = f"${listing.list_price:,.0f}" if listing.list_price else ""
    greeting = f"Hi {lead.first_name}," if lead.first_name else "Hi,"
    home = ", ".join(part for part in (place.address, place.city, price) if part)
    text = "\n".join(part for part in (greeting, sent.note, home, link) if part)
    mail = sms = ""
    if lead.email and not _is_denied(lead, "email"):
        mail = f"mailto:{quote(lead.email)}?subject={quote(home)}&body={quote(text)}"
    if lead.phone and not _is_denied(lead, "sms"):
        sms = f"sms:{quote(lead.phone)}?&body={quote(text)}"
    return Message(link, text, mail, sms)


def _is_denied(lead: Lead, channel: str) -> bool:
    return any(
        held.get("state") == DENIED for name, held in lead.consent.items() if name.lower() in (channel, "all")
    )


# Behind the link


@require_safe
def open_home(request: HttpRequest, token: str) -> HttpResponse:
    """Show a home as its display rules allow, and keep that the lead looked at it."""
    wait = seconds_to_wait(request)
    if wait > 0:
        answer = HttpResponse(
            "Too many pages were asked for from here. Try again in a minute.",
            status=429,
            content_type="text/plain; charset=utf-8",
        )
        answer.headers["Retry-After"] = str(ceil(wait))
        return answer
    sent = _sent_by(token)
    shown = display.shown(sent.listing)
    membership = membership_of(request)
    is_agent = membership is not None and membership.is_team
    if shown is not None and not is_agent and is_person(request.method or "", request.headers):
        sending.record_opened(sent=sent, now=timezone.now())
    context = {
        "tenant": sent.tenant,
        "sent": sent,
        "listing": sent.listing,
        "shown": shown,
        "is_agent": is_agent,
        "photos": _photos(sent.listing) if shown else [],
    }
    answer = render(request, "matching/open_home.html", context, status=200 if shown else 410)
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    answer.headers["Referrer-Policy"] = "no-referrer"
    add_never_cache_headers(answer)
    return answer


@require_safe
def open_picture(request: HttpRequest, token: str) -> HttpResponseBase:
    """Send the first picture clients may see of a home behind its link."""
    sent = _sent_by(token)
    if not display.is_shown(sent.listing):
        raise Http404
    return answer_with(request, selectors.picture_of(sent.listing, for_clients=True))


@require_safe
def open_photo(request: HttpRequest, token: str, photo: int) -> HttpResponseBase:
    """Send one photo clients may see of a home behind its link."""
    sent = _sent_by(token)
    rows = selectors.photos_of(sent.listing, for_clients=True) if display.is_shown(sent.listing) else []
    row = next((each for each in rows if each.pk == photo), None)
    held = selectors.photo_picture(row) if row is not None else None
    if held is None:
        raise Http404
    return answer_with(request, held)


def _photos(listing: Listing) -> list[int]:
    """Return the photos we hold; the first is the picture of the page, and without any that is drawn."""
    rows = [row for row in selectors.photos_of(listing, for_clients=True) if row.content_type]
    return [row.pk for row in rows[:MOST_PHOTOS]]


def _sent_by(token: str) -> SentListing:
    """Return what a link stands for; nobody learns whether others exist."""
    rows = SentListing.objects.filter(tenant__is_active=True).exclude(lead__status=Lead.Status.DELETED)
    rows = rows.select_related(
        "tenant", "lead__merged_into", "listing__list_office", "listing__feed", "sent_by"
    )
    try:
        return rows.get(token=token)
    except SentListing.DoesNotExist as error:
        raise Http404 from error
