"""What scoring a batch is made of: its leads, their moments, and the rows that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leads.events import Kind
from leads.ml.features import EventFact, FeatureVector, State
from leads.models import AlertSettings, Lead
from leads.models.leads import Tier
from leads.segments import SegmentFacts, segment_of
from leads.services.events import NewEvent
from leads.services.standing import Standing
from leads.tables import ask, put
from scoring import engine, selectors
from scoring.engine import Case, Score
from scoring.models import ExperimentLead, LeadScore
from scoring.selectors import LeadEvent
from scoring.services import serving
from scoring.services.serving import Served

RECORD_FROM = 5.0
"""Points a score must move, its tier unchanged, for the timeline to tell of it."""

CHUNK = 256


@dataclass(slots=True)
class Moment:
    """One point in a lead's history to score: after an event, or (event None) now."""

    at: datetime
    vector: FeatureVector
    event: EventFact | None
    is_backfill: bool = False


@dataclass(slots=True)
class Work:
    """One lead of a batch: what came, what is remembered, what is to be scored."""

    lead: Lead
    events: list[LeadEvent] = field(default_factory=list)
    before: State = field(default_factory=dict)
    state: State = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Tell whether the last event is of this moment."""
        return self.moments[-1].event is not None


def lock_leads(lead_ids: set[int]) -> dict[int, Lead]:
    """Lock leads in the order of their keys; a merged lead stands for the one it went into."""
    return ask_to_lock(lead_ids)()


def ask_to_lock(lead_ids: set[int]) -> Callable[[], dict[int, Lead]]:
    """Send what `lock_leads` sends and return what waits for the leads."""
    locked = _ask(lead_ids)

    def answer() -> dict[int, Lead]:
        rows = {lead.pk: lead for lead in locked()}
        absent = {pk for lead in rows.values() if (pk := lead.merged_into_id) is not None} - rows.keys()
        if absent:
            rows |= {lead.pk: lead for lead in _ask(absent)()}
        return {
            pk: survivor
            for pk, lead in rows.items()
            if (survivor := rows.get(lead.merged_into_id or pk)) is not None
            and survivor.status == Lead.Status.ACTIVE
        }

    return answer


def _ask(lead_ids: set[int]) -> Callable[[], list[Lead]]:
    tail = "WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    return ask(Lead, tail, [list(lead_ids)], only=selectors.LEAD_FIELDS)


def not_before(state: State, at: datetime) -> datetime:
    """Return the moment, or the state's own when another machine's clock runs ahead of ours."""
    known = datetime.fromtimestamp(state["at"], tz=at.tzinfo)
    return max(at, known)


def score_works(
    works: Sequence[Work], settings: Mapping[int, AlertSettings], now: datetime
) -> dict[int, list[Score]]:
    """Score every moment of every lead in one go for each model that serves some of them."""
    tenants = serving.served_for({work.lead.tenant_id for work in works})
    served = {work.lead.pk: tenants[work.lead.tenant_id].of(work.lead.pk) for work in works}
    asked = [work.lead.pk for work in works if served[work.lead.pk].uses_personal]
    personal = selectors.personal_weights(asked) if asked else {}
    groups: dict[str, list[Work]] = {}
    for work in works:
        groups.setdefault(served[work.lead.pk].version, []).append(work)
    scores: dict[int, list[Score]] = {}
    for group in groups.values():
        model = served[group[0].lead.pk].model
        cases = [
            served[work.lead.pk].case(work.lead, moment.vector, settings[work.lead.tenant_id], personal)
            for work in group
            for moment in work.moments
        ]
        scored = zip(cases, serving.score_cases(cases, model, now=now), strict=True)
        scores |= {work.lead.pk: _settled(work, scored, served[work.lead.pk], now) for work in group}
    _enter(works, tenants, now)
    return scores


def _enter(works: Sequence[Work], tenants: Mapping[int, Served], now: datetime) -> None:
    """Note the leads that enter an experiment: open ones, when first scored as of now while it runs.

    Whether a score moved must not matter: it moves oftener with one variant than with the other.
    """
    put(
        [
            ExperimentLead(
                experiment_id=trial.experiment_id,
                lead_id=work.lead.pk,
                is_treated=trial.treats(work.lead.pk),
                entered_at=now,
            )
            for work in works
            if (trial := tenants[work.lead.tenant_id].trial) is not None
            and not serving.is_ended(work.moments[-1].vector)
        ],
        conflict="ON CONFLICT (experiment_id, lead_id) DO NOTHING",
    )()


def _settled(work: Work, scored: Iterator[tuple[Case, Score]], served: Served, now: datetime) -> list[Score]:
    """Return the scores of a lead's moments, each in a tier that the one before it may still hold.

    Whether a lead is hot now may be left to chance; what it was in the past is not.
    """
    found = list[Score]()
    for moment, (case, score) in zip(work.moments, scored, strict=False):
        held = found[-1].tier if found else None
        if moment.at >= now and work.lead.tier:
            held = held or engine.Tier(work.lead.tier)
        settled = engine.settled(score, case.thresholds, held)
        if moment.at >= now and not serving.is_ended(moment.vector):
            settled = served.explored(work.lead.pk, settled, now)
        found.append(settled)
    return found


def score_row(lead: Lead, moment: Moment, score: Score, now: datetime) -> LeadScore:
    """Return a prediction as its row."""
    interval = score.interval or (None, None)
    return LeadScore(
        tenant_id=lead.tenant_id,
        lead_id=lead.pk,
        event_id=moment.event.event_id if moment.event is not None else None,
        score=score.score,
        low=interval[0],
        high=interval[1],
        tier=Tier(score.tier),
        base=score.base,
        contributions=[[one.feature, one.value, one.points] for one in score.contributions],
        pillars=[[share.pillar, share.points, share.weight] for share in score.pillars],
        mode=LeadScore.Mode(score.mode),
        model_version=score.model_version,
        weight_set=score.weight_set,
        feature_version=moment.vector.version,
        inputs_hash=engine.fingerprint(moment.vector),
        event_at=moment.at,
        scored_at=now,
        propensity=score.propensity,
        is_explored=score.is_explored,
    )


def is_news(previous: tuple[float | None, str], score: Score) -> bool:
    before, tier = previous
    return before is None or tier != score.tier or abs(score.score - before) >= RECORD_FROM


def scored_event(
    lead: Lead,
    moment: Moment,
    score: Score,
    previous: tuple[float | None, str],
    *,
    is_anew: bool = False,
) -> NewEvent:
    mark = moment.event.event_id if moment.event is not None else f"at{int(moment.at.timestamp())}"
    return NewEvent(
        tenant_id=lead.tenant_id,
        lead_id=lead.pk,
        kind=Kind.LEAD_SCORED,
        occurred_at=moment.at,
        data={
            "score": score.score,
            "tier": score.tier,
            "previous_score": previous[0],
            "previous_tier": previous[1],
            **({"anew": True} if is_anew else {}),
        },
        dedupe_key=f"scored:{lead.pk}:{mark}",
        backfill=moment.is_backfill,
    )


def standing_of(work: Work, score: Score, now: datetime, *, is_anew: bool = False) -> Standing:
    interval = score.interval or (None, None)
    segment = segment_of(
        SegmentFacts(
            profile=work.lead.profile,
            declared=work.state.get("declared", ()),
            budget=work.state.get("budget"),
            valuation_requests=work.moments[-1].vector["valuation_requests"],
        )
    ).segment
    last = max((event.fact.occurred_at for event in work.events), default=now)
    return Standing(
        lead_id=work.lead.pk,
        score=score.score,
        tier=score.tier,
        low=interval[0],
        high=interval[1],
        next_action=score.next_action,
        reasons=[reason.as_dict() for reason in score.reasons],
        scored_at=now,
        event_at=last,
        segment=segment,
        sentences=[reason.sentence(now) for reason in score.reasons],
        is_anew=is_anew,
    )
