"""Make a user with a role in a tenant."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leads.errors import DomainError
from leads.models import Role, Tenant
from leads.services.tenants import add_member


class Command(BaseCommand):
    help = "Make a user with a role in a tenant, or give a known user that role (and a new password)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--tenant", required=True, metavar="LOCATION_ID")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(self, **options: Any) -> None:
        """Make them and say what came of it."""
        tenant = Tenant.objects.filter(location_id=options["tenant"]).first()
        if tenant is None:
            raise DomainError(
                f"There is no tenant {options['tenant']}: make it first with "
                f"`python manage.py create_tenant {options['tenant']} --name NAME`.",
                "tenant",
            )
        membership, created = add_member(
            tenant=tenant,
            email=options["email"],
            role=Role(options["role"]),
            name=options["name"],
            password=_password(from_stdin=options["password_stdin"]),
        )
        made = "made" if created else "was there; password and role set"
        self.stdout.write(f"user {membership.user_id} {made}: {membership.role} of {tenant.location_id}")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise DomainError(
            "There is no terminal to ask for a password: give it with --password-stdin.", "password"
        )
    return getpass.getpass("Password: ")
