"""What the team can do."""

from __future__ import annotations

from typing import Any

from django import forms

from scoring.forms.fields import decimal_input
from scoring.models import TierCuts
from scoring.services.tiers import MOST_A_WEEK


class CapacityForm(forms.Form):
    """What the team can do in a week, and how sure a hot lead must be."""

    hot_a_week = forms.IntegerField(
        label="Leads the team can call first in a week",
        help_text="Empty: ten for each agent.",
        required=False,
        min_value=1,
        max_value=MOST_A_WEEK,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    least_percent = forms.FloatField(
        label="Of the hot leads, at least this share must close",
        help_text=(
            "Percent. At 0 the team's time alone decides. "
            "Where the model foretells kept appointments, those count."
        ),
        min_value=0,
        max_value=100,
        widget=decimal_input(),
    )

    @staticmethod
    def starting(row: TierCuts | None) -> dict[str, Any]:
        """Return what the form shows at first."""
        if row is None:
            return {"least_percent": "0"}
        return {"hot_a_week": row.hot_a_week, "least_percent": f"{100 * row.least_precision:g}"}

    def capacity(self) -> dict[str, Any]:
        """Return what to keep."""
        return {
            "hot_a_week": self.cleaned_data["hot_a_week"],
            "least_precision": self.cleaned_data["least_percent"] / 100,
        }
