"""Experiments: what is tried, what it takes, and what it says so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from leads.access import (
    MemberRequest,
    agent_required,
    broker_required,
    get_of_team,
    model_versions_for,
    of_team,
)
from leads.charts import Chart, Series, line_chart
from leads.errors import DomainError
from leads.figures import signed
from leads.models import ModelVersion
from scoring import selectors, services, tasks
from scoring.experiments.planning import Plan
from scoring.experiments.results import Stop
from scoring.forms import ExperimentForm, ExplorationForm
from scoring.models import Experiment, WeightSet
from scoring.views.proof import frame
from scoring.views.refusals import refusals_told

ROUTE = "scoring:experiment-list"
PAGE_ROWS = 20
State = Experiment.State
USUAL_PERCENT = 5.0
"""Closings of a hundred leads where the team's own rate is not known yet."""
TRIABLE = (ModelVersion.State.CANDIDATE, ModelVersion.State.SHADOW, ModelVersion.State.RETIRED)
CHIPS = {
    Stop.WON: ("chip-good", "Won"),
    Stop.LOST: ("chip-bad", "Lost"),
    Stop.HARM: ("chip-bad", "Stopped: harm"),
    Stop.NO_DIFFERENCE: ("", "No difference"),
    Stop.SAMPLE_RATIO: ("chip-warn", "Broken split"),
}


@agent_required
@require_GET
def experiment_list(request: MemberRequest) -> HttpResponse:
    """Show every experiment of the team, the newest first, and what is left to chance."""
    row = services.capacity_row(request.tenant)
    share = row.explore_share if row is not None else 0.0
    return _list(request, ExplorationForm(initial={"percent": f"{100 * share:g}"}))


@broker_required
@require_POST
def set_exploration(request: MemberRequest) -> HttpResponse:
    """Leave to chance whether some leads are hot."""
    form = ExplorationForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    share = form.cleaned_data["percent"] / 100
    services.set_exploration(tenant=request.tenant, share=share, by=request.user)
    messages.success(request, "Kept. Leads are looked at anew.")
    return redirect(ROUTE)


def _list(request: MemberRequest, form: ExplorationForm, *, status: int = 200) -> HttpResponse:
    rows = of_team(request, Experiment.objects.all())
    page = Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        **frame(request, ROUTE),
        "page": page,
        "rows": [(row, _chip(row)) for row in page],
        "form": form,
        "explored": selectors.explored_in_a_week(request.tenant, now=timezone.now()),
        "capacity": services.capacity_row(request.tenant),
    }
    return render(request, "scoring/experiment_list.html", context, status=status)


@broker_required
@require_http_methods(["GET", "POST"])
def new_experiment(request: MemberRequest) -> HttpResponse:
    """Reckon what an experiment takes, and keep it once the broker agrees."""
    make = partial(
        ExperimentForm,
        weight_sets=of_team(request, WeightSet.objects.exclude(state=WeightSet.State.SERVING)),
        model_versions=model_versions_for(request).filter(engine=services.ENGINE, state__in=TRIABLE),
    )
    if request.method == "GET":
        return _form(request, make(initial=_usual(request)))
    form = make(request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        planned = form.wanted().planned()
        if "reckon" in request.POST:
            return _form(request, form, planned)
        row = services.plan_experiment(
            tenant=request.tenant,
            by=request.user,
            name=form.cleaned_data["name"],
            tries=form.cleaned_data["tries"],
            target=form.cleaned_data["target"],
            wanted=form.wanted(),
            **form.tried(),
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return _form(request, form, status=422)
    messages.success(request, "Kept. It runs once you start it.")
    return redirect("scoring:experiment", row.pk)


def _usual(request: MemberRequest) -> Mapping[str, Any]:
    """Return what the form shows at first: the team's own figures where they are known."""
    newest = selectors.serving_version(request.tenant) or selectors.newest_version(request.tenant)
    percent, target = USUAL_PERCENT, Experiment.Target.CLOSING.value
    if newest is not None and newest.tenant_id is not None and newest.rows:
        percent, target = 100.0 * newest.positives / newest.rows, newest.target
    coming = selectors.leads_a_day(request.tenant, now=timezone.now())
    return {
        "target": target,
        "tries": Experiment.Tries.WEIGHTS,
        "base_percent": f"{max(0.1, percent):.1f}",
        "least_points": f"{max(0.5, percent / 4):.1f}",
        "treated_percent": "50",
        "leads_a_day": f"{max(coming, 0.1):.1f}",
    }


def _form(
    request: MemberRequest, form: ExperimentForm, planned: Plan | None = None, *, status: int = 200
) -> HttpResponse:
    def fields(*names: str) -> list[Any]:
        return [form[name] for name in names]

    context = {
        **frame(request, ROUTE),
        "form": form,
        "planned": planned,
        "groups": [
            (
                "What is tried",
                "Leads are divided by chance once and for all. Fill in what belongs to your choice.",
                fields("name", "tries", "weight_set", "model_version", "hot", "warm", "steady"),
            ),
            (
                "What it should tell",
                "The smaller the difference, the more leads it takes.",
                fields("target", "base_percent", "least_points", "treated_percent", "leads_a_day"),
            ),
        ],
    }
    return render(request, "scoring/experiment_new.html", context, status=status)


@agent_required
@require_GET
def experiment(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what is tried, what it takes, and what it says so far, with intervals."""
    row = get_of_team(
        request, Experiment.objects.select_related("weight_set", "made_by", "ended_by", "model_version"), pk
    )
    reading = row.reading
    context = {
        **frame(request, ROUTE),
        "experiment": row,
        "chip": _chip(row),
        "planned": services.plan_of(row),
        "reading": reading,
        "variants": [_percents(one) for one in reading.get("variants", [])],
        "difference": _points(reading["difference"]) if reading else None,
        "chart": _course(row),
        "may_take_over": services.may_take_over(row),
    }
    return render(request, "scoring/experiment.html", context)


@broker_required
@require_POST
def start_experiment(request: MemberRequest, pk: int) -> HttpResponse:
    """Let an experiment run."""
    with refusals_told(request):
        row = services.start_experiment(experiment=_get(request, pk), by=request.user, now=timezone.now())
        transaction.on_commit(partial(tasks.read_experiment.delay, row.pk), robust=True)
        messages.success(request, "It runs. Leads enter as they are scored.")
    return redirect("scoring:experiment", pk)


@broker_required
@require_POST
def end_experiment(request: MemberRequest, pk: int) -> HttpResponse:
    """End an experiment by hand."""
    with refusals_told(request):
        services.end_experiment(experiment=_get(request, pk), by=request.user, now=timezone.now())
        messages.success(request, "Ended. Every lead is scored by what serves again.")
    return redirect("scoring:experiment", pk)


@broker_required
@require_POST
def discard_experiment(request: MemberRequest, pk: int) -> HttpResponse:
    """Forget an experiment that never ran."""
    row = _get(request, pk)
    with refusals_told(request):
        services.discard_experiment(experiment=row)
        messages.success(request, "Discarded.")
    still = of_team(request, Experiment.objects.filter(pk=pk)).exists()
    return redirect("scoring:experiment", pk) if still else redirect(ROUTE)


@broker_required
@require_POST
def take_over(request: MemberRequest, pk: int) -> HttpResponse:
    """Let what won score every lead."""
    with refusals_told(request):
        services.take_over(experiment=_get(request, pk), by=request.user, now=timezone.now())
        messages.success(request, "It serves from now on. Leads are scored anew.")
    return redirect("scoring:experiment", pk)


def _get(request: MemberRequest, pk: int) -> Experiment:
    return get_of_team(request, Experiment.objects.all(), pk)


def _chip(row: Experiment) -> tuple[str, str]:
    """Return how an experiment's state looks and reads."""
    if row.state == State.RUNNING:
        return "chip-info", "Running"
    if row.state == State.DRAFT:
        return "", "Planned"
    return CHIPS.get(row.reading.get("stop", ""), ("", "Ended by hand"))


def _percents(variant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **variant,
        "percents": None
        if variant["rate"] is None
        else [100 * variant[name] for name in ("rate", "low", "high")],
    }


def _points(difference: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the difference in percentage points; None while too little is known."""
    if difference["low"] is None:
        return None
    return {name: 100 * difference[name] for name in ("value", "low", "high")}


def _course(row: Experiment) -> Chart | None:
    """Draw how the interval of the difference narrowed; one day alone is no course."""
    if len(row.course) < 2:
        return None
    return line_chart(
        id=f"experiment-{row.pk}",
        title="Difference in percentage points",
        labels=[f"{date.fromisoformat(one['day']):%-d %b}" for one in row.course],
        series=[
            Series("Difference", [100 * one["value"] for one in row.course]),
            Series("Lowest it may be", [100 * one["low"] for one in row.course], 6, is_dashed=True),
            Series("Highest it may be", [100 * one["high"] for one in row.course], 6, is_dashed=True),
        ],
        number=signed,
        is_straight=True,
        label_name="Day",
    )
