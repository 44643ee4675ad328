"""Send a home to a lead by a link of its own, and keep what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from leads.errors import DomainError
from leads.events import Kind
from leads.fair_housing import Severity
from leads.models import Event, Lead, User
from leads.services.behavior import record_behavior
from leads.services.events import record_event
from matching.listings.display import is_shown
from matching.models import Listing, SentListing
from matching.texts import Found, findings_in, street_of

MOST_LETTERS = 500
REPEAT = timedelta(minutes=1)
"""The same home with the same words within this time is one button pressed twice."""


class NoteRefused(DomainError):
    """A note that fair housing forbids, or that needs a reason; `found` says what, and what to write."""

    def __init__(self, found: Sequence[Found], *, is_forbidden: bool) -> None:
        super().__init__(
            "Fair housing forbids this wording." if is_forbidden else "This wording needs a reason.",
            "fair_housing" if is_forbidden else "reason",
        )
        self.found = tuple(found)
        self.is_forbidden = is_forbidden


@transaction.atomic
def send_listing(
    *, lead: Lead, listing: Listing, note: str, reason: str, by: User, now: datetime
) -> SentListing:
    """Make the link by which a lead sees a home; raises NoteRefused for words that cannot go as they are.

    The link is for the agent to pass on: no message leaves from here.
    """
    note, reason = " ".join(note.split()), " ".join(reason.split())
    if len(note) > MOST_LETTERS:
        raise DomainError(f"The note has {len(note)} letters: {MOST_LETTERS} are the most.", "note")
    if not is_shown(listing):
        raise DomainError("This home may not be shown to clients: its listing says so.", "listing")
    found = findings_in(note, (street_of(listing.unparsed_address), listing.subdivision_name))
    forbidden = [one for one in found if one.finding.severity is Severity.BLOCK]
    if forbidden:
        raise NoteRefused(forbidden, is_forbidden=True)
    if found and not reason:
        raise NoteRefused(found, is_forbidden=False)
    same = SentListing.objects.filter(lead=lead, listing=listing, note=note, sent_by=by)
    if (twice := same.filter(sent_at__gt=now - REPEAT).first()) is not None:
        return twice
    sent = SentListing.objects.create(
        tenant_id=lead.tenant_id, lead=lead, listing=listing, note=note, sent_by=by, sent_at=now
    )
    told = {
        "listing_key": listing.listing_key,
        "address": listing.unparsed_address,
        "sent_listing_id": sent.pk,
    }
    if found:
        told |= {"terms": [one.finding.term for one in found], "reason": reason[:MOST_LETTERS]}
    record_event(
        tenant=lead.tenant,
        lead=lead,
        kind=Kind.LISTING_SENT,
        occurred_at=now,
        data=told,
        actor_id=by.pk,
    )
    return sent


@transaction.atomic
def record_opened(*, sent: SentListing, now: datetime) -> Event | None:
    """Keep that a lead looked at a home that was sent to them; within an hour it is one look."""
    lead = sent.lead.merged_into or sent.lead
    lead.tenant = sent.tenant
    data = {
        "listing_key": sent.listing.listing_key,
        "address": sent.listing.unparsed_address,
        "sent_listing_id": sent.pk,
    }
    event, is_new = record_behavior(
        lead=lead,
        kind=Kind.LISTING_VIEWED,
        occurred_at=now,
        data={name: value for name, value in data.items() if value},
        by=None,
        dedupe_key=f"sent:{sent.pk}:{now:%Y%m%d%H}",
        source=Event.Source.PORTAL,
    )
    if not is_new:
        return None
    SentListing.objects.filter(pk=sent.pk).update(
        opened=F("opened") + 1, opened_at=Coalesce(F("opened_at"), now)
    )
    return event
