"""Every component in every state, on one page: what tests and eyes compare against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from leads import charts
from leads.charts import Series, SignedBar
from leads.models import Lead, User

WEEKS = [f"W{number}" for number in range(34, 47)]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
TREND = [11.2, 11.8, 12.4, 12.1, 13.6, 14.2, 14.0, 15.3, 16.1, 15.8, 17.2, 18.4, 19.1]
BEFORE = [10.1, 10.4, 10.2, 11.0, 10.8, 11.4, 11.9, 11.6, 12.2, 12.0, 12.4, 12.9, 13.1]
RISING = [52.0, 55, 54, 60, 63, 61, 68, 72, 71, 78, 80, 84, 86, 91]
COLOURS = [
    "bg",
    "surface",
    "fill",
    "fill-2",
    "line",
    "line-2",
    "ink",
    "ink-2",
    "ink-3",
    "accent",
    "accent-soft",
]
MEANINGS = ["good", "warn", "bad", "info", "hot"]
NAMES = [("Maya", "Okafor"), ("Daniel", "Reyes"), ("Priya", "Raman"), ("Tom", "Lindqvist"), ("", "")]


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", help_text="As they say it.")
    budget = forms.CharField(label="Budget", required=False)
    segment = forms.ChoiceField(
        label="Segment", choices=[("", "Not known"), ("investor", "Investor")], required=False
    )
    channel = forms.ChoiceField(
        label="Channel", choices=[("sms", "Text message"), ("email", "E-mail")], widget=forms.RadioSelect
    )
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    is_urgent = forms.BooleanField(label="Call today", required=False)


@dataclass(frozen=True, slots=True)
class Contribution:
    label: str
    detail: str
    points: float
    bar: SignedBar


@dataclass(frozen=True, slots=True)
class SampleRow:
    lead: Lead
    spark: charts.Spark | None
    reasons: list[dict[str, str]]


@require_GET
def show_styleguide(request: HttpRequest) -> HttpResponse:
    """Show the components; to staff, or to anyone while debugging."""
    is_staff = isinstance(request.user, User) and request.user.is_staff
    if not (settings.DEBUG or is_staff):
        raise Http404
    now = timezone.now()
    filled = SampleForm({"name": "", "channel": "fax"}, prefix="wrong")
    filled.is_valid()
    context = {
        "colours": COLOURS,
        "meanings": MEANINGS,
        "rows": [_sample_row(index, now) for index in range(len(NAMES))],
        "spark": charts.spark(RISING),
        "falling": charts.spark(RISING[::-1]),
        "contributions": _contributions(),
        "trend": charts.line_chart(
            id="trend",
            title="Lead-to-showing conversion",
            labels=WEEKS,
            series=[
                Series("This quarter", TREND, is_filled=True),
                Series("Last quarter", BEFORE, colour=6, is_dashed=True),
            ],
            number="{:.0f}%".format,
        ),
        "bars": charts.bar_chart(
            id="sources",
            title="New leads by source",
            labels=DAYS,
            series=[
                Series("Website", [14, 18, 16, 21, 19, 26, 24]),
                Series("Referral", [4, 3, 5, 4, 6, 7, 5], colour=3),
            ],
        ),
        "form": SampleForm(prefix="plain"),
        "wrong_form": filled,
        "now": now,
        "a_while_ago": now - timedelta(minutes=12),
    }
    return render(request, "leads/styleguide.html", context)


def _sample_row(index: int, now: datetime) -> SampleRow:
    score, before, tier, segment, action = [
        (95.0, 91.0, "hot", "first_time_buyer", "Call now"),
        (84.0, 88.0, "warm", "investor", "Answer the question"),
        (58.0, 58.0, "steady", "luxury", "Send three homes"),
        (22.0, 30.0, "quiet", "move_up", "Ask about timing"),
        (None, None, "", "", ""),
    ][index]
    first_name, last_name = NAMES[index]
    lead = Lead(
        pk=index + 1,
        first_name=first_name,
        last_name=last_name,
        score=score,
        previous_score=before,
        tier=tier,
        segment=segment,
        next_action=action,
        last_event_at=now - timedelta(minutes=7 * index),
    )
    drawn = None if score is None else charts.spark(RISING if score > 60 else RISING[::-1])
    reasons = [
        {"icon": "message-circle", "text": "Replied in 4 minutes"},
        {"icon": "key-round", "text": "Asked for a showing"},
    ]
    return SampleRow(lead, drawn, [] if score is None else reasons)


def _contributions() -> list[Contribution]:
    told = [
        ("Asked for a showing", "2 hours ago", 14.2),
        ("Pre-approved", "said in a message", 9.5),
        ("Replies within minutes", "median 4 min", 6.1),
        ("No budget yet", "", -3.4),
        ("Far-off timeline", "over a year", -7.8),
    ]
    bars = charts.signed_bars([points for _, _, points in told])
    return [Contribution(*row, bar) for row, bar in zip(told, bars, strict=True)]
