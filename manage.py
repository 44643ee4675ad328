#!/usr/bin/env python3
"""Run a command; what goes wrong is told in one sentence (`--traceback` tells more)."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from leads.errors import DomainError


def main() -> int:
    """Run the command named on the command line and return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except (DomainError, ImproperlyConfigured) as error:
        return _refuse(error, str(error))
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        return _refuse(
            error,
            f"PostgreSQL does not answer ({reason}): start Hearthline with `make demo` or "
            "`python manage.py up` in another terminal, or set DATABASE_URL.",
        )
    return 0


def _refuse(error: Exception, sentence: str) -> int:
    if "--traceback" in sys.argv:
        raise error
    sys.stderr.write(sentence.rstrip() + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
