from __future__ import annotations

from typing import Any

import pytest

from leads.models.leads import Segment
from leads.segments import SEGMENTS, SegmentFacts, segment_of


def test_segments_are_those_of_the_lead() -> None:
    assert set(SEGMENTS) == set(Segment.values)


@pytest.mark.parametrize(
    ("facts", "segment"),
    [
        ({}, ""),
        ({"profile": {"first_time_buyer": True}}, "first_time_buyer"),
        ({"declared": ["first_time"]}, "first_time_buyer"),
        ({"declared": ["upsize"]}, "move_up"),
        ({"declared": ["buy_after_sale", "sell"]}, "move_up"),
        ({"profile": {"home_to_sell": True}}, ""),
        ({"profile": {"home_to_sell": True, "current_area": 1000, "sqft_min": 1300}}, "move_up"),
        ({"profile": {"current_area": 1000, "sqft_min": 1200}}, ""),
        ({"declared": ["downsize"]}, "downsizer"),
        ({"profile": {"current_area": 2000, "sqft_max": 1400}}, "downsizer"),
        ({"profile": {"stories": "single"}}, ""),
        ({"profile": {"stories": "single", "current_area": 2000, "sqft_max": 1400}}, "downsizer"),
        ({"profile": {"occupancy": "investment"}}, "investor"),
        ({"declared": ["invest", "cash_ready"]}, "investor"),
        ({"declared": ["cash_ready"], "profile": {"types": ["Multi-family"]}}, ""),
        ({"declared": ["relocate"]}, "relocation"),
        ({"profile": {"relocating": True}}, "relocation"),
        ({"declared": ["sell", "valuation"]}, "seller"),
        ({"valuation_requests": 0.9}, "seller"),
        ({"valuation_requests": 0.2}, ""),
        ({"budget": 3e6}, ""),
        ({"declared": ["unheard of"]}, ""),
    ],
)
def test_segment_follows_what_was_declared_or_done(facts: dict[str, Any], segment: str) -> None:
    assert segment_of(SegmentFacts(**facts)).segment == segment


@pytest.mark.parametrize(
    ("facts", "segment"),
    [
        ({"budget": 2e6}, "luxury"),
        ({"profile": {"price_max": 2e6}}, "luxury"),
        ({"profile": {"price_max": 1e6}, "budget": 3e6}, ""),
        ({"profile": {"price_max": True}}, ""),
        ({"budget": 1e6}, ""),
        ({"budget": 2e6, "profile": {"occupancy": "investment"}}, "investor"),
    ],
)
def test_luxury_needs_to_know_the_local_prices(facts: dict[str, Any], segment: str) -> None:
    assert segment_of(SegmentFacts(**facts), luxury_from=1.8e6).segment == segment


def test_a_verdict_names_its_signals() -> None:
    verdict = segment_of(SegmentFacts(declared=["sell", "valuation"]))

    assert verdict.signals == ("said: sell", "said: valuation")


@pytest.mark.parametrize(
    "profile",
    [
        {"age": 71, "retired": True},
        {"children": 4, "marital_status": "married"},
        {"language_requested": "es", "nationality": "Mexican", "religion": "any"},
    ],
)
def test_who_someone_is_decides_nothing(profile: dict[str, Any]) -> None:
    assert segment_of(SegmentFacts(profile=profile), luxury_from=1e6).segment == ""
