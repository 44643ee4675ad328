"""What an engine offers to be back-tested: found by name, never imported from below."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule

NAMES = ("scores", "lapse", "valuations", "matching")
"""The back-tests there are to be, in the order they are told."""

Tell = Callable[[str], None]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Backtest:
    """One back-test: what it does, its options, and a run that returns its last sentence."""

    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options, datetime, Tell], str]


def backtests() -> dict[str, Backtest]:
    """Return the back-tests of the engines installed, by their names."""
    found = dict[str, Backtest]()
    for config in apps.get_app_configs():
        # this app's own package of that name offers none, it is what they share
        if config.name != "leads" and config.module and module_has_submodule(config.module, "backtest"):
            found |= getattr(import_module(f"{config.name}.backtest"), "BACKTESTS", {})
    return found
