from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.quality import ANSWERS, WORTH, quality

EMPTY: dict[str, Any] = {
    "first_name": "", "last_name": "", "email": "", "phone": "", "source": "", "segment": "", "profile": {},
    "consent": {},
}  # fmt: skip
FULL: dict[str, Any] = {
    "first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.com", "phone": "+12065550123",
    "source": "Zillow", "segment": "seller", "profile": dict.fromkeys(ANSWERS, "told"),
    "consent": {"SMS": {"state": "granted"}},
}  # fmt: skip


def record(**fields: Any) -> Any:
    return SimpleNamespace(**{**EMPTY, **fields})


def test_worths_add_up_to_a_hundred() -> None:
    assert sum(worth for _, _, worth in WORTH) == 100


def test_an_empty_record_lacks_everything_dearest_first() -> None:
    judged = quality(record())

    assert judged.score == 0
    assert [piece.worth for piece in judged.missing] == sorted((w for _, _, w in WORTH), reverse=True)
    assert judged.missing[0].as_dict() == {"field": "phone", "label": "Phone number", "worth": 16}


def test_a_full_record_lacks_nothing() -> None:
    assert quality(record(**FULL)) == quality(SimpleNamespace(**FULL))
    assert quality(record(**FULL)).score == 100
    assert quality(record(**FULL)).missing == ()


@pytest.mark.parametrize(
    ("fields", "score"),
    [
        ({"phone": "+12065550123"}, 16),
        ({"phone": "+12065550123", "email": "ana@example.com"}, 30),
        ({"profile": {"budget": 580000.0}}, 10),
        ({"profile": {"budget": 0}}, 10),
        ({"profile": {"budget": ""}}, 0),
        ({"profile": {"motivation": []}}, 0),
        ({"consent": {"SMS": {"state": "denied"}}}, 4),
        ({"consent": {"SMS": {"state": "unknown"}, "Email": "granted"}}, 0),
        ({"consent": None, "profile": None}, 0),
    ],
)
def test_each_piece_is_worth_its_points(fields: dict[str, Any], score: int) -> None:
    assert quality(record(**fields)).score == score


@given(st.sets(st.sampled_from(sorted(FULL))))
def test_what_is_missing_is_what_the_score_lacks(filled: set[str]) -> None:
    judged = quality(record(**{name: FULL[name] for name in filled}))

    assert judged.score + sum(piece.worth for piece in judged.missing) == 100
