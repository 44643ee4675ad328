"""What weights serve and why, read for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads.figures import signed
from leads.models import Lead, Tenant
from leads.models.leads import Segment
from scoring.models import PersonalWeights, WeightSet, WeightSettings
from scoring.pillars import PILLAR_LABELS, Pillar
from scoring.selectors.proof import Figure
from scoring.selectors.scores import Explanation
from scoring.weights import PLAIN, Adjustment, Basis, combine

MARKET, PERSONAL = "market", "personal"
BASES = {
    Basis.OWN: "this segment's own",
    Basis.ALL: "as with all leads",
    Basis.PLAIN: "no difference proven",
}


@dataclass(frozen=True, slots=True)
class PillarWeight:
    """How strongly one part counts in one segment, and what that rests on."""

    label: str
    set_weight: float
    market: float
    weight: float
    estimate: float | None
    low: float | None
    high: float | None
    basis: str
    sentences: tuple[str, ...]

    @property
    def range_text(self) -> str:
        """Return the estimate's 95% interval; a dash where nothing was estimated."""
        if self.low is None or self.high is None:
            return "–"  # noqa: RUF001
        return f"{self.low:.2f}–{self.high:.2f}"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class SegmentWeights:
    """The weights of one segment."""

    name: str
    label: str
    leads: int | None
    came: int | None
    rows: tuple[PillarWeight, ...]

    @property
    def is_plain(self) -> bool:
        return all(row.weight == 1.0 for row in self.rows)

    @property
    def is_estimated(self) -> bool:
        """Whether any weight was learned, and not set by hand."""
        return any(row.estimate is not None for row in self.rows)


def serving_weights(tenant: Tenant) -> WeightSet | None:
    """Return the set that serves a tenant; None where that is the plain model."""
    rows = WeightSet.objects.filter(tenant=tenant, state=WeightSet.State.SERVING)
    return rows.select_related("made_by", "published_by").first()


def personal_weights(lead_ids: Iterable[int]) -> dict[int, Adjustment]:
    """Return what the past of leads does to their own weights."""
    rows = PersonalWeights.objects.filter(lead__in=list(lead_ids))
    return {row.lead_id: _adjustment(row) for row in rows}


def _adjustment(row: PersonalWeights) -> Adjustment:
    return Adjustment(
        {Pillar(name): value for name, value in row.multipliers.items()},
        {Pillar(name): told for name, told in row.reasons.items()},
    )


def weights_by_segment(row: WeightSet | None, market: Adjustment = PLAIN) -> list[SegmentWeights]:
    """Return the weights of all leads and of every segment of a set, turned by the market."""
    weights: Mapping[str, Mapping[str, float]] = row.weights if row is not None else {}
    evidence: Mapping[str, Any] = row.evidence if row is not None else {}
    names = ["", *(name for name in Segment.values if name in weights)]
    return [_segment(name, weights, evidence, market) for name in names]


def weight_reasons(lead: Lead, told: Explanation, market: Adjustment) -> list[str]:
    """Return, for each part of a score that did not count once, a sentence why."""
    name, *turned = told.weight_set.split("+")
    number = name.removeprefix("set-")
    row = (
        WeightSet.objects.filter(tenant_id=lead.tenant_id, number=number).first()
        if number.isdigit()
        else None
    )
    own = _of(row.weights, lead.segment) if row is not None else {}
    personal = personal_weights([lead.pk]).get(lead.pk, PLAIN) if PERSONAL in turned else PLAIN
    sentences = []
    for pillar, label, _, weight in told.pillars:
        if weight == 1.0 or pillar not in set(Pillar):
            continue
        causes = []
        if row is not None and own.get(pillar, 1.0) != 1.0:
            causes.append(_why(row, lead.segment, pillar, label, own[pillar]))
        if MARKET in turned and market.of(Pillar(pillar)) != 1.0:
            causes.append(market.reasons[Pillar(pillar)])
        if personal.of(Pillar(pillar)) != 1.0:
            causes.append(personal.reasons[Pillar(pillar)])
        sentences.append(" ".join(causes) or f"{label} counted {weight:.2f} times when this was scored.")
    return sentences


def _segment(
    name: str,
    weights: Mapping[str, Mapping[str, float]],
    evidence: Mapping[str, Any],
    market: Adjustment,
) -> SegmentWeights:
    own = {Pillar(pillar): value for pillar, value in _of(weights, name).items()}
    known = evidence.get("segments", {}).get(name, {})
    reasons = {
        pillar: known.get(pillar, {}).get("sentence") or f"Set by hand to {weight:g}."
        for pillar, weight in own.items()
        if weight != 1.0
    }
    parts = combine("", learned=own, learned_reasons=reasons, market=market).parts
    return SegmentWeights(
        name=name,
        label=str(Segment(name).label) if name else "All leads",
        leads=evidence.get("leads", {}).get(name),
        came=evidence.get("came", {}).get(name),
        rows=tuple(
            PillarWeight(
                label=PILLAR_LABELS[part.pillar],
                set_weight=part.learned,
                market=part.market,
                weight=part.weight,
                estimate=known.get(part.pillar, {}).get("estimate"),
                low=known.get(part.pillar, {}).get("low"),
                high=known.get(part.pillar, {}).get("high"),
                basis=BASES.get(known.get(part.pillar, {}).get("basis", ""), ""),
                sentences=part.reasons,
            )
            for part in parts
        ),
    )


def _of(weights: Mapping[str, Mapping[str, float]], segment: str) -> Mapping[str, float]:
    return weights.get(segment, weights.get("", {}))


def _why(row: WeightSet, segment: str, pillar: str, label: str, weight: float) -> str:
    segments = row.evidence.get("segments", {})
    told = segments.get(segment, segments.get("", {})).get(pillar, {})
    sentence: str = told.get("sentence", "")
    return sentence or f"{label} counts {weight:g} times: your broker set it by hand."


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of the scores without the weights and with them."""

    label: str
    plain: str
    weighted: str


@dataclass(frozen=True, slots=True)
class BackTest:
    """How right the scores of earlier leads were without a set's weights and with them."""

    leads: int
    came: int
    rows: int
    measures: tuple[Measure, ...]
    saved: Figure | None
    ece_change: float | None

    @property
    def verdict(self) -> str:
        """Say what the difference amounts to."""
        if self.saved is None or self.saved.low is None or self.saved.high is None:
            return "The rules claim no probability: only the order of leads is measured."
        if self.saved.low > 0:
            return "With the weights the scores foretold better, beyond chance."
        if self.saved.high < 0:
            return "With the weights the scores foretold worse, beyond chance."
        return "The weights make no difference beyond chance to how well the scores foretold."

    @property
    def change_percent(self) -> float | None:
        """Return by how many points of a hundred the calibration error grows."""
        return None if self.ece_change is None else 100.0 * self.ece_change


_MEASURES = (
    ("auc", "Ranks who came above who did not (AUC)", "number"),
    ("recall_top_20", "Reached by calling the best fifth", "percent"),
    ("log_loss", "Log loss, less is better", "number"),
    ("ece", "Scores are off by, on average", "percent"),
)


def back_test_of(row: WeightSet) -> BackTest | None:
    """Return what a set's preview measured on earlier leads; None where it measured nothing."""
    told = row.preview.get("back_test")
    if told is None:
        return None
    return BackTest(
        leads=told["leads"],
        came=told["came"],
        rows=told["rows"],
        measures=tuple(
            Measure(label, _written(told["plain"], name, form), _written(told["weighted"], name, form))
            for name, label, form in _MEASURES
            if name in told["plain"]
        ),
        saved=Figure(**told["saved"]) if "saved" in told else None,
        ece_change=told.get("ece_change"),
    )


def _written(told: Mapping[str, Any], name: str, form: str) -> str:
    """Return a measure with its interval."""
    figure = Figure.of(told, name)
    return f"{getattr(figure, form)} ({getattr(figure, form + '_range')})"


@dataclass(frozen=True, slots=True)
class PersonalFit:
    """What fitting weights to single leads gave last."""

    at: datetime
    leads: int
    turned: int
    tried: int
    saved: Figure

    @property
    def verdict(self) -> str:
        """Say what they are worth, tried on each lead's last week."""
        if self.saved.low is None or self.saved.high is None:
            return "There is too little to try them on."
        if self.saved.low > 0:
            return "They foretold the leads' last week better, beyond chance."
        if self.saved.high < 0:
            return "They foretold the leads' last week worse, beyond chance."
        return "They made no difference beyond chance to foretelling the leads' last week."

    @property
    def saved_text(self) -> str:
        """Return the log loss saved a lead, with its interval."""
        if self.saved.value is None or self.saved.low is None or self.saved.high is None:
            return "–"  # noqa: RUF001
        return f"{signed(self.saved.value, 4)} ({signed(self.saved.low, 4)} to {signed(self.saved.high, 4)})"


def personal_fit_of(settings: WeightSettings) -> PersonalFit | None:
    """Return what fitting weights to single leads gave last; None before the first time."""
    told = settings.personal
    if "at" not in told:
        return None
    return PersonalFit(
        at=datetime.fromisoformat(told["at"]),
        leads=told["leads"],
        turned=told["turned"],
        tried=told.get("tried", 0),
        saved=Figure(**told["saved"]) if "saved" in told else Figure(None),
    )
