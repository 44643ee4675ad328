"""Fields that take figures as people write them."""

from __future__ import annotations

from typing import Any

from django import forms

from leads.fields import FieldError, parse_money
from matching.reasons import quantity


class MoneyField(forms.CharField):
    """An amount of dollars as people write it: 600000, $600,000, 600k."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return float(parse_money(text))
        except FieldError as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return f"{value:,.0f}" if isinstance(value, float) else value


class NumberField(forms.CharField):
    """A number as people write it: 1,850 or 2.5."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value) or "").replace(",", "").strip()
        if not text:
            return None
        try:
            return float(text)
        except ValueError as error:
            raise forms.ValidationError("Write a number, such as 3 or 2.5.") from error

    def prepare_value(self, value: Any) -> Any:
        return quantity(value) if isinstance(value, float) else value


class YearField(NumberField):
    """A year, written without marks."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value:.0f}" if isinstance(value, float) else value
