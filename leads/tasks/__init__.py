"""Celery's interface to the ground: fetch by id, call one service."""

from leads.tasks import accounts, alerts, enrichment, ghl, imports, ingest, pipes

__all__ = ["accounts", "alerts", "enrichment", "ghl", "imports", "ingest", "pipes"]
