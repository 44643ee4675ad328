"""Every group of the bus has one task for a kind: else no realtime worker would start."""

from __future__ import annotations

from importlib import import_module

from leads.bus.registry import subscriptions
from leads.events import Kind


def test_groups_have_one_task_for_a_kind() -> None:
    for app in ("leads", "scoring", "matching"):
        import_module(f"{app}.tasks")

    groups = subscriptions()

    assert {"scoring", "matching"} <= groups.keys()
    heard = {kind: task.name for kind, task in groups["matching"].tasks.items()}
    assert heard[Kind.LISTING_ADDED] == heard[Kind.LISTING_CHANGED] == "matching.tasks.follow_listings"
    assert heard[Kind.LISTING_SAVED] == "matching.tasks.learn_preferences"
