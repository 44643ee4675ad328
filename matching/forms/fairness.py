"""Texts to check, reasons to keep one, and the table of areas."""

from __future__ import annotations

from django import forms

MOST_LETTERS = 5_000


class TextForm(forms.Form):
    """A text about a home that is to be published."""

    text = forms.CharField(
        label="Text",
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Remarks, an e-mail, a post, an advertisement.",
    )


class ReasonForm(forms.Form):
    """Why a sentence that was warned of stays."""

    reason = forms.CharField(label="Why it stays", max_length=500)


class AreaGroupsForm(forms.Form):
    """A table of areas and groups, made outside."""

    file = forms.FileField(
        label="CSV file",
        help_text="Columns area and group: a ZIP code or a neighborhood's name, and the group it falls into.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt"}),
    )
