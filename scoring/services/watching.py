"""Between trainings: whether leads still look as they did, and the base rate they seem to have now."""

from __future__ import annotations

from datetime import datetime

from leads.errors import DomainError
from leads.ml import calibration
from leads.ml.catalogue import VERSION
from leads.models import ModelVersion, Tenant
from scoring import drift, selectors
from scoring.drift import Reference
from scoring.outcomes import Target
from scoring.services import serving

LEAST = 100
"""Looks at leads of late below which nothing is told."""
TIME_OF_YEAR = frozenset({"season", "season_rising"})
"""Features that three months never have as a year has them."""
MOST_SHIFT = 1.0
"""Log odds by which probabilities are shifted at most."""


def watch(*, tenant: Tenant, now: datetime) -> ModelVersion | None:
    """Compare leads of late with those the tenant's serving model learned from; shift its base rate.

    The base rate is shifted only where validation, forward in time, was the better for it. None where no
    model of the tenant's own serves that says what it learned from.
    """
    version = ModelVersion.objects.serving().filter(engine=serving.ENGINE, tenant=tenant).first()
    if version is None or version.feature_version != VERSION or "reference" not in version.metrics:
        return None
    try:
        model = serving.load(version)
    except DomainError:
        return None  # whoever serves by it has noted why
    vectors = selectors.recent_rows(tenant=tenant, now=now, target=Target(version.target))
    version.watched = {"at": now.isoformat(), "rows": len(vectors)}
    if len(vectors) >= LEAST:
        matrix = model.matrix(vectors)
        references = {
            name: Reference.from_json(told)
            for name, told in version.metrics["reference"].items()
            if name not in TIME_OF_YEAR
        }
        found = drift.drifts(references, matrix, model.names)
        version.watched |= {
            "features": len(found),
            "drifted": [{"feature": one.feature, "index": one.index} for one in found if one.is_drifted],
        }
        version.shift = 0.0
        if model.adapts:
            by = calibration.prior_shift(model.calibrator.log_odds(model.margins(matrix)), model.base_rate)
            version.shift = min(MOST_SHIFT, max(-MOST_SHIFT, by))
    version.save(update_fields=["watched", "shift"])
    return version
