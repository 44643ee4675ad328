"""Replicate RESO servers page by page, each committed with how far it is: anything may stop anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from leads.events import Kind
from leads.models import Event
from leads.ops.logs import get_logger
from leads.services.events import NewEvent, record_events
from matching.listings import attached, web
from matching.listings.reso import Access, Page, ResoError, Retries, Server
from matching.listings.values import read_key, read_stamp
from matching.models import Feed, FeedRun, Listing, StandardStatus, StatusChange
from matching.services.attached import keep_members, keep_offices, put_media, put_open_houses
from matching.services.listings import store_listings
from matching.services.runs import note_batch, read_batch

log = get_logger("feeds")

RETRIES = Retries()
LEASE = timedelta(minutes=5)
PAGES = 50
RECONCILE_AFTER = timedelta(hours=24)
MISSING_FOR = timedelta(hours=24)
LATER = timedelta(hours=1)
LEAST_NAMED = 0.5
FEW = 20
KEPT_RUNS = timedelta(days=90)
STILL_OFFERED = (
    StandardStatus.ACTIVE,
    StandardStatus.ACTIVE_UNDER_CONTRACT,
    StandardStatus.COMING_SOON,
    StandardStatus.HOLD,
    StandardStatus.INCOMPLETE,
    StandardStatus.PENDING,
)

State = Feed.State


def http_client() -> httpx.Client:
    """Return the client all servers are called with."""
    return web.client(may_be_private=settings.FEEDS_MAY_BE_PRIVATE)


def access_of(feed: Feed) -> Access:
    return Access(
        url=feed.url,
        token_url=feed.token_url,
        client_id=feed.client_id,
        client_secret=feed.client_secret,
        access_token=feed.access_token,
        token_expires_at=feed.token_expires_at,
        only=feed.only,
        page_size=feed.page_size,
    )


def server_of(feed: Feed, http: httpx.Client) -> Server:
    """Return a feed's server; its requests are counted and its tokens kept with the feed."""

    def spend() -> None:
        _count_request(feed)

    def keep_token(token: str, ends: datetime | None) -> None:
        feed.access_token, feed.token_expires_at = token, ends
        feed.save(update_fields=["access_token", "token_expires_at"])

    return Server(
        http,
        access_of(feed),
        may_be_private=settings.FEEDS_MAY_BE_PRIVATE,
        spend=spend,
        keep_token=keep_token,
        retries=RETRIES,
    )


def _count_request(feed: Feed) -> None:
    """Count a request of today, or refuse it when the server's daily quota is used up."""
    now = timezone.now()
    today = now.astimezone(UTC).date()
    row = Feed.objects.filter(pk=feed.pk)
    row.exclude(requests_on=today).update(requests_on=today, requests_today=0)
    room = Q() if feed.daily_quota is None else Q(requests_today__lt=feed.daily_quota)
    if not row.filter(room).update(requests_today=F("requests_today") + 1):
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
        raise ResoError(
            f"Today's {feed.daily_quota:,} requests are used up. It goes on after midnight UTC.",
            "reso_quota",
            permanent=False,
            retry_after=(midnight - now).total_seconds(),
        )


def due_feeds(now: datetime) -> list[int]:
    """Return the feeds whose time has come, the longest waiting first."""
    rows = Feed.objects.filter(due_at__lte=now, tenant__is_active=True).exclude(state=State.OFF)
    return list(rows.order_by("due_at").values_list("pk", flat=True))


def read_feed(*, feed_id: int, now: datetime) -> FeedRun | None:
    """Read what is new at a feed, if its time has come and nobody else reads it."""
    feed = _claim(feed_id, now)
    if feed is None:
        return None
    run = FeedRun.objects.create(tenant=feed.tenant, feed=feed, source=feed.name, begun_at=now)
    with http_client() as http:
        server = server_of(feed, http)
        try:
            is_through = _read_resources(feed, server, run, now)
            if is_through and _must_reconcile(feed, now):
                _reconcile(feed, server, run, now)
        except ResoError as error:
            _fail(feed, run, error, now)
        else:
            _succeed(feed, run, now, is_through=is_through)
    return run


def _claim(feed_id: int, now: datetime) -> Feed | None:
    """Take a due feed for a while; one worker gets it."""
    feed = Feed.objects.select_related("tenant").filter(pk=feed_id).exclude(state=State.OFF).first()
    if feed is None or feed.due_at > now:
        return None
    if Feed.objects.filter(pk=feed_id, due_at=feed.due_at).update(due_at=now + LEASE) != 1:
        return None
    feed.refresh_from_db()
    return feed


def _hold(feed: Feed) -> None:
    """Go on holding a feed that is being read."""
    Feed.objects.filter(pk=feed.pk).update(due_at=timezone.now() + LEASE)


def _read_resources(feed: Feed, server: Server, run: FeedRun, now: datetime) -> bool:
    """Read every resource to its end; False when there is more to do."""
    left = PAGES
    for resource in ("Office", "Member", "Property", "Media", "OpenHouse"):
        if resource in feed.lacks or (resource in ("Media", "OpenHouse") and feed.can_expand is not False):
            continue
        try:
            left = _read_resource(feed, server, run, resource, now, left)
        except ResoError as error:
            if resource == "Property" or error.code not in (
                "reso_not_found",
                "reso_forbidden",
                "reso_rejected",
            ):
                raise
            feed.lacks = [*feed.lacks, resource]
            feed.next_links.pop(resource, None)
            feed.save(update_fields=["lacks", "next_links"])
            log.info("feed.lacks", feed_id=feed.pk, resource=resource)
        if left <= 0:
            return False
    return True


def _read_resource(feed: Feed, server: Server, run: FeedRun, resource: str, now: datetime, left: int) -> int:
    """Read pages of a resource to its end, or as many as are left; return how many are left then."""
    page, newest, ordered = _start(feed, server, resource)
    seen: set[str] = set()
    while True:
        _hold(feed)
        newest, ordered = _keep_page(feed, run, resource, page, newest, ordered, now)
        left -= 1
        if not page.next_link or left <= 0:
            return left
        if page.next_link in seen:
            raise ResoError("The server's pages go round in a circle.", "reso_circle", permanent=False)
        seen.add(page.next_link)
        page = server.follow(page.next_link)


def _start(feed: Feed, server: Server, resource: str) -> tuple[Page, datetime | None, bool]:
    """Return the page to begin with: where it was interrupted, else what changed since the cursor."""
    held = feed.next_links.get(resource)
    since = read_stamp(feed.cursors.get(resource))
    if isinstance(held, dict):
        newest, ordered = read_stamp(held.get("newest")), held.get("ordered") is True
        try:
            return server.follow(str(held.get("link"))), newest, ordered
        except ResoError as error:
            if error.code not in ("reso_not_found", "reso_rejected", "reso_elsewhere"):
                raise
            log.info("feed.link_over", feed_id=feed.pk, resource=resource)  # links end; the cursor does not
    if resource != "Property":
        return server.first_page(resource, since=since), None, True
    if feed.can_expand is False:
        return server.first_page(resource, since=since), None, True
    try:
        page = server.first_page(resource, since=since, expand=True)
    except ResoError as error:
        if error.status not in (400, 501) or feed.can_expand is True:
            raise
        page = server.first_page(resource, since=since)
        feed.can_expand = False
    else:
        feed.can_expand = True
    feed.save(update_fields=["can_expand"])
    return page, None, True


def _keep_page(
    feed: Feed,
    run: FeedRun,
    resource: str,
    page: Page,
    newest: datetime | None,
    ordered: bool,
    now: datetime,
) -> tuple[datetime | None, bool]:
    """Store a page and how far it is, together; return the newest moment, and whether moments only grew.

    Where they only grew the cursor follows each page; else it waits for the last one.
    """
    moments = [moment for record in page.records if (moment := _modified_at(record)) is not None]
    for moment in moments:
        if newest is not None and moment < newest:
            ordered = False
        newest = moment if newest is None else max(newest, moment)
    with transaction.atomic():
        _keep_records(feed, run, resource, page.records, now)
        if newest is not None and (ordered or not page.next_link):
            before = read_stamp(feed.cursors.get(resource))
            feed.cursors[resource] = max(before or newest, min(newest, now)).isoformat()
        if page.next_link:
            feed.next_links[resource] = {
                "link": page.next_link,
                "newest": newest.isoformat() if newest is not None else "",
                "ordered": ordered,
            }
        else:
            feed.next_links.pop(resource, None)
        feed.save(update_fields=["cursors", "next_links"])
    return newest, ordered


def _modified_at(record: Any) -> datetime | None:
    return read_stamp(record.get("ModificationTimestamp")) if isinstance(record, dict) else None


def _keep_records(feed: Feed, run: FeedRun, resource: str, records: Sequence[Any], now: datetime) -> None:
    if resource == "Property":
        batch = read_batch(records, now=now, first=run.done + 1, system=feed.name)
        stored = store_listings(
            tenant=feed.tenant, readings=batch.good, now=now, feed=feed, backfill=feed.read_at is None
        )
        note_batch(run, batch, stored)
        return
    if resource == "Office":
        offices = {
            (_system(record, feed), office.office_key): office
            for record in records
            if (office := attached.read_office(record)) is not None
        }
        keep_offices(feed.tenant, offices)
    elif resource == "Member":
        members = {
            (_system(record, feed), member.member_key): member
            for record in records
            if (member := attached.read_member(record)) is not None
        }
        keep_members(feed.tenant, members)
    elif resource == "Media":
        _keep_apart(feed, [attached.read_medium(record) for record in records], put_media)
    else:
        _keep_apart(feed, [attached.read_open_house(record) for record in records], put_open_houses)


def _system(record: Any, feed: Feed) -> str:
    said = record.get("OriginatingSystemName")
    return said[:255] if isinstance(said, str) and said else feed.name


def _keep_apart(feed: Feed, read: Sequence[tuple[str, Any] | None], put: Any) -> None:
    """Store media or open houses that come apart from their listings; those of unknown ones are left."""
    told = [each for each in read if each is not None]
    rows = Listing.objects.filter(feed=feed, listing_key__in={key for key, _ in told})
    ids = dict(rows.values_list("listing_key", "pk"))
    said: dict[int, dict[str, Any]] = {}
    for key, item in told:
        if key in ids:
            name = getattr(item, "media_key", "") or item.open_house_key
            said.setdefault(ids[key], {})[name] = item
    touched = put({pk: tuple(items.values()) for pk, items in said.items()}, known=set(said), whole=False)
    if touched:
        Listing.objects.filter(pk__in=touched).update(updated_at=timezone.now())


def _must_reconcile(feed: Feed, now: datetime) -> bool:
    return feed.reconciled_at is None or feed.reconciled_at <= now - RECONCILE_AFTER


def _reconcile(feed: Feed, server: Server, run: FeedRun, now: datetime) -> None:
    """Compare keys: what the server names no more is missing, and off the market a day later."""
    named: dict[str, datetime | None] = {}
    page = server.first_keys()
    seen: set[str] = set()
    while True:
        _hold(feed)
        for record in page.records:
            if isinstance(record, dict) and (key := read_key(record.get("ListingKey"))):
                named[key] = _modified_at(record)
        if not page.next_link:
            break
        if page.next_link in seen:
            raise ResoError("The server's pages go round in a circle.", "reso_circle", permanent=False)
        seen.add(page.next_link)
        page = server.follow(page.next_link)
    known = dict(
        Listing.objects.filter(feed=feed)
        .exclude(standard_status=StandardStatus.DELETE)
        .values_list("listing_key", "modification_timestamp")
    )
    gone = [key for key in known if key not in named]
    if len(known) >= FEW and len(named) < LEAST_NAMED * len(known):
        run.error = (
            f"The server named only {len(named):,} of {len(known):,} listings: "
            "nothing was taken off the market."
        )
    else:
        _mark_missing(feed, gone, now)
        _withdraw_missing(feed, now)
    stale = [at for key, at in named.items() if at is not None and key in known and at > known[key]]
    cursor = read_stamp(feed.cursors.get("Property"))
    if stale and cursor is not None and min(stale) < cursor:
        feed.cursors["Property"] = min(stale).isoformat()  # what was missed is read again
    feed.reconciled_at, feed.lacks = now, []
    feed.save(update_fields=["reconciled_at", "cursors", "lacks"])


def _mark_missing(feed: Feed, gone: Sequence[str], now: datetime) -> None:
    rows = Listing.objects.filter(feed=feed)
    rows.filter(listing_key__in=gone, missing_since=None).update(missing_since=now)
    rows.exclude(missing_since=None).exclude(listing_key__in=gone).update(missing_since=None)


@transaction.atomic
def _withdraw_missing(feed: Feed, now: datetime) -> None:
    """Take listings off the market that were missing for a day; they come back as soon as they are named."""
    rows = list(
        Listing.objects.select_for_update()
        .filter(feed=feed, missing_since__lte=now - MISSING_FOR, standard_status__in=STILL_OFFERED)
        .order_by("pk")
        .values_list("pk", "standard_status")
    )
    if not rows:
        return
    ids = [pk for pk, _ in rows]
    Listing.objects.filter(pk__in=ids).update(
        standard_status=StandardStatus.WITHDRAWN, status_change_timestamp=now, updated_at=now
    )
    StatusChange.objects.bulk_create(
        [
            StatusChange(listing_id=pk, old=old, new=StandardStatus.WITHDRAWN, changed_at=now)
            for pk, old in rows
        ],
        ignore_conflicts=True,
    )
    news = [{"id": pk, "status": [old, str(StandardStatus.WITHDRAWN)]} for pk, old in rows]
    record_events(
        events=[
            NewEvent(
                tenant_id=feed.tenant_id,
                kind=Kind.LISTING_CHANGED,
                occurred_at=now,
                data={"listings": news, "feed_id": feed.pk},
                source=Event.Source.IMPORT,
            )
        ]
    )


def _succeed(feed: Feed, run: FeedRun, now: datetime, *, is_through: bool) -> None:
    run.ended_at = timezone.now()
    run.save(update_fields=["ended_at", "error"])
    news: dict[str, Any] = {"error": ""}
    if is_through:
        news["read_at"] = now
        news["due_at"] = timezone.now() + timedelta(minutes=feed.minutes)
    else:
        news["due_at"] = timezone.now()
    _settle(feed, State.OK, news)
    if run.done == 0 and not run.error:
        run.delete()  # most readings find nothing new
    FeedRun.objects.filter(feed=feed, begun_at__lt=now - KEPT_RUNS).delete()
    log.info("feed.read", feed_id=feed.pk, rows=run.done, created=run.created, is_through=is_through)


def _settle(feed: Feed, state: str, news: dict[str, Any]) -> None:
    """Write how a reading ended; a feed that was turned off meanwhile stays off."""
    row = Feed.objects.filter(pk=feed.pk)
    row.update(**news)
    row.exclude(state=State.OFF).update(state=state)


def _fail(feed: Feed, run: FeedRun, error: ResoError, now: datetime) -> None:
    """Keep why a reading stopped, and when it is tried again."""
    run.ended_at, run.error = timezone.now(), error.message[:500]
    run.save(update_fields=["ended_at", "error"])
    wait = LATER if error.permanent else timedelta(minutes=feed.minutes)
    if error.retry_after is not None:
        wait = max(wait, timedelta(seconds=min(error.retry_after, 2 * 86_400)))
    state = feed.state if error.code == "reso_quota" else State.FAILING
    _settle(feed, state, {"error": error.message[:500], "due_at": timezone.now() + wait})
    log.warning("feed.failed", feed_id=feed.pk, code=error.code, permanent=error.permanent)
