"""Forms of alert rules."""

from __future__ import annotations

from typing import Any

from django import forms

from leads.models import AlertDelivery, AlertSettings
from leads.models.alerts import AlertKind

CHANNELS = [
    (AlertDelivery.Channel.EMAIL.value, "E-mail to the lead's agent"),
    (AlertDelivery.Channel.GHL_TASK.value, "A task in GoHighLevel"),
]
LIMITS = {
    "hot_score": (2, 100),
    "warm_score": (1, 99),
    "steady_score": (1, 98),
    "score_drop": (1, 100),
    "reply_limit_minutes": (1, 7 * 24 * 60),
    "hot_silent_hours": (1, 30 * 24),
    "cooldown_minutes": (0, 7 * 24 * 60),
    "handle_goal_minutes": (1, 24 * 60),
    "escalate_minutes": (1, 7 * 24 * 60),
}
WORDS = {
    "hot_score": ("Hot from", "Points, up to 100."),
    "warm_score": ("Warm from", "Points; below hot."),
    "steady_score": ("Steady from", "Points; below warm. Lower scores are quiet."),
    "score_drop": ("A drop counts from", "Points lost at once by a warm or hot lead."),
    "reply_limit_minutes": ("A reply may wait", "Minutes."),
    "hot_silent_hours": ("A hot lead may be silent for", "Hours without a word either way."),
    "cooldown_minutes": ("Say the same again after", "Minutes; the same kind about the same lead."),
    "handle_goal_minutes": ("Handle within", "Minutes: the goal every clock counts to."),
    "escalate_minutes": ("Tell the broker after", "Minutes without anyone taking the alert."),
}


class AlertRulesForm(forms.ModelForm):  # type: ignore[type-arg]  # Django 5.2's is not generic at run time
    """When a tenant wants to be told, and how."""

    kinds = forms.MultipleChoiceField(
        label="Tell us about",
        choices=AlertKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    channels = forms.MultipleChoiceField(
        label="Beside the app, by", choices=CHANNELS, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = AlertSettings
        fields = [*LIMITS, "channels"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (least, most) in LIMITS.items():
            label, help_text = WORDS[name]
            self.fields[name] = forms.IntegerField(
                label=label,
                help_text=help_text,
                min_value=least,
                max_value=most,
                initial=self.initial.get(name),
            )
        disabled = set(self.instance.disabled_kinds)
        self.fields["kinds"].initial = [kind.value for kind in AlertKind if kind.value not in disabled]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        hot, warm, steady = (values.get(name) for name in ("hot_score", "warm_score", "steady_score"))
        if hot is not None and warm is not None and warm >= hot:
            self.add_error("warm_score", f"Warm must begin below hot ({hot}).")
        if warm is not None and steady is not None and steady >= warm:
            self.add_error("steady_score", f"Steady must begin below warm ({warm}).")
        return values

    def values(self) -> dict[str, Any]:
        """Return what to store."""
        wanted = set(self.cleaned_data["kinds"])
        return {
            **{name: self.cleaned_data[name] for name in LIMITS},
            "channels": sorted(self.cleaned_data["channels"]),
            "disabled_kinds": [kind.value for kind in AlertKind if kind.value not in wanted],
        }

    def wanted(self) -> AlertSettings:
        """Return the settings as they would be, unsaved."""
        return AlertSettings(tenant=self.instance.tenant, **self.values())
