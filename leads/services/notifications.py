"""Tell a person something in the app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from leads.models import Notification, Tenant, User
from leads.tables import put


@dataclass(frozen=True, slots=True)
class NewNotification:
    """Something to tell one user."""

    tenant_id: int
    user_id: int
    text: str
    url: str = ""
    alert_id: int | None = None


@transaction.atomic(savepoint=False)
def notify(*, notifications: Sequence[NewNotification]) -> None:
    """Keep notices for their readers; about one alert each person is told once."""
    put(
        [
            Notification(
                tenant_id=each.tenant_id,
                user_id=each.user_id,
                alert_id=each.alert_id,
                text=each.text,
                url=each.url,
            )
            for each in notifications
        ],
        conflict="ON CONFLICT DO NOTHING",
    )


@transaction.atomic
def mark_one_read(*, notification: Notification) -> Notification:
    """Mark one notice as read; read again, its first time stays."""
    now = timezone.now()
    if Notification.objects.filter(pk=notification.pk, read_at__isnull=True).update(read_at=now):
        notification.read_at = now
    return notification


@transaction.atomic
def mark_read(*, user: User, tenant: Tenant, upto: int | None = None) -> int:
    """Mark a user's notices as read, up to one of them or all, and return how many were not."""
    unread = Notification.objects.filter(user=user, tenant=tenant, read_at__isnull=True)
    if upto is not None:
        unread = unread.filter(pk__lte=upto)
    return unread.update(read_at=timezone.now())
