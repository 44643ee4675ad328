"""Celery's interface to matching: fetch by id, call one service."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from leads.bus import subscribe
from leads.events import Kind
from leads.models import Event, Tenant, User
from matching import services
from matching.models import PlaceImport
from matching.services import place_imports, places
from matching.services.preferences import LEARNED


@shared_task(ignore_result=True)
def take_all_snapshots() -> None:
    """Queue a look at the market of every tenant with listings."""
    for tenant_id in services.tenants_with_listings():
        take_snapshots.delay(tenant_id)


@shared_task(ignore_result=True)
def take_snapshots(tenant_id: int) -> None:
    """Work out a tenant's market by month and area."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        services.take_snapshots(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def take_in_places(import_id: int) -> None:
    """Take a file of places in, then work out anew what is around the tenant's listings."""
    row = place_imports.run_place_import(place_import=PlaceImport.objects.get(pk=import_id))
    if row.state == PlaceImport.State.DONE:
        compute_places.delay(row.tenant_id)


@shared_task(ignore_result=True)
def resume_place_imports() -> None:
    """Take up files whose worker is gone."""
    for import_id in place_imports.waiting_place_imports():
        take_in_places.delay(import_id)


@shared_task(ignore_result=True)
def compute_places(tenant_id: int) -> None:
    """Work out what is around all of a tenant's listings."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        places.compute_places(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def fill_all_places() -> None:
    """Queue the listings that no event told of."""
    for tenant_id in places.tenants_to_fill():
        fill_places.delay(tenant_id)


@shared_task(ignore_result=True)
def fill_places(tenant_id: int) -> None:
    """Work out what is around a tenant's listings of which that is not known."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        places.fill_places(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def check_all_remarks() -> None:
    """Queue the reading of every tenant's new remarks."""
    for tenant_id in services.tenants_with_listings():
        check_remarks.delay(tenant_id)


@shared_task(ignore_result=True)
def check_remarks(tenant_id: int) -> None:
    """Read some of a tenant's new remarks, and queue the next."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None and services.check_remarks(tenant=tenant, now=timezone.now()) == services.TURN:
        check_remarks.delay(tenant_id)


@subscribe(*(Kind(kind) for kind in LEARNED))
@shared_task(ignore_result=True)
def learn_preferences(event_ids: list[int]) -> None:
    """Let what buyers did with homes move what counts for them."""
    services.learn_from(event_ids=event_ids)


@subscribe(Kind.LISTING_ADDED, Kind.LISTING_CHANGED)
@shared_task(ignore_result=True)
def follow_listings(event_ids: list[int]) -> None:
    """Queue what is around new and moved homes, and the search for buyers; a first load alerts nobody."""
    for tenant_id in places.tenants_of_events(event_ids=event_ids):
        transaction.on_commit(partial(fill_places.delay, tenant_id))
    fresh = Event.objects.filter(pk__in=event_ids, is_backfill=False).order_by("pk")
    for pk in fresh.values_list("pk", flat=True):
        transaction.on_commit(partial(find_buyers.delay, pk))


@shared_task(ignore_result=True)
def find_buyers(event_id: int) -> None:
    """Find whom the homes of an event fit now."""
    services.find_buyers(event_id=event_id)


@shared_task(ignore_result=True)
def tell_searches() -> None:
    """Tell what daily and weekly searches found, where it is time."""
    now = timezone.now()
    for pk in services.searches_to_tell(now=now):
        services.tell_search(search_id=pk, now=now)


@shared_task(ignore_result=True)
def try_other_names(tenant_id: int, user_id: int) -> None:
    """Rank homes for a tenant's buyers under other names, and keep what moved."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        by = User.objects.filter(pk=user_id).first()
        services.try_other_names(tenant=tenant, by=by, now=timezone.now())


@shared_task(ignore_result=True)
def read_feeds() -> None:
    """Queue the feeds whose time has come."""
    for feed_id in services.due_feeds(timezone.now()):
        read_feed.delay(feed_id)


@shared_task(ignore_result=True)
def read_feed(feed_id: int) -> None:
    """Read what is new at one feed; a second worker finds it claimed."""
    services.read_feed(feed_id=feed_id, now=timezone.now())
