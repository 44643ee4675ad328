"""What a lead looks for, as a plain form over all that `matching.wants` knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from matching.asked import CONDITIONS
from matching.features import WORDS
from matching.forms.choices import (
    DWELLINGS,
    FAIR_HOUSING,
    FEATURE_CHOICES,
    FEATURE_GROUPS,
    NAMED,
    ON_ASKING,
    PLAIN,
    STRENGTHS,
    TARGETS,
)
from matching.forms.destinations import POINT, corners_of, target_fields
from matching.forms.fields import MoneyField, NumberField, YearField
from matching.homes import AMENITIES, FINANCING
from matching.homes import SUB_TYPES as KINDS
from matching.reasons import NAMES, PLACES, type_name
from matching.wants import (
    FACTORS,
    IGNORE,
    MUST,
    MUSTS,
    Area,
    Setting,
    Urgency,
    Wants,
    WantsError,
    wants_of,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form: a heading, rows of fields, and a word on why it is asked."""

    title: str
    fields: list[BoundField]
    note: str = ""
    is_open: bool = True


class CriteriaForm(forms.Form):
    """Everything a lead may look for. What is left empty is not said.

    `neighborhoods` are the tenant's; `chosen` gives the areas of those the wants or the data name.
    """

    any_will_do = True  # nothing has to be filled in, so nothing is marked optional

    def __init__(
        self,
        data: Any = None,
        *,
        wants: Wants,
        neighborhoods: Sequence[tuple[int, str]] = (),
        chosen: Mapping[int, Sequence[Area]] | None = None,
    ) -> None:
        super().__init__(data)
        self.chosen = chosen or {}
        self.wants = wants
        self._stated = wants
        self._where: dict[str, str] = {}
        own = {area for areas in self.chosen.values() for area in areas}
        self._drawn = [area for area in wants.areas if area not in own]
        self.targets = max(TARGETS, len(wants.commute_targets))
        self.fields |= self._prices() | self._rooms() | self._kinds() | self._places(neighborhoods)
        self.fields |= self._features() | self._counts() | self._rest()
        for bound in self.fields.values():
            bound.required = False

    # What is asked

    def _prices(self) -> dict[str, forms.Field]:
        wants, investor = self._stated, self._stated.investor
        return {
            "price_target": MoneyField(label="Best near", initial=wants.price_target),
            "price_max": MoneyField(label="At most", initial=wants.price_max),
            "monthly_max": MoneyField(label="A month, all in, at most", initial=wants.monthly_max),
            "down_payment": MoneyField(label="Down payment", initial=wants.down_payment),
            "financing": forms.ChoiceField(
                label="Way to pay",
                choices=[
                    ("", "Not said"),
                    *((name, name.capitalize() if name.islower() else name) for name in FINANCING),
                ],
                initial=wants.financing,
            ),
            "min_cap": NumberField(
                label="Cap rate, at least %", initial=investor.min_cap if investor else None
            ),
            "target_cap": NumberField(
                label="Fits fully from %", initial=investor.target_cap if investor else None
            ),
            "rent_month": MoneyField(
                label="Rent a month",
                initial=investor.rent_month if investor else None,
                help_text="For homes that state no income.",
            ),
            "expense_share": NumberField(
                label="Of it, running costs %",
                initial=100 * investor.expense_share
                if investor and investor.expense_share is not None
                else None,
            ),
        }

    def _rooms(self) -> dict[str, forms.Field]:
        wants = self._stated
        return {
            "beds_min": NumberField(label="Bedrooms, at least", initial=wants.beds_min),
            "baths_min": NumberField(label="Baths, at least", initial=wants.baths_min),
            "sqft_min": NumberField(label="Sq ft, at least", initial=wants.sqft_min),
            "sqft_max": NumberField(label="Sq ft, at most", initial=wants.sqft_max),
        }

    def _kinds(self) -> dict[str, forms.Field]:
        wants = self._stated
        kinds = [*DWELLINGS, *(name for name in wants.types if name not in DWELLINGS)]
        return {
            "types": forms.MultipleChoiceField(
                label="Kinds of home",
                choices=[(name, type_name(KINDS.index(name)).capitalize()) for name in kinds],
                initial=wants.types,
                widget=forms.CheckboxSelectMultiple,
            ),
            "lot_min": NumberField(label="Lot, sq ft, at least", initial=wants.lot_min),
            "year_min": YearField(label="Built in or after", initial=wants.year_min),
            "condition": forms.ChoiceField(
                label="Condition",
                choices=[
                    ("", "Not said"),
                    *((name, words.capitalize()) for name, words in CONDITIONS.items()),
                ],
                initial=wants.condition,
            ),
        }

    def _places(self, neighborhoods: Sequence[tuple[int, str]]) -> dict[str, forms.Field]:
        wants = self._stated
        named = [
            str(pk) for pk, areas in self.chosen.items() if areas and all(one in wants.areas for one in areas)
        ]
        asked: dict[str, forms.Field] = {
            "neighborhoods": forms.MultipleChoiceField(
                label="Neighborhoods",
                choices=[(str(pk), name) for pk, name in neighborhoods],
                initial=named,
                widget=forms.CheckboxSelectMultiple,
            ),
            "setting": forms.ChoiceField(
                label="How far is still near",
                choices=[(one.value, one.value.capitalize()) for one in Setting],
                initial=wants.setting.value,
            ),
            "amenities": forms.MultipleChoiceField(
                label="Places nearby",
                choices=[(kind, PLACES.get(kind, kind).capitalize()) for kind in AMENITIES],
                initial=wants.amenities,
                widget=forms.CheckboxSelectMultiple,
            ),
            "schools": forms.CharField(
                label="Schools or districts they named",
                initial="\n".join(wants.schools),
                help_text="One a line, by the id or the name the listing states.",
                widget=forms.Textarea(attrs={"rows": 3}),
            ),
        }
        for number in range(len(self._drawn) + 1):
            area = self._drawn[number] if number < len(self._drawn) else None
            corners = "\n".join(f"{y}, {x}" for y, x in area.polygon) if area else ""
            asked[f"area-{number}-name"] = forms.CharField(
                label="An area of their own", initial=area.name if area else "", max_length=60
            )
            asked[f"area-{number}-corners"] = forms.CharField(
                label="Its corners",
                initial=corners,
                help_text="One a line: latitude, longitude.",
                widget=forms.Textarea(attrs={"rows": 4}),
            )
        for number in range(self.targets):
            target = wants.commute_targets[number] if number < len(wants.commute_targets) else None
            asked |= target_fields(number, target)
        return asked

    def _features(self) -> dict[str, forms.Field]:
        wants = self._stated
        states = dict.fromkeys(wants.must_haves, MUST) | dict.fromkeys(wants.deal_breakers, "never")
        states |= {
            name: str(strength) for name, strength in wants.nice_to_haves.items() if name not in states
        }
        return {
            f"feature-{name}": forms.ChoiceField(
                label=WORDS[name].capitalize() if not WORDS[name][:2].isupper() else WORDS[name],
                choices=FEATURE_CHOICES,
                initial=states.get(name, ""),
            )
            for names in FEATURE_GROUPS.values()
            for name in names
        }

    def _counts(self) -> dict[str, forms.Field]:
        return {f"importance-{factor}": self._importance(factor) for factor in FACTORS}

    def _importance(self, factor: str) -> forms.Field:
        choices = [("", "By itself"), *STRENGTHS, (IGNORE, "Not at all")]
        if factor in ON_ASKING:
            choices = [("", "Not at all, until they ask"), *STRENGTHS]
        elif factor in MUSTS:
            choices.insert(1, (MUST, "A must"))
        stated = self._stated.importance.get(factor, "")
        is_offered = any(str(stated) == value for value, _ in choices)
        return forms.ChoiceField(
            label=f"How much {NAMES[factor]} count{'' if NAMES[factor].endswith('s') else 's'}",
            choices=choices,
            initial=str(stated) if is_offered else "",
        )

    def _rest(self) -> dict[str, forms.Field]:
        return {
            "urgency": forms.ChoiceField(
                label="Hurry",
                choices=[
                    (Urgency.RELAXED.value, "They can wait"),
                    (Urgency.URGENT.value, "They are in a hurry"),
                ],
                initial=self._stated.urgency.value,
            )
        }

    # How it is laid out

    def sections(self) -> list[Section]:
        """Return the form in parts, each field with how much its factor counts."""
        at = self._fields_of
        return [
            Section("Price", at("price_target", "price_max", "importance-price")),
            Section(
                "Monthly cost",
                at("monthly_max", "down_payment", "financing", "importance-financial_fit"),
            ),
            Section("Rooms", at("beds_min", "importance-beds", "baths_min", "importance-baths")),
            Section("Size", at("sqft_min", "sqft_max", "importance-size")),
            Section(
                "Lot, age and condition",
                at("lot_min", "year_min", "condition", "importance-lot_age_condition"),
            ),
            Section("Timing", at("urgency", "importance-market")),
            Section(
                "Returns, for investors",
                at("min_cap", "target_cap", "rent_month", "expense_share"),
                "Both cap rates are needed. They count as the monthly cost does.",
                is_open=self._stated.investor is not None,
            ),
        ]

    def kinds_count(self) -> BoundField:
        return self["importance-property_type"]

    def places(self) -> list[BoundField]:
        return self._fields_of("setting", "importance-location", "importance-walkability")

    def drawn(self) -> list[list[BoundField]]:
        return [
            self._fields_of(f"area-{number}-name", f"area-{number}-corners")
            for number in range(len(self._drawn) + 1)
        ]

    def commutes(self) -> list[list[BoundField]]:
        names = ("name", "place", "mode", "arrive_by", "max_minutes", "days_per_week")
        return [
            self._fields_of(*(f"target-{number}-{name}" for name in names)) for number in range(self.targets)
        ]

    def features(self) -> list[tuple[str, list[BoundField], int]]:
        """Return the groups of features, each with how many of it are asked for."""
        found = []
        for title, names in FEATURE_GROUPS.items():
            bound = self._fields_of(*(f"feature-{name}" for name in names))
            found.append((title, bound, sum(bool(one.value()) for one in bound)))
        return found

    def features_count(self) -> BoundField:
        return self["importance-features"]

    def amenities_count(self) -> BoundField:
        return self["importance-amenities"]

    def commute_count(self) -> BoundField:
        return self["importance-commute"]

    def on_asking(self) -> list[BoundField]:
        return self._fields_of("importance-schools", "schools", "importance-safety")

    def _fields_of(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names]

    # What is told

    def clean(self) -> dict[str, Any]:
        """Read it all as the engine does, and put what is wrong at its field."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        told = self.told()
        if self.errors:
            return cleaned
        try:
            self.wants = wants_of(told)
        except WantsError as error:
            for problem in error.problems:
                text = self._plain(problem.text)
                if problem.code == "fair_housing":
                    text = f"{text} {FAIR_HOUSING}"
                self.add_error(self._field_of(problem.where), text)
        return cleaned

    def told(self) -> dict[str, Any]:
        """Return the form as `wants_of` reads it; what was not said is left out."""
        data = self.cleaned_data
        told = {name: data[name] for name in PLAIN if data.get(name) not in (None, "", [])}
        states = {
            name: data.get(f"feature-{name}", "") for names in FEATURE_GROUPS.values() for name in names
        }
        importance = {factor: data.get(f"importance-{factor}", "") for factor in FACTORS}
        more: dict[str, Any] = {
            "must_haves": [name for name, state in states.items() if state == MUST],
            "deal_breakers": [name for name, state in states.items() if state == "never"],
            "nice_to_haves": {name: int(state) for name, state in states.items() if state.isdigit()},
            "importance": {
                factor: int(value) if value.isdigit() else value
                for factor, value in importance.items()
                if value
            },
            "schools": [line.strip() for line in data.get("schools", "").splitlines() if line.strip()],
            "areas": self._areas(),
            "commute_targets": self._targets(),
            "investor": self._investor(),
        }
        return told | {name: value for name, value in more.items() if value}

    def _areas(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for pk in self.cleaned_data.get("neighborhoods", ()):
            for area in self.chosen.get(int(pk), ()):
                self._where[f"areas[{len(found)}]"] = "neighborhoods"
                found.append({"name": area.name, "polygon": [list(corner) for corner in area.polygon]})
        for number in range(len(self._drawn) + 1):
            name = self.cleaned_data.get(f"area-{number}-name", "")
            text = self.cleaned_data.get(f"area-{number}-corners", "")
            if not name and not text:
                continue
            corners = corners_of(text)
            if isinstance(corners, str):
                self.add_error(
                    f"area-{number}-corners",
                    f"“{corners[:40]}” is no corner. Write one a line as 47.61, -122.33.",
                )
                continue
            self._where[f"areas[{len(found)}]"] = f"area-{number}-corners"
            self._where[f"areas[{len(found)}].name"] = f"area-{number}-name"
            found.append({"name": name, "polygon": corners})
        return found

    def _targets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number in range(self.targets):
            start = f"target-{number}-"
            data = {
                name.removeprefix(start): value
                for name, value in self.cleaned_data.items()
                if name.startswith(start)
            }
            if not data.get("name") and not data.get("place"):
                continue
            where = f"commute_targets[{len(found)}]"
            self._where |= {where: f"{start}place"} | {f"{where}.{name}": f"{start}{name}" for name in data}
            point = POINT.fullmatch(data.pop("place", ""))
            told = {name: value for name, value in data.items() if value not in (None, "")}
            if point is not None:
                told |= {"latitude": float(point[1]), "longitude": float(point[2])}
            found.append({"name": "", **told})
        return found

    def _investor(self) -> dict[str, float]:
        names = ("min_cap", "target_cap", "rent_month", "expense_share")
        self._where["investor"] = "min_cap"
        self._where |= {f"investor.{name}": name for name in names}
        told = {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name) is not None}
        if "expense_share" in told:
            told["expense_share"] /= 100
        return told

    def _field_of(self, where: str) -> str | None:
        """Return the field a problem is about: the one named, else the one its place lies in."""
        parts = re.split(r"(?=[.\[])", where)
        for end in range(len(parts), 0, -1):
            place = "".join(parts[:end])
            for name in (self._where.get(place), place, place.replace(".", "-")):
                if name in self.fields:
                    return name
        if where.startswith(("must_haves", "nice_to_haves", "deal_breakers")):
            return "importance-features"
        return None

    def _plain(self, text: str) -> str:
        """Name fields by what stands above them, and begin as a sentence does."""

        def label(found: re.Match[str]) -> str:
            name = found[0]
            if name in self.fields:
                return f"“{self.fields[name].label}”"
            return {"commute_targets": "a destination", "investor": "cap rates"}[name]

        plain = NAMED.sub(label, text)
        return plain[:1].upper() + plain[1:]
