"""Score leads as their events come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads import alerting, bus
from leads.alerting import AlertDraft, StandingFacts
from leads.ml import features
from leads.ml.catalogue import VERSION
from leads.ml.features import State
from leads.models import AlertSettings, FeatureState, Lead
from leads.ops import metrics
from leads.selectors.alerts import as_thresholds, ask_for_settings
from leads.selectors.histories import facts_of, histories_of
from leads.services.alerts import raise_alerts
from leads.services.events import NewEvent, ask_to_record
from leads.services.standing import update_standing
from leads.store import Whose, past_states
from leads.tables import prepared, put, together
from scoring import selectors
from scoring.engine import Score
from scoring.models import LeadScore
from scoring.selectors import LeadEvent
from scoring.services.work import (
    Moment,
    Work,
    ask_to_lock,
    is_news,
    not_before,
    score_row,
    score_works,
    scored_event,
    standing_of,
)

GROUP = "scoring"
_BEFORE = """
    SELECT told.lead_id, earlier.score, earlier.tier
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS told (lead_id, at)
    CROSS JOIN LATERAL (
        SELECT score, tier FROM scoring_leadscore AS row
        WHERE row.lead_id = told.lead_id AND row.event_at < told.at
        ORDER BY row.event_at DESC, row.id DESC
        LIMIT 1
    ) AS earlier
"""
_NEWER = """
    ON CONFLICT (lead_id) DO UPDATE SET state = excluded.state, version = excluded.version,
        last_event_id = excluded.last_event_id, last_occurred_at = excluded.last_occurred_at
"""
LIVE = timedelta(minutes=5)
"""An event no older than this is scored as of now; older ones as of when they happened."""


@transaction.atomic
def score_leads(*, event_ids: Sequence[int]) -> list[LeadScore]:
    """Score the leads events are about, each event once, whoever else was given it.

    One transaction and a number of queries that does not grow with the batch.
    """
    began = perf_counter()
    now = timezone.now()
    with together():
        claiming = bus.ask_to_claim(GROUP, event_ids)
        behavior = selectors.ask_for_behavior(event_ids)
        claimed = set(claiming())
        events = [event for event in behavior() if event.fact.event_id in claimed]
    if not events:
        return []
    lead_ids = {event.lead_id for event in events}
    with together():
        locking = ask_to_lock(lead_ids)
        knowing = selectors.ask_for_states(lead_ids)
        setting = ask_for_settings({event.tenant_id for event in events})
        leads, states, settings = locking(), knowing(), setting()
    works = _gather(events, leads)
    if not works:
        return []
    if survivors := {work.lead.pk for work in works} - lead_ids:
        states |= selectors.states(survivors)
    _remember(works, states, now)
    scores = score_works(works, settings, now)
    rows = [
        score_row(work.lead, moment, score, now)
        for work in works
        for moment, score in zip(work.moments, scores[work.lead.pk], strict=True)
        if moment.event is not None
    ]
    earlier = _scores_before(works)
    with together():
        inserting = put(rows)
        _keep_states(works)
        recording = ask_to_record(_told(works, scores, earlier))
        update_standing(standings=[standing_of(work, scores[work.lead.pk][-1], now) for work in works])
        recording()
        if drafts := _alerts(works, scores, settings, now):
            raise_alerts(drafts=drafts, settings=settings)
        inserting()
    for mode, count in Counter(row.mode for row in rows).items():
        metrics.SCORED.labels(mode=mode).inc(count)
    metrics.SCORING_SECONDS.observe((perf_counter() - began) / len(rows))
    _time_events(works)
    return rows


def _time_events(works: Sequence[Work]) -> None:
    """Note how long live events took from when they happened to their scores."""
    ended = timezone.now()
    for work in works:
        for event in work.events:
            if not event.is_backfill:
                metrics.STORED_SECONDS.observe((ended - event.fact.occurred_at).total_seconds())


def _gather(events: Iterable[LeadEvent], leads: dict[int, Lead]) -> list[Work]:
    """Return the batch lead by lead, in the order of their keys."""
    works: dict[int, Work] = {}
    for event in events:
        lead = leads.get(event.lead_id)
        if lead is not None:
            works.setdefault(lead.pk, Work(lead)).events.append(event)
    return [works[pk] for pk in sorted(works)]


def _remember(works: Sequence[Work], kept: Mapping[int, State], now: datetime) -> None:
    """Bring every state forward over its new facts, anew from the log where one came late."""
    late, changed = [], []
    for work in works:
        work.before = kept.get(work.lead.pk, {})
        is_late = features.needs_rebuild(work.before, work.events[0].fact)
        if is_late or not work.before:
            late.append(work.lead)
        if is_late:
            changed.append(Whose(work.lead.tenant_id, work.lead.pk))
    if changed:
        transaction.on_commit(partial(past_states.forget, changed), robust=True)
    histories = histories_of(late) if late else {}
    for work in works:
        new = {event.fact.event_id: event for event in work.events}
        facts = histories.get(work.lead.pk)
        if facts is None:
            work.state, facts = work.before, [event.fact for event in work.events]
        for fact in sorted(facts, key=lambda fact: fact.key):
            if fact.event_id in new and not work.before and not work.moments:
                work.before = work.state  # rebuilt, perhaps for a new version: what was known is no news
            work.state = features.advance(work.state, fact)
            if fact.event_id in new:
                _mark(work, new[fact.event_id], now)
        if work.moments[-1].at < now:
            vector = features.vector(work.state, not_before(work.state, now), facts_of(work.lead))
            work.moments.append(Moment(now, vector, None))


def _mark(work: Work, event: LeadEvent, now: datetime) -> None:
    """Note the features after one new event."""
    at = now if now - event.fact.occurred_at <= LIVE else event.fact.occurred_at
    vector = features.vector(work.state, not_before(work.state, at), facts_of(work.lead))
    work.moments.append(Moment(at, vector, event.fact, event.is_backfill))


def _keep_states(works: Sequence[Work]) -> None:
    put(
        [
            FeatureState(
                lead_id=work.lead.pk,
                state=work.state,
                version=VERSION,
                last_event_id=work.state["id"],
                last_occurred_at=datetime.fromtimestamp(work.state["at"], tz=timezone.get_default_timezone()),
            )
            for work in works
        ],
        conflict=_NEWER,
    )


def _told(
    works: Sequence[Work],
    scores: dict[int, list[Score]],
    earlier: Mapping[int, tuple[float | None, str]],
) -> list[NewEvent]:
    """Return what the log is told of: every score that changed tier or moved far enough."""
    told: list[NewEvent] = []
    for work in works:
        previous = (
            (work.lead.score, work.lead.tier) if work.is_live else earlier.get(work.lead.pk, (None, ""))
        )
        for moment, score in zip(work.moments, scores[work.lead.pk], strict=True):
            if moment.event is None:
                continue
            if is_news(previous, score):
                told.append(scored_event(work.lead, moment, score, previous))
            previous = (score.score, score.tier)
    return told


def _scores_before(works: Sequence[Work]) -> dict[int, tuple[float | None, str]]:
    """Return what each lead whose events are of the past scored before the first of them."""
    works = [work for work in works if not work.is_live and work.lead.score is not None]
    if not works:
        return {}
    columns: tuple[list[Any], ...] = (
        [work.lead.pk for work in works],
        [work.moments[0].at for work in works],
    )
    with prepared() as cursor:
        cursor.execute(_BEFORE, columns)
        return {lead_id: (score, tier) for lead_id, score, tier in cursor.fetchall()}


def _alerts(
    works: Sequence[Work],
    scores: dict[int, list[Score]],
    settings: Mapping[int, AlertSettings],
    now: datetime,
) -> list[AlertDraft]:
    """Return what agents should be told of; history filled in later is no news."""
    wanted = {pk: as_thresholds(row) for pk, row in settings.items()}
    drafts: list[AlertDraft] = []
    for work in works:
        lead, newest = work.lead, work.events[-1].fact
        if all(event.is_backfill for event in work.events):
            continue
        score = scores[lead.pk][-1]
        before = None
        if lead.score is not None:
            before = StandingFacts(lead.tenant_id, lead.pk, lead.score, lead.tier, newest.occurred_at)
        drafts += alerting.alerts_for(
            before=before,
            after=StandingFacts(
                lead.tenant_id,
                lead.pk,
                score.score,
                score.tier,
                newest.occurred_at,
                newest.event_id,
                score.is_explored,
            ),
            signals=features.fresh_signals(work.before, work.state),
            thresholds=wanted[lead.tenant_id],
            now=now,
        )
    return drafts
