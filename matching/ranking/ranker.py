"""Learn, from which homes people turned to next, how to rank homes for people: forward in time alone.

At moments of the past people are looked at with what they had done by then; the first new home each turned
to afterwards should rank before others they had not seen. Trees learn that (LambdaMART), and so does a line
(a softmax, shrunk to likeness and recent popularity); which of them, or both, is chosen on the last part of
the past, never on what is to be predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xgboost
from numpy.typing import NDArray

from leads.ml.metrics import Values
from matching.ranking.cases import Case, cases_at
from matching.ranking.line import fit_line, standardized
from matching.ranking.measures import ndcg, place_of
from matching.ranking.past import STANDING, Past, Standing, standing_at
from matching.ranking.traits import Rows, Traits

CUTS = 14
"""Moments of the past at which people are looked at."""

FIRST, LAST = 0.1, 0.97
VALIDATED = 0.7
"""Share of the past, by count, the competition of recipes learns from; the rest decides."""

LEAST_CASES = 40
MOST_CASES = 500
"""People looked at in each moment at most."""

OTHERS = 60
"""Homes nobody turned to that each case is compared with."""

SHORTLIST = 2_000
"""Homes that are ranked for a person where there are more."""

TIE = 1e-3

ALIKE = "alike: "
PRIOR_LIKENESS, PRIOR_LATELY = 2.0, 0.7
"""What the line begins from: weight shared by all likenesses, and that of popularity of late."""

BAGS = 3
"""Times the chosen trees are grown, from other draws."""

RECENT = STANDING.index("popularity, half-life 90 days")
PERSON = ("homes so far", "things done so far", "days since the last")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the trees grow, whether a line speaks beside them, and whether they know the person."""

    depth: int = 3
    rounds: int = 150
    rate: float = 0.05
    least: float = 3.0
    personal: bool = True
    has_line: bool = False

    @property
    def name(self) -> str:
        """Return it in words."""
        trees = f"{self.rounds} trees of depth {self.depth}" if self.rounds else ""
        return " and ".join(part for part in ("a line" if self.has_line else "", trees) if part)


RECIPES = (
    Recipe(depth=4, rounds=100, has_line=True),
    Recipe(depth=3, has_line=True),
    Recipe(rounds=0, has_line=True),
)
"""Both together err less than either, as averages of unlike rankers do; the line alone is for little past."""

MUCH = 0.02
"""NDCG by which the line alone must be ahead of both: about its standard error on so few cases."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """Ranks homes for people; without trees (too little past) by popularity and likeness."""

    traits: Traits
    trees: tuple[xgboost.Booster, ...]
    columns: Rows
    recipe: Recipe | None
    tried: tuple[tuple[str, float], ...] = ()
    cases: int = 0
    line: Values | None = None

    def importance(self) -> list[tuple[str, float]]:
        """Return the features that matter, each with its share of what all gained, the first ones first."""
        names, gained = feature_names(self.traits), dict[str, float]()
        for tree in self.trees:
            for key, value in tree.get_score(importance_type="total_gain").items():
                name = names[int(self.columns[int(key[1:])])]
                gained[name] = gained.get(name, 0.0) + float(np.sum(value))
        if not self.trees and self.line is not None:
            gained = {names[int(j)]: abs(float(one)) for j, one in zip(self.columns, self.line, strict=True)}
        total = sum(gained.values())
        return sorted(((name, value / total) for name, value in gained.items()), key=lambda one: -one[1])

    def scores(self, case: Case, standing: Standing, homes: Rows) -> Values:
        """Return how well each of some homes fits somebody at a moment (c,)."""
        if len(case.mine) == 0:
            return np.asarray(np.log1p(standing.lately[homes]) + TIE * standing.values[homes, -1])
        if not self.trees and self.line is None:
            return plain_scores(case, standing, self.traits, homes)
        rows = np.ascontiguousarray(features(case, standing, self.traits, homes)[:, self.columns])
        total = np.zeros(len(homes))
        if self.trees:
            told = np.stack([tree.inplace_predict(rows) for tree in self.trees]).astype(np.float64)
            total += _unit(told.mean(axis=0))
        if self.line is not None:
            total += _unit(standardized(rows, np.array([len(homes)])) @ self.line)
        return total


def feature_names(traits: Traits) -> tuple[str, ...]:
    """Return the names of the features, those of homes alone first."""
    return (
        *STANDING,
        *traits.plain_names,
        *(f"most alike: {name}" for name in traits.way_names),
        *(f"alike: {name}" for name in traits.way_names),
        *(f"{name}: more than mine" for name in traits.plain_names),
        *("chosen together", "chosen together, by cosine", "words of homes chosen together"),
        *PERSON,
    )


def impersonal(traits: Traits) -> Rows:
    """Return the features that are the same for everybody."""
    return np.arange(len(STANDING) + len(traits.plain_names))


def features(case: Case, standing: Standing, traits: Traits, homes: Rows) -> NDArray[np.float32]:
    """Return the features (c, k) of homes for somebody at a moment."""
    mine, shares = case.mine, case.shares
    told = traits.alike(mine, homes)
    plain = traits.plain[homes]
    usual = shares @ np.nan_to_num(traits.plain[mine], nan=0.0)
    both, cosines = standing.together(mine)
    about = np.array([np.log(len(mine)), np.log(case.done), np.log1p(case.at - case.last)])
    parts = [
        standing.values[homes],
        plain,
        told.max(axis=0),
        np.tensordot(shares, told, axes=1),
        plain - usual,
        np.stack([np.log1p(both[homes]), cosines[homes], np.log1p(_by_words(traits, both, homes))], axis=1),
        np.broadcast_to(about, (len(homes), len(about))),
    ]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _by_words(traits: Traits, both: Values, homes: Rows) -> Values:
    if traits.words is None or not both.any():
        return np.zeros(len(homes))
    return np.asarray(traits.words[homes] @ (traits.words.T @ both))


def plain_scores(case: Case, standing: Standing, traits: Traits, homes: Rows) -> Values:
    """Return content and recent popularity in equal parts: what needs no learning."""
    return np.asarray(_unit(likeness(case, traits, homes)) + _unit(np.log1p(standing.lately[homes])))


def likeness(case: Case, traits: Traits, homes: Rows) -> Values:
    """Return how alike homes are to those somebody chose, over all columns alike."""
    told = np.tensordot(case.shares, traits.alike(case.mine, homes), axes=1)
    spread = told.std(axis=0)
    kept = spread > 0
    return np.asarray((told[:, kept] / spread[kept]).mean(axis=1)) if kept.any() else np.zeros(len(homes))


def _unit(values: Values) -> Values:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Cases as rows to learn from: of each its target first, then others."""

    matrix: NDArray[np.float32]
    groups: Rows
    person: Rows
    target: Rows
    cut: Values
    met: Values

    def take(self, cases: NDArray[np.bool_]) -> _Rows:
        kept = np.repeat(cases, self.groups)
        return _Rows(
            self.matrix[kept],
            self.groups[cases],
            self.person[cases],
            self.target[cases],
            self.cut[cases],
            self.met[cases],
        )

    def weights(self) -> Values:
        """Return how much each case counts: the same step seen from several moments counts less each time."""
        _, places, sizes = np.unique(
            np.stack([self.person, self.target]), axis=1, return_inverse=True, return_counts=True
        )
        return 1.0 / np.sqrt(sizes[places.ravel()])


def learn(past: Past, traits: Traits, *, seed: int, recipes: Sequence[Recipe] = RECIPES) -> Ranker:
    """Return a ranker learned from what happened; of several recipes the one the last part speaks for."""
    none = Ranker(traits, (), np.arange(0), None)
    if len(past) < LEAST_CASES:
        return none
    rng = np.random.default_rng(seed)
    rows = _learning_rows(past, traits, rng)
    if rows is None or len(rows.groups) < LEAST_CASES:
        return none
    chosen, tried = _choose(past, traits, rows, recipes, seed)
    found = _learned(rows, traits, chosen, seed, bags=BAGS)
    return replace(found, tried=tried, cases=len(rows.groups))


def _learned(rows: _Rows, traits: Traits, recipe: Recipe, seed: int, *, bags: int) -> Ranker:
    """Return a ranker by one recipe."""
    columns = _columns(traits, recipe)
    draws = range(seed, seed + bags) if recipe.rounds else ()
    trees = tuple(_grow(rows, columns, recipe, draw) for draw in draws)
    line = None
    if recipe.has_line:
        scaled = standardized(rows.matrix[:, columns], rows.groups)
        line = fit_line(scaled, rows.groups, rows.weights(), _prior(traits)[columns])
    return Ranker(traits, trees, columns, recipe, line=line)


def _prior(traits: Traits) -> Values:
    """Return the weights of content and recent popularity: what the line says before it learns."""
    names = feature_names(traits)
    alike = np.array([name.startswith(ALIKE) for name in names])
    prior = np.zeros(len(names))
    prior[alike] = PRIOR_LIKENESS / max(int(alike.sum()), 1)
    prior[RECENT] = PRIOR_LATELY
    return prior


def _columns(traits: Traits, recipe: Recipe) -> Rows:
    return np.arange(len(feature_names(traits))) if recipe.personal else impersonal(traits)


def _learning_rows(past: Past, traits: Traits, rng: np.random.Generator) -> _Rows | None:
    moments = np.unique(np.quantile(past.at, np.linspace(FIRST, LAST, CUTS)))
    parts, groups, about = list[NDArray[np.float32]](), list[int](), list[tuple[float, ...]]()
    for moment in moments:
        found = list(cases_at(past, float(moment)))
        if len(found) > MOST_CASES:
            found = [found[i] for i in np.sort(rng.choice(len(found), MOST_CASES, replace=False))]
        standing = standing_at(past, traits, float(moment)) if found else None
        for case in found:
            homes = _compared(case, past.count, rng)
            if standing is not None and len(homes) > 1:
                parts.append(features(case, standing, traits, homes))
                groups.append(len(homes))
                about.append((case.person, case.target, case.at, case.met))
    if not parts:
        return None
    person, target, cut, met = np.array(about).T
    return _Rows(
        np.concatenate(parts), np.array(groups), person.astype(np.int64), target.astype(np.int64), cut, met
    )


def _compared(case: Case, count: int, rng: np.random.Generator) -> Rows:
    """Return the target and some of the homes nobody turned to."""
    drawn = rng.choice(count, min(count, OTHERS + len(case.seen) + 1), replace=False)
    others = drawn[~np.isin(drawn, case.seen) & (drawn != case.target)][:OTHERS]
    return np.concatenate([[case.target], others])


def _choose(
    past: Past, traits: Traits, rows: _Rows, recipes: Sequence[Recipe], seed: int
) -> tuple[Recipe, tuple[tuple[str, float], ...]]:
    """Return the recipe that ranks the last part of the past best when it learned from what was before."""
    moment = float(np.quantile(past.at, VALIDATED))
    known = rows.take((rows.cut < moment) & (rows.met < moment))
    later = list(cases_at(past, moment))[:MOST_CASES]
    if len(recipes) == 1 or len(known.groups) < LEAST_CASES or len(later) < LEAST_CASES:
        return recipes[0], ()
    standing = standing_at(past, traits, moment)
    tried = list[tuple[str, float]]()
    for recipe in recipes:
        ranker = _learned(known, traits, recipe, seed, bags=1)
        places = np.array([place(ranker, case, standing) for case in later])
        tried.append((recipe.name, float(ndcg(places, 10).mean())))
    best = max(range(len(recipes)), key=lambda i: tried[i][1] - MUCH * (not recipes[i].rounds))
    return recipes[best], tuple(tried)


def unseen(case: Case, count: int) -> Rows:
    """Return the homes somebody has not seen."""
    open_ = np.ones(count, dtype=np.bool_)
    open_[case.seen] = False
    return np.flatnonzero(open_)


def shortlist(case: Case, standing: Standing, traits: Traits) -> Rows:
    """Return the unseen homes worth ranking: all, or of very many the popular, the alike and the related."""
    homes = unseen(case, traits.count)
    if len(homes) <= SHORTLIST:
        return homes
    ways = [standing.lately, standing.ever, standing.values[:, -1], standing.together(case.mine)[0]]
    if traits.words is not None and len(case.mine):
        ways.append(np.asarray(traits.words @ (traits.words[case.mine].T @ case.shares)))
    each = SHORTLIST // len(ways)
    found = [homes[np.argpartition(-way[homes], each)[:each]] for way in ways]
    return np.unique(np.concatenate(found))


def best_of(ranker: Ranker, case: Case, standing: Standing, k: int) -> tuple[Rows, Values]:
    """Return the k homes that fit somebody best among those not seen, and their scores."""
    homes = shortlist(case, standing, ranker.traits)
    scores = ranker.scores(case, standing, homes) if len(homes) else np.zeros(0)
    order = np.argsort(-scores, kind="stable")[:k]
    return homes[order], scores[order]


def place(ranker: Ranker, case: Case, standing: Standing) -> float:
    """Return the place of the home somebody turned to among all they had not seen."""
    homes = shortlist(case, standing, ranker.traits)
    at = np.flatnonzero(homes == case.target)
    if len(at) == 0:
        return float(ranker.traits.count)
    return place_of(ranker.scores(case, standing, homes), int(at[0]))


def _grow(rows: _Rows, columns: Rows, recipe: Recipe, seed: int) -> xgboost.Booster:
    matrix = np.ascontiguousarray(rows.matrix[:, columns])
    wanted = np.zeros(len(matrix))
    wanted[np.cumsum(rows.groups) - rows.groups] = 1.0
    told = xgboost.DMatrix(matrix, label=wanted, group=rows.groups, weight=rows.weights(), nthread=1)
    settings = {
        "objective": "rank:ndcg",
        "lambdarank_pair_method": "mean",
        "lambdarank_num_pair_per_sample": 1,
        "tree_method": "hist",
        "max_depth": recipe.depth,
        "eta": recipe.rate,
        "min_child_weight": recipe.least,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "lambda": 5.0,
        "nthread": 1,
        "seed": seed,
    }
    return xgboost.train(settings, told, num_boost_round=recipe.rounds)
