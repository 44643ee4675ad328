"""What a back-test of matches reports: figures beside those of simple rankings, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from leads.backtest.outputs import versions
from leads.ml.memory import DAY
from leads.ml.metrics import Groups, Values, mean_interval
from matching.backtest.measured import ALIKE, OURS, Moment
from matching.backtest.records import Homes, Interactions
from matching.ranking.measures import hits, ndcg, reciprocal
from matching.ranking.ranker import Ranker
from matching.ranking.traits import Traits

FOR_ALL = (ALIKE, "popularity", "recent_popularity")
"""Rankings that are the same for everybody, but for what each has seen."""


def figures(places: Values, people: Groups, k: int, seed: int) -> dict[str, Any]:
    """Return the measures of where homes stood, each with its interval over people."""
    told = {f"ndcg_at_{k}": ndcg(places, k), f"hit_at_{k}": hits(places, k), "mrr": reciprocal(places)}
    return {
        name: mean_interval(np.asarray(values, dtype=np.float64), seed=seed, groups=people).as_json()
        for name, values in told.items()
    }


def measured(moments: Sequence[Moment], k: int, seed: int) -> dict[str, Any]:
    """Return the figures pooled over all moments, and of each."""
    people = np.concatenate([one.people for one in moments])
    pooled = {name: np.concatenate([one.places[name] for one in moments]) for name in moments[0].places}
    gained = {
        name: mean_interval(ndcg(pooled[OURS], k) - ndcg(places, k), seed=seed, groups=people)
        for name, places in pooled.items()
        if name != OURS
    }
    sure = all(gained[name].low > 0.0 for name in FOR_ALL)
    return {
        "verdict": "signal" if sure else "no signal",
        "measured_on": "the first new home each person turned to afterwards",
        "cases": len(people),
        "people": len(np.unique(people)),
        "k": k,
        "metrics": figures(pooled[OURS], people, k, seed),
        "baselines": {
            name: figures(places, people, k, seed) for name, places in pooled.items() if name != OURS
        },
        "gained": {name: one.as_json() for name, one in gained.items()},
        "moments": [
            {
                "at": moment_text(one.at),
                "interactions_before": one.history,
                "cases": len(one.people),
                **figures(one.places[OURS], one.people, k, seed),
                "ranking": recipe(one.ranker),
            }
            for one in moments
        ],
    }


def recipe(ranker: Ranker) -> dict[str, Any]:
    """Return how a ranking was learned."""
    if ranker.recipe is None:
        return {"by": "likeness and recent popularity: too little past to learn from", "learned_from": 0}
    return {
        "by": ranker.recipe.name,
        "learned_from": ranker.cases,
        "tried": dict(ranker.tried),
        "importance": [{"feature": name, "share": share} for name, share in ranker.importance()[:25]],
    }


def inputs(homes: Homes, told: Interactions, traits: Traits) -> dict[str, Any]:
    """Return what was read and what became of it."""
    return {
        "listings": len(homes),
        "interactions": {
            "rows": told.rows,
            "used": len(told.past),
            "with_unknown_homes": told.unknown,
            "there_twice": told.doubles,
            "people": len(told.people),
            "kinds": dict(told.kinds),
        },
        "columns": {"used": dict(traits.kinds), "left_out": dict(traits.left_out)},
        "versions": versions(),
    }


def moment_text(days: float) -> str:
    """Return a moment as ISO 8601."""
    return datetime.fromtimestamp(days * DAY, tz=UTC).isoformat()


def sentence(told: dict[str, Any]) -> str:
    """Return the figures that matter in one line."""
    k = told["k"]
    best = max(told["baselines"], key=lambda name: told["baselines"][name][f"ndcg_at_{k}"]["value"])
    return (
        f"{told['verdict']}: NDCG@{k} {_figure(told['metrics'][f'ndcg_at_{k}'])}, "
        f"hit@{k} {_figure(told['metrics'][f'hit_at_{k}'])}, MRR {_figure(told['metrics']['mrr'])} in "
        f"{told['cases']} cases; the best simple ranking, {best.replace('_', ' ')}: "
        f"{_figure(told['baselines'][best][f'ndcg_at_{k}'])}"
    )


def _figure(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
