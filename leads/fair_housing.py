"""Check copy about homes for words the Fair Housing Act forbids or that come close to it."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from leads.fields import fold


class Severity(StrEnum):
    """What becomes of a text: it passes, needs a broker's reason, or cannot be sent."""

    PASS = "pass"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Finding:
    """A term found in a text, why it matters and what to write instead."""

    term: str
    category: str
    severity: Severity
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class TextCheck:
    """The outcome for one text; findings are sorted by term."""

    severity: Severity
    findings: tuple[Finding, ...]

    @property
    def terms(self) -> list[str]:
        """Return the terms found."""
        return [finding.term for finding in self.findings]


_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‐": "-"})
_SENIOR_AGE = re.compile(r"\b(55|62) (?:plus|and over|and older)\b")
_PLACEHOLDER = " aside "
_BETWEEN = re.compile(r"[^a-z0-9]+")
FOR_PERSON = "perfect/ideal/great for + person"


def normalize(text: str) -> str:
    """Return text in the form terms are looked for: lower case, straight quotes, hyphens as spaces."""
    text = re.sub(r"[-\s]+", " ", text.translate(_STRAIGHT).lower()).strip()
    return _SENIOR_AGE.sub(r"\1+", text)


@dataclass(frozen=True, slots=True)
class _Term:
    finding: Finding
    words: str
    """As it stands in a text it is found in; looking for that is quick."""
    pattern: re.Pattern[str]


def _pattern(term: str) -> re.Pattern[str]:
    """Return the pattern of a whole term, its last word in singular or plural."""
    return re.compile(rf"(?<![a-z0-9]){re.escape(normalize(term))}(?:es|s)?(?![a-z0-9])")


_TEXT = resources.files("leads.data").joinpath("fair_housing.toml").read_text("utf-8")
_DATA = tomllib.loads(_TEXT)
TERMS_DIGEST = hashlib.sha256(_TEXT.encode()).hexdigest()
"""Tells texts read under these terms from those read under others."""
_TERMS: tuple[_Term, ...] = tuple(
    _Term(
        Finding(term, rule["category"], Severity(rule["severity"]), rule["why"], rule["instead"]),
        normalize(term),
        _pattern(term),
    )
    for rule in _DATA["rules"]
    for term in rule["terms"]
)
_HARMLESS = re.compile("|".join(_DATA["patterns"]["harmless"]))
_FOR_PERSON = re.compile(
    r"\b(?:perfect|ideal|great|suited|suitable) for "
    + _DATA["patterns"]["adjectives"]
    + _DATA["patterns"]["person"]
)
_FOR_PERSON_FINDING = Finding(
    FOR_PERSON,
    "familial_status",
    Severity.BLOCK,
    "Says for whom a home is.",
    "Say what the home has, not who should live there.",
)
_SKIP_INSIDE: dict[str, list[re.Pattern[str]]] = {
    term: [_pattern(phrase) for phrase in phrases] for term, phrases in _DATA["skip_inside"].items()
}

_TRAITS: Mapping[str, tuple[tuple[re.Pattern[str], ...], tuple[re.Pattern[str], ...]]] = {
    trait: (tuple(map(_pattern, told["names"])), tuple(map(_pattern, told["values"])))
    for trait, told in _DATA["traits"].items()
}
_PROTECTED = frozenset(
    {"race_color", "national_origin", "religion", "sex_gender", "familial_status", "disability"}
)


def trait_of(name: str, values: Iterable[str] = ()) -> str:
    """Return what a field speaks of that no score may rest on, by its name and its values; else nothing."""
    called = _words(name)
    by_name = (
        trait for trait, (names, _) in _TRAITS.items() if any(pattern.search(called) for pattern in names)
    )
    if (found := next(by_name, "")) != "":
        return found
    for value in values:
        told = _words(value)
        for trait, (_, patterns) in _TRAITS.items():
            if any(pattern.search(told) for pattern in patterns):
                return trait
        if _PROTECTED & {finding.category for finding in check_text(value).findings}:
            return "people the law protects"
    return ""


def _words(text: str) -> str:
    """Return a text as words, without accents, marks, and names of things that only sound like people."""
    return _HARMLESS.sub(_PLACEHOLDER, normalize(_BETWEEN.sub(" ", fold(text))))


def check_text(text: str) -> TextCheck:
    """Return every term found in a text and the highest severity among them."""
    masked = _HARMLESS.sub(_PLACEHOLDER, normalize(text))
    found = [term.finding for term in _TERMS if _occurs(term, masked)]
    if _FOR_PERSON.search(masked):
        found.append(_FOR_PERSON_FINDING)
    return TextCheck(_highest(found), tuple(sorted(found, key=lambda finding: finding.term)))


def _occurs(term: _Term, masked: str) -> bool:
    """Tell whether a term stands in the text outside the phrases that excuse it."""
    if term.words not in masked:
        return False
    excused = [
        match.span()
        for phrase in _SKIP_INSIDE.get(term.finding.term, ())
        for match in phrase.finditer(masked)
    ]
    return any(
        not any(start <= match.start() and match.end() <= end for start, end in excused)
        for match in term.pattern.finditer(masked)
    )


def _highest(findings: Iterable[Finding]) -> Severity:
    severities = {finding.severity for finding in findings}
    return next((level for level in (Severity.BLOCK, Severity.WARN) if level in severities), Severity.PASS)
