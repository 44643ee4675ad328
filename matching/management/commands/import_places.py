"""Bring in what is around homes: neighborhoods, schools, shops and parks, timetables."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.models import Tenant
from matching.models import PlaceImport, PlaceKind
from matching.places.catalogue import Category
from matching.services.place_imports import prepare_place_import, run_place_import
from matching.services.places import compute_places

SHOWN = 10


class Command(BaseCommand):
    help = "Import places from GeoJSON, Overpass JSON, an object a line, CSV (.gz too) or a GTFS archive."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, choices=PlaceKind.values)
        parser.add_argument("--source", required=True, help="whose data it is, as pages name it")
        parser.add_argument("--date", required=True, help="of when the data are, as 2026-11-01")
        parser.add_argument("--licence", default="", help="such as “ODbL 1.0”")
        parser.add_argument("--tenant", default="", help="location id; not needed when there is one tenant")
        parser.add_argument(
            "--category",
            default="",
            choices=["", *(kind.value for kind in Category)],
            help="what the places are where their tags do not say",
        )
        parser.add_argument("--name-property", default="", help="where areas have their names")
        parser.add_argument(
            "--replace", action="store_true", help="remove rows of this source that the file has not"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")
        parser.add_argument("--errors", type=Path, help="where to write rows left out")

    def handle(self, **options: Any) -> None:
        """Import all of the file or none, then work out what is around listings."""
        try:
            if options["dry_run"]:
                with transaction.atomic():
                    self._import(options)
                    transaction.set_rollback(True)
                self.stdout.write("dry run: nothing was changed")
                return
            row = self._import(options)
            self.stdout.write("working out what is around listings")
            done = compute_places(tenant=row.tenant, now=timezone.now(), progress=self._computed)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(self.style.SUCCESS(f"import {row.pk} complete; {done} listings worked out"))

    def _import(self, options: dict[str, Any]) -> PlaceImport:
        path: Path = options["file"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        row = prepare_place_import(
            tenant=_tenant(options["tenant"]),
            by=None,
            kind=options["kind"],
            file_name=path.name,
            content=content,
            source=options["source"],
            source_date=_date(options["date"]),
            licence=options["licence"],
            replaces=options["replace"],
            category=options["category"],
            name_property=options["name_property"],
        )
        row = run_place_import(place_import=row, progress=self._progress)
        self._say_errors(row, options["errors"])
        if row.state == PlaceImport.State.FAILED:
            raise CommandError(f"{row.error} Nothing was kept.")
        self.stdout.write(
            f"{row.total} rows: {row.created} new, {row.updated} changed, {row.unchanged} unchanged, "
            f"{row.removed} removed, {row.ignored} of no kind we keep, {row.failed} left out"
        )
        if row.left_out:
            self.stdout.write(f"nothing was taken from: {', '.join(row.left_out)}")
        return row

    def _progress(self, row: PlaceImport) -> None:
        self.stdout.write(f"{row.done} of {row.total} rows read")

    def _computed(self, done: int, total: int) -> None:
        self.stdout.write(f"{done} of {total} listings")

    def _say_errors(self, row: PlaceImport, path: Path | None) -> None:
        for error in row.errors[:SHOWN]:
            self.stderr.write(f"  row {error['row']}, {error['field']}: {error['what']} {error['mend']}")
        if len(row.errors) > SHOWN:
            self.stderr.write(f"  … and {len(row.errors) - SHOWN} more; --errors FILE writes all")
        if path is not None and row.errors:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["row", "field", "what", "mend"])
                writer.writeheader()
                writer.writerows(row.errors)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError("Write the date as 2026-11-01.") from error


def _tenant(location_id: str) -> Tenant:
    if location_id:
        tenant = Tenant.objects.filter(location_id=location_id).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {location_id}. Make it with create_tenant.")
        return tenant
    found = list(Tenant.objects.order_by("pk")[:2])
    if len(found) != 1:
        raise CommandError("Say which tenant with --tenant LOCATION_ID.")
    return found[0]
