"""Everything done with a tenant's GoHighLevel connection."""

from leads.services.ghl.backfill import run_backfill, start_backfill, stop_backfill, waiting_backfills
from leads.services.ghl.connection import (
    check_connection,
    client_for,
    connect_location,
    connect_new_location,
    disconnect,
    finish_connect,
    note_error,
    note_tenant_error,
    reconnect_location,
    renew_tokens,
)
from leads.services.ghl.edits import (
    has_edits,
    keep_edits,
    send_again,
    send_edits,
    send_waiting_edits,
    waiting_edits,
)
from leads.services.ghl.mapping import match_users, refresh_custom_fields, set_field_answers
from leads.services.ghl.outbound import (
    add_note,
    create_task,
    enrol_lead,
    send_message,
    tag_lead,
    untag_lead,
)
from leads.services.ghl.writeback import mark_for_write_back, waiting_write_backs, write_back

__all__ = [
    "add_note",
    "check_connection",
    "client_for",
    "connect_location",
    "connect_new_location",
    "create_task",
    "disconnect",
    "enrol_lead",
    "finish_connect",
    "has_edits",
    "keep_edits",
    "mark_for_write_back",
    "match_users",
    "note_error",
    "note_tenant_error",
    "reconnect_location",
    "refresh_custom_fields",
    "renew_tokens",
    "run_backfill",
    "send_again",
    "send_edits",
    "send_message",
    "send_waiting_edits",
    "set_field_answers",
    "start_backfill",
    "stop_backfill",
    "tag_lead",
    "untag_lead",
    "waiting_backfills",
    "waiting_edits",
    "waiting_write_backs",
    "write_back",
]
