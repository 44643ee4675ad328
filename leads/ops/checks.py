"""Deploy checks: dangerous or missing settings, found by `manage.py check --deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

SHORTEST_SECRET = 50
SHORTEST_TOKEN = 20
BUILT_IN_SECRET = "insecure-"
BUILT_IN_ENCRYPTION_KEY = "aW5zZWN1cmUtb25seS1mb3ItY2hlY2tzLWFuZC1iZXM="


@register(Tags.security, deploy=True)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Name every setting that is not fit to face the world, and how to mend it."""
    return [message for is_wrong, message in _findings() if is_wrong]


def _findings() -> list[tuple[bool, CheckMessage]]:
    hosts = settings.ALLOWED_HOSTS
    token = settings.METRICS_TOKEN
    return [
        (
            settings.SECRET_KEY.startswith(BUILT_IN_SECRET) or len(settings.SECRET_KEY) < SHORTEST_SECRET,
            Error(
                "SECRET_KEY is the built-in one or is short: anyone could sign in as anyone.",
                hint=f"Set SECRET_KEY to at least {SHORTEST_SECRET} random characters.",
                id="leads.E001",
            ),
        ),
        (
            BUILT_IN_ENCRYPTION_KEY in settings.FIELD_ENCRYPTION_KEYS,
            Error(
                "FIELD_ENCRYPTION_KEYS holds the built-in key: GoHighLevel tokens would be readable.",
                hint="Set FIELD_ENCRYPTION_KEYS to a key from cryptography.fernet.Fernet.generate_key().",
                id="leads.E002",
            ),
        ),
        (
            settings.DEMO,
            Error(
                "DEMO is on: the simulator's webhooks are accepted as GoHighLevel's.",
                hint="Unset DEMO.",
                id="leads.E003",
            ),
        ),
        (
            not settings.IS_HTTPS,
            Error(
                "BASE_URL is not https: cookies and tokens would travel in the clear.",
                hint="Set BASE_URL to the https address people use.",
                id="leads.E004",
            ),
        ),
        (
            not hosts or "*" in hosts,
            Error(
                "ALLOWED_HOSTS accepts any host: links in mail could point elsewhere.",
                hint="Set ALLOWED_HOSTS to the host names people use.",
                id="leads.E005",
            ),
        ),
        (
            bool(token) and len(token) < SHORTEST_TOKEN,
            Error(
                "METRICS_TOKEN is short enough to guess.",
                hint=f"Use at least {SHORTEST_TOKEN} random characters, or none for this machine only.",
                id="leads.E006",
            ),
        ),
        (
            not (settings.GHL_CLIENT_ID and settings.GHL_CLIENT_SECRET),
            Warning(
                "GHL_CLIENT_ID or GHL_CLIENT_SECRET is missing: no brokerage can connect GoHighLevel.",
                hint="Copy both from the app's page in the GoHighLevel marketplace.",
                id="leads.W001",
            ),
        ),
        (
            settings.GHL_ACCEPT_LEGACY_RSA,
            Warning(
                "GHL_ACCEPT_LEGACY_RSA is on: webhooks signed with GoHighLevel's retired key are accepted.",
                hint="Unset GHL_ACCEPT_LEGACY_RSA unless an old subscription still needs it.",
                id="leads.W002",
            ),
        ),
        (
            settings.EMAIL_BACKEND.endswith("console.EmailBackend"),
            Warning(
                "EMAIL_URL is not set: invitations, password resets and alerts are printed, not sent.",
                hint="Set EMAIL_URL, for example smtp+tls://user:password@host:587.",
                id="leads.W003",
            ),
        ),
    ]
