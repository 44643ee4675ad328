"""How long a tenant's channel waits between two frames, and who is served in which order; pure."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from leads.realtime.channel import AT_ONCE, Channel, Outbox, Pace, Reader
from leads.realtime.groups import audiences_of
from leads.realtime.messages import Message, Shown, Viewer, Wants

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def reader(number: int = 1, role: str = "agent", **facts: object) -> Reader:
    viewer = Viewer(user_id=number, membership_id=number, tenant_id=1, role=role)
    audiences = audiences_of(role, number)
    made = Reader(viewer, "websocket", True, audiences, is_team="team" in audiences)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def message(number: int, audience: str = "team") -> Message:
    return Message(
        tenant_id=1,
        number=number,
        type="score_update",
        audience=audience,
        lead_id=number,
        at=NOON,
        event_at=NOON,
        plain=f'{{"id":{number}',
        html='{"lead-1":"<tr></tr>"}',
    )


def pace(*shares: float) -> Pace:
    """Return a pace that has seen a process use these shares of a core, a second each."""
    made, spent = Pace(), 0.0
    made.note(0.0, spent)
    for second, share in enumerate(shares, start=1):
        spent += share
        made.note(float(second), spent)
    return made


def test_a_calm_process_adds_nothing_to_the_gap() -> None:
    channel = Channel(0, pace(0.2, 0.45, 0.3))
    channel.readers = {reader(number) for number in range(50)}

    assert channel.gap == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("shares", "extra"),
    [
        ((0.6,), 0.02),
        ((0.6, 0.6), 0.026),
        ((0.6, 0.6, 0.6), 0.0338),
        ((0.6, 0.4), 0.02),  # neither busy nor calm: as it is
        ((0.6, 0.6, 0.2), 0.0182),
        ((0.6, 0.2, 0.2, 0.2), 0.0),
        ((0.9,) * 20, 0.2),
    ],
)
def test_a_busy_process_waits_longer_and_comes_back(shares: tuple[float, ...], extra: float) -> None:
    assert pace(*shares).extra == pytest.approx(extra)


def test_moments_too_short_to_judge_are_put_together() -> None:
    made = Pace()
    for tenth in range(4):
        made.note(tenth / 10, tenth * 0.06)

    assert made.extra == pytest.approx(0.02)
    assert pace().extra == 0.0


def test_no_reader_waits_longer_than_a_fifth_of_a_second_between_frames() -> None:
    channel = Channel(0, pace(0.6))
    channel.readers = {reader(number) for number in range(1_500)}

    assert channel.gap == pytest.approx(0.2)


def test_readers_that_want_the_same_get_the_same_frames() -> None:
    channel = Channel(0)
    channel.append([message(1), message(2, audience="user:3"), message(3)])
    channel.flush()
    board = [channel.same(Wants(html=True, batch=True, shown=Shown(frozenset({"lead-1"})))) for _ in range(3)]

    first = channel.frames_for(reader(1, wants=board[0]))
    second = channel.frames_for(reader(2, wants=board[1]))
    own = channel.frames_for(reader(3, wants=board[2]))

    assert board[0] is board[1] is board[2]
    assert first is second
    assert first == ['[{"id":1,"html":{"lead-1":"<tr></tr>"}},{"id":3,"html":{"lead-1":"<tr></tr>"}}]']
    assert [len(frame) for frame in own] == [len(first[0]) + len(',{"id":2,"html":{"lead-1":"<tr></tr>"}}')]


def test_what_was_not_let_out_yet_is_in_no_frame() -> None:
    channel = Channel(0)
    channel.append([message(1)])
    channel.flush()
    channel.append([message(2)])

    assert channel.frames_for(reader(wants=Wants())) == ['{"id":1}']
    channel.flush()
    assert channel.frames_for(reader(wants=Wants())) == ['{"id":1}', '{"id":2}']


def test_readers_are_served_in_turn_each_once_and_some_at_a_time() -> None:
    async def serve() -> list[list[Reader]]:
        outbox = Outbox()
        readers = [reader(number, outbox=outbox) for number in range(AT_ONCE + 1)]
        for _ in range(2):
            for each in readers:
                each.stir()
        first = await outbox.take()
        readers[0].stir()
        second = await outbox.take()
        assert (first, second) == (readers[:AT_ONCE], [readers[AT_ONCE], readers[0]])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await outbox.take()
        return [first, second]

    assert [len(taken) for taken in asyncio.run(serve())] == [AT_ONCE, 2]
