"""Where tiers begin under a model: chosen from what the team can do and what became of earlier leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Membership, ModelVersion, Role, Tenant, User
from leads.selectors.alerts import settings_of
from leads.services.events import NewEvent, record_events
from scoring import selectors
from scoring.engine import Mode, Thresholds
from scoring.models import TierCuts
from scoring.outcomes import Target
from scoring.services import previews, serving
from scoring.services.serving import Served
from scoring.thresholds import Capacity, Cuts, Graded, Recent, choose_cuts, standard_cuts

AN_AGENT = 10
"""Leads a week an agent is taken to call first, until the broker says how many the team can."""
MOST_A_WEEK = 10_000
MOST_EXPLORED = 0.1
"""Share of the leads that may be left to chance."""
WARM_FOR_HOT = 2
"""Warm leads a week the team is taken to have time for, for each hot one."""
WEEKS = 4
"""Leads with a sign of life in so many weeks are those the team shares its time among."""
LEAST_MOVE = 0.5
"""Share of a cut's own margin by which it must move; chosen hourly, cuts would else tremble."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where tiers begin now: by segment under a model, else as the broker set them for the rules."""

    version: str
    cuts: Mapping[str, Mapping[str, Any]]
    rules: Thresholds
    chosen_at: datetime | None
    """When the tenant's own cuts were chosen; None while those of the model or of the rules hold."""


def tenants_with_models() -> list[int]:
    """Return the tenants whose leads a model may score."""
    serving_now = ModelVersion.objects.serving().filter(engine=serving.ENGINE)
    tenants = Tenant.objects.filter(is_active=True)
    if not serving_now.filter(tenant=None).exists():
        tenants = tenants.filter(pk__in=serving_now.values("tenant"))
    return list(tenants.order_by("pk").values_list("pk", flat=True))


def choose_tiers(*, tenant: Tenant, now: datetime) -> bool:
    """Choose anew where a tenant's tiers begin under its model; return whether they moved."""
    served = serving.served_for([tenant.pk])[tenant.pk]
    if served.model is None:
        return False
    if _is_held(tenant, served):
        return False
    version = ModelVersion.objects.defer("artifact").get(name=served.version)
    found = cuts_for(tenant=tenant, served=served, version=version, now=now)
    if not found:
        return False
    told = {segment: cuts.as_json() for segment, cuts in found.items()}
    with transaction.atomic():
        row = _locked(tenant)
        moved = row.model != version.name or _moved(row.cuts, found)
        if moved:
            row.model, row.cuts, row.is_held = version.name, told, False
        row.made_at = now
        row.save()
    serving.forget()
    return moved


def _is_held(tenant: Tenant, served: Served) -> bool:
    """Tell whether cuts that won an experiment under this model stand."""
    return TierCuts.objects.filter(tenant=tenant, model=served.version, is_held=True).exists()


def cuts_for(*, tenant: Tenant, served: Served, version: ModelVersion, now: datetime) -> dict[str, Cuts]:
    """Return where tiers would begin under a version; nothing where its model answers no lead."""
    scores, segments = list[float](), list[str]()
    for lead, score in previews.tenant_scores(tenant=tenant, served=served, now=now):
        is_alive = lead.last_event_at is not None and lead.last_event_at >= now - timedelta(weeks=WEEKS)
        if is_alive and score.mode is Mode.MODEL:
            scores.append(score.score)
            segments.append(lead.segment)
    return choose_cuts(
        Recent(np.array(scores), segments, float(WEEKS)),
        graded_of(version.metrics, version.target),
        capacity_of(tenant),
        standard=_standard(version),
    )


def model_cuts(metrics: Mapping[str, Any], target: str) -> dict[str, Any]:
    """Return where a model's scores are cut until a tenant's own cuts are chosen."""
    graded = graded_of(metrics, target)
    return {"": standard_cuts(graded).as_json()} if len(graded.scores) else {}


def graded_of(metrics: Mapping[str, Any], target: str) -> Graded:
    """Return what a model said of leads before their outcome was known, and whether its target came."""
    told = metrics.get("graded", {})
    return Graded(
        np.array(told.get("scores", []), dtype=np.float64),
        np.array(told.get("came", []), dtype=np.bool_),
        told.get("segments", []),
        Target(target),
    )


def capacity_row(tenant: Tenant) -> TierCuts | None:
    """Return what the broker said of the team, and the cuts chosen by it."""
    return TierCuts.objects.filter(tenant=tenant).select_related("set_by").first()


def standing_tiers(tenant: Tenant) -> Standing:
    """Return where a tenant's tiers begin now, by whatever scores its leads."""
    served = serving.served_for([tenant.pk])[tenant.pk]
    row = capacity_row(tenant)
    is_own = row is not None and row.model == served.version
    return Standing(
        served.version,
        served.cuts if served.model is not None else {},
        selectors.tiers(settings_of([tenant.pk])[tenant.pk]),
        row.made_at if row is not None and is_own else None,
    )


def capacity_of(tenant: Tenant) -> Capacity:
    """Return what the team can do in a week: as the broker said, else so much for each agent."""
    row = capacity_row(tenant)
    team = Membership.objects.filter(tenant=tenant, role__in=(Role.AGENT, Role.BROKER), is_active=True)
    agents = team.values("user").distinct().count()
    hot = row.hot_a_week if row is not None else None
    hot = hot if hot is not None else AN_AGENT * max(1, agents)
    least = row.least_precision if row is not None else 0.0
    return Capacity(float(hot), float(WARM_FOR_HOT * hot), least, agents or None)


def set_capacity(*, tenant: Tenant, hot_a_week: int | None, least_precision: float, by: User) -> TierCuts:
    """Keep what the team can do, and choose its tiers anew; None returns to the usual for each agent."""
    if hot_a_week is not None and not 1 <= hot_a_week <= MOST_A_WEEK:
        raise DomainError(f"Say how many leads a week the team can call: 1 to {MOST_A_WEEK:,}.", "hot_a_week")
    if not 0.0 <= least_precision <= 1.0:
        raise DomainError("Say the share of hot leads that must close: 0 to 100%.", "least_precision")
    with transaction.atomic():
        row = _locked(tenant)
        row.hot_a_week, row.least_precision, row.set_by = hot_a_week, least_precision, by
        row.is_held = False
        row.save()
        record_events(
            events=[
                NewEvent(
                    tenant_id=tenant.pk,
                    kind=Kind.THRESHOLDS_CHANGED,
                    occurred_at=timezone.now(),
                    data={"hot_a_week": hot_a_week, "least_precision": least_precision},
                    actor_id=by.pk,
                )
            ]
        )
    return row


def set_exploration(*, tenant: Tenant, share: float, by: User) -> TierCuts:
    """Leave to chance, for a share of the leads, whether they are hot; at 0 the score decides for all."""
    if not 0.0 <= share <= MOST_EXPLORED:
        raise DomainError(f"Say a share of the leads from 0 to {MOST_EXPLORED:.0%}.", "share")
    with transaction.atomic():
        row = _locked(tenant)
        row.explore_share = share
        row.save(update_fields=["explore_share"])
        record_events(
            events=[
                NewEvent(
                    tenant_id=tenant.pk,
                    kind=Kind.THRESHOLDS_CHANGED,
                    occurred_at=timezone.now(),
                    data={"explore_share": share},
                    actor_id=by.pk,
                )
            ]
        )
    serving.forget()
    return row


def _locked(tenant: Tenant) -> TierCuts:
    TierCuts.objects.get_or_create(tenant=tenant)
    return TierCuts.objects.select_for_update().get(tenant=tenant)


def _standard(version: ModelVersion) -> Thresholds:
    own = version.cuts.get("") or model_cuts(version.metrics, version.target).get("")
    return Cuts.from_json(own).thresholds if own else Thresholds()


def _moved(before: Mapping[str, Any], found: Mapping[str, Cuts]) -> bool:
    """Tell whether some cut lies elsewhere by more than a part of its margin, or there are other segments."""
    if before.keys() != found.keys():
        return True
    for segment, cuts in found.items():
        old = Cuts.from_json(before[segment])
        pairs = ((old.hot, cuts.hot), (old.warm, cuts.warm), (old.steady, cuts.steady))
        if any(abs(then - now) > LEAST_MOVE * max(old.margin, 1e-6) for then, now in pairs):
            return True
    return False
