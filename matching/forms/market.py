"""A file of series of the market."""

from __future__ import annotations

from django import forms
from django.core.files.uploadedfile import UploadedFile

from leads.imports import MAX_BYTES
from leads.market_files import SERIES


class SeriesFileForm(forms.Form):
    """A file of figures from outside, and whom to cite."""

    file = forms.FileField(
        label="CSV file",
        help_text="A column a month or a week as Zillow writes it, a row a month, or rates by day.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt"}),
    )
    area = forms.CharField(
        label="Only this area",
        required=False,
        max_length=120,
        help_text="As it is written in the file. Needed for tables of the whole country.",
    )
    measure = forms.ChoiceField(
        label="Its columns hold",
        required=False,
        choices=[
            ("", "What the name of the file says"),
            *((name, words.capitalize()) for name, (words, _) in SERIES.items()),
        ],
    )
    source = forms.CharField(
        label="Source",
        required=False,
        max_length=200,
        help_text="Shown beside every figure. Empty: known by the name of the file.",
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse what is too large before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it.")
        return file
