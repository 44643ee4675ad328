"""Read what people and programs say of a lead, field by field; all that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from leads.custom_fields import CustomFieldErrors, FieldType, Value, read_values
from leads.errors import DomainError
from leads.fields import FieldError, parse_email, parse_phone, parse_text
from leads.quality import ANSWERS
from leads.segments import SEGMENTS

TEXT_LENGTHS: Mapping[str, int] = {
    "contact_id": 64,
    "first_name": 100,
    "last_name": 100,
    "company": 200,
    "address": 200,
    "city": 100,
    "state": 50,
    "postal_code": 20,
    "source": 100,
}
MOST_TAGS = 50
TAG_LENGTH = 100
ANSWER_LENGTH = 200
CONSENT_STATES = ("granted", "denied", "unknown")
CONSENT_CHANNELS = ("SMS", "Email", "CALL", "WhatsApp", "FB", "IG", "GMB")


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What was told of a lead: None says nothing about that part, an empty value clears it."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    contact_id: str | None = None
    company: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    time_zone: str | None = None
    source: str | None = None
    segment: str | None = None
    tags: list[str] | None = None
    custom: Mapping[str, Value] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, str] = field(default_factory=dict)
    consent_note: str = ""
    """How a consent was given; kept with it."""
    assigned_to: Any = None
    """Who takes a new lead (a user); leads that exist are assigned by a service of its own."""


class IntakeErrors(DomainError):
    """What was told does not fit, by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()), "invalid")
        self.errors = errors


def read_facts(given: Mapping[str, Any], types: Sequence[FieldType], *, now: datetime) -> LeadFacts:
    """Return typed facts; raise IntakeErrors naming every field that is wrong."""
    read: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if "name" in given and not {"first_name", "last_name"} & given.keys():
        try:
            first, _, last = _text(given["name"], 201).partition(" ")
            given = {**given, "first_name": first, "last_name": last.strip()}
        except FieldError as error:
            errors["name"] = error.message
    for name, value in given.items():
        reader = _READERS.get(name)
        if reader is None:
            continue
        try:
            read[name] = reader(value)
        except FieldError as error:
            errors[name] = error.message
    for name in ("custom", "profile", "consent"):
        if given.get(name) is None:
            continue
        if not isinstance(given[name], Mapping):
            errors[name] = "Write this as an object of names and values."
            continue
        try:
            read[name] = _MAPPINGS[name](given[name], types, now)
        except CustomFieldErrors as error:
            errors.update({f"{name}.{key}": message for key, message in error.errors.items()})
    if errors:
        raise IntakeErrors(errors)
    return LeadFacts(**read)


def _text(value: object, limit: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        raise FieldError("Write this as text.")
    return parse_text(value, limit)


def _of_length(limit: int) -> Callable[[object], str]:
    return lambda value: _text(value, limit)


def _email(value: object) -> str:
    return parse_email(value) if value not in (None, "") else ""


def _phone(value: object) -> str:
    return parse_phone(value) if value not in (None, "") else ""


def _country(value: object) -> str:
    text = _text(value, 60).upper()
    if text and (len(text) != 2 or not text.isascii() or not text.isalpha()):
        raise FieldError("Write the country as its two letters, such as US.")
    return text


def _time_zone(value: object) -> str:
    text = _text(value, 64)
    if text and text not in available_timezones():
        raise FieldError("Write the time zone by its name, such as America/New_York.")
    return text


def _segment(value: object) -> str:
    text = _text(value, 40)
    if text and text not in SEGMENTS:
        raise FieldError(f"The segment is one of: {', '.join(SEGMENTS)}.")
    return text


def _tags(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError("Write the tags as a list of texts.")
    if len(value) > MOST_TAGS:
        raise FieldError(f"A lead has at most {MOST_TAGS} tags.")
    return list(dict.fromkeys(text for tag in value if (text := _text(tag, TAG_LENGTH))))


def _custom(given: Mapping[str, Any], types: Sequence[FieldType], now: datetime) -> dict[str, Value]:
    return read_values(given, types, now=now)


def _profile(given: Mapping[str, Any], types: Sequence[FieldType], now: datetime) -> dict[str, Any]:
    read: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, value in given.items():
        if key not in ANSWERS:
            errors[key] = f"There is no answer “{key}”. Answers: {', '.join(sorted(ANSWERS))}."
        elif value is None or value == "":
            read[key] = None
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12:
            read[key] = value
        elif isinstance(value, str) and len(value) <= ANSWER_LENGTH and "\0" not in value:
            read[key] = value.strip()
        else:
            errors[key] = f"Write this as a number or as text of at most {ANSWER_LENGTH} characters."
    if errors:
        raise CustomFieldErrors(errors)
    return read


def _consent(given: Mapping[str, Any], types: Sequence[FieldType], now: datetime) -> dict[str, str]:
    errors = {
        str(channel): (
            f"The consent is one of: {', '.join(CONSENT_STATES)}."
            if channel in CONSENT_CHANNELS
            else f"The channel is one of: {', '.join(CONSENT_CHANNELS)}."
        )
        for channel, state in given.items()
        if channel not in CONSENT_CHANNELS or state not in CONSENT_STATES
    }
    if errors:
        raise CustomFieldErrors(errors)
    return dict(given)


_READERS: Mapping[str, Callable[[object], Any]] = {
    **{name: _of_length(limit) for name, limit in TEXT_LENGTHS.items()},
    "email": _email,
    "phone": _phone,
    "country": _country,
    "time_zone": _time_zone,
    "segment": _segment,
    "tags": _tags,
}
_MAPPINGS: Mapping[str, Callable[[Mapping[str, Any], Sequence[FieldType], datetime], Any]] = {
    "custom": _custom,
    "profile": _profile,
    "consent": _consent,
}
