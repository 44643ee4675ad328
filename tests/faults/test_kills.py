"""Whatever is killed mid-burst, every accepted webhook is scored exactly once."""

from __future__ import annotations

import signal
import time
from functools import partial

import pytest

from tests.faults.house import House

pytestmark = pytest.mark.faults
BURST = 240
AGAIN = [pytest.param(turn, marks=pytest.mark.slow) for turn in range(2, 5)]


@pytest.mark.parametrize("turn", [1, *AGAIN])
@pytest.mark.parametrize("name", ["realtime", "work", "door", "web"])
def test_killed_program_loses_nothing(house: House, name: str, turn: int) -> None:
    url = house.supervisor.plan.base_url if name == "web" else house.url

    posted = house.burst(BURST, during=partial(house.kill, name), url=url)
    house.settle()

    house.assert_each_scored_once(posted)
    assert house.watch_until(lambda: all(child.pid is not None for child in house.supervisor.children))
    house.supervisor.wait_until_ready()


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_redis_failover_graceful_degradation(house: House, seconds: int) -> None:
    """With Redis stopped the door answers, scoring goes on by polling, and Redis back is used again."""
    server = house.supervisor.redis
    assert server is not None
    house.supervisor.redis = None  # so that the supervisor does not bring it back at once
    stopped = 0.0

    def stop() -> None:
        nonlocal stopped
        server.stop(sig=signal.SIGKILL)
        stopped = time.monotonic()

    posted = house.burst(BURST, during=stop)
    house.settle()
    scored_without_redis = not server.running
    house.watch_until(lambda: time.monotonic() - stopped >= seconds, seconds=seconds + 5)
    server.start()
    house.supervisor.redis = server
    after = house.burst(60, during=lambda: None)
    house.settle()

    assert scored_without_redis
    house.assert_each_scored_once(posted + after)


@pytest.mark.parametrize("turn", [1, *AGAIN])
def test_postgres_restarted_mid_burst_loses_nothing(house: House, turn: int) -> None:
    server = house.supervisor.postgres
    assert server is not None

    def restart() -> None:
        server.stop(sig=signal.SIGQUIT)
        server.start()

    posted = house.burst(BURST, during=restart)
    house.settle()

    house.assert_each_scored_once(posted)
