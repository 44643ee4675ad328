"""Bring listings in from a file, or from the web address of one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads.errors import DomainError
from leads.management.options import mapping_of, only_tenant
from leads.models import Tenant
from matching.listings import files
from matching.models import FeedRun
from matching.services import imports
from matching.services.runs import Batch

SHOWN = 10
COLUMNS = ("row", "key", "field", "what", "mend")
MOST_BYTES = 4 * 1024**3
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Command(BaseCommand):
    help = "Import listings from a CSV or JSON file by RESO names, or (--mapping) by a saved mapping."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("source", help="a .csv or .json file, or its http(s) address")
        parser.add_argument("--tenant", default="", help="location id; not needed when there is one tenant")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help='such as "Asking=ListPrice" or "Notes=" (left out); names we know are mapped without',
        )
        parser.add_argument("--mapping", default="", metavar="NAME", help="a mapping saved before")
        parser.add_argument(
            "--save-mapping", default="", metavar="NAME", help="keep the mapping under a name"
        )
        parser.add_argument("--system", default="", help="the MLS, where the file does not name it")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--resume", action="store_true", help="go on with an import that was interrupted")
        parser.add_argument("--again", action="store_true", help="read a file anew that was imported before")
        parser.add_argument(
            "--errors", type=Path, help="where to write what is wrong, row by row (default FILE.errors.csv)"
        )

    def handle(self, **options: Any) -> None:
        """Import, and end with an error only when nothing could be done."""
        try:
            tenant = only_tenant(options["tenant"])
            with _opened(options["source"]) as (path, name):
                self._import(tenant, path, name, options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _import(self, tenant: Tenant, path: Path, name: str, options: dict[str, Any]) -> None:
        file = files.examine(path, name)
        saved = imports.saved_mapping(tenant=tenant, name=options["mapping"]) if options["mapping"] else {}
        chosen = {column: target for column, target in saved.items() if column in file.columns}
        chosen |= mapping_of(options["map"])
        mapping = files.complete_mapping(file.columns, chosen)
        self._say_mapping(mapping)
        errors = options["errors"] or _errors_path(path, name)
        if options["dry_run"]:
            self._look(file, mapping, options["system"], errors)
            return
        if options["save_mapping"]:
            imports.save_mapping(tenant=tenant, name=options["save_mapping"], columns=mapping)
        run = self._begin(tenant, name, files.digest_of(file, mapping, options["system"]), options)
        if run is not None:
            self._carry_out(run, file, mapping, options["system"], errors)

    def _look(self, file: files.File, mapping: dict[str, str], system: str, errors: Path) -> None:
        looked = imports.look_at_file(file=file, mapping=mapping, system=system)
        self._say_errors(looked.errors)
        if looked.errors:
            _write_errors(errors, looked.errors, anew=True)
            self.stderr.write(f"{errors} says what is wrong, row by row")
        self.stdout.write(
            f"dry run: {looked.rows - looked.refused:,} of {looked.rows:,} rows can be stored, "
            f"{looked.refused:,} cannot; nothing was changed"
        )

    def _begin(self, tenant: Tenant, name: str, digest: str, options: dict[str, Any]) -> FeedRun | None:
        """Begin, go on with what was interrupted, or find that nothing is to do."""
        before = imports.file_run(tenant=tenant, digest=digest)
        if before is not None and before.ended_at is None:
            if not options["resume"]:
                raise CommandError(
                    f"An import of this file was interrupted after {before.done:,} rows. "
                    "Write --resume to go on with it."
                )
            self.stdout.write(f"going on after row {before.done:,}")
            return before
        if before is not None and not options["again"]:
            self.stdout.write(
                self.style.SUCCESS(
                    f"this file was imported already (reading {before.pk}, {before.done:,} rows): "
                    "nothing to do. Write --again to read it anew."
                )
            )
            return None
        return imports.begin_file(tenant=tenant, source=name, digest=digest)

    def _carry_out(
        self, run: FeedRun, file: files.File, mapping: dict[str, str], system: str, errors: Path
    ) -> None:
        fresh = run.done == 0

        def progress(run: FeedRun, batch: Batch) -> None:
            nonlocal fresh
            if batch.errors:
                _write_errors(errors, batch.errors, anew=fresh)
                fresh = False
            self.stdout.write(
                f"{run.done:,} rows: {run.created:,} new, {run.updated:,} changed, "
                f"{run.unchanged:,} unchanged, {run.failed:,} left out"
            )

        done = imports.import_file(run=run, file=file, mapping=mapping, system=system, progress=progress)
        if done.errors:
            self.stderr.write(f"{done.failed:,} rows were left out; {errors} says what is wrong, row by row")
        if done.strays:
            self.stdout.write(f"{done.strays:,} rows deleted listings that were never known")
        for lookup, values in sorted(done.unknown.items()):
            self.stdout.write(
                f"unknown values of {lookup}, kept as they came: {', '.join(sorted(values)[:SHOWN])}"
            )
        if done.done and done.failed == done.done:
            raise CommandError("No row could be stored.")
        self.stdout.write(self.style.SUCCESS(f"reading {done.pk} complete"))

    def _say_mapping(self, mapping: dict[str, str]) -> None:
        for column, target in mapping.items():
            if column != target:
                self.stdout.write(f"  {column:<30} {target or 'left out'}")

    def _say_errors(self, errors: list[dict[str, Any]]) -> None:
        for error in errors[:SHOWN]:
            place = error["field"] or "whole row"
            self.stderr.write(f"  row {error['row']}, {place}: {error['what']} {error['mend']}")
        if len(errors) > SHOWN:
            self.stderr.write(f"  … and {len(errors) - SHOWN:,} more")


def _errors_path(path: Path, name: str) -> Path:
    """Return where errors go: beside the file, or here when it was fetched."""
    return path.with_name(f"{name}.errors.csv") if path.name == name else Path(f"{name}.errors.csv")


def _write_errors(path: Path, errors: Iterable[dict[str, Any]], *, anew: bool) -> None:
    with path.open("w" if anew else "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if anew:
            writer.writeheader()
        writer.writerows(errors)


@contextmanager
def _opened(source: str) -> Iterator[tuple[Path, str]]:
    """Give a file and its name; one at a web address is fetched first, and named without its query."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        yield Path(source), Path(source).name
        return
    name = Path(parts.path).name or parts.netloc
    with TemporaryDirectory() as folder:
        path = Path(folder) / "listings"
        _fetch(source, path)
        yield path, name


def _fetch(url: str, path: Path) -> None:
    size = 0
    try:
        with (
            httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as response,
            path.open("wb") as file,
        ):
            if response.status_code != 200:
                raise CommandError(f"The address answered {response.status_code}, not 200.")
            for piece in response.iter_bytes():
                size += len(piece)
                if size > MOST_BYTES:
                    raise CommandError(f"The file is larger than {MOST_BYTES // 1024**3} GB.")
                file.write(piece)
    except httpx.HTTPError as error:
        raise CommandError(f"The address cannot be read: {type(error).__name__}.") from error
