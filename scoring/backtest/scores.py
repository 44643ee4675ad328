"""`manage.py backtest scores`: learn from earlier leads, predict later ones, compare with what came."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from leads.backtest.engines import Backtest, Options, Tell
from leads.backtest.events import Log, last_moment, read_log
from leads.backtest.files import FileError, listed
from leads.backtest.outputs import write_report, write_rows
from leads.ml.catalogue import VERSION
from leads.ml.metrics import Flags, Values
from scoring.backtest import report
from scoring.backtest.features import Features, learn_features
from scoring.backtest.leads import Leads, in_order, read_leads
from scoring.backtest.moments import ages, moments
from scoring.training import Trained, train

LEAST_HELD = 20


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the choices."""
    parser.add_argument(
        "--train",
        type=Path,
        required=True,
        metavar="LEADS",
        help="past leads: contact_id, converted (0/1), created_at?, converted_at?, as_of?, and any others",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="EVENTS",
        help="what happened to leads: contact_id, occurred_at, kind, direction?, channel?, value?, text?; "
        "used before a lead's as_of, else its converted_at",
    )
    parser.add_argument("--test", type=Path, metavar="LEADS", help="leads to predict, without outcomes")
    parser.add_argument(
        "--hold-out",
        type=_share,
        default=0.25,
        metavar="SHARE",
        help="share of the leads, the last by time, that is predicted and compared (0.25); without --test",
    )
    parser.add_argument(
        "--order",
        choices=("created_at", "file"),
        help="what is the order of time; created_at if it is there",
    )
    parser.add_argument(
        "--keep-leaks", action="store_true", help="learn from what gives the outcome away too"
    )


def run(options: Options, now: datetime, tell: Tell) -> str:
    """Carry the back-test out and return what came of it in a sentence."""
    tell(f"reading {options['train']}")
    leads, times, order = in_order(read_leads(options["train"], now=now, learn=True), options["order"])
    held_out = 0 if options["test"] else _held_out(leads, options["hold_out"])
    count = len(leads) - held_out
    rows = np.arange(count)
    past = leads.take(rows)
    _check_past(past)
    known = ages(past)
    with ExitStack() as logs:
        log, cuts = _log(options, leads, known, now, tell, logs)
        features, matrix = learn_features(leads, log, rows, times, keep_leaks=options["keep_leaks"])
        for leak in features.leaks:
            tell(f"leak: {leak.name}. {leak.why}")
        if options["test"]:
            later = _test(options["test"], past, features, now)
            unseen = features.matrix(later, _log(options, later, known, now, tell, logs)[0])
        else:
            later, unseen = leads.take(np.arange(count, len(leads))), matrix[count:]
    tell(f"learning from {count} leads by {matrix.shape[1]} features")
    model = train(
        matrix[:count],
        past.known_outcomes,
        times[:count],
        names=features.names,
        pillars=features.pillars,
        seed=options["seed"],
        feature_version=VERSION,
        version="backtest",
    )
    tell(f"predicting {len(later)} leads by {model.metrics['recipe']}")
    serving = model.adapted(unseen)
    if options["predictions"]:
        _write_predictions(options["predictions"], later, serving, unseen)
    told = _figures(
        model, serving, matrix[:count], past.known_outcomes, unseen, later.outcomes, options["seed"]
    )
    told |= {
        "order": order,
        "leaks": [leak.as_json() | {"left_out": not options["keep_leaks"]} for leak in features.leaks],
        "columns": report.columns(features, keep=options["keep_leaks"]),
        "files": {name: str(options[name]) for name in ("train", "events", "test") if options[name]},
    }
    if log is not None:
        told["events"] = report.events(log, features, cuts)
    if options["report"]:
        write_report(options["report"], told)
    return report.sentence(told)


def _log(
    options: Options, leads: Leads, known: Values, now: datetime, tell: Tell, logs: ExitStack
) -> tuple[Log | None, dict[str, int]]:
    """Return what happened to leads before the moment each is looked at, and how that moment was found."""
    if not options["events"]:
        return None, {}
    tell(f"reading {options['events']}")
    end = last_moment(options["events"], now) + 1.0
    until, cuts = moments(leads, known, end=end, seed=options["seed"])
    return logs.enter_context(read_log(options["events"], leads.ids, until, now=now, tell=tell)), cuts


def _figures(
    model: Trained,
    serving: Trained,
    matrix: Values,
    outcomes: Flags,
    unseen: Values,
    came: Flags | None,
    seed: int,
) -> dict[str, Any]:
    if came is None:
        return report.forward(model, seed=seed)
    return report.held_out(model, matrix, outcomes, unseen, serving.predict(unseen), came, seed=seed)


def _write_predictions(path: Path, leads: Leads, model: Trained, matrix: Values) -> None:
    margins = model.margins(matrix)
    said = model.probability(margins)
    low, high = model.interval(margins)
    write_rows(
        path,
        ("contact_id", "probability", "low", "high"),
        (
            (contact, f"{middle:.6f}", f"{least:.6f}", f"{most:.6f}")
            for contact, middle, least, most in zip(leads.ids, said, low, high, strict=True)
        ),
    )


def _test(path: Path, past: Leads, features: Features, now: datetime) -> Leads:
    """Return the leads to predict; every column that was learned from has to be there."""
    texts = frozenset(name for name, column in past.columns.items() if column.kind == "text")
    leads = read_leads(path, now=now, learn=False, as_text=texts)
    lacking = [plan.name for plan in features.encoder.plans if plan.name not in leads.columns]
    if lacking:
        raise FileError(
            f"{path} lacks columns of {past.path}: {listed(lacking)}. Add them (they may be empty), or take "
            "them out of both files.",
            "columns",
        )
    return leads


def _held_out(leads: Leads, share: float) -> int:
    count = round(share * len(leads))
    if count < LEAST_HELD:
        raise FileError(
            f"{leads.path} has {len(leads)} leads, of which {count} would be held out to measure on: "
            f"{LEAST_HELD} are needed. Export more leads, or raise --hold-out.",
            "rows",
        )
    return count


def _check_past(past: Leads) -> None:
    outcomes = past.known_outcomes
    if outcomes.all() or not outcomes.any():
        raise FileError(
            f"{past.path}: the {len(past)} leads to learn from, the first by time, all have converted "
            f"{int(outcomes[0])}: export a longer time, or lower --hold-out.",
            "converted",
        )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0 < share < 1.0:
        raise ArgumentTypeError("it is a share between 0 and 1, such as 0.25")
    return share


BACKTEST = Backtest(
    help="How likely leads are to convert, learned from a file of past leads and measured on later ones.",
    add_arguments=add_arguments,
    run=run,
)
