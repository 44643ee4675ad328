"""Whether the score is right: how the model that serves did on leads it had not seen."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, manages, model_versions_for
from leads.charts import Chart, Series, line_chart
from leads.models import ModelRun, Tenant
from scoring import selectors, services
from scoring.selectors.proof import NO_SEGMENT, Fold, Gain, Proof, Reliability
from scoring.views.tabs import TABS

HISTORY = 24


@agent_required
@require_GET
def overview(request: MemberRequest) -> HttpResponse:
    """Show what scores the leads and how right it was, for all of them or one segment."""
    tenant = request.tenant
    version = selectors.serving_version(tenant)
    proof = selectors.proof_of(version, segment=asked_segment(request)) if version else None
    context: dict[str, Any] = {
        **frame(request, "scoring:overview"),
        "version": version,
        "proof": proof,
        "newest": selectors.newest_version(tenant) if proof is None else None,
        "run": training_of(tenant),
        "waits_for": services.LEAST_CAME,
        "versions": list(model_versions_for(request).filter(engine=services.ENGINE)[:HISTORY]),
    }
    if version is not None:
        context["watched"] = selectors.watched_of(version)
    if proof is not None:
        context |= charts(proof)
    if (graded := selectors.people_against_model(tenant)) is not None:
        context["people"], context["by_rules"] = graded
    return render(request, "scoring/overview.html", context)


def frame(request: MemberRequest, tab: str) -> dict[str, Any]:
    """Return what every page of scoring shows."""
    return {"tabs": TABS, "tab": tab, "now": timezone.now(), "may_change": manages(request)}


def asked_segment(request: MemberRequest) -> str | None:
    """Return the segment the address asks for: None for all leads, empty for those without one."""
    name = request.GET.get("segment", "")
    return (name if name != NO_SEGMENT else "") if name else None


def training_of(tenant: Tenant) -> ModelRun | None:
    """Return the training begun last."""
    return selectors.newest_run(tenant, ModelRun.Work.TRAIN)


def charts(proof: Proof) -> dict[str, Chart | None]:
    """Draw a proof's figures."""
    return {
        "reliability_chart": _reliability(proof.reliability),
        "gain_chart": _gains(proof.gains),
        "fold_chart": _folds(proof.folds),
    }


def _reliability(rows: list[Reliability]) -> Chart | None:
    if len(rows) < 2:
        return None
    return line_chart(
        id="reliability",
        title="What was said and what came",
        labels=[f"{100 * row.said:.0f}%" for row in rows],
        label_name="Said",
        is_straight=True,
        series=[
            Series("Came", [100 * row.happened for row in rows]),
            Series("Said", [100 * row.said for row in rows], 6, is_dashed=True),
        ],
        number="{:.1f}%".format,
        axis="{:g}%".format,
    )


def _gains(rows: list[Gain]) -> Chart | None:
    told = [row for row in rows if row.reached is not None]
    if len(told) < 2:
        return None
    return line_chart(
        id="gains",
        title="Reached by calling the best-scored first",
        labels=["0%", *(f"{100 * row.share:.0f}%" for row in told)],
        label_name="Share called",
        is_straight=True,
        series=[
            Series("Reached by score", [0.0, *(100 * (row.reached or 0.0) for row in told)], is_filled=True),
            Series("In any order", [0.0, *(100 * row.share for row in told)], 6, is_dashed=True),
        ],
        number="{:.0f}%".format,
        top=100,
    )


def _folds(rows: list[Fold]) -> Chart | None:
    told = [row for row in rows if row.auc.value is not None and row.ece.value is not None]
    if len(told) < 2:
        return None
    return line_chart(
        id="folds",
        title="Forward in time",
        labels=[f"{row.begins:%-d %b}" for row in told],
        label_name="From",
        is_straight=True,
        number="{:,.1f}".format,
        axis="{:g}".format,
        series=[
            Series("AUC × 100", [100 * (row.auc.value or 0.0) for row in told]),
            Series("Calibration error, %", [100 * (row.ece.value or 0.0) for row in told], 2),
        ],
        top=100,
    )
