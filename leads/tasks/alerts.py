"""What alerts need by the clock: looking for what waits, escalating, sending."""

from __future__ import annotations

from celery import shared_task

from leads.services import alert_deliveries, alerts


@shared_task(ignore_result=True)
def review() -> None:
    """Close what is no longer so, raise what has waited too long, escalate what nobody took."""
    alerts.expire_alerts()
    alerts.raise_waiting_alerts()
    alerts.escalate_due_alerts()


@shared_task(ignore_result=True)
def deliver() -> None:
    """Send alerts over mail and as GoHighLevel tasks."""
    alert_deliveries.deliver_due()
