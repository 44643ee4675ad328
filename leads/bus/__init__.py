"""The bus: events go out on Redis streams after commit and come to each app's batch task, exactly once."""

from __future__ import annotations

from leads.bus.ledger import claim
from leads.bus.registry import DELIVERIES, subscribe, subscriptions
from leads.bus.streams import publish, publish_deliveries

__all__ = ["DELIVERIES", "claim", "publish", "publish_deliveries", "subscribe", "subscriptions"]
