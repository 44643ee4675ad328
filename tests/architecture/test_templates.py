"""Every template compiles and keeps the rules a linter cannot see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2] / "templates"
NAMES = sorted(
    path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.suffix in {".html", ".txt"}
)
AGAINST_CSP = re.compile(r"""\sstyle=["']|<script>|javascript:|\son[a-z]+=["']|hx-on""")


@pytest.mark.parametrize("name", NAMES)
def test_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("emails/")])
def test_template_keeps_the_content_security_policy(name: str) -> None:
    assert AGAINST_CSP.findall((ROOT / name).read_text("utf-8")) == []
