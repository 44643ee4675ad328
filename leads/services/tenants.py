"""Tenants and their members, as an operator makes them."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from leads.errors import DomainError
from leads.models import Membership, Role, Tenant, User


@transaction.atomic
def create_tenant(*, location_id: str, name: str, time_zone: str = "") -> tuple[Tenant, bool]:
    """Make the tenant of a GoHighLevel location, or update its name; tell whether it is new."""
    location_id, name = location_id.strip(), name.strip()
    if not location_id or not name:
        raise DomainError("A tenant needs a location id and a name.", "tenant")
    if time_zone and time_zone not in available_timezones():
        raise DomainError(f"{time_zone} is no time zone: give one such as America/Chicago.", "time_zone")
    known = {"name": name, **({"time_zone": time_zone} if time_zone else {})}
    return Tenant.objects.update_or_create(location_id=location_id, defaults=known)


def find_tenant(location_id: str) -> Tenant | None:
    """Return the tenant of a location; None when none is named."""
    if not location_id:
        return None
    tenant = Tenant.objects.filter(location_id=location_id).first()
    if tenant is None:
        raise DomainError(
            f"No tenant has the location {location_id}: `create_tenant` makes one.", "unknown_tenant"
        )
    return tenant


@transaction.atomic
def add_member(
    *, tenant: Tenant, email: str, role: Role, password: str, name: str = ""
) -> tuple[Membership, bool]:
    """Give a person a role in a tenant and a password, making their login when new; tell whether it is."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(f"{email} is not an e-mail address.", "email") from None
    user = User.objects.filter(email=email).first()
    created = user is None
    if user is None:
        user = User(email=email, name=name.strip())
    elif name.strip():
        user.name = name.strip()
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages), "password") from None
    user.set_password(password)
    if role == Role.ADMIN:
        user.is_staff = True
    user.save()
    membership, _ = Membership.objects.update_or_create(
        user=user, tenant=tenant, role=role, defaults={"is_active": True}
    )
    return membership, created
