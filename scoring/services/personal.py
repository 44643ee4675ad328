"""Weights fitted to single leads by their own past, and whether they turn scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from leads.ml import metrics
from leads.ml.calibration import sigmoid
from leads.ml.metrics import Values
from leads.models import Tenant, User
from scoring import selectors
from scoring.models import LeadScore, PersonalWeights, WeightSettings
from scoring.pillars import Pillar
from scoring.selectors.personal import OwnPast
from scoring.services import serving
from scoring.services.market import locked_settings, tell_weights
from scoring.services.serving import Served
from scoring.weights import Adjustment, Course, common_course, personal_weights
from scoring.weights.personal import LEAST

SEED = 1
BATCH = 500


def tenants_to_fit() -> list[int]:
    """Return the tenants whose leads' own past may turn their weights."""
    return list(Tenant.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True))


def fit_personal(*, tenant: Tenant, now: datetime) -> WeightSettings:
    """Fit weights anew to the leads with a past of their own, and measure what they are worth.

    They are kept whether used or not, so that a broker sees first what they would do.
    """
    served = serving.served_for([tenant.pk])[tenant.pk]
    mode = LeadScore.Mode.MODEL if served.model is not None else LeadScore.Mode.RULES
    pasts = [
        (past, past.margins * _weights(served, past.segment))
        for past in selectors.own_pasts(tenant, now=now, mode=mode, least=LEAST)
    ]
    found, told = list[PersonalWeights](), {"at": now.isoformat(), "leads": len(pasts), "turned": 0}
    course = _course(pasts)
    if course is not None:
        found = [row for past, margins in pasts if (row := _row(tenant, past, margins, course, now))]
        told |= {"turned": len(found)} | _measured(pasts, course)
    with transaction.atomic():
        settings = locked_settings(tenant)
        has_changed = _keep(tenant, found)
        settings.personal = told
        settings.save(update_fields=["personal"])
        if settings.uses_personal and has_changed:
            tell_weights(tenant=tenant, by=None, data={"personal": True, "turned": len(found)})
    return settings


@transaction.atomic
def set_personal_use(*, tenant: Tenant, uses_personal: bool, by: User) -> WeightSettings:
    """Let each lead's own past turn its weights, or no longer."""
    settings = locked_settings(tenant)
    settings.uses_personal, settings.set_by, settings.set_at = uses_personal, by, timezone.now()
    settings.save()
    tell_weights(tenant=tenant, by=by, data={"personal": uses_personal})
    serving.look_again()
    return settings


def _weights(served: Served, segment: str) -> Values:
    weights = served.weights_of(segment)
    return np.array([weights.of(pillar) for pillar in Pillar])


def _course(pasts: Sequence[tuple[OwnPast, Values]]) -> Course | None:
    if not pasts:
        return None
    return common_course(
        np.concatenate([margins for _, margins in pasts]), np.concatenate([past.steps for past, _ in pasts])
    )


def _fitted(margins: Values, past: OwnPast, course: Course, count: int) -> Adjustment:
    """Return what the first weeks of a lead's past say of its weights."""
    return personal_weights(course.margins(margins[:count]), course.base(count), past.steps[:count])


def _row(
    tenant: Tenant, past: OwnPast, margins: Values, course: Course, now: datetime
) -> PersonalWeights | None:
    """Return a lead's own weights; None where they are those of all."""
    found = _fitted(margins, past, course, len(margins))
    if found.is_neutral:
        return None
    return PersonalWeights(
        lead_id=past.lead_id,
        tenant=tenant,
        multipliers={str(pillar): one for pillar, one in found.multipliers.items() if one != 1.0},
        reasons={str(pillar): text for pillar, text in found.reasons.items()},
        moments=len(margins),
        made_at=now,
    )


def _measured(pasts: Sequence[tuple[OwnPast, Values]], course: Course) -> dict[str, Any]:
    """Return what was saved by foretelling each lead's last week from the weeks before it."""
    odds, turned, steps = list[float](), list[float](), list[bool]()
    for past, margins in pasts:
        if len(margins) <= LEAST:
            continue
        own = _fitted(margins, past, course, len(margins) - 1)
        last = course.margins(margins[-1])
        odds.append(course.level + float(last.sum()))
        turned.append(course.level + float((last * [own.of(pillar) for pillar in Pillar]).sum()))
        steps.append(bool(past.steps[-1]))
    came = np.array(steps, dtype=np.bool_)
    saved = metrics.log_losses(came, sigmoid(np.array(odds))) - metrics.log_losses(
        came, sigmoid(np.array(turned))
    )
    return {"tried": len(steps), "saved": metrics.mean_interval(saved, seed=SEED).as_json()}


def _keep(tenant: Tenant, rows: Sequence[PersonalWeights]) -> bool:
    """Keep the new weights in place of the old ones; return whether any is another."""
    before = dict(PersonalWeights.objects.filter(tenant=tenant).values_list("lead_id", "multipliers"))
    gone = before.keys() - {row.lead_id for row in rows}
    PersonalWeights.objects.filter(lead__in=gone).delete()
    PersonalWeights.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["lead"],
        update_fields=["multipliers", "reasons", "moments", "made_at"],
    )
    return bool(gone) or any(before.get(row.lead_id) != row.multipliers for row in rows)
