"""Forms of the lead pages: the table's filters, a new lead, assignment, a note."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import F
from django.utils import timezone

from leads.events import MARK_LABELS
from leads.fields import FieldError, parse_email, parse_money, parse_phone
from leads.models import Lead, Membership, User
from leads.models.leads import LeadQuerySet, Segment, Tier
from leads.selectors import leads as lead_selectors
from leads.services.leads import LeadFacts

ORDERINGS = {
    "score": F("score").asc(nulls_last=True),
    "-score": F("score").desc(nulls_last=True),
    "name": F("last_name").asc(),
    "-name": F("last_name").desc(),
    "created": F("created_at").asc(),
    "-created": F("created_at").desc(),
    "active": F("last_event_at").asc(nulls_last=True),
    "-active": F("last_event_at").desc(nulls_last=True),
}
DEFAULT_ORDERING = "-score"
ORDERING_CHOICES = [
    ("-score", "Best score"),
    ("score", "Lowest score"),
    ("-active", "Latest activity"),
    ("active", "Longest quiet"),
    ("-created", "Newest"),
    ("created", "Oldest"),
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
]
FINANCING = [
    ("", "Not known"),
    ("cash", "Cash"),
    ("preapproved", "Pre-approved"),
    ("needs_loan", "Needs a loan"),
]
TIMELINES = [
    ("", "Not known"),
    ("0-3 months", "Within 3 months"),
    ("3-6 months", "3 to 6 months"),
    ("6-12 months", "6 to 12 months"),
    ("over a year", "Over a year"),
]


class LeadFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The leads table's query string: validated, and the page's address."""

    q = django_filters.CharFilter(method="filter_text", label="Name, e-mail or phone", max_length=100)
    tier = django_filters.ChoiceFilter(choices=Tier.choices, label="Tier", empty_label="Any tier")
    segment = django_filters.ChoiceFilter(choices=Segment.choices, label="Segment", empty_label="Any segment")
    source = django_filters.ChoiceFilter(label="Source", empty_label="Any source")
    assigned = django_filters.ChoiceFilter(
        method="filter_assigned", label="Assigned to", empty_label="Anyone"
    )
    waiting = django_filters.BooleanFilter(
        method="filter_waiting", label="Reply waiting", widget=forms.CheckboxInput(attrs={"value": "true"})
    )
    viewed = django_filters.BooleanFilter(
        method="filter_viewed", label="Our own view", widget=forms.CheckboxInput(attrs={"value": "true"})
    )
    ordering = django_filters.ChoiceFilter(method="order", choices=ORDERING_CHOICES, label="Order")

    class Meta:
        model = Lead
        fields: list[str] = []

    def __init__(
        self,
        *args: Any,
        team: list[Membership],
        user: User,
        sources: list[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        people = [(str(member.user_id), str(member.user)) for member in team if member.user_id != user.pk]
        self.filters["source"].extra["choices"] = [(source, source) for source in sources]
        self.filters["assigned"].extra["choices"] = [("me", "Me"), ("none", "Nobody"), *people]
        for name in ("tier", "segment", "source", "assigned"):
            self.filters[name].extra["widget"] = forms.Select(attrs={"class": "control control-sm"})

    def filter_text(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return lead_selectors.matching(leads, value)

    def filter_assigned(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        if value == "none":
            return leads.filter(assigned_to__isnull=True)
        return leads.filter(assigned_to=self.user.pk if value == "me" else int(value))

    def filter_waiting(self, leads: LeadQuerySet, name: str, value: bool | None) -> LeadQuerySet:
        return leads.filter(awaiting_reply_since__isnull=False) if value else leads

    def filter_viewed(self, leads: LeadQuerySet, name: str, value: bool | None) -> LeadQuerySet:
        return leads.filter(view_until__gt=timezone.now()) if value else leads

    def order(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return leads.order_by(ORDERINGS[value], "-id" if value.startswith("-") else "id")

    @property
    def is_narrowed(self) -> bool:
        """Tell whether a filter beside the order is set."""
        return self.is_bound and any(
            value for name, value in self.form.cleaned_data.items() if name != "ordering"
        )


class LeadForm(forms.Form):
    """A new lead, as an agent hears of one."""

    any_will_do = True  # no field is marked as optional: an e-mail address or a phone number is enough

    first_name = forms.CharField(label="First name", max_length=100, required=False)
    last_name = forms.CharField(label="Last name", max_length=100, required=False)
    email = forms.CharField(
        label="E-mail",
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    phone = forms.CharField(
        label="Phone",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text="As it is said, such as (415) 555-0142.",
    )
    source = forms.CharField(
        label="Source", max_length=100, required=False, help_text="Where they came from."
    )
    segment = forms.ChoiceField(
        label="Segment", choices=[("", "Not known"), *Segment.choices], required=False
    )
    assigned_to = forms.ChoiceField(label="Assigned to", required=False)
    budget = forms.CharField(label="Budget", max_length=40, required=False, help_text="$580k or 580,000.")
    timeline = forms.ChoiceField(label="Timeline", choices=TIMELINES, required=False)
    financing = forms.ChoiceField(label="Financing", choices=FINANCING, required=False)
    location = forms.CharField(label="Where they want to live", max_length=200, required=False)
    motivation = forms.CharField(label="Why they move", max_length=200, required=False)

    def __init__(self, *args: Any, team: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(member.user_id): member.user for member in team}
        choices = [("", "Nobody yet"), *((key, str(person)) for key, person in self.people.items())]
        self.fields["assigned_to"].choices = choices  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        return self._parsed("email", parse_email)

    def clean_phone(self) -> str:
        return self._parsed("phone", parse_phone)

    def clean_budget(self) -> float | None:
        text = self.cleaned_data["budget"]
        if not text:
            return None
        try:
            return float(parse_money(text))
        except FieldError as error:
            raise forms.ValidationError(str(error)) from error

    def _parsed(self, name: str, parse: Any) -> str:
        text = self.cleaned_data[name]
        if not text:
            return ""
        try:
            return str(parse(text))
        except FieldError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not {"email", "phone"} & set(self.errors) and not (cleaned.get("email") or cleaned.get("phone")):
            raise forms.ValidationError(
                "Write an e-mail address or a phone number, so that they can be reached."
            )
        return cleaned

    def facts(self) -> LeadFacts:
        """Return what was written, for the service."""
        cleaned = self.cleaned_data
        answers = ("budget", "timeline", "financing", "location", "motivation")
        return LeadFacts(
            first_name=cleaned["first_name"],
            last_name=cleaned["last_name"],
            email=cleaned["email"],
            phone=cleaned["phone"],
            source=cleaned["source"],
            segment=cleaned["segment"],
            assigned_to=self.people.get(cleaned["assigned_to"]),
            profile={name: cleaned[name] for name in answers if cleaned[name]},
        )


class AssignForm(forms.Form):
    """To whom leads go: a member of the team, or nobody."""

    to = forms.ChoiceField(label="Assign to", required=False)

    def __init__(self, *args: Any, team: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(member.user_id): member.user for member in team}
        choices = [("", "Nobody"), *((key, str(person)) for key, person in self.people.items())]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]

    @property
    def person(self) -> User | None:
        return self.people.get(self.cleaned_data["to"])


class MarkForm(forms.Form):
    """What became of a lead, where the CRM does not say it."""

    mark = forms.ChoiceField(
        label="What became of it",
        choices=[("", "Choose"), *((mark.value, label) for mark, label in MARK_LABELS.items())],
    )
    note = forms.CharField(
        label="In a few words", max_length=200, required=False, help_text="Why, as far as you know."
    )


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Note",
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "What was said, what was agreed"}),
    )
