"""The bus: events go out on Redis streams after commit and come to each app's batch task, exactly once."""

from __future__ import annotations

from leads.bus.lags import Lag, lag
from leads.bus.ledger import ask_to_claim, claim, consumers_of, revive
from leads.bus.registry import DELIVERIES, Subscription, subscribe, subscriptions, unsubscribe
from leads.bus.streams import publish, publish_deliveries, publish_recorded
from leads.bus.sweeper import Swept, sweep

__all__ = [
    "DELIVERIES",
    "Lag",
    "Subscription",
    "Swept",
    "ask_to_claim",
    "claim",
    "consumers_of",
    "lag",
    "publish",
    "publish_deliveries",
    "publish_recorded",
    "revive",
    "subscribe",
    "subscriptions",
    "sweep",
    "unsubscribe",
]
