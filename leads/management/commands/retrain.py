"""Train an engine's model on the log, measure it forward in time, and keep it in the registry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leads.errors import DomainError
from leads.models import ModelVersion
from leads.services import models as registry
from leads.services.tenants import find_tenant


class Command(BaseCommand):
    help = (
        "Train a model on what became of leads. It serves when --promote is given and it is the better one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("engine", choices=ModelVersion.Engine.values)
        parser.add_argument(
            "--tenant",
            default="",
            metavar="LOCATION_ID",
            help="learn from this location alone; all unless said",
        )
        parser.add_argument("--promote", action="store_true", help="let it serve if it beats what serves")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same model")

    def handle(self, **options: Any) -> None:
        """Train, and say what came of it."""
        try:
            version = registry.trainer(options["engine"])(
                tenant=find_tenant(options["tenant"]),
                now=timezone.now(),
                seed=options["seed"],
                promote=options["promote"],
                progress=lambda text: self.stderr.write(text),
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{version.name}: {version.get_state_display().lower()}. {version.reason}")
