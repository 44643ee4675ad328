"""The command centre."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required, leads_for
from leads.charts import Spark
from leads.context import last_live_number
from leads.models import Lead, User
from leads.selectors import dashboard
from leads.selectors.dashboard import Pulse

WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PARTS = {
    "pulse": "leads/_pulse.html",
    "attention": "leads/_attention.html",
    "board": "leads/_board.html",
}


@dataclass(frozen=True, slots=True)
class BoardRow:
    """What the row template of a lead takes."""

    lead: Lead
    spark: Spark | None
    reasons: list[dict[str, str]]


@agent_required
@require_GET
def show_dashboard(request: MemberRequest) -> HttpResponse:
    """Show who to turn to now, and keep it current."""
    now = timezone.now()
    part = request.GET.get("part", "")
    if part in PARTS and request.htmx:
        return render(request, PARTS[part], _part_context(request, part, now))
    context = {
        **_part_context(request, "board", now),
        **_part_context(request, "pulse", now),
        **_part_context(request, "attention", now),
        "boards": dashboard.BOARDS,
    }
    return render(request, "leads/dashboard.html", context)


def _part_context(request: MemberRequest, part: str, now: datetime) -> dict[str, object]:
    if part == "board":
        return _board_context(request, now)
    if part == "attention":
        return {"attention": dashboard.needs_attention(request.tenant), "now": now}
    pulse = dashboard.pulse(request.tenant, now=now)
    zone = ZoneInfo(request.tenant.time_zone)
    return {"pulse": pulse, "greeting": greeting(request.user, now.astimezone(zone)), "news": news(pulse)}


def _board_context(request: MemberRequest, now: datetime) -> dict[str, object]:
    live_after = last_live_number(request.tenant)  # before the rows: what changes meanwhile comes live
    show = request.GET.get("show", "all")
    show = show if show in dashboard.BOARDS else "all"
    leads = dashboard.board(leads_for(request), show=show)
    sparks = dashboard.score_sparks(leads, now=now)
    return {
        "live_after": live_after,
        "show": show,
        "limit": dashboard.BOARD_ROWS,
        "rows": [BoardRow(lead, sparks[lead.pk], lead.reasons) for lead in leads],
        "now": now,
    }


def greeting(user: User, local_now: datetime) -> str:
    hour = local_now.hour
    part = "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
    return f"Good {part}, {user.get_short_name()}."


@dataclass(frozen=True, slots=True)
class News:
    """The day in one sentence: emphasised counts between plain words."""

    hot: str
    replies: str


def news(pulse: Pulse) -> News:
    return News(
        hot=f"{_spelled(pulse.hot_today)} lead{pluralize(pulse.hot_today)}".capitalize(),
        replies=f"{_spelled(pulse.replies_waiting)} repl{pluralize(pulse.replies_waiting, 'y,ies')}",
    )


def _spelled(count: int) -> str:
    return WORDS[count] if count < len(WORDS) else f"{count:,}"


@agent_required
@require_GET
def show_bell(request: MemberRequest) -> HttpResponse:
    """Show the count of open alerts as it is now."""
    return render(request, "shell/_alert_bell.html")
