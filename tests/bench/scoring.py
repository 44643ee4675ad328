"""What scoring costs: one lead, explained batches beside XGBoost's, many leads, training, a worker's memory.

The leads are simulated; the model is grown on them. Nothing is served over a network.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xgboost

from leads.events import Kind
from leads.ml import boosting, features
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import EventFact, FeatureVector, State
from scoring import engine
from scoring.engine import Case
from scoring.pillars import PILLARS
from scoring.training import Trained, train
from scoring.training.learners import Trees
from tests.bench import report

SEED = 15
SHAPE = boosting.Shape(depth=4, rounds=300)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LEADS, BATCH, MANY = 2_000, 500, 100_000
TRAINED_LEADS, TRAINED_FEATURES = 100_000, 60
COLUMNS = ("what", "n", "p50", "p95", "p99", "unit")

_TEXTS = (
    "Can we see the house on Saturday? We are pre-approved for 580k",
    "Not pre-approved yet, our budget is around half a million",
    "Thanks",
    "¿Podemos ver la casa el sábado?",
    "We need to move by June 1, the lease ends",
)
_WORKER = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django; django.setup()
import numpy as np, psutil
from datetime import datetime, UTC
from pathlib import Path
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import FeatureVector
from scoring import engine, services, tasks
from scoring.training import Trained
model = Trained.from_bytes(Path(sys.argv[1]).read_bytes(), sha256=sys.argv[2], feature_version=VERSION)
rows = np.zeros((64, len(NAMES)))
cases = [engine.Case(FeatureVector(row, VERSION)) for row in rows]
engine.score_many(cases, now=datetime.now(UTC), model=model)
print(psutil.Process().memory_full_info().pss / 2**20)
"""


def run() -> bool:
    """Measure, print, keep; tell whether the goals were met."""
    hardware = report.machine()
    histories = simulated_histories()
    vectors = [features.vector(features.replay(facts), NOW) for facts in histories]
    matrix = np.stack([vector.values for vector in vectors])
    model = model_of(matrix)
    rows = [_one_lead(histories, model)]
    ours, theirs = _explained(vectors, matrix, model)
    many = _many(matrix, model)
    training = _training()
    worker = _worker(model)
    rows += [
        {"what": f"{BATCH} leads explained", **ours, "unit": "ms"},
        {"what": f"{BATCH} leads by XGBoost's pred_contribs", **theirs, "unit": "ms"},
        {"what": f"{MANY:,} leads without explanation", "n": 1, "p50": many, "unit": "s"},
        {
            "what": f"training on {TRAINED_LEADS:,} × {TRAINED_FEATURES}",
            "n": 1,
            "p50": training,
            "unit": "s",
        },
        {"what": "a worker that scores by a model", "n": 1, "p50": worker, "unit": "MB"},
    ]
    goals = [
        report.goal("one lead: features, score, reasons, p99 ms", rows[0]["p99"], 5.0),
        report.goal("explained batch / pred_contribs", round(ours["p50"] / theirs["p50"], 2), 1.5),
        report.goal(f"{MANY:,} leads, s", many, 10.0),
        report.goal("training, s", training, 60.0),
        report.goal("worker, MB", worker, 300.0),
    ]
    report.say(report.table(f"Scoring by {SHAPE.rounds} trees of depth {SHAPE.depth}", rows, COLUMNS))
    report.say(report.goals_table(goals))
    report.write("scoring", seed=SEED, hardware=hardware, rows=rows, goals=goals)
    return all(goal["met"] for goal in goals)


def simulated_histories(count: int = LEADS) -> list[list[EventFact]]:
    """Return what some leads did and said, always the same."""
    rng = random.Random(SEED)
    return [_history(rng) for _ in range(count)]


def _history(rng: random.Random) -> list[EventFact]:
    """Return what a simulated lead did and said within three months."""
    moments = sorted(rng.uniform(0.0, 90.0) for _ in range(rng.randint(5, 60)))
    kinds = (Kind.MESSAGE_RECEIVED, Kind.MESSAGE_SENT, Kind.LISTING_VIEWED, Kind.PAGE_VIEWED, Kind.CALL_MADE)
    return [
        EventFact(
            rng.choice(kinds),
            NOW - timedelta(days=90.0 - days),
            {"text": rng.choice(_TEXTS), "channel": "SMS", "price": 500_000.0},
            number,
        )
        for number, days in enumerate(moments, 1)
    ]


def model_of(matrix: np.ndarray[Any, np.dtype[np.float64]]) -> Trained:
    """Return a trained model whose learner is the trees the goals speak of."""
    rng = np.random.default_rng(SEED)
    spread = matrix.std(axis=0)
    varying = np.flatnonzero(spread > 0)
    scaled = (matrix[:, varying] - matrix[:, varying].mean(axis=0)) / spread[varying]
    margin = scaled @ rng.normal(0, 0.4, len(varying)) - 1.0
    outcomes = rng.random(len(matrix)) < 1.0 / (1.0 + np.exp(-margin))
    trained = train(
        matrix,
        outcomes,
        np.arange(len(matrix), dtype=np.float64),
        names=NAMES,
        pillars=[PILLARS[name] for name in NAMES],
        seed=SEED,
        feature_version=VERSION,
        version="bench",
    )
    booster = boosting.grow(matrix[:, varying], outcomes, seed=SEED, shape=SHAPE)
    columns = tuple(int(j) for j in varying)
    return replace(
        trained,
        learner=Trees(columns, matrix.shape[1], booster),
        used=columns,
        features=tuple((NAMES[j], PILLARS[NAMES[j]]) for j in columns),
    )


def _one_lead(histories: list[list[EventFact]], model: Trained) -> dict[str, Any]:
    """Time what a worker does for one event: fold it in, read the features, score, explain."""
    states: list[State] = [features.replay(facts[:-1]) for facts in histories]

    def one(number: int) -> None:
        state = features.advance(states[number], histories[number][-1])
        engine.score(features.vector(state, NOW), now=NOW, model=model)

    for number in range(50):
        one(number)
    taken = [_seconds(lambda number=number: one(number)) for number in range(LEADS)]  # type: ignore[misc]
    return {"what": "one lead, explained", **_quantiles(taken), "unit": "ms"}


def _explained(
    vectors: list[FeatureVector], matrix: np.ndarray[Any, np.dtype[np.float64]], model: Trained
) -> tuple[dict[str, float], dict[str, float]]:
    """Time explained batches against XGBoost's own contributions of the same rows, turn by turn."""
    assert isinstance(model.learner, Trees)
    cases = [Case(vector) for vector in vectors[:BATCH]]
    rows, trees = matrix[:BATCH][:, list(model.learner.columns)], model.learner.booster.trees
    ours, theirs = [], []
    for _ in range(21):
        ours.append(_seconds(lambda: engine.score_many(cases, now=NOW, model=model)))
        theirs.append(_seconds(lambda: trees.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True)))
    return _quantiles(ours[1:]), _quantiles(theirs[1:])


def _many(matrix: np.ndarray[Any, np.dtype[np.float64]], model: Trained) -> float:
    rows = np.tile(matrix, (-(-MANY // len(matrix)), 1))[:MANY]
    return round(median(_seconds(lambda: model.predict(rows)) for _ in range(3)), 2)


def _training() -> float:
    rng = np.random.default_rng(SEED)
    matrix = rng.normal(size=(TRAINED_LEADS, TRAINED_FEATURES))
    margin = matrix[:, :10] @ rng.normal(0, 0.4, 10) - 2.5
    outcomes = rng.random(TRAINED_LEADS) < 1.0 / (1.0 + np.exp(-margin))
    names = [f"feature {j}" for j in range(TRAINED_FEATURES)]

    def learn() -> None:
        train(
            matrix,
            outcomes,
            np.arange(TRAINED_LEADS, dtype=np.float64),
            names=names,
            pillars=[engine.Pillar.CONTEXT] * len(names),
            seed=SEED,
            feature_version="bench",
            version="bench",
        )

    return round(_seconds(learn), 1)


def _worker(model: Trained) -> float:
    """Return the proportional memory of a process that has scored by the model, in MB."""
    data = model.to_bytes()
    digest = hashlib.sha256(data).hexdigest()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.zip"
        path.write_bytes(data)
        told = subprocess.run(
            [sys.executable, "-c", _WORKER, str(path), digest], check=True, capture_output=True, text=True
        )
    return round(float(told.stdout.split()[-1]), 1)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _quantiles(seconds: list[float]) -> dict[str, float]:
    told = report.milliseconds(seconds)
    return {"n": told["n"], "p50": told["p50_ms"], "p95": told["p95_ms"], "p99": told["p99_ms"]}
