"""What a page does with a refusal: it tells why, on the page that follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from leads.errors import DomainError


@contextmanager
def refusals_told(request: HttpRequest) -> Iterator[None]:
    """Tell the reader of the next page why it was not done, and go on behind the block."""
    try:
        yield
    except DomainError as error:
        messages.error(request, error.message)
