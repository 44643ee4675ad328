"""Check what is written about homes, keep what is found, and why some of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from leads.errors import DomainError
from leads.fair_housing import TERMS_DIGEST, Severity
from leads.models import Tenant, User
from matching.models import Listing, StandardStatus, TextFinding, TextsRead
from matching.texts import Found, findings_in, street_of

TURN = 2_000
"""Listings read at once; the next turn goes on behind them."""
UNREAD = (StandardStatus.DELETE, StandardStatus.INCOMPLETE)


@transaction.atomic
def check_remarks(*, tenant: Tenant, now: datetime, turn: int = TURN) -> int:
    """Read the remarks written since the last look and keep what is found; return how many were read.

    Nothing is withheld and no feed waits: findings are for people to mend at their source.
    """
    TextsRead.objects.get_or_create(tenant=tenant)
    place = TextsRead.objects.select_for_update().get(tenant=tenant)
    if place.terms != TERMS_DIGEST:
        place.terms, place.read_to, place.last_id, place.read = TERMS_DIGEST, None, 0, 0
    waiting = Listing.objects.filter(tenant=tenant)
    if place.read_to is not None:
        waiting = waiting.filter(
            Q(updated_at__gt=place.read_to) | Q(updated_at=place.read_to, pk__gt=place.last_id)
        )
    listings = list(
        waiting.order_by("updated_at", "pk").only(
            "pk",
            "tenant_id",
            "standard_status",
            "public_remarks",
            "unparsed_address",
            "subdivision_name",
            "updated_at",
        )[:turn]
    )
    _keep(listings, now)
    if listings:
        place.read_to, place.last_id = listings[-1].updated_at, listings[-1].pk
    place.read += len(listings)
    place.read_at = now
    place.save()
    return len(listings)


def _keep(listings: Sequence[Listing], now: datetime) -> None:
    """Make the findings of listings what their remarks say now."""
    there: dict[int | None, dict[tuple[str, str], TextFinding]] = {}
    for old in TextFinding.objects.filter(listing__in=listings, place=TextFinding.Place.REMARKS):
        there.setdefault(old.listing_id, {})[old.term, old.sentence] = old
    new, again, mended = [], [], []
    for listing in listings:
        names = (street_of(listing.unparsed_address), listing.subdivision_name)
        gone = listing.standard_status in UNREAD
        found = {
            (one.finding.term, one.sentence): one
            for one in ([] if gone else findings_in(listing.public_remarks, names))
        }
        known = there.get(listing.pk, {})
        for key, one in found.items():
            row = known.get(key)
            if row is None:
                new.append(_row(listing, one, now))
            elif row.state == TextFinding.State.MENDED:
                row.state, row.mended_at, row.found_at = TextFinding.State.OPEN, None, now
                again.append(row)
        for key, row in known.items():
            if key not in found and row.state != TextFinding.State.MENDED:
                row.state, row.mended_at = TextFinding.State.MENDED, now
                mended.append(row)
    TextFinding.objects.bulk_create(new)
    TextFinding.objects.bulk_update([*again, *mended], ["state", "mended_at", "found_at"])


def _row(listing: Listing, found: Found, now: datetime) -> TextFinding:
    return TextFinding(
        tenant_id=listing.tenant_id,
        listing=listing,
        place=TextFinding.Place.REMARKS,
        found_at=now,
        **_told(found),
    )


def _told(found: Found) -> dict[str, str]:
    return {
        "sentence": found.sentence,
        "term": found.finding.term,
        "category": found.finding.category,
        "severity": found.finding.severity.value,
        "rule": found.finding.why,
        "instead": found.finding.instead,
    }


@transaction.atomic
def check_marketing_text(*, tenant: Tenant, text: str, by: User, now: datetime) -> list[TextFinding]:
    """Check a text that is to be published, keep what is found in it, and return that."""
    rows = []
    for found in findings_in(text):
        told = _told(found)
        row = TextFinding.objects.filter(
            tenant=tenant,
            listing=None,
            place=TextFinding.Place.MARKETING,
            term=told["term"],
            sentence=told["sentence"],
        ).first()
        if row is None:
            row = TextFinding.objects.create(
                tenant=tenant, place=TextFinding.Place.MARKETING, checked_by=by, found_at=now, **told
            )
        elif row.state == TextFinding.State.MENDED:
            row.state, row.mended_at, row.found_at, row.checked_by = TextFinding.State.OPEN, None, now, by
            row.save(update_fields=["state", "mended_at", "found_at", "checked_by"])
        rows.append(row)
    return rows


@transaction.atomic
def override_finding(*, finding: TextFinding, reason: str, by: User, now: datetime) -> TextFinding:
    """Keep a sentence that was warned of, with the reason; what the law forbids cannot be kept."""
    row = TextFinding.objects.select_for_update().get(pk=finding.pk)
    reason = " ".join(reason.split())
    if row.severity == Severity.BLOCK:
        raise DomainError("This may not be published, whatever the reason: mend the text.", "blocked")
    if not reason:
        raise DomainError("Say why it stays.", "reason")
    row.state, row.reason = TextFinding.State.OVERRIDDEN, reason[:500]
    row.overridden_by, row.overridden_at, row.mended_at = by, now, None
    row.save(update_fields=["state", "reason", "overridden_by", "overridden_at", "mended_at"])
    return row


@transaction.atomic
def settle_marketing_finding(*, finding: TextFinding, now: datetime) -> TextFinding:
    """Take note that a marketing text was mended, or is not used."""
    row = TextFinding.objects.select_for_update().get(pk=finding.pk)
    if row.place != TextFinding.Place.MARKETING:
        raise DomainError("Remarks are mended at their source; the next reading takes note.", "place")
    row.state, row.mended_at = TextFinding.State.MENDED, now
    row.save(update_fields=["state", "mended_at"])
    return row
