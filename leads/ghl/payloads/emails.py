"""What became of an e-mail: Mailgun's events as GHL passes them on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leads.ghl.payloads.reader import Reader

OUTCOMES = frozenset({"delivered", "opened", "clicked", "bounced", "complained", "unsubscribed"})
PASSING = frozenset({"accepted", "stored", "rejected"})


@dataclass(frozen=True, slots=True)
class EmailPayload:
    """One outcome of an e-mail; the person is known by address only."""

    outcome: str
    recipient: str
    event_id: str
    smtp_id: str
    occurred_at: datetime | None
    url: str
    proxied: bool


@dataclass(frozen=True, slots=True)
class EmailPassing:
    """A step of an e-mail on its way that says nothing about the person."""

    step: str


def read_email(reader: Reader) -> EmailPayload | EmailPassing:
    """Read an LCEmailStats body; a failure counts only when it is permanent."""
    inner = reader.child("webhookPayload")
    outcome = inner.text("event", 40).lower()
    if not outcome:
        raise inner.error("event", "is missing")
    if outcome == "failed":
        if inner.text("severity", 20).lower() == "temporary":
            return EmailPassing("a temporary failure")
        outcome = "bounced"
    if outcome in PASSING:
        return EmailPassing(outcome)
    if outcome not in OUTCOMES:
        raise inner.error("event", "is not an outcome we know")
    recipient = inner.text("recipient", 254).lower()
    if "@" not in recipient:
        raise inner.error("recipient", "must be an e-mail address")
    smtp_id = inner.child("message").child("headers").loose("message-id", 300).strip("<>")
    agent = inner.child("client-info").loose("user-agent", 300)
    return EmailPayload(
        outcome=outcome,
        recipient=recipient,
        event_id=inner.loose("id", 100),
        smtp_id=smtp_id,
        occurred_at=inner.when("timestamp"),
        url=inner.loose("url", 500).split("?")[0],
        proxied="ImageProxy" in agent or "YahooMailProxy" in agent,
    )
