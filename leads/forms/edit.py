"""The form that edits a lead: only what was changed in it is read, checked and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils import timezone

from leads.custom_fields import FieldType
from leads.fields import FieldError, parse_money
from leads.forms.leads import FINANCING, TIMELINES
from leads.ghl.payloads.reader import read_moment
from leads.ghl.writeback import OWN_KEYS
from leads.intake import TEXT_LENGTHS, IntakeErrors, LeadFacts, read_facts
from leads.models import CustomField, Lead, Membership, User
from leads.models.leads import Segment

WHO = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "phone": "Phone",
    "company": "Company",
    "source": "Source",
}
WHERE = {
    "address": "Street",
    "city": "City",
    "state": "State",
    "postal_code": "ZIP code",
    "country": "Country",
    "time_zone": "Time zone",
}
ANSWERS = {
    "budget": "Budget",
    "timeline": "Timeline",
    "financing": "Financing",
    "location": "Where they want to live",
    "property": "Kind of home",
    "motivation": "Why they move",
    "condition": "Condition of the home",
}
CHOICES = {"timeline": TIMELINES, "financing": FINANCING}
CHANNELS = {"SMS": "Text messages", "Email": "E-mails", "CALL": "Calls", "WhatsApp": "WhatsApp messages"}
STATES = {"granted": "Granted", "denied": "Denied", "unknown": "Not known"}
NAMING = ("first_name", "last_name", "email", "phone")
SOURCES = {
    "ghl": "GoHighLevel",
    "workflow": "GoHighLevel",
    "portal": "this page",
    "api": "a program",
    "import": "a file",
}
HELP = {
    "phone": "As it is said, such as (415) 555-0142.",
    "company": "Kept here: GoHighLevel takes it for new contacts only.",
    "country": "Two letters, such as US.",
    "time_zone": "By its name, such as America/New_York.",
    "budget": "$580k or 580,000.",
}
INPUTS: Mapping[str, dict[str, str]] = {
    "email": {"type": "email", "autocomplete": "off"},
    "phone": {"type": "tel", "autocomplete": "off"},
}
ONE_OF = {CustomField.DataType.SINGLE_OPTIONS, CustomField.DataType.RADIO}
SEVERAL_OF = {CustomField.DataType.CHECKBOX, CustomField.DataType.MULTIPLE_OPTIONS}


class LeadEditForm(forms.Form):
    """All that people may change of a lead.

    `custom_fields` are the tenant's; one that carries an answer takes the answer's place. What was kept as it
    came and fits no type is left alone until somebody changes it.
    """

    any_will_do = True  # no field is marked as optional: none has to be filled

    edition = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        lead: Lead,
        edition: str,
        team: Sequence[Membership],
        custom_fields: Sequence[CustomField],
    ) -> None:
        super().__init__(data, initial={"edition": edition})
        self.lead = lead
        self.people: dict[str, User] = {str(member.user_id): member.user for member in team}
        self.custom = {f"custom_{row.pk}": row for row in custom_fields if row.key not in OWN_KEYS}
        carried = {row.answers for row in self.custom.values()}
        self.answers = [name for name in ANSWERS if name not in carried]
        self.facts: LeadFacts | None = None
        self._add_texts()
        self._add_choices()
        self._add_answers()
        for name, row in self.custom.items():
            self.fields[name] = _custom_field(row, lead.custom.get(row.key))
        for channel, label in CHANNELS.items():
            self.fields[f"consent_{channel}"] = _consent_field(label, _state(lead, channel))
        self.fields["consent_note"] = forms.CharField(
            label="How they agreed",
            max_length=200,
            required=False,
            help_text="Needed to grant consent: where, when and in what words they gave it.",
        )

    def _add_texts(self) -> None:
        for name, label in {**WHO, **WHERE}.items():
            self.fields[name] = forms.CharField(
                label=label,
                max_length={**TEXT_LENGTHS, "email": 254, "phone": 40, "country": 60}.get(name, 64),
                required=False,
                initial=getattr(self.lead, name),
                help_text=HELP.get(name, ""),
                widget=forms.TextInput(attrs=INPUTS.get(name, {"autocomplete": "off"})),
            )

    def _add_choices(self) -> None:
        lead = self.lead
        self.fields["segment"] = forms.ChoiceField(
            label="Segment",
            choices=[("", "Not known"), *Segment.choices],
            required=False,
            initial=lead.segment,
            help_text="Once chosen here, the scoring does not change it.",
        )
        nobody = [("", "Nobody"), *((key, str(person)) for key, person in self.people.items())]
        if lead.assigned_to_id is not None and str(lead.assigned_to_id) not in self.people:
            nobody.append((str(lead.assigned_to_id), f"{lead.assigned_to} (no longer in the team)"))
        self.fields["assigned_to"] = forms.ChoiceField(
            label="Assigned to", choices=nobody, required=False, initial=str(lead.assigned_to_id or "")
        )
        self.fields["tags"] = forms.CharField(
            label="Tags",
            max_length=6000,
            required=False,
            initial=", ".join(lead.tags),
            help_text="With commas between them.",
        )

    def _add_answers(self) -> None:
        for name in self.answers:
            held = self.lead.profile.get(name)
            shown = _shown(held)
            if name in CHOICES:
                known = [value for value, _ in CHOICES[name]]
                kept = [] if shown in known else [(shown, shown)]
                self.fields[name] = forms.ChoiceField(
                    label=ANSWERS[name], choices=[*CHOICES[name], *kept], required=False, initial=shown
                )
            else:
                self.fields[name] = forms.CharField(
                    label=ANSWERS[name], required=False, initial=shown, help_text=HELP.get(name, "")
                )

    # What the page shows where

    def who(self) -> list[forms.BoundField]:
        return [self[name] for name in (*WHO, "segment", "assigned_to")]

    def where(self) -> list[forms.BoundField]:
        return [self[name] for name in WHERE]

    def wants(self) -> list[forms.BoundField]:
        return [self[name] for name in (*self.answers, *self.custom)]

    def consents(self) -> list[tuple[forms.BoundField, str, str]]:
        """Return each channel's field, the state it has now, and since when, from where and why."""
        return [
            (self[f"consent_{channel}"], STATES[_state(self.lead, channel)], _told_of(self.lead, channel))
            for channel in CHANNELS
        ]

    @property
    def differences(self) -> list[tuple[str, str, str]]:
        """Return what was typed and what the record says now, for each field in which they differ."""
        return [
            (
                str(self.fields[name].label),
                _told(self.fields[name], self[name].data) or "empty",
                _told(self.fields[name], self.fields[name].initial) or "empty",
            )
            for name in self._changed()
            if not name.startswith("consent_")
        ]

    # Reading

    def has_changed(self) -> bool:
        """Tell whether anything of the lead was changed; a note without a consent changes nothing."""
        return bool(self._changed())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        given = self._given(cleaned)
        granted = "granted" in given.get("consent", {}).values()
        if granted and not cleaned.get("consent_note"):
            self.add_error("consent_note", "Write how they agreed; consent is not granted without it.")
        types = [
            FieldType(row.key, row.name, row.data_type, tuple(str(option) for option in row.options))
            for row in self.custom.values()
        ]
        try:
            facts = read_facts(given, types, now=timezone.now())
        except IntakeErrors as error:
            for name, message in error.errors.items():
                self.add_error(self._field_of(name), message)
            return cleaned
        self.facts = self._complete(facts, cleaned)
        names = [name for name in NAMING if getattr(facts, name) is not None]
        others = [getattr(self.lead, name) for name in NAMING if name not in names]
        if names and not any((*others, *(getattr(facts, name) for name in names))):
            raise forms.ValidationError("Leave at least a name, an e-mail address or a phone number.")
        return cleaned

    def _given(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was changed, by the names facts are read under."""
        given: dict[str, Any] = {}
        for name in self._changed():
            if name not in cleaned:
                continue
            value = cleaned[name]
            if name == "tags":
                given["tags"] = self._tags(value)
            elif name in self.custom:
                given.setdefault("custom", {})[self.custom[name].key] = value
            elif name in ANSWERS:
                given.setdefault("profile", {})[name] = value if name != "budget" else self._budget(value)
            elif name.startswith("consent_"):
                given.setdefault("consent", {})[name.removeprefix("consent_")] = value
            elif name != "assigned_to":
                given[name] = value
        return given

    def _tags(self, text: str) -> list[str]:
        """Return typed tags; one that has a comma of its own stays whole."""
        whole = [tag for tag in self.lead.tags if "," in tag and tag in text]
        for tag in whole:
            text = text.replace(tag, "", 1)
        return [*whole, *(tag for tag in text.split(",") if tag.strip())]

    def _budget(self, text: str) -> float | None:
        try:
            return float(parse_money(text)) if text else None
        except FieldError as error:
            self.add_error("budget", error.message)
            return None

    def _changed(self) -> list[str]:
        return [name for name in self.changed_data if name not in ("edition", "consent_note")]

    def _field_of(self, name: str) -> str:
        """Return the field that facts of this name were typed into."""
        part, _, key = name.partition(".")
        if part == "custom":
            return next(field for field, row in self.custom.items() if row.key == key)
        return f"consent_{key}" if part == "consent" else key or part

    def _complete(self, facts: LeadFacts, cleaned: Mapping[str, Any]) -> LeadFacts:
        carried = {
            row.answers: facts.custom[row.key]
            for row in self.custom.values()
            if row.answers and row.key in facts.custom
        }
        return replace(
            facts,
            profile={**facts.profile, **carried},
            consent_note=cleaned.get("consent_note", ""),
            assigned_to=self.people.get(cleaned.get("assigned_to", "")),
        )

    @property
    def reassigns(self) -> bool:
        return "assigned_to" in self.changed_data


class _LongText(forms.CharField):
    """Text of several lines, whose ends browsers send in a way of their own."""

    widget = forms.Textarea(attrs={"rows": 3})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


def _custom_field(row: CustomField, held: Any) -> forms.Field:
    """Return the field that edits a tenant's own field in its type."""
    kinds = CustomField.DataType
    options = [str(option) for option in row.options]
    common: dict[str, Any] = {"label": row.name, "required": False}
    if options and row.data_type in ONE_OF:
        shown = _shown(held)
        kept = [] if shown in ("", *options) else [shown]
        choices = [("", "Not known"), *((option, option) for option in [*options, *kept])]
        return forms.ChoiceField(choices=choices, initial=shown, **common)
    if options and row.data_type in SEVERAL_OF:
        chosen = [str(part) for part in held] if isinstance(held, list) else [_shown(held)] if held else []
        kept = [part for part in chosen if part not in options]
        return forms.MultipleChoiceField(
            choices=[(option, option) for option in [*options, *kept]],
            widget=forms.CheckboxSelectMultiple,
            initial=chosen,
            **common,
        )
    if row.data_type == kinds.LARGE_TEXT:
        return _LongText(initial=_shown(held).replace("\r\n", "\n"), **common)
    attrs = {"autocomplete": "off"}
    if row.data_type == kinds.DATE and _is_date(held):
        attrs["type"] = "date"
    elif row.data_type in (kinds.NUMERICAL, kinds.MONETORY):
        attrs["inputmode"] = "decimal" if row.data_type == kinds.NUMERICAL else "text"
    elif row.data_type == kinds.PHONE:
        attrs["type"] = "tel"
    return forms.CharField(initial=_shown(held), widget=forms.TextInput(attrs=attrs), **common)


def _consent_field(label: str, state: str) -> forms.ChoiceField:
    """Return the field that changes consent: refused at any time, granted with a note, never made unknown."""
    choices = [("", "Leave as it is")]
    if state != "denied":
        choices.append(("denied", "Denied: do not contact"))
    if state != "granted":
        choices.append(("granted", "Granted: they agreed"))
    return forms.ChoiceField(label=label, choices=choices, required=False)


def _state(lead: Lead, channel: str) -> str:
    state = str(lead.consent.get(channel, {}).get("state", "unknown"))
    return state if state in STATES else "unknown"


def _told_of(lead: Lead, channel: str) -> str:
    held = lead.consent.get(channel, {})
    at, source, note = read_moment(held.get("at")), str(held.get("source", "")), str(held.get("note", ""))
    told = f" since {at:%-d %b %Y}" if at is not None else ""
    if source in SOURCES:
        told += f", from {SOURCES[source]}"
    return told + (f": {note}" if note else "")


def _is_date(value: Any) -> bool:
    """Tell whether a date field's value fits the browser's date picker."""
    if not value:
        return True
    try:
        return len(str(value)) == 10 and date.fromisoformat(str(value)) is not None
    except ValueError:
        return False


def _told(field: forms.Field, value: Any) -> str:
    """Return a field's value as its page says it."""
    if not isinstance(field, forms.ChoiceField):
        return _shown(value)
    labels = {str(key): str(label) for key, label in cast(Iterable[tuple[Any, Any]], field.choices)}
    values = value if isinstance(value, list) else [value or ""]
    return ", ".join(labels.get(str(each), str(each)) for each in values)


def _shown(value: Any) -> str:
    """Return a kept value as it is typed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,}"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)
