"""Rows read and written by the quick road are those the ORM reads and writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from pytest_django import DjangoAssertNumQueries

from leads.models import (
    Consumed,
    Conversation,
    Event,
    EventKey,
    GHLConnection,
    Identity,
    Lead,
    LiveMessage,
    Message,
    Tenant,
    User,
    WebhookDelivery,
)
from leads.tables import ask, fetch, insert, prepared, put, together
from scoring.models import LeadScore
from tests.factories import GHLConnectionFactory, LeadFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 15, 4, 5, 678901, tzinfo=UTC)
NASTY = 'Ünï "quoted" \\ back\\nslash\n{a,b} NULL \t 🏡 %s \' ; --'
BY_ID = "WHERE row.id = ANY(%s::bigint[]) ORDER BY row.id"


def values_of(row: models.Model) -> dict[str, Any]:
    """Return every column of a row as Python has it."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def as_stored(row: models.Model) -> dict[str, Any]:
    """Return every column of a row as the ORM reads it from the database."""
    return values_of(type(row)._base_manager.get(pk=row.pk))


@pytest.fixture
def full(tenant: Tenant, agent: User) -> Lead:
    """A lead with something awkward in every kind of column."""
    made: Lead = LeadFactory(
        tenant=tenant,
        first_name=NASTY,
        last_name="",
        tags=["open-house", NASTY, "NULL", ""],
        assigned_to=agent,
        custom={"beds": 3, "price": 612_345.67, "nested": {"list": [1, None, True, "ü"]}, "": NASTY},
        profile={},
        quality=65_000 // 1_000,
        quality_missing=[],
        score=87.123456789012345,
        previous_score=None,
        score_low=0.1 + 0.2,
        score_high=100.0,
        tier="hot",
        tier_changed_at=AT,
        scored_at=None,
        last_event_at=AT - timedelta(microseconds=1),
        created_at=datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    )
    return made


# Reading


def test_fetched_row_is_the_one_the_orm_reads(
    full: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        [row] = fetch(Lead, BY_ID, [[full.pk]])
        read = values_of(row)

    assert type(row) is Lead
    assert read == as_stored(full)
    assert (row.tags, row.custom, row.score_low) == (full.tags, full.custom, 0.30000000000000004)
    assert (row.tier_changed_at, row.scored_at) == (AT, None)
    assert row.search is not None
    assert (row._state.adding, row._state.db) == (False, "default")
    assert row.get_deferred_fields() == set()
    assert row == full


def test_fetched_row_can_be_saved(full: Lead) -> None:
    [row] = fetch(Lead, BY_ID, [[full.pk]])

    row.custom = {"beds": 4}
    row.save(update_fields=["custom"])

    assert Lead.objects.get(pk=full.pk).custom == {"beds": 4}


def test_only_what_is_wanted_is_read_and_the_rest_is_deferred(
    full: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wanted = frozenset({"tenant_id", "tags", "custom", "score"})
    with django_assert_num_queries(1):
        [row] = fetch(Lead, BY_ID, [[full.pk]], only=wanted)
        read = (row.pk, row.tenant_id, row.tags, row.custom, row.score)

    assert read == (full.pk, full.tenant_id, full.tags, full.custom, full.score)
    assert row.get_deferred_fields() == {f.attname for f in Lead._meta.concrete_fields} - wanted - {"id"}
    with django_assert_num_queries(1):
        assert row.first_name == NASTY


def test_columns_are_told_apart_by_what_is_wanted(full: Lead) -> None:
    """Statements are kept by model and columns: one must not be taken for another."""
    tail = BY_ID
    [narrow] = fetch(Lead, tail, [[full.pk]], only=frozenset({"score"}))
    [wide] = fetch(Lead, tail, [[full.pk]], only=frozenset({"score", "tier"}))
    [whole] = fetch(Lead, tail, [[full.pk]])

    assert (narrow.score, wide.score, whole.score) == (full.score,) * 3
    assert ["tier" in row.get_deferred_fields() for row in (narrow, wide, whole)] == [True, False, False]


def test_json_columns_read_as_the_orm_reads_them(tenant: Tenant) -> None:
    written: list[Any] = [{"a": [1, 2.5, None]}, [], {}, "text", "", 0, False, 12345678901234567890, NASTY]
    rows = [
        LiveMessage.objects.create(
            tenant=tenant, number=number, type="message", data={"n": number}, html=value, event_at=AT
        )
        for number, value in enumerate([*written, None])
    ]

    fetched = fetch(LiveMessage, BY_ID, [[row.pk for row in rows]])

    assert [row.html for row in fetched] == [*written, None]
    assert [values_of(row) for row in fetched] == [as_stored(row) for row in rows]


def test_encrypted_columns_are_read_in_plain_text(tenant: Tenant) -> None:
    connection = GHLConnectionFactory(
        tenant=tenant, access_token=NASTY, refresh_token="", scopes=["a.b", "c"]
    )

    [row] = fetch(GHLConnection, BY_ID, [[connection.pk]])

    assert (row.access_token, row.refresh_token, row.scopes) == (NASTY, "", ["a.b", "c"])
    assert values_of(row) == as_stored(connection)


def test_rows_come_in_the_order_asked_for(tenant: Tenant) -> None:
    first, second, third = (LeadFactory(tenant=tenant, score=score) for score in (10.0, 30.0, 20.0))

    rows = fetch(Lead, "WHERE row.tenant_id = %s ORDER BY row.score DESC LIMIT %s", [tenant.pk, 2])

    assert rows == [second, third]
    assert fetch(Lead, "WHERE row.id = %s", [0]) == []
    assert fetch(Lead, "WHERE row.contact_id = %s", [first.contact_id]) == [first]


def test_rows_can_be_locked_in_a_transaction(full: Lead) -> None:
    with transaction.atomic():
        [row] = fetch(Lead, f"{BY_ID} FOR NO KEY UPDATE", [[full.pk]], only=frozenset({"score"}))

    assert row == full


def test_related_rows_are_found_from_a_fetched_one(full: Lead, tenant: Tenant, agent: User) -> None:
    [row] = fetch(Lead, BY_ID, [[full.pk]])

    assert (row.tenant, row.assigned_to) == (tenant, agent)


@pytest.mark.parametrize("wanted", [frozenset({"scores"}), frozenset({"score", "tenant"})])
def test_a_field_the_model_has_not_is_refused(db: None, wanted: frozenset[str]) -> None:
    unknown = sorted(wanted - {"score"})

    with pytest.raises(ValueError, match=r"^Lead has no field \['.+'\]\.$") as error:
        fetch(Lead, "", [], only=wanted)

    assert str(error.value) == f"Lead has no field {unknown}."


# Writing


def test_inserted_rows_have_their_keys_in_order(
    tenant: Tenant, lead: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    values = [f"person{number}@example.net" for number in (3, 1, 2, *range(10, 400))]
    rows = [Identity(tenant=tenant, lead=lead, kind="email", value=value) for value in values]

    with django_assert_num_queries(1):
        inserted = insert(rows)

    assert inserted == rows
    assert [row.pk for row in rows] == sorted(row.pk for row in rows)
    stored = dict(Identity.objects.values_list("pk", "value"))
    assert [stored[row.pk] for row in rows] == values
    assert {(row._state.adding, row._state.db) for row in rows} == {(False, "default")}


def test_nothing_to_insert_asks_the_database_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert insert([]) == []


def test_inserted_row_can_be_saved_again(tenant: Tenant, lead: Lead) -> None:
    [row] = insert([Identity(tenant=tenant, lead=lead, kind="phone", value="+14155550142")])

    row.is_primary = True
    row.save(update_fields=["is_primary"])

    assert Identity.objects.get().is_primary is True


def rows_of_every_kind(tenant: Tenant, lead: Lead, agent: User) -> list[models.Model]:
    conversation = Conversation.objects.create(tenant=tenant, lead=lead, ghl_id="thread")
    return [
        Event(
            tenant=tenant,
            lead=lead,
            kind="message.received",
            occurred_at=AT,
            recorded_at=AT + timedelta(days=1, microseconds=1),
            source="ghl",
            actor=agent,
            dedupe_key=NASTY,
            data={"text": NASTY, "deep": {"list": [None, 1.5, {"a": []}]}},
        ),
        Event(tenant=tenant, lead=None, kind="market.updated", occurred_at=AT, recorded_at=AT, source="api"),
        EventKey(tenant=tenant, key=NASTY, recorded_at=AT),
        Consumed(group="scoring", event_id=2**62, consumed_at=AT),
        Conversation(
            tenant=tenant, lead=lead, ghl_id="", unread_count=7, last_message_at=None, created_at=AT
        ),
        Identity(
            tenant=tenant, lead=lead, kind="email", value="é@example.net", is_primary=True, created_at=AT
        ),
        Message(
            tenant=tenant,
            conversation=conversation,
            lead=lead,
            event_id=None,
            direction="inbound",
            channel="SMS",
            subject="",
            body=NASTY,
            sent_by=None,
            sent_at=AT.astimezone(UTC),
            duration=None,
        ),
        LiveMessage(tenant=tenant, number=2**40, type="message", html=None, data={}, event_at=AT, at=AT),
        LiveMessage(
            tenant=tenant, number=1, type="alert", lead=lead, html={"a-1": f"<b>{NASTY}</b>"}, event_at=AT
        ),
        WebhookDelivery(
            webhook_id=NASTY,
            tenant=None,
            body='{"a": "\\u00fc"}',
            sent_at=AT,
            received_at=AT,
            is_backfill=True,
        ),
        LeadScore(
            tenant=tenant,
            lead=lead,
            event_id=5,
            score=100 / 3,
            low=None,
            high=0.1 + 0.2,
            tier="steady",
            base=1e-12,
            contributions=[["engagement", 2.5, -0.1], ["unknown", None, 0]],
            pillars=[],
            mode="rules",
            weight_set="first",
            feature_version="9",
            inputs_hash="abc",
            event_at=AT,
            scored_at=AT,
        ),
    ]


def test_rows_of_every_kind_are_stored_as_the_orm_would_store_them(
    tenant: Tenant, lead: Lead, agent: User
) -> None:
    """Moments, numbers, texts, JSON, nothing: all read back as they were, and as `save()` writes them."""
    for row in rows_of_every_kind(tenant, lead, agent):
        given = values_of(row)
        insert([row])
        assert as_stored(row) == {**given, "id": row.pk}, type(row).__name__
        type(row)._base_manager.filter(pk=row.pk).delete()
        twin = type(row)(**given)
        twin.save(force_insert=True)
        assert as_stored(twin) == {**given, "id": twin.pk}, type(row).__name__


def test_moments_of_another_zone_are_stored_as_the_same_moment(tenant: Tenant) -> None:
    there = datetime.fromisoformat("2026-11-23T10:04:05.678901-05:00")

    [row] = insert([EventKey(tenant=tenant, key="a", recorded_at=there)])

    assert EventKey.objects.get(pk=row.pk).recorded_at == AT


def test_keys_that_stand_already_are_left_out_where_the_statement_says_so(tenant: Tenant) -> None:
    insert([EventKey(tenant=tenant, key="old", recorded_at=AT)])

    insert(
        [EventKey(tenant=tenant, key=key, recorded_at=AT + timedelta(days=1)) for key in ("old", "new")],
        conflict="ON CONFLICT (tenant_id, key) DO NOTHING",
    )

    assert list(EventKey.objects.order_by("pk").values_list("key", "recorded_at")) == [
        ("old", AT),
        ("new", AT + timedelta(days=1)),
    ]


def test_rows_that_stand_already_are_renewed_where_the_statement_says_so(tenant: Tenant) -> None:
    insert([EventKey(tenant=tenant, key="old", recorded_at=AT)])
    [row] = insert(
        [EventKey(tenant=tenant, key="old", recorded_at=AT + timedelta(days=1))],
        conflict="ON CONFLICT (tenant_id, key) DO UPDATE SET recorded_at = excluded.recorded_at",
    )

    assert list(EventKey.objects.values_list("key", "recorded_at")) == [("old", AT + timedelta(days=1))]
    assert row.pk is None


def test_a_row_that_stands_already_is_an_error_otherwise(tenant: Tenant) -> None:
    insert([EventKey(tenant=tenant, key="old")])

    with pytest.raises(IntegrityError, match="event_key_unique"), transaction.atomic():
        insert([EventKey(tenant=tenant, key="new"), EventKey(tenant=tenant, key="old")])

    assert EventKey.objects.count() == 1


def test_a_parent_inserted_after_the_child_was_made_is_known(tenant: Tenant, lead: Lead) -> None:
    thread = Conversation(tenant=tenant, lead=lead, ghl_id="thread")
    messages = [
        Message(
            tenant=tenant,
            conversation=thread,
            lead=lead,
            direction="inbound",
            channel="SMS",
            ghl_id=f"message{number}",
            sent_at=AT,
        )
        for number in (1, 2)
    ]
    assert [message.conversation_id for message in messages] == [None, None]

    insert([thread])
    insert(messages)

    assert [message.conversation_id for message in messages] == [thread.pk, thread.pk]
    assert set(Message.objects.values_list("conversation", "ghl_id")) == {
        (thread.pk, "message1"),
        (thread.pk, "message2"),
    }


def test_a_parent_that_is_none_stays_none(tenant: Tenant) -> None:
    [row] = insert(
        [Event(tenant=tenant, lead=None, actor=None, kind="market.updated", occurred_at=AT, source="api")]
    )

    stored = Event.objects.get(pk=row.pk)
    assert (stored.lead_id, stored.actor_id) == (None, None)


@pytest.mark.parametrize("factory", [GHLConnectionFactory, LeadFactory])
def test_rows_with_a_column_only_the_orm_can_write_are_refused(factory: Any, tenant: Tenant) -> None:
    row = factory.build(tenant=tenant)

    with pytest.raises(TypeError, match="can be written through the ORM alone"):
        insert([row])

    assert row.pk is None


# Several statements at once


def view(tenant: Tenant, key: str) -> Event:
    return Event(tenant=tenant, kind="page.viewed", occurred_at=AT, source="api", dedupe_key=key)


def test_statements_sent_together_run_in_their_order(
    tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first, second = view(tenant, "first"), view(tenant, "second")

    with django_assert_num_queries(4), together():
        before = ask(Event, "WHERE row.tenant_id = %s", [tenant.pk])
        keys = put([first, second])
        after = ask(Event, "WHERE row.tenant_id = %s ORDER BY row.id", [tenant.pk])
        prepared().execute(
            "UPDATE leads_event SET kind = 'property.viewed' WHERE tenant_id = %s", [tenant.pk]
        )
        found = [row.dedupe_key for row in after()]
        assert before() == []
        unnumbered: list[int | None] = [first.pk, second.pk]
        keys()

    assert (unnumbered, found) == ([None, None], ["first", "second"])
    assert [first.pk, second.pk] == list(Event.objects.order_by("pk").values_list("pk", flat=True))
    assert set(Event.objects.values_list("kind", flat=True)) == {"property.viewed"}


def test_an_error_among_statements_sent_together_is_djangos_and_undoes_all(tenant: Tenant) -> None:
    def work() -> None:
        with transaction.atomic(), together():
            put([view(tenant, "lost")])
            put([EventKey(tenant=tenant, key="once", recorded_at=AT) for _ in range(2)])
            put([view(tenant, "not run")])

    with pytest.raises(IntegrityError, match="event_key_unique"):
        work()

    assert not Event.objects.exists()
    assert not EventKey.objects.exists()


def test_an_error_surfaces_where_its_answer_is_waited_for(tenant: Tenant) -> None:
    seen: list[str] = []

    def work() -> None:
        with transaction.atomic(), together():
            answer = put([EventKey(tenant=tenant, key="once", recorded_at=AT) for _ in range(2)])
            seen.append("sent")
            answer()
            seen.append("answered")

    with pytest.raises(IntegrityError, match="event_key_unique"):
        work()

    assert seen == ["sent"]
    assert fetch(EventKey, "", []) == []  # the connection is as good as before


@pytest.mark.django_db(transaction=True)
def test_the_plan_of_a_statement_is_kept(tenant: Tenant) -> None:
    for number in range(8):
        insert([view(tenant, f"key{number}")])

    with prepared() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE starts_with(statement, %s)",
            ['INSERT INTO "leads_event"'],
        )
        assert cursor.fetchone() == (1,)


def test_a_prepared_statement_is_planned_once() -> None:
    with prepared() as cursor:
        cursor.execute("SHOW plan_cache_mode")

        assert cursor.fetchone() == ("force_generic_plan",)
