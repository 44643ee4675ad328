"""Enrich leads when something new is known of them."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction

from leads import bus
from leads.events import Kind
from leads.models import Lead
from leads.services import enrichment

CHUNK = 100


@bus.subscribe(Kind.CONTACT_CREATED, Kind.CONTACT_UPDATED, group="enrichment")
@shared_task(ignore_result=True)
def queue_enrichment(event_ids: list[int]) -> None:
    """Queue the hooks for the leads of these events; they may be slow and are not run here."""
    lead_ids = enrichment.leads_to_enrich(event_ids=event_ids)
    for start in range(0, len(lead_ids), CHUNK):
        queue = partial(enrich_leads.delay, lead_ids[start : start + CHUNK])
        transaction.on_commit(queue, robust=True)


@shared_task(ignore_result=True)
def enrich_leads(lead_ids: list[int]) -> None:
    """Run the hooks on these leads."""
    for lead in Lead.objects.active().filter(pk__in=lead_ids).select_related("tenant").order_by("pk"):
        enrichment.enrich_lead(lead=lead)
