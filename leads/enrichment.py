"""Enrichment hooks: functions that find out more about a lead from what is known of it.

    @register_enrichment("school-district", source="County records")
    def school_district(facts: LeadFacts) -> Mapping[str, Any]: ...

A function gets frozen facts and returns what it found (nothing when it found nothing). It runs in the
background; what it returns is kept with its source and time, and its failure stops nobody else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberType, timezone

from leads.intake import LeadFacts

Find = Callable[[LeadFacts], Mapping[str, Any]]
NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered function and where its knowledge comes from."""

    name: str
    source: str
    find: Find


_hooks: dict[str, Hook] = {}


def register_enrichment(name: str, *, source: str) -> Callable[[Find], Find]:
    """Register a function under a name of its own."""
    if not name or len(name) > NAME_LENGTH:
        raise ValueError(f"An enrichment needs a name of 1 to {NAME_LENGTH} characters.")

    def register(find: Find) -> Find:
        if name in _hooks:
            raise ValueError(f"An enrichment named {name} is registered already.")
        _hooks[name] = Hook(name, source, find)
        return find

    return register


def unregister_enrichment(name: str) -> None:
    """Take a function off the list."""
    _hooks.pop(name, None)


def hooks() -> tuple[Hook, ...]:
    """Return the registered functions in the order of their names."""
    return tuple(_hooks[name] for name in sorted(_hooks))


# The package's own geocoder would do, but costs every process 150 MB.
STATES: dict[str, str] = {
    str(code): state
    for state, codes in tomllib.loads(
        resources.files("leads.data").joinpath("area_codes.toml").read_text("utf-8")
    ).items()
    for code in codes
}
LINE_TYPES = {
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "landline or mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.VOIP: "internet line",
}


@register_enrichment("phone-number", source="Numbering plan (phonenumbers); an estimate from the number")
def phone_number(facts: LeadFacts) -> Mapping[str, Any]:
    """Estimate state, time zones and kind of line from the number; people who move keep theirs."""
    if not facts.phone:
        return {}
    try:
        number = phonenumbers.parse(facts.phone)
    except phonenumbers.NumberParseException:
        return {}
    country = phonenumbers.region_code_for_number(number) or ""
    zones = [zone for zone in timezone.time_zones_for_number(number) if zone != timezone.UNKNOWN_TIMEZONE]
    found = {
        "state": STATES.get(str(number.national_number)[:3], "") if country == "US" else "",
        "country": country,
        "time_zones": zones[:5],
        "line_type": LINE_TYPES.get(phonenumbers.number_type(number), ""),
    }
    told = {name: value for name, value in found.items() if value}
    return {**told, "is_estimate": True} if told else {}
