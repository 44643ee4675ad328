"""How fast scores are made, and by what, for /health/realtime."""

from __future__ import annotations

from leads.ops import metrics
from leads.ops.health import Check, Status
from scoring.engine import Mode

SLOW_MS = 100.0
SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def check_scoring() -> Check:
    """Tell the time a score takes since the workers started, and whether rules or a model make it."""
    figures: dict[str, object] = {"mode": Mode.RULES.value, "model_version": None}
    seconds = metrics.quantiles("hearthline_scoring_seconds", tuple(SHARES.values()))
    if seconds is None:
        return Check(Status.OK, figures)
    figures |= {name: round(seconds[share] * 1000, 2) for name, share in SHARES.items()}
    if seconds[0.95] * 1000 > SLOW_MS:
        return Check(Status.DEGRADED, figures, "Scores take longer than a tenth of a second.")
    return Check(Status.OK, figures)
