"""Report errors to Sentry, where SENTRY_DSN says so; the library is optional.

An error leaves with its type, its place in the code, and the process. What it says, what was asked for and by
whom stay here: any of these may name a person.
"""

from __future__ import annotations

from typing import Any

from config.env import SettingError

KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "server_name", "transaction")


def report_to(dsn: str) -> None:
    """Send every error to this address from now on."""
    try:
        import sentry_sdk  # optional: only those who ask for it pay
    except ImportError:
        raise SettingError(
            "SENTRY_DSN",
            "is set but the library is missing",
            "run `pip install sentry-sdk`, or leave it empty",
        ) from None
    sentry_sdk.init(
        dsn=dsn,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrubbed,
    )


def scrubbed(event: dict[str, Any], hint: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return of an error only where it happened and of what type it was."""
    told = {key: event[key] for key in KEPT if key in event}
    found = event.get("exception", {}).get("values", [])
    told["exception"] = {
        "values": [
            {key: one[key] for key in ("type", "module", "stacktrace", "mechanism") if key in one}
            for one in found
        ]
    }
    return told
