"""How strongly parts of the score count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from leads.models.leads import Segment
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.services.weight_sets import STEP
from scoring.weights import HIGHEST, LOWEST

SEGMENT_LABELS: Mapping[str, str] = {
    "": "all leads",
    **{str(segment.value): f"{str(segment.label).lower()} leads" for segment in Segment},
}


@dataclass(frozen=True, slots=True)
class WeightRow:
    """The fields of one segment, one for each part of the score."""

    label: str
    fields: list[forms.BoundField]


class WeightsForm(forms.Form):
    """How strongly parts count, by segment; a segment left empty counts as all leads do."""

    reason = forms.CharField(label="Why", required=False, max_length=300)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for segment, label in SEGMENT_LABELS.items():
            for pillar in Pillar:
                words = f"{PILLAR_LABELS[pillar]}, {label}"
                self.fields[_cell(segment, pillar)] = forms.FloatField(
                    label=words,
                    required=not segment,
                    min_value=LOWEST,
                    max_value=HIGHEST,
                    step_size=STEP,
                    widget=forms.NumberInput(
                        attrs={"inputmode": "decimal", "step": STEP, "aria-label": words}
                    ),
                    error_messages={"required": f"{words}: write 1 to let it count as in the plain model."},
                )

    @staticmethod
    def starting(weights: Mapping[str, Mapping[str, float]], reason: str) -> dict[str, Any]:
        """Return what the form shows at first."""
        cells = {
            _cell(segment, Pillar(name)): f"{value:g}"
            for segment, told in weights.items()
            for name, value in told.items()
        }
        return {"reason": reason, **cells}

    def rows(self) -> list[WeightRow]:
        """Return the fields as a table: a row a segment, a column a part."""
        return [
            WeightRow(label, [self[_cell(segment, pillar)] for pillar in Pillar])
            for segment, label in SEGMENT_LABELS.items()
        ]

    def weights(self) -> dict[str, dict[str, float]]:
        """Return what to keep; in a segment with some cells, the empty ones are those of all leads."""
        told = self.cleaned_data
        all_leads = {str(pillar): float(told[_cell("", pillar)]) for pillar in Pillar}
        found = {"": all_leads}
        for segment in Segment.values:
            own = {
                str(pillar): float(value)
                for pillar in Pillar
                if (value := told[_cell(segment, pillar)]) is not None
            }
            if own:
                found[segment] = all_leads | own
        return found


def _cell(segment: str, pillar: Pillar) -> str:
    return f"{segment or 'all'}-{pillar}"
