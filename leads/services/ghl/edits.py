"""Write what people change of a lead to its contact: kept with the change, sent by a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.ghl import edits
from leads.ghl.client import GHLClient
from leads.ghl.edits import Change, ContactWrite
from leads.ghl.errors import GHLError, NotFound, Rejected, TooManyCalls, Unavailable
from leads.models import ContactEdit, CustomField, GHLConnection, Lead, User
from leads.ops.logs import get_logger
from leads.services.ghl.connection import client_for, note_tenant_error
from leads.services.ghl.outbound import ghl_user_id

log = get_logger("ghl")

State = ContactEdit.State
LEASE = timedelta(minutes=15)
"""Longer than all tries of the three calls of one write may take."""

WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
MOST_TRIES = 8
TURN = 50
"""Leads written to before other slow work gets its turn."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One try of one edit; a later try of the same edit is another claim."""

    lead_id: int
    edit_id: int
    tries: int
    contact_id: str
    write: ContactWrite


@transaction.atomic
def keep_edits(*, changes: Mapping[Lead, Mapping[str, Change]], by: User | None) -> int:
    """Note what was changed of leads that the caller has locked; return how many wait to be written.

    The marks are kept also where nothing is written, so that older snapshots undo no change.
    """
    now = timezone.now()
    told = {lead: changed for lead, changed in changes.items() if lead.contact_id and changed}
    for lead, changed in told.items():
        lead.written_back["edits"] = edits.mark(lead.written_back.get("edits", {}), changed, now)
    Lead.objects.bulk_update(list(told), ["written_back"])
    connected = set(
        GHLConnection.objects.filter(tenant__in={lead.tenant_id for lead in told}).values_list(
            "tenant_id", flat=True
        )
    )
    wanted = {
        lead: fields
        for lead, changed in told.items()
        if lead.tenant_id in connected and (fields := [name for name in changed if edits.is_written(name)])
    }
    _put_in_line(wanted, by)
    return len(wanted)


def _put_in_line(wanted: Mapping[Lead, Sequence[str]], by: User | None) -> None:
    """Add fields to what waits of each lead, or to what failed last: it is written together or not at all."""
    if not wanted:
        return
    now = timezone.now()
    latest = ContactEdit.objects.filter(lead__in=wanted).order_by("lead_id", "-pk").distinct("lead_id")
    waiting = {row.lead_id: row for row in latest if row.state in (State.DUE, State.FAILED)}
    fresh, grown = [], []
    for lead, fields in wanted.items():
        row = waiting.get(lead.pk)
        if row is None:
            fresh.append(ContactEdit(lead=lead, fields=list(fields), by=by, due_at=now, created_at=now))
            continue
        row.fields = list(dict.fromkeys([*row.fields, *fields]))
        row.by, row.state, row.due_at, row.tries, row.error, row.created_at = by, State.DUE, now, 0, "", now
        grown.append(row)
    ContactEdit.objects.bulk_create(fresh)
    ContactEdit.objects.bulk_update(
        grown, ["fields", "by", "state", "due_at", "tries", "error", "created_at"]
    )


def waiting_edits(*, limit: int = TURN) -> list[int]:
    """Return the leads whose edits are due: new ones, ones to try again, ones whose sender ended."""
    rows = ContactEdit.objects.filter(state__in=[State.DUE, State.SENDING], due_at__lte=timezone.now())
    return list(rows.order_by("due_at", "pk").values_list("lead_id", flat=True)[:limit])


def has_edits(*, lead_ids: Sequence[int]) -> bool:
    """Tell whether something of these leads waits to be written."""
    return ContactEdit.objects.filter(lead__in=lead_ids, state=State.DUE).exists()


def send_waiting_edits() -> int:
    """Write what waits of some leads and return how many writes were made.

    Where a location takes no more calls, the rest of its edits is left for the next turn; where GoHighLevel
    does not answer, all of them: whoever waits for an answer keeps a worker from mail and alerts.
    """
    sent = 0
    full: set[int] = set()
    waiting = waiting_edits()
    leads = Lead.objects.select_related("tenant").in_bulk(waiting)
    for lead in (leads[pk] for pk in waiting):
        if lead.tenant_id in full:
            continue
        made, error = _send(lead)
        sent += made
        if isinstance(error, Unavailable):
            break
        if isinstance(error, TooManyCalls):
            full.add(lead.tenant_id)
    return sent


def send_edits(*, lead_id: int) -> int:
    """Write what waits of a lead to its contact, one write at a time; return how many were made."""
    lead = Lead.objects.select_related("tenant").filter(pk=lead_id).first()
    return 0 if lead is None else _send(lead)[0]


def _send(lead: Lead) -> tuple[int, GHLError | None]:
    """Write what waits of a lead until nothing does or one write fails."""
    sent = 0
    while (claim := _claim(lead.pk)) is not None:
        try:
            _write(client_for(lead.tenant), claim)
        except GHLError as error:
            if not isinstance(error, Rejected | NotFound):
                note_tenant_error(tenant=lead.tenant, error=error)
            _put_off(claim, error)
            log.warning("ghl.edit_not_sent", lead_id=lead.pk, edit_id=claim.edit_id, code=error.code)
            return sent, error
        _settle(claim)
        sent += 1
    return sent, None


@transaction.atomic
def send_again(*, lead: Lead) -> ContactEdit:
    """Put an edit that failed in line again."""
    _locked(lead.pk)
    edit = ContactEdit.objects.filter(lead=lead).order_by("-pk").first()
    if edit is None or edit.state != State.FAILED:
        raise DomainError("There is nothing of this lead to send again.", "already")
    edit.state, edit.due_at, edit.tries, edit.error = State.DUE, timezone.now(), 0, ""
    edit.save(update_fields=["state", "due_at", "tries", "error"])
    return edit


def _write(client: GHLClient, claim: _Claim) -> None:
    if claim.write.body:
        client.update_contact(claim.contact_id, claim.write.body)
    if claim.write.add_tags:
        client.add_tags(claim.contact_id, claim.write.add_tags)
    if claim.write.remove_tags:
        client.remove_tags(claim.contact_id, claim.write.remove_tags)


@transaction.atomic
def _claim(lead_id: int) -> _Claim | None:
    """Take the lead's next edit up, one at a time so that no older value overtakes a newer one."""
    lead = _locked(lead_id)
    now = timezone.now()
    open_rows = {
        row.state: row for row in ContactEdit.objects.filter(lead=lead, state__in=[State.DUE, State.SENDING])
    }
    edit = open_rows.get(State.SENDING) or open_rows.get(State.DUE)
    if edit is None or edit.due_at > now:
        return None
    if why := _reason_against(lead, edit):
        edit.state, edit.error = State.FAILED, why
        edit.save(update_fields=["state", "error"])
        return None
    edit.state, edit.due_at, edit.tries = State.SENDING, now + LEASE, edit.tries + 1
    edit.save(update_fields=["state", "due_at", "tries"])
    keys = [name.removeprefix("custom.") for name in edit.fields if name.startswith("custom.")]
    ids = dict(CustomField.objects.filter(tenant=lead.tenant_id, key__in=keys).values_list("key", "ghl_id"))
    write = edits.write_of(edit.fields, _record(lead), ids)
    return _Claim(lead.pk, edit.pk, edit.tries, lead.contact_id, write)


def _reason_against(lead: Lead, edit: ContactEdit) -> str:
    """Say why an edit is not tried at all, if it is not."""
    if not lead.contact_id:
        return "this lead is not a contact there."
    if lead.status == Lead.Status.DELETED:
        return "this lead was deleted."
    if (
        edit.state == State.SENDING and edit.tries >= MOST_TRIES
    ):  # its senders ended before they could say why
        return "it was tried too often."
    return ""


def _held(claim: _Claim) -> ContactEdit | None:
    """Return the edit a claim is about; None when its lease ended and another sender took it up."""
    return ContactEdit.objects.filter(pk=claim.edit_id, state=State.SENDING, tries=claim.tries).first()


def _record(lead: Lead) -> edits.Record:
    assigned = ghl_user_id(lead, lead.assigned_to)
    return edits.Record(
        texts={name: getattr(lead, name) for name in edits.TEXTS},
        custom=lead.custom,
        tags=tuple(lead.tags),
        denied={channel: held.get("state") == "denied" for channel, held in lead.consent.items()},
        assigned_to=None if lead.assigned_to is not None and not assigned else assigned,
    )


@transaction.atomic
def _settle(claim: _Claim) -> None:
    """Note an edit as written; a field changed again meanwhile still waits."""
    lead = _locked(claim.lead_id)
    edit = _held(claim)
    if edit is None:
        return
    now = timezone.now()
    edit.state, edit.sent_at, edit.error = State.SENT, now, ""
    edit.save(update_fields=["state", "sent_at", "error"])
    again = ContactEdit.objects.filter(lead=lead, state=State.DUE).values_list("fields", flat=True).first()
    written = [name for name in edit.fields if name not in (again or ())]
    lead.written_back["edits"] = edits.mark_sent(lead.written_back.get("edits", {}), written, now)
    lead.save(update_fields=["written_back"])


@transaction.atomic
def _put_off(claim: _Claim, error: GHLError) -> None:
    """Try again later what may pass, end what will not; what came meanwhile takes the rest along."""
    _locked(claim.lead_id)
    edit = _held(claim)
    if edit is None:
        return
    newer = ContactEdit.objects.filter(lead=claim.lead_id, state=State.DUE).first()
    if newer is not None:
        newer.fields = list(dict.fromkeys([*edit.fields, *newer.fields]))
        newer.tries = edit.tries
        edit.delete()
        edit = newer
    is_final = error.permanent or edit.tries >= MOST_TRIES
    wait = timedelta(seconds=min(error.retry_after or 0.0, 3600.0)) or WAITS[min(edit.tries, len(WAITS)) - 1]
    if newer is not None and is_final and isinstance(error, Rejected):
        is_final, wait = False, timedelta(0)  # what came meanwhile may mend what was refused
    edit.state = State.FAILED if is_final else State.DUE
    edit.due_at, edit.error = timezone.now() + wait, _in_words(error)
    edit.save(update_fields=["fields", "state", "due_at", "tries", "error"])


def _in_words(error: GHLError) -> str:
    """Say what went wrong to an agent, who knows nothing of calls and connections."""
    if isinstance(error, Rejected):
        return f"it was refused ({error.named})." if error.named else "it was refused."
    if isinstance(error, NotFound):
        return "the contact is no longer there."
    if isinstance(error, TooManyCalls):
        return "too much is being sent just now."
    if isinstance(error, Unavailable):
        return "GoHighLevel does not answer."
    return "the connection needs the broker’s attention (Integrations)."


def _locked(lead_id: int) -> Lead:
    row: Lead = (
        Lead.objects.select_for_update(no_key=True, of=("self",))
        .select_related("assigned_to")
        .get(pk=lead_id)
    )
    return row
