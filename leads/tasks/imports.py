"""Bring files of leads in."""

from __future__ import annotations

from celery import shared_task

from leads.models import LeadImport
from leads.services import imports


@shared_task(ignore_result=True)
def run_import(import_id: int) -> None:
    """Bring in what an import has still to do."""
    imports.run_import(lead_import=LeadImport.objects.get(pk=import_id))


@shared_task(ignore_result=True)
def resume_imports() -> None:
    """Take up imports whose worker is gone."""
    for lead_import in imports.waiting_imports():
        run_import.delay(lead_import.pk)
