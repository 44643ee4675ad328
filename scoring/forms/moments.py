"""Moments of a lead's past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms

DAYS = {"1": "Yesterday", "7": "7 days", "30": "30 days"}
USUAL_DAYS = "7"
TO_THE_MINUTE = "%Y-%m-%dT%H:%M"


class MomentInput(forms.DateTimeInput):
    """A moment to the minute, as browsers ask for it."""

    input_type = "datetime-local"


class ChangeForm(forms.Form):
    """Two moments of a lead's past; when none is named, some days ago and now.

    The first one the lead was known, and the running minute, are taken to the second.
    """

    def __init__(self, asked: Mapping[str, Any], *, known_since: datetime, now: datetime) -> None:
        days = asked.get("days", USUAL_DAYS)
        self.days = days if days in DAYS else USUAL_DAYS
        self.known_since, self.now = known_since, now
        start = max(now - timedelta(days=int(self.days)), known_since)
        self.is_asked = "from" in asked or "to" in asked
        super().__init__(asked if self.is_asked else {"from": start, "to": now}, auto_id="change_%s")
        for name in ("from", "to"):
            self.fields[name] = forms.DateTimeField(
                label=f"{name.capitalize()} (UTC)", widget=MomentInput(format=TO_THE_MINUTE)
            )

    def clean_from(self) -> datetime:
        start: datetime = self.cleaned_data["from"]
        if start < _to_the_minute(self.known_since):
            raise forms.ValidationError(
                f"Nothing was known of this lead before {self.known_since:%-d %b %Y, %H:%M} UTC."
            )
        return self._not_to_come(max(start, self.known_since))

    def clean_to(self) -> datetime:
        end: datetime = self.cleaned_data["to"]
        return self._not_to_come(self.now if end == _to_the_minute(self.now) else end)

    def _not_to_come(self, moment: datetime) -> datetime:
        if moment > self.now:
            raise forms.ValidationError("This moment is still to come.")
        return moment

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        start, end = values.get("from"), values.get("to")
        if start is not None and end is not None and start >= end:
            self.add_error("to", "This moment must come after the first.")
        return values


def _to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
