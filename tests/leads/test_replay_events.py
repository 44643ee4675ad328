from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from leads import bus
from leads.bus import registry
from leads.bus.step import drain
from leads.errors import ServiceError
from leads.events import Kind
from leads.models import DeadLetter, Event, Tenant
from leads.redis import circuit
from leads.services import replay
from leads.services.events import NewEvent, record_events

GROUP = "replayers"
MORNING = datetime(2026, 11, 2, 9, tzinfo=UTC)
EVENING = datetime(2026, 11, 2, 18, tzinfo=UTC)


class Engine:
    name = "replayers.tasks.work"

    def __init__(self) -> None:
        self.done: list[int] = []

    def __call__(self, ids: list[int]) -> None:
        with transaction.atomic():
            self.done += bus.claim(GROUP, ids)


@pytest.fixture(autouse=True)
def _no_other_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no group of the product hear what these tests publish."""
    autodiscover_modules("tasks")
    monkeypatch.setattr(registry, "_registrations", [])


@pytest.fixture
def engine(redis_client: redis.Redis) -> Iterator[Engine]:
    circuit.reset()
    task = Engine()
    bus.subscribe(Kind.PAGE_VIEWED, Kind.LISTING_SAVED, group=GROUP)(task)
    yield task
    bus.unsubscribe(task)


@pytest.fixture
def stored(
    tenant: Tenant, other_tenant: Tenant, freeze: Callable[[datetime], Any]
) -> tuple[Event, Event, Event]:
    """One event of the morning, one of the evening, one of another tenant."""
    events = []
    for place, moment in ((tenant, MORNING), (tenant, EVENING), (other_tenant, EVENING)):
        freeze(moment)
        event = NewEvent(tenant_id=place.pk, kind=Kind.PAGE_VIEWED, occurred_at=moment)
        events += record_events(events=[event])
    return events[0], events[1], events[2]


def run(capsys: pytest.CaptureFixture[str], **options: str) -> str:
    call_command("replay_events", group=options.pop("group", GROUP), **options)
    return capsys.readouterr().out.strip()


def test_replay_feeds_what_the_group_has_not_done_and_nothing_twice(
    stored: tuple[Event, Event, Event], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction.atomic():
        bus.claim(GROUP, [stored[0].pk])

    assert run(capsys) == "3 events: 2 fed, 1 done already"
    assert run(capsys) == "3 events: 2 fed, 1 done already"  # nobody took them yet
    drain(GROUP)

    assert engine.done == [stored[1].pk, stored[2].pk]
    assert run(capsys) == "3 events: 0 fed, 3 done already"


def test_replay_goes_behind_live_work(
    stored: tuple[Event, Event, Event],
    engine: Engine,
    redis_client: redis.Redis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys)

    assert redis_client.xlen("backfill:page.viewed") == 3
    assert Event.objects.filter(is_backfill=True).count() == 0


def test_replay_can_be_narrowed(
    stored: tuple[Event, Event, Event], engine: Engine, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, tenant=tenant.location_id) == "2 events: 2 fed, 0 done already"
    assert run(capsys, since="2026-11-02T12:00") == "2 events: 2 fed, 0 done already"
    assert run(capsys, until="2026-11-02T10:00+00:00") == "1 events: 1 fed, 0 done already"
    assert run(capsys, since="2026-11-03") == "0 events: 0 fed, 0 done already"


def test_replay_gives_dead_letters_another_chance(
    stored: tuple[Event, Event, Event], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    DeadLetter.objects.create(group=GROUP, stream="x", event_id=stored[0].pk, tries=5, error="x")

    run(capsys)

    assert DeadLetter.objects.filter(resolved_at__isnull=True).count() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tenant": "nowhere"}, "No tenant has the location nowhere"),
        ({"since": "yesterday"}, "--since is not a time"),
        ({"until": "2026-13-45"}, "--until is not a time"),
        ({"group": "nobody"}, "No group is called nobody; there are "),
    ],
)
def test_replay_says_what_is_wrong(
    db: None, engine: Engine, capsys: pytest.CaptureFixture[str], options: dict[str, str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(capsys, **options)


def test_replay_needs_redis(stored: tuple[Event, Event, Event], engine: Engine, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    circuit.reset()
    try:
        with pytest.raises(CommandError, match="Redis cannot be reached"):
            call_command("replay_events", group=GROUP)
    finally:
        circuit.reset()


def test_replay_lets_the_group_catch_up_and_says_when_nobody_works(
    stored: tuple[Event, Event, Event], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "CROWDED", 2)
    drain(GROUP)  # the group is there
    pauses: list[float] = []
    progress = replay.replay_events(tenant=None, since=None, until=None, group=GROUP, pause=pauses.append)

    with pytest.raises(ServiceError, match="No worker takes the events"):
        list(progress)
    assert sum(pauses) == 60.0

    def work(seconds: float) -> None:
        drain(GROUP)

    assert list(replay.replay_events(tenant=None, since=None, until=None, group=GROUP, pause=work))[
        -1
    ] == replay.Replayed(3, 3, 3)
    assert len(engine.done) == 3
