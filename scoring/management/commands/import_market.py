"""Bring market figures in from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads.errors import DomainError
from leads.market_files import FIGURES, MarketRefused
from leads.models import Tenant
from scoring import services


class Command(BaseCommand):
    help = "Import a tenant's market figures from a CSV file; a file with an error changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("file", type=Path, help="a .csv file")
        parser.add_argument("--tenant", required=True, help="location id")
        parser.add_argument(
            "--area", action="append", default=[], help="only this area; may be given several times"
        )
        parser.add_argument(
            "--figure", choices=sorted(FIGURES), default="", help="what a column a month holds"
        )

    def handle(self, **options: Any) -> None:
        """Import, or tell everything that is wrong."""
        tenant = Tenant.objects.filter(location_id=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}. Make it with create_tenant.")
        path: Path = options["file"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            done = services.import_market(
                tenant=tenant,
                by=None,
                content=content,
                file_name=path.name,
                figure=options["figure"],
                areas=options["area"],
            )
        except MarketRefused as refused:
            for one in refused.errors:
                self.stderr.write(f"row {one.row}, {one.field or 'whole row'}: {one.what} {one.mend}")
            raise CommandError(refused.message) from refused
        except DomainError as error:
            raise CommandError(error.message) from error
        if done.ignored:
            self.stdout.write(f"nothing was taken from: {', '.join(done.ignored)}")
        self.stdout.write(
            self.style.SUCCESS(
                f"kept {done.months} months of {done.areas} areas and {done.rates} mortgage rates"
            )
        )
