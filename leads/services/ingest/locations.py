"""Apply what concerns a location as a whole: the app installed or removed, a new name."""

from __future__ import annotations

from django.db.models import Q

from leads.events import Kind
from leads.ghl.payloads import InstallPayload, LocationPayload, UninstallPayload
from leads.models import GHLConnection, Tenant, WebhookDelivery
from leads.services.ingest.batch import Batch, Item

IGNORED = WebhookDelivery.State.IGNORED


def apply_install(batch: Batch, item: Item) -> None:
    """Serve a location from now on; the only webhook that makes a tenant."""
    payload = item.payload
    assert isinstance(payload, InstallPayload)
    if not payload.location_id:
        item.settle(IGNORED, "installed by an agency: each of its locations is announced by itself")
        return
    name = payload.company_name or f"Location {payload.location_id[-6:]}"
    tenant, is_new = Tenant.objects.get_or_create(
        location_id=payload.location_id,
        defaults={"name": name, "company_id": payload.company_id, "installed_at": item.at},
    )
    if not is_new and tenant.uninstalled_at is not None and tenant.uninstalled_at > item.at:
        item.settle(IGNORED, "older than the app's removal")
        return
    if not is_new:
        tenant.is_active, tenant.installed_at, tenant.uninstalled_at = True, item.at, None
        tenant.company_id = payload.company_id or tenant.company_id
        tenant.save(update_fields=["is_active", "installed_at", "uninstalled_at", "company_id"])
    item.tenant = tenant
    batch.tell(item, Kind.TENANT_INSTALLED, None, None, {}, f"install:{item.delivery.webhook_id}")


def apply_uninstall(batch: Batch, item: Item) -> None:
    """Stop serving a location, or every location of an agency; its people and history stay."""
    payload = item.payload
    assert isinstance(payload, UninstallPayload)
    about = Q(location_id=payload.location_id)
    if not payload.location_id:
        about = Q(company_id=payload.company_id)
    tenants = list(Tenant.objects.select_for_update().filter(about).order_by("pk"))
    removed = [each for each in tenants if each.installed_at is None or each.installed_at <= item.at]
    if not removed:
        item.settle(IGNORED, "not installed there, or installed again since")
        return
    ids = [tenant.pk for tenant in removed]
    Tenant.objects.filter(pk__in=ids).update(is_active=False, uninstalled_at=item.at)
    GHLConnection.objects.filter(tenant__in=ids).delete()
    for tenant in removed:
        tenant.is_active, tenant.uninstalled_at = False, item.at
        item.tenant = tenant
        batch.tell(item, Kind.TENANT_UNINSTALLED, None, None, {}, f"uninstall:{item.delivery.webhook_id}")


def apply_location(item: Item) -> None:
    """Keep a location's new name."""
    payload = item.payload
    assert isinstance(payload, LocationPayload)
    assert item.tenant is not None
    if payload.name and payload.name != item.tenant.name:
        item.tenant.name = payload.name
        item.tenant.save(update_fields=["name"])
