from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Histogram

from leads.ops import health, metrics
from leads.ops.health import Status
from scoring import health as scoring_health


@pytest.fixture
def histogram(monkeypatch: pytest.MonkeyPatch) -> Histogram:
    """A scoring histogram of this test's own, under the real one's name."""
    registry = CollectorRegistry()
    made = Histogram(
        "hearthline_scoring_seconds", "Time to score", buckets=metrics.FAST_SECONDS, registry=registry
    )
    monkeypatch.setattr(metrics, "REGISTRY", registry)
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    return made


def test_before_the_first_score_there_are_no_times(histogram: Histogram) -> None:
    check = scoring_health.check_scoring()

    assert check.status == Status.OK
    assert check.figures == {"mode": "rules", "model_version": None}


def test_times_are_told_in_milliseconds(histogram: Histogram) -> None:
    for _ in range(98):
        histogram.observe(0.002)
    histogram.observe(0.04)
    histogram.observe(9.0)

    check = scoring_health.check_scoring()

    assert check.status == Status.OK
    assert check.figures["p50_ms"] == round(1 + 1.5 * 50 / 98, 2)
    assert check.figures["p99_ms"] == 50.0


def test_slow_scores_are_told(histogram: Histogram) -> None:
    for _ in range(10):
        histogram.observe(0.4)

    check = scoring_health.check_scoring()

    assert check.status == Status.DEGRADED
    assert check.detail == "Scores take longer than a tenth of a second."


def test_scoring_is_part_of_the_report() -> None:
    assert "scoring" in health._book.checks
