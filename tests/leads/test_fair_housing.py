from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.fair_housing import FOR_PERSON, Severity, check_text

FIXTURE = Path(__file__).parents[1] / "fixtures" / "fair_housing" / "text_cases.json"
DATA = json.loads(FIXTURE.read_text("utf-8"))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_listing_copy_is_judged_as_expected(case: dict[str, Any]) -> None:
    checked = check_text(case["text"])

    assert checked.severity == case["expected"]
    assert checked.terms == case["hits"]


@pytest.mark.parametrize("text", DATA["must_pass"])
def test_lawful_descriptions_pass(text: str) -> None:
    assert check_text(text).severity == Severity.PASS


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("SAFE\u2010NEIGHBORHOOD", ["safe neighborhood"]),
        ("safe neighborhoods", ["safe neighborhood"]),
        ("unsafe neighborhood", []),
        ("no black mold", []),
        ("55 and over building", ["55+"]),
        ("62 plus", ["62+"]),
        ("155+ homes", []),
        ("age-restricted", ["age restricted", "age-restricted"]),
        ("restricted and age restricted", ["age restricted", "age-restricted", "restricted"]),
        ("Suitable for a professional office", []),
        ("Great for first-time buyers", []),
        ("Great for family gatherings", []),
        ("Great for young, active professionals", [FOR_PERSON]),
        ("White-oak floors, ebony stained floors", []),
        ("", []),
    ],
)
def test_terms_are_found_whole_and_in_context(text: str, terms: list[str]) -> None:
    assert check_text(text).terms == terms


def test_a_finding_says_why_and_what_instead() -> None:
    finding = check_text("top rated schools").findings[0]

    assert finding.category == "schools"
    assert finding.severity == Severity.WARN
    assert finding.why == "Judges schools instead of naming them."
    assert finding.instead == "Name the assigned district and link to its page."


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    checked = check_text(text)

    assert (checked.severity == Severity.PASS) == (not checked.findings)
