"""Upkeep of the pipes: the sweep, the partitions, old live messages."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from leads import bus, partitions
from leads.services import live


@shared_task(ignore_result=True)
def sweep() -> None:
    """Publish what Redis does not hold."""
    bus.sweep(now=timezone.now())


@shared_task(ignore_result=True)
def sweep_deep() -> None:
    """Publish what Redis does not hold of the last two days."""
    bus.sweep(now=timezone.now(), deep=True)


@shared_task(ignore_result=True)
def maintain_partitions() -> None:
    """Make the event log's partitions ahead and detach what is too old."""
    partitions.maintain(now=timezone.now(), keep_months=settings.EVENT_KEEP_MONTHS)


@shared_task(ignore_result=True)
def prune_live_messages() -> None:
    """Delete live messages nobody can resume from."""
    live.prune(now=timezone.now())
