"""The broker's page of the GoHighLevel connection, and the way through GoHighLevel's consent page."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_POST, require_safe

from leads.access import MemberRequest, broker_required, custom_fields_for
from leads.errors import DomainError
from leads.ghl import oauth
from leads.ghl.writeback import OWN_KEYS
from leads.ml.catalogue import QUESTIONS
from leads.selectors import integrations
from leads.services import ghl, webhooks
from leads.services.ghl.connection import our_app
from leads.services.ghl.mapping import ANSWERS
from leads.tasks import ghl as tasks

STATE_KEY = "ghl_state"
STATE_TERM = timedelta(minutes=15)


@broker_required
@require_safe
def settings_ghl(request: MemberRequest) -> HttpResponse:
    """Show the connection, the addresses to paste, the secrets, the fields and the back-fill."""
    return _page(request)


def _page(request: MemberRequest, *, secret: str = "") -> HttpResponse:
    now = timezone.now()
    fields = [field for field in custom_fields_for(request).order_by("name") if field.key not in OWN_KEYS]
    context = {
        "is_configured": our_app().is_configured,
        "connection": integrations.describe_connection(request.tenant, now=now),
        "backfill": integrations.describe_backfill(request.tenant),
        "secrets": integrations.valid_secrets(request.tenant, now=now),
        "secret": secret,
        "webhook_urls": integrations.webhook_urls(),
        "is_public": settings.IS_HTTPS,
        "fields": fields,
        "answers": [(question, ANSWERS[question]) for question in QUESTIONS],
        "daily_calls": integrations.DAILY_CALLS,
        "now": now,
    }
    response = render(request, "leads/settings_ghl.html", context)
    if secret:
        response.headers["Cache-Control"] = "no-store"
    return response


@broker_required
@require_GET
def connect(request: MemberRequest) -> HttpResponse:
    """Send the broker to GoHighLevel's consent page, with a state that comes back once."""
    app = our_app()
    if not app.is_configured:
        messages.error(
            request, "Set GHL_CLIENT_ID and GHL_CLIENT_SECRET first; the README says where they are."
        )
        return redirect("leads:settings-ghl")
    state = secrets.token_urlsafe(32)
    request.session[STATE_KEY] = {
        "state": state,
        "tenant": request.tenant.pk,
        "until": (timezone.now() + STATE_TERM).timestamp(),
    }
    return HttpResponseRedirect(oauth.authorize_url(settings.GHL_AUTHORIZE_URL, app, state=state))


@broker_required
@require_GET
def callback(request: MemberRequest) -> HttpResponse:
    """Take the code GoHighLevel sends the broker back with, if this browser asked for it."""
    asked = request.session.pop(STATE_KEY, None)
    code = request.GET.get("code", "")
    if not _is_ours(request, asked):
        messages.error(
            request, "This answer of GoHighLevel was not asked for here, or too long ago. Connect again."
        )
        return redirect("leads:settings-ghl")
    if not code:
        messages.warning(request, "GoHighLevel sent no code: the connection was not allowed there.")
        return redirect("leads:settings-ghl")
    try:
        ghl.finish_connect(tenant=request.tenant, code=code)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:settings-ghl")
    transaction.on_commit(lambda: tasks.learn_location.delay(request.tenant.pk), robust=True)
    messages.success(request, "Connected. Hearthline reads this location's fields and team now.")
    return redirect("leads:settings-ghl")


def _is_ours(request: MemberRequest, asked: object) -> bool:
    if not isinstance(asked, dict):
        return False
    given = request.GET.get("state", "")
    is_same = constant_time_compare(given.encode(), str(asked.get("state", "")).encode())
    in_time = float(asked.get("until", 0)) >= timezone.now().timestamp()
    return bool(given) and is_same and in_time and asked.get("tenant") == request.tenant.pk


@broker_required
@require_POST
def try_connection(request: MemberRequest) -> HttpResponse:
    """Call GoHighLevel once and say what it answered."""
    try:
        name = ghl.check_connection(tenant=request.tenant)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"GoHighLevel answers: this location is “{name}”.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def reconnect(request: MemberRequest) -> HttpResponse:
    """Ask for new tokens of an install whose tokens are lost."""
    try:
        ghl.reconnect_location(tenant=request.tenant)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Connected again.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def disconnect(request: MemberRequest) -> HttpResponse:
    """Forget the tokens."""
    if ghl.disconnect(tenant=request.tenant):
        messages.success(
            request, "Disconnected. Webhooks still come until the app is removed in GoHighLevel."
        )
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def rotate_secret(request: MemberRequest) -> HttpResponse:
    """Make a new workflow secret and show it this once."""
    return _page(request, secret=webhooks.rotate_workflow_secret(tenant=request.tenant))


@broker_required
@require_POST
def refresh_fields(request: MemberRequest) -> HttpResponse:
    """Read the location's custom fields again."""
    try:
        fields = ghl.refresh_custom_fields(tenant=request.tenant)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{len(fields)} custom fields read.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def map_fields(request: MemberRequest) -> HttpResponse:
    """Keep which custom field answers which question."""
    answers = {
        field.pk: request.POST[f"field-{field.pk}"]
        for field in custom_fields_for(request)
        if f"field-{field.pk}" in request.POST
    }
    try:
        changed = ghl.set_field_answers(tenant=request.tenant, answers=answers)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Saved: {changed} changed." if changed else "Nothing changed.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def start_backfill(request: MemberRequest) -> HttpResponse:
    """Begin to bring in the location's past."""
    try:
        started = ghl.start_backfill(tenant=request.tenant)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:settings-ghl")
    if started:
        transaction.on_commit(lambda: tasks.backfill.delay(request.tenant.pk), robust=True)
        messages.success(request, "The back-fill runs. You can leave this page.")
    else:
        messages.info(request, "A back-fill is running already.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def stop_backfill(request: MemberRequest) -> HttpResponse:
    """Stop the back-fill after the page it is at."""
    try:
        stopped = ghl.stop_backfill(tenant=request.tenant)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:settings-ghl")
    if stopped:
        messages.success(request, "It stops after the page it is at; it can go on later.")
    return redirect("leads:settings-ghl")


@broker_required
@require_safe
def backfill_progress(request: MemberRequest) -> HttpResponse:
    """Show how far the back-fill is; polled by the page."""
    context = {
        "backfill": integrations.describe_backfill(request.tenant),
        "connection": integrations.describe_connection(request.tenant, now=timezone.now()),
    }
    if request.htmx:
        return render(request, "leads/_backfill.html", context)
    return redirect("leads:settings-ghl")
