"""Places of a buyer's own, written by hand: where they go, and the corners of an area."""

from __future__ import annotations

import re

from django import forms

from matching.asked import WAYS
from matching.forms.fields import NumberField
from matching.wants import Target

POINT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,;\s]\s*(-?\d+(?:\.\d+)?)\s*")


def corners_of(text: str) -> list[list[float]] | str:
    """Return corners written one a line as "latitude, longitude"; else the line that is none."""
    found = []
    for line in text.splitlines():
        if line.strip():
            point = POINT.fullmatch(line)
            if point is None:
                return line.strip()
            found.append([float(point[1]), float(point[2])])
    return found


def target_fields(number: int, target: Target | None) -> dict[str, forms.Field]:
    start = f"target-{number}-"
    standard = target or Target("", 0.0, 0.0)
    hours, minutes = divmod(round(standard.arrive_by * 60), 60)
    place = f"{target.latitude}, {target.longitude}" if target else ""
    return {
        f"{start}name": forms.CharField(label="Where they go", initial=standard.name, max_length=60),
        f"{start}place": forms.CharField(
            label="Latitude, longitude", initial=place, help_text="Such as 47.61, -122.33."
        ),
        f"{start}mode": forms.ChoiceField(
            label="How",
            choices=[(mode.value, words.capitalize()) for mode, words in WAYS.items()],
            initial=standard.mode.value,
        ),
        f"{start}arrive_by": forms.CharField(
            label="There by",
            initial=f"{hours:02d}:{minutes:02d}",
            widget=forms.TextInput(attrs={"type": "time"}),
        ),
        f"{start}max_minutes": NumberField(label="Minutes, at most", initial=standard.max_minutes),
        f"{start}days_per_week": NumberField(label="Days a week", initial=standard.days_per_week),
    }
