"""The broker's page of the GoHighLevel connection, and the way through GoHighLevel's consent page.

A broker connects their own location. A superuser may have no tenant yet: they choose one of the server's, or
connect a location it does not know, and are made its admin, so that all that follows is done as a member.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_POST, require_safe

from leads.access import (
    MEMBERSHIP_KEY,
    MemberRequest,
    UserRequest,
    broker_required,
    connector_required,
    custom_fields_for,
    get_tenant,
    manages,
    superuser_required,
    tenants_for,
)
from leads.errors import DomainError
from leads.ghl import oauth
from leads.ghl.writeback import OWN_KEYS
from leads.ml.catalogue import QUESTIONS
from leads.models import Tenant
from leads.selectors import integrations
from leads.services import ghl, team, webhooks
from leads.services.ghl.connection import our_app
from leads.services.ghl.mapping import ANSWERS
from leads.tasks import ghl as tasks
from leads.views.refusals import refusals_told

STATE_KEY = "ghl_state"
STATE_TERM = timedelta(minutes=15)


@connector_required
@require_safe
def settings_ghl(request: UserRequest) -> HttpResponse:
    """Show the connection, the addresses to paste, the secrets, the fields and the back-fill."""
    if not manages(cast(HttpRequest, request)):
        return redirect("leads:ghl-locations")
    return _page(cast(MemberRequest, request))


@superuser_required
@require_safe
def locations(request: UserRequest) -> HttpResponse:
    """Show every location of this server, to work in one as its admin or to connect another."""
    q = request.GET.get("q", "").strip()[:100]
    found = integrations.locations(tenants_for(cast(HttpRequest, request)), user=request.user, q=q)
    context = {
        "page": Paginator(found, integrations.LOCATION_ROWS).get_page(request.GET.get("page")),
        "q": q,
        "is_configured": our_app().is_configured,
        "is_public": settings.IS_HTTPS,
    }
    return render(request, "leads/ghl_locations.html", context)


@superuser_required
@require_POST
def join_location(request: UserRequest, pk: int) -> HttpResponse:
    """Make a superuser an admin of a location and let them work there; connect it if its agency is."""
    tenant = get_tenant(cast(HttpRequest, request), pk)
    if not tenant.is_active:
        messages.error(request, f"{tenant.name} is not served: the app was removed there. Connect it again.")
        return redirect("leads:ghl-locations")
    membership = team.join_as_admin(tenant=tenant, user=request.user)
    request.session[MEMBERSHIP_KEY] = membership.pk
    transaction.on_commit(lambda: tasks.connect_location.delay(tenant.pk), robust=True)
    messages.success(request, f"You work at {tenant.name} now, as its admin.")
    return redirect("leads:settings-ghl")


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


@connector_required
@require_GET
def connect(request: UserRequest) -> HttpResponse:
    """Send the broker to GoHighLevel's consent page, with a state that comes back once."""
    if request.tenant is None or not manages(cast(HttpRequest, request)):
        return redirect("leads:ghl-locations")
    return _to_consent(request, request.tenant)


@superuser_required
@require_GET
def connect_new(request: UserRequest) -> HttpResponse:
    """Send a superuser there to choose any location or agency."""
    return _to_consent(request, None)


def _to_consent(request: UserRequest, tenant: Tenant | None) -> HttpResponse:
    app = our_app()
    if not app.is_configured:
        messages.error(
            request, "Set GHL_CLIENT_ID and GHL_CLIENT_SECRET first; the README says where they are."
        )
        return redirect("leads:settings-ghl")
    state = secrets.token_urlsafe(32)
    request.session[STATE_KEY] = {
        "state": state,
        "tenant": None if tenant is None else tenant.pk,
        "until": (timezone.now() + STATE_TERM).timestamp(),
    }
    return HttpResponseRedirect(oauth.authorize_url(settings.GHL_AUTHORIZE_URL, app, state=state))


@connector_required
@require_GET
def callback(request: UserRequest) -> HttpResponse:
    """Take the code GoHighLevel sends someone back with, if this browser asked for it."""
    asked = request.session.pop(STATE_KEY, None)
    code = request.GET.get("code", "")
    if not _is_ours(request, asked):
        messages.error(
            request, "This answer of GoHighLevel was not asked for here, or too long ago. Connect again."
        )
        return redirect("leads:settings-ghl")
    is_new = asked["tenant"] is None
    came_from = "leads:ghl-locations" if is_new else "leads:settings-ghl"
    if not code:
        messages.warning(request, "GoHighLevel sent no code: the connection was not allowed there.")
        return redirect(came_from)
    try:
        tenant = _finish(request, code, is_new=is_new)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(came_from)
    if tenant is None:
        messages.success(request, "The agency is connected. Its locations appear here as it installs them.")
        return redirect(came_from)
    transaction.on_commit(lambda: tasks.learn_location.delay(tenant.pk), robust=True)
    messages.success(request, "Connected. Hearthline reads this location's fields and team now.")
    return redirect("leads:settings-ghl")


def _finish(request: UserRequest, code: str, *, is_new: bool) -> Tenant | None:
    """Connect the tenant at hand, or the location a superuser chose; None when they chose an agency."""
    if not is_new and request.tenant is not None:
        ghl.finish_connect(tenant=request.tenant, code=code)
        return request.tenant
    membership = ghl.connect_new_location(code=code, by=request.user)
    if membership is None:
        return None
    request.session[MEMBERSHIP_KEY] = membership.pk
    return membership.tenant


def _is_ours(request: UserRequest, asked: object) -> bool:
    """Tell whether this browser asked for it, for the tenant it acts in; without one as a superuser only."""
    if not isinstance(asked, dict):
        return False
    given = request.GET.get("state", "")
    is_same = constant_time_compare(given.encode(), str(asked.get("state", "")).encode())
    in_time = float(asked.get("until", 0)) >= timezone.now().timestamp()
    if not given or not is_same or not in_time:
        return False
    if asked.get("tenant") is None:
        return request.user.is_superuser
    is_same_tenant = request.tenant is not None and asked["tenant"] == request.tenant.pk
    return is_same_tenant and manages(cast(HttpRequest, request))


@broker_required
@require_POST
def try_connection(request: MemberRequest) -> HttpResponse:
    """Call GoHighLevel once and say what it answered."""
    with refusals_told(request):
        name = ghl.check_connection(tenant=request.tenant)
        messages.success(request, f"GoHighLevel answers: this location is “{name}”.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def reconnect(request: MemberRequest) -> HttpResponse:
    """Ask for new tokens of an install whose tokens are lost."""
    with refusals_told(request):
        ghl.reconnect_location(tenant=request.tenant)
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
    with refusals_told(request):
        fields = ghl.refresh_custom_fields(tenant=request.tenant)
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
    with refusals_told(request):
        changed = ghl.set_field_answers(tenant=request.tenant, answers=answers)
        messages.success(request, f"Saved: {changed} changed." if changed else "Nothing changed.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def start_backfill(request: MemberRequest) -> HttpResponse:
    """Begin to bring in the location's past."""
    with refusals_told(request):
        if ghl.start_backfill(tenant=request.tenant):
            transaction.on_commit(lambda: tasks.backfill.delay(request.tenant.pk), robust=True)
            messages.success(request, "The back-fill runs. You can leave this page.")
        else:
            messages.info(request, "A back-fill is running already.")
    return redirect("leads:settings-ghl")


@broker_required
@require_POST
def stop_backfill(request: MemberRequest) -> HttpResponse:
    """Stop the back-fill after the page it is at."""
    with refusals_told(request):
        if ghl.stop_backfill(tenant=request.tenant):
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
