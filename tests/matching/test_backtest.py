from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
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


def market(count: int = 40) -> list[Row]:
    """Return homes of two styles, all over one town."""
    rng = np.random.default_rng(3)
    rows = list[Row]()
    for i in range(count):
        loft = i % 2 == 0
        rows.append(
            {
                "listing_key": f"h{i:03}",
                "style": "Loft" if loft else "Farmhouse",
                "list_price": f"${(300 if loft else 700) + rng.normal(0, 30):,.0f}k",
                "latitude": 41.0 + rng.normal(0, 0.02),
                "longitude": -96.0 + rng.normal(0, 0.02),
                "features": json.dumps(["Elevator", "Gym"] if loft else ["Barn", "Well"]),
                "remarks": ("Bright city rooms above shops" if loft else "Quiet acres behind old oaks")
                + f" {i}",
            }
        )
    return rows


def visits(homes: Sequence[Row], people: int = 120, *, seed: int = 5) -> list[Row]:
    """Return what people did over a year: each keeps to one style, whatever is popular."""
    rng = np.random.default_rng(seed)
    lofts = np.array([home["style"] == "Loft" for home in homes])
    rows = list[Row]()
    for person in range(people):
        fits = lofts if person % 2 else ~lofts
        chance = np.where(fits, 12.0, 1.0) / np.arange(1, len(homes) + 1) ** 0.3
        chosen = rng.choice(len(homes), 7, replace=False, p=chance / chance.sum())
        for home, hour in zip(chosen.tolist(), np.sort(rng.uniform(0, 8_000, 7)), strict=True):
            at = START + timedelta(hours=float(hour))
            key = homes[home]["listing_key"]
            rows.append(did(f"p{person}", key, at.isoformat()))
    return rows


def did(user: str, key: str, at: str, kind: str = "save") -> Row:
    return {"user_id": user, "listing_key": key, "occurred_at": at, "kind": kind}


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


class Told:
    """What a run said and wrote."""

    def __init__(
        self,
        folder: Path,
        homes: Sequence[Row],
        done: Sequence[Row],
        *options: object,
        users: Sequence[str] = (),
    ) -> None:
        report, predictions = folder / "report.json", folder / "predictions.csv"
        out, err = StringIO(), StringIO()
        files = ["--listings", write(folder / "homes.csv", homes)]
        files += ["--interactions", write(folder / "done.csv", done)]
        if users:
            files += ["--users", write(folder / "users.csv", [{"user_id": user} for user in users])]
        call_command(
            "backtest",
            "matching",
            *(str(option) for option in (*files, *options)),
            f"--report={report}",
            f"--predictions={predictions}",
            stdout=out,
            stderr=err,
        )
        self.said, self.progress = out.getvalue(), err.getvalue()
        self.report: dict[str, Any] = json.loads(report.read_text())
        with predictions.open(newline="") as file:
            self.predictions = list(csv.DictReader(file))


def test_tastes_are_found_and_beat_what_is_the_same_for_everybody(tmp_path: Path) -> None:
    homes = market()

    told = Told(tmp_path, homes, visits(homes), "--hold-out", 0.4)

    report = told.report
    assert report["verdict"] == "signal"
    assert told.said.startswith("signal: NDCG@10 ")
    ours = report["metrics"]["ndcg_at_10"]
    assert ours["low"] < ours["value"] < ours["high"]
    for name in ("popularity", "recent_popularity", "alike_for_everybody"):
        assert ours["value"] > report["baselines"][name]["ndcg_at_10"]["value"], name
    assert set(report["baselines"]) == {
        *("popularity", "recent_popularity", "item_knn", "content", "content_and_recent_popularity"),
        "alike_for_everybody",
    }
    assert report["cases"] == report["people"] == len({row["user_id"] for row in told.predictions})
    assert report["columns"]["used"] == {
        "latitude": "place",
        "longitude": "place",
        "style": "category",
        "list_price": "number",
        "features": "list",
        "remarks": "text",
    }


def test_homes_dealt_out_anew_are_no_signal(tmp_path: Path) -> None:
    homes = market()
    done = visits(homes)
    keys = np.random.default_rng(4).permutation([row["listing_key"] for row in done])
    shuffled = [row | {"listing_key": str(key)} for row, key in zip(done, keys, strict=True)]

    assert Told(tmp_path, homes, shuffled, "--hold-out", 0.4).report["verdict"] == "no signal"


def test_the_same_seed_gives_the_same_figures_and_csv_and_parquet_alike(tmp_path: Path) -> None:
    homes = market()
    first = Told(tmp_path, homes, visits(homes), "--hold-out", 0.4)
    pq.write_table(pa.Table.from_pylist(visits(homes)), tmp_path / "done.parquet")
    out = StringIO()

    call_command(
        "backtest",
        "matching",
        *("--listings", str(tmp_path / "homes.csv"), "--interactions", str(tmp_path / "done.parquet")),
        *("--hold-out", "0.4"),
        stdout=out,
        stderr=StringIO(),
    )

    assert out.getvalue() == first.said


def test_people_are_shown_homes_of_their_taste_they_have_not_seen(tmp_path: Path) -> None:
    homes = market()
    done = visits(homes)

    told = Told(tmp_path, homes, done, "--k", 3, users=["p1", "p2", "p1", "new"])

    assert [(row["user_id"], row["rank"]) for row in told.predictions] == [
        (user, str(rank)) for user in ("p1", "p2", "new") for rank in (1, 2, 3)
    ]
    styles = {home["listing_key"]: home["style"] for home in homes}
    shown = [
        (row["user_id"], styles[row["listing_key"]]) for row in told.predictions if row["user_id"] != "new"
    ]
    assert shown == [("p1", "Loft")] * 3 + [("p2", "Farmhouse")] * 3
    seen = {(row["user_id"], row["listing_key"]) for row in done}
    assert not seen & {(row["user_id"], row["listing_key"]) for row in told.predictions}
    assert "1 rows of" in told.progress
    assert told.report["strangers"] == 1
    assert told.said.strip().endswith("1 of them did nothing yet and are shown what is popular")


def test_nothing_after_the_moment_asked_for_is_used(tmp_path: Path) -> None:
    homes = market()
    done = visits(homes)
    cut = (START + timedelta(hours=4_000)).isoformat()

    every = Told(tmp_path, homes, done, "--as-of", cut, users=["p1", "p2"])
    early = Told(
        tmp_path, homes, [row for row in done if row["occurred_at"] < cut], "--as-of", cut, users=["p1", "p2"]
    )

    assert every.predictions == early.predictions
    assert every.report["as_of"] == "2025-06-22T01:00:00+00:00"


def test_what_is_there_twice_or_of_unknown_homes_is_counted_and_left_out(tmp_path: Path) -> None:
    homes = market()
    done = visits(homes)

    told = Told(tmp_path, homes, [*done, *done[:5], done[0] | {"listing_key": "gone"}], users=["p1"])

    assert told.report["interactions"] == {
        "rows": 846,
        "used": 840,
        "with_unknown_homes": 1,
        "there_twice": 5,
        "people": 120,
        "kinds": {"save": 840},
    }
    assert "1 of 846 interactions are with homes not in" in told.progress


def test_what_somebody_turned_down_is_not_shown_and_draws_to_nothing(tmp_path: Path) -> None:
    homes = market(6)
    done = [did("a", "h000", "2026-01-05T10:00:00Z", "dismiss"), did("a", "h001", "2026-01-05T10:01:00Z")]

    told = Told(tmp_path, homes, done, users=["a"])

    assert {row["listing_key"] for row in told.predictions} == {"h002", "h003", "h004", "h005"}
    assert told.predictions[0]["listing_key"] in ("h003", "h005")
    assert told.report["ranking"] == {
        "by": "likeness and recent popularity: too little past to learn from",
        "learned_from": 0,
    }


DONE = "user_id,listing_key,occurred_at,kind\n"
BROKEN = [
    ("homes", "listing_key,beds\n", "holds no rows under its heading"),
    ("homes", "key,beds\na,1\nb,2\n", "has no column listing_key"),
    ("homes", "listing_key,beds\na,1\na,2\nb,3\n", "listing keys come more than once (the first in rows 1"),
    ("homes", "listing_key,beds\na,1\n,2\n", "row 2: listing_key is empty"),
    ("homes", "listing_key,beds\na,1\n", "holds one home alone"),
    ("done", "user_id,listing_key,kind\np,a,view\n", "has no column occurred_at"),
    ("done", DONE, "holds no rows under its heading"),
    ("done", f"{DONE}p,a,2999-01-01,view\n", "row 1: occurred_at “2999-01-01” lies in the future"),
    ("done", f"{DONE}p,a,soon,view\n", "row 1: occurred_at “soon” is no time"),
    ("done", f"{DONE},a,2026-01-01,view\n", "row 1: user_id is empty"),
    ("done", f"{DONE}p,x,2026-01-01,view\n", "none of its 1 interactions is with a home of"),
    ("done", f"{DONE}p,a,2026-01-01,dismiss\n", "nobody liked a home"),
    ("done", "user_id,listing_key,occurred_at\np,a,2026-01-01\n", "fewer than 20 people had done something"),
]


@pytest.mark.parametrize(("which", "text", "sentence"), BROKEN)
def test_what_cannot_be_used_is_said_in_one_sentence(
    tmp_path: Path, which: str, text: str, sentence: str
) -> None:
    files = {
        "homes": "listing_key,beds\na,1\nb,2\n",
        "done": "user_id,listing_key,occurred_at,kind\np,a,2026-01-01,view\n",
    } | {which: text}
    for name, held in files.items():
        (tmp_path / f"{name}.csv").write_text(held)

    with pytest.raises(CommandError) as error:
        call_command(
            "backtest",
            "matching",
            *("--listings", str(tmp_path / "homes.csv"), "--interactions", str(tmp_path / "done.csv")),
            stderr=StringIO(),
        )

    assert sentence in str(error.value)


def test_people_nobody_knows_and_times_before_everything_are_refused(tmp_path: Path) -> None:
    homes = market(6)
    done = [did("a", "h001", "2026-01-05")]

    with pytest.raises(CommandError, match="nobody in it did anything"):
        Told(tmp_path, homes, done, users=["b"])
    with pytest.raises(CommandError, match="nothing happened before 2025-01-01"):
        Told(tmp_path, homes, done, "--as-of", "2025-01-01", users=["a"])


@pytest.mark.parametrize(
    "options", [("--hold-out", "1.5"), ("--hold-out", "x"), ("--k", "0"), ("--as-of", "soon")]
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=options[0]):
        call_command("backtest", "matching", "--listings", "a.csv", "--interactions", "b.csv", *options)


def test_neither_database_nor_server_is_needed(tmp_path: Path) -> None:
    homes = market(6)
    done = [did("a", "h001", "2026-01-05")]
    files = [write(tmp_path / "homes.csv", homes), write(tmp_path / "done.csv", done)]
    users = write(tmp_path / "users.csv", [{"user_id": "a"}])

    told = subprocess.run(
        [
            *(sys.executable, "manage.py", "backtest", "matching", "--listings", files[0]),
            *("--interactions", files[1], "--users", users, "--k", "2"),
        ],
        cwd=ROOT,
        env={"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    assert told.stdout == "2 homes ranked for 1 people as of 2026-01-05T00:00:01+00:00\n"
