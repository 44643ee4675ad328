from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from leads.ops import alive, health
from leads.ops.health import Check, Status

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _look_afresh() -> Iterator[None]:
    """Let each test see the parts as they are now, and leave the registered checks as they were."""
    checks = dict(health._book.checks)
    health.forget()
    yield
    health._book.checks.clear()
    health._book.checks.update(checks)
    health.forget()


def _run(redis_client: redis.Redis, *roles: str) -> None:
    for role in roles:
        alive.say(redis_client, role)


def test_live_answers_without_any_server(client: Client) -> None:
    answer = client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_when_the_database_is_up_to_date(client: Client, db: None) -> None:
    answer = client.get("/health/ready")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_not_ready_while_migrations_wait(client: Client, db: None) -> None:
    health._migrated.clear()
    MigrationRecorder.Migration.objects.filter(app="leads").delete()

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "The database is behind the code: run manage.py migrate."


def test_not_ready_without_a_database(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_connection_parameters", lambda: {"host": "127.0.0.1", "port": 1})

    answer = client.get("/health/ready")

    assert (answer.status_code, answer.json()["detail"]) == (503, "PostgreSQL does not answer.")


def test_realtime_names_every_part(client: Client, db: None, redis_client: redis.Redis) -> None:
    _run(redis_client, "realtime", "realtime", "work", "beat")

    answer = client.get("/health/realtime")

    told = answer.json()
    assert answer.status_code == 200
    assert {"database", "redis", "bus", "workers", "sockets", "scoring"} <= told.keys()
    assert told["workers"] == told["workers"] | {"status": "ok", "realtime": 1, "work": 1, "beat": 1}
    assert told["database"]["status"] == "ok"
    assert told["sockets"]["status"] == "ok"


def test_no_realtime_worker_stops_the_main_job(client: Client, db: None, redis_client: redis.Redis) -> None:
    _run(redis_client, "work", "beat")

    answer = client.get("/health/realtime")

    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer.json()["workers"]["status"] == "down"


def test_a_missing_beat_degrades_but_answers_200(client: Client, db: None, redis_client: redis.Redis) -> None:
    _run(redis_client, "realtime", "work")

    answer = client.get("/health/realtime")

    assert answer.status_code == 200
    assert answer.json()["workers"]["detail"] == "No beat process runs."


def test_a_worker_silent_for_long_is_not_counted(client: Client, db: None, redis_client: redis.Redis) -> None:
    redis_client.zadd(alive.KEY, {"realtime|host|1": time.time() - 60})

    assert alive.count_by_role(redis_client)["realtime"] == 0


def test_a_worker_that_leaves_is_forgotten(redis_client: redis.Redis) -> None:
    _run(redis_client, "work")
    alive.leave(redis_client, "work")

    assert alive.count_by_role(redis_client)["work"] == 0


def test_without_redis_the_report_is_degraded_not_down(client: Client, db: None, settings: Settings) -> None:
    settings.REDIS_URL = NOWHERE

    answer = client.get("/health/realtime")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["redis"]["status"] == "degraded"


def test_without_postgresql_the_report_is_down(
    client: Client, db: None, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_connection_parameters", lambda: {"host": "127.0.0.1", "port": 1})

    answer = client.get("/health/realtime")

    assert (answer.status_code, answer.json()["database"]["status"]) == (503, "down")


def test_a_check_that_fails_is_told_as_down_and_the_others_still_answer(db: None) -> None:
    def fail() -> Check:
        raise RuntimeError("Zed")

    health.register_check("part", fail)

    told = health.report().as_json()

    assert told["part"] == told["part"] | {
        "status": "down",
        "detail": "The check itself failed; the log says where.",
    }
    assert told["database"]["status"] == "ok"


def test_since_is_kept_until_the_status_changes(db: None) -> None:
    found = [Status.OK, Status.OK, Status.DOWN]
    health.register_check("part", lambda: Check(found.pop(0)))

    seen = []
    for _ in range(3):
        health._book.report = None
        part = next(part for part in health.report().parts if part.name == "part")
        seen.append((part.check.status, part.since))

    assert seen[0][1] == seen[1][1] < seen[2][1]


def test_a_report_is_kept_for_a_second(db: None) -> None:
    asked = []
    health.register_check("part", lambda: asked.append(1) or Check(Status.OK))  # type: ignore[func-returns-value]

    health.report()
    health.report()

    assert asked == [1]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/realtime", "/metrics"])
def test_only_reading_is_allowed(client: Client, db: None, path: str) -> None:
    assert client.post(path).status_code == 405
