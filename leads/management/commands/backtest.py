"""Run an engine on files of past leads, with neither database, Redis nor server."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leads.backtest.engines import NAMES, Backtest, backtests
from leads.backtest.outputs import check_writable
from leads.errors import DomainError


class _Parser(CommandParser):
    """Tell in one line what is wrong with the options, or that there is no such back-test yet."""

    def __init__(self, *, refusal: str = "", **more: Any) -> None:
        super().__init__(**more)
        self.refusal = refusal

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.refusal:
            self._refuse(self.refusal)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self._refuse(f"{message[:1].upper()}{message[1:]}: `manage.py backtest --help` tells the options.")

    def _refuse(self, sentence: str) -> NoReturn:
        if self.called_from_command_line:
            self.exit(1, f"{sentence}\n")
        raise CommandError(sentence)


class Command(BaseCommand):
    help = (
        "Run an engine on files of past leads and say how right it would have been: the same code that "
        "serves live, with neither database, Redis nor a running server. Files are CSV or Parquet."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices of every engine there is."""
        self.found: dict[str, Backtest] = backtests()
        ways: Any = parser.add_subparsers(
            dest="name", required=True, metavar="|".join(NAMES), parser_class=_Parser
        )
        for name, way in self.found.items():
            choices = ways.add_parser(name, help=way.help, description=way.help)
            way.add_arguments(choices)
            _common(choices)
        for name in NAMES:
            if name not in self.found:
                there = ", ".join(self.found) or "none"
                ways.add_parser(name, refusal=f"{name} cannot be back-tested yet; what can be: {there}.")

    def handle(self, **options: Any) -> None:
        """Run it and say what came of it."""
        try:
            for name in ("report", "predictions"):
                check_writable(options[name], f"--{name}")
            way = self.found[options["name"]]
            said = way.run(options, timezone.now(), lambda text: self.stderr.write(text))
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(said)


def _common(parser: ArgumentParser) -> None:
    """Describe what every back-test takes."""
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="where to write the figures")
    parser.add_argument("--predictions", type=Path, metavar="FILE.csv", help="where to write each prediction")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same figures")
    parser.add_argument("--traceback", action="store_true", default=SUPPRESS, help="tell more of an error")
