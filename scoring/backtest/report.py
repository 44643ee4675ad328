"""What a back-test of scores reports: figures beside those of simple models, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leads.backtest.events import Log
from leads.backtest.outputs import versions
from leads.ml import metrics
from leads.ml.metrics import Flags, Values
from scoring.backtest.features import Features
from scoring.training import Trained
from scoring.training.report import ROUNDS, importance, simple
from scoring.training.selection import THINNED


def held_out(
    model: Trained,
    matrix: Values,
    outcomes: Flags,
    unseen: Values,
    said: Values,
    came: Flags,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return the figures on leads that came after all the model learned from."""
    constant = np.full(len(came), (outcomes.sum() + 0.5) / (len(outcomes) + 1.0))
    step = max(1, -(-len(matrix) // THINNED))
    others = {"constant": constant, **simple(matrix[::step], outcomes[::step], unseen)}
    ours = metrics.summary(came, said, seed=seed, rounds=ROUNDS)
    return {
        "verdict": _verdict(model, came, said, constant, seed),
        "measured_on": "the held-out leads",
        "rows": {"learned_from": len(outcomes), "measured_on": len(came)},
        "base_rate": {"learned_from": float(outcomes.mean()), "measured_on": float(came.mean())},
        "metrics": ours,
        "baselines": {
            name: metrics.summary(came, told, seed=seed, rounds=ROUNDS) for name, told in others.items()
        },
        "reliability": [row.as_json() for row in metrics.reliability(came, said)],
        "gains": [row.as_json() for row in metrics.gains(came, said)],
        **_model(model, importance(model, unseen), seed),
    }


def forward(model: Trained, *, seed: int) -> dict[str, Any]:
    """Return the figures of the training leads, for nobody knows what came of the others."""
    told = model.metrics
    return {
        "verdict": model.verdict,
        "measured_on": "the training leads, each predicted from those before it",
        "rows": {"learned_from": told["rows"], "measured_on": sum(r["count"] for r in told["reliability"])},
        "base_rate": {"learned_from": told["base_rate"]},
        "metrics": told["forward"],
        "baselines": told["baselines"],
        "reliability": told["reliability"],
        "gains": told["gains"],
        **_model(model, told["importance"], seed),
    }


def _model(model: Trained, weights: Sequence[dict[str, Any]], seed: int) -> dict[str, Any]:
    told = model.metrics
    return {
        "importance": [
            {"feature": one["feature"], "mean_abs_log_odds": one["mean_abs"]}
            for one in weights
            if one["mean_abs"] > 0
        ],
        "recipe": told["recipe"],
        "candidates": told["candidates"],
        "calibration": told["calibration"],
        "clocks": told["clocks"],
        "forward": {"verdict": model.verdict, "metrics": told["forward"], "baselines": told["baselines"]},
        "seed": seed,
        "versions": versions(),
    }


def _verdict(model: Trained, came: Flags, said: Values, constant: Values, seed: int) -> str:
    """Return whether later leads were told apart, and better than by the base rate, beyond chance.

    The leads before them have to agree that there is an order: one lucky interval is no signal.
    """
    ranked = metrics.interval(came, said, metrics.auc, seed=seed)
    saved = metrics.log_losses(came, constant) - metrics.log_losses(came, said)
    gained = metrics.mean_interval(saved, seed=seed)
    before = model.metrics["forward"]["auc"]["low"]
    sure = ranked.low > 0.5 and gained.low > 0.0 and before is not None and before > 0.5
    return "signal" if sure else "no signal"


def columns(features: Features, *, keep: bool) -> dict[str, Any]:
    """Return which columns became which features, and which were left out and why."""
    hidden = [] if keep else [leak.name for leak in features.leaks if leak.of == "column"]
    return {
        "used": {
            plan.name: {"as": plan.kind, "features": list(plan.features)}
            | ({"note": plan.note} if plan.note else {})
            for plan in features.encoder.plans
        },
        "left_out": {**features.encoder.left_out, **dict.fromkeys(hidden, "gives the outcome away")},
    }


def events(log: Log, features: Features, cuts: dict[str, int]) -> dict[str, Any]:
    """Return how many events there were, which counted, and what became of each kind."""
    tallies, histories = log.tallies, features.histories
    hidden = frozenset() if histories is None else histories.hidden
    counted = () if histories is None else histories.kinds
    told = dict[str, str]()
    for name, (key, place) in zip(tallies.names, tallies.kinds.items(), strict=True):
        if key in hidden:
            told[name] = "left out: gives the outcome away"
        elif place in log.known:
            told[name] = f"as live scores know it: {log.known[place].value}"
        else:
            told[name] = "counted" if key in counted else "too rare for features of its own"
    return {
        "rows": log.events,
        "of_these_leads": log.of_leads,
        "before_their_moment": log.used,
        "moments": cuts,
        "kinds": told,
    }


def sentence(told: dict[str, Any]) -> str:
    """Return the figures that matter in one line."""
    auc, ece, loss = (told["metrics"][name] for name in ("auc", "ece", "log_loss"))
    return (
        f"{told['verdict']}: AUC {_figure(auc)}, calibration error {_figure(ece)}, log loss {_figure(loss)} "
        f"on {told['rows']['measured_on']} leads ({told['measured_on']})"
    )


def _figure(one: dict[str, float | None]) -> str:
    if one["value"] is None:
        return "–"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:.3f}"
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
