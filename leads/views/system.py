"""What works and since when, for the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads.access import MemberRequest, agent_required
from leads.ops import health
from leads.selectors import system

NAMES = {
    "database": ("PostgreSQL", "database"),
    "redis": ("Redis", "zap"),
    "bus": ("Event bus", "route"),
    "workers": ("Workers", "cpu"),
    "sockets": ("Live connections", "radio"),
    "scoring": ("Scoring", "gauge"),
}
UNITS = {"ms": "ms", "_ms": "ms", "_seconds": "s", "_s": "s"}
LABELS = {"ms": "Answer time", "websocket": "WebSocket", "sse": "Server-sent events", "ghl": "GoHighLevel"}
WORDS = {"ok": "Working", "degraded": "Degraded", "down": "Down"}


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of the product as the page shows it."""

    name: str
    icon: str
    status: str
    word: str
    detail: str
    since: datetime
    figures: list[Figure]


@agent_required
@require_GET
def show_system(request: MemberRequest) -> HttpResponse:
    """Show every part, what waits in line, and how complete the records are."""
    now = timezone.now()
    report = health.report()
    context = {
        "report": report,
        "parts": [view_part(part) for part in report.parts],
        "word": {"ok": "Everything works", "degraded": "Working, with limits", "down": "Something is down"}[
            report.status
        ],
        "deliveries": system.delivery_counts(request.tenant, now=now),
        "dead_letters": system.dead_letters(request.tenant),
        "quality": system.record_quality(request.tenant),
        "now": now,
    }
    template = "leads/_system.html" if request.htmx else "leads/system.html"
    return render(request, template, context)


def view_part(part: health.Part) -> PartView:
    name, icon = NAMES.get(part.name, (part.name.replace("_", " ").capitalize(), "box"))
    return PartView(
        name=name,
        icon=icon,
        status=part.check.status,
        word=WORDS[part.check.status],
        detail=part.check.detail,
        since=part.since,
        figures=list(_figures(part.check.figures)),
    )


def _figures(values: dict[str, Any], under: str = "") -> list[Figure]:
    found: list[Figure] = []
    for key, value in values.items():
        label = f"{under} {key}".strip()
        if isinstance(value, dict) and all(isinstance(part, dict) for part in value.values()):
            found.extend(Figure(_label(name), _together(part)) for name, part in value.items())
        elif isinstance(value, dict):
            found.extend(_figures(value, label))
        else:
            found.append(Figure(_label(label), _value(key, value)))
    return found


def _together(values: dict[str, Any]) -> str:
    """Return the few figures of one member of a group in one line."""
    return " · ".join(f"{_label(key).lower()} {_value(key, value)}" for key, value in values.items())


def _label(key: str) -> str:
    if key in LABELS:
        return LABELS[key]
    words = key.replace("_ms", "").replace("_seconds", "").replace("_", " ")
    return words[:1].upper() + words[1:]


def _value(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    unit = next((unit for ending, unit in UNITS.items() if key.endswith(ending)), "")
    text = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return f"{text} {unit}".strip()
