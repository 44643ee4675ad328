from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from leads.events import Kind
from leads.management.commands import export_features
from leads.ml import features
from leads.ml.catalogue import NAMES, VERSION
from leads.models import Lead, Tenant
from leads.selectors import histories
from leads.selectors.histories import facts_before_change, facts_of, histories_of
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
WORDS = ("Our budget is around $580k", "Can we see the house?", "We are pre-approved")


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "features.parquet"


@pytest.fixture
def told(lead: Lead) -> Lead:
    """A lead who wrote on three Mondays at noon; the record is older and says one answer more."""
    lead.created_at = lead.updated_at = NOW - timedelta(days=30)
    lead.profile = {"timeline": "in May"}
    lead.save()
    for week, text in enumerate(WORDS):
        say(lead, text, NOW.replace(day=2 + 7 * week))
    return lead


def say(lead: Lead, text: str, at: datetime) -> None:
    EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=at, data={"text": text})


def export(target: Path, *options: str) -> pa.Table:
    call_command("export_features", "--output", str(target), *options)
    return pq.read_table(target)


def vectors(table: pa.Table) -> list[list[float]]:
    return [[row[name] for name in NAMES] for row in table.to_pylist()]


def test_a_row_at_each_event_has_what_was_known_then(
    told: Lead, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = export(target)

    facts = sorted(histories_of([told])[told.pk], key=lambda fact: fact.key)
    assert table.column_names == [
        *("location_id", "lead_id", "event_timestamp", "created", "version"),
        *NAMES,
    ]
    assert table["location_id"].to_pylist() == [told.tenant.location_id] * 3
    assert table["lead_id"].to_pylist() == [told.pk] * 3
    assert table["event_timestamp"].to_pylist() == [NOW.replace(day=day) for day in (2, 9, 16)]
    assert table["created"].to_pylist() == [NOW] * 3
    assert table["version"].to_pylist() == [VERSION] * 3
    assert vectors(table) == [
        features.vector(
            features.replay(facts, fact.occurred_at), fact.occurred_at, facts_of(told)
        ).values.tolist()
        for fact in facts
    ]
    captured = capsys.readouterr()
    assert captured.out == f"3 rows of {len(NAMES)} features written to {target}\n"
    assert captured.err == "1 of 1 leads, 3 rows\n"


def test_steps_are_counted_from_a_monday_and_begin_with_the_first_event(told: Lead, target: Path) -> None:
    table = export(target, "--every", "1w")

    assert table["event_timestamp"].to_pylist() == [
        datetime(2026, 3, 9, tzinfo=UTC),
        datetime(2026, 3, 16, tzinfo=UTC),
    ]
    assert table["answered_budget"].to_pylist() == [1.0, 1.0]
    assert table["days_since_showing"].to_pylist() == [365.0, 6.5]
    assert table["days_since_preapproved"].to_pylist() == [365.0, 365.0]


def test_a_step_on_an_event_counts_it(lead: Lead, target: Path) -> None:
    say(lead, WORDS[1], datetime(2026, 3, 9, tzinfo=UTC))

    table = export(target, "--every", "7d", "--until", "2026-03-10")

    assert table["event_timestamp"].to_pylist() == [datetime(2026, 3, 9, tzinfo=UTC)]
    assert table["days_since_showing"].to_pylist() == [0.0]


def test_events_of_one_moment_are_one_row(lead: Lead, target: Path) -> None:
    for text in WORDS:
        say(lead, text, NOW - timedelta(hours=1))

    table = export(target)

    assert table["inbound_30d"].to_pylist() == [3.0]


def test_since_is_the_first_moment_and_until_the_one_after_the_last(told: Lead, target: Path) -> None:
    def days(*options: str) -> list[int]:
        return [at.day for at in export(target, *options)["event_timestamp"].to_pylist()]

    assert days("--since", "2026-03-09T12:00") == [9, 16]
    assert days("--until", "2026-03-09T12:00") == [2]
    assert days("--since", "2026-03-03", "--until", "2026-03-16T07:00-05:00") == [9]
    assert days("--every", "7d", "--since", "2026-03-10") == [16]
    assert days("--every", "7d", "--until", "2026-03-16") == [9]


def test_what_the_record_was_changed_to_later_is_not_known_before(told: Lead, target: Path) -> None:
    told.updated_at = NOW.replace(day=10)
    told.quality = 80
    told.save()

    table = export(target)

    assert table["answered_timeline"].to_pylist() == [0.0, 0.0, 1.0]
    assert table["profile_quality"].to_pylist() == [0.0, 0.0, 80.0]
    assert facts_before_change(told).created_at == told.created_at


def test_what_came_late_counts_from_when_it_happened(told: Lead, target: Path) -> None:
    before = export(target)["inbound_30d"].to_pylist()
    say(told, "hello", NOW.replace(day=1))

    after = export(target)

    assert [at.day for at in after["event_timestamp"].to_pylist()] == [1, 2, 9, 16]
    assert all(np.array(after["inbound_30d"].to_pylist()[1:]) > np.array(before))


def test_only_active_leads_of_the_tenant_are_written(
    told: Lead, other_lead: Lead, tenant: Tenant, target: Path
) -> None:
    say(other_lead, "hello", NOW - timedelta(hours=1))
    gone: Lead = LeadFactory(tenant=tenant, status=Lead.Status.DELETED)
    say(gone, "hello", NOW - timedelta(hours=1))

    everyone = export(target)
    mine = export(target, "--tenant", tenant.location_id)

    assert everyone["lead_id"].to_pylist() == [told.pk] * 3 + [other_lead.pk]
    assert mine["lead_id"].to_pylist() == [told.pk] * 3


def test_leads_are_gone_through_a_few_at_a_time(
    tenant: Tenant, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "CHUNK", 2)
    monkeypatch.setattr(export_features, "ROWS", 3)
    leads: list[Lead] = LeadFactory.create_batch(5, tenant=tenant)
    for lead in leads:
        say(lead, "hello", NOW - timedelta(hours=2))
        say(lead, "again", NOW - timedelta(hours=1))

    table = export(target)

    assert table["lead_id"].to_pylist() == [lead.pk for lead in leads for _ in range(2)]
    assert pq.ParquetFile(target).num_row_groups == 4


def test_without_events_the_file_has_columns_and_no_rows(lead: Lead, target: Path) -> None:
    assert export(target).num_rows == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tenant", "nowhere"), "No tenant has the location nowhere"),
        (("--every", "soon"), "--every is not a step: write it like 12h, 7d or 2w."),
        (("--every", "0d"), "--every is not a step"),
        (("--since", "2026-13-40"), "--since is not a time"),
        (("--since", "lately"), "--since is not a time"),
        (("--until", "2026-03-21"), "--until lies ahead"),
        (("--since", "2026-03-10", "--until", "2026-03-10"), "--since has to lie before --until."),
    ],
)
def test_wrong_choices_are_told_and_nothing_is_written(
    target: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        export(target, *options)

    assert list(target.parent.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(told: Lead, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        export(tmp_path / "nowhere" / "features.parquet")


def test_a_failed_export_leaves_the_file_before_it(
    told: Lead, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(target)
    before = target.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", fail)
    with pytest.raises(CommandError, match="No space left on device"):
        export(target)

    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == [target.name]
