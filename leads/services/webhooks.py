"""Accept webhooks: one row each, kept before anyone is told it was accepted."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from leads import bus
from leads.models import Tenant, WebhookDelivery, WorkflowSecret
from leads.tables import prepared

TENANT_SECONDS = 30.0
SECRET_SECONDS = 5.0
MISS_SECONDS = 1.0
REMEMBERED = 10_000
SECRET_BYTES = 32
ROTATION = timedelta(days=7)
REPEAT_MINUTES = 5

T = TypeVar("T")

_INSERT = """
    INSERT INTO leads_webhookdelivery
        (webhook_id, door, tenant_id, location_id, type, state, reason, body, sent_at, received_at,
         processed_at, tries, events, correlation_id, is_backfill)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, %s, %s)
    ON CONFLICT (webhook_id) DO NOTHING
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What the door knows of a webhook; any state but `accepted` is final and asks for no work."""

    webhook_id: str
    door: str
    type: str
    location_id: str
    body: str
    sent_at: datetime | None
    correlation_id: str
    tenant_id: int | None = None
    state: str = WebhookDelivery.State.ACCEPTED
    reason: str = ""
    is_backfill: bool = False


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A workflow secret and the tenant whose door it opens."""

    secret_id: int
    tenant_id: int
    location_id: str
    time_zone: str


class Memory(Generic[T]):
    """Answers of the database kept in this process for some seconds; a miss is kept for one."""

    def __init__(self, ask: Callable[[str], T | None], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._known: dict[str, tuple[float, T | None]] = {}

    def get(self, key: str) -> T | None:
        """Return the answer, asking when none is fresh."""
        now = time.monotonic()
        held = self._known.get(key)
        if held is not None and held[0] > now:
            return held[1]
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        answer = self._ask(key)
        self._known[key] = (now + (self._seconds if answer is not None else MISS_SECONDS), answer)
        return answer

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()


def accept(*, delivery: NewDelivery) -> bool:
    """Store a delivery and, once it is stored, tell the workers; False when it was stored before."""
    now = timezone.now()
    waiting = delivery.state == WebhookDelivery.State.ACCEPTED
    with prepared() as cursor:
        cursor.execute(
            _INSERT,
            [
                delivery.webhook_id,
                delivery.door,
                delivery.tenant_id,
                delivery.location_id,
                delivery.type,
                delivery.state,
                delivery.reason[:300],
                delivery.body,
                delivery.sent_at,
                now,
                None if waiting else now,
                delivery.correlation_id,
                delivery.is_backfill,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return False
    if waiting:
        entry = (row[0], delivery.location_id, delivery.correlation_id)
        transaction.on_commit(partial(bus.publish_deliveries, [entry]), robust=True)
    return True


def _ask_tenant(location_id: str) -> int | None:
    return Tenant.objects.filter(location_id=location_id).values_list("pk", flat=True).first()


def _ask_secret(digest: str) -> KnownSecret | None:
    row = (
        WorkflowSecret.objects.filter(digest=digest, tenant__is_active=True)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
        .values_list("pk", "tenant_id", "tenant__location_id", "tenant__time_zone")
        .first()
    )
    return KnownSecret(*row) if row is not None else None


known_tenants: Memory[int] = Memory(_ask_tenant, TENANT_SECONDS)
known_secrets: Memory[KnownSecret] = Memory(_ask_secret, SECRET_SECONDS)


def digest_secret(secret: str) -> str:
    """Return what is kept of a secret: enough to recognise it, too little to use it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def was_accepted_lately(*, webhook_ids: list[str]) -> bool:
    """Tell whether one of these deliveries is known."""
    return WebhookDelivery.objects.filter(webhook_id__in=webhook_ids).exists()


@transaction.atomic
def rotate_workflow_secret(*, tenant: Tenant) -> str:
    """Make a tenant's new secret and return it, once; the newest one before it works for another week."""
    now = timezone.now()
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    valid = tenant.workflow_secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now)).order_by("-pk")
    newest = valid.first()
    for secret in valid:
        if secret == newest:
            secret.expires_at = min(secret.expires_at or now + ROTATION, now + ROTATION)
        else:
            secret.expires_at = now
        secret.save(update_fields=["expires_at"])
    value = secrets.token_urlsafe(SECRET_BYTES)
    WorkflowSecret.objects.create(tenant=tenant, digest=digest_secret(value), hint=value[-4:])
    return value


@transaction.atomic
def replay_delivery(*, delivery: WebhookDelivery) -> bool:
    """Put a settled delivery before the workers again; what it already became is not made twice."""
    settled = [state for state in WebhookDelivery.State if state != WebhookDelivery.State.ACCEPTED]
    changed = WebhookDelivery.objects.filter(pk=delivery.pk, state__in=settled).update(
        state=WebhookDelivery.State.ACCEPTED, reason="", tries=0, processed_at=None
    )
    if changed:
        entry = (delivery.pk, delivery.location_id, delivery.correlation_id)
        transaction.on_commit(partial(bus.publish_deliveries, [entry]), robust=True)
    return bool(changed)
