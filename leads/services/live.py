"""Send live messages: rows numbered in commit order per tenant, then a wake-up for the hubs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from leads.models import LiveMessage
from leads.ops import metrics
from leads.realtime import push
from leads.realtime.groups import TEAM, TOPIC_OF_TYPE
from leads.tables import prepared

_INSERT = """
WITH cursors AS (
  INSERT INTO leads_livecursor AS cursor (tenant_id, last_number)
  SELECT tenant_id, added FROM unnest(%s::bigint[], %s::bigint[]) AS drafts (tenant_id, added)
  ON CONFLICT (tenant_id) DO UPDATE SET last_number = cursor.last_number + excluded.last_number
  RETURNING tenant_id, last_number
)
INSERT INTO leads_livemessage (tenant_id, number, type, audience, lead_id, data, html, event_at, at)
SELECT draft.tenant_id, cursors.last_number - draft.back, draft.type, draft.audience, draft.lead_id,
  draft.data, draft.html, draft.event_at, %s
FROM jsonb_to_recordset(%s::jsonb) AS draft (
  tenant_id bigint, back bigint, type text, audience text, lead_id bigint, data jsonb, html jsonb,
  event_at timestamptz
)
JOIN cursors USING (tenant_id)
"""
"""Lock each tenant's counter, advance it by what is sent, and number the messages up to it."""

KEEP = timedelta(minutes=15)
KEEP_COUNT = 2_000
"""What is kept for readers that come back: more than the 1,000 messages or 5 minutes they are promised."""


@dataclass(frozen=True, slots=True)
class LiveDraft:
    """A message to send; `html` maps an element id to the fragment that replaces it."""

    tenant_id: int
    type: str
    topic: str
    data: dict[str, Any]
    event_at: datetime
    html: dict[str, str] | None = None
    audience: str = TEAM
    lead_id: int | None = None

    def __post_init__(self) -> None:
        if TOPIC_OF_TYPE.get(self.type) != self.topic:
            raise ValueError(f"Topic {self.topic} does not carry messages of type {self.type}.")


@transaction.atomic(savepoint=False)
def send(*, drafts: Sequence[LiveDraft]) -> None:
    """Send messages to a tenant's open screens once this transaction commits.

    Call it last: it locks the tenant's counter to the end of the transaction, which is what makes
    numbers follow commits, so that a reader at number n has seen everything up to n.
    """
    if not drafts:
        return
    now = timezone.now()
    counts = Counter(draft.tenant_id for draft in drafts)
    tenants = sorted(counts)  # one order for all: two transactions cannot deadlock here
    left = Counter(counts)
    rows = []
    for draft in drafts:
        left[draft.tenant_id] -= 1
        rows.append(
            {
                "tenant_id": draft.tenant_id,
                "back": left[draft.tenant_id],
                "type": LiveMessage.Type(draft.type),
                "audience": draft.audience,
                "lead_id": draft.lead_id,
                "data": draft.data,
                "html": draft.html,
                "event_at": draft.event_at,
            }
        )
    payload = orjson.dumps(rows, option=orjson.OPT_NON_STR_KEYS).decode()
    prepared().execute(_INSERT, [tenants, [counts[tenant_id] for tenant_id in tenants], now, payload])
    transaction.on_commit(partial(_announce, drafts), robust=True)


def prune(*, now: datetime) -> int:
    """Delete messages too old and too many to be resumed from; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM leads_livemessage AS message USING leads_livecursor AS cursor"
            " WHERE cursor.tenant_id = message.tenant_id AND message.at < %s"
            " AND message.number <= cursor.last_number - %s",
            [now - KEEP, KEEP_COUNT],
        )
        return int(cursor.rowcount)


def _announce(drafts: Sequence[LiveDraft]) -> None:
    for kind, count in Counter(str(draft.type) for draft in drafts).items():
        metrics.LIVE_MESSAGES.labels(type=kind).inc(count)
    # What a lead wrote is followed by its score within moments: both go out together.
    soon = all(draft.type == LiveMessage.Type.MESSAGE for draft in drafts)
    push.wake((draft.tenant_id for draft in drafts), soon=soon)
