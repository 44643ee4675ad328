"""The ledger: each group does its work for an event once; what it cannot do is kept as a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db import connection, transaction
from django.utils import timezone

from leads.bus.fairness import Entry
from leads.bus.registry import DELIVERIES
from leads.bus.streams import publish, publish_deliveries
from leads.models import DeadLetter, Event, Tenant, WebhookDelivery
from leads.ops import metrics, scrub
from leads.ops.logs import get_logger
from leads.redis import RedisAway, circuit
from leads.tables import prepared

log = get_logger("bus")

DEAD = "dead:"
DEAD_LENGTH = 1_000


def claim(group: str, event_ids: Iterable[int]) -> list[int]:
    """Return the ids this group has not consumed, in the given order, and note them as consumed.

    Call it first in the transaction of the work: a rollback gives the ids back, and a second worker
    with the same ids waits here until the first has committed, then gets none.
    """
    return ask_to_claim(group, event_ids)()


def ask_to_claim(group: str, event_ids: Iterable[int]) -> Callable[[], list[int]]:
    """Send what `claim` sends and return what waits for the ids."""
    wanted = list(dict.fromkeys(event_ids))
    if not connection.in_atomic_block:
        raise RuntimeError("claim() belongs inside the transaction of the work.")
    cursor = prepared()
    cursor.execute(
        'INSERT INTO leads_consumed ("group", event_id, consumed_at)'
        " SELECT %s, event_id, %s FROM unnest(%s::bigint[]) AS waiting (event_id)"
        ' ON CONFLICT (event_id, "group") DO NOTHING RETURNING event_id',
        [group, timezone.now(), sorted(wanted)],  # one order for all: two workers cannot deadlock
    )

    def answer() -> list[int]:
        claimed = {event_id for (event_id,) in cursor.fetchall()}
        return [event_id for event_id in wanted if event_id in claimed]

    return answer


def consumers_of(event_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return which groups have consumed each of these events."""
    found: dict[int, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT event_id, "group" FROM leads_consumed WHERE event_id = ANY(%s)', [list(event_ids)]
        )
        for event_id, group in cursor.fetchall():
            found.setdefault(event_id, set()).add(group)
    return found


def bury(group: str, entry: Entry, error: BaseException) -> None:
    """Give an entry up: keep it as a dead letter with the error, of which nothing a person wrote is kept."""
    is_delivery = entry.kind == DELIVERIES
    told = describe(error)
    with transaction.atomic():
        DeadLetter.objects.create(
            group=group,
            stream=entry.stream or f"polled:{entry.kind}",
            tenant_id=Tenant.objects.filter(location_id=entry.tenant).values_list("pk", flat=True).first(),
            event_id=None if is_delivery else entry.pk,
            delivery_id=entry.pk if is_delivery else None,
            tries=entry.tries,
            error=told,
        )
        if is_delivery:
            WebhookDelivery.objects.filter(pk=entry.pk, state=WebhookDelivery.State.ACCEPTED).update(
                state=WebhookDelivery.State.FAILED,
                reason=told,
                processed_at=timezone.now(),
                tries=entry.tries,
            )
    metrics.DEAD_LETTERS.labels(group=group).inc()
    log.error("bus.dead_letter", group=group, kind=entry.kind, pk=entry.pk, tries=entry.tries, exc_info=error)
    fields: dict[str, str | int] = {
        "d" if is_delivery else "e": entry.pk,
        "l": entry.tenant,
        "c": entry.correlation_id,
        "error": type(error).__name__,
    }
    try:
        circuit.call(
            lambda redis: redis.xadd(f"{DEAD}{group}", fields, maxlen=DEAD_LENGTH, approximate=True)  # type: ignore[arg-type]
        )
    except RedisAway:
        return


def describe(error: BaseException) -> str:
    """Return the class and the innermost place of an error, never its message."""
    told = scrub.exception(error)
    places = told["where"]
    where = f" at {places[-1]}" if places else ""
    return f"{told['class']}{where}"[:300]


def revive(letters: Iterable[DeadLetter]) -> int:
    """Put dead letters before their groups again; return how many."""
    open_ones = [letter for letter in letters if letter.resolved_at is None]
    with transaction.atomic():
        now = timezone.now()
        DeadLetter.objects.filter(pk__in=[letter.pk for letter in open_ones]).update(resolved_at=now)
        deliveries = WebhookDelivery.objects.filter(
            pk__in=[letter.delivery_id for letter in open_ones if letter.delivery_id],
            state=WebhookDelivery.State.FAILED,
        )
        rows = list(deliveries.values_list("pk", "location_id", "correlation_id"))
        deliveries.update(state=WebhookDelivery.State.ACCEPTED, reason="", tries=0, processed_at=None)
        events = list(
            Event.objects.filter(pk__in=[letter.event_id for letter in open_ones if letter.event_id])
        )
        transaction.on_commit(lambda: publish_deliveries(rows), robust=True)
        transaction.on_commit(lambda: publish(events), robust=True)
    return len(open_ones)
