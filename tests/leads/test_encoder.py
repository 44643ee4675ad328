from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from leads.ml.columns import (
    Column,
    column_of,
    epochs,
    number_column,
    read_flag,
    read_moment,
    read_moment_or_epoch,
    read_number,
)
from leads.ml.encoder import Encoder, fit_encoder
from leads.ml.leaks import leaking_columns, leaking_kinds
from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Values

NEW_YEAR = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12.0),
        ("-3.5", -3.5),
        ("1,200", 1200.0),
        ("$580k", 580_000.0),
        ("$ 1.2M", 1_200_000.0),
        ("-$40", -40.0),
        ("(35)", -35.0),
        ("12 %", 12.0),
        ("2e3", 2000.0),
        ("(35", math.nan),
        ("three", math.nan),
        ("1-2", math.nan),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    assert read_number(text) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "2025-12-31 19:00:00-05:00",
        "2026-01-01 00:00:00 UTC",
        "1/1/2026",
        "01/01/2026 12:00 AM",
        "Jan 1, 2026",
        "1767225600",
        "1767225600000",
    ],
)
def test_moments_are_read_as_programs_write_them(text: str) -> None:
    assert read_moment_or_epoch(text) == NEW_YEAR


def test_what_is_no_moment_is_missing() -> None:
    assert all(
        math.isnan(read_moment(text)) for text in ("", "20", "2026", "2026-13-01", "0001-01-01", "soon")
    )
    assert np.isnan(epochs(np.array([1.0, math.nan]))).all()
    assert [read_flag(text) for text in ("Yes", "sí", "F")] == [1.0, 1.0, 0.0]
    assert math.isnan(read_flag("perhaps"))


def fitted(
    column: Column, outcomes: Iterable[int] | None = None, moments: Values | None = None
) -> tuple[Encoder, Values]:
    count = len(column)
    came = np.arange(count) % 2 == 0 if outcomes is None else np.array([*outcomes], dtype=np.bool_)
    return fit_encoder({"it": column}, came, np.arange(count, dtype=np.float64), moments=moments)


def test_amounts_and_gaps_become_numbers() -> None:
    encoder, matrix = fitted(column_of(["$1k", "", "2,000", "Inf"] * 25))

    assert encoder.names == ("it", "it is missing")
    assert matrix[:3].tolist() == [[1000.0, 0.0], [pytest.approx(math.nan, nan_ok=True), 1.0], [2000.0, 0.0]]


def test_a_few_values_of_another_type_count_as_missing_and_are_told() -> None:
    column = column_of([*(str(i * 7) for i in range(60)), "unknown", "ask"])

    encoder, matrix = fitted(column)

    assert encoder.plans[0].kind == "number"
    assert encoder.plans[0].note == "2 of 62 values are no number and count as missing"
    assert np.isnan(matrix[60:]).all()


def test_dates_count_back_from_the_moment_a_lead_is_looked_at() -> None:
    moments = np.full(40, NEW_YEAR + 10 * DAY)

    encoder, matrix = fitted(column_of(["2026-01-01", "2026-01-15"] * 20), moments=moments)

    assert encoder.names == ("it: days before",)
    assert matrix[:2].tolist() == [[10.0], [-4.0]]


def test_an_untouched_default_is_a_level_of_its_own_and_rare_levels_are_none() -> None:
    column = column_of(["Select", "Google", "google "] * 20 + ["Once"])

    encoder, matrix = fitted(column)

    assert encoder.names == ("it = google", "it = select")
    assert matrix[:4].tolist() == [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert matrix[-1].tolist() == [0.0, 0.0]
    unseen = encoder.encode({"it": column_of(["Bing", "", "GOOGLE"])}, None, 3)
    assert unseen.tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]


def test_of_very_many_levels_the_rate_is_that_of_earlier_rows_alone() -> None:
    levels = [f"agent {i % 50}" for i in range(500)]
    outcomes = [int(i % 50 < 10) for i in range(500)]

    encoder, matrix = fitted(column_of(levels), outcomes)

    place = encoder.names.index("it: past rate")
    assert matrix[0, place] == 0.5  # nobody came before: nothing is known, not even the usual rate
    usual = 11 / 52  # 10 of the first 50 converted
    assert matrix[50, place] == pytest.approx((1 + 20 * usual) / 21)
    later = encoder.encode({"it": column_of(["Agent 3", "agent 40", "newcomer"])}, None, 3)
    assert later[:, place].tolist() == pytest.approx([14 / 30, 4 / 30, 0.2])
    assert later[:, encoder.names.index("it: how common")].tolist() == pytest.approx(
        [math.log(11)] * 2 + [0.0]
    )


def test_free_text_is_its_length() -> None:
    column = column_of(f"We are looking for a home number {i}" for i in range(40))

    encoder, matrix = fitted(column)

    assert encoder.names == ("it: length", "it: words")
    assert matrix[0].tolist() == [34.0, 8.0]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (column_of([""] * 40), "empty"),
        (column_of(["x"] * 40), "the same in every row"),
        (number_column(np.full(40, 3.0)), "the same in every row"),
        (number_column(np.arange(40.0) + 7e5), "an id: nearly every row has its own"),
        (column_of(f"user{i}@example.com" for i in range(40)), "an id: nearly every row has its own"),
    ],
)
def test_what_says_nothing_is_left_out(column: Column, why: str) -> None:
    encoder, matrix = fitted(column)

    assert encoder.left_out == {"it": why}
    assert matrix.shape == (40, 0)


def test_who_a_person_is_is_no_feature_but_that_they_told_is() -> None:
    names = column_of(["Ana", "Bob"] * 30)
    phones = column_of([f"555-01{i:02}" if i % 3 else "" for i in range(60)])
    outcomes: Flags = np.arange(60) % 2 == 0

    encoder, matrix = fit_encoder({"First Name": names, "phone": phones}, outcomes, np.arange(60.0))

    assert encoder.left_out == {"First Name": "says who a person is"}
    assert encoder.names == ("phone is missing",)
    assert matrix[:3, 0].tolist() == [1.0, 0.0, 0.0]


def test_an_honest_strong_sign_is_no_leak() -> None:
    rng = np.random.default_rng(1)
    strong = rng.normal(size=4000)
    outcomes = rng.random(4000) < 1 / (1 + np.exp(1.5 - 2.5 * strong))
    few = np.where(outcomes & (rng.random(4000) < 0.06), "friend", "web")  # all 50 friends or so convert
    columns = {"strong": number_column(strong), "few": column_of(few.tolist())}

    assert leaking_columns(columns, outcomes) == ()


def test_a_column_that_ranks_all_but_perfectly_is_a_leak() -> None:
    outcomes: Flags = np.arange(2000) % 4 == 0
    column = number_column(np.where(outcomes, 3.0, 0.0) + np.random.default_rng(1).random(2000))

    (leak,) = leaking_columns({"stage_score": column}, outcomes)

    assert leak.name == "stage_score"
    assert leak.why == "By itself it tells outcomes apart with an AUC of 1.000."


def test_kinds_of_events_that_decide_are_leaks() -> None:
    outcomes: Flags = np.arange(1000) % 5 == 0
    signed = np.where(outcomes & (np.arange(1000) < 200), 1, 0)
    lost_later = np.where(~outcomes, 1, 0)
    lost_by_then = np.where(np.arange(1000) == 1, 1, 0)
    wrote = np.ones(1000)

    found = leaking_kinds(
        ["signed", "lost", "wrote"],
        np.stack([signed, lost_by_then, wrote], axis=1).astype(np.float64),
        np.stack([signed, lost_later, wrote], axis=1).astype(np.float64),
        outcomes,
    )

    assert [(leak.name, leak.why) for leak in found] == [
        ("signed", "Of 40 leads to whom it happened by then, 40 converted; of all, 20.0% did."),
        ("lost", "Of 800 leads to whom it happened ever, 0 converted; of all, 20.0% did."),
    ]
