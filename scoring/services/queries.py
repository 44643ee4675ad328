"""Questions what a lead scored at a moment: kept as rows, answered by a worker, waited for with patience."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from django.db import transaction
from django.utils import timezone

from leads.ml.catalogue import NAMES
from leads.models import Lead
from scoring.models import ScoreQuery
from scoring.services import serving
from scoring.services.explaining import case_at, served_as

PATIENCE_SECONDS = 2.0
PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.25)
"""Seconds between two looks at a row; the last one repeats. Two seconds cost some twelve reads by key."""

WAITING_AT_ONCE = 2
"""Requests of one process that may wait; more are told to come back, so that webhooks find a free thread."""

LOST = timedelta(minutes=1)
"""A question open for longer may have been lost on the way to a worker, and is queued again."""

GIVE_UP = timedelta(minutes=10)
"""One open for longer still is left until somebody asks again: an answer that fails would fail all day."""

KEEP = timedelta(days=1)
MOST = 200

_places = BoundedSemaphore(WAITING_AT_ONCE)


@transaction.atomic
def ask_score(*, lead: Lead, at: datetime, model: str) -> tuple[ScoreQuery, bool]:
    """Return the row of a question, and whether it has to be queued.

    The same question is asked once. An answer from before the lead was last scored is not given again:
    something may have been heard of that moment since, or tiers begin elsewhere. Nor is one waited for that
    was given up.
    """
    now = timezone.now()
    query, is_new = ScoreQuery.objects.get_or_create(
        lead=lead, at=at, model=model, defaults={"asked_at": now}
    )
    if is_new or not _is_outdated(query, lead, now):
        return query, is_new
    same = ScoreQuery.objects.filter(pk=query.pk, answered_at=query.answered_at, asked_at=query.asked_at)
    again = same.update(asked_at=now, answered_at=None, answer=None)
    query.refresh_from_db()
    return query, again == 1


def _is_outdated(query: ScoreQuery, lead: Lead, now: datetime) -> bool:
    if query.answered_at is None:
        return query.asked_at <= now - GIVE_UP
    return lead.scored_at is not None and query.answered_at < lead.scored_at


def answer_query(*, query: ScoreQuery) -> None:
    """Answer a question; one that is answered stays as it is."""
    if query.answered_at is not None:
        return
    began = timezone.now()
    served = served_as(query.lead, query.model)
    case = case_at(query.lead, query.at, served)
    score = serving.score_cases([case], served.model, now=query.at)[0]
    told = {
        "score": score.score,
        "tier": score.tier,
        "base": score.base,
        "contributions": [
            {"feature": one.feature, "label": one.label, "value": one.value, "points": one.points}
            for one in score.contributions
        ],
        "mode": score.mode,
        "model_version": score.model_version,
        "values": {
            **dict(zip(NAMES, case.vector.values.tolist(), strict=True)),
            **{one.feature: one.value for one in score.contributions},
        },
    }
    same = ScoreQuery.objects.filter(pk=query.pk, answered_at=None, asked_at=query.asked_at)
    same.update(answer=told, answered_at=began)


def lost_queries() -> list[int]:
    """Return the questions nobody has answered for longer than an answer takes, but for those given up."""
    now = timezone.now()
    late = ScoreQuery.objects.filter(answered_at=None, asked_at__lt=now - LOST, asked_at__gt=now - GIVE_UP)
    return list(late.order_by("pk").values_list("pk", flat=True)[:MOST])


def prune_queries() -> int:
    """Delete the questions of more than a day ago; return how many."""
    deleted, _ = ScoreQuery.objects.filter(asked_at__lt=timezone.now() - KEEP).delete()
    return deleted


def wait_for_answer(*, query: ScoreQuery) -> ScoreQuery:
    """Return the row once it is answered, or as it is after two seconds or when others wait already."""
    if query.answered_at is not None or not _places.acquire(blocking=False):
        return query
    try:
        give_up = time.monotonic() + PATIENCE_SECONDS
        for pause in _pauses():
            query.refresh_from_db()
            left = give_up - time.monotonic()
            if query.answered_at is not None or left <= 0:
                break
            time.sleep(min(pause, left))
    finally:
        _places.release()
    return query


def _pauses() -> Iterable[float]:
    yield from PAUSES
    while True:
        yield PAUSES[-1]
