"""Celery's interface to matching: fetch by id, call one service."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from leads.models import Tenant
from matching import services


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
