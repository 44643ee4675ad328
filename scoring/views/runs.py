"""Long work that a page begins, and how far it is."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, get_model_run
from leads.models import ModelRun
from scoring import tasks


def queue_run(
    request: MemberRequest, run: ModelRun, is_new: bool, *, begun: str = "", busy: str = ""
) -> None:
    """Queue a run that is new and tell that it has begun, or tell that one is under way already."""
    if is_new:
        transaction.on_commit(partial(tasks.carry_out_run.delay, run.pk), robust=True)
    told = begun if is_new else busy
    if told:
        messages.add_message(request, messages.SUCCESS if is_new else messages.INFO, told)


@agent_required
@require_GET
def run_progress(request: MemberRequest, pk: int) -> HttpResponse:
    """Show how far long work is; the page around it is drawn anew once it has ended."""
    run = get_model_run(request, pk)
    if not request.htmx:
        return _what_it_is_about(run)
    response = render(request, "scoring/_run.html", {"run": run, "now": timezone.now()})
    if run.state != ModelRun.State.OPEN:
        response.headers["HX-Refresh"] = "true"
    return response


def _what_it_is_about(run: ModelRun) -> HttpResponse:
    """Return to the page of what a run works on, or to the list of its kind."""
    if run.work in (ModelRun.Work.LEARN, ModelRun.Work.WEIGH):
        if run.about:
            return redirect("scoring:weight-set", run.about.removeprefix("set-"))
        return redirect("scoring:weights")
    if run.version_id:
        return redirect("scoring:version", run.version_id)
    return redirect("scoring:version-list")
