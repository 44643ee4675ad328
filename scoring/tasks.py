"""Celery's interface to scoring: fetch by id, call one service."""

from __future__ import annotations

from celery import shared_task

from leads.bus import subscribe
from leads.events import BEHAVIOR
from scoring import services


@subscribe(*BEHAVIOR)
@shared_task(ignore_result=True)
def score_events(event_ids: list[int]) -> None:
    """Rescore the leads these events are about."""
    services.score_leads(event_ids=event_ids)


@shared_task(ignore_result=True)
def rescore_stale() -> None:
    """Let time count for the leads not scored for an hour."""
    services.rescore_stale()
