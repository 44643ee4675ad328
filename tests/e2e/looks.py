"""How a page looks: too wide for its window, or breaking a rule of accessibility."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

Violation = tuple[str, list[str]]

EVERY_LOOK = pytest.mark.parametrize(
    ("width", "theme"),
    [
        (1440, "light"),
        (390, "dark"),
        pytest.param(1440, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
"""The widths and themes of a page: each once, and in every combination when there is time."""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SETTLED = """() => new Promise((resolve) => {
  const look = () => document.querySelector(".htmx-request") ? setTimeout(look, 10) : resolve();
  look();
})"""
FIND = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  const tell = ({ html, any, all, none }) =>
    `${html.slice(0, 160)} ${[...any, ...all, ...none].map(({ message }) => message).join("; ")}`;
  return violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(tell)]);
}"""


def look(page: Page, *, width: int, theme: Any) -> None:
    """Look at what is opened from now on in a window of this width and in this theme."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})


def violations(page: Page) -> list[Violation]:
    """Return the rules the page breaks, each with the first elements that do and what is wrong with them.

    The page is looked at once every part it asks for has come: what is there for good is what is judged.
    """
    page.evaluate(SETTLED)
    page.evaluate(AXE_SCRIPT)
    return [(rule, told) for rule, told in page.evaluate(FIND, RULES)]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def assert_stands(page: Page, path: str) -> None:
    """Open a page and check that it fits its window and breaks no rule."""
    page.goto(path)
    assert (path, overflow(page), violations(page)) == (path, 0, [])
