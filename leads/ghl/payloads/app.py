"""The app itself: installed, removed; locations."""

from __future__ import annotations

from dataclasses import dataclass

from leads.ghl.payloads.reader import Reader


@dataclass(frozen=True, slots=True)
class InstallPayload:
    """Our app was installed in a location, or (no location) by an agency."""

    location_id: str
    company_id: str
    company_name: str


@dataclass(frozen=True, slots=True)
class UninstallPayload:
    """Our app was removed from a location, or (no location) by an agency."""

    location_id: str
    company_id: str


@dataclass(frozen=True, slots=True)
class LocationPayload:
    """A location's own details changed."""

    location_id: str
    name: str


def read_install(reader: Reader) -> InstallPayload:
    """Read an INSTALL body."""
    location_id, company_id = reader.name("locationId", 64), reader.name("companyId", 64)
    if not location_id and not company_id:
        raise reader.error("locationId", "is missing")
    return InstallPayload(location_id, company_id, reader.text("companyName", 200))


def read_uninstall(reader: Reader) -> UninstallPayload:
    """Read an UNINSTALL body."""
    location_id, company_id = reader.name("locationId", 64), reader.name("companyId", 64)
    if not location_id and not company_id:
        raise reader.error("locationId", "is missing")
    return UninstallPayload(location_id, company_id)


def read_location(reader: Reader) -> LocationPayload:
    """Read a LocationUpdate body, whose id is the location's."""
    return LocationPayload(reader.required("id"), reader.text("name", 200))
