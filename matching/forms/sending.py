"""A few words that go with a home."""

from __future__ import annotations

from django import forms

from matching.services.sending import MOST_LETTERS


class SendForm(forms.Form):
    """The agent's words, and why they stay where fair housing warns of them."""

    note = forms.CharField(
        label="Your words",
        required=False,
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What the home has, not who should live there. It stands above the link.",
    )
    reason = forms.CharField(
        label="Why the wording is right here",
        required=False,
        max_length=MOST_LETTERS,
        help_text="Kept with the sending, for whoever audits it.",
    )
