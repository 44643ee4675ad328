"""Who may see what: the only way from a request to a page or an object.

A stranger is sent to sign in, the wrong role gets the 403 page, and what belongs to another tenant
does not exist (404).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from leads.models import (
    Alert,
    APIKey,
    CustomField,
    Event,
    Identity,
    Invitation,
    Lead,
    LeadImport,
    LeadMerge,
    Membership,
    Notification,
    Role,
    Tenant,
    User,
    UserSession,
    WebhookDelivery,
    WorkflowSecret,
)
from leads.models.leads import LeadQuerySet
from leads.models.tenants import TEAM_ROLES

MEMBERSHIP_KEY = "membership"

P = ParamSpec("P")
M = TypeVar("M", bound=Model)


class MemberRequest(HttpRequest):
    """A request that passed a role check."""

    user: User
    tenant: Tenant
    membership: Membership
    htmx: HtmxDetails
    correlation_id: str


class UserRequest(HttpRequest):
    """A request of a signed-in user, member of a tenant or not."""

    user: User
    tenant: Tenant | None
    membership: Membership | None
    htmx: HtmxDetails
    correlation_id: str


def memberships_of(user: User) -> list[Membership]:
    """Return the memberships a user can act under, oldest first."""
    return list(
        Membership.objects.filter(user=user, is_active=True, tenant__is_active=True).select_related("tenant")
    )


# Views


def sign_in_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in whoever is signed in."""
    return _guarded(view, _refuse_stranger)


def agent_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in the team: agents, brokers and admins."""
    return _role_required(view, TEAM_ROLES, "This page is for the agents of a brokerage.")


def broker_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in brokers and admins."""
    return _role_required(view, (Role.BROKER, Role.ADMIN), "This page is for the broker who runs the team.")


def admin_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in admins."""
    return _role_required(view, (Role.ADMIN,), "This page is for admins.")


def connector_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in who may connect a location: its broker and admins, and superusers, who may have none yet."""
    why = "This page is for the broker who runs the team."
    return _required(view, lambda request: request.user.is_superuser or manages(request), why)


def superuser_required(
    view: Callable[Concatenate[UserRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in who runs this server."""
    why = "This page is for whoever runs this server."
    return _required(view, lambda request: request.user.is_superuser, why)


def manages(request: HttpRequest) -> bool:
    """Tell whether the request acts as a broker or an admin of a tenant."""
    membership = _membership(request)
    return membership is not None and membership.role in (Role.BROKER, Role.ADMIN)


def buyer_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in buyers."""
    return _role_required(view, (Role.BUYER,), "This page is for buyers.")


def seller_required(
    view: Callable[Concatenate[MemberRequest, P], Any],
) -> Callable[Concatenate[HttpRequest, P], Any]:
    """Let in sellers."""
    return _role_required(view, (Role.SELLER,), "This page is for sellers.")


def _role_required(view: Callable[..., Any], roles: tuple[Role, ...], why: str) -> Callable[..., Any]:
    def may(request: HttpRequest) -> bool:
        membership = _membership(request)
        return membership is not None and membership.role in roles

    return _required(view, may, why)


def _required(view: Callable[..., Any], may: Callable[[HttpRequest], bool], why: str) -> Callable[..., Any]:
    def refuse(request: HttpRequest) -> HttpResponseBase | None:
        answer = _refuse_stranger(request)
        if answer is None and not may(request):
            raise PermissionDenied(why)
        return answer

    return _guarded(view, refuse)


def _guarded(
    view: Callable[..., Any], refuse: Callable[[HttpRequest], HttpResponseBase | None]
) -> Callable[..., Any]:
    if iscoroutinefunction(view):

        @wraps(view)
        async def aguarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer = refuse(request) or await view(request, *args, **kwargs)
            return _private(answer)

        return aguarded

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _private(refuse(request) or view(request, *args, **kwargs))

    return guarded


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Keep pages about people out of shared and browser caches unless the view said otherwise."""
    if not response.has_header("Cache-Control"):
        add_never_cache_headers(response)
    return response


def _refuse_stranger(request: HttpRequest) -> HttpResponseBase | None:
    if request.user.is_authenticated:
        return None
    htmx = getattr(request, "htmx", None)
    if htmx:
        current = urlsplit(htmx.current_url_abs_path or resolve_url("leads:landing"))
        came_from = current._replace(scheme="", netloc="").geturl()
        answer = HttpResponse("Sign in again to go on.", status=401, content_type="text/plain; charset=utf-8")
        answer.headers["HX-Redirect"] = redirect_to_login(came_from).url
        return answer
    if wants_json(request):
        return JsonResponse(
            {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Sign in first."},
            status=401,
            content_type="application/problem+json",
        )
    came_from = request.get_full_path() if request.method in ("GET", "HEAD") else resolve_url("leads:landing")
    return redirect_to_login(came_from)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the caller is a program that asked for JSON, not a page."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def safe_next(request: HttpRequest, default: str = "leads:landing") -> str:
    """Return the posted or queried `next` if it stays on this site, else the default page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return resolve_url(default)


# Objects


def tenants_for(request: HttpRequest) -> QuerySet[Tenant]:
    """Return every tenant of this server, to superusers only."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only whoever runs this server may see this.")
    return Tenant.objects.all()


def get_tenant(request: HttpRequest, pk: int) -> Tenant:
    return _one(tenants_for(request), pk)


def leads_for(request: HttpRequest) -> LeadQuerySet:
    """Return the leads this request may see: the team all of its tenant's, others only themselves."""
    membership = _membership(request)
    if membership is None:
        return Lead.objects.none()
    leads = Lead.objects.for_tenant(membership.tenant).exclude(status=Lead.Status.DELETED)
    if membership.is_team:
        return leads
    return leads.filter(pk=membership.lead_id or 0)


def get_lead(request: HttpRequest, pk: int) -> Lead:
    """Return a lead, which may be merged into another (`merged_into`)."""
    lead = _one(leads_for(request).select_related("assigned_to"), pk)
    lead.tenant = _tenant(request)
    return lead


def alerts_for(request: HttpRequest) -> QuerySet[Alert]:
    """Return the alerts of the team's tenant."""
    return Alert.objects.filter(tenant=team_tenant(request))


def get_alert(request: HttpRequest, pk: int) -> Alert:
    return _one(alerts_for(request).select_related("lead", "assigned_to", "acknowledged_by"), pk)


def deliveries_for(request: HttpRequest) -> QuerySet[WebhookDelivery]:
    """Return the tenant's webhooks, to brokers and admins; those of unknown locations to superusers only."""
    mine = Q(tenant=_managed_tenant(request))
    if request.user.is_superuser:
        mine |= Q(tenant=None)
    return WebhookDelivery.objects.filter(mine)


def get_delivery(request: HttpRequest, pk: int) -> WebhookDelivery:
    return _one(deliveries_for(request), pk)


def events_for(request: HttpRequest) -> QuerySet[Event]:
    """Return the events of the team's tenant."""
    return Event.objects.filter(tenant=team_tenant(request))


def identities_for(request: HttpRequest) -> QuerySet[Identity]:
    return Identity.objects.filter(tenant=team_tenant(request))


def custom_fields_for(request: HttpRequest) -> QuerySet[CustomField]:
    return CustomField.objects.filter(tenant=team_tenant(request))


def merges_for(request: HttpRequest) -> QuerySet[LeadMerge]:
    return LeadMerge.objects.filter(tenant=team_tenant(request))


def get_merge(request: HttpRequest, pk: int) -> LeadMerge:
    return _one(merges_for(request).select_related("survivor", "absorbed", "by"), pk)


def members_for(request: HttpRequest) -> QuerySet[Membership]:
    """Return the memberships of the team's tenant, whoever they are."""
    return Membership.objects.filter(tenant=team_tenant(request)).select_related("user")


def team_for(request: HttpRequest) -> QuerySet[Membership]:
    """Return the active agents, brokers and admins of the tenant: whom a lead can be assigned to."""
    return members_for(request).filter(is_active=True, user__is_active=True, role__in=TEAM_ROLES)


def get_member(request: HttpRequest, pk: int) -> Membership:
    """Return a membership of the tenant, to its broker and admins."""
    return _one(
        Membership.objects.filter(tenant=_managed_tenant(request)).select_related("user", "tenant"), pk
    )


def invitations_for(request: HttpRequest) -> QuerySet[Invitation]:
    """Return the invitations of the tenant, to its broker and admins."""
    return Invitation.objects.filter(tenant=_managed_tenant(request)).select_related("invited_by")


def get_invitation(request: HttpRequest, pk: int) -> Invitation:
    return _one(invitations_for(request).select_related("tenant"), pk)


def workflow_secrets_for(request: HttpRequest) -> QuerySet[WorkflowSecret]:
    """Return the workflow webhook secrets of the tenant, to its broker and admins."""
    return WorkflowSecret.objects.filter(tenant=_managed_tenant(request))


def imports_for(request: HttpRequest) -> QuerySet[LeadImport]:
    """Return the files of leads brought into the tenant, to its broker and admins, latest first."""
    return LeadImport.objects.filter(tenant=_managed_tenant(request)).defer("content").select_related("by")


def get_import(request: HttpRequest, pk: int) -> LeadImport:
    return _one(imports_for(request).select_related("tenant"), pk)


def sessions_for(request: HttpRequest) -> QuerySet[UserSession]:
    """Return the user's own sessions, latest first."""
    return UserSession.objects.filter(user=cast(User, request.user)).order_by("-seen_at")


def api_keys_for(request: HttpRequest) -> QuerySet[APIKey]:
    """Return the keys that act as the user in the present tenant."""
    return APIKey.objects.filter(membership=_membership(request), revoked=False)


def get_api_key(request: HttpRequest, prefix: str) -> APIKey:
    try:
        return api_keys_for(request).get(prefix=prefix)
    except APIKey.DoesNotExist as error:
        raise Http404 from error


def notifications_for(request: HttpRequest) -> QuerySet[Notification]:
    """Return what the user was told in the present tenant."""
    membership = _membership(request)
    if membership is None:
        return Notification.objects.none()
    return Notification.objects.filter(user_id=membership.user_id, tenant=membership.tenant)


def get_notification(request: HttpRequest, pk: int) -> Notification:
    return _one(notifications_for(request).select_related("alert__lead"), pk)


def _membership(request: HttpRequest) -> Membership | None:
    return getattr(request, "membership", None)


def _tenant(request: HttpRequest) -> Tenant:
    membership = _membership(request)
    if membership is None:
        raise Http404
    return membership.tenant


def team_tenant(request: HttpRequest) -> Tenant:
    """Return the tenant a member of the team acts in; refused to all others."""
    membership = _membership(request)
    if membership is None or not membership.is_team:
        raise PermissionDenied("Only the agents of a brokerage may see this.")
    return membership.tenant


def _managed_tenant(request: HttpRequest) -> Tenant:
    membership = _membership(request)
    if membership is None or not manages(request):
        raise PermissionDenied("Only the broker who runs the team may see this.")
    return membership.tenant


def _one(rows: QuerySet[M], pk: int) -> M:
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:  # type: ignore[attr-defined]
        raise Http404 from error
