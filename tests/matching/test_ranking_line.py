"""The line of the ranking: a softmax within cases."""

from __future__ import annotations

import numpy as np
import pytest

from matching.ranking.line import fit_line, standardized


def test_features_are_told_against_the_others_of_their_case() -> None:
    matrix = np.array([[1.0, 5.0], [3.0, np.nan], [10.0, 7.0], [10.0, 7.0], [10.0, 9.0]], dtype=np.float32)

    told = standardized(matrix, np.array([2, 3]))

    assert told[:2, 0] == pytest.approx([-1.0, 1.0], abs=1e-5)
    assert told[:2, 1].tolist() == [0.0, 0.0]  # one is not known: nothing to tell apart by
    assert told[2:, 0].tolist() == [0.0, 0.0, 0.0]
    assert told[2:, 1] == pytest.approx([-0.70711, -0.70711, 1.41421], abs=1e-4)


def test_what_people_turn_to_is_found_and_nothing_keeps_the_prior() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([1.0, -0.5, 0.0])
    cases, homes = 4_000, 8
    features = rng.normal(size=(cases, homes, 3))
    chosen = np.argmax(features @ truth + rng.gumbel(size=(cases, homes)), axis=1)
    rows = np.arange(cases)
    features[rows, 0], features[rows, chosen] = (
        features[rows, chosen].copy(),
        features[rows, 0].copy(),
    )
    groups, weights = np.full(cases, homes), np.ones(cases)

    found = fit_line(features.reshape(-1, 3), groups, weights, np.zeros(3), strength=1.0)
    held = fit_line(features.reshape(-1, 3), groups, weights, truth, strength=1e9)

    assert found == pytest.approx(truth, abs=0.06)
    assert held == pytest.approx(truth, abs=1e-4)
