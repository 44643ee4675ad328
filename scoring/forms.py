"""Forms of scoring's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils import timezone

from leads.fair_housing import Severity, check_text
from leads.imports import MAX_BYTES
from leads.models import ModelVersion
from leads.models.leads import Segment
from scoring.engine import Thresholds
from scoring.market_files import (
    FIGURES,
    LEAST_RATE,
    MOST_RATE,
    MonthFact,
    month_end,
    parsed_day,
    squeezed_area,
)
from scoring.models import Experiment, TierCuts, WeightSet
from scoring.overrides import REASON_LABELS, Reason
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.services.experiments import Wanted
from scoring.services.tiers import MOST_A_WEEK, MOST_EXPLORED
from scoring.services.weight_sets import STEP
from scoring.weights import HIGHEST, LOWEST


def _score_field(label: str) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        required=False,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )


def _percent_field(label: str, help_text: str, least: float, most: float) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )


class CapacityForm(forms.Form):
    """What the team can do in a week, and how sure a hot lead must be."""

    hot_a_week = forms.IntegerField(
        label="Leads the team can call first in a week",
        help_text="Empty: ten for each agent.",
        required=False,
        min_value=1,
        max_value=MOST_A_WEEK,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    least_percent = forms.FloatField(
        label="Of the hot leads, at least this share must close",
        help_text="Percent. At 0 the team's time alone decides.",
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )

    @staticmethod
    def starting(row: TierCuts | None) -> dict[str, Any]:
        """Return what the form shows at first."""
        if row is None:
            return {"least_percent": "0"}
        return {"hot_a_week": row.hot_a_week, "least_percent": f"{100 * row.least_precision:g}"}

    def capacity(self) -> dict[str, Any]:
        """Return what to keep."""
        return {
            "hot_a_week": self.cleaned_data["hot_a_week"],
            "least_precision": self.cleaned_data["least_percent"] / 100,
        }


class ExplorationForm(forms.Form):
    """For how many leads chance decides whether they are hot."""

    percent = forms.FloatField(
        label="Leads left to chance",
        help_text=f"Percent, up to {100 * MOST_EXPLORED:.0f}. Half of them are hot; drawn anew each week.",
        min_value=0,
        max_value=100 * MOST_EXPLORED,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )


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
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )
    days_on_market = forms.FloatField(
        label="Median days on market",
        required=False,
        min_value=0,
        max_value=3_650,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
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
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
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


DAYS = {"1": "Yesterday", "7": "7 days", "30": "30 days"}
USUAL_DAYS = "7"
TO_THE_MINUTE = "%Y-%m-%dT%H:%M"


class MomentInput(forms.DateTimeInput):
    """A moment to the minute, as browsers ask for it."""

    input_type = "datetime-local"


class ChangeForm(forms.Form):
    """Two moments of a lead's past; when none is named, some days ago and now.

    The first one the lead was known, and the running minute, are taken to the second.
    """

    def __init__(self, asked: Mapping[str, Any], *, known_since: datetime, now: datetime) -> None:
        days = asked.get("days", USUAL_DAYS)
        self.days = days if days in DAYS else USUAL_DAYS
        self.known_since, self.now = known_since, now
        start = max(now - timedelta(days=int(self.days)), known_since)
        self.is_asked = "from" in asked or "to" in asked
        super().__init__(asked if self.is_asked else {"from": start, "to": now}, auto_id="change_%s")
        for name in ("from", "to"):
            self.fields[name] = forms.DateTimeField(
                label=f"{name.capitalize()} (UTC)", widget=MomentInput(format=TO_THE_MINUTE)
            )

    def clean_from(self) -> datetime:
        start: datetime = self.cleaned_data["from"]
        if start < _to_the_minute(self.known_since):
            raise forms.ValidationError(
                f"Nothing was known of this lead before {self.known_since:%-d %b %Y, %H:%M} UTC."
            )
        return self._not_to_come(max(start, self.known_since))

    def clean_to(self) -> datetime:
        end: datetime = self.cleaned_data["to"]
        return self._not_to_come(self.now if end == _to_the_minute(self.now) else end)

    def _not_to_come(self, moment: datetime) -> datetime:
        if moment > self.now:
            raise forms.ValidationError("This moment is still to come.")
        return moment

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        start, end = values.get("from"), values.get("to")
        if start is not None and end is not None and start >= end:
            self.add_error("to", "This moment must come after the first.")
        return values


def _to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


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
    hot = _score_field("Hot from")
    warm = _score_field("Warm from")
    steady = _score_field("Steady from")
    base_percent = _percent_field(
        "It comes for this share now", "Percent of leads within 90 days, as it is today.", 0.1, 99
    )
    least_points = _percent_field(
        "Difference that matters", "Percentage points more. A smaller gain may be missed.", 0.1, 50
    )
    treated_percent = _percent_field(
        "Leads it is tried on", "Percent; the rest is scored as it is. Half and half tells soonest.", 5, 95
    )
    leads_a_day = forms.FloatField(
        label="Leads that come in a day",
        min_value=0.01,
        max_value=100_000,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
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


SEGMENT_LABELS: Mapping[str, str] = {
    "": "all leads",
    **{str(segment.value): f"{str(segment.label).lower()} leads" for segment in Segment},
}


def _cell(segment: str, pillar: Pillar) -> str:
    return f"{segment or 'all'}-{pillar}"


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
