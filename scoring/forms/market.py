"""The market's figures, and whether they count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from leads.imports import MAX_BYTES
from leads.market_files import (
    FIGURES,
    LEAST_RATE,
    MOST_RATE,
    MonthFact,
    month_end,
    parsed_day,
    squeezed_area,
)
from scoring.forms.fields import decimal_input


class MonthForm(forms.Form):
    """What one area's market was in a month."""

    area = forms.CharField(label="Area", max_length=120, help_text="City, county or metro, always alike.")
    month = forms.CharField(
        label="Month",
        help_text="A month that is over, as 2026-09.",
        widget=forms.TextInput(attrs={"placeholder": "2026-09", "inputmode": "numeric"}),
    )
    homes_for_sale = forms.IntegerField(label="Homes for sale", min_value=0, max_value=10_000_000)
    homes_sold = forms.IntegerField(label="Homes sold", min_value=0, max_value=10_000_000)
    months_of_supply = forms.FloatField(
        label="Months of supply",
        required=False,
        min_value=0.1,
        max_value=120,
        help_text="Empty: worked out from the last three months.",
        widget=decimal_input(),
    )
    days_on_market = forms.FloatField(
        label="Median days on market",
        required=False,
        min_value=0,
        max_value=3_650,
        widget=decimal_input(),
    )

    def clean_area(self) -> str:
        return squeezed_area(self.cleaned_data["area"])

    def clean_month(self) -> date:
        """Return the month's first day; its figures are known once it is over."""
        day = parsed_day(self.cleaned_data["month"])
        if day is None or day.year < 1900:
            raise forms.ValidationError("Write the month as 2026-09.")
        if month_end(day) > timezone.now().date():
            raise forms.ValidationError(f"{day:%B %Y} is not over: enter it once it is.")
        return day.replace(day=1)

    def fact(self) -> MonthFact:
        """Return what to keep."""
        told = self.cleaned_data
        figures = {name: float(told[name]) for name in FIGURES if told[name] is not None}
        return MonthFact(told["area"], told["month"], figures)


class RateForm(forms.Form):
    """What a mortgage cost on a day."""

    day = forms.DateField(label="Day", widget=forms.DateInput(attrs={"type": "date"}))
    rate = forms.FloatField(
        label="Rate, percent",
        help_text="30 years fixed: 6.5, not 0.065.",
        min_value=LEAST_RATE,
        max_value=MOST_RATE,
        widget=decimal_input(),
    )

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day > timezone.now().date():
            raise forms.ValidationError("The day is still to come.")
        return day


class MarketFileForm(forms.Form):
    """A file of market figures."""

    file = forms.FileField(
        label="CSV file",
        help_text="A row a month, a column a month as Zillow writes it, or mortgage rates by day.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt"}),
    )
    area = forms.CharField(
        label="Only this area",
        required=False,
        max_length=120,
        help_text="As it is written in the file. Needed for tables of the whole country.",
    )
    figure = forms.ChoiceField(
        label="A column a month holds",
        required=False,
        choices=[
            ("", "What the name of the file says"),
            *((name, words.capitalize()) for name, (words, _) in FIGURES.items()),
        ],
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse what is too large before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it.")
        return file


class MarketUseForm(forms.Form):
    """Whether the market turns the weights, and which area counts."""

    uses_market = forms.BooleanField(label="Let the market turn the weights", required=False)
    area = forms.ChoiceField(label="Area that counts", required=False)

    def __init__(self, *args: Any, areas: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["area"]
        if isinstance(field, forms.ChoiceField):
            unset = "Choose an area" if len(areas) > 1 else "The only one there is"
            field.choices = [("", unset), *((area, area) for area in areas)]
