from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.fairness import four_fifths, ratio_intervals

CASES: dict[str, dict[str, Any]] = {
    "area group in the top ten": {
        "counts": {"A": (480, 800), "B": (210, 500)},
        "rates": {"A": 0.6, "B": 0.42},
        "ratios": {"A": 1.0, "B": 0.7},
        "flagged": ["B"],
        "z": {"B": (-6.327, 0.0)},
        "small": [],
    },
    "passes": {
        "counts": {"A": (300, 500), "B": (265, 500)},
        "rates": {"A": 0.6, "B": 0.53},
        "ratios": {"A": 1.0, "B": 0.8833},
        "flagged": [],
        "z": {"B": (-2.233, 0.02558)},
        "small": [],
    },
    "too few to conclude": {
        "counts": {"A": (12, 20), "B": (5, 12)},
        "rates": {"A": 0.6, "B": 0.4167},
        "ratios": {"A": 1.0, "B": 0.6944},
        "flagged": ["B"],
        "z": {"B": (-1.006, 0.31436)},
        "small": ["A", "B"],
    },
    "sure though above four fifths": {
        "counts": {"A": (5200, 10000), "B": (4500, 10000)},
        "rates": {"A": 0.52, "B": 0.45},
        "ratios": {"A": 1.0, "B": 0.8654},
        "flagged": [],
        "z": {"B": (-9.904, 0.0)},
        "small": [],
    },
    "three groups": {
        "counts": {"A": (90, 150), "B": (70, 140), "C": (30, 80)},
        "rates": {"A": 0.6, "B": 0.5, "C": 0.375},
        "ratios": {"A": 1.0, "B": 0.8333, "C": 0.625},
        "flagged": ["C"],
        "z": {"B": (-1.711, 0.08706), "C": (-3.253, 0.00114)},
        "small": [],
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_four_fifths_come_with_z_and_counts(case: dict[str, Any]) -> None:
    screen = four_fifths(case["counts"])

    groups = {group.name: group for group in screen.groups}
    assert screen.reference == "A"
    assert {name: round(group.rate, 4) for name, group in groups.items()} == case["rates"]
    assert {name: round(group.ratio, 4) for name, group in groups.items()} == case["ratios"]
    assert screen.flagged == case["flagged"]
    assert screen.small == case["small"]
    assert {
        name: (round(group.z, 3), round(group.p, 5))
        for name, group in groups.items()
        if group.z is not None and group.p is not None
    } == case["z"]


def test_what_is_sure_and_what_is_flagged_are_two_things() -> None:
    sure = four_fifths({"A": (5200, 10000), "B": (4500, 10000)}).groups[1]
    noise = four_fifths({"A": (12, 20), "B": (5, 12)}).groups[1]

    assert (sure.is_sure, sure.is_flagged, sure.is_small) == (True, False, False)
    assert (noise.is_sure, noise.is_flagged, noise.is_small) == (False, True, True)
    low, high = noise.interval
    assert low < noise.rate < high


def test_groups_without_homes_are_named_and_not_compared() -> None:
    screen = four_fifths({"A": (3, 5), "none": (0, 0)})

    assert [group.name for group in screen.groups] == ["A"]
    assert screen.empty == ("none",)
    assert four_fifths({}).reference == ""


def test_nothing_shown_anywhere_is_no_difference() -> None:
    screen = four_fifths({"A": (0, 50), "B": (0, 60)})

    assert [group.ratio for group in screen.groups] == [1.0, 1.0]
    assert screen.groups[1].z is None
    assert not screen.flagged


@pytest.mark.parametrize("wrong", [(6, 5), (-1, 5)])
def test_counts_that_cannot_be_are_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        four_fifths({"A": wrong})


def test_intervals_draw_buyers_and_not_homes() -> None:
    # every buyer is shown all of A and either all or nothing of B: sixty homes, but only six buyers
    selected = np.array([[10, 10], [10, 0]] * 3)
    total = np.full((6, 2), 10)

    told = ratio_intervals(["A", "B"], selected, total, "A", seed=7)

    assert told["A"] == (1.0, 1.0)
    interval = told["B"]
    assert interval is not None
    low, high = interval
    assert low <= 0.17
    assert high >= 0.83
    assert told == ratio_intervals(["A", "B"], selected, total, "A", seed=7)


def test_intervals_need_two_buyers_of_a_group() -> None:
    assert ratio_intervals(["A"], np.array([[1]]), np.array([[2]]), "A", seed=1) == {"A": None}
    selected, total = np.array([[1, 1], [1, 0], [2, 0]]), np.array([[2, 3], [2, 0], [2, 0]])
    told = ratio_intervals(["A", "B"], selected, total, "A", seed=1)
    assert told["A"] == (1.0, 1.0)
    assert told["B"] is None


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=5,
    )
)
def test_no_group_is_shown_more_than_the_reference(counts: dict[str, tuple[int, int]]) -> None:
    screen = four_fifths(counts)

    assert all(0 <= group.ratio <= 1 for group in screen.groups)
    assert sum(group.is_reference for group in screen.groups) == 1
    assert screen.reference not in screen.flagged
