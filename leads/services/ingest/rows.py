"""Write a batch's rows: one statement for each kind of row, however many rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from leads.models import Conversation, Lead, Message
from leads.services.events import record_events
from leads.services.ingest.batch import Batch, Item
from leads.tables import insert, prepared, put

LEAD_COLUMNS = {
    "status": "text",
    "contact_id": "text",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "phone": "text",
    "company": "text",
    "address": "text",
    "city": "text",
    "state": "text",
    "postal_code": "text",
    "country": "text",
    "time_zone": "text",
    "tags": "text[]",
    "source": "text",
    "segment": "text",
    "assigned_to_id": "bigint",
    "custom": "jsonb",
    "profile": "jsonb",
    "consent": "jsonb",
    "crm": "jsonb",
    "quality": "smallint",
    "quality_missing": "jsonb",
    "last_event_at": "timestamptz",
    "last_inbound_at": "timestamptz",
    "last_outbound_at": "timestamptz",
    "awaiting_reply_since": "timestamptz",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
TALK_COLUMNS = {
    "ghl_id": "text",
    "lead_id": "bigint",
    "unread_count": "integer",
    "last_message_at": "timestamptz",
}
DELIVERY_COLUMNS = {
    "state": "text",
    "reason": "text",
    "tenant_id": "bigint",
    "location_id": "text",
    "processed_at": "timestamptz",
    "events": "smallint",
    "tries": "smallint",
}


def _update(table: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]) -> None:
    """Update many rows, each to values of its own, in one statement."""
    payload = orjson.dumps(list(rows), option=orjson.OPT_NON_STR_KEYS).decode()
    sets = ", ".join(f"{name} = fresh.{name}" for name in columns)
    types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    prepared().execute(
        f"UPDATE {table} AS kept SET {sets}"
        f" FROM jsonb_to_recordset(%s::jsonb) AS fresh (id bigint, {types}) WHERE kept.id = fresh.id",
        [payload],
    )


def write(batch: Batch) -> None:
    """Write everything a batch changed, events before the messages that name them."""
    if batch.identities:
        put(batch.identities)
    placed = _record(batch)
    _write_talk(batch, placed)
    if batch.touched:
        write_leads(batch.touched.values(), batch.now)


def write_leads(leads: Iterable[Lead], now: datetime) -> None:
    """Write the columns that ingestion keeps; what the engines keep is left alone."""
    rows = []
    for lead in leads:
        lead.updated_at = now
        rows.append({"id": lead.pk, **{name: getattr(lead, name) for name in LEAD_COLUMNS}})
    _update("leads_lead", LEAD_COLUMNS, rows)


def _record(batch: Batch) -> dict[int, int]:
    """Record the events and return the id each place got; one known already has none."""
    if not batch.events:
        return {}
    places = {
        (event.tenant_id, event.dedupe_key): place for place, event in reversed(list(enumerate(batch.events)))
    }
    recorded: dict[int, int] = {}
    for event in record_events(events=batch.events):
        place = places.get((event.tenant_id, event.dedupe_key))
        if place is not None:
            recorded[place] = event.pk
            batch.owners[place].count += 1
    return recorded


def _write_talk(batch: Batch, placed: dict[int, int]) -> None:
    for old, new in batch.absorbed:
        if new._state.adding:
            Conversation.objects.bulk_create([new])
        Message.objects.filter(conversation=old).update(conversation=new)
        old.delete()
    changed = list(batch.changed_conversations.values())
    if fresh := [row for row in changed if row._state.adding]:
        insert(fresh)
        kept = {id(row) for row in fresh}
        changed = [row for row in changed if id(row) not in kept]
    if changed:
        rows = [{"id": row.pk, **{name: getattr(row, name) for name in TALK_COLUMNS}} for row in changed]
        _update("leads_conversation", TALK_COLUMNS, rows)
    if batch.new_messages:
        for message, place in batch.new_messages:
            message.event_id = placed.get(place)
            message.conversation_id = message.conversation.pk
        put([message for message, _ in batch.new_messages])
    if batch.changed_messages:
        Message.objects.bulk_update(batch.changed_messages, ["status"])


def settle(items: Iterable[Item], now: datetime) -> None:
    """Note what became of each delivery."""
    _update(
        "leads_webhookdelivery",
        DELIVERY_COLUMNS,
        (
            {
                "id": item.delivery.pk,
                "state": item.state,
                "reason": item.reason[:300],
                "tenant_id": item.tenant.pk if item.tenant is not None else item.delivery.tenant_id,
                "location_id": item.delivery.location_id,
                "processed_at": now,
                "events": item.count,
                "tries": item.delivery.tries + 1,
            }
            for item in items
        ),
    )
