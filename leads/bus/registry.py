"""Who hears what: batch tasks registered per consumer group, one group for each app."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from leads.events import Kind

DELIVERIES = "webhook.received"
"""What the door publishes; not an event kind, for nothing is known of a delivery until it is read."""

TaskT = TypeVar("TaskT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class _Registration:
    kinds: frozenset[str]
    task: Any
    group: str | None
    gather: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """A group's task for each kind it hears."""

    group: str
    tasks: dict[str, Any]
    gather: float = 0.0
    """Seconds between two batches, for what no screen waits for: larger batches leave room for the rest."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self.tasks))


_registrations: list[_Registration] = []


def subscribe(*kinds: str, group: str | None = None, gather: float = 0.0) -> Callable[[TaskT], TaskT]:
    """Register a batch task `task(ids)`, outermost decorator; its group is its app unless given.

    `gather` lets the group's work gather for some seconds; of several in a group the least counts.

    The task must `claim` the ids in the transaction of its work: then a repeat does no harm.
    """
    unknown = set(kinds) - set(Kind) - {DELIVERIES}
    if unknown:
        raise ImproperlyConfigured(
            f"Unknown event kinds: {', '.join(sorted(unknown))}. See leads.events.Kind."
        )

    if DELIVERIES in kinds and len(kinds) > 1:
        raise ImproperlyConfigured(
            f"A task of {DELIVERIES} is given delivery ids: it can take no event ids too."
        )

    def register(task: TaskT) -> TaskT:
        _registrations.append(_Registration(frozenset(str(kind) for kind in kinds), task, group, gather))
        return task

    return register


def unsubscribe(task: object) -> None:
    """Take a task off the bus again."""
    _registrations[:] = [kept for kept in _registrations if kept.task is not task]


def subscriptions() -> dict[str, Subscription]:
    """Return every group's subscription; a group has one task for a kind."""
    found: dict[str, dict[str, Any]] = {}
    gather: dict[str, float] = {}
    for registration in _registrations:
        group = registration.group or str(registration.task.name).partition(".")[0]
        tasks = found.setdefault(group, {})
        gather[group] = min(registration.gather, gather.get(group, registration.gather))
        for kind in registration.kinds:
            if tasks.get(kind, registration.task) is not registration.task:
                raise ImproperlyConfigured(
                    f"Two tasks of group {group} subscribe to {kind}; call both from one."
                )
            tasks[kind] = registration.task
    return {group: Subscription(group, tasks, gather[group]) for group, tasks in sorted(found.items())}


def groups_of(kind: str, known: Iterable[Subscription]) -> frozenset[str]:
    """Return the groups that hear a kind."""
    return frozenset(each.group for each in known if kind in each.tasks)
