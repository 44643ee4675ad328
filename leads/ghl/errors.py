"""What can go wrong when GoHighLevel is called. No message holds anything but ids, verbs and status codes."""

from __future__ import annotations

from leads.errors import ServiceError


class GHLError(ServiceError):
    """A call to GoHighLevel failed."""

    code_name = "ghl"
    is_permanent = True

    def __init__(
        self,
        message: str,
        *,
        call: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        named: str = "",
    ) -> None:
        """Keep which call failed, how it was answered, what it named, and when another try makes sense."""
        super().__init__(message, self.code_name, permanent=self.is_permanent)
        self.call = call
        self.status = status
        self.retry_after = retry_after
        self.named = named


class TooManyCalls(GHLError):
    """The rate limit is used up; nothing was done."""

    code_name = "ghl_rate_limited"
    is_permanent = False


class Unavailable(GHLError):
    """GoHighLevel does not answer, or answers that it cannot; the call may be repeated later."""

    code_name = "ghl_unavailable"
    is_permanent = False


class OutcomeUnknown(GHLError):
    """The call may or may not have been carried out, and repeating it could do it twice."""

    code_name = "ghl_outcome_unknown"


class TokenRefused(GHLError):
    """The access token is no longer good and could not be renewed: somebody has to connect again."""

    code_name = "ghl_reconnect"


class ScopeMissing(GHLError):
    """The connection was not granted what the call needs; a new token would not help."""

    code_name = "ghl_scope"


class LocationRefused(GHLError):
    """The token has no access to this location."""

    code_name = "ghl_location"


class Rejected(GHLError):
    """GoHighLevel refused what was sent."""

    code_name = "ghl_rejected"


class NotFound(GHLError):
    """The contact, conversation or other thing is not there (any more)."""

    code_name = "ghl_not_found"


class NotConnected(GHLError):
    """The tenant has no connection to GoHighLevel."""

    code_name = "ghl_not_connected"
