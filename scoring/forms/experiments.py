"""What is tried."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from leads.models import ModelVersion
from scoring.engine import Thresholds
from scoring.forms.fields import decimal_input, percent_field, score_field
from scoring.models import Experiment, WeightSet
from scoring.services.experiments import Wanted


class ExperimentForm(forms.Form):
    """What is tried against what serves, and what difference the broker wants to tell."""

    name = forms.CharField(
        label="Name", max_length=80, help_text="As your team will know it: “Urgency counts more”."
    )
    target = forms.ChoiceField(label="What should come of it", choices=Experiment.Target.choices)
    tries = forms.ChoiceField(label="What is tried", choices=Experiment.Tries.choices)
    weight_set = forms.ModelChoiceField(
        WeightSet.objects.none(), label="Weight set", required=False, empty_label="None"
    )
    model_version = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        label="Version of the model",
        required=False,
        empty_label="None",
        help_text="One you looked at within a day: its preview says where its tiers begin.",
    )
    hot = score_field("Hot from")
    warm = score_field("Warm from")
    steady = score_field("Steady from")
    base_percent = percent_field(
        "Rate today", "Percent of leads for which it comes within 90 days, as things are.", 0.1, 99
    )
    least_points = percent_field(
        "Difference that matters", "Percentage points more. A smaller gain may be missed.", 0.1, 50
    )
    treated_percent = percent_field(
        "Leads it is tried on", "Percent; the rest is scored as it is. Half and half tells soonest.", 5, 95
    )
    leads_a_day = forms.FloatField(
        label="Leads that come in a day",
        min_value=0.01,
        max_value=100_000,
        widget=decimal_input(),
    )

    def __init__(
        self,
        *args: Any,
        weight_sets: QuerySet[WeightSet],
        model_versions: QuerySet[ModelVersion],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        chosen: dict[str, QuerySet[Any]] = {"weight_set": weight_sets, "model_version": model_versions}
        for name, rows in chosen.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows

    def clean(self) -> dict[str, Any]:
        """Tell which field is missing for what is tried."""
        told = super().clean() or {}
        tries = told.get("tries")
        wanted = {Experiment.Tries.WEIGHTS: "weight_set", Experiment.Tries.MODEL: "model_version"}
        if tries in wanted and not told.get(wanted[tries]) and wanted[tries] not in self.errors:
            self.add_error(wanted[tries], "Choose which is tried.")
        if tries == Experiment.Tries.TIERS:
            for name in ("hot", "warm", "steady"):
                if told.get(name) is None and name not in self.errors:
                    self.add_error(name, "Say from which score.")
        return told

    def wanted(self) -> Wanted:
        """Return what the experiment should tell."""
        told = self.cleaned_data
        return Wanted(
            base_rate=told["base_percent"] / 100,
            least_effect=told["least_points"] / 100,
            leads_a_day=told["leads_a_day"],
            treated_share=told["treated_percent"] / 100,
        )

    def tried(self) -> dict[str, Any]:
        """Return what is tried, and nothing of what was filled in besides."""
        told, tries = self.cleaned_data, self.cleaned_data["tries"]
        if tries == Experiment.Tries.TIERS:
            return {"cuts": Thresholds(told["hot"], told["warm"], told["steady"])}
        name = "weight_set" if tries == Experiment.Tries.WEIGHTS else "model_version"
        return {name: told[name]}
