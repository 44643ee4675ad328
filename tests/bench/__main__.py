"""Run every benchmark, or the ones named."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from tests.bench import door, latency, listings, matching, memory, pages, scoring, search  # noqa: E402  (models)

BENCHMARKS = {
    "door": door.run,
    "latency": latency.run,
    "latency-model": latency.run_by_model,
    "listings": listings.run,
    "matching": matching.run,
    "memory": memory.run,
    "pages": pages.run,
    "scoring": scoring.run,
    "search": search.run,
}


def main() -> int:
    """Run what was asked for; 0 only when every goal was met."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"There is no benchmark {unknown[0]}: choose from {', '.join(BENCHMARKS)}.\n")
        return 2
    met = [BENCHMARKS[name]() for name in names]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
