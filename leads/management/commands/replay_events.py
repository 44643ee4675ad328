"""Feed stored events to the engines again."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import autodiscover_modules

from leads.errors import DomainError
from leads.management.options import moment_of, tenant_of
from leads.services.replay import Replayed, replay_events


class Command(BaseCommand):
    help = "Feed stored events to the engines again. What they have done already is not done twice."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("--tenant", default="", metavar="LOCATION_ID", help="only this location's events")
        parser.add_argument(
            "--since", default="", metavar="TIME", help="recorded then or later, UTC unless said"
        )
        parser.add_argument("--until", default="", metavar="TIME", help="recorded before then")
        parser.add_argument("--group", default="", help="only for this group, such as scoring")

    def handle(self, **options: Any) -> None:
        """Feed them, telling how far it is."""
        autodiscover_modules("tasks")  # where the groups subscribe
        progress = replay_events(
            tenant=tenant_of(options["tenant"]),
            since=moment_of("--since", options["since"]),
            until=moment_of("--until", options["until"]),
            group=options["group"],
            pause=time.sleep,
        )
        state = Replayed()
        try:
            for state in progress:
                self._show(state)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{state.seen} events: {state.fed} fed, {state.seen - state.fed} done already")

    def _show(self, state: Replayed) -> None:
        if state.total and self.stderr.isatty():
            self.stderr.write(f"\r{state.seen} of {state.total}", ending="")
            if state.seen == state.total:
                self.stderr.write("")
