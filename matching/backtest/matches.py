"""`manage.py backtest matching`: learn which homes people turn to, rank homes, compare with what came."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from leads.backtest.engines import Backtest, Options, Tell
from leads.backtest.files import FileError
from leads.backtest.outputs import write_report, write_rows
from leads.ml.columns import read_moment_or_epoch
from leads.ml.memory import DAY
from matching.backtest import report
from matching.backtest.measured import Moment, measure_at
from matching.backtest.records import AT, USER, Homes, Interactions, read_homes, read_interactions, read_users
from matching.ranking.cases import Case, case_of
from matching.ranking.past import Past, Standing, standing_at
from matching.ranking.ranker import Ranker, best_of, learn
from matching.ranking.traits import Traits, traits_of

LEAST_HELD = 20
MOMENT = 1.0 / DAY
HEADING = ("user_id", "rank", "listing_key", "score")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the choices."""
    parser.add_argument(
        "--listings",
        type=Path,
        required=True,
        metavar="LISTINGS",
        help="homes: listing_key and any further columns; leave out what was only known later",
    )
    parser.add_argument(
        "--interactions",
        type=Path,
        required=True,
        metavar="INTERACTIONS",
        help="what people did: user_id, listing_key, occurred_at, kind (view, save, tour_request …; "
        "others count 1)",
    )
    parser.add_argument("--users", type=Path, metavar="USERS", help="user_id: whom to rank homes for")
    parser.add_argument(
        "--as-of",
        type=_moment,
        metavar="TIME",
        help="with --users: use only what happened before this time (after the last interaction)",
    )
    parser.add_argument("--k", type=_count, default=10, metavar="K", help="homes for each person (10)")
    parser.add_argument(
        "--hold-out",
        type=_share,
        nargs="+",
        default=[0.25],
        metavar="SHARE",
        help="share of the interactions, the last by time, that is predicted and compared (0.25); of several "
        "shares the cases are pooled; without --users",
    )


def run(options: Options, now: datetime, tell: Tell) -> str:
    """Carry the back-test out and return what came of it in a sentence."""
    users = read_users(options["users"], tell=tell) if options["users"] else None
    tell(f"reading {options['listings']}")
    homes = read_homes(options["listings"])
    tell(f"reading {options['interactions']}")
    done = read_interactions(options["interactions"], homes, now=now, tell=tell)
    traits = traits_of(homes.columns, len(homes), seed=options["seed"])
    if users is None:
        told, said, rows = _measure(options, homes, done, traits, tell)
    else:
        told, said, rows = _predict(options, users, homes, done, traits, tell)
    if options["predictions"]:
        write_rows(options["predictions"], HEADING, rows)
    if options["report"]:
        files = {name: str(options[name]) for name in ("listings", "interactions", "users") if options[name]}
        told |= report.inputs(homes, done, traits) | {"seed": options["seed"], "files": files}
        write_report(options["report"], told)
    return said


Row = Sequence[object]


def _measure(
    options: Options, homes: Homes, done: Interactions, traits: Traits, tell: Tell
) -> tuple[dict[str, Any], str, Iterator[Row]]:
    """Hold out the last part, or several, and see where the homes people turned to then stood."""
    past, seed = done.past, options["seed"]
    shares = sorted(set(options["hold_out"]), reverse=True)
    moments = list[Moment]()
    for share in shares:
        moment = float(np.quantile(past.at, 1.0 - share))
        tell(f"learning from what happened before {report.moment_text(moment)}")
        found = measure_at(past, traits, moment, least=LEAST_HELD, seed=seed, tell=tell)
        if found is None:
            raise FileError(
                f"{options['interactions']}: fewer than {LEAST_HELD} people had done something before "
                f"{report.moment_text(moment)} and turned to a home new to them afterwards, which is what is "
                "measured: export a longer time, or change --hold-out.",
                "rows",
            )
        moments.append(found)
    told = report.measured(moments, options["k"], seed)
    last = moments[-1]
    standing = standing_at(past, traits, last.at)
    cases = _cases(past.before(last.at), last.people.tolist(), last.at)
    return told, report.sentence(told), _rows(last.ranker, standing, cases, homes, done, options["k"])


def _predict(
    options: Options, users: Sequence[str], homes: Homes, done: Interactions, traits: Traits, tell: Tell
) -> tuple[dict[str, Any], str, Iterator[Row]]:
    """Rank homes for these people as of a moment."""
    past = done.past
    moment = options["as_of"] / DAY if options["as_of"] else float(past.at[-1]) + MOMENT
    before = past.before(moment)
    if len(before) == 0:
        raise FileError(
            f"{options['interactions']}: nothing happened before {report.moment_text(moment)}: give a later "
            "--as-of.",
            AT,
        )
    numbers = {name: number for number, name in enumerate(done.people)}
    strangers = sum(name not in numbers for name in users)
    if strangers == len(users):
        raise FileError(
            f"{options['users']}: nobody in it did anything in {options['interactions']}: compare {USER} in "
            "both files.",
            USER,
        )
    tell(f"learning from {len(before):,} interactions")
    ranker = learn(before, traits, seed=options["seed"])
    standing = standing_at(before, traits, moment)
    tell(f"ranking {len(homes):,} homes for {len(users):,} people")
    told = {
        "as_of": report.moment_text(moment),
        "people": len(users),
        "strangers": strangers,
        "k": options["k"],
        "ranking": report.recipe(ranker),
    }
    cases = _cases(before, [numbers.get(name, -1) for name in users], moment)
    rows = list(_rows(ranker, standing, cases, homes, done, options["k"], users))
    said = f"{len(rows)} homes ranked for {len(users)} people as of {told['as_of']}"
    if strangers:
        said += f"; {strangers} of them did nothing yet and are shown what is popular"
    return told, said, iter(rows)


def _cases(past: Past, people: Sequence[int], moment: float) -> Iterator[Case]:
    """Yield these people at a moment; one who did nothing has neither homes nor taste."""
    done, nothing = dict(past.persons()), np.zeros(0, dtype=np.int64)
    for person in people:
        yield case_of(past, person, done.get(person, nothing), moment)


def _rows(
    ranker: Ranker,
    standing: Standing,
    cases: Iterator[Case],
    homes: Homes,
    done: Interactions,
    k: int,
    names: Sequence[str] | None = None,
) -> Iterator[Row]:
    for place, case in enumerate(cases):
        name = done.people[case.person] if names is None else names[place]
        found, scores = best_of(ranker, case, standing, k)
        for rank, (home, score) in enumerate(zip(found.tolist(), scores.tolist(), strict=True), start=1):
            yield name, rank, homes.keys[home], f"{score:.6f}"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0 < share < 1.0:
        raise ArgumentTypeError("it is a share between 0 and 1, such as 0.25")
    return share


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("it is a number of homes, such as 10")
    return int(text)


def _moment(text: str) -> float:
    moment = read_moment_or_epoch(text)
    if math.isnan(moment):
        raise ArgumentTypeError("it is a time, such as 2026-03-31T14:05:00Z")
    return moment


BACKTEST = Backtest(
    help="Which homes people turn to next, learned from what they and others did before.",
    add_arguments=add_arguments,
    run=run,
)
