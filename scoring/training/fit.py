"""Train a model on past leads: compete, calibrate, pool, and say whether there is a signal at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads.ml import calibration, metrics
from leads.ml.calibration import Manner, Past
from leads.ml.metrics import Flags, Groups, Values
from scoring.cohorts import Cohort, Levels, choose_levels
from scoring.drift import reference
from scoring.engine import Pillar
from scoring.pillars import OWN
from scoring.training import pooling, report
from scoring.training.learners import Additive, Blend, Calibrated, Learner, widened
from scoring.training.selection import (
    Learning,
    clocks,
    compete,
    fold_bounds,
    forward_margins,
    inner_past,
    learn,
    past_of,
    varying,
    within,
)
from scoring.training.trained import Band, Trained, TrainingError, Verdict

LEAST_ROWS = 60
LEAST_RARE = 12
"""Leads of the rarer outcome below which nothing of one's own can be learned."""

POOLS = (0.0, 50.0, 200.0, 800.0, 3200.0, 12_800.0)
"""Rows the market model may be worth (k of n/(n + k)); validation chooses."""

BAND_ROUNDS = 60
BAND_POINTS = 64
BAND_ROWS = 20_000
BLOCKS = 25
"""Runs of consecutive leads that are resampled together, so that drift widens the band."""

ADAPT_GAIN = 0.002
"""Log loss a row that knowing the new base rate must save in validation."""


@dataclass(frozen=True, slots=True)
class _Data:
    """Leads in the order of time."""

    matrix: Values
    outcomes: Flags
    times: Values
    segments: NDArray[np.str_] | None
    known_at: Values
    groups: Groups | None
    weights: Values
    cohorts: tuple[Cohort, ...]

    @property
    def leads(self) -> Groups:
        """Return whose each row is; its own where that is not told."""
        return np.arange(len(self.outcomes)) if self.groups is None else self.groups


def train(
    matrix: Values,
    outcomes: Flags,
    times: Values,
    *,
    names: Sequence[str],
    pillars: Sequence[Pillar],
    seed: int,
    feature_version: str,
    version: str,
    segments: Sequence[str] | None = None,
    prior: Trained | None = None,
    monotone: Sequence[int] | None = None,
    known_at: Values | None = None,
    groups: Groups | None = None,
    weights: Values | None = None,
    cohorts: Sequence[Cohort] | None = None,
) -> Trained:
    """Return a model of outcomes (n,) by a matrix (n, k; NaN is missing) at times (n,; unix seconds).

    `known_at` (n,) says when each outcome was known, at once unless given: no fold learns from later ones.
    `weights` (n,) says how much each row counts in learning, once unless given; measures count all alike.
    `groups` (n,) says which rows are of one lead, so that intervals do not take them for independent.

    Everything is chosen by rolling validation forward in time. `prior` is the market's model: it is blended
    in with the weight k/(n + k), k chosen by validation, and stands alone where own outcomes are too few.
    `cohorts` (n,) says which leads each is like: of the blend, segments and sources may have levels of their
    own, pooled likewise (`scoring.training.pooling`), where later leads were foretold better by them.
    With `monotone` a column's margin may only rise (1), only fall (−1) or both (0); only trees know it.
    Raises TrainingError where nothing can be learned.
    """
    data = _ordered(matrix, outcomes, times, segments, names, pillars, known_at, groups, weights, cohorts)
    known = tuple(names[: len(prior.names)]) if prior is not None else ()  # further ones are the tenant's own
    if prior is not None and (prior.names != known or prior.feature_version != feature_version):
        raise TrainingError(
            f"The market's model knows features of version {prior.feature_version}, these are of "
            f"{feature_version}: train the market's model again first.",
            "prior",
        )
    problem = _problem(data)
    if problem and prior is None:
        raise TrainingError(problem, "outcomes")
    if problem and prior is not None:
        told = {**prior.metrics, "own_share": 0.0, "pooled_because": problem, "rows": len(data.outcomes)}
        return replace(prior, version=version, own_share=0.0, metrics=told)
    return _train(
        data,
        names=tuple(names),
        pillars=tuple(pillars),
        seed=seed,
        feature_version=feature_version,
        version=version,
        prior=prior,
        monotone=monotone,
    )


def _ordered(
    matrix: Values,
    outcomes: Flags,
    times: Values,
    segments: Sequence[str] | None,
    names: Sequence[str],
    pillars: Sequence[Pillar],
    known_at: Values | None,
    groups: Groups | None,
    weights: Values | None,
    cohorts: Sequence[Cohort] | None,
) -> _Data:
    """Return the leads in the order of time, or say what does not fit together."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape != (len(outcomes), len(names)) or len(times) != len(outcomes):
        raise ValueError(
            f"{matrix.shape} values, {len(outcomes)} outcomes, {len(times)} times and {len(names)} names do "
            "not fit together."
        )
    if len(pillars) != len(names) or (segments is not None and len(segments) != len(outcomes)):
        raise ValueError("Each name needs a pillar, and each lead a segment if any has one.")
    if not np.isfinite(times).all():
        raise TrainingError("A lead has no time: leads are learned from in the order of time.", "times")
    order = np.argsort(times, kind="stable")
    held = np.where(np.isfinite(matrix[order]), matrix[order], np.nan)
    told = None if segments is None else np.array(segments, dtype=np.str_)[order]
    return _Data(
        held,
        np.asarray(outcomes, dtype=np.bool_)[order],
        np.asarray(times)[order],
        told,
        np.asarray(times if known_at is None else known_at)[order],
        None if groups is None else np.asarray(groups)[order],
        np.ones(len(order)) if weights is None else np.asarray(weights, dtype=np.float64)[order],
        () if cohorts is None else tuple(cohorts[row] for row in order.tolist()),
    )


def _problem(data: _Data) -> str:
    """Return why these leads are too few to learn from, or nothing."""
    count, hits = len(data.outcomes), int(data.outcomes.sum())
    if count < LEAST_ROWS:
        return (
            f"{count} leads with a known outcome are too few to learn from: {LEAST_ROWS} are needed. Import "
            "older leads, or wait until more are decided."
        )
    if hits == 0 or hits == count:
        return (
            f"All {count} leads ended alike ({'converted' if hits else 'none converted'}): both outcomes are "
            "needed to tell them apart."
        )
    if min(hits, count - hits) < LEAST_RARE:
        return (
            f"{hits} of {count} leads converted: {LEAST_RARE} of each outcome are needed to learn from. "
            "Import older leads, or wait until more are decided."
        )
    if not varying(data.matrix):
        return "Every feature is the same for all leads: there is nothing to tell them apart by."
    return ""


def _train(
    data: _Data,
    *,
    names: tuple[str, ...],
    pillars: tuple[Pillar, ...],
    seed: int,
    feature_version: str,
    version: str,
    prior: Trained | None,
    monotone: Sequence[int] | None,
) -> Trained:
    matrix, outcomes = data.matrix, data.outcomes
    bounds = fold_bounds(data.times)
    past = past_of(data.times, data.known_at, bounds)
    inner, held, before = within(bounds), outcomes[bounds[0] :], inner_past(past, bounds[0])
    timely = clocks(matrix, varying(matrix))
    how = Learning(seed, None if monotone is None else tuple(monotone), timely)
    choice = compete(matrix, outcomes, data.times, data.known_at, data.weights, how)
    recipe = choice.recipe
    margins = forward_margins(recipe, matrix, outcomes, bounds, past, data.weights, how)
    learner = learn(recipe, matrix, outcomes, data.weights, how)
    share, pools, levels = 1.0, dict[str, float](), None
    told_levels: dict[str, Any] = {}
    if prior is not None:
        learner, margins, share, pools = _pooled(data, learner, margins, bounds, past, prior)
        learner, margins, levels, told_levels = _leveled(data, learner, margins, bounds, past, share)
    if levels is not None:
        matrix = np.hstack([matrix, levels.encode(data.cohorts)])
        names, pillars = (*names, *levels.names), (*pillars, *[OWN] * len(levels.names))
    manner, losses = calibration.choose(margins, held, inner, before)
    calibrator = manner.fit(margins, held)
    said = calibration.forward(manner, margins, held, inner, before)
    judged = slice(inner[1] if len(inner) > 2 else 0, None)
    adapts, gain = _adapts(manner, margins, held, inner, before)
    base_rate = float(calibrator.apply(margins).mean())
    constant = _constant(outcomes, bounds, past)
    groups = None if data.groups is None else data.groups[bounds[0] :][judged]
    verdict = _verdict(held[judged], said[judged], constant[judged], groups, seed)
    used = tuple(j for j in range(len(names)) if j in _columns(learner))
    model = Trained(
        version=version,
        feature_version=feature_version,
        names=names,
        features=tuple((names[j], pillars[j]) for j in used),
        used=used,
        learner=learner,
        calibrator=calibrator,
        band=_band(manner, margins, held, seed),
        base_rate=base_rate,
        own_share=share,
        adapts=adapts,
        verdict=verdict,
        levels=levels,
    )
    told = report.describe(
        model,
        report.Forward(
            matrix, outcomes, data.times, data.segments, bounds, said, constant, past, data.groups
        ),
        seed=seed,
    )
    told["recipe"] = recipe.name
    told["reference"] = {names[j]: reference(matrix[:, j]).as_json() for j in used}
    told["candidates"] = choice.losses
    told["clocks"] = [names[j] for j in sorted(timely)]
    told["calibration"] = {"chosen": manner.name, "log_loss": losses, "shift_gain": gain, "adapts": adapts}
    told["pooling"] = {"own_share": share, "log_loss": pools} | told_levels
    return replace(model, metrics=told)


def _pooled(
    data: _Data, learner: Learner, margins: Values, bounds: Sequence[int], past: Past, prior: Trained
) -> tuple[Learner, Values, float, dict[str, float]]:
    """Blend one's own model with the market's; return it, its forward margins, one's share, and the choice.

    Both enter as calibrated log odds. One's own weighs n/(n + k), n being what a model learned from.
    """
    inner, held, before = within(bounds), data.outcomes[bounds[0] :], inner_past(past, bounds[0])
    manner, _ = calibration.choose(margins, held, inner, before)
    own = calibration.logit(calibration.forward(manner, margins, held, inner, before))
    market = Calibrated(widened(prior.learner, data.matrix.shape[1]), prior.calibrator)
    theirs = market.margins(data.matrix[bounds[0] :])
    known = np.repeat([len(rows) for rows in past], np.diff(bounds)).astype(np.float64)
    first = inner[1] if len(inner) > 2 else 0
    losses, blends = dict[str, float](), dict[float, Values]()
    for pool in POOLS:
        weight = known / np.maximum(known + pool, 1.0)
        blends[pool] = weight * own + (1.0 - weight) * theirs
        losses[f"{pool:g}"] = metrics.log_loss(held[first:], calibration.sigmoid(blends[pool])[first:])
    best = min(POOLS, key=lambda pool: losses[f"{pool:g}"])
    share = len(data.outcomes) / (len(data.outcomes) + best)
    mine = Calibrated(learner, manner.fit(margins, held))
    if share == 1.0:
        return Blend((1.0,), (mine,)), blends[best], share, losses
    return Blend((share, 1.0 - share), (mine, market)), blends[best], share, losses


def _leveled(
    data: _Data, learner: Learner, margins: Values, bounds: Sequence[int], past: Past, share: float
) -> tuple[Learner, Values, Levels | None, dict[str, Any]]:
    """Give segments and sources levels of their own in the blend, where that foretells later leads better.

    Return it, its forward margins, the levels, and what is told of them; all as it was where it does not.
    """
    levels = choose_levels(data.cohorts, data.leads) if data.cohorts else Levels(())
    if not levels.levels:
        return learner, margins, None, {}
    begin = bounds[0]
    held, outcomes, leads = levels.encode(data.cohorts[begin:]), data.outcomes[begin:], data.leads[begin:]
    inner, before = within(bounds), inner_past(past, begin)
    pooled = pooling.choose(held, margins, outcomes, leads, inner, before)
    told = {
        "levels": {
            "pool": pooled.pool,
            "log_loss": pooled.losses,
            "rows": pooling.tell(levels, pooled, held, outcomes, leads, share),
        }
    }
    if pooled.pool is None:
        return learner, margins, None, told
    width = data.matrix.shape[1] + len(levels.names)
    nothing = np.zeros(len(levels.names))
    added = Additive(
        columns=tuple(range(data.matrix.shape[1], width)),
        width=width,
        start=0.0,
        slopes=pooled.heights,
        centres=nothing,
        lows=nothing,
        highs=nothing + 1.0,
    )
    wide = widened(learner, width)
    return Blend((1.0, 1.0), (wide, added)), margins + pooled.shifts, levels, told


def _constant(outcomes: Flags, bounds: Sequence[int], past: Past) -> Values:
    """Return what one who knows only the past base rate says of each row from the first fold on."""
    rates = [(outcomes[rows].sum() + 0.5) / (len(rows) + 1.0) for rows in past]
    return np.repeat(rates, np.diff(bounds)).astype(np.float64)


def _verdict(outcomes: Flags, said: Values, constant: Values, groups: Groups | None, seed: int) -> Verdict:
    """Return whether later leads were told apart, and better than by the base rate; both beyond chance."""
    ranked = metrics.interval(outcomes, said, metrics.auc, seed=seed, groups=groups)
    saved = metrics.log_losses(outcomes, constant) - metrics.log_losses(outcomes, said)
    gained = metrics.mean_interval(saved, seed=seed, groups=groups)
    return "signal" if ranked.low > 0.5 and gained.low > 0.0 else "no signal"


def _adapts(
    manner: Manner, margins: Values, outcomes: Flags, bounds: Sequence[int], past: Past
) -> tuple[bool, float]:
    """Return whether a base rate learned from each fold's leads alone would have helped, and by how much."""
    saved = list[Values]()
    for begin, end, rows in zip(bounds[1:-1], bounds[2:], past[1:], strict=True):
        seen = outcomes[rows]
        if seen.all() or not seen.any():
            continue
        calibrator = manner.fit(margins[rows], seen)
        rate = float(calibrator.apply(margins[rows]).mean())
        told = calibrator.log_odds(margins[begin:end])
        by = calibration.prior_shift(told, rate)
        before = metrics.log_losses(outcomes[begin:end], calibration.sigmoid(told))
        saved.append(before - metrics.log_losses(outcomes[begin:end], calibration.sigmoid(told + by)))
    gain = float(np.concatenate(saved).mean()) if saved else 0.0
    return gain > ADAPT_GAIN, gain


def _band(manner: Manner, margins: Values, outcomes: Flags, seed: int) -> Band:
    """Return the 95% interval of the calibrated log odds, from calibrations of resampled runs of leads."""
    step = -(-len(margins) // BAND_ROWS)
    margins, outcomes = margins[::step], outcomes[::step]
    points = np.unique(np.quantile(margins, np.linspace(0.0, 1.0, BAND_POINTS)))
    rng = np.random.default_rng(seed)
    way = Manner("beta") if manner.kind == "identity" else manner
    blocks = np.array_split(np.arange(len(margins)), min(BLOCKS, len(margins)))
    found = list[Values]()
    for _ in range(BAND_ROUNDS):
        taken = np.concatenate([blocks[i] for i in np.sort(rng.integers(0, len(blocks), len(blocks)))])
        seen = outcomes[taken]
        if seen.any() and not seen.all():
            found.append(way.fit(margins[taken], seen).log_odds(points))
    lows, highs = np.quantile(np.stack(found), (0.025, 0.975), axis=0)
    return Band(
        tuple(points.tolist()),
        tuple(np.maximum.accumulate(lows).tolist()),
        tuple(np.maximum.accumulate(highs).tolist()),
    )


def _columns(learner: Learner) -> frozenset[int]:
    """Return the columns a learner looks at."""
    if isinstance(learner, Blend):
        return frozenset[int]().union(*(_columns(one) for one in learner.learners))
    if isinstance(learner, Calibrated):
        return _columns(learner.learner)
    columns: Any = getattr(learner, "columns", ())
    return frozenset(columns)
