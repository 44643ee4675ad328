"""The tests, mirroring the source; real PostgreSQL and Redis, no network, no clock."""
