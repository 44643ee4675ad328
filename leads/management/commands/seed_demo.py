from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import module_has_submodule

from leads import demo
from leads.ghl.simulator.sender import DoorError


class Command(BaseCommand):
    help = "Post the simulated demo brokerage through the running door; a second run posts nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="the door's address (default: the server running here)")
        parser.add_argument("--logins", action="store_true", help="only tell how to sign in")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["logins"]:
            try:
                self._seed(options["url"])
            except (DoorError, TimeoutError) as error:
                raise CommandError(str(error)) from error
        for line in demo.logins():
            self.stdout.write(line)

    def _seed(self, url: str) -> None:
        """Let every app seed its part, ground first."""
        for config in apps.get_app_configs():
            if config.module is not None and module_has_submodule(config.module, "demo"):
                module = import_module(f"{config.name}.demo")
                module.seed(say=self._say, url=url)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
