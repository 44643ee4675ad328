"""Make or rename a tenant."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leads.services.tenants import create_tenant


class Command(BaseCommand):
    help = "Make the tenant of a GoHighLevel location, or give it a new name."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("location_id", help="the GoHighLevel location id")
        parser.add_argument("--name", required=True, help="what people call it")
        parser.add_argument("--time-zone", default="", help="such as America/Chicago")

    def handle(self, **options: Any) -> None:
        """Make it and say what came of it."""
        tenant, created = create_tenant(
            location_id=options["location_id"], name=options["name"], time_zone=options["time_zone"]
        )
        self.stdout.write(f"tenant {tenant.location_id} {'made' if created else 'was there; name updated'}")
