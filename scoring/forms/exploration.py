"""What is left to chance."""

from __future__ import annotations

from django import forms

from scoring.forms.fields import decimal_input
from scoring.services.tiers import MOST_EXPLORED


class ExplorationForm(forms.Form):
    """For how many leads chance decides whether they are hot."""

    percent = forms.FloatField(
        label="Leads left to chance",
        help_text=f"Percent, up to {100 * MOST_EXPLORED:.0f}. Half of them are hot; drawn anew each week.",
        min_value=0,
        max_value=100 * MOST_EXPLORED,
        widget=decimal_input(),
    )
