"""What Hearthline does in GoHighLevel on somebody's behalf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from leads.ghl.errors import GHLError, OutcomeUnknown, Rejected
from leads.ghl.records import MessageDraft, TaskDraft
from leads.models import Conversation, Lead, Membership, Message, User
from leads.services.ghl.connection import client_for

DUE, SENDING, SENT, FAILED, UNKNOWN = "due", "sending", "sent", "failed", "unknown"


def create_task(
    *, lead: Lead, title: str, due_at: datetime, body: str = "", assigned_to: User | None = None
) -> str:
    """Add a task to the lead's contact and return its id; call it once, for it cannot tell a repeat."""
    draft = TaskDraft(title, due_at, body=body, assigned_to=ghl_user_id(lead, assigned_to))
    return client_for(lead.tenant).add_task(_contact_id(lead), draft)


def add_note(*, lead: Lead, text: str) -> str:
    """Add a note to the lead's contact and return its id."""
    return client_for(lead.tenant).add_note(_contact_id(lead), text)


def enrol_lead(*, lead: Lead, workflow_id: str) -> None:
    """Put the lead's contact into a GoHighLevel workflow."""
    client_for(lead.tenant).enrol(_contact_id(lead), workflow_id)


def tag_lead(*, lead: Lead, tags: Sequence[str]) -> None:
    """Put tags on the lead's contact; noted first, so that their echo is known for ours."""
    _note_tags(lead, add=tags)
    client_for(lead.tenant).add_tags(_contact_id(lead), tags)


def untag_lead(*, lead: Lead, tags: Sequence[str]) -> None:
    """Take tags off the lead's contact."""
    _note_tags(lead, remove=tags)
    client_for(lead.tenant).remove_tags(_contact_id(lead), tags)


@transaction.atomic
def _note_tags(lead: Lead, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
    locked = Lead.objects.select_for_update(no_key=True).only("written_back").get(pk=lead.pk)
    held = set(locked.written_back.get("tags", []))
    locked.written_back["tags"] = sorted((held | set(add)) - set(remove))
    locked.save(update_fields=["written_back"])


def send_message(*, message_id: int) -> Message | None:
    """Send a message that is due, at most once, and keep what became of it; None when it was not due.

    GoHighLevel takes no idempotency key: a call whose outcome is unknown is never made again.
    """
    if not Message.objects.filter(pk=message_id, status=DUE).update(status=SENDING):
        return None
    message = Message.objects.select_related("lead__tenant", "conversation").get(pk=message_id)
    draft = MessageDraft(
        channel=message.channel,
        contact_id=_contact_id(message.lead),
        text="" if message.channel == "Email" else message.body,
        subject=message.subject,
        html=message.body if message.channel == "Email" else "",
    )
    try:
        sent = client_for(message.lead.tenant).send_message(draft)
    except OutcomeUnknown:
        Message.objects.filter(pk=message_id).update(status=UNKNOWN)
        raise
    except GHLError as error:
        Message.objects.filter(pk=message_id).update(status=FAILED if error.permanent else DUE)
        raise
    return _keep_sent(message, sent.message_id, sent.conversation_id)


def _keep_sent(message: Message, ghl_id: str, conversation_id: str) -> Message:
    """Put GoHighLevel's ids on a sent message; when its webhook came first, that row is the message."""
    try:
        with transaction.atomic():
            message.ghl_id, message.status, message.sent_at = ghl_id, SENT, timezone.now()
            message.save(update_fields=["ghl_id", "status", "sent_at"])
            if conversation_id and not message.conversation.ghl_id:
                _name_conversation(message, conversation_id)
    except IntegrityError:
        kept = Message.objects.get(tenant=message.tenant_id, ghl_id=ghl_id)
        Message.objects.filter(pk=message.pk).delete()
        return kept
    return message


def _name_conversation(message: Message, ghl_id: str) -> None:
    known = Conversation.objects.filter(tenant=message.tenant_id, ghl_id=ghl_id).first()
    if known is None:
        message.conversation.ghl_id = ghl_id
        message.conversation.save(update_fields=["ghl_id"])
    else:
        message.conversation = known
        message.save(update_fields=["conversation"])


def ghl_user_id(lead: Lead, user: User | None) -> str:
    """Return who a user is in the lead's location, if we know."""
    if user is None:
        return ""
    known = Membership.objects.filter(tenant=lead.tenant_id, user=user, is_active=True).exclude(
        ghl_user_id=""
    )
    return known.values_list("ghl_user_id", flat=True).first() or ""


def _contact_id(lead: Lead) -> str:
    if not lead.contact_id:
        raise Rejected("This lead is not a contact in GoHighLevel.")
    return lead.contact_id
