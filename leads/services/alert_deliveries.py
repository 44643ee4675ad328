"""Send alerts over mail and as GoHighLevel tasks: claimed first, so that each is sent at most once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from leads.errors import ServiceError
from leads.models import AlertDelivery
from leads.ops import metrics
from leads.ops.logs import get_logger
from leads.services import ghl, mail

State = AlertDelivery.State
Channel = AlertDelivery.Channel
MOST = 100
MOST_TRIES = 5
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
GIVE_UP_AFTER = timedelta(minutes=15)
PERMANENT_SMTP = range(500, 600)

log = get_logger("alerts")


def deliver_due() -> int:
    """Send what is due and return how many were sent."""
    now = timezone.now()
    _give_up_on_lost(now)
    due = AlertDelivery.objects.filter(state=State.DUE, due_at__lte=now).order_by("due_at", "pk")
    return sum(
        _deliver(pk, seen, tries) for pk, seen, tries in due.values_list("pk", "due_at", "tries")[:MOST]
    )


def _deliver(pk: int, seen: datetime, tries: int) -> bool:
    """Send one delivery if nobody else took it; what failed for now is tried again later."""
    now = timezone.now()
    claimed = AlertDelivery.objects.filter(pk=pk, state=State.DUE, due_at=seen)
    if claimed.update(state=State.CLAIMED, tries=tries + 1, due_at=now) != 1:
        return False
    delivery = AlertDelivery.objects.select_related(
        "alert", "alert__lead", "alert__lead__tenant", "alert__assigned_to", "recipient"
    ).get(pk=pk)
    try:
        SENDERS[Channel(delivery.channel)](delivery)
    except (ServiceError, OSError) as error:
        _fail(delivery, error, tries + 1)
        return False
    AlertDelivery.objects.filter(pk=pk).update(state=State.SENT, sent_at=timezone.now(), error="")
    metrics.ALERT_DELIVERIES.labels(channel=delivery.channel, outcome="sent").inc()
    return True


def _fail(delivery: AlertDelivery, error: ServiceError | OSError, tries: int) -> None:
    is_final = _is_permanent(error) or tries >= MOST_TRIES
    wait = WAITS[min(tries, len(WAITS)) - 1]
    AlertDelivery.objects.filter(pk=delivery.pk).update(
        state=State.FAILED if is_final else State.DUE,
        due_at=timezone.now() + wait,
        error=error.message[:300] if isinstance(error, ServiceError) else type(error).__name__,
    )
    outcome = "failed" if is_final else "retried"
    metrics.ALERT_DELIVERIES.labels(channel=delivery.channel, outcome=outcome).inc()
    log.warning(
        "alert.not_delivered", delivery=delivery.pk, channel=delivery.channel, tries=tries, error=error
    )


def _is_permanent(error: ServiceError | OSError) -> bool:
    if isinstance(error, ServiceError):
        return error.permanent
    if isinstance(error, SMTPRecipientsRefused):
        return all(code in PERMANENT_SMTP for code, _ in error.recipients.values())
    return isinstance(error, SMTPResponseException) and error.smtp_code in PERMANENT_SMTP


def _give_up_on_lost(now: datetime) -> None:
    """Fail what was claimed long ago: its sender ended, and a second try might repeat it."""
    AlertDelivery.objects.filter(state=State.CLAIMED, due_at__lt=now - GIVE_UP_AFTER).update(
        state=State.FAILED, error="The process that was sending it ended; it may or may not have arrived."
    )


def _send_mail(delivery: AlertDelivery) -> None:
    alert, recipient = delivery.alert, delivery.recipient
    if recipient is None:
        raise ServiceError("The person to tell is gone.", permanent=True)
    context = {
        "alert": alert,
        "is_escalated": alert.escalated_at is not None,
        "lead_url": settings.BASE_URL + reverse("leads:lead-detail", args=[alert.lead_id]),
        "alerts_url": settings.BASE_URL + reverse("leads:alert-list"),
    }
    mail.send_mail(name="alert", to=recipient.email, context=context)


def _send_task(delivery: AlertDelivery) -> None:
    alert = delivery.alert
    ghl.create_task(
        lead=alert.lead,
        title=f"{alert.get_kind_display()}: {alert.reason}"[:200],
        body=f"Hearthline alert {alert.pk}. Answer by {alert.goal_at:%H:%M} UTC.",
        due_at=alert.goal_at,
        assigned_to=alert.assigned_to,
    )


def _already_told(delivery: AlertDelivery) -> None:
    """Do nothing: the notice in the app was written with the alert."""


SENDERS: dict[Channel, Callable[[AlertDelivery], None]] = {
    Channel.EMAIL: _send_mail,
    Channel.GHL_TASK: _send_task,
    Channel.IN_APP: _already_told,
}
