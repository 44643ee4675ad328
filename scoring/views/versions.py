"""Versions of the model: what each learned and how right it was, looked at, published and rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import (
    MemberRequest,
    agent_required,
    broker_required,
    get_model_version,
    leads_for,
    model_versions_for,
)
from leads.models import Lead, ModelRun, ModelVersion
from leads.models.leads import Tier
from scoring import selectors, services, tasks
from scoring.views.proof import asked_segment, charts, frame
from scoring.views.refusals import refusals_told
from scoring.views.runs import queue_run

ROUTE = "scoring:version-list"
PAGE_ROWS = 20
State = ModelVersion.State
STATE_CHIPS = {State.SERVING: "chip-good", State.SHADOW: "chip-info", State.REFUSED: "chip-warn"}


@dataclass(frozen=True, slots=True)
class Moved:
    """A lead before and after."""

    lead: Lead
    score: float
    tier: str
    new_score: float
    new_tier: str

    @property
    def change(self) -> float:
        return self.new_score - self.score


@agent_required
@require_GET
def version_list(request: MemberRequest) -> HttpResponse:
    """Show every version learned from the team's own leads, the newest first."""
    rows = model_versions_for(request).filter(engine=services.ENGINE)
    page = Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        **frame(request, ROUTE),
        "page": page,
        "rows": [(row, STATE_CHIPS.get(State(row.state), ""), selectors.proof_of(row)) for row in page],
        "serving": selectors.serving_version(request.tenant),
        "run": selectors.newest_run(request.tenant, ModelRun.Work.TRAIN),
        "waits_for": services.LEAST_CAME,
    }
    return render(request, "scoring/version_list.html", context)


@agent_required
@require_GET
def version(request: MemberRequest, pk: int) -> HttpResponse:
    """Show a version: what it learned from, how right it was, and what publishing it would change."""
    row = get_model_version(request, pk)
    proof = selectors.proof_of(row, segment=asked_segment(request))
    run = selectors.newest_run(request.tenant, ModelRun.Work.PREVIEW)
    context: dict[str, Any] = {
        **frame(request, ROUTE),
        "version": row,
        "chip": STATE_CHIPS.get(State(row.state), ""),
        "proof": proof,
        "run": run if run is not None and run.version_id == row.pk else None,
        "can_publish": row.state in (State.CANDIDATE, State.SHADOW, State.RETIRED),
        "is_looked_at": services.is_looked_at(row, timezone.now()),
        "shadow": selectors.shadow_of(row),
        "own_fields": row.metrics.get("own_fields"),
    }
    if proof is not None:
        context |= charts(proof)
    if "moved" in row.preview:
        context |= previewed(request, row.preview)
    return render(request, "scoring/version.html", context)


@broker_required
@require_POST
def train(request: MemberRequest) -> HttpResponse:
    """Begin a training on what became of the team's leads."""
    run, is_new = services.begin_training(tenant=request.tenant, by=request.user)
    queue_run(
        request,
        run,
        is_new,
        begun="The training has begun. You can leave this page.",
        busy="A training is under way already.",
    )
    return redirect(ROUTE)


@broker_required
@require_POST
def preview_version(request: MemberRequest, pk: int) -> HttpResponse:
    """Begin to look at what publishing a version would change."""
    row = get_model_version(request, pk)
    run, is_new = services.begin_version_preview(version=row, by=request.user)
    is_this = run.version_id == row.pk
    busy = "" if is_this else "Another version is being looked at. Try again when that is done."
    queue_run(request, run, is_new, busy=busy)
    return redirect("scoring:version", pk)


@broker_required
@require_POST
def publish_version(request: MemberRequest, pk: int) -> HttpResponse:
    """Let a version serve."""
    with refusals_told(request):
        row = services.publish_version(version=get_model_version(request, pk), by=request.user)
        messages.success(request, f"{row.name} serves. Leads are scored anew.")
    return redirect("scoring:version", pk)


@broker_required
@require_POST
def shadow_version(request: MemberRequest, pk: int) -> HttpResponse:
    """Let a version score unseen beside what serves, or no longer."""
    row = get_model_version(request, pk)
    with refusals_told(request):
        if row.state == State.SHADOW:
            services.leave_shadow(version=row)
            messages.success(request, "It scores no longer. What it said is still graded.")
        else:
            services.shadow_version(version=row)
            transaction.on_commit(partial(tasks.score_in_shadow.delay, request.tenant.pk), robust=True)
            messages.success(request, "It scores every lead from now on, unseen.")
    return redirect("scoring:version", pk)


@broker_required
@require_POST
def roll_back_version(request: MemberRequest) -> HttpResponse:
    """Return to the version that served before."""
    with refusals_told(request):
        row = services.roll_back_version(tenant=request.tenant, by=request.user)
        messages.success(
            request, f"{row.name if row else 'What served before'} serves again. Leads are scored anew."
        )
    return redirect(ROUTE)


def previewed(request: MemberRequest, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page shows of a preview: tiers then and now, and the leads that move most."""
    leads = leads_for(request).in_bulk([move["lead_id"] for move in kept["moved"]])
    return {
        "preview": kept,
        "tiers": [(tier, kept["tiers"][tier], kept["new_tiers"][tier]) for tier in Tier.values],
        "moved": [
            Moved(leads[pk], move["score"], move["tier"], move["new_score"], move["new_tier"])
            for move in kept["moved"]
            if (pk := move["lead_id"]) in leads
        ],
    }
