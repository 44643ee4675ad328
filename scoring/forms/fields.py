"""Fields that several forms have."""

from __future__ import annotations

from django import forms


def decimal_input() -> forms.NumberInput:
    """Return an input of a number with any decimals."""
    return forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"})


def score_field(label: str) -> forms.FloatField:
    """Return a field of a score, which may be left empty."""
    return forms.FloatField(
        label=label,
        required=False,
        min_value=0,
        max_value=100,
        widget=decimal_input(),
    )


def percent_field(label: str, help_text: str, least: float, most: float) -> forms.FloatField:
    """Return a field of a share in percent."""
    return forms.FloatField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        widget=decimal_input(),
    )
