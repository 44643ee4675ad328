"""The same messages as server-sent events, for networks that let no WebSocket through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from leads.realtime.channel import Reader
from leads.realtime.hub import Hub, current_hub
from leads.realtime.messages import Viewer, Wants

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = ": heartbeat\n\n"
RETRY = "retry: 3000\n\n"


async def stream(viewer: Viewer, wants: Wants, after: int | None) -> AsyncGenerator[str, None]:
    """Yield messages as events until the reader leaves or may read no longer."""
    hub = current_hub()
    reader = await hub.open(viewer, transport="sse", answers=False)
    try:
        yield RETRY
        await hub.subscribe(reader, wants, after)
        async with aclosing(_events(hub, reader)) as events:
            async for event in events:
                yield event
    finally:
        hub.close(reader)


async def _events(hub: Hub, reader: Reader) -> AsyncGenerator[str, None]:
    taking = asyncio.ensure_future(hub.take(reader))
    try:
        while True:
            done, _ = await asyncio.wait({taking}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield HEARTBEAT
                continue
            delivery = taking.result()
            if delivery.close_code is not None:
                return
            yield "".join(f"id: {delivery.last}\ndata: {frame}\n\n" for frame in delivery.frames)
            taking = asyncio.ensure_future(hub.take(reader))
    finally:
        taking.cancel()
