"""Hazards of a home come on one scale; what a source leaves open is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import factors
from matching.hazards import levels
from matching.homes import HAZARDS, homes_of
from matching.wants import Wants
from tests.matching.cases import patient


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("flood", "VE", 1.0),
        ("flood", "AE", 0.8),
        ("flood", "X (shaded)", 0.3),
        ("flood", "X - 0.2 PCT ANNUAL CHANCE", 0.3),
        ("flood", "X", 0.0),
        ("flood", "D", None),
        ("wildfire", "Very High", 1.0),
        ("wildfire", "non-burnable", 0.0),
        ("seismic", "D2", 0.8),
        ("seismic", "G", None),
        ("radon", "Zone 2", 0.5),
        ("radon", 1.0, 1.0),
        ("noise", 60, 0.5),
        ("noise", 30, 0.0),
        ("noise", "loud", None),
        ("roof", 15, 0.5),
        ("roof", 40, 1.0),
        ("roof", True, None),
    ],
)
def test_a_source_s_words_have_a_level(name: str, value: Any, level: float | None) -> None:
    told = levels({name: value})

    assert told[HAZARDS.index(name)] == pytest.approx(np.nan if level is None else level, nan_ok=True)
    assert np.isnan(np.delete(told, HAZARDS.index(name))).all()


def test_the_factor_rests_on_what_is_known() -> None:
    homes = homes_of({"pk": [1, 2], "hazards": [levels({"flood": "AE", "radon": 3}), levels({"flood": "D"})]})
    scores, known = factors.safety(homes, Wants(importance={"safety": 3}))

    assert scores.tolist() == pytest.approx([(0.2 + 0.9) / 2, 0.5])
    assert known.tolist() == [True, False]


@patient()
@given(
    st.dictionaries(st.sampled_from(HAZARDS), st.none() | st.booleans() | st.floats() | st.text(max_size=6))
)
def test_any_words_give_a_level_or_none(stated: dict[str, Any]) -> None:
    told = levels(stated)

    assert told.shape == (6,)
    assert (np.isnan(told) | ((told >= 0) & (told <= 1))).all()
