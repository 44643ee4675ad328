"""The alerts page, its rules, and the bell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from leads import alerting
from leads.access import MemberRequest, agent_required, alerts_for, broker_required, get_alert
from leads.charts import spark
from leads.context import last_live_number
from leads.forms.alerts import AlertRulesForm
from leads.models import AlertSettings, Role
from leads.models.alerts import AlertKind
from leads.selectors import alert_preview
from leads.selectors import alerts as selectors
from leads.selectors.dashboard import GOAL_SHARE
from leads.services import alerts

PAGE_ROWS = 30
HEADINGS = {
    "open": "Open alerts",
    "late": "Alerts past the goal",
    "handled": "Handled alerts",
    "all": "All alerts",
}
PARTS = {"feed": "leads/_alert_feed.html", "counts": "leads/_alert_counts.html"}
GROUPS = (
    (
        "Tiers",
        "From how many points a lead counts as hot, warm or steady. Leads follow soon after you save.",
        ("hot_score", "warm_score", "steady_score"),
    ),
    (
        "What raises an alert",
        "Switch off what is not wanted.",
        ("kinds", "score_drop", "reply_limit_minutes", "hot_silent_hours", "cooldown_minutes"),
    ),
    (
        "Who is told, and when",
        "Every alert shows in the app at once.",
        ("handle_goal_minutes", "escalate_minutes", "channels"),
    ),
)


@agent_required
@require_GET
def alert_list(request: MemberRequest) -> HttpResponse:
    """Show the feed of alerts, narrowed by the address, each open one with its clock."""
    now = timezone.now()
    part = request.GET.get("part", "")
    if part:
        _drop_part(request)
    if part == "counts" and request.htmx:
        return render(request, PARTS[part], _figures(request, now))
    live_after = last_live_number(request.tenant)
    context = _feed(request, now)
    if part == "feed" and request.htmx:
        return render(request, PARTS[part], context)
    context |= _figures(request, now) | {"live_after": live_after}
    return render(request, "leads/alert_list.html", context)


def _drop_part(request: MemberRequest) -> None:
    """Let the links of a part be those of its page."""
    values = request.GET.copy()
    del values["part"]
    request.GET = values  # type: ignore[assignment]  # Django's own setter takes any QueryDict


def _feed(request: MemberRequest, now: datetime) -> dict[str, Any]:
    show = request.GET.get("show", "open")
    show = show if show in selectors.FILTERS else "open"
    kind = request.GET.get("kind", "")
    kind = kind if kind in AlertKind.values else ""
    mine = request.user.pk if request.GET.get("mine") == "1" else None
    rows = selectors.feed(alerts_for(request), show=show, kind=kind, mine=mine, now=now)
    return {
        "page": Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page")),
        "heading": HEADINGS[show],
        "shows": selectors.FILTERS,
        "show": show,
        "kinds": AlertKind.choices,
        "kind": kind,
        "mine": mine is not None,
        "is_narrowed": show != "open" or bool(kind) or mine is not None,
        "can_change_rules": request.membership.role in (Role.BROKER, Role.ADMIN),
        "now": now,
    }


def _figures(request: MemberRequest, now: datetime) -> dict[str, Any]:
    share = selectors.share_in_time(request.tenant, now)
    goal = selectors.settings_of([request.tenant.pk])[request.tenant.pk].handle_goal_minutes
    return {
        "counts": selectors.counts(request.tenant, now),
        "share": share,
        "share_spark": spark([part for part in share.by_day if part is not None], low=0, high=1),
        "share_is_good": None if share.percent is None else share.percent >= GOAL_SHARE,
        "goal": alerting.duration(timedelta(minutes=goal)),
        "now": now,
    }


@agent_required
@require_POST
def acknowledge(request: MemberRequest, pk: int) -> HttpResponse:
    """Take an alert: its clock stops."""
    alert = alerts.acknowledge_alert(alert=get_alert(request, pk), by=request.user)
    if request.htmx:
        return render(request, "leads/_alert_row.html", {"alert": alert, "now": timezone.now()})
    is_mine = alert.acknowledged_by_id == request.user.pk
    done = "The alert is yours." if is_mine else "Somebody else took this alert, or its cause went away."
    messages.success(request, done)
    return redirect("leads:alert-list")


@broker_required
@require_http_methods(["GET", "POST"])
def rules(request: MemberRequest) -> HttpResponse:
    """Show and change the tenant's alert rules, with what they would have raised."""
    present = selectors.settings_of([request.tenant.pk])[request.tenant.pk]
    present.tenant = request.tenant
    form = AlertRulesForm(request.POST or None, instance=present)
    is_valid = form.is_valid()
    wants_preview = "preview" in request.POST
    if is_valid and not wants_preview:
        alerts.change_settings(tenant=request.tenant, values=form.values(), by=request.user)
        messages.success(request, "The alert rules are saved.")
        return redirect("leads:alert-rules")
    wanted: AlertSettings | None = present
    if form.is_bound:
        wanted = form.wanted() if is_valid else None
    context: dict[str, Any] = {"form": form, "preview": _preview(request, wanted)}
    if wants_preview and request.htmx:
        return render(request, "leads/_alert_preview.html", context)
    context["is_model_serving"] = selectors.is_model_serving(request.tenant)
    context["groups"] = [(title, note, [form[name] for name in names]) for title, note, names in GROUPS]
    return render(request, "leads/alert_rules.html", context, status=422 if form.errors else 200)


def _preview(request: MemberRequest, wanted: AlertSettings | None) -> alert_preview.Preview | None:
    if wanted is None:
        return None
    return alert_preview.preview(request.tenant, selectors.as_thresholds(wanted), timezone.now())
