"""The engines' latest word on a lead, kept on its row and shown on open screens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from leads.charts import Spark
from leads.models import Lead, LiveMessage, User
from leads.selectors import dashboard
from leads.services import live
from leads.services.live import LiveDraft
from leads.tables import prepared, together


@dataclass(frozen=True, slots=True)
class Standing:
    """What an engine says of one lead now; an empty segment leaves the one it has."""

    lead_id: int
    score: float
    tier: str
    low: float | None
    high: float | None
    next_action: str
    reasons: Sequence[Mapping[str, Any]]
    scored_at: datetime
    event_at: datetime
    segment: str = ""
    sentences: Sequence[str] = ()
    is_anew: bool = False
    """Whether what scores rest on was changed: the score before is no measure of this one."""


_SHOWN = tuple(
    field.attname
    for field in Lead._meta.concrete_fields  # in the model's own order, as `from_db` takes them
    if field.attname
    in {
        *("id", "tenant_id", "contact_id", "first_name", "last_name", "email", "phone", "segment", "tier"),
        *("score", "previous_score", "next_action", "last_event_at", "assigned_to_id"),
        *("view_score", "view_until"),
    }
)
"""What a row of the scoreboard is drawn from; the statement that writes it returns it."""

_UPDATE = f"""
    UPDATE leads_lead AS lead SET
        previous_score = CASE
            WHEN round(lead.score::numeric) IS NOT DISTINCT FROM round(told.score::numeric)
                THEN lead.previous_score
            WHEN told.is_anew THEN NULL  -- measured otherwise, not moved
            WHEN told.event_at < told.scored_at - interval '1 hour' THEN NULL  -- learned, not moved
            ELSE lead.score
        END,
        score = told.score,
        score_low = told.low,
        score_high = told.high,
        tier_changed_at = CASE
            WHEN lead.tier IS NOT DISTINCT FROM told.tier THEN lead.tier_changed_at
            WHEN told.score >= COALESCE(lead.score, 0) THEN told.event_at  -- the event that raised it
            ELSE told.scored_at
        END,
        tier = told.tier,
        next_action = told.next_action,
        reasons = told.reasons,
        scored_at = told.scored_at,
        segment = CASE WHEN told.segment = '' THEN lead.segment ELSE told.segment END
    FROM (
        SELECT told.*, was.score AS score_before, was.tier AS tier_before, agent.name AS agent_name,
            agent.email AS agent_email
        FROM unnest(
            %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::text[], %s::text[], %s::jsonb[],
            %s::timestamptz[], %s::timestamptz[], %s::text[], %s::bool[]
        ) AS told (
            lead_id, score, low, high, tier, next_action, reasons, scored_at, event_at, segment, is_anew
        )
        JOIN leads_lead AS was ON was.id = told.lead_id
        LEFT JOIN leads_user AS agent ON agent.id = was.assigned_to_id
    ) AS told
    WHERE lead.id = told.lead_id
    RETURNING told.score_before, told.tier_before, told.agent_name, told.agent_email,
        {", ".join(f"lead.{name}" for name in _SHOWN)}
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A lead as just written, and what it was before."""

    lead: Lead
    score_before: float | None
    tier_before: str
    agent: str


@transaction.atomic(savepoint=False)
def update_standing(*, standings: Sequence[Standing]) -> None:
    """Write what the engines say of each lead and show it on open screens once committed.

    The leads must be locked by the caller. Call it late: it ends with the live counter of their tenants.
    """
    if not standings:
        return
    newest = max(standing.scored_at for standing in standings)
    with together():
        writing = _ask_to_write(standings)
        drawing = dashboard.ask_for_sparks([standing.lead_id for standing in standings], now=newest)
        written = writing()
        sparks = drawing(row.lead for row in written.values())
    live.send(
        drafts=[
            _draft(standing, written[standing.lead_id], sparks, newest)
            for standing in standings
            if standing.lead_id in written
        ]
    )


def _ask_to_write(standings: Sequence[Standing]) -> Callable[[], dict[int, Written]]:
    """Update every lead in one statement and return what waits for each as it is now."""
    columns: tuple[list[Any], ...] = (
        [standing.lead_id for standing in standings],
        [standing.score for standing in standings],
        [standing.low for standing in standings],
        [standing.high for standing in standings],
        [standing.tier for standing in standings],
        [standing.next_action for standing in standings],
        [json.dumps(list(standing.reasons)) for standing in standings],
        [standing.scored_at for standing in standings],
        [standing.event_at for standing in standings],
        [standing.segment for standing in standings],
        [standing.is_anew for standing in standings],
    )
    cursor = prepared()
    cursor.execute(_UPDATE, columns)

    def answer() -> dict[int, Written]:
        rows = [
            Written(Lead.from_db(None, _SHOWN, values), score, tier, _short_name(name, email))
            for score, tier, name, email, *values in cursor.fetchall()
        ]
        return {row.lead.pk: row for row in rows}

    return answer


def _short_name(name: str | None, email: str | None) -> str:
    return User(name=name or "", email=email).get_short_name() if email else ""


@transaction.atomic
def set_view(*, lead: Lead, score: float | None, until: datetime | None, now: datetime) -> None:
    """Keep what the team itself says of a lead beside its score, or nothing, and show it on open screens.

    Call it late: it ends with the live counter of the tenant.
    """
    Lead.objects.filter(pk=lead.pk).update(view_score=score, view_until=until)
    shown = Lead.objects.select_related("assigned_to").get(pk=lead.pk)
    if shown.score is None or shown.status != Lead.Status.ACTIVE:
        return
    standing = Standing(
        lead_id=shown.pk,
        score=shown.score,
        tier=shown.tier,
        low=shown.score_low,
        high=shown.score_high,
        next_action=shown.next_action,
        reasons=shown.reasons,
        scored_at=shown.scored_at or now,
        event_at=now,
        sentences=[reason["text"] for reason in shown.reasons],
    )
    agent = shown.assigned_to.get_short_name() if shown.assigned_to else ""
    written = Written(shown, shown.score, shown.tier, agent)
    live.send(drafts=[_draft(standing, written, dashboard.score_sparks([shown], now=now), now)])


def _draft(
    standing: Standing,
    written: Written,
    sparks: Mapping[int, Spark | None],
    now: datetime,
) -> LiveDraft:
    """Return the live message of one lead's new standing, with its row of the scoreboard."""
    lead = written.lead
    row = render_to_string(
        "leads/_lead_row.html",
        {
            "lead": lead,
            "spark": sparks.get(lead.pk),
            "reasons": standing.reasons,
            "agent": written.agent,
            "now": now,
        },
    )
    return LiveDraft(
        tenant_id=lead.tenant_id,
        type=LiveMessage.Type.SCORE_UPDATE,
        topic="scores",
        data={
            "lead_id": lead.pk,
            "contact_id": lead.contact_id,
            "score": standing.score,
            "previous_score": written.score_before,
            "tier": standing.tier,
            "previous_tier": written.tier_before,
            "reasons": list(standing.sentences),
            "next_action": standing.next_action,
            "scored_at": standing.scored_at.isoformat(),
        },
        event_at=standing.event_at,
        html={f"lead-{lead.pk}": row},
        lead_id=lead.pk,
    )
