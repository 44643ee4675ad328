from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from leads import partitions
from leads.bus import claim
from leads.events import Kind
from leads.models import Consumed, Event, EventKey, Tenant
from leads.partitions import Month
from leads.services.events import NewEvent, record_events

LONG_AGO = datetime(2021, 3, 31, 23, 59, 59, tzinfo=UTC)


def record_at(tenant: Tenant, moment: datetime, freeze: Callable[[datetime], object], key: str = "") -> Event:
    freeze(moment)
    return record_events(
        events=[NewEvent(tenant_id=tenant.pk, kind=Kind.PAGE_VIEWED, occurred_at=moment, dedupe_key=key)]
    )[0]


def table_of(event: Event) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM leads_event WHERE id = %s", [event.pk])
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("month", "months", "expected"),
    [
        (Month(2026, 11), 1, Month(2026, 12)),
        (Month(2026, 11), 2, Month(2027, 1)),
        (Month(2026, 1), -1, Month(2025, 12)),
        (Month(2026, 12), 12, Month(2027, 12)),
        (Month(2026, 5), 0, Month(2026, 5)),
    ],
)
def test_month_counts_over_years(month: Month, months: int, expected: Month) -> None:
    assert month.plus(months) == expected


@pytest.mark.django_db
def test_the_migration_made_this_month_and_three_ahead() -> None:
    this = Month.of(timezone.now())

    assert partitions.existing() == [this.plus(step) for step in range(4)]
    assert partitions.missing_ahead(now=timezone.now()) == 0


def test_an_event_lies_in_the_partition_of_its_month(tenant: Tenant) -> None:
    now = timezone.now()
    event = record_events(events=[NewEvent(tenant_id=tenant.pk, kind=Kind.PAGE_VIEWED, occurred_at=now)])[0]

    assert table_of(event) == Month.of(now).table
    assert partitions.count_in_catch_all() == 0


def test_maintain_makes_the_months_ahead_once(db: None) -> None:
    later = Month.of(timezone.now()).plus(2).start

    assert partitions.missing_ahead(now=later) == 2
    assert partitions.maintain(now=later).made == [
        Month.of(later).plus(2).table,
        Month.of(later).plus(3).table,
    ]
    assert partitions.maintain(now=later).made == []
    assert partitions.missing_ahead(now=later) == 0


def test_maintain_moves_what_the_catch_all_took(tenant: Tenant, freeze: Callable[[datetime], object]) -> None:
    old = record_at(tenant, LONG_AGO, freeze)
    next_month = record_at(tenant, LONG_AGO + timedelta(seconds=1), freeze)
    assert table_of(old) == "leads_event_default"

    done = partitions.maintain(now=timezone.now())

    assert done.rescued == 2
    assert (table_of(old), table_of(next_month)) == ("leads_event_2021_03", "leads_event_2021_04")
    assert partitions.count_in_catch_all() == 0
    assert Event.objects.get(pk=old.pk).occurred_at == LONG_AGO


@pytest.mark.django_db(transaction=True)
def test_a_new_partition_has_the_indexes_and_keys_of_the_log(tenant: Tenant) -> None:
    month = Month(2031, 5)
    try:
        assert partitions.make(month) is True
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = %s", [month.table])
            assert cursor.fetchone()[0] == 5
            cursor.execute(
                "SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'",
                [month.table],
            )
            assert cursor.fetchone()[0] == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {month.table}")


def test_detach_keeps_the_table_and_forgets_ledger_and_keys(
    tenant: Tenant, freeze: Callable[[datetime], object]
) -> None:
    old = record_at(tenant, LONG_AGO, freeze, key="old")
    kept = record_at(tenant, datetime(2026, 10, 1, tzinfo=UTC), freeze, key="kept")
    Event.objects.update(published_at=LONG_AGO)
    assert claim("scoring", [old.pk, kept.pk]) == [old.pk, kept.pk]
    partitions.rescue()

    done = partitions.maintain(now=datetime(2026, 11, 15, tzinfo=UTC), keep_months=12)

    assert done.detached == ["leads_event_2021_03"]
    assert list(Event.objects.values_list("pk", flat=True)) == [kept.pk]
    assert list(Consumed.objects.values_list("event_id", flat=True)) == [kept.pk]
    assert list(EventKey.objects.values_list("key", flat=True)) == ["kept"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM leads_event_2021_03")
        assert cursor.fetchall() == [(old.pk,)]


def test_detach_refuses_a_month_with_an_event_not_yet_published(
    tenant: Tenant, freeze: Callable[[datetime], object]
) -> None:
    record_at(tenant, LONG_AGO, freeze)
    Event.objects.update(published_at=None)
    partitions.rescue()

    assert partitions.maintain(now=datetime(2026, 11, 15, tzinfo=UTC), keep_months=12).detached == []
    assert Event.objects.count() == 1
