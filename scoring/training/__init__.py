"""Learn from the tenant's own history how likely leads are to transact; pure."""

from scoring.training.fit import train
from scoring.training.trained import (
    ChecksumMismatch,
    FeatureVersionMismatch,
    ModelRefused,
    Trained,
    TrainingError,
)

__all__ = [
    "ChecksumMismatch",
    "FeatureVersionMismatch",
    "ModelRefused",
    "Trained",
    "TrainingError",
    "train",
]
