"""Changes to people's own accounts: passwords, sessions, keys."""

from __future__ import annotations

from datetime import datetime

from axes.utils import reset as forget_failures
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from leads.errors import DomainError
from leads.models import APIKey, Membership, User, UserSession
from leads.services.mail import send_mail

MAX_KEYS = 20


@transaction.atomic
def update_profile(*, user: User, name: str) -> User:
    """Change how a user is called."""
    user.name = name.strip()
    user.save(update_fields=["name"])
    return user


@transaction.atomic
def set_shortcuts(*, user: User, enabled: bool) -> User:
    """Turn the single-key shortcuts of a user's pages on or off."""
    user.shortcuts_enabled = enabled
    user.save(update_fields=["shortcuts_enabled"])
    return user


@transaction.atomic
def choose_shortcuts(*, user: User, keys: dict[str, str]) -> User:
    """Keep the keys a person chose for shortcuts; those not named have their usual ones."""
    user.shortcuts = keys
    user.save(update_fields=["shortcuts"])
    return user


@transaction.atomic
def choose_density(*, user: User, density: str) -> User:
    """Keep how close together a person wants rows and panels."""
    user.density = User.Density(density)
    user.save(update_fields=["density"])
    return user


@transaction.atomic
def change_password(*, user: User, password: str, keep_session: str | None = None) -> User:
    """Set a new password and end every other session; tokens of the old password end with it."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_other_sessions(user=user, keep=keep_session)
    forget_failures(username=user.email)
    return user


@transaction.atomic
def end_session(*, user: User, session_key: str) -> bool:
    """Sign a user out of one browser."""
    deleted, _ = UserSession.objects.filter(user=user, session_key=session_key).delete()
    return deleted > 0


@transaction.atomic
def end_other_sessions(*, user: User, keep: str | None) -> int:
    """Sign a user out of every browser but one."""
    deleted, _ = UserSession.objects.filter(user=user).exclude(session_key=keep or "").delete()
    return deleted


@transaction.atomic
def create_api_key(
    *, membership: Membership, name: str, expires_at: datetime | None = None
) -> tuple[APIKey, str]:
    """Make a key that acts as a membership; its text is returned once and only its digest kept."""
    Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    if not membership.is_team:
        raise DomainError("API keys are for agents, brokers and admins.", "role")
    if APIKey.objects.filter(membership=membership, revoked=False).count() >= MAX_KEYS:
        raise DomainError(f"You have {MAX_KEYS} keys already. Revoke one first.", "limit")
    if expires_at is not None and expires_at <= timezone.now():
        raise DomainError("The key would already have expired. Choose a later day.", "expired")
    key = APIKey(name=name.strip(), membership=membership, expiry_date=expires_at)
    text = APIKey.objects.assign_key(key)
    key.save(force_insert=True)
    return key, text


@transaction.atomic
def revoke_api_key(*, key: APIKey) -> None:
    """End a key for good."""
    key.revoked = True
    key.save(update_fields=["revoked"])


def mail_password_reset(*, user: User) -> None:
    """Mail a link that lets a user set a new password within the hour."""
    path = reverse(
        "leads:password-reset-confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": default_token_generator.make_token(user),
        },
    )
    send_mail(
        name="password_reset",
        to=user.email,
        context={
            "user": user,
            "link": f"{settings.BASE_URL}{path}",
            "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
        },
    )
