"""The broker's page of the team: members, roles, invitations."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from leads.access import (
    MemberRequest,
    broker_required,
    get_invitation,
    get_member,
    invitations_for,
    leads_for,
    members_for,
)
from leads.errors import DomainError
from leads.forms.accounts import InviteForm, RoleForm
from leads.models import Invitation, Membership, Role
from leads.models.tenants import TEAM_ROLES
from leads.services import team
from leads.views.refusals import refusals_told

SHOWN = 200


@broker_required
@require_http_methods(["GET", "POST"])
def members(request: MemberRequest) -> HttpResponse:
    """Show the team and its open invitations; invite someone."""
    form = InviteForm(request.POST or None)
    link = ""
    if request.method == "POST" and form.is_valid():
        try:
            invitation, token = team.invite(
                tenant=request.tenant,
                email=form.cleaned_data["email"],
                role=form.cleaned_data["role"],
                by=request.user,
            )
        except DomainError as error:
            form.add_error("email", error.message)
        else:
            link = _sent(request, invitation, token)
            form = InviteForm()
    return _page(request, form, link)


def _page(request: MemberRequest, form: InviteForm, link: str) -> HttpResponse:
    context = {
        "form": form,
        "link": link,
        "team": list(_members(request).filter(role__in=TEAM_ROLES)[:SHOWN]),
        "clients": list(_members(request).exclude(role__in=TEAM_ROLES)[:SHOWN]),
        "invitations": list(
            invitations_for(request).filter(accepted_at__isnull=True, revoked_at__isnull=True)[:SHOWN]
        ),
        "team_roles": [(role.value, role.label) for role in TEAM_ROLES],
        "now": timezone.now(),
    }
    return render(request, "leads/team.html", context, status=422 if form.errors else 200)


def _members(request: MemberRequest) -> QuerySet[Membership]:
    assigned = (
        leads_for(request)
        .active()
        .filter(assigned_to=OuterRef("user"))
        .values("assigned_to")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        members_for(request)
        .annotate(lead_count=Coalesce(Subquery(assigned), 0))
        .order_by("-is_active", "user__name", "user__email")
    )


def _sent(request: MemberRequest, invitation: Invitation, token: str) -> str:
    """Mail the invitation; return its link when the broker should pass it on by other means."""
    if team.mail_invitation(invitation=invitation, token=token):
        messages.success(request, f"The invitation is on its way to {invitation.email}.")
    else:
        messages.warning(request, "The mail server did not take the invitation. Pass the link on yourself.")
    return team.invitation_link(token)


@broker_required
@require_POST
def renew_invitation(request: MemberRequest, pk: int) -> HttpResponse:
    """Send an invitation again with a new link and a new term."""
    invitation = get_invitation(request, pk)
    try:
        token = team.renew_invitation(invitation=invitation)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:team")
    return _page(request, InviteForm(), _sent(request, invitation, token))


@broker_required
@require_POST
def revoke_invitation(request: MemberRequest, pk: int) -> HttpResponse:
    """Withdraw an invitation."""
    team.revoke_invitation(invitation=get_invitation(request, pk))
    messages.success(request, "The invitation is withdrawn; its link no longer works.")
    return redirect("leads:team")


@broker_required
@require_POST
def change_role(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a member another role of the team."""
    member = get_member(request, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose agent, broker or admin.")
        return redirect("leads:team")
    with refusals_told(request):
        member = team.change_role(membership=member, role=form.cleaned_data["role"], by=request.user)
        messages.success(request, f"{member.user} is now {Role(member.role).label.lower()}.")
    return redirect("leads:team")


@broker_required
@require_POST
def deactivate_member(request: MemberRequest, pk: int) -> HttpResponse:
    """End a membership."""
    with refusals_told(request):
        member = team.deactivate_member(membership=get_member(request, pk), by=request.user)
        messages.success(
            request, f"{member.user} no longer has access. Their leads stay assigned until you move them."
        )
    return redirect("leads:team")


@broker_required
@require_POST
def reactivate_member(request: MemberRequest, pk: int) -> HttpResponse:
    """Bring a membership back."""
    member = team.reactivate_member(membership=get_member(request, pk))
    messages.success(request, f"{member.user} has access again.")
    return redirect("leads:team")
