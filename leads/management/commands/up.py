"""Run every process of Hearthline in the foreground."""

from __future__ import annotations

from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65534:
        raise ArgumentTypeError(f"{text} is not a port: give a number between 1 and 65534.")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise ArgumentTypeError(f"{text} is not a number of workers: give one between 1 and 64.")
    return int(text)


class Command(BaseCommand):
    help = "Run PostgreSQL and Redis of our own where no address is given, and every process of Hearthline."
    requires_system_checks: list[str] = []  # each process runs them itself

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="realtime workers (1)")
        parser.add_argument(
            "--host", default="127.0.0.1", metavar="H", help="address to listen on (127.0.0.1)"
        )
        parser.add_argument(
            "--port", type=_port, default=8000, metavar="P", help="pages (8000); the door is P + 1"
        )
        parser.add_argument(
            "--demo", action=BooleanOptionalAction, default=False, help="seed the simulated brokerage first"
        )
        parser.add_argument("--reset", action="store_true", help="remove the data of var/ first")

    def handle(self, **options: Any) -> None:
        """Hand the choices to the supervisor, named by a setting because it stands above every app."""
        run: Callable[..., None] = import_string(settings.SUPERVISOR)
        run(
            root=settings.BASE_DIR,
            folder=settings.VAR_DIR,
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            demo=options["demo"],
            reset=options["reset"],
            verbose=options["verbosity"] > 1,
        )
