"""Celery's interface to the ground: fetch by id, call one service."""

from leads.tasks import alerts, ghl, ingest, pipes

__all__ = ["alerts", "ghl", "ingest", "pipes"]
