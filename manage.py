#!/usr/bin/env python3
"""Run a command; what goes wrong is told in one sentence (`--traceback` tells more)."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError
from psycopg_pool import PoolTimeout


def main() -> int:
    """Run the command named on the command line and return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        return _refuse(str(error))
    except (OperationalError, PoolTimeout) as error:
        if "--traceback" in sys.argv:
            raise
        return _refuse(
            f"PostgreSQL does not answer ({str(error).strip().splitlines()[0]}): start Hearthline with "
            "`make demo` or `python manage.py up` in another terminal, or set DATABASE_URL."
        )
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence.rstrip() + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
