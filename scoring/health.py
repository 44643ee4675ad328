"""How fast scores are made, and by what, for /health/realtime."""

from __future__ import annotations

from leads.models import ModelVersion
from leads.ops import metrics
from leads.ops.health import Check, Status
from scoring.engine import Mode

SLOW_MS = 100.0
SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def check_scoring() -> Check:
    """Tell the time a score takes since the workers started, and whether rules or a model make it.

    The version told is the one promoted last; the mode is `rules` once a model that should serve cannot.
    """
    serving = ModelVersion.objects.serving().filter(engine=ModelVersion.Engine.SCORES)
    versions = list(serving.order_by("promoted_at").values_list("name", "fault"))
    failed = [fault for _, fault in versions if fault]
    mode = Mode.MODEL if versions and not failed else Mode.RULES
    figures: dict[str, object] = {
        "mode": mode.value,
        "model_version": versions[-1][0] if versions else None,
    }
    seconds = metrics.quantiles("hearthline_scoring_seconds", tuple(SHARES.values()))
    if seconds is not None:
        figures |= {name: round(seconds[share] * 1000, 2) for name, share in SHARES.items()}
    if failed:
        return Check(Status.DEGRADED, figures, f"Rules answer: a model cannot be used. {failed[0]}")
    if seconds is not None and seconds[0.95] * 1000 > SLOW_MS:
        return Check(Status.DEGRADED, figures, "Scores take longer than a tenth of a second.")
    return Check(Status.OK, figures)
