from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django import Settings

from leads.ops.checks import BUILT_IN_ENCRYPTION_KEY, check_settings


@pytest.fixture(autouse=True)
def _fit(settings: Settings) -> None:
    """Begin every test with settings fit to face the world."""
    settings.SECRET_KEY = "k" * 64
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    settings.DEMO = False
    settings.IS_HTTPS = True
    settings.ALLOWED_HOSTS = ["hearth.example"]
    settings.METRICS_TOKEN = ""
    settings.GHL_CLIENT_ID = "id"
    settings.GHL_CLIENT_SECRET = "secret"
    settings.GHL_ACCEPT_LEGACY_RSA = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def _ids() -> list[str | None]:
    return [message.id for message in check_settings(None)]


def test_fit_settings_pass() -> None:
    assert _ids() == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("SECRET_KEY", "insecure-only-for-checks-and-builds" + "x" * 50, "leads.E001"),
        ("SECRET_KEY", "short", "leads.E001"),
        ("FIELD_ENCRYPTION_KEYS", [BUILT_IN_ENCRYPTION_KEY], "leads.E002"),
        ("DEMO", True, "leads.E003"),
        ("IS_HTTPS", False, "leads.E004"),
        ("ALLOWED_HOSTS", ["*"], "leads.E005"),
        ("ALLOWED_HOSTS", [], "leads.E005"),
        ("METRICS_TOKEN", "guess", "leads.E006"),
        ("GHL_CLIENT_ID", "", "leads.W001"),
        ("GHL_CLIENT_SECRET", "", "leads.W001"),
        ("GHL_ACCEPT_LEGACY_RSA", True, "leads.W002"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "leads.W003"),
    ],
)
def test_each_unfit_setting_is_named(settings: Settings, name: str, value: Any, found: str) -> None:
    setattr(settings, name, value)

    assert _ids() == [found]


def test_the_command_fails_on_an_insecure_value(settings: Settings) -> None:
    settings.DEMO = True

    with pytest.raises(CommandError, match=r"leads\.E003"):
        call_command("check", deploy=True)
