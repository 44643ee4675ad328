from __future__ import annotations

import pytest

from scoring.services import queries


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no worker: none runs beside these tests."""
    monkeypatch.setattr(queries, "PATIENCE_SECONDS", 0.0)
