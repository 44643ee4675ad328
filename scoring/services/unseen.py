"""What became of a tenant's leads, each scored as by a model that had not seen it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from leads.errors import DomainError
from leads.ml.metrics import Values
from leads.models import ModelVersion, Tenant
from scoring import rules, selectors
from scoring.outcomes import Target
from scoring.own import OwnFields
from scoring.pillars import Pillar
from scoring.selectors import Rows
from scoring.services import serving
from scoring.services.learning import learn
from scoring.services.serving import Served
from scoring.weights.learned import LEAST_RARER
from scoring.weights.measured import PILLARS, Stretch, Unseen

if TYPE_CHECKING:
    from scoring.training import Trained

BEGINS = (0.4, 0.6, 0.8)
"""Shares of the moments before each stretch: a model learns from what was known by then, and scores it."""

Progress = Callable[[str], None]


def unseen_of(*, tenant: Tenant, served: Served, now: datetime, seed: int, tell: Progress) -> Unseen:
    """Return the moments of a tenant's leads whose outcome is known, with the margins of what serves.

    The model that serves has seen its own leads, and says of them more than it knows. So models as it is are
    trained on what was known before each stretch of time, and score that stretch. The market's model, whose
    leads are mostly others', and the rules, which never learned, are taken as they are.
    Raises DomainError where there is too little to go by.
    """
    version = ModelVersion.objects.defer("artifact").filter(name=served.version).first()
    rows = _rows(tenant, Target(version.target) if version is not None else None, now, tell)
    if version is None or served.model is None:
        parts = rules.margins(rows.matrix)
        whole = Stretch(rules.START, _by_pillar(parts, [rule.pillar for rule in rules.RULES]), rules.link)
        return _unseen(rows, [whole], is_probability=False)
    if version.tenant_id is None:
        return _unseen(rows, [_stretch(served.model, rows)], is_probability=True)
    return _forward(rows, tenant, version, served.model.own is not None, seed, tell)


def _rows(tenant: Tenant, target: Target | None, now: datetime, tell: Progress) -> Rows:
    """Return the moments of leads; where the rules serve, of closings, or of kept appointments if too few."""
    for wanted in [target] if target is not None else list(Target):
        rows = selectors.training_rows(
            tenant=tenant,
            now=now,
            target=wanted,
            progress=lambda done, total: tell(f"{done} of {total} leads read"),
        )
        if rows.leads_that_came >= LEAST_RARER:
            return rows
    raise DomainError(
        f"Too little to go by: the outcome came for {rows.leads_that_came} leads, {LEAST_RARER} are needed, "
        "each first seen more than 90 days ago.",
        "too_few",
    )


def _forward(
    rows: Rows, tenant: Tenant, version: ModelVersion, has_own: bool, seed: int, tell: Progress
) -> Unseen:
    """Return the moments from the first stretch on, each scored by a model of what was known before."""
    from scoring.training import TrainingError  # XGBoost and scikit-learn take 150 MB

    market = ModelVersion.objects.serving().filter(engine=serving.ENGINE, tenant=None, fault="").first()
    is_blended = market is not None and version.metrics.get("own_share", 1.0) < 1.0
    prior = serving.load(market) if market is not None and is_blended else None
    begins = [round(len(rows) * share) for share in BEGINS]
    stretches, kept = list[Stretch](), np.zeros(len(rows), dtype=np.bool_)
    for turn, (begin, end) in enumerate(zip(begins, [*begins[1:], len(rows)], strict=True), start=1):
        tell(f"Training {turn} of {len(begins)} on what was known before")
        past = np.arange(len(rows)) < begin
        past &= rows.known_at <= rows.at[begin]
        seen = rows.only(past)
        try:
            own = selectors.own_fields(tenant=tenant, rows=seen).own if has_own else OwnFields(())
            model = learn(seen, own, prior=prior, seed=seed, name=f"{version.name}-{turn}")
        except TrainingError:
            continue  # too little was known by then: a later stretch has more
        stretch = (np.arange(len(rows)) >= begin) & (np.arange(len(rows)) < end)
        stretches.append(_stretch(model, rows.only(stretch)))
        kept |= stretch
    if not stretches:
        raise DomainError(
            "Too little to go by: of no earlier time was enough known to learn a model from.",
            "too_few",
        )
    return _unseen(rows.only(kept), stretches, is_probability=True)


def _stretch(model: Trained, rows: Rows) -> Stretch:
    start, parts = model.explain(model.matrix(rows.vectors()))
    return Stretch(start, _by_pillar(parts, [pillar for _, pillar in model.features]), model.probability)


def _by_pillar(parts: Values, pillars: list[Pillar]) -> Values:
    """Return margins by feature (k, n) summed by pillar (n, p)."""
    sums = np.zeros((parts.shape[1], len(PILLARS)))
    for part, pillar in zip(parts, pillars, strict=True):
        sums[:, PILLARS.index(pillar)] += part
    return sums


def _unseen(rows: Rows, stretches: list[Stretch], *, is_probability: bool) -> Unseen:
    return Unseen(
        tuple(stretches),
        rows.came,
        rows.segments,
        rows.at,
        rows.lead_ids,
        is_probability=is_probability,
        target=rows.target,
    )
