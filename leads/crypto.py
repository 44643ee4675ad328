"""Text columns and cached bytes, encrypted with the keys of FIELD_ENCRYPTION_KEYS (newest first)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt text with the newest key."""
    return seal(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt a token made with any of the keys; raises cryptography.fernet.InvalidToken."""
    return unseal(token.encode()).decode()


def seal(data: bytes) -> bytes:
    """Encrypt bytes with the newest key."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(data)


def unseal(token: bytes, *, seconds: int | None = None) -> bytes:
    """Decrypt a token, no older than so many seconds; raises cryptography.fernet.InvalidToken."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(token, ttl=seconds)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # generic only in the stubs
    """Text that is encrypted in the database and plain in Python."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def from_db_value(
        self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper
    ) -> str | None:
        return decrypt(value) if value else value
