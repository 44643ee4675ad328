from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from leads.ml import calibration
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import FeatureVector
from leads.ml.metrics import Flags, Values
from scoring import engine
from scoring.engine import Case, Mode, Model, Pillar, Weights
from scoring.training import (
    Trained,
    train,
)
from scoring.training.selection import Learning, Recipe, learn
from tests.scoring.test_engine import NOW

PILLARS = tuple(Pillar)
FOUR = ("one", "two", "three", "four")


def leads(count: int, seed: int, *, width: int = 4, strength: float = 1.0) -> tuple[Values, Flags, Values]:
    """Return a matrix, outcomes that hang on its first two columns and their product, and times."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, width))
    margins = -1.0 + strength * (1.2 * matrix[:, 0] + 0.8 * matrix[:, 0] * matrix[:, 1])
    outcomes = rng.random(count) < calibration.sigmoid(margins)
    return matrix, outcomes, np.linspace(1.7e9, 1.7e9 + 3600.0 * count, count)


def trained(matrix: Values, outcomes: Flags, times: Values, **more: object) -> Trained:
    names = tuple(f"f{j}" for j in range(matrix.shape[1]))
    settings_: dict[str, object] = {
        "names": names,
        "pillars": [PILLARS[j % len(PILLARS)] for j in range(len(names))],
        "seed": 7,
        "feature_version": VERSION,
        "version": "v1",
    }
    return train(matrix, outcomes, times, **{**settings_, **more})  # type: ignore[arg-type]


@lru_cache
def usual() -> Trained:
    return trained(*leads(1500, 1))


@lru_cache
def of_the_catalogue(kind: str) -> Trained:
    """Return a model of every feature of the catalogue, of one kind of learner, with isotonic plateaus."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(600, len(NAMES)))
    outcomes = rng.random(600) < calibration.sigmoid(matrix[:, 0] - 0.7 * matrix[:, 40])
    model = trained(matrix, outcomes, np.arange(600.0), names=NAMES, pillars=[*PILLARS * 20][: len(NAMES)])
    parts = (Recipe("trees"), Recipe("line"))
    recipe = {"trees": Recipe("trees"), "line": Recipe("line"), "bins": Recipe("bins")}.get(
        kind, Recipe("blend", parts=parts)
    )
    learner = learn(recipe, matrix, outcomes, np.ones(len(matrix)), Learning(seed=1))
    margins = learner.margins(matrix)
    calibrator = calibration.fit_isotonic(margins[::6], outcomes[::6])
    features = tuple((name, PILLARS[j % len(PILLARS)]) for j, name in enumerate(NAMES))
    return replace(
        model, learner=learner, calibrator=calibrator, used=tuple(range(len(NAMES))), features=features
    )


@pytest.mark.parametrize("kind", ["trees", "line", "bins", "blend"])
@pytest.mark.parametrize("shift", [0.0, 0.9])
def test_contributions_sum_to_the_score(kind: str, shift: float) -> None:
    model = of_the_catalogue(kind)
    model = replace(model, calibrator=model.calibrator.shifted(shift))
    heights = model.calibrator.heights
    assert sum(a == b for a, b in zip(heights, heights[1:], strict=False)) >= 2, "no plateaus"
    rng = np.random.default_rng(11)
    rows = rng.normal(size=(40, len(NAMES)))
    rows[0] = 0.0
    cases = [
        Case(
            FeatureVector(row),
            Weights("mine", dict(zip(PILLARS, weights, strict=True))),
        )
        for row, weights in zip(rows, rng.uniform(0.0, 3.0, (40, len(PILLARS))), strict=True)
    ]
    cases += [Case(FeatureVector(row)) for row in rows]
    start, parts = model.explain(np.stack([case.vector.values for case in cases]))
    base = 100.0 * float(model.probability(np.array([start]))[0])
    scores = engine.score_many(cases, now=NOW, model=model)
    for i, (case, score) in enumerate(zip(cases, scores, strict=True)):
        total = score.base + sum(one.points for one in score.contributions)
        assert total == pytest.approx(score.score, abs=1e-6)
        assert score.base == pytest.approx(base, abs=1e-9)
        weights = np.array([case.weights.of(pillar) for _, pillar in model.features])
        margin = start + float((weights * parts[:, i]).sum())
        assert score.score == pytest.approx(100.0 * float(model.probability(np.array([margin]))[0]), abs=1e-6)
        assert sum(share.points for share in score.pillars) == pytest.approx(total - score.base, abs=1e-6)
        assert score.mode == Mode.MODEL


def test_a_trained_model_is_a_model_of_the_engine() -> None:
    model: Model = usual()
    assert model.version == "v1"
    assert model.feature_version == VERSION
    assert set(model.features) <= {(f"f{j}", PILLARS[j]) for j in range(4)}


def test_learns_what_there_is_and_says_how_well() -> None:
    model = usual()
    told = model.metrics
    assert model.verdict == "signal"
    assert told["rows"] == 1500
    assert told["forward"]["auc"]["low"] > 0.65
    assert told["forward"]["log_loss"]["value"] < told["baselines"]["constant"]["log_loss"]["value"]
    assert [fold["learned_from"] for fold in told["folds"]] == [450, 660, 870, 1080, 1290]
    assert sum(row["count"] for row in told["reliability"]) == 840
    assert told["gains"][-1] == {"share": 1.0, "count": 840, "rate": pytest.approx(told["gains"][-1]["rate"]),
                                 "lift": 1.0, "reached": 1.0}  # fmt: skip
    assert {one["feature"] for one in told["importance"][:2]} == {"f0", "f1"}
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_shuffled_outcomes_are_no_signal() -> None:
    verdicts = []
    for seed in range(5):
        matrix, outcomes, times = leads(600, seed)
        shuffled = np.random.default_rng(seed).permutation(outcomes)
        verdicts.append(trained(matrix, shuffled, times).verdict)
    assert verdicts == ["no signal"] * 5
