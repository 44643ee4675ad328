"""The root of every error a person or a caller is told about."""

from __future__ import annotations


class DomainError(Exception):
    """Something asked for cannot be done; the message says what, where and how to mend it."""

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ServiceError(DomainError):
    """A service outside Hearthline failed; only a temporary failure is worth a retry."""

    def __init__(self, message: str, code: str = "service", *, permanent: bool = False) -> None:
        super().__init__(message, code)
        self.permanent = permanent
