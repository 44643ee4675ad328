"""Weights: how strongly parts of the score count, and why; learned or set by hand, published, rolled back."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, broker_required
from leads.models import ModelRun
from scoring import selectors, services, tasks
from scoring.access import get_weight_set, weight_sets_for
from scoring.forms import WeightsForm
from scoring.models import WeightSet
from scoring.pillars import PILLAR_LABELS
from scoring.selectors.weights import SegmentWeights
from scoring.views.market import turned
from scoring.views.proof import frame
from scoring.views.refusals import refusals_told
from scoring.views.runs import queue_run
from scoring.views.versions import previewed
from scoring.weights import HIGHEST, LOWEST, PLAIN

ROUTE = "scoring:weights"
PAGE_ROWS = 20
State, Origin = WeightSet.State, WeightSet.Origin
STATE_CHIPS = {State.SERVING: "chip-good", State.DRAFT: "chip-info"}


@agent_required
@require_GET
def weights(request: MemberRequest) -> HttpResponse:
    """Show what counts how strongly now, what the market does, and every set there was."""
    tenant = request.tenant
    settings = selectors.weight_settings(tenant)
    market = selectors.market_of(tenant.pk, chosen=settings.area, day=timezone.now().date())
    serving = selectors.serving_weights(tenant)
    told = selectors.weights_by_segment(serving, market.adjustment if settings.uses_market else PLAIN)
    page = Paginator(weight_sets_for(request), PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        **frame(request, ROUTE),
        "serving": serving,
        "settings": settings,
        "market": market,
        "turned": turned(market),
        "page": page,
        "rows": [(row, STATE_CHIPS.get(State(row.state), "")) for row in page],
        "run": selectors.newest_run(tenant, ModelRun.Work.LEARN),
        "personal": selectors.personal_fit_of(settings),
        **_chosen(request, told),
    }
    return render(request, "scoring/weights.html", context)


@agent_required
@require_GET
def weight_set(request: MemberRequest, number: int) -> HttpResponse:
    """Show a set: its weights, what they rest on, and what publishing it would change."""
    return _render(request, get_weight_set(request, number))


@broker_required
@require_POST
def learn_weights(request: MemberRequest) -> HttpResponse:
    """Begin to learn weights from what became of the team's leads."""
    run, is_new = services.begin_learning_weights(tenant=request.tenant, by=request.user)
    queue_run(
        request,
        run,
        is_new,
        begun="Weights are being learned. You can leave this page.",
        busy="Weights are being learned already.",
    )
    return redirect(ROUTE)


@broker_required
@require_POST
def draft_weights(request: MemberRequest) -> HttpResponse:
    """Make a draft to set by hand, which begins as another set or as the plain model."""
    number = request.POST.get("like", "")
    like = get_weight_set(request, int(number)) if number.isdecimal() and len(number) < 9 else None
    made = services.draft_weights(tenant=request.tenant, by=request.user, like=like)
    return redirect("scoring:weight-set", made.number)


@broker_required
@require_POST
def edit_weights(request: MemberRequest, number: int) -> HttpResponse:
    """Keep other weights in a draft."""
    row = get_weight_set(request, number)
    form = WeightsForm(request.POST)
    if not form.is_valid():
        return _render(request, row, form=form, status=422)
    with refusals_told(request):
        services.edit_weights(
            weight_set=row,
            weights=form.weights(),
            reason=form.cleaned_data["reason"],
            by=request.user,
        )
        messages.success(request, "Kept. Look at what it would change before you publish it.")
    return redirect("scoring:weight-set", number)


@broker_required
@require_POST
def discard_weights(request: MemberRequest, number: int) -> HttpResponse:
    """Forget a draft."""
    is_gone = False
    with refusals_told(request):
        services.discard_weights(weight_set=get_weight_set(request, number))
        messages.success(request, "The draft is discarded.")
        is_gone = True
    return redirect(ROUTE) if is_gone else redirect("scoring:weight-set", number)


@broker_required
@require_POST
def preview_weights(request: MemberRequest, number: int) -> HttpResponse:
    """Begin to look at what publishing a set would change."""
    row = get_weight_set(request, number)
    run, is_new = services.begin_weights_preview(weight_set=row, by=request.user)
    is_this = run.about == row.name
    busy = "" if is_this else "Another set is being looked at. Try again when that is done."
    queue_run(request, run, is_new, busy=busy)
    return redirect("scoring:weight-set", number)


@broker_required
@require_POST
def publish_weights(request: MemberRequest, number: int) -> HttpResponse:
    """Let a set serve."""
    with refusals_told(request):
        row = services.publish_weights(
            weight_set=get_weight_set(request, number),
            by=request.user,
            despite=request.POST.get("despite") == "on",
        )
        messages.success(request, f"{row.name} serves. Leads are scored anew.")
    return redirect("scoring:weight-set", number)


@broker_required
@require_POST
def use_personal(request: MemberRequest) -> HttpResponse:
    """Let each lead's own past turn its weights, or no longer."""
    is_on = request.POST.get("uses_personal") == "on"
    services.set_personal_use(tenant=request.tenant, uses_personal=is_on, by=request.user)
    if is_on:
        transaction.on_commit(partial(tasks.retrain_personal.delay, request.tenant.pk), robust=True)
    told = "turns its weights" if is_on else "no longer turns its weights"
    messages.success(request, f"Each lead's own past {told}. Leads are scored anew.")
    return redirect(ROUTE)


@broker_required
@require_POST
def roll_back_weights(request: MemberRequest) -> HttpResponse:
    """Return to the set that served before."""
    with refusals_told(request):
        row = services.roll_back_weights(tenant=request.tenant, by=request.user)
        what = f"{row.name} serves again" if row is not None else "Every part counts once again"
        messages.success(request, f"{what}. Leads are scored anew.")
    return redirect(ROUTE)


def _chosen(request: HttpRequest, told: list[SegmentWeights]) -> dict[str, Any]:
    """Return the segments there are and the one the address asks for; all leads unless it is one of them."""
    wanted = request.GET.get("segment", "")
    return {"segments": told, "shown": next((one for one in told if one.name == wanted), told[0])}


def _render(
    request: MemberRequest, row: WeightSet, *, form: WeightsForm | None = None, status: int = 200
) -> HttpResponse:
    run = selectors.newest_run(request.tenant, ModelRun.Work.WEIGH)
    is_mine = row.state == State.DRAFT and row.origin == Origin.BROKER
    context: dict[str, Any] = {
        **frame(request, ROUTE),
        "set": row,
        "chip": STATE_CHIPS.get(State(row.state), ""),
        "run": run if run is not None and run.about == row.name else None,
        "can_publish": row.state != State.SERVING,
        "is_looked_at": services.is_looked_at(row, timezone.now()),
        "worsens": services.worsens(row),
        "worst_change": 100 * services.WORSE_ECE,
        "back_test": selectors.back_test_of(row),
        "form": (form or WeightsForm(initial=WeightsForm.starting(row.weights, row.reason)))
        if is_mine
        else None,
        "pillars": list(PILLAR_LABELS.values()),
        "bounds": (LOWEST, HIGHEST),
        **_chosen(request, selectors.weights_by_segment(row)),
    }
    if "moved" in row.preview:
        context |= previewed(request, row.preview)
    return render(request, "scoring/weight_set.html", context, status=status)
