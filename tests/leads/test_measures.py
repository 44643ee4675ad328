"""Measures of probabilities: exact on small cases, and blind to how ties are ordered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leads.ml import metrics

SAID = np.array([0.1, 0.1, 0.1, 0.1, 0.6, 0.6, 0.6, 0.6])
CAME = np.array([0, 0, 0, 1, 0, 1, 1, 1], dtype=np.bool_)


def test_what_was_said_is_held_against_what_happened_bin_by_bin() -> None:
    assert metrics.ece(CAME, SAID, bins=2) == pytest.approx(0.15)
    low, high = metrics.reliability(CAME, SAID, bins=2)
    assert (low.count, low.happened, high.count, high.happened) == (4, 0.25, 4, 0.75)
    assert low.said == pytest.approx(0.1)
    assert high.said == pytest.approx(0.6)
    assert math.isnan(metrics.ece(CAME[:0], SAID[:0]))
    assert metrics.reliability(CAME[:0], SAID[:0]) == ()


def test_ties_stay_in_one_bin_whatever_their_order() -> None:
    """One who knows only the rate of closings is right about it, in whatever order closings came."""
    said = np.full(60, 1 / 3)
    first = np.arange(60) < 20

    assert metrics.ece(first, said) == pytest.approx(0.0)
    assert [row.count for row in metrics.reliability(first, said)] == [60]
    assert (
        metrics.ece(CAME, SAID, bins=8) == metrics.ece(CAME[::-1], SAID[::-1], bins=8) == pytest.approx(0.15)
    )


def test_the_interval_of_the_calibration_error_holds_the_error_itself() -> None:
    """Resampling adds noise to every bin, so the plain percentiles would lie above what was measured."""
    rng = np.random.default_rng(7)
    said = rng.uniform(0.05, 0.95, 400)
    came = rng.random(400) < said
    found = metrics.interval(came, said, metrics.ece, seed=1)

    assert found.low < found.value < found.high
    assert found.value == metrics.ece(came, said)
    assert found.high - found.low < 0.08
