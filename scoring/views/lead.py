"""Why a lead scores as it does: the same view serves the panel on the lead's page and a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, get_lead
from leads.charts import Chart, Series, SignedBar, line_chart, signed_bars
from scoring import selectors, services
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
            "chart": _chart(lead.pk, selectors.history(lead, now=now)),
        }
    return render(request, "scoring/_lead_panel.html" if request.htmx else "scoring/lead_panel.html", context)


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
        BarRow(label, points, bar, "" if weight == 1 else f"weight × {weight:g}")
        for (_, label, points, weight), bar in zip(ordered, bars, strict=True)
    ]


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
