"""Reads about what people were told: pages of notices, and how many are unread."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, IntegerField, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from leads.models import Alert, Notification, Tenant, User

PAGE_ROWS = 30


@dataclass(frozen=True, slots=True)
class Notices:
    """One page of notices, newest first; `earlier` is where the next one begins."""

    rows: list[Notification]
    earlier: int | None


def page_of(notices: QuerySet[Notification], *, before: int | None, only_unread: bool) -> Notices:
    """Return the notices before a place, from the newest down."""
    if only_unread:
        notices = notices.filter(read_at__isnull=True)
    if before is not None:
        notices = notices.filter(pk__lt=before)
    found = list(notices.select_related("alert__lead").order_by("-pk")[: PAGE_ROWS + 1])
    rows = found[:PAGE_ROWS]
    return Notices(rows=rows, earlier=rows[-1].pk if len(found) > PAGE_ROWS else None)


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """How many notices somebody has, how many of them are unread, and the newest one's key."""

    all: int
    unread: int
    newest: int | None


def counts(notices: QuerySet[Notification]) -> NoticeCounts:
    """Count notices, and the unread among them."""
    row = notices.aggregate(
        all=Count("pk"), unread=Count("pk", filter=Q(read_at__isnull=True)), newest=Max("pk")
    )
    return NoticeCounts(**row)


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """The figures in the frame of every page."""

    open_alerts: int
    unread: int


def frame_counts(tenant: Tenant, user: User) -> FrameCounts:
    """Count a tenant's open alerts and a user's unread notices in one query."""
    alerts = Alert.objects.filter(tenant=OuterRef("pk"), state=Alert.State.OPEN)
    unread = Notification.objects.filter(tenant=OuterRef("pk"), user=user, read_at__isnull=True)
    row = (
        Tenant.objects.filter(pk=tenant.pk)
        .annotate(open_alerts=_count(alerts), unread=_count(unread))
        .values("open_alerts", "unread")
        .get()
    )
    return FrameCounts(**row)


def _count(rows: QuerySet[Alert] | QuerySet[Notification]) -> Coalesce:
    counted = rows.order_by().values("tenant").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
