"""Benchmarks: `make bench`, or `make bench ONLY=name`. Loopback only, bounded in time and count."""
