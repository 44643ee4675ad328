"""Assets: built once, rebuilt when a source changes, collected without what is not asked for."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.staticfiles.utils import matches_patterns
from django.core.management import CommandError, call_command
from pytest_django import Settings

from leads.management.commands import build_assets

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def build(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build into a folder of the test's own, the typeface left out: it takes ten seconds."""
    settings.BUILD_DIR = tmp_path
    monkeypatch.setattr(build_assets, "build_font", lambda target: target.write_bytes(b"wOF2"))
    return tmp_path


def run(**options: bool) -> str:
    out = StringIO()
    call_command("build_assets", stdout=out, **options)
    return out.getvalue()


def test_style_sheet_holds_our_rules_and_the_classes_templates_use(build: Path) -> None:
    said = run()

    style = (build / "css/app.css").read_text()
    assert "built css/app.css" in said
    assert ".score-ring" in style
    assert "light-dark(" in style
    assert "lg\\:grid" in style
    assert len(style) < 90_000


def test_what_is_current_is_left_alone_and_force_builds_it(build: Path) -> None:
    run()
    target = build / "css/app.css"
    os.utime(target, (1, 1))

    assert run() == ""
    assert target.stat().st_mtime == 1
    assert "built css/app.css" in run(force=True)


def test_changed_source_is_built_again(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setattr(build_assets, "style_sources", lambda base: b"something else")

    assert "built css/app.css" in run()


def test_broken_source_stops_with_tailwinds_words(build: Path, settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    source = tmp_path / "config/static/css/main.css"
    source.parent.mkdir(parents=True)
    source.write_text('@import "./missing.css";')

    with pytest.raises(CommandError, match="Tailwind could not build"):
        run()


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("css/app.css", True),
        ("js/live.js", True),
        ("django_htmx/htmx-2.min.js", True),
        ("css/main.css", False),
        ("css/tokens.css", False),
        ("htmx-4.min.js", False),
        ("htmax-4.js", False),
        ("components", False),
    ],
)
def test_only_what_browsers_ask_for_is_collected(path: str, served: bool) -> None:
    patterns = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]

    is_ignored = matches_patterns(path, patterns) or matches_patterns(Path(path).name, patterns)
    assert is_ignored is not served


def test_own_scripts_hold_no_string_evaluation() -> None:
    for script in (ROOT / "config/static/js").glob("*.js"):
        text = script.read_text("utf-8")
        assert "eval(" not in text, script.name
        assert "new Function" not in text, script.name
        assert 'setAttribute("style"' not in text, script.name
