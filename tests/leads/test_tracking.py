"""Trained versions are logged to MLflow as well, where its address is set; it never stops a training."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from leads.models import ModelVersion
from leads.services.tracking import log_version
from tests.factories import ModelVersionFactory

pytestmark = pytest.mark.django_db

METRICS = {
    "verdict": "signal",
    "forward": {"auc": {"value": 0.81, "low": 0.77, "high": None}},
    "graded": {"scores": [41.0], "came": [1]},
}


@pytest.fixture
def version() -> ModelVersion:
    row: ModelVersion = ModelVersionFactory(metrics=METRICS, state="serving")
    return row


def test_without_an_address_nothing_is_logged(version: ModelVersion) -> None:
    assert log_version(version) == ""


def test_that_the_library_is_missing_is_told(
    version: ModelVersion,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.MLFLOW_TRACKING_URI = "https://mlflow.example"
    monkeypatch.setitem(sys.modules, "mlflow", None)

    assert log_version(version) == ""
    assert [(one.levelno, "pip install mlflow-skinny" in one.message) for one in caplog.records] == [
        (logging.ERROR, True)
    ]


def test_a_version_is_a_run_and_a_registered_version(
    version: ModelVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: it is optional")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    settings.MLFLOW_TRACKING_URI = tmp_path.as_uri()
    first = log_version(version)
    log_version(version)
    client = mlflow.MlflowClient(tracking_uri=tmp_path.as_uri())
    run = client.get_run(first)

    assert run.data.metrics == {"forward.auc.value": 0.81, "forward.auc.low": 0.77}
    assert run.data.params["leads"] == str(version.leads)
    assert run.data.tags["sha256"] == version.sha256
    assert [row.tags["version"] for row in client.search_model_versions("name = 'hearthline-scores'")] == [
        version.name,
        version.name,
    ]


def test_a_server_that_fails_stops_nothing(
    version: ModelVersion, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed: it is optional")
    settings.MLFLOW_TRACKING_URI = "nonsense://nowhere"

    assert log_version(version) == ""
    assert "version not logged to MLflow" in caplog.text
