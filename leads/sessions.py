"""Sessions in the database, each with its user and device so that people can see and end them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from leads.models import UserSession

DEVICE_KEY = "device"
SEEN_EVERY = timedelta(minutes=5)

_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)


def describe_device(user_agent: str) -> str:
    """Return a short name for a browser, such as "Firefox on Windows"."""
    text = user_agent[:400]
    browser = next((name for name, pattern in _BROWSERS if re.search(pattern, text)), "")
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, text)), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown device"


class SessionStore(db.SessionStore):
    """Django's database sessions on `UserSession`; no address of the reader is kept."""

    started_at: datetime | None = None
    seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def load(self) -> dict[str, Any]:
        row: UserSession | None = self._get_session_from_db()  # type: ignore[attr-defined]  # left out of the stubs
        if row is None:
            return {}
        self.started_at, self.seen_at = row.created_at, row.seen_at
        return self.decode(row.session_data)

    async def aload(self) -> dict[str, Any]:
        row: UserSession | None = await self._aget_session_from_db()  # type: ignore[attr-defined]
        if row is None:
            return {}
        self.started_at, self.seen_at = row.created_at, row.seen_at
        return self.decode(row.session_data)

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        return self._described(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> UserSession:
        return self._described(await super().acreate_model_instance(data), data)

    def _described(self, row: Any, data: dict[str, Any]) -> UserSession:
        now = timezone.now()
        row.user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        row.device = str(data.get(DEVICE_KEY, ""))[:120]
        row.created_at = self.started_at or now
        row.seen_at = self.seen_at or now
        return row  # type: ignore[no-any-return]

    def touch(self, now: datetime) -> None:
        """Note that the session is in use, at most once in five minutes."""
        if self.session_key and self.seen_at and now - self.seen_at >= SEEN_EVERY:
            UserSession.objects.filter(pk=self.session_key).update(seen_at=now)
            self.seen_at = now
