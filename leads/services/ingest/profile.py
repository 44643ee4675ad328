"""Judge the leads a batch changed: segment and completeness."""

from __future__ import annotations

from leads.services.ingest.batch import Batch


def judge(batch: Batch) -> None:
    """Bring segment and quality of every changed lead up to date."""
