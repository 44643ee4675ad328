"""Reads of what agents said beside the score, and of who was nearer."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from leads.models import Lead, Tenant
from scoring.models import ScoreOverride
from scoring.overrides import Comparison, compared

SEED = 20
MOST_GRADED = 20_000


def standing_override(lead: Lead, *, now: datetime) -> ScoreOverride | None:
    """Return what stands beside a lead's score now."""
    row = ScoreOverride.objects.filter(lead=lead, ended_at=None).select_related("set_by").first()
    return row if row is not None and row.is_standing(now) else None


def people_against_model(tenant: Tenant) -> tuple[Comparison, int] | None:
    """Return how a tenant's people did against its scores, and how many of these were the rules'."""
    rows = list(
        ScoreOverride.objects.filter(tenant=tenant, came__isnull=False).values_list(
            "came", "score", "model_score", "lead_id", "model_version"
        )[:MOST_GRADED]
    )
    if not rows:
        return None
    came, said, scores, leads, versions = zip(*rows, strict=True)
    found = compared(
        np.array(came, dtype=np.bool_),
        np.array(said, dtype=np.float64),
        np.array(scores, dtype=np.float64),
        leads=np.array(leads, dtype=np.int64),
        seed=SEED,
    )
    return None if found is None else (found, sum(not version for version in versions))
