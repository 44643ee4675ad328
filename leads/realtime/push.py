"""Wake the hubs of all web processes; only tenant ids leave PostgreSQL this way."""

from __future__ import annotations

from collections.abc import Iterable

from channels.layers import get_channel_layer
from django.conf import settings

from leads.realtime.groups import GROUP, WAKE
from leads.redis import RedisAway, circuit


def wake(tenant_ids: Iterable[int], *, soon: bool = False) -> bool:
    """Tell every hub that these tenants have new messages; False when Redis is away and hubs poll.

    With `soon` a hub may wait a moment for what follows, and send both in one frame.

    Published in the layer's own wire format: `group_send` would need an event loop for every batch.
    """
    payload = get_channel_layer().serialize({"type": WAKE, "tenants": sorted(set(tenant_ids)), "soon": soon})
    channel = f"{settings.LIVE_PREFIX}__group__{GROUP}"
    try:
        circuit.call(lambda redis: redis.publish(channel, payload))
    except RedisAway:
        return False
    return True
