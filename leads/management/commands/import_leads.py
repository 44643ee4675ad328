"""Bring leads in from a file of another program, or from GoHighLevel."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from leads.errors import DomainError
from leads.imports import RowError
from leads.management.options import mapping_of, only_tenant
from leads.models import GHLConnection, LeadImport, Tenant
from leads.services import ghl, imports
from leads.services.imports.files import digest_of

SHOWN = 10


class Command(BaseCommand):
    help = "Import leads from a CSV or JSON file of loose rows, or (--from-ghl) a location's past."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("file", nargs="?", type=Path, help="a .csv or .json file")
        parser.add_argument("--tenant", default="", help="location id; not needed when there is one tenant")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help='such as "Cell=phone" or "Notes=" (left out); headings we know are mapped without',
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--resume", action="store_true", help="go on with an import that was interrupted")
        parser.add_argument(
            "--errors", type=Path, help="where to write rows left out (default FILE.errors.csv)"
        )
        parser.add_argument(
            "--from-ghl", action="store_true", help="bring in contacts, messages and deals from GHL"
        )

    def handle(self, **options: Any) -> None:
        """Import, and end with an error only when nothing could be done."""
        try:
            tenant = only_tenant(options["tenant"])
            if options["from_ghl"]:
                self._from_ghl(tenant, resume=options["resume"])
            elif options["file"] is None:
                raise CommandError("Name a file, or write --from-ghl.")
            else:
                self._from_file(tenant, options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _from_file(self, tenant: Tenant, options: dict[str, Any]) -> None:
        path: Path = options["file"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        with transaction.atomic():  # a dry run, or a file we cannot read, leaves no trace
            lead_import = imports.prepare_import(
                tenant=tenant,
                by=None,
                file_name=path.name,
                content=content,
                mapping=mapping_of(options["map"]),
            )
            looked = imports.preview(lead_import=lead_import)
            self._say_mapping(looked)
            if looked.problem:
                raise CommandError(f"{looked.problem} Use --map COLUMN=FIELD.")
            transaction.set_rollback(options["dry_run"])
        if options["dry_run"]:
            self._say_errors(looked.errors)
            self.stdout.write(
                f"dry run: of the first {looked.looked_at} of {lead_import.total} rows {looked.good} can be "
                f"read, {looked.looked_at - looked.good} cannot; nothing was changed"
            )
            return
        lead_import = self._begin(
            tenant, lead_import, digest_of(content, lead_import.mapping), options["resume"]
        )
        done = imports.run_import(lead_import=lead_import, progress=self._progress)
        self._report(done, options["errors"] or path.with_name(path.name + ".errors.csv"))

    def _begin(self, tenant: Tenant, fresh: LeadImport, digest: str, resume: bool) -> LeadImport:
        """Start anew, or go on with the one that was interrupted."""
        before = imports.unfinished_import(tenant=tenant, digest=digest)
        if before is None:
            return imports.start_import(lead_import=fresh)
        imports.discard_import(lead_import=fresh)
        if not resume:
            raise CommandError(
                f"An import of this file was interrupted after {before.done} of {before.total} rows. "
                "Write --resume to go on with it."
            )
        self.stdout.write(f"going on after row {before.done} of {before.total}")
        return before

    def _say_mapping(self, looked: imports.Preview) -> None:
        names = dict(looked.targets)
        for column in looked.sheet.columns:
            target = looked.mapping[column]
            self.stdout.write(f"  {column:<30} {names.get(target, 'left out') if target else 'left out'}")

    def _say_errors(self, errors: tuple[RowError, ...]) -> None:
        for error in errors[:SHOWN]:
            self.stderr.write(f"  row {error.row}, {error.field or 'whole row'}: {error.what} {error.mend}")
        if len(errors) > SHOWN:
            self.stderr.write(f"  … and {len(errors) - SHOWN} more")

    def _progress(self, row: LeadImport) -> None:
        self.stdout.write(
            f"{row.done} of {row.total} rows: {row.created} new, {row.updated} filled in, "
            f"{row.unchanged} unchanged, {row.failed} left out"
        )

    def _report(self, row: LeadImport, path: Path) -> None:
        if row.state != LeadImport.State.DONE:
            raise CommandError("Another process is at this import. It goes on by itself.")
        if row.errors:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["row", "field", "what", "mend"])
                writer.writeheader()
                writer.writerows(row.errors)
            self.stderr.write(f"{row.failed} rows were left out; {path} says why, row by row")
        self.stdout.write(self.style.SUCCESS(f"import {row.pk} complete"))
        if row.total and row.failed == row.total:
            raise CommandError("No row could be read.")

    def _from_ghl(self, tenant: Tenant, *, resume: bool) -> None:
        """Run a back-fill to its end in this process."""
        started = ghl.start_backfill(tenant=tenant)
        if not started and not resume:
            raise CommandError("A back-fill is under way. Write --resume to take it up in this process.")
        while ghl.run_backfill(tenant=tenant, pages=1):
            self._say_backfill(tenant)
        cursor = self._say_backfill(tenant)
        if cursor.get("state") != "done":
            raise CommandError(cursor.get("error") or "The back-fill is in another worker's hands.")

    def _say_backfill(self, tenant: Tenant) -> dict[str, Any]:
        cursor: dict[str, Any] = GHLConnection.objects.get(tenant=tenant).backfill_cursor
        counts = ", ".join(f"{count} {phase}" for phase, count in cursor.get("counts", {}).items())
        self.stdout.write(f"{cursor.get('state')}: {counts or 'nothing yet'}")
        return cursor
