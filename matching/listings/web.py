"""Calls to addresses that people typed or feeds name: never into our own network, never redirected."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Blocked(httpx.TransportError):
    """An address we do not call."""


class GuardedTransport(httpx.HTTPTransport):
    """Resolve a host once, refuse what is not public, and connect to the address that was looked at."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = public_address(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        return super().handle_request(request)


def public_address(host: str, port: int) -> str:
    """Return an address of a host, all of which must be public."""
    try:
        found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise Blocked("The host cannot be found.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(_is_public(address) for address in addresses):
        raise Blocked("The host is inside a private network.")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast


def client(*, may_be_private: bool) -> httpx.Client:
    """Return a client that follows no redirects and, unless told otherwise, calls public hosts only."""
    transport = httpx.HTTPTransport() if may_be_private else GuardedTransport()
    return httpx.Client(transport=transport, timeout=TIMEOUT, follow_redirects=False, trust_env=False)


def is_acceptable(url: str, *, may_be_private: bool) -> bool:
    """Tell whether an address may be called at all, before it is: https, a host, no user, no fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    schemes: Sequence[str] = ("https", "http") if may_be_private else ("https",)
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and parts.username is None
        and not parts.fragment
        and "\\" not in url
        and not any(sign.isspace() for sign in url)
    )


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
