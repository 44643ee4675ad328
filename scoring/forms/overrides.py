"""What an agent says beside the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from leads.fair_housing import Severity, check_text
from scoring.overrides import REASON_LABELS, Reason


class OverrideForm(forms.Form):
    """What an agent says of a lead beside its score."""

    score = forms.IntegerField(
        label="Your score, 0 to 100",
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    reason = forms.ChoiceField(
        label="Why",
        choices=[("", "Choose"), *((reason.value, label) for reason, label in REASON_LABELS.items())],
    )
    note = forms.CharField(label="Note", max_length=200, required=False)

    def __init__(self, told: Mapping[str, Any] | None, *, foretells: str) -> None:
        super().__init__(told, auto_id="view_%s")
        self.fields["score"].help_text = f"Of a hundred leads like this one, so many {foretells}."

    def clean_note(self) -> str:
        """Refuse words about who somebody is: they must not weigh on a score."""
        note: str = self.cleaned_data["note"]
        found = check_text(note)
        if found.severity is Severity.BLOCK:
            words = ", ".join(f"“{term}”" for term in found.terms)
            raise forms.ValidationError(f"Leave out {words}: who somebody is must not weigh on a score.")
        return note

    def said(self) -> dict[str, Any]:
        """Return what to keep."""
        told = self.cleaned_data
        return {"score": float(told["score"]), "reason": Reason(told["reason"]), "note": told["note"]}
