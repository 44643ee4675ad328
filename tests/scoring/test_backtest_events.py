from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from django.core.management import CommandError

from leads.backtest.events import Log, last_moment, read_log
from leads.backtest.kinds import known_kind
from leads.backtest.spool import Spool
from leads.events import Kind
from leads.ml.catalogue import NAMES
from leads.ml.features import EventFact, LeadFacts, replay, vector
from scoring.backtest.histories import TOTALS, Histories
from scoring.backtest.leads import Leads, read_leads
from scoring.backtest.moments import ages, moments
from tests.scoring.test_backtest import START, Row, Told, past, write

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def event(contact_id: str, at: datetime, kind: str, **more: object) -> Row:
    blank = {"direction": "", "channel": "", "value": "", "text": ""}
    return {"contact_id": contact_id, "occurred_at": at.isoformat(), "kind": kind, **blank, **more}


def leads_of(path: Path, rows: Sequence[Row]) -> Leads:
    return read_leads(write(path / "leads.csv", rows), now=NOW, learn=True)


def log_of(path: Path, leads: Leads, rows: Sequence[Row], until: datetime) -> Log:
    events = write(path / "events.csv", rows)
    return read_log(
        events, leads.ids, np.full(len(leads), until.timestamp()), now=NOW, tell=lambda text: None
    )


@pytest.fixture
def two(tmp_path: Path) -> Leads:
    return leads_of(
        tmp_path,
        [
            {"contact_id": "a", "created_at": "2026-01-01", "converted": 1, "source": "Referral"},
            {"contact_id": "b", "created_at": "2026-01-02", "converted": 0, "source": "Zillow"},
        ],
    )


def test_known_kinds_are_read_as_live_scores_read_them(tmp_path: Path, two: Leads) -> None:
    first, then, last = (datetime(2026, 1, day, 12, tzinfo=UTC) for day in (3, 5, 9))
    until = datetime(2026, 1, 10, tzinfo=UTC)
    rows = [
        event("a", last, "Listing Viewed", value="$450,000"),
        event("a", then, "sms", direction="Outbound", text="Saturday at ten?"),
        event("a", first, "message.received", channel="email", text="Can we see the house on Saturday?"),
        event("a", last, "call", direction="in", value="600"),
        event("a", until, "showing.requested"),
        event("nobody", first, "showing.requested"),
    ]

    with log_of(tmp_path, two, rows, until) as log:
        told = Histories.learn(log, np.arange(2), frozenset())
        matrix = told.matrix(log, two)

    assert (log.events, log.of_leads, log.used) == (6, 5, 4)
    assert told.names == (*TOTALS, *NAMES)
    facts = [
        EventFact(
            Kind.MESSAGE_RECEIVED, first, {"text": "Can we see the house on Saturday?", "channel": "Email"}, 2
        ),
        EventFact(Kind.MESSAGE_SENT, then, {"text": "Saturday at ten?"}, 1),
        EventFact(Kind.LISTING_VIEWED, last, {"list_price": 450_000.0}, 0),
        EventFact(Kind.CALL_RECEIVED, last, {"seconds": 600.0}, 3),
    ]
    created = datetime(2026, 1, 1, tzinfo=UTC)
    live = vector(replay(facts), until, LeadFacts(created_at=created, source="Referral"))
    assert matrix[0, len(TOTALS) :].tolist() == live.values.tolist()
    silent = vector({}, until, LeadFacts(created_at=created + DAY, source="Zillow"))
    assert matrix[1, len(TOTALS) :].tolist() == silent.values.tolist()
    assert matrix[0, :4].tolist() == pytest.approx([4.0, 4.0, 0.5, 4 / (9 / 7)])


def test_unknown_kinds_are_counted_up_to_the_moment(tmp_path: Path) -> None:
    until = datetime(2026, 2, 1, tzinfo=UTC)
    leads = leads_of(
        tmp_path,
        [{"contact_id": f"c{i}", "created_at": "2026-01-04", "converted": i % 2, "x": i} for i in range(12)],
    )
    rows = [event(f"c{i}", until - 10 * DAY, "webinar", value=5) for i in range(12)]
    rows += [event("c0", until - 2 * DAY, "webinar", value=8), event("c0", until, "webinar", value=99)]
    rows += [event("c1", until - DAY, "once")]

    with log_of(tmp_path, leads, rows, until) as log:
        told = Histories.learn(log, np.arange(12), frozenset())
        matrix = told.matrix(log, leads)

    names = (
        "webinar: times",
        "webinar: days since",
        "webinar: a week",
        "webinar: last week",
        "webinar: value",
    )
    assert told.names == (*TOTALS, *names)
    assert matrix[0, 4:].tolist() == pytest.approx([2.0, 2.0, 0.5, 1.0, 6.5])
    assert matrix[2].tolist() == pytest.approx([1.0, 1.0, 10.0, 0.25, 1.0, 10.0, 0.25, 0.0, 5.0])
    assert matrix[1, :4].tolist() == pytest.approx([2.0, 2.0, 1.0, 0.5])


def test_a_lead_is_looked_at_when_it_converted_and_others_at_a_like_age(tmp_path: Path) -> None:
    rows = [
        {
            "contact_id": f"c{i}",
            "created_at": "2026-01-01",
            "converted": i % 2,
            "converted_at": "2026-01-21" if i % 2 else "",
            "as_of": "2026-01-05" if i == 2 else "",
        }
        for i in range(6)
    ]
    leads = leads_of(tmp_path, rows)
    end = datetime(2026, 3, 1, tzinfo=UTC).timestamp()

    until, counts = moments(leads, ages(leads), end=end, seed=1)

    assert counts == {"as_of": 1, "converted_at": 3, "drawn": 2, "end of the events": 0}
    days = [datetime.fromtimestamp(moment, tz=UTC).day for moment in until]
    assert days == [21, 21, 5, 21, 21, 21]
    later = read_leads(leads.path, now=NOW, learn=False)
    assert moments(later, np.zeros(0), end=end, seed=1)[1]["end of the events"] == 5


@pytest.mark.parametrize(
    ("kind", "direction", "known"),
    [
        ("listing_viewed", "", Kind.LISTING_VIEWED),
        ("Voice AI Call Ended", "", Kind.VOICE_AI_CALL_ENDED),
        ("Email", "inbound", Kind.MESSAGE_RECEIVED),
        ("call", "outgoing", Kind.CALL_MADE),
        ("call", "", None),
        ("webinar", "inbound", None),
    ],
)
def test_kinds_are_known_however_they_are_spelt(kind: str, direction: str, known: Kind | None) -> None:
    assert known_kind(kind, direction) == known


def test_many_kinds_and_our_own_conclusions_take_no_room(tmp_path: Path, two: Leads) -> None:
    rows = [event("a", START, f"kind {i}") for i in range(300)] + [event("a", START, "lead.scored")]

    with log_of(tmp_path, two, rows, NOW) as log:
        assert len(log.tallies.kinds) == 201
        assert log.tallies.counts[0, log.tallies.kinds[("other kinds", "")]] == 100
        assert log.of_leads == 300


def test_a_spool_gives_each_lead_back_in_order(tmp_path: Path) -> None:
    spool = Spool(3)
    for begin in (0, 50):
        ids = np.arange(begin, begin + 50)
        columns = {"lead": ids % 5, "at": (100.0 - ids), "id": ids}
        spool.add({name: pa.array(values) for name, values in columns.items()})
    spool.seal()

    told = {lead: [row["id"] for row in rows] for lead, rows in spool.leads()}
    spool.close()

    assert told == {lead: list(range(95 + lead, -1, -5)) for lead in range(5)}


def story(count: int = 400) -> tuple[list[Row], list[Row]]:
    """Return leads of whom only what happened foretells who converts, and what happened."""
    rng = np.random.default_rng(3)
    rows, events = list[Row](), list[Row]()
    for i, row in enumerate(past(count, effect=0.0)):
        came = START + timedelta(hours=9 * i)
        keen = bool(rng.random() < 0.4)
        converted = int(rng.random() < (0.65 if keen else 0.08))
        as_of = came + 14 * DAY
        rows.append(row | {"converted": converted, "as_of": as_of.isoformat()})
        contact = row["contact_id"]
        for day in range(int(rng.integers(2, 6)) if keen else int(rng.integers(0, 2))):
            events.append(event(contact, came + (day + 1) * DAY, "open day"))
        if keen and rng.random() < 0.7:
            events.append(event(contact, came + 5 * DAY, "message.received", text="Can we see the house?"))
        if converted and i % 4 == 0:
            events.append(event(contact, as_of - DAY, "deal.signed"))
        elif converted:
            events.append(event(contact, as_of + DAY, "deal.signed"))
        events.append(event(contact, as_of, "thanked" if converted else "forgotten"))
    return rows, events


def test_learns_from_what_happened_and_leaves_out_what_decides(tmp_path: Path) -> None:
    rows, events = story()
    leads, log = write(tmp_path / "leads.csv", rows), write(tmp_path / "events.csv", events)

    told = Told(tmp_path, "--train", leads, "--events", log)

    report = told.report
    assert report["verdict"] == "signal"
    assert 0.75 < report["metrics"]["auc"]["value"] < 0.98
    assert [(leak["name"], leak["of"], leak["left_out"]) for leak in report["leaks"]] == [
        ("deal.signed", "event kind", True)
    ]
    assert report["events"]["rows"] == len(events)
    assert report["events"]["moments"] == {
        "as_of": 400,
        "converted_at": 0,
        "drawn": 0,
        "end of the events": 0,
    }
    assert report["events"]["kinds"] == {
        "open day": "counted",
        "message.received": "as live scores know it: message.received",
        "deal.signed": "left out: gives the outcome away",
        "thanked": "too rare for features of its own",
        "forgotten": "too rare for features of its own",
    }
    assert not any("deal" in one["feature"] for one in report["importance"])
    kept = Told(tmp_path, "--train", leads, "--events", log, "--keep-leaks")
    assert any(one["feature"].startswith("deal.signed") for one in kept.report["importance"])


def test_what_happens_at_the_moment_or_later_changes_nothing(tmp_path: Path) -> None:
    rows, events = story(200)
    leads = write(tmp_path / "leads.csv", rows)
    as_of = {row["contact_id"]: row["as_of"] for row in rows}
    before = [one for one in events if one["occurred_at"] < as_of[one["contact_id"]]]
    noise = [event(contact, datetime.fromisoformat(at), "open day") for contact, at in as_of.items()]

    told = Told(tmp_path, "--train", leads, "--events", write(tmp_path / "events.csv", before))
    again = Told(tmp_path, "--train", leads, "--events", write(tmp_path / "events.csv", before + noise))

    assert told.predictions == again.predictions


def test_leads_to_predict_are_looked_at_with_their_events(tmp_path: Path) -> None:
    rows, events = story(300)
    train = write(tmp_path / "leads.csv", rows[:240])
    bare = [{name: value for name, value in row.items() if name != "converted"} for row in rows[240:]]
    later = write(tmp_path / "later.csv", bare)

    told = Told(
        tmp_path, "--train", train, "--test", later, "--events", write(tmp_path / "events.csv", events)
    )

    said = {one["contact_id"]: float(one["probability"]) for one in told.predictions}
    came = {row["contact_id"]: row["converted"] for row in rows[240:]}
    assert said.keys() == came.keys()
    mean = {way: np.mean([said[one] for one in came if came[one] == way]) for way in (0, 1)}
    assert mean[1] > mean[0] + 0.2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda rows: [{k: v for k, v in row.items() if k != "kind"} for row in rows],
            "events.csv has no column kind: events need contact_id, occurred_at, kind; it has contact_id, "
            "occurred_at, direction, channel, value, text.",
        ),
        (
            lambda rows: [*rows[:2], rows[2] | {"occurred_at": "yesterday"}, *rows[3:]],
            "events.csv, row 3: occurred_at “yesterday” is no time: write times like 2026-03-31T14:05:00Z, "
            "and leave out what has not happened yet.",
        ),
        (
            lambda rows: [rows[0], rows[1] | {"occurred_at": "2190-01-01T00:00:00Z"}],
            "events.csv, row 2: occurred_at “2190-01-01T00:00:00Z” lies in the future: write times like "
            "2026-03-31T14:05:00Z, and leave out what has not happened yet.",
        ),
        (
            lambda rows: [rows[0], rows[1] | {"kind": " "}],
            "events.csv, row 2: kind is empty: say what happened.",
        ),
        (
            lambda rows: [row | {"contact_id": "x" + row["contact_id"]} for row in rows[:9]],
            "events.csv: none of its 9 events is of a lead asked for: compare contact_id in both files.",
        ),
    ],
)
def test_refuses_events_in_one_sentence(
    change: Callable[[list[Row]], list[Row]], sentence: str, tmp_path: Path
) -> None:
    rows, events = story(80)
    leads, log = write(tmp_path / "leads.csv", rows), write(tmp_path / "events.csv", change(events))

    with pytest.raises(CommandError) as caught:
        Told(tmp_path, "--train", leads, "--events", log)

    assert str(caught.value).replace(f"{tmp_path}/", "") == sentence


def test_an_events_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("contact_id,occurred_at,kind\n")

    with pytest.raises(Exception, match="holds no rows under its heading: export it again, or leave it out"):
        last_moment(path, NOW)


def test_times_may_be_written_in_many_ways(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    for text in ("2026-01-01T00:00:00Z", "2026-01-01 00:00:00", "1/1/2026", "1767225600"):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("contact_id", "occurred_at", "kind"), ("a", text, "x")])
        assert last_moment(path, NOW) == 1_767_225_600.0
