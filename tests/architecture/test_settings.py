"""Every variable that is read is explained in .env.example, and every one explained is read."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'env\.[a-z_]+\(\s*"([A-Z_0-9]+)"|environ(?:\.get\(|\[)"([A-Z_0-9]+)"')
EXPLAINED = re.compile(r"^([A-Z_0-9]+)= +# \S.+$", re.MULTILINE)
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "PATH"}


def test_env_example_lists_each_variable_with_a_line() -> None:
    read: set[str] = set()
    for package in ("config", "leads", "scoring"):
        for path in (ROOT / package).rglob("*.py"):
            read |= {first or second for first, second in READ.findall(path.read_text("utf-8"))}

    explained = EXPLAINED.findall((ROOT / ".env.example").read_text("utf-8"))

    assert len(explained) == len(set(explained))
    assert set(explained) == read - NOT_OURS


def test_env_example_as_it_stands_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    assert all(line == "" or line.startswith("#") or EXPLAINED.match(line) for line in lines)
