"""A version in shadow scores the leads unseen, and is graded by what becomes of them beside what serves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from leads.errors import DomainError
from leads.ml import metrics
from leads.models import Lead, ModelVersion, Tenant
from leads.services import models as registry
from scoring import selectors
from scoring.engine import Mode, Score
from scoring.models import ShadowScore
from scoring.outcomes import EVERY, HORIZON, Target, came_after
from scoring.services import previews, versions
from scoring.services.serving import ENGINE

CHUNK = 500
LEAST_KNOWN = 30
LEAST_CAME = 10
"""Outcomes that must be known, and come, before a measure is told."""
ROUNDS = 200
State = ModelVersion.State


def shadow_version(*, version: ModelVersion) -> ModelVersion:
    """Let a version of the team's own score unseen beside what serves."""
    if version.tenant is None:
        raise DomainError("The market's model is handled by the operator.", "market")
    return registry.shadow(version=version)


@transaction.atomic
def leave_shadow(*, version: ModelVersion) -> ModelVersion:
    """Let a version score no longer; what it said stays and is graded."""
    changed = ModelVersion.objects.filter(pk=version.pk, state=State.SHADOW).update(state=State.CANDIDATE)
    if not changed:
        raise DomainError("It is not in shadow.", "state")
    version.state = State.CANDIDATE
    return version


def tenants_with_shadows() -> list[int]:
    """Return the tenants one of whose versions scores unseen, or has scored."""
    rows = ModelVersion.objects.filter(engine=ENGINE, tenant__is_active=True)
    rows = rows.filter(state=State.SHADOW) | rows.filter(shadow_scores__isnull=False)
    return sorted({pk for pk in rows.values_list("tenant_id", flat=True) if pk is not None})


def score_in_shadow(*, tenant: Tenant, now: datetime) -> int:
    """Keep what the version in shadow says of every lead not looked at for 30 days; return how many."""
    version = ModelVersion.objects.filter(engine=ENGINE, tenant=tenant, state=State.SHADOW).first()
    if version is None:
        return 0
    served = versions.served_as(tenant=tenant, version=version)
    recent = set(
        ShadowScore.objects.filter(version=version, scored_at__gt=now - EVERY).values_list("lead", flat=True)
    )
    kept, waiting = 0, list[tuple[Lead, Score]]()
    for lead, score in previews.tenant_scores(tenant=tenant, served=served, now=now):
        if lead.pk not in recent and score.mode is Mode.MODEL:
            waiting.append((lead, score))
        if len(waiting) == CHUNK:
            kept += _keep(version, waiting, now)
            waiting = []
    return kept + _keep(version, waiting, now)


def _keep(version: ModelVersion, scored: Sequence[tuple[Lead, Score]], now: datetime) -> int:
    last = selectors.last_scores([lead.pk for lead, _ in scored])
    rows = [
        ShadowScore(
            version=version,
            lead=lead,
            score=score.score,
            tier=score.tier,
            standing_score=lead.score or 0.0,
            standing_tier=lead.tier,
            standing_model=last[lead.pk][2][0] if lead.pk in last else "",
            scored_at=now,
        )
        for lead, score in scored
    ]
    ShadowScore.objects.bulk_create(rows)
    return len(rows)


def grade_shadows(*, tenant: Tenant, now: datetime) -> None:
    """Keep, with each version that scored unseen, how right it was beside what served."""
    rows = ModelVersion.objects.filter(engine=ENGINE, tenant=tenant, shadow_scores__isnull=False)
    for version in rows.defer("artifact").distinct():
        version.shadow = grade(version, now=now)
        version.save(update_fields=["shadow"])


def grade(version: ModelVersion, *, now: datetime) -> dict[str, Any]:
    """Return how a version in shadow did on leads whose 90 days are over, as plain JSON.

    What served is measured on the same leads: by rank alone where the rules did, whose points are no
    probabilities.
    """
    rows = list(
        ShadowScore.objects.filter(version=version, lead__status=Lead.Status.ACTIVE)
        .select_related("lead")
        .order_by("pk")
    )
    known = [row for row in rows if row.scored_at + HORIZON <= now]
    came = _came(known, Target(version.target), now)
    told: dict[str, Any] = {
        "at": now.isoformat(),
        "since": rows[0].scored_at.isoformat() if rows else None,
        "scored": len({row.lead_id for row in rows}),
        "other_tier": len({row.lead_id for row in rows if row.tier != row.standing_tier}),
        "known": len(known),
        "came": int(came.sum()),
    }
    if len(known) < LEAST_KNOWN or not LEAST_CAME <= came.sum() <= len(known) - LEAST_CAME:
        return told
    groups = np.array([row.lead_id for row in known], dtype=np.int64)
    ours = np.array([row.score for row in known]) / 100.0
    theirs = np.array([row.standing_score for row in known]) / 100.0
    served = metrics.summary(came, theirs, seed=version.seed, rounds=ROUNDS, groups=groups)
    if any(not row.standing_model for row in known):
        served = {"auc": served["auc"], "recall_top_20": served["recall_top_20"]}
    else:
        saved = metrics.log_losses(came, theirs) - metrics.log_losses(came, ours)
        told["saved"] = metrics.mean_interval(saved, seed=version.seed, groups=groups).as_json()
    told["shadow"] = metrics.summary(came, ours, seed=version.seed, rounds=ROUNDS, groups=groups)
    told["standing"] = served
    return told


def _came(rows: Sequence[ShadowScore], target: Target, now: datetime) -> metrics.Flags:
    """Return for each row whether the outcome came within its 90 days."""
    found = list[bool]()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        outcomes = selectors.outcomes_of(list({row.lead_id: row.lead for row in chunk}.values()), until=now)
        found += [
            came_after(outcomes[row.lead_id], row.scored_at, target=target) is not None for row in chunk
        ]
    return np.array(found, dtype=np.bool_)
