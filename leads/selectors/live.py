"""Read live messages: what is new, what a reader missed, and who may still read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from leads.models import LiveCursor, Membership, User, UserSession
from leads.realtime.messages import Message, Viewer, opening
from leads.tables import prepared

PROMISED_COUNT = 1_000
PROMISED_TIME = timedelta(minutes=5)
MOST = 2_000

_COLUMNS = """
    message.tenant_id, message.number, message.type, message.audience, message.lead_id, message.at,
    message.event_at, message.data::text, coalesce(message.html::text, ''), tenant.location_id,
    CASE WHEN message.type = 'score_update' THEN (message.data->>'score')::float8 END
"""


@dataclass(frozen=True, slots=True)
class Missed:
    """What a reader missed, or that it must load its page anew; it has then seen all up to `last`."""

    last: int
    messages: Sequence[Message] = ()
    is_reset: bool = False


def heads(tenant_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of each tenant's newest message."""
    found = dict.fromkeys(tenant_ids, 0)
    found.update(LiveCursor.objects.filter(pk__in=tenant_ids).values_list("pk", "last_number"))
    return found


def read_after(cursors: Mapping[int, int]) -> list[Message]:
    """Return the messages of several tenants after a number each, in order, at most `MOST` at a time."""
    if not cursors:
        return []
    with prepared() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (tenant_id, number)"
            " JOIN leads_livemessage AS message"
            " ON message.tenant_id = wanted.tenant_id AND message.number > wanted.number"
            " JOIN leads_tenant AS tenant ON tenant.id = message.tenant_id"
            " ORDER BY message.tenant_id, message.number LIMIT %s",
            [list(cursors), list(cursors.values()), MOST],
        )
        return [_message(*row) for row in cursor.fetchall()]


def missed(tenant_id: int, after: int) -> Missed:
    """Return what came after a number: up to 1,000 messages or 5 minutes, whichever is more, else a reset."""
    last = heads([tenant_id])[tenant_id]
    if after == last:
        return Missed(last)
    if after > last or after < 0:
        return Missed(last, is_reset=True)
    if last - after > PROMISED_COUNT and not _is_recent(tenant_id, after + 1):
        return Missed(last, is_reset=True)
    messages: list[Message] = []
    reached = after
    while reached < last:
        some = [each for each in read_after({tenant_id: reached}) if each.number <= last]
        if not some or some[0].number != reached + 1:  # pruned meanwhile
            return Missed(last, is_reset=True)
        messages += some
        reached = some[-1].number
    return Missed(last, messages)


def still_valid(viewers: Sequence[Viewer]) -> set[Viewer]:
    """Return those whose membership, user, tenant, password and session or token are as when they came."""
    now = timezone.now()
    members = {
        member.pk: member
        for member in Membership.objects.filter(
            pk__in={viewer.membership_id for viewer in viewers},
            is_active=True,
            user__is_active=True,
            tenant__is_active=True,
        ).select_related("user")
    }
    keys = {viewer.session_key for viewer in viewers if viewer.session_key}
    sessions = dict(UserSession.objects.filter(pk__in=keys, expire_date__gt=now).values_list("pk", "user_id"))
    stamps = {member.user_id: stamp_of(member.user) for member in members.values()}
    return {
        viewer
        for viewer in viewers
        if (member := members.get(viewer.membership_id)) is not None
        and member.role == viewer.role
        and stamps[member.user_id] == viewer.stamp
        and (not viewer.session_key or sessions.get(viewer.session_key) == viewer.user_id)
        and (viewer.expires_at is None or viewer.expires_at > now)
    }


def stamp_of(user: User) -> str:
    """Return what changes with a user's password."""
    return user.get_session_auth_hash()


def _is_recent(tenant_id: int, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at >= %s FROM leads_livemessage WHERE tenant_id = %s AND number = %s",
            [timezone.now() - PROMISED_TIME, tenant_id, number],
        )
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def _message(
    tenant_id: int,
    number: int,
    kind: str,
    audience: str,
    lead_id: int | None,
    at: datetime,
    event_at: datetime,
    data: str,
    html: str,
    location_id: str,
    score: float | None,
) -> Message:
    return Message(
        tenant_id=tenant_id,
        number=number,
        type=kind,
        audience=audience,
        lead_id=lead_id,
        at=at,
        event_at=event_at,
        plain=opening(number=number, type=kind, location_id=location_id, at=at, event_at=event_at, data=data),
        html=html,
        score=score,
    )
