"""Read settings from the environment, typed; a wrong value stops the start and says how to mend it."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from environs import Env
from environs import EnvError as ParseError

T = TypeVar("T")
Text = str  # the reader's own methods are named as the types they read
Flag = bool
Number = int
Texts = list[str]

FERNET_BYTES = 32
PEM_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
MAIL_SETTINGS = (
    "EMAIL_BACKEND",
    "EMAIL_HOST",
    "EMAIL_PORT",
    "EMAIL_HOST_USER",
    "EMAIL_HOST_PASSWORD",
    "EMAIL_USE_TLS",
    "EMAIL_USE_SSL",
)


class SettingError(ImproperlyConfigured):
    """A variable of the environment that is wrong."""

    def __init__(self, name: str, wrong: str, mend: str) -> None:
        """Name the variable, what is wrong and how to mend it; never repeat a value, which may be secret."""
        super().__init__(f"{name} {wrong}: {mend}.")
        self.name = name


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip())


def _parse(name: str, read: Callable[[], T], wrong: str, mend: str) -> T:
    try:
        return read()
    except (ParseError, ValueError, KeyError, binascii.Error, UnsupportedAlgorithm):
        raise SettingError(name, wrong, mend) from None


class Reader:
    """Typed readers; a variable that is set but empty counts as not set."""

    def __init__(self) -> None:
        """Parse with environs, and speak for ourselves when it refuses."""
        self._environs = Env()

    def read_file(self, path: Path) -> None:
        """Take from a file of NAME=value lines what the environment does not say."""
        if path.is_file():
            load_dotenv(path)

    def str(self, name: Text, default: Text) -> Text:
        """Read a text."""
        return self._environs.str(name).strip() if _is_set(name) else default

    def bool(self, name: Text, default: Flag) -> Flag:
        """Read on or off."""
        if not _is_set(name):
            return default
        return _parse(name, lambda: self._environs.bool(name), "is neither on nor off", "write true or false")

    def int(self, name: Text, default: Number, *, least: Number = 0) -> Number:
        """Read a whole number of at least `least`."""
        if not _is_set(name):
            return default
        mend = f"write a whole number of at least {least}, for example {name}={max(default, least)}"
        value = _parse(name, lambda: self._environs.int(name), "is not a whole number", mend)
        if value < least:
            raise SettingError(name, f"is less than {least}", mend)
        return value

    def list(self, name: Text, default: Texts) -> Texts:
        """Read texts parted by commas."""
        if not _is_set(name):
            return default
        parts: Texts = self._environs.list(name)
        return [part.strip() for part in parts if part.strip()]

    def choice(self, name: Text, default: Text, choices: Sequence[Text]) -> Text:
        """Read one of a few words, upper or lower case."""
        if not _is_set(name):
            return default
        value = self._environs.str(name).strip().upper()
        if value not in choices:
            raise SettingError(name, "is not one of the known words", f"write one of {', '.join(choices)}")
        return value

    def url(self, name: Text, default: Text) -> Text:
        """Read an address with a scheme and a host."""
        if not _is_set(name):
            return default
        mend = f"write it in full, as {name}={urlsplit(default).scheme or 'https'}://host.example"
        value = self._environs.str(name).strip()
        parts = _parse(name, lambda: urlsplit(value), "is not an address", mend)
        _parse(name, lambda: parts.port, "has a port that is not a number between 0 and 65535", mend)
        if not parts.scheme or not parts.hostname:
            raise SettingError(name, "is not an address with a scheme and a host", mend)
        return value

    def database(self, name: Text, default: Text) -> dict[Text, Any]:
        """Read a PostgreSQL address as Django's database settings."""
        value = self.url(name, default)
        mend = f"write {name}=postgresql://user:password@host:5432/database, or leave it empty"
        if urlsplit(value).scheme not in ("postgresql", "postgres"):
            raise SettingError(name, "is not a PostgreSQL address", mend)
        if not urlsplit(value).path.strip("/"):
            raise SettingError(name, "names no database", mend)
        found = _parse(name, lambda: dj_database_url.parse(value), "cannot be understood", mend)
        return dict(found)

    def email(self, name: Text, default: Text) -> dict[Text, Any]:
        """Read a mail address such as submission://user:password@host:587 as Django's mail settings."""
        mend = f"write {name}=submission://user:password@host:587, or console:// to print mail"
        value = self.str(name, default)
        found = dict(_parse(name, lambda: dj_email_url.parse(value), "is not a mail address", mend))
        if "EMAIL_BACKEND" not in found:
            raise SettingError(name, "names no known way to send mail", mend)
        return {key: found.get(key) for key in MAIL_SETTINGS}

    def fernet_keys(self, name: Text, default: Text) -> Texts:
        """Read the keys of encrypted fields, newest first, parted by commas."""
        keys = self.list(name, [default])
        for place, key in enumerate(keys, start=1):
            wrong = f"holds a key (number {place}) that is not 32 bytes in URL-safe base64"
            mend = (
                'make one with python -c "from cryptography.fernet import Fernet; '
                'print(Fernet.generate_key().decode())"'
            )
            if len(_parse(name, partial(base64.urlsafe_b64decode, key), wrong, mend)) != FERNET_BYTES:
                raise SettingError(name, wrong, mend)
        return keys

    def pem_keys(self, name: Text, default: Text) -> Texts:
        """Read public keys in PEM, one after another; a line break may be written as backslash n."""
        text = self.str(name, default).replace("\\n", "\n")
        keys = [match.group(0) + "\n" for match in PEM_KEY.finditer(text)]
        mend = "give each from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----, or leave it empty"
        if not keys or PEM_KEY.sub("", text).strip():
            raise SettingError(name, "is not a list of public keys in PEM", mend)
        for place, key in enumerate(keys, start=1):
            _parse(
                name,
                partial(load_pem_public_key, key.encode()),
                f"holds a key (number {place}) that cannot be read",
                mend,
            )
        return keys


env = Reader()
