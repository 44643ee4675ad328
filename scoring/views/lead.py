"""Why a lead scores as it does: the same view serves the panel on the lead's page and a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, get_lead
from leads.charts import Chart, Series, SignedBar, line_chart, signed_bars
from leads.models import Lead
from scoring import selectors, services, tasks
from scoring.changes import Change, Move
from scoring.forms import DAYS, ChangeForm
from scoring.pillars import PILLAR_LABELS
from scoring.selectors import Explanation

SHOWN = 8
LEAST_SHOWN = 0.05
"""Points from which a contribution is listed; the rest is told as one sum."""


@dataclass(frozen=True, slots=True)
class BarRow:
    """A labelled bar left or right of zero."""

    label: str
    points: float
    bar: SignedBar
    detail: str = ""


@agent_required
@require_GET
def lead_panel(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what made a lead's score: points by pillar and by feature, its course, weights and mode."""
    lead = get_lead(request, pk)
    now = timezone.now()
    told = services.standing_explanation(lead)
    context = {"lead": lead, "now": now, "told": told}
    if told is not None:
        context |= {
            "contributions": _contribution_rows(told),
            "rest": _rest(told),
            "pillars": _pillar_rows(told),
            "lifts": services.lifts_of(lead),
            "weighed": services.weights_explained(lead, told),
            "chart": _chart(lead.pk, selectors.history(lead, now=now)),
        }
    if request.htmx:
        return render(request, "scoring/_lead_panel.html", context)
    if told is not None:
        context |= {"form": ChangeForm({}, known_since=selectors.known_since(lead), now=now), "days": DAYS}
    return render(request, "scoring/lead_panel.html", context)


@agent_required
@require_GET
def lead_change(request: MemberRequest, pk: int) -> HttpResponse:
    """Show a lead's score at two moments and what moved it from the one to the other."""
    lead = get_lead(request, pk)
    now = timezone.now()
    form = ChangeForm(request.GET, known_since=selectors.known_since(lead), now=now)
    context = {"lead": lead, "now": now, "form": form, "days": DAYS, "is_answer": True}
    if form.is_valid():
        start, end = form.cleaned_data["from"], form.cleaned_data["to"]
        asked = services.ask_change(lead=lead, start=start, end=end)
        for query_id in asked.to_queue:
            transaction.on_commit(partial(tasks.answer_query.delay, query_id), robust=True)
        context |= {"again": urlencode({"from": start.isoformat(), "to": end.isoformat()})}
        if asked.answer is not None:
            context |= _change(asked.answer) | _between(lead, asked.answer)
    return render(
        request, "scoring/_lead_change.html" if request.htmx else "scoring/lead_change.html", context
    )


def _shown(told: Explanation) -> int:
    return sum(abs(one.points) >= LEAST_SHOWN for one in told.contributions[:SHOWN])


def _contribution_rows(told: Explanation) -> list[BarRow]:
    shown = told.contributions[: _shown(told)]
    bars = signed_bars([one.points for one in shown])
    return [BarRow(one.label, one.points, bar, one.detail) for one, bar in zip(shown, bars, strict=True)]


def _rest(told: Explanation) -> float | None:
    """Return the points of everything not listed, or None when all is."""
    rest = told.contributions[_shown(told) :]
    return sum(one.points for one in rest) if rest else None


def _pillar_rows(told: Explanation) -> list[BarRow]:
    ordered = sorted(told.pillars, key=lambda pillar: -abs(pillar[2]))
    bars = signed_bars([points for _, _, points, _ in ordered])
    return [
        BarRow(label, points, bar, "" if weight == 1 else f"weight × {weight:.3g}")
        for (_, label, points, weight), bar in zip(ordered, bars, strict=True)
    ]


def _change(change: Change) -> dict[str, object]:
    """Return what the page shows of a change."""
    shown = change.moves[: sum(abs(move.points) >= LEAST_SHOWN for move in change.moves[:SHOWN])]
    rest = change.moves[len(shown) :]
    bars = signed_bars([move.points for move in shown])
    pillars = signed_bars([points for _, points in change.pillars])
    return {
        "change": change,
        "contributions": [
            BarRow(selectors.told_feature(move.feature, 0.0)[0], move.points, bar, _told_move(move))
            for move, bar in zip(shown, bars, strict=True)
        ],
        "rest": sum(move.points for move in rest) if rest else None,
        "pillars": [
            BarRow(PILLAR_LABELS[pillar], points, bar)
            for (pillar, points), bar in zip(change.pillars, pillars, strict=True)
        ],
    }


def _between(lead: Lead, change: Change) -> dict[str, object]:
    """Return what happened meanwhile, and what each of it moved where the history is short enough."""
    start, end = change.before.at, change.after.at
    between = selectors.between(lead, start, end)
    shown = {one.event.pk for one in between.latest}
    if not shown or services.has_long_past(lead=lead, until=end):
        return {"between": between}
    moved = services.moved_by_events(lead=lead, start=start, end=end, events=shown)
    return {"between": between, "moved": moved, "meanwhile": change.points - sum(moved.values())}


def _told_move(move: Move) -> str:
    """Say what a feature was and is; one that stayed moves the score by how it counts with the others."""
    told = [
        selectors.told_feature(move.feature, value)[1]
        for value in (move.before, move.after)
        if value is not None
    ]
    return " → ".join(dict.fromkeys(told))


def _chart(pk: int, history: Sequence[tuple[datetime, float]]) -> Chart | None:
    """Draw the score of each day that moved it; one day alone is no course."""
    if len(history) < 2:
        return None
    return line_chart(
        id=f"score-history-{pk}",
        title="Score",
        labels=[f"{at:%-d %b}" for at, _ in history],
        series=[Series("Score", [score for _, score in history], is_filled=True)],
        height=160,
        top=100,
    )
