"""The objects a request may see: what belongs to another tenant does not exist (404)."""

from __future__ import annotations

from typing import TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest

from leads.access.requests import managed_tenant, membership_of, team_tenant, tenant_of
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
    ModelRun,
    ModelVersion,
    Notification,
    Tenant,
    User,
    UserSession,
    WebhookDelivery,
    WorkflowSecret,
)
from leads.models.leads import LeadQuerySet
from leads.models.ml import ModelQuerySet
from leads.models.tenants import TEAM_ROLES

M = TypeVar("M", bound=Model)


def tenants_for(request: HttpRequest) -> QuerySet[Tenant]:
    """Return every tenant of this server, to superusers only."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only whoever runs this server may see this.")
    return Tenant.objects.all()


def get_tenant(request: HttpRequest, pk: int) -> Tenant:
    return _one(tenants_for(request), pk)


def leads_for(request: HttpRequest) -> LeadQuerySet:
    """Return the leads this request may see: the team all of its tenant's, others only themselves."""
    membership = membership_of(request)
    if membership is None:
        return Lead.objects.none()
    leads = Lead.objects.for_tenant(membership.tenant).exclude(status=Lead.Status.DELETED)
    if membership.is_team:
        return leads
    return leads.filter(pk=membership.lead_id or 0)


def get_lead(request: HttpRequest, pk: int) -> Lead:
    """Return a lead, which may be merged into another (`merged_into`)."""
    lead = _one(leads_for(request).select_related("assigned_to"), pk)
    lead.tenant = tenant_of(request)
    return lead


def alerts_for(request: HttpRequest) -> QuerySet[Alert]:
    """Return the alerts of the team's tenant."""
    return Alert.objects.filter(tenant=team_tenant(request))


def get_alert(request: HttpRequest, pk: int) -> Alert:
    return _one(alerts_for(request).select_related("lead", "assigned_to", "acknowledged_by"), pk)


def deliveries_for(request: HttpRequest) -> QuerySet[WebhookDelivery]:
    """Return the tenant's webhooks, to brokers and admins; those of unknown locations to superusers only."""
    mine = Q(tenant=managed_tenant(request))
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
        Membership.objects.filter(tenant=managed_tenant(request)).select_related("user", "tenant"), pk
    )


def invitations_for(request: HttpRequest) -> QuerySet[Invitation]:
    """Return the invitations of the tenant, to its broker and admins."""
    return Invitation.objects.filter(tenant=managed_tenant(request)).select_related("invited_by")


def get_invitation(request: HttpRequest, pk: int) -> Invitation:
    return _one(invitations_for(request).select_related("tenant"), pk)


def workflow_secrets_for(request: HttpRequest) -> QuerySet[WorkflowSecret]:
    """Return the workflow webhook secrets of the tenant, to its broker and admins."""
    return WorkflowSecret.objects.filter(tenant=managed_tenant(request))


def imports_for(request: HttpRequest) -> QuerySet[LeadImport]:
    """Return the files of leads brought into the tenant, to its broker and admins, latest first."""
    return LeadImport.objects.filter(tenant=managed_tenant(request)).defer("content").select_related("by")


def get_import(request: HttpRequest, pk: int) -> LeadImport:
    return _one(imports_for(request).select_related("tenant"), pk)


def sessions_for(request: HttpRequest) -> QuerySet[UserSession]:
    """Return the user's own sessions, latest first."""
    return UserSession.objects.filter(user=cast(User, request.user)).order_by("-seen_at")


def api_keys_for(request: HttpRequest) -> QuerySet[APIKey]:
    """Return the keys that act as the user in the present tenant."""
    return APIKey.objects.filter(membership=membership_of(request), revoked=False)


def get_api_key(request: HttpRequest, prefix: str) -> APIKey:
    try:
        return api_keys_for(request).get(prefix=prefix)
    except APIKey.DoesNotExist as error:
        raise Http404 from error


def notifications_for(request: HttpRequest) -> QuerySet[Notification]:
    """Return what the user was told in the present tenant."""
    membership = membership_of(request)
    if membership is None:
        return Notification.objects.none()
    return Notification.objects.filter(user_id=membership.user_id, tenant=membership.tenant)


def get_notification(request: HttpRequest, pk: int) -> Notification:
    return _one(notifications_for(request).select_related("alert__lead"), pk)


def model_versions_for(request: HttpRequest) -> ModelQuerySet:
    """Return the trained models of the tenant, to its team, without their bytes."""
    return ModelVersion.objects.for_tenant(team_tenant(request)).defer("artifact")


def get_model_version(request: HttpRequest, pk: int) -> ModelVersion:
    return _one(model_versions_for(request), pk)


def model_runs_for(request: HttpRequest) -> QuerySet[ModelRun]:
    """Return the long work on the tenant's models, to its team."""
    return ModelRun.objects.filter(tenant=team_tenant(request))


def get_model_run(request: HttpRequest, pk: int) -> ModelRun:
    return _one(model_runs_for(request), pk)


def of_team(request: HttpRequest, rows: QuerySet[M]) -> QuerySet[M]:
    """Return those rows of an engine's own table that are the tenant's, to its team."""
    return rows.filter(tenant=team_tenant(request))


def get_of_team(request: HttpRequest, rows: QuerySet[M], pk: int) -> M:
    return _one(of_team(request, rows), pk)


def _one(rows: QuerySet[M], pk: int) -> M:
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:  # type: ignore[attr-defined]
        raise Http404 from error
