"""What options of commands mean."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.management.base import CommandError
from django.utils.dateparse import parse_date, parse_datetime

from leads.errors import DomainError
from leads.models import Tenant
from leads.services.tenants import find_tenant


def tenant_of(location_id: str) -> Tenant | None:
    """Return the tenant of a location; None when none is named."""
    try:
        return find_tenant(location_id)
    except DomainError as error:
        raise CommandError(error.message) from error


def only_tenant(location_id: str) -> Tenant:
    """Return the tenant of a location, or the only one there is."""
    named = tenant_of(location_id)
    if named is not None:
        return named
    found = list(Tenant.objects.order_by("pk")[:2])
    if len(found) != 1:
        raise CommandError("Say which tenant with --tenant LOCATION_ID.")
    return found[0]


def mapping_of(given: list[str]) -> dict[str, str]:
    """Return which column is which field, as options COLUMN=FIELD say it."""
    mapping = {}
    for text in given:
        column, sign, target = text.rpartition("=")
        if not sign:
            raise CommandError(f"“{text}” is not COLUMN=FIELD.")
        mapping[column.strip()] = target.strip()
    return mapping


def moment_of(option: str, text: str) -> datetime | None:
    """Return the moment an option names, UTC unless it says otherwise; None when it names none."""
    if not text:
        return None
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError:
        day = moment = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if moment is None:
        raise CommandError(f"{option} is not a time: write it like 2026-11-02 or 2026-11-02T09:30.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
