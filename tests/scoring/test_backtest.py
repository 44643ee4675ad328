from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

START = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


def past(count: int = 400, *, seed: int = 5, effect: float = 2.0) -> list[Row]:
    """Return leads in the order of time whose source and budget foretell, by `effect`, who converts."""
    rng = np.random.default_rng(seed)
    rows = list[Row]()
    for i in range(count):
        keen, budget = bool(rng.random() < 0.4), float(rng.normal(500, 120))
        margin = -1.5 + effect * keen + effect * (budget - 500) / 240
        rows.append(
            {
                "contact_id": f"c{i:04}",
                "created_at": (START + timedelta(hours=9 * i)).isoformat(),
                "converted": int(rng.random() < 1 / (1 + math.exp(-margin))),
                "source": "Referral" if keen else str(rng.choice(["Portal", "Select"])),
                "budget": f"${budget:,.0f}k",
                "phone_ok": str(rng.choice(["yes", "no"])),
                "note": "",
            }
        )
    return rows


def write(path: Path, rows: Sequence[Row], *, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def without(rows: Sequence[Row], *names: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


class Told:
    """What a run said and wrote."""

    def __init__(self, folder: Path, *options: object) -> None:
        report, predictions = folder / "report.json", folder / "predictions.csv"
        out, err = StringIO(), StringIO()
        call_command(
            "backtest",
            "scores",
            *(str(option) for option in options),
            f"--report={report}",
            f"--predictions={predictions}",
            stdout=out,
            stderr=err,
        )
        self.said, self.progress = out.getvalue(), err.getvalue()
        self.report: dict[str, Any] = json.loads(report.read_text())
        with predictions.open(newline="") as file:
            self.predictions = list(csv.DictReader(file))


Run = Callable[..., Told]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *options: Told(tmp_path, *options)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    def refused(*options: object) -> str:
        with pytest.raises(CommandError) as caught:
            Told(tmp_path, *options)
        told = str(caught.value)
        assert "\n" not in told
        assert not (tmp_path / "report.json").exists()
        return told.replace(f"{tmp_path}/", "")

    return refused


def test_says_how_right_it_was_about_the_last_quarter(tmp_path: Path, run: Run) -> None:
    rows = past()
    told = run("--train", write(tmp_path / "leads.csv", rows))

    report = told.report
    assert report["verdict"] == "signal"
    assert report["order"] == "created_at"
    assert report["rows"] == {"learned_from": 300, "measured_on": 100}
    assert report["base_rate"]["measured_on"] == sum(row["converted"] for row in rows[300:]) / 100
    assert report["leaks"] == []
    auc = report["metrics"]["auc"]
    assert 0.5 < auc["low"] < auc["value"] < auc["high"] <= 1.0
    assert report["baselines"].keys() == {"constant", "naive_bayes", "logistic"}
    assert report["baselines"]["constant"]["auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert report["metrics"]["log_loss"]["value"] < report["baselines"]["constant"]["log_loss"]["value"]
    assert sum(row["count"] for row in report["reliability"]) == 100
    assert report["seed"] == 1
    assert {one["feature"] for one in report["importance"][:2]} == {"source = referral", "budget"}
    assert [one["contact_id"] for one in told.predictions] == [row["contact_id"] for row in rows[300:]]
    for one in told.predictions:
        assert 0.0 < float(one["low"]) <= float(one["probability"]) <= float(one["high"]) < 1.0
    assert told.said.startswith(f"signal: AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}], ")
    assert told.progress.splitlines()[0] == f"reading {tmp_path}/leads.csv"


def test_tells_what_became_of_each_column(tmp_path: Path, run: Run) -> None:
    rows = [row | {"plan": "same", "crm_id": 7000 + i} for i, row in enumerate(past(200))]

    columns = run("--train", write(tmp_path / "leads.csv", rows)).report["columns"]

    assert columns["left_out"] == {
        "note": "empty",
        "plan": "the same in every row",
        "crm_id": "an id: nearly every row has its own",
    }
    assert columns["used"]["budget"] == {"as": "number", "features": ["budget"]}
    assert columns["used"]["phone_ok"] == {"as": "flag", "features": ["phone_ok"]}
    assert columns["used"]["source"]["features"] == [
        "source = select",
        "source = portal",
        "source = referral",
    ] or (
        sorted(columns["used"]["source"]["features"])
        == ["source = portal", "source = referral", "source = select"]
    )


def test_the_same_seed_gives_the_same_predictions(tmp_path: Path, run: Run) -> None:
    leads = write(tmp_path / "leads.csv", past(200))

    first, again = run("--train", leads, "--seed", 3), run("--train", leads, "--seed", 3)

    assert first.predictions == again.predictions
    assert first.report == again.report


def test_outcomes_shuffled_are_no_signal(tmp_path: Path, run: Run) -> None:
    rows = past(600)
    outcomes = np.random.default_rng(2).permutation([row["converted"] for row in rows])
    shuffled = [row | {"converted": int(came)} for row, came in zip(rows, outcomes, strict=True)]

    told = run("--train", write(tmp_path / "leads.csv", shuffled))

    assert told.report["verdict"] == "no signal"
    assert told.said.startswith("no signal: AUC ")


def test_what_gives_the_outcome_away_is_named_and_left_out(tmp_path: Path, run: Run) -> None:
    rows = [
        row
        | {
            "contract": "signed" if row["converted"] else "",
            "lost_because": "price" if not row["converted"] and i % 3 else "",
            "fee": 9_000 + i if row["converted"] else 0,
        }
        for i, row in enumerate(past())
    ]
    leads = write(tmp_path / "leads.csv", rows)

    told = run("--train", leads)
    kept = run("--train", leads, "--keep-leaks")

    assert [(leak["name"], leak["left_out"]) for leak in told.report["leaks"]] == [
        ("contract", True),
        ("lost_because", True),
        ("fee", True),
    ]
    yes = sum(row["converted"] for row in rows[:300])
    assert told.report["leaks"][0]["why"].startswith(
        f"Of {yes} leads with something in it, {yes} converted; of all, {yes / 300:.1%} did."
    )
    assert told.report["columns"]["left_out"]["fee"] == "gives the outcome away"
    assert told.report["metrics"]["auc"]["value"] < 0.95
    assert [leak["left_out"] for leak in kept.report["leaks"]] == [False, False, False]
    assert kept.report["metrics"]["auc"]["value"] > 0.99


def test_outcome_columns_are_never_features(tmp_path: Path, run: Run) -> None:
    rows = [
        row | {"converted_at": row["created_at"] if row["converted"] else "", "as_of": row["created_at"]}
        for row in past(200)
    ]

    told = run("--train", write(tmp_path / "leads.csv", rows))

    assert told.report["columns"]["used"].keys() == {"source", "budget", "phone_ok"}
    assert told.report["leaks"] == []
    assert told.report["metrics"]["auc"]["value"] < 0.95


def test_leads_without_outcomes_are_predicted(tmp_path: Path, run: Run) -> None:
    rows = past(300)
    train = write(tmp_path / "leads.csv", rows[:250], delimiter=";")
    # a column of the outcome is not looked at, and a level nobody has seen is no trouble
    later = [row | {"source": "Sign" if i == 0 else row["source"]} for i, row in enumerate(rows[250:])]
    bare = write(tmp_path / "bare.csv", without(later, "converted"))
    full = write(tmp_path / "full.csv", [row | {"converted": "later"} for row in later])

    told = run("--train", train, "--test", bare)

    assert [one["contact_id"] for one in told.predictions] == [row["contact_id"] for row in later]
    assert run("--train", train, "--test", full).predictions == told.predictions
    assert told.report["rows"] == {"learned_from": 250, "measured_on": 140}
    assert told.report["measured_on"] == "the training leads, each predicted from those before it"
    said = [float(one["probability"]) for one in told.predictions]
    came = [row["converted"] for row in later]
    mean = {way: np.mean([p for p, c in zip(said, came, strict=True) if c == way]) for way in (0, 1)}
    assert mean[1] > mean[0] + 0.1


def test_parquet_is_read_like_csv(tmp_path: Path, run: Run) -> None:
    rows = past(200)
    typed = [
        row | {"created_at": datetime.fromisoformat(row["created_at"]), "converted": bool(row["converted"])}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(typed), tmp_path / "leads.parquet")

    told = run("--train", tmp_path / "leads.parquet")

    assert told.predictions == run("--train", write(tmp_path / "leads.csv", rows)).predictions


def test_rows_may_be_in_the_order_of_the_file(tmp_path: Path, run: Run) -> None:
    rows = without(past(200), "created_at")

    told = run("--train", write(tmp_path / "leads.csv", rows), "--hold-out", 0.5)

    assert told.report["order"] == "file"
    assert [one["contact_id"] for one in told.predictions] == [row["contact_id"] for row in rows[100:]]


def changed(rows: list[Row], place: int, **values: object) -> list[Row]:
    return [row | values if i == place else row for i, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            without(past(80), "converted"),
            "leads.csv has no column converted (1 for leads who converted, 0 for others): add it, or rename "
            "one of contact_id, created_at, source, budget, phone_ok, note to it.",
        ),
        (
            without(past(80), "contact_id"),
            "leads.csv has no column contact_id (which lead each row is): add it, or rename one of "
            "created_at, converted, source, budget, phone_ok, note to it.",
        ),
        (
            changed(past(80), 4, contact_id="c0002"),
            "leads.csv: 1 contact ids come more than once (the first in rows 3 and 5): keep one row for each "
            "lead.",
        ),
        (
            changed(past(80), 4, contact_id=""),
            "leads.csv, row 5: contact_id is empty: give every lead an id.",
        ),
        (
            changed(past(80), 6, converted="perhaps"),
            "leads.csv, row 7: converted “perhaps” is neither 0 nor 1: write 1 for who converted, 0 for who "
            "did not.",
        ),
        (
            changed(past(80), 6, converted="2"),
            "leads.csv, row 7: converted “2” is neither 0 nor 1: write 1 for who converted, 0 for who did "
            "not.",
        ),
        (
            changed(past(80), 6, converted=""),
            "leads.csv, row 7: converted is empty: leave out leads that are not decided yet.",
        ),
        (
            [row | {"converted": 0} for row in past(80)],
            "leads.csv: all 80 leads have converted 0: both outcomes are needed to tell leads apart; export "
            "the others too.",
        ),
        (
            changed(past(80), 2, created_at="soon"),
            "leads.csv, row 3: created_at “soon” is no time: write times like 2026-03-31 or "
            "2026-03-31T14:05:00Z.",
        ),
        (
            changed(past(80), 2, created_at="2150-01-01"),
            "leads.csv, row 3: created_at “2150-01-01” lies in the future: correct it, or leave the "
            "lead out.",
        ),
        (
            changed(past(80), 2, created_at=""),
            "leads.csv, row 3: created_at is empty (1 in all): fill it, or use --order file if the rows "
            "are in the order of time.",
        ),
        (
            past(40),
            "leads.csv has 40 leads, of which 10 would be held out to measure on: 20 are needed. Export more "
            "leads, or raise --hold-out.",
        ),
        (
            [row | {"converted": int(i > 75)} for i, row in enumerate(past(100))],
            "leads.csv: the 75 leads to learn from, the first by time, all have converted 0: export a longer "
            "time, or lower --hold-out.",
        ),
    ],
)
def test_refuses_in_one_sentence(
    rows: list[Row], sentence: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert refused("--train", write(tmp_path / "leads.csv", rows)) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "leads.csv is empty: export it again, with a heading and rows."),
        (
            b"contact_id,converted\n",
            "leads.csv holds no rows under its heading: export it again with the leads in.",
        ),
        (b"a,b,a\n1,2,3\n", "leads.csv has the column a twice: rename one of them."),
        (b"\x00\x01\x02", "leads.csv is neither CSV nor Parquet: save it as CSV (UTF-8)."),
        (
            b"contact_id,converted\na,1\nb,0,7\n",
            "leads.csv cannot be read (CSV parse error: Expected 2 columns, got 3: b,0,7): mend that place, "
            "or export the file again.",
        ),
    ],
)
def test_refuses_a_file_that_is_no_table(
    content: bytes, sentence: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "leads.csv").write_bytes(content)

    assert refused("--train", tmp_path / "leads.csv") == sentence


def test_refuses_a_file_with_nothing_to_learn_from(tmp_path: Path, refused: Callable[..., str]) -> None:
    bare = without(past(100), "created_at", "source", "budget", "phone_ok", "note")
    told = [row | {"deal": "won" if row["converted"] else "lost"} for row in bare]

    assert refused("--train", write(tmp_path / "leads.csv", bare)) == (
        "leads.csv holds nothing to learn from: add columns of what is known of a lead, or name its --events."
    )
    assert refused("--train", write(tmp_path / "leads.csv", told)) == (
        "leads.csv holds nothing to learn from but what gives the outcome away (deal): add columns of what "
        "is known of a lead, or name its --events."
    )


def test_headings_may_be_spelt_as_people_do_and_text_as_windows_does(tmp_path: Path, run: Run) -> None:
    rows = past(200)
    other = [
        {"Contact ID": i, "Converted": bool(row["converted"]), "Createdño": "ñ", "budget": row["budget"]}
        for i, row in enumerate(rows)
    ]
    text = write(tmp_path / "leads.csv", other).read_text(encoding="utf-8")
    (tmp_path / "leads.csv").write_text(text, encoding="cp1252")

    told = run("--train", tmp_path / "leads.csv")

    assert [one["contact_id"] for one in told.predictions] == [str(i) for i in range(150, 200)]
    assert told.report["columns"]["left_out"] == {"Createdño": "the same in every row"}


def test_refuses_options_that_do_not_fit(tmp_path: Path, refused: Callable[..., str]) -> None:
    rows = past(100)
    leads = write(tmp_path / "leads.csv", rows)
    short = write(tmp_path / "short.csv", without(rows, "converted", "budget", "source"))

    assert refused("--train", tmp_path / "none.csv") == "none.csv cannot be read: No such file or directory."
    assert refused("--train", leads, "--test", short) == (
        "short.csv lacks columns of leads.csv: source, budget. Add them (they may be empty), or take them "
        "out of both files."
    )
    dateless = write(tmp_path / "dateless.csv", without(rows, "created_at"))
    assert refused("--train", dateless, "--order", "created_at") == (
        "dateless.csv has no column created_at to order leads by: add it, or use --order file if the rows "
        "are in the order of time."
    )
    assert refused("--train", leads, "--hold-out", 1.5).startswith(
        "Argument --hold-out: it is a share between 0 and 1, such as 0.25"
    )
    with pytest.raises(CommandError, match="--report .* cannot be written: name a file in a folder that is"):
        call_command("backtest", "scores", f"--train={leads}", f"--report={tmp_path / 'no' / 'r.json'}")


def test_a_back_test_whose_engine_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError) as caught:
        call_command("backtest", "valuations", "--sales", "sales.csv")

    assert str(caught.value) == "valuations cannot be back-tested yet; what can be: scores, matching."


def test_needs_no_server_and_ends_with_an_error_in_one_line(tmp_path: Path) -> None:
    leads = write(tmp_path / "leads.csv", changed(past(80), 6, converted="no idea"))
    dead = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "backtest", "scores", "--train", str(leads)],
        cwd=ROOT,
        env=os.environ | dead,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"reading {leads}",
        f"CommandError: {leads}, row 7: converted “no idea” is neither 0 nor 1: write 1 for who converted, 0 "
        "for who did not.",
    ]
