"""Ingest what the door accepted."""

from __future__ import annotations

from celery import shared_task

from leads import bus
from leads.services.ingest import ingest


@bus.subscribe(bus.DELIVERIES, group="leads")
@shared_task(ignore_result=True)
def ingest_deliveries(delivery_ids: list[int]) -> None:
    """Turn accepted deliveries into leads, conversations and events."""
    ingest(delivery_ids=delivery_ids)
