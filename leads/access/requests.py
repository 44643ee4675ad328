"""Who a request acts as: its member and their tenant."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from leads.models import Membership, Role, Tenant, User

MEMBERSHIP_KEY = "membership"


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


def manages(request: HttpRequest) -> bool:
    """Tell whether the request acts as a broker or an admin of a tenant."""
    membership = membership_of(request)
    return membership is not None and membership.role in (Role.BROKER, Role.ADMIN)


def membership_of(request: HttpRequest) -> Membership | None:
    return getattr(request, "membership", None)


def tenant_of(request: HttpRequest) -> Tenant:
    membership = membership_of(request)
    if membership is None:
        raise Http404
    return membership.tenant


def team_tenant(request: HttpRequest) -> Tenant:
    """Return the tenant a member of the team acts in; refused to all others."""
    membership = membership_of(request)
    if membership is None or not membership.is_team:
        raise PermissionDenied("Only the agents of a brokerage may see this.")
    return membership.tenant


def managed_tenant(request: HttpRequest) -> Tenant:
    membership = membership_of(request)
    if membership is None or not manages(request):
        raise PermissionDenied("Only the broker who runs the team may see this.")
    return membership.tenant
