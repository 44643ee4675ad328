"""List the trained models, let one serve, or go back to the one before."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads.errors import DomainError
from leads.models import ModelVersion, Tenant
from leads.services import models as registry
from leads.services.tenants import find_tenant


class Command(BaseCommand):
    help = "List the trained models; promote one by its name; roll an engine back to what served before."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        ways = parser.add_subparsers(dest="way", required=True, metavar="list|promote|shadow|rollback")
        listing = ways.add_parser("list", help="show every version, the newest first")
        listing.add_argument("--tenant", default="", metavar="LOCATION_ID", help="only this location's")
        for way, about in (("promote", "let a version serve"), ("shadow", "let a version score unseen")):
            ways.add_parser(way, help=about).add_argument("name", help="the version's name")
        back = ways.add_parser("rollback", help="serve what served before; the rules when nothing did")
        back.add_argument("engine", choices=ModelVersion.Engine.values)
        back.add_argument("--tenant", default="", metavar="LOCATION_ID", help="the market's unless said")

    def handle(self, **options: Any) -> None:
        """Do it and say what came of it."""
        try:
            getattr(self, f"_{options['way']}")(options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _list(self, options: dict[str, Any]) -> None:
        tenant = find_tenant(options["tenant"])
        versions = ModelVersion.objects.select_related("tenant").defer("artifact")
        rows = versions if tenant is None else versions.for_tenant(tenant)
        if not rows:
            self.stdout.write("No model has been trained yet: `manage.py retrain scores` trains one.")
        for row in rows:
            whose = row.tenant.location_id if row.tenant is not None else "market"
            told = f"{row.name}\t{whose}\t{row.state}\t{_figures(row)}\t{row.made_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{told}\t{row.fault or row.reason}")

    def _promote(self, options: dict[str, Any]) -> None:
        version = registry.promote(version=_version(options["name"]), reason="Promoted by hand.")
        self.stdout.write(f"{version.name} serves")

    def _shadow(self, options: dict[str, Any]) -> None:
        version = registry.shadow(version=_version(options["name"]))
        self.stdout.write(f"{version.name} scores unseen beside what serves")

    def _rollback(self, options: dict[str, Any]) -> None:
        tenant: Tenant | None = find_tenant(options["tenant"])
        earlier = registry.rollback(engine=options["engine"], tenant=tenant)
        self.stdout.write(
            f"{earlier.name} serves again" if earlier is not None else "no model serves: the rules answer"
        )


def _figures(row: ModelVersion) -> str:
    auc = row.metrics.get("forward", {}).get("auc", {}).get("value")
    return f"AUC {auc:.3f}" if isinstance(auc, float) else "AUC –"


def _version(name: str) -> ModelVersion:
    version = ModelVersion.objects.filter(name=name).first()
    if version is None:
        raise CommandError(f"No model is called {name}: `manage.py models list` shows them.")
    return version
