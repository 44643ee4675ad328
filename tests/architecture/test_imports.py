"""The layers hold: no package knows one above it, engines are pure, columns point down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parents[2]
ROWS = (("leads",), ("scoring", "churn", "matching"), ("workflows",), ("buyers", "sellers"))
HEIGHT = {app: height for height, row in enumerate(ROWS) for app in row}
OURS = [model for app in HEIGHT for model in apps.get_app_config(app).get_models()]


def test_import_contracts_are_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_every_app_has_its_row() -> None:
    found = {config.name for config in apps.get_app_configs() if (ROOT / config.name).is_dir()}
    assert found == set(HEIGHT)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_columns_point_to_rows_below(model: type[models.Model]) -> None:
    app = model._meta.app_label
    for field in model._meta.get_fields():
        related = field.related_model if field.concrete else None
        if related is None or isinstance(related, str) or related._meta.app_label not in HEIGHT:
            continue
        other = related._meta.app_label
        assert other == app or HEIGHT[other] < HEIGHT[app], (
            f"{field.name} points up, to {related._meta.label}"
        )
