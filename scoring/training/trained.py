"""A trained model: what the engine asks of it, and how it is kept.

It is kept as a zip archive of JSON and XGBoost's own format. Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from leads.errors import DomainError
from leads.ml import calibration
from leads.ml.boosting import Booster
from leads.ml.calibration import Calibrator
from leads.ml.features import FeatureVector
from leads.ml.metrics import Values
from scoring.cohorts import Levels, cohort_of
from scoring.engine import Pillar
from scoring.own import OwnFields
from scoring.training.learners import Additive, Blend, Calibrated, Learner, Trees, additive_from_bytes

FORMAT = 1
CARD = "model.json"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time written on every member, so that the same model has the same bytes."""

Verdict = Literal["signal", "no signal"]


class TrainingError(DomainError):
    """These leads cannot be learned from; the message says why and what would help."""


class ModelRefused(DomainError):
    """A stored model is not the one asked for, or is damaged."""


class ChecksumMismatch(ModelRefused):
    """The bytes are not those that were stored."""


class FeatureVersionMismatch(ModelRefused):
    """The model was trained on features of another version."""


@dataclass(frozen=True, slots=True)
class Band:
    """The 95% interval of the calibrated log odds along the margin (arrays of like length)."""

    margins: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True)
class Trained:
    """A trained model; satisfies `scoring.engine.Model`."""

    version: str
    feature_version: str
    names: tuple[str, ...]
    features: tuple[tuple[str, Pillar], ...]
    used: tuple[int, ...]
    learner: Learner
    calibrator: Calibrator
    band: Band
    base_rate: float
    own_share: float
    adapts: bool
    verdict: Verdict
    metrics: Mapping[str, Any] = field(default_factory=dict)
    own: OwnFields | None = None
    """How the tenant's own fields become features after the catalogue's; none where it learned from none."""
    levels: Levels | None = None
    """The segments and sources that are the last of the features; none where it tells none apart."""

    @property
    def further(self) -> tuple[str, ...]:
        """Return the names of the features that are not the catalogue's."""
        own = () if self.own is None else self.own.names
        return own if self.levels is None else (*own, *self.levels.names)

    def matrix(self, vectors: Sequence[FeatureVector]) -> Values:
        """Return the features (n, k) this model looks at."""
        parts = [np.stack([vector.values for vector in vectors])]
        if self.own is not None:
            held, at = [vector.custom for vector in vectors], [vector.at for vector in vectors]
            parts.append(self.own.encode(held, at))
        if self.levels is not None:
            parts.append(self.levels.encode([cohort_of(vector) for vector in vectors]))
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    def explain(self, matrix: Values) -> tuple[float, Values]:
        """Return the margin at the start, and each feature's margin (rows) for each lead (columns)."""
        self._check(matrix)
        start, parts = self.learner.contributions(matrix)
        return start, parts[list(self.used)]

    def margins(self, matrix: Values) -> Values:
        """Return the margin of each lead (n,) of a matrix (n, k), without explaining it."""
        self._check(matrix)
        return self.learner.margins(matrix)

    def probability(self, margin: Values) -> Values:
        """Return the calibrated probability of a total margin; never falling."""
        return self.calibrator.apply(margin)

    def interval(self, margin: Values) -> tuple[Values, Values]:
        """Return the ends of the 95% interval of the probability of a total margin; neither ever falls.

        It says how sure the calibration is: the rate at which leads of this score convert.
        """
        middle = self.calibrator.log_odds(margin)
        low = np.interp(margin, self.band.margins, self.band.lows) + self.calibrator.shift
        high = np.interp(margin, self.band.margins, self.band.highs) + self.calibrator.shift
        return calibration.sigmoid(np.minimum(low, middle)), calibration.sigmoid(np.maximum(high, middle))

    def predict(self, matrix: Values) -> Values:
        """Return the probability of each lead (n,) of a matrix (n, k)."""
        return self.probability(self.margins(matrix))

    def adapted(self, matrix: Values) -> Trained:
        """Return the model for the base rate of these leads, whose outcomes nobody knows yet.

        A model whose forward validation was not the better for it is returned as it is.
        """
        if not self.adapts or len(matrix) == 0:
            return self
        by = calibration.prior_shift(self.calibrator.log_odds(self.margins(matrix)), self.base_rate)
        return replace(self, calibrator=self.calibrator.shifted(by))

    def _check(self, matrix: Values) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != len(self.names):
            raise ValueError(f"A matrix of {len(self.names)} features a lead is needed, not {matrix.shape}.")

    def to_bytes(self) -> bytes:
        """Return the model as bytes; the same model gives the same bytes."""
        blobs: dict[str, bytes] = {}
        card = {
            "format": FORMAT,
            "version": self.version,
            "feature_version": self.feature_version,
            "names": list(self.names),
            "features": [[name, pillar.value] for name, pillar in self.features],
            "used": list(self.used),
            "learner": _store(self.learner, blobs),
            "calibrator": self.calibrator.as_json(),
            "band": {
                "margins": list(self.band.margins),
                "lows": list(self.band.lows),
                "highs": list(self.band.highs),
            },
            "base_rate": self.base_rate,
            "own_share": self.own_share,
            "adapts": self.adapts,
            "verdict": self.verdict,
            "metrics": self.metrics,
        }
        if self.own is not None:
            card["own"] = self.own.as_json()
        if self.levels is not None:
            card["levels"] = self.levels.as_json()
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {CARD: json.dumps(card).encode(), **blobs}.items():
                archive.writestr(
                    zipfile.ZipInfo(name, EPOCH), data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=6
                )
        return target.getvalue()

    @staticmethod
    def from_bytes(data: bytes, *, sha256: str, feature_version: str) -> Trained:
        """Return the model `to_bytes` wrote, or raise what is wrong with it."""
        found = hashlib.sha256(data).hexdigest()
        if found != sha256.lower():
            raise ChecksumMismatch(
                f"The stored model has the checksum {found[:12]}…, {sha256[:12]}… was recorded: it was "
                "changed or cut short. Train again, or roll back to another version.",
                "checksum",
            )
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            card: Mapping[str, Any] = json.loads(members[CARD])
            return _restore(card, members, feature_version)
        except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ModelRefused(
                "The stored model cannot be read: it is no model of this program. Train again, or roll back "
                "to another version.",
                "model",
            ) from error


def _restore(card: Mapping[str, Any], members: Mapping[str, bytes], feature_version: str) -> Trained:
    if card["format"] != FORMAT:
        raise ModelRefused(
            f"The stored model has the format {card['format']}, this program reads {FORMAT}. Train again.",
            "model",
        )
    if card["feature_version"] != feature_version:
        raise FeatureVersionMismatch(
            f"The stored model was trained on features of version {card['feature_version']}, "
            f"{feature_version} is in use. Train again.",
            "feature_version",
        )
    names = tuple(card["names"])
    band = card["band"]
    own = OwnFields.from_json(card["own"]) if "own" in card else None
    levels = Levels.from_json(card["levels"]) if "levels" in card else None
    model = Trained(
        version=card["version"],
        feature_version=card["feature_version"],
        names=names,
        features=tuple((name, Pillar(pillar)) for name, pillar in card["features"]),
        used=tuple(int(j) for j in card["used"]),
        learner=_read(card["learner"], members, len(names)),
        calibrator=Calibrator.from_json(card["calibrator"]),
        band=Band(tuple(band["margins"]), tuple(band["lows"]), tuple(band["highs"])),
        base_rate=float(card["base_rate"]),
        own_share=float(card["own_share"]),
        adapts=bool(card["adapts"]),
        verdict=card["verdict"],
        metrics=card["metrics"],
        own=own,
        levels=levels,
    )
    if model.further and names[-len(model.further) :] != model.further:
        raise ValueError("The fields of the tenant, its segments and its sources do not make these features.")
    return model


def _store(learner: Learner, blobs: dict[str, bytes]) -> dict[str, Any]:
    """Return how the learner is built, its figures put among the blobs."""
    if isinstance(learner, Blend):
        return {
            "kind": "blend",
            "weights": list(learner.weights),
            "parts": [_store(one, blobs) for one in learner.learners],
        }
    if isinstance(learner, Calibrated):
        return {
            "kind": "calibrated",
            "calibrator": learner.calibrator.as_json(),
            "part": _store(learner.learner, blobs),
        }
    if not isinstance(learner, Trees | Additive):
        raise TypeError(f"{type(learner).__name__} cannot be stored.")
    kind = "trees" if isinstance(learner, Trees) else "additive"
    name = f"{kind}-{len(blobs)}." + ("ubj" if kind == "trees" else "json")
    blobs[name] = learner.to_bytes()
    return {"kind": kind, "columns": list(learner.columns), "file": name}


def _read(told: Mapping[str, Any], members: Mapping[str, bytes], width: int) -> Learner:
    """Return the learner `_store` wrote."""
    if told["kind"] == "blend":
        parts = tuple(_read(part, members, width) for part in told["parts"])
        return Blend(tuple(float(weight) for weight in told["weights"]), parts)
    if told["kind"] == "calibrated":
        return Calibrated(_read(told["part"], members, width), Calibrator.from_json(told["calibrator"]))
    columns: Sequence[int] = [int(j) for j in told["columns"]]
    data = members[told["file"]]
    if told["kind"] == "trees":
        return Trees(tuple(columns), width, Booster.from_bytes(data))
    return additive_from_bytes(data, columns, width)
