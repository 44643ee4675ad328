"""How long a tenant's channel waits between two frames, and who is served in which order; pure."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from leads.realtime.channel import AT_ONCE, Channel, Outbox, Reader
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


@pytest.mark.parametrize(("readers", "gap"), [(0, 0.02), (50, 0.03), (900, 0.2), (1_500, 0.2)])
def test_more_readers_are_sent_more_in_one_frame(readers: int, gap: float) -> None:
    channel = Channel(0)
    channel.readers = {reader(number) for number in range(readers)}

    assert channel.gap == pytest.approx(gap)


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
