"""What publishing a model or a set of weights would change, seen before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leads.errors import DomainError
from leads.ml import features
from leads.ml.features import FeatureVector
from leads.models import AlertSettings, Lead, ModelVersion, Tenant
from leads.selectors.alerts import settings_of
from leads.selectors.histories import facts_of, histories_of
from scoring import engine, selectors
from scoring.engine import Case, Score, Tier
from scoring.models import WeightSet
from scoring.services import serving
from scoring.services.serving import Served
from scoring.services.work import not_before

CHUNK = 500
MOST_MOVED = 30
SEEN = 0.05
"""Points by which a score must move to look moved, written to a tenth."""
WEEK = timedelta(days=7)
LOOKED_AT = timedelta(days=1)
"""Age a preview may have when what it looked at is published."""
ORDER = [str(tier) for tier in (Tier.HOT, Tier.WARM, Tier.STEADY, Tier.QUIET)]


@dataclass(frozen=True, slots=True)
class Move:
    """One lead before and after."""

    lead_id: int
    score: float
    tier: str
    new_score: float
    new_tier: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would change: tiers then and now, who moves most, and how many alerts of hot leads it means."""

    leads: int
    tiers: dict[str, int]
    new_tiers: dict[str, int]
    changed: int
    moved: list[Move] = field(default_factory=list)
    hot_alerts: int = 0
    """Leads that would be hot at once and are not now: each raises an alert with its next event."""
    hot_a_week: float = 0.0
    """Leads that came hot in the last week, as it is now."""

    def as_json(self) -> dict[str, Any]:
        """Return it as the registry keeps it."""
        return asdict(self)


def preview(
    *, tenant: Tenant, served: Served, now: datetime, progress: Callable[[int, int], None] | None = None
) -> Preview:
    """Score every active lead as it would be; nothing is written."""
    settings = settings_of([tenant.pk])[tenant.pk]
    moves = list[Move]()
    for chunk in _vectors(tenant, now, progress):
        moves.extend(_moves(chunk, served, settings, now))
    changed = [move for move in moves if move.tier != move.new_tier]
    ranked = sorted(moves, key=lambda move: (-abs(_places(move)), -abs(move.new_score - move.score)))
    return Preview(
        leads=len(moves),
        tiers=_counts(move.tier for move in moves),
        new_tiers=_counts(move.new_tier for move in moves),
        changed=len(changed),
        moved=[move for move in ranked[:MOST_MOVED] if abs(move.new_score - move.score) >= SEEN],
        hot_alerts=sum(move.new_tier == Tier.HOT for move in changed),
        hot_a_week=float(
            Lead.objects.active()
            .for_tenant(tenant)
            .filter(tier=Tier.HOT, tier_changed_at__gt=now - WEEK)
            .count()
        ),
    )


def tenant_scores(*, tenant: Tenant, served: Served, now: datetime) -> Iterator[tuple[Lead, Score]]:
    """Yield every active lead with its score under what would serve."""
    settings = settings_of([tenant.pk])[tenant.pk]
    for chunk in _vectors(tenant, now, None):
        cases = _cases(chunk, served, settings)
        scores = serving.score_cases(cases, served.model, now=now)
        yield from ((lead, score) for (lead, _), score in zip(chunk, scores, strict=True))


def _cases(
    chunk: Sequence[tuple[Lead, FeatureVector]], served: Served, settings: AlertSettings
) -> list[Case]:
    personal = served.personal_of(lead for lead, _ in chunk)
    return [served.case(lead, vector, settings, personal) for lead, vector in chunk]


def _moves(
    chunk: Sequence[tuple[Lead, FeatureVector]], served: Served, settings: AlertSettings, now: datetime
) -> Iterator[Move]:
    cases = _cases(chunk, served, settings)
    scores = serving.score_cases(cases, served.model, now=now)
    for (lead, _), case, score in zip(chunk, cases, scores, strict=True):
        held = Tier(lead.tier) if lead.tier else None
        tier = engine.settled(score, case.thresholds, held).tier
        yield Move(lead.pk, lead.score or 0.0, lead.tier, score.score, tier)


def _vectors(
    tenant: Tenant, now: datetime, progress: Callable[[int, int], None] | None
) -> Iterator[list[tuple[Lead, FeatureVector]]]:
    """Yield the scored leads with their features as of now, some hundred at a time."""
    waiting = Lead.objects.active().for_tenant(tenant).filter(score__isnull=False)
    total, done, last = waiting.count(), 0, 0
    while leads := list(waiting.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = leads[-1].pk
        kept = selectors.states([lead.pk for lead in leads])
        missing = [lead for lead in leads if lead.pk not in kept]
        histories = histories_of(missing) if missing else {}
        chunk = []
        for lead in leads:
            state = kept[lead.pk] if lead.pk in kept else features.replay(histories[lead.pk], now)
            at = not_before(state, now) if state else now
            chunk.append((lead, features.vector(state, at, facts_of(lead))))
        yield chunk
        done += len(leads)
        if progress is not None:
            progress(done, total)


def _places(move: Move) -> int:
    """Return how many tiers a lead rises; those without a tier yet rise none."""
    return ORDER.index(move.tier) - ORDER.index(move.new_tier) if move.tier else 0


def _counts(tiers: Iterator[str]) -> dict[str, int]:
    found = Counter(tiers)
    return {tier: found.get(tier, 0) for tier in ORDER}


def is_looked_at(row: ModelVersion | WeightSet, now: datetime) -> bool:
    """Tell whether the preview of a version or a set is there and young enough to publish by."""
    at = row.preview.get("at")
    return bool(at) and now - datetime.fromisoformat(at) <= LOOKED_AT


def check_looked_at(row: ModelVersion | WeightSet, now: datetime) -> None:
    """Refuse what was not looked at, or too long ago."""
    if not is_looked_at(row, now):
        raise DomainError(
            "Look first at what it would change: the preview is missing or over a day old.", "preview"
        )
