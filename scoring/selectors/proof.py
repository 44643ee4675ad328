"""Whether the score is right: a version's figures on leads it had not seen, read for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leads.ml import custom
from leads.ml.catalogue import BY_NAME
from leads.models import ModelRun, ModelVersion, Tenant
from leads.models.leads import Segment
from scoring.outcomes import WORDS
from scoring.pillars import PILLAR_LABELS, Pillar

ENGINE = ModelVersion.Engine.SCORES
MOST_FEATURES = 12
MOST_SOURCES = 12
NO_SEGMENT = "none"
"""Stands in an address for the leads without a segment."""
BASELINES = {
    "constant": "The usual rate alone",
    "naive_bayes": "Naive Bayes",
    "logistic": "Logistic regression",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure and the ends of its 95% interval; None where it could not be computed."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any], name: str) -> Figure:
        return cls(**told[name]) if name in told else cls(None)

    @property
    def number(self) -> str:
        return _told("{:.3f}", self.value)

    @property
    def number_range(self) -> str:
        return _told("{:.3f}–{:.3f}", self.low, self.high)  # noqa: RUF001

    @property
    def percent(self) -> str:
        return _told("{:.1%}", self.value)

    @property
    def percent_range(self) -> str:
        return _told("{:.1%}–{:.1%}", self.low, self.high)  # noqa: RUF001


def _told(form: str, *values: float | None) -> str:
    """Return figures as text; a dash where one could not be computed."""
    return "–" if None in values else form.format(*values)  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Line:
    """One predictor's measures: ours, or a baseline's."""

    label: str
    auc: Figure
    log_loss: Figure
    ece: Figure
    reached: Figure
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Reliability:
    """Leads of one range of scores: what was said and what came, with its interval."""

    count: int
    said: float
    happened: float
    low: float
    high: float

    @property
    def is_off(self) -> bool:
        """Tell whether what was said lies outside the interval of what came."""
        return not self.low <= self.said <= self.high

    @property
    def said_text(self) -> str:
        return f"{self.said:.1%}"

    @property
    def happened_text(self) -> str:
        return f"{self.happened:.1%}"

    @property
    def range_text(self) -> str:
        return f"{self.low:.1%}–{self.high:.1%}"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Gain:
    """What calling the best-scored share of the leads would have reached."""

    share: float
    count: int
    rate: float
    lift: float | None
    reached: float | None


@dataclass(frozen=True, slots=True)
class Weighty:
    """A feature and its mean share in the scores, the greatest being 100."""

    label: str
    pillar: str
    percent: float


@dataclass(frozen=True, slots=True)
class Fold:
    """One stretch of time the model was tried on, having learned from what was known before it."""

    begins: datetime
    ends: datetime
    learned_from: int
    rows: int
    conversions: int
    auc: Figure
    ece: Figure


@dataclass(frozen=True, slots=True)
class SegmentProof:
    """The measures of one segment."""

    name: str
    label: str
    rows: int
    conversions: int
    auc: Figure
    ece: Figure


@dataclass(frozen=True, slots=True)
class Cohort:
    """A segment, or a source within it, in a blended model: how much of its level is the team's own data."""

    label: str
    within: str
    leads: int
    came: int
    own_percent: int
    odds: float

    @property
    def market_percent(self) -> int:
        return 100 - self.own_percent


@dataclass(frozen=True, slots=True)
class Pooling:
    """Segments and sources of a blended model, segments first; `pool` leads are what a parent is worth."""

    pool: float | None
    cohorts: list[Cohort]


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything a page tells of how a version did on leads whose outcome it had not seen."""

    version: ModelVersion
    target: str
    lines: list[Line]
    reached: Figure
    reliability: list[Reliability]
    gains: list[Gain]
    importance: list[Weighty]
    folds: list[Fold]
    segments: list[SegmentProof]
    segment: SegmentProof | None
    own_share: float
    pooling: Pooling | None
    rows: int
    conversions: int

    @property
    def ours(self) -> Line:
        return self.lines[0]

    @property
    def own_percent(self) -> int:
        """Return how much of what was said rests on the team's own leads; the rest is the market's."""
        return round(100 * self.own_share)

    @property
    def market_percent(self) -> int:
        return 100 - self.own_percent


def proof_of(version: ModelVersion, *, segment: str | None = None) -> Proof | None:
    """Return the proof of a version, of one segment's leads if asked for; None where nothing was measured.

    The empty segment holds the leads without one; a segment with too few leads is answered for by all.
    """
    told = version.metrics
    if "forward" not in told:
        return None
    parts = told.get("segments", {})
    shown = parts.get(segment) if segment is not None else None
    source = shown if shown is not None else told
    ours = shown if shown is not None else told["forward"]
    segments = [_segment(key, part) for key, part in sorted(parts.items())]
    baselines = {} if shown is not None else told.get("baselines", {})
    return Proof(
        version=version,
        target=WORDS[version.target].plural if version.target in WORDS else version.target,
        lines=[
            _line("This model", ours, is_ours=True),
            *(_line(BASELINES[name], baselines[name]) for name in BASELINES if name in baselines),
        ],
        reached=Figure.of(ours, "recall_top_20"),
        reliability=[Reliability(**row) for row in source.get("reliability", [])],
        gains=[] if shown is not None else [Gain(**row) for row in told.get("gains", [])],
        importance=_importance(source.get("importance", [])),
        folds=[] if shown is not None else [_fold(row) for row in told.get("folds", [])],
        segments=segments,
        segment=next((one for one in segments if one.name == (segment or NO_SEGMENT)), None)
        if shown
        else None,
        own_share=float(told.get("own_share", 1.0)),
        pooling=_pooling(told.get("pooling", {}).get("levels")),
        rows=sum(row["count"] for row in source.get("reliability", [])),
        conversions=round(sum(row["count"] * row["happened"] for row in source.get("reliability", []))),
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """How leads of late differ from those a version learned from."""

    at: str
    rows: int
    features: int
    drifted: list[tuple[str, float]]
    odds: float
    """What the odds of every lead are multiplied with, for the base rate they seem to have now."""

    @property
    def is_shifted(self) -> bool:
        return abs(self.odds - 1.0) >= 0.005


def watched_of(version: ModelVersion) -> Watched | None:
    """Return how leads of late differ; None before it was looked at."""
    told = version.watched
    if not told:
        return None
    return Watched(
        at=told["at"],
        rows=told["rows"],
        features=told.get("features", 0),
        drifted=[(_called(one["feature"]), one["index"]) for one in told.get("drifted", [])],
        odds=math.exp(version.shift),
    )


@dataclass(frozen=True, slots=True)
class Unseen:
    """How a version in shadow did beside what served, on the same leads."""

    at: str
    scored: int
    other_tier: int
    known: int
    came: int
    auc: Figure
    standing_auc: Figure
    off_by: Figure
    standing_off_by: Figure
    saved: Figure

    @property
    def is_measured(self) -> bool:
        return self.auc.value is not None

    @property
    def is_better(self) -> bool | None:
        """Tell whether it was surely better or worse by log loss; None where that is open."""
        if self.saved.low is None or self.saved.high is None or self.saved.low <= 0 <= self.saved.high:
            return None
        return self.saved.low > 0


def shadow_of(version: ModelVersion) -> Unseen | None:
    """Return how a version in shadow did; None before it was looked at first."""
    told = version.shadow
    if not told:
        return None
    ours, theirs = told.get("shadow", {}), told.get("standing", {})
    return Unseen(
        at=told["at"],
        scored=told["scored"],
        other_tier=told["other_tier"],
        known=told["known"],
        came=told["came"],
        auc=Figure.of(ours, "auc"),
        standing_auc=Figure.of(theirs, "auc"),
        off_by=Figure.of(ours, "ece"),
        standing_off_by=Figure.of(theirs, "ece"),
        saved=Figure.of(told, "saved"),
    )


def serving_version(tenant: Tenant) -> ModelVersion | None:
    """Return the version that scores a tenant's leads: its own, else the market's."""
    rows = ModelVersion.objects.serving().filter(engine=ENGINE).defer("artifact")
    return rows.filter(tenant=tenant).first() or rows.filter(tenant=None).first()


def newest_version(tenant: Tenant) -> ModelVersion | None:
    """Return the version trained last on a tenant's own leads."""
    return ModelVersion.objects.for_tenant(tenant).filter(engine=ENGINE).defer("artifact").first()


def newest_run(tenant: Tenant, work: str) -> ModelRun | None:
    """Return the long work of a kind that was begun last."""
    return ModelRun.objects.filter(tenant=tenant, engine=ENGINE, work=work).first()


def _line(label: str, told: Mapping[str, Any], *, is_ours: bool = False) -> Line:
    return Line(
        label,
        Figure.of(told, "auc"),
        Figure.of(told, "log_loss"),
        Figure.of(told, "ece"),
        Figure.of(told, "recall_top_20"),
        is_ours,
    )


def _importance(rows: Sequence[Mapping[str, Any]]) -> list[Weighty]:
    shown = [row for row in rows[:MOST_FEATURES] if row["mean_abs"] > 0]
    most = max((row["mean_abs"] for row in shown), default=1.0)
    return [
        Weighty(
            _called(row["feature"]),
            PILLAR_LABELS[Pillar(row["pillar"])],
            round(100.0 * row["mean_abs"] / most, 1),
        )
        for row in shown
    ]


def _called(feature: str) -> str:
    return BY_NAME[feature].label if feature in BY_NAME else custom.label_of(feature)


def _fold(row: Mapping[str, Any]) -> Fold:
    return Fold(
        datetime.fromtimestamp(row["from"], tz=UTC),
        datetime.fromtimestamp(row["until"], tz=UTC),
        row["learned_from"],
        row["rows"],
        row["conversions"],
        Figure.of(row, "auc"),
        Figure.of(row, "ece"),
    )


def _pooling(told: Mapping[str, Any] | None) -> Pooling | None:
    """Return the segments, and the sources with the most leads; None where none were told apart."""
    if not told or not told["rows"]:
        return None
    segments = [row for row in told["rows"] if not row["source"]]
    sources = [row for row in told["rows"] if row["source"]]
    sources.sort(key=lambda row: -row["leads"])
    return Pooling(
        told["pool"],
        [
            Cohort(
                row["source"] or _segment_label(row["segment"]),
                _segment_label(row["segment"]) if row["source"] and segments else "",
                row["leads"],
                row["came"],
                round(100 * row["own_share"]),
                row["odds"],
            )
            for row in (*segments, *sources[:MOST_SOURCES])
        ],
    )


def _segment_label(key: str) -> str:
    return str(Segment(key).label) if key in Segment.values else "Without a segment"


def _segment(key: str, told: Mapping[str, Any]) -> SegmentProof:
    return SegmentProof(
        key or NO_SEGMENT,
        _segment_label(key),
        told["rows"],
        told["conversions"],
        Figure.of(told, "auc"),
        Figure.of(told, "ece"),
    )
