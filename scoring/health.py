"""How fast scores are made, and by what, for /health/realtime."""

from __future__ import annotations

from leads.ops import metrics
from leads.ops.health import Check, Status
from scoring.engine import Mode

SLOW_MS = 100.0
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def check_scoring() -> Check:
    """Tell the time a score takes since the workers started, and whether rules or a model make it."""
    counts = [
        (bound, metrics.total("hearthline_scoring_seconds_bucket", le=str(bound)))
        for bound in (*metrics.FAST_SECONDS, float("inf"))
    ]
    figures: dict[str, object] = {"mode": Mode.RULES.value, "model_version": None}
    total = metrics.total("hearthline_scoring_seconds_count")
    if not total:
        return Check(Status.OK, figures)
    figures |= {name: quantile(counts, total, share) for name, share in QUANTILES.items()}
    if quantile(counts, total, 0.95) > SLOW_MS:
        return Check(Status.DEGRADED, figures, "Scores take longer than a tenth of a second.")
    return Check(Status.OK, figures)


def quantile(counts: list[tuple[float, float]], total: float, share: float) -> float:
    """Return a quantile in milliseconds, read off the cumulative counts of a histogram."""
    wanted = share * total
    low_bound = low_count = 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf"):
                return round(low_bound * 1000, 2)
            part = (wanted - low_count) / (count - low_count) if count > low_count else 1.0
            return round((low_bound + part * (bound - low_bound)) * 1000, 2)
        low_bound, low_count = bound, count
    return round(low_bound * 1000, 2)
