"""The broker's page of webhook deliveries: what came, what became of it, and the button to try again."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, broker_required, deliveries_for, get_delivery
from leads.models import WebhookDelivery
from leads.selectors import deliveries as selectors
from leads.selectors.deliveries import DeliveryQuery
from leads.services import webhooks

PAGE_ROWS = 50


@broker_required
@require_GET
def list_deliveries(request: MemberRequest) -> HttpResponse:
    """Show deliveries, newest first, narrowed by the address."""
    now = timezone.now()
    rows = deliveries_for(request)
    query = DeliveryQuery.read(request.GET.dict())
    ours = rows.filter(tenant=request.tenant)
    context = {
        "page": Paginator(selectors.find_deliveries(rows, query, now=now), PAGE_ROWS).get_page(
            request.GET.get("page")
        ),
        "query": query,
        "counts": [
            (state, state.label, count)
            for state, count in zip(
                WebhookDelivery.State, selectors.count_states(ours, now=now).values(), strict=True
            )
        ],
        "doors": WebhookDelivery.Door.choices,
        "types": selectors.types_seen(ours, now=now),
        "periods": [("hour", "Last hour"), ("day", "Last day"), ("week", "Last week")],
        "sees_unknown": request.user.is_superuser,
        "now": now,
    }
    return render(request, "leads/delivery_list.html", context)


@broker_required
@require_GET
def show_delivery(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one delivery: its envelope, its body, and the events it became."""
    delivery = get_delivery(request, pk)
    context = {
        "delivery": delivery,
        "body": selectors.readable_body(delivery),
        "events": selectors.events_of(delivery),
        "can_replay": delivery.state != WebhookDelivery.State.ACCEPTED,
        "now": timezone.now(),
    }
    return render(request, "leads/delivery_detail.html", context)


@broker_required
@require_POST
def replay_delivery(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a delivery before the workers again."""
    delivery = get_delivery(request, pk)
    if webhooks.replay_delivery(delivery=delivery):
        messages.success(request, "The webhook is processed again. What it already became is not made twice.")
    else:
        messages.info(request, "This webhook is still waiting for its first turn.")
    return redirect("leads:delivery-detail", delivery.pk)
