"""Turn accepted deliveries into leads, conversations and events: a batch is one transaction."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from leads.ghl import payloads
from leads.ghl.payloads import Ignored, PayloadError, decode, parse
from leads.ghl.payloads.workflow import WorkflowPayload, parse_workflow
from leads.models import DeadLetter, Identity, Lead, Tenant, WebhookDelivery
from leads.ops.logs import correlated, get_logger
from leads.ops.metrics import DELIVERIES, INGESTED_SECONDS
from leads.services import live
from leads.services.ingest import contacts, locations, talk, work, workflows
from leads.services.ingest.batch import Batch, Item, contact_of, load
from leads.services.ingest.profile import judge
from leads.services.ingest.rows import settle, write
from leads.tables import ask, together

MAX_BATCH = 64
MAX_TRIES = 3
GROUP = "leads"
STREAM = "webhook.received"

State = WebhookDelivery.State
_WAITING = "WHERE id = ANY(%s) AND state = %s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"
_TENANTS = "WHERE location_id IN (SELECT location_id FROM leads_webhookdelivery WHERE id = ANY(%s))"
log = get_logger("leads.ingest")

Apply = Callable[[Batch, Item, Lead], None]

ABOUT_A_LEAD: dict[type, Apply] = {
    payloads.ContactPayload: contacts.apply_contact,
    payloads.MessagePayload: talk.apply_message,
    payloads.EmailPayload: talk.apply_email,
    payloads.VoiceCall: talk.apply_voice_call,
    payloads.ConversationRead: talk.apply_read,
    payloads.AppointmentPayload: work.apply_appointment,
    payloads.OpportunityPayload: work.apply_opportunity,
    payloads.TaskPayload: work.apply_task,
    payloads.NotePayload: work.apply_note,
    payloads.CampaignPayload: work.apply_campaign,
    payloads.PaymentPayload: work.apply_payment,
    WorkflowPayload: workflows.apply_workflow,
}


def ingest(*, delivery_ids: Sequence[int]) -> int:
    """Ingest accepted deliveries and return how many were settled; one that breaks a batch is tried alone."""
    settled = 0
    ids = list(dict.fromkeys(delivery_ids))
    for start in range(0, len(ids), MAX_BATCH):
        chunk = ids[start : start + MAX_BATCH]
        try:
            settled += _ingest_together(chunk)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # whatever one delivery breaks must not cost the others
            log.warning("ingest.batch_broke", deliveries=len(chunk), error_type=type(error).__name__)
            settled += sum(_ingest_alone(pk) for pk in chunk)
    return settled


@transaction.atomic
def _ingest_together(ids: Sequence[int]) -> int:
    with together():
        waiting = ask(WebhookDelivery, _WAITING, [list(ids), State.ACCEPTED])
        tenants = ask(Tenant, _TENANTS, [list(ids)])
        items = [Item(delivery) for delivery in waiting()]
        known = {tenant.location_id: tenant for tenant in tenants()}
    if not items:
        return 0
    batch = Batch(now=timezone.now(), items=items)
    _read(batch, known)
    load(batch)
    _meet(batch)
    for item in items:
        if item.state == State.PROCESSED:
            _apply(batch, item)
    judge(batch)
    with together():
        write(batch)
        settle(items, batch.now)
        live.send(drafts=batch.drafts)
    for item in items:
        DELIVERIES.labels(state=item.state, type=_label(item)).inc()
        INGESTED_SECONDS.observe((timezone.now() - item.delivery.received_at).total_seconds())
    return len(items)


def _label(item: Item) -> str:
    """Return a type for the metrics, of a closed list."""
    if item.payload is None or isinstance(item.payload, Ignored):
        return "other"
    return type(item.payload).__name__.removesuffix("Payload").lower()


def _ingest_alone(pk: int) -> int:
    """Ingest one delivery; what goes wrong is counted against it alone."""
    try:
        return _ingest_together([pk])
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # bodies are strangers': any error is counted, and in the end a dead letter
        _note_failure(pk=pk, error=describe(error))
        return 0


def describe(error: Exception) -> str:
    """Return what broke and where, without any value: those may be someone's."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if "/leads/" in frame.filename), None)
    where = f" at {place.name}:{place.lineno}" if place is not None else ""
    return f"{type(error).__name__}{where}"


@transaction.atomic
def _note_failure(*, pk: int, error: str) -> None:
    """Count a failed try; after the last the delivery is a dead letter that can be replayed by hand."""
    delivery = WebhookDelivery.objects.select_for_update().get(pk=pk)
    if delivery.state != State.ACCEPTED:
        return
    delivery.tries += 1
    log.error("ingest.failed", delivery=pk, tries=delivery.tries, error=error)
    if delivery.tries >= MAX_TRIES:
        delivery.state, delivery.reason, delivery.processed_at = State.FAILED, error, timezone.now()
        DeadLetter.objects.create(
            group=GROUP,
            stream=STREAM,
            tenant=delivery.tenant,
            delivery_id=pk,
            tries=delivery.tries,
            error=error,
        )
        DELIVERIES.labels(state=State.FAILED, type="other").inc()
    delivery.save(update_fields=["tries", "state", "reason", "processed_at"])


def _read(batch: Batch, tenants: dict[str, Tenant]) -> None:
    """Find each delivery's tenant and read its body; what cannot go on is settled here."""
    for item in batch.items:
        item.tenant = tenants.get(item.delivery.location_id)
        try:
            item.payload = _parse(item)
        except PayloadError as error:
            item.settle(State.FAILED, str(error))
            continue
        if isinstance(item.payload, payloads.InstallPayload):
            locations.apply_install(batch, item)
            if item.tenant is not None:
                tenants[item.tenant.location_id] = item.tenant
            item.payload = None
        elif isinstance(item.payload, payloads.UninstallPayload):
            locations.apply_uninstall(batch, item)
            if item.tenant is not None:
                tenants[item.tenant.location_id] = item.tenant
            item.payload = None
        elif isinstance(item.payload, Ignored):
            item.settle(State.IGNORED, item.payload.reason)
        elif item.tenant is None:
            item.settle(State.IGNORED, "a location we do not serve")
            item.payload = None
        elif not item.tenant.is_active:
            item.settle(State.IGNORED, "the app is not installed in this location")
            item.payload = None


def _parse(item: Item) -> payloads.Payload | WorkflowPayload:
    body = decode(item.delivery.body.encode("utf-8"))
    if item.delivery.door == WebhookDelivery.Door.WORKFLOW:
        return parse_workflow(body, time_zone=item.tenant.time_zone if item.tenant is not None else "UTC")
    return parse(body)


def _meet(batch: Batch) -> None:
    """Make a lead for every contact we hear of for the first time, in one statement."""
    fresh: list[Lead] = []
    for item in batch.items:
        if item.state != State.PROCESSED or item.payload is None or item.tenant is None:
            continue
        if not _introduces(item) or batch.find(item) is not None:
            continue
        contact_id = contact_of(item.payload)
        lead = Lead(
            tenant_id=item.tenant.pk,
            contact_id=contact_id[:64],
            created_at=_known_since(item),
            recorded_at=batch.now,
            updated_at=batch.now,
        )
        if isinstance(item.payload, payloads.MessagePayload):
            lead.email, lead.phone = item.email, item.phone
        elif isinstance(item.payload, payloads.ContactPayload):
            lead.first_name = item.payload.facts.get("first_name", "")[:100]  # tells a household apart
        fresh.append(lead)
        batch.know(lead, Identity.Kind.CONTACT_ID, contact_id)
        batch.know(lead, Identity.Kind.EMAIL, item.email)
        batch.know(lead, Identity.Kind.PHONE, item.phone)
    if fresh:
        Lead.objects.bulk_create(fresh)
        batch.touched |= {lead.pk: lead for lead in fresh}
        batch.fresh = {lead.pk for lead in fresh}


def _introduces(item: Item) -> bool:
    """Tell whether an unknown contact is reason enough for a lead."""
    payload = item.payload
    if isinstance(payload, payloads.ContactPayload):
        return payload.change != "deleted"
    if isinstance(payload, payloads.MessagePayload):
        return bool(payload.contact_id or item.email or item.phone)
    if isinstance(payload, WorkflowPayload):
        return bool(payload.contact.contact_id or item.email or item.phone)
    return bool(contact_of(payload)) and type(payload) in ABOUT_A_LEAD


def _known_since(item: Item) -> datetime:
    """Return since when the contact is known, as far as this payload tells."""
    payload = item.payload
    if isinstance(payload, payloads.ContactPayload):
        moment = payload.added_at
    elif isinstance(payload, WorkflowPayload):
        moment = payload.contact.occurred_at
    else:
        moment = getattr(payload, "occurred_at", None) or getattr(payload, "added_at", None)
    return min(moment or item.at, item.delivery.received_at)


def _apply(batch: Batch, item: Item) -> None:
    if item.payload is None or item.tenant is None:
        return
    with correlated(item.delivery.correlation_id):
        if isinstance(item.payload, payloads.LocationPayload):
            locations.apply_location(item)
            return
        if isinstance(item.payload, payloads.ConversationMerged):
            talk.apply_merged(batch, item)
            return
        lead = batch.find(item)
        if lead is None:
            item.settle(State.IGNORED, _stranger(item))
            return
        if contact_id := contact_of(item.payload):
            batch.know(lead, Identity.Kind.CONTACT_ID, contact_id)
            if not lead.contact_id:
                lead.contact_id = contact_id[:64]
                batch.touch(lead)
        ABOUT_A_LEAD[type(item.payload)](batch, item, lead)


def _stranger(item: Item) -> str:
    if isinstance(item.payload, payloads.EmailPayload):
        return "no lead has this e-mail address"
    if isinstance(item.payload, payloads.TaskPayload):
        return "a task without its contact"
    return "a contact we do not know"
