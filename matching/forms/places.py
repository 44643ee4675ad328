"""Files of places, and links to police agencies."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.utils import timezone

from matching.models import PlaceKind
from matching.models.places import CATEGORIES
from matching.places.files import MAX_BYTES


class PlaceFileForm(forms.Form):
    """A file of places, whose it is and of when."""

    kind = forms.ChoiceField(label="It holds", choices=PlaceKind.choices)
    file = forms.FileField(
        label="File",
        help_text="GeoJSON, Overpass JSON, an object a line or CSV, also .gz; or a GTFS .zip. To 100 MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".geojson,.json,.jsonl,.ndjson,.csv,.tsv,.gz,.zip"}),
    )
    source = forms.CharField(
        label="Source", max_length=100, help_text="Whose data it is. Shown beside every figure."
    )
    source_date = forms.DateField(
        label="Of the day",
        help_text="When the data were taken. Shown beside every figure.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    licence = forms.CharField(label="Licence", max_length=200, required=False, help_text="Such as ODbL 1.0.")
    category = forms.ChoiceField(
        label="Places without tags are",
        required=False,
        choices=[("", "Left out"), *CATEGORIES],
        help_text="For files of one kind, such as parks.",
    )
    name_property = forms.CharField(
        label="Neighborhoods are named in",
        required=False,
        max_length=100,
        help_text="A property of the file. Empty: it is looked for.",
    )
    replaces = forms.BooleanField(
        label="Remove what this source no longer has",
        required=False,
        help_text="Only where every row of the file can be read.",
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse what is too large before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Cut it.")
        return file


class AgencyLinkForm(forms.Form):
    """Where a jurisdiction's police publish their own figures."""

    name = forms.CharField(label="Agency", max_length=200)
    city = forms.CharField(label="City", max_length=50, required=False)
    county = forms.CharField(
        label="County", max_length=50, required=False, help_text="Without a city: the whole county."
    )
    state_or_province = forms.CharField(label="State", max_length=2, min_length=2, help_text="Two letters.")
    url = forms.CharField(
        label="Address",
        max_length=500,
        validators=[URLValidator(schemes=["https"])],
        help_text="Of the agency's own page, from https:// on.",
        widget=forms.URLInput(),
    )

    def clean_state_or_province(self) -> str:
        code: str = self.cleaned_data["state_or_province"].upper()
        if not code.isalpha():
            raise forms.ValidationError("Write the state as two letters.")
        return code

    def clean(self) -> dict[str, Any]:
        """Ask for a place: a link is of a jurisdiction."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if not told.get("city") and not told.get("county"):
            self.add_error("city", "Say which city or county it is.")
        return told

    def facts(self) -> dict[str, Any]:
        today: date = timezone.now().date()
        return {**self.cleaned_data, "checked_on": today}
