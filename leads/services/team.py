"""Who belongs to a tenant, in what role: invitations and memberships."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from leads.errors import DomainError
from leads.models import APIKey, Identity, Invitation, Lead, Membership, Role, Tenant, User
from leads.models.tenants import TEAM_ROLES
from leads.ops.logs import get_logger
from leads.services.mail import send_mail

log = get_logger("accounts")

MANAGERS = (Role.BROKER, Role.ADMIN)


def digest(token: str) -> str:
    """Return what is kept of an invitation's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def invitation_link(token: str) -> str:
    """Return the address that accepts an invitation."""
    return f"{settings.BASE_URL}{reverse('leads:invitation', args=[token])}"


@transaction.atomic
def invite(
    *, tenant: Tenant, email: str, role: str, by: User, lead: Lead | None = None
) -> tuple[Invitation, str]:
    """Offer someone a role in a tenant; an earlier offer of the same is withdrawn. Returns its token once."""
    email = email.strip().lower()
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    if Membership.objects.filter(tenant=tenant, user__email=email, role=role, is_active=True).exists():
        raise DomainError(f"This person already is {_an(role)} here.", "already")
    now = timezone.now()
    Invitation.objects.filter(
        tenant=tenant, email=email, role=role, accepted_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        tenant=tenant,
        email=email,
        role=role,
        lead=lead,
        token_digest=digest(token),
        invited_by=by,
        expires_at=now + timedelta(days=settings.INVITATION_DAYS),
    )
    return invitation, token


@transaction.atomic
def renew_invitation(*, invitation: Invitation) -> str:
    """Give an invitation a new token and a new term; the former link stops working."""
    invitation = Invitation.objects.select_for_update(no_key=True).get(pk=invitation.pk)
    if invitation.accepted_at or invitation.revoked_at:
        raise DomainError("This invitation is no longer open.", "closed")
    token = secrets.token_urlsafe(32)
    invitation.token_digest = digest(token)
    invitation.expires_at = timezone.now() + timedelta(days=settings.INVITATION_DAYS)
    invitation.save(update_fields=["token_digest", "expires_at"])
    return token


@transaction.atomic
def revoke_invitation(*, invitation: Invitation) -> None:
    """Withdraw an invitation that was not accepted."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True).update(
        revoked_at=timezone.now()
    )


def mail_invitation(*, invitation: Invitation, token: str) -> bool:
    """Mail an invitation's link; tell whether the mail server took it."""
    try:
        send_mail(
            name="invitation",
            to=invitation.email,
            context={
                "tenant": invitation.tenant,
                "role": Role(invitation.role).label.lower(),
                "invited_by": invitation.invited_by,
                "link": invitation_link(token),
                "days": settings.INVITATION_DAYS,
            },
        )
    except OSError as error:
        log.warning("mail.failed", invitation_id=invitation.pk, error=type(error).__name__)
        return False
    return True


def open_invitation(token: str) -> Invitation | None:
    """Return the invitation a link stands for, unless it expired, was withdrawn or was used."""
    return (
        Invitation.objects.select_related("tenant", "invited_by")
        .filter(
            token_digest=digest(token),
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=timezone.now(),
            tenant__is_active=True,
        )
        .first()
    )


@transaction.atomic
def accept_invitation(
    *, token: str, user: User | None = None, name: str = "", password: str = ""
) -> Membership:
    """Make a membership of an invitation: for a signed-in user, or for a new one with a name and password."""
    invitation = (
        Invitation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("tenant")
        .filter(token_digest=digest(token))
        .first()
    )
    now = timezone.now()
    if (
        invitation is None
        or invitation.accepted_at
        or invitation.revoked_at
        or invitation.expires_at <= now
        or not invitation.tenant.is_active
    ):
        raise DomainError("This invitation has expired or was withdrawn. Ask for a new one.", "closed")
    if user is None:
        user = _new_user(invitation.email, name, password)
    membership, created = Membership.objects.get_or_create(
        user=user,
        tenant=invitation.tenant,
        role=invitation.role,
        defaults={"lead": _lead_of(invitation)},
    )
    if not created and not membership.is_active:
        membership.is_active = True
        membership.save(update_fields=["is_active"])
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    _mark_staff(user)
    return membership


def _new_user(email: str, name: str, password: str) -> User:
    user = User(email=email, name=name.strip())
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages), "password") from error
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name.strip())
    except IntegrityError as error:
        raise DomainError(
            "This e-mail address has an account already. Sign in to accept.", "exists"
        ) from error


def _lead_of(invitation: Invitation) -> Lead | None:
    """Return the person an invited buyer or seller is in the tenant's CRM."""
    if invitation.role in TEAM_ROLES:
        return None
    if invitation.lead is not None:
        return invitation.lead.merged_into or invitation.lead
    identity = (
        Identity.objects.select_related("lead")
        .filter(tenant=invitation.tenant, kind=Identity.Kind.EMAIL, value=invitation.email)
        .exclude(lead__status=Lead.Status.DELETED)
        .first()
    )
    return identity.lead if identity else None


@transaction.atomic
def join_as_admin(*, tenant: Tenant, user: User) -> Membership:
    """Make a superuser an admin of a tenant, so that what they do there is done as a member of it."""
    if not user.is_superuser:
        raise DomainError("Only whoever runs this server may join a brokerage uninvited.", "role")
    membership, created = Membership.objects.get_or_create(user=user, tenant=tenant, role=Role.ADMIN)
    if not membership.is_active:
        membership.is_active = True
        membership.save(update_fields=["is_active"])
    _mark_staff(user)
    log.info("tenant.joined", tenant_id=tenant.pk, user_id=user.pk, is_new=created)
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: User) -> Membership:
    """Give a member of the team another role of the team."""
    membership = _locked(membership)
    if membership.role not in TEAM_ROLES or role not in TEAM_ROLES:
        raise DomainError(
            "Only agents, brokers and admins can change role; invite a buyer or seller.", "role"
        )
    if membership.role == role:
        return membership
    if membership.user_id == by.pk:
        raise DomainError("You cannot change your own role. Ask another broker.", "self")
    _keep_a_manager(membership, role)
    if Membership.objects.filter(user=membership.user, tenant=membership.tenant, role=role).exists():
        raise DomainError(f"This person already is {_an(role)} here.", "already")
    membership.role = role
    membership.save(update_fields=["role"])
    _mark_staff(membership.user)
    return membership


@transaction.atomic
def deactivate_member(*, membership: Membership, by: User) -> Membership:
    """End a membership: its pages, tokens and API keys stop at the next request."""
    membership = _locked(membership)
    if membership.user_id == by.pk:
        raise DomainError("You cannot deactivate yourself. Ask another broker.", "self")
    _keep_a_manager(membership, "")
    membership.is_active = False
    membership.save(update_fields=["is_active"])
    APIKey.objects.filter(membership=membership, revoked=False).update(revoked=True)
    _mark_staff(membership.user)
    return membership


@transaction.atomic
def reactivate_member(*, membership: Membership) -> Membership:
    """Bring an ended membership back; its former API keys stay revoked."""
    membership = _locked(membership)
    membership.is_active = True
    membership.save(update_fields=["is_active"])
    _mark_staff(membership.user)
    return membership


def _mark_staff(user: User) -> None:
    """Let admins, and nobody else, into the admin: an admin of any tenant is staff."""
    is_admin = user.memberships.filter(role=Role.ADMIN, is_active=True).exists()
    if user.is_staff != (is_admin or user.is_superuser):
        user.is_staff = is_admin or user.is_superuser
        user.save(update_fields=["is_staff"])


def _locked(membership: Membership) -> Membership:
    """Lock the tenant first, so that two changes cannot both take away its last broker."""
    Tenant.objects.select_for_update(no_key=True).get(pk=membership.tenant_id)
    return Membership.objects.select_related("user", "tenant").get(pk=membership.pk)


def _keep_a_manager(membership: Membership, new_role: str) -> None:
    if membership.role not in MANAGERS or new_role in MANAGERS or not membership.is_active:
        return
    others = Membership.objects.filter(
        tenant=membership.tenant, role__in=MANAGERS, is_active=True, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise DomainError("This is the last broker or admin. Give the role to someone else first.", "last")


def _an(role: str) -> str:
    label = Role(role).label.lower()
    return f"an {label}" if label[0] in "aeiou" else f"a {label}"
