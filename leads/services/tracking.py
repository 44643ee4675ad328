"""Log trained versions to MLflow, where MLFLOW_TRACKING_URI names a server; the library is optional."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

from leads.models import ModelVersion

logger = logging.getLogger(__name__)

MEASURED = ("forward", "baselines")


def log_version(version: ModelVersion) -> str:
    """Log a version as a run and a registered version; return the run's id, empty where nothing was logged.

    The registry of Hearthline's own is what serves: that MLflow cannot be reached stops no training.
    """
    if not settings.MLFLOW_TRACKING_URI:
        return ""
    try:
        from mlflow import MlflowClient  # optional, and slow to import: only those who ask for it pay
    except ImportError:
        logger.error("MLFLOW_TRACKING_URI is set but mlflow is missing: run `pip install mlflow-skinny`")
        return ""
    try:
        return _log(MlflowClient(tracking_uri=settings.MLFLOW_TRACKING_URI), version)
    except Exception:  # whatever a server elsewhere does: the version is kept here, and it is told
        logger.exception("version not logged to MLflow", extra={"model_version": version.name})
        return ""


def _log(client: Any, version: ModelVersion) -> str:
    name = f"hearthline-{version.engine}"
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found is not None else client.create_experiment(name)
    tags = {"version": version.name, "state": version.state, "sha256": version.sha256}
    run = client.create_run(experiment, run_name=version.name, tags=tags).info
    for key, value in _params(version).items():
        client.log_param(run.run_id, key, value)
    for key, figure in _figures(version.metrics):
        client.log_metric(run.run_id, key, figure)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.zip"
        path.write_bytes(bytes(version.artifact))
        client.log_artifact(run.run_id, str(path), "model")
    client.set_terminated(run.run_id)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    client.create_model_version(name, source=f"{run.artifact_uri}/model", run_id=run.run_id, tags=tags)
    return str(run.run_id)


def _params(version: ModelVersion) -> dict[str, Any]:
    return {
        "tenant": version.tenant_id or "market",
        "target": version.target,
        "recipe": version.kind,
        "feature_version": version.feature_version,
        "features": len(version.features),
        "seed": version.seed,
        "leads": version.leads,
        "rows": version.rows,
        "positives": version.positives,
        "data_from": version.data_from.isoformat(),
        "data_until": version.data_until.isoformat(),
    }


def _figures(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the measures of a version and of its baselines, with the ends of their intervals."""
    for group in MEASURED:
        yield from _numbers(group, told.get(group, {}))


def _numbers(path: str, told: object) -> Iterator[tuple[str, float]]:
    if isinstance(told, Mapping):
        for key, value in told.items():
            yield from _numbers(f"{path}.{key}", value)
    elif isinstance(told, int | float):
        yield path, float(told)
