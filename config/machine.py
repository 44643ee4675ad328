"""What the supervisor asks of the machine: free ports, open files, an answer."""

from __future__ import annotations

import http.client
import resource
import socket

from leads.errors import DomainError

OPEN_FILES = 65536


class StartError(DomainError):
    """Hearthline cannot start."""


def check_port(host: str, port: int, what: str) -> None:
    """Refuse a port that cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise StartError(
                f"Port {port} ({what}) needs root: choose one above 1024, for example PORT=8010."
            ) from None
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", "") or "no such port"
            raise StartError(
                f"Port {port} ({what}) on {host} cannot be used ({reason}): choose another, "
                "for example `make demo PORT=8010`."
            ) from None


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us, for a thousand sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_ready(host: str, port: int) -> bool:
    """Tell whether the front process on a port says it is ready."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
