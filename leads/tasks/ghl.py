"""Work with GoHighLevel: connect, write back, back-fill."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction

from leads import bus
from leads.events import Kind
from leads.ghl.errors import GHLError
from leads.models import Event, Tenant
from leads.ops.logs import get_logger
from leads.services import ghl

log = get_logger("ghl")


@bus.subscribe(Kind.LEAD_SCORED, Kind.TENANT_INSTALLED, group="ghl", gather=0.5)
@shared_task(ignore_result=True)
def follow_up(event_ids: list[int]) -> None:
    """Queue what these events ask of GoHighLevel: a write-back, a connection."""
    installed = Event.objects.filter(pk__in=event_ids, kind=Kind.TENANT_INSTALLED)
    tenants = sorted(set(installed.values_list("tenant_id", flat=True)))
    for lead_id in ghl.mark_for_write_back(event_ids=event_ids):
        transaction.on_commit(lambda pk=lead_id: write_back.delay(pk), robust=True)  # type: ignore[misc]
    for tenant_id in tenants:
        transaction.on_commit(lambda pk=tenant_id: connect_location.delay(pk), robust=True)  # type: ignore[misc]


@shared_task(ignore_result=True)
def write_back(lead_id: int) -> None:
    """Write a lead's standing to its contact."""
    ghl.write_back(lead_id=lead_id)


@shared_task(ignore_result=True)
def write_back_due() -> None:
    """Take up write-backs that were left lying."""
    for lead_id in ghl.waiting_write_backs():
        ghl.write_back(lead_id=lead_id)


@shared_task(ignore_result=True)
def send_edits(lead_id: int) -> None:
    """Write what was changed of a lead here to its contact."""
    ghl.send_edits(lead_id=lead_id)


def send_soon(lead_id: int) -> None:
    """Have what waits of a lead written to its contact once this is committed."""
    if ghl.has_edits(lead_ids=[lead_id]):
        transaction.on_commit(partial(send_edits.delay, lead_id), robust=True)


@shared_task(ignore_result=True)
def send_edits_due() -> None:
    """Write what waits, what is to be tried again, and what was left lying."""
    ghl.send_waiting_edits()


@shared_task(ignore_result=True)
def connect_location(tenant_id: int) -> None:
    """Connect a location that was installed through its agency, and learn its fields and users."""
    tenant = Tenant.objects.get(pk=tenant_id)
    try:
        connected = ghl.connect_location(tenant=tenant)
    except GHLError as error:  # the integrations page offers to connect by hand
        log.warning("ghl.not_connected", tenant_id=tenant_id, code=error.code)
        return
    if connected is not None:
        learn_location(tenant_id)


@shared_task(ignore_result=True)
def learn_location(tenant_id: int) -> None:
    """Learn a location's custom fields and users."""
    tenant = Tenant.objects.get(pk=tenant_id)
    try:
        ghl.refresh_custom_fields(tenant=tenant)
        ghl.match_users(tenant=tenant)
    except GHLError as error:
        ghl.note_tenant_error(tenant=tenant, error=error)


@shared_task(ignore_result=True)
def backfill(tenant_id: int) -> None:
    """Bring in some pages of a location's past, and queue the next."""
    tenant = Tenant.objects.get(pk=tenant_id)
    if ghl.run_backfill(tenant=tenant):
        backfill.delay(tenant_id)


@shared_task(ignore_result=True)
def resume_backfills() -> None:
    """Take up back-fills whose worker is gone or whose pause is over."""
    for tenant in ghl.waiting_backfills():
        backfill.delay(tenant.pk)
