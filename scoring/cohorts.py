"""Which leads a lead is like: those of its segment, and of its source within that.

The segment is the one a lead's own words and acts showed by then: the record keeps no history, and who wins a
lead writes more into it. A source that speaks of who people are, or of where they live, is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from leads.fair_housing import trait_of
from leads.ml.custom import COHORT, LEVEL
from leads.ml.features import FeatureVector
from leads.ml.metrics import Groups, Values
from leads.segments import SegmentFacts, segment_of

LEAST_LEADS = 10
"""Leads of a segment, or of a source within one, from which a level of its own is tried."""

MOST_SOURCES = 40
PLACE_OR_PERSON = re.compile(r"\d{5}|@|\+?[\d().-]{10,}")
"""A ZIP code, a phone number or an e-mail address."""

WORDS: Mapping[str, str] = {
    "": "none known",
    "first_time_buyer": "first-time buyers",
    "move_up": "move-up buyers",
    "downsizer": "downsizers",
    "investor": "investors",
    "luxury": "luxury buyers",
    "relocation": "relocating buyers",
    "seller": "sellers",
}


@dataclass(frozen=True, slots=True)
class Cohort:
    """The leads of one segment that came from one source; each is empty where nothing is known."""

    segment: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A segment, or a source within it: leads that may convert more or less often than a model says."""

    segment: str
    source: str = ""

    @property
    def name(self) -> str:
        """Return the name of its feature."""
        if not self.source:
            return f"{COHORT}Segment{LEVEL}{WORDS.get(self.segment, self.segment)}"
        within = f", {WORDS.get(self.segment, self.segment)}" if self.segment else ""
        return f"{COHORT}Source{within}{LEVEL}{self.source}"


@dataclass(frozen=True, slots=True)
class Levels:
    """The segments, and after them the sources within segments, that a model tells apart."""

    levels: tuple[Level, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features, in their order."""
        return tuple(level.name for level in self.levels)

    def encode(self, cohorts: Sequence[Cohort]) -> Values:
        """Return for leads (n,) whether each is of each level (n, k), as 1 or 0."""
        places = {(level.segment, _fold(level.source)): j for j, level in enumerate(self.levels)}
        found = np.zeros((len(cohorts), len(self.levels)))
        for row, cohort in enumerate(cohorts):
            for key in {(cohort.segment, ""), (cohort.segment, _fold(cohort.source))}:
                if key in places:
                    found[row, places[key]] = 1.0
        return found

    def parent(self, place: int) -> int | None:
        """Return the place of the segment a source is within; None where there is none above."""
        level = self.levels[place]
        above = Level(level.segment)
        return self.levels.index(above) if level.source and above in self.levels else None

    def as_json(self) -> list[list[str]]:
        """Return them as plain JSON."""
        return [[level.segment, level.source] for level in self.levels]

    @classmethod
    def from_json(cls, told: Iterable[Sequence[Any]]) -> Levels:
        """Return what `as_json` wrote."""
        return cls(tuple(Level(str(segment), str(source)) for segment, source in told))


def cohort_of(vector: FeatureVector) -> Cohort:
    """Return the cohort of a lead by what it had declared and done at a moment."""
    facts = SegmentFacts(declared=vector.declared, valuation_requests=vector["valuation_requests"])
    return Cohort(segment_of(facts).segment, " ".join(vector.source.split()))


def choose_levels(cohorts: Sequence[Cohort], lead_ids: Groups) -> Levels:
    """Return the levels with enough leads; no source that is the only one of its segment.

    A source is called as it is written most often, whatever its capitals.
    """
    segments = dict[str, set[int]]()
    sources = dict[str, dict[str, set[int]]]()
    spellings = dict[str, Counter[str]]()
    for one, lead in zip(cohorts, lead_ids.tolist(), strict=True):
        key = _fold(one.source)
        segments.setdefault(one.segment, set()).add(lead)
        sources.setdefault(one.segment, {}).setdefault(key, set()).add(lead)
        spellings.setdefault(key, Counter())[one.source] += 1
    told = [Level(one) for one, leads in sorted(segments.items()) if len(leads) >= LEAST_LEADS]
    within = [
        (len(leads), segment, key)
        for segment, held in sources.items()
        for key, leads in held.items()
        if key and len(held) > 1 and len(leads) >= LEAST_LEADS and is_open(key)
    ]
    within.sort(key=lambda one: (-one[0], one[1:]))
    named = {key: min(told, key=lambda text: (-told[text], text)) for key, told in spellings.items()}
    return Levels(
        (
            *(told if len(segments) > 1 else ()),
            *(Level(segment, named[key]) for _, segment, key in within[:MOST_SOURCES]),
        )
    )


@lru_cache(maxsize=1024)
def is_open(source: str) -> bool:
    """Tell whether a source may have a level: one that speaks of people or places stands in for them."""
    return not trait_of(source, [source]) and PLACE_OR_PERSON.search(source) is None


@lru_cache(maxsize=1024)
def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
